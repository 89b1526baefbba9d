import numpy as np
import pytest
from sklearn import metrics as sk

from helpers.errors import DataError
from helpers.studies.scdeal.metrics import (
    CELL_METRICS,
    auroc_by_line,
    cell_metrics,
    chance_levels,
    constant_f1,
    line_metrics,
    line_table,
)


def scored(seed, n=60):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, n)
    y[:2] = 0, 1
    return y, rng.integers(0, 11, n) / 10, rng.integers(0, 2, n)


@pytest.mark.parametrize("seed", range(5))
def test_same_as_sklearn(seed):
    y, score, predicted = scored(seed)
    report = sk.classification_report(y, predicted, output_dict=True)
    expected = {
        "Precision": report["weighted avg"]["precision"],
        "Recall": report["weighted avg"]["recall"],
        "F1": report["weighted avg"]["f1-score"],
        "F1 macro": report["macro avg"]["f1-score"],
        "F1 sensitive": report["1"]["f1-score"],
        "F1 resistant": report["0"]["f1-score"],
        "AUROC": sk.roc_auc_score(y, score),
        "AUROC hard": sk.roc_auc_score(y, predicted),
        "AP": sk.average_precision_score(y, score),
        "AMI": sk.adjusted_mutual_info_score(y, predicted),
        "ARI": sk.adjusted_rand_score(y, predicted),
        "MCC": sk.matthews_corrcoef(y, predicted),
    }
    found = cell_metrics(y, score, predicted)
    assert found == pytest.approx(expected, abs=1e-12)
    assert tuple(found) == CELL_METRICS


def test_hard_answer_defaults_to_half():
    y = np.array([0, 1, 1, 0])
    assert cell_metrics(y, [0.2, 0.9, 0.5, 0.4])["F1 sensitive"] == pytest.approx(2 / 3)


def test_opposite_labels_mirror_the_auroc_and_keep_ami():
    y, score, predicted = scored(3)
    one, other = cell_metrics(y, score, predicted), cell_metrics(1 - y, score, predicted)
    assert one["AUROC"] == pytest.approx(1 - other["AUROC"])
    assert one["AMI"] == pytest.approx(other["AMI"])


def test_one_class_leaves_ranking_undefined():
    found = cell_metrics(np.ones(4), [0.1, 0.2, 0.6, 0.9])
    assert np.isnan([found["AUROC"], found["AUROC hard"], found["AP"]]).all()
    assert found["Recall"] == 0.5


@pytest.mark.parametrize("share", [0.0, 0.3, 0.5, 0.9])
def test_constant_f1_same_as_best_constant_answer(share):
    y = (np.arange(1000) < 1000 * share).astype(int)
    best = max(cell_metrics(y, np.full(1000, answer))["F1"] for answer in (0.0, 1.0))
    assert constant_f1(share) == pytest.approx(best)
    assert chance_levels(y) == pytest.approx({"AP": share, "AUROC": 0.5, "F1": best})


def test_constant_f1_of_the_published_sets():
    """The class counts of the paper's sets give the constant answers that its grid is held against."""
    assert constant_f1(361 / 548) == pytest.approx(0.5233, abs=1e-4)
    assert constant_f1(734 / 1419) == pytest.approx(0.3526, abs=1e-4)


def test_lines_count_once():
    y = np.array([1] * 90 + [0] * 5 + [0] * 5)
    lines = np.array(["a"] * 90 + ["b"] * 5 + ["c"] * 5)
    predicted = np.array([1] * 90 + [1, 1, 1, 0, 0] + [0, 0, 0, 0, 1])
    table = line_table(y, predicted * 0.8, lines, predicted).set_index("line")
    assert table["majority"].to_dict() == {"a": 1, "b": 1, "c": 0}
    assert table.loc["b", "sensitive_share"] == pytest.approx(0.6)
    assert table["n"].sum() == 100
    assert cell_metrics(y, predicted, predicted)["Recall"] > 0.95
    assert line_metrics(y, predicted * 0.8, lines, predicted)["Recall"] == pytest.approx(2 / 3)


def test_bootstrap_by_line_is_wider_than_by_cell():
    rng = np.random.default_rng(0)
    label = rng.integers(0, 2, 12)
    lines = np.repeat(np.arange(12), 30)
    y = label[lines]
    scores = np.stack([y + rng.normal(0, 1, 12)[lines] + rng.normal(0, 0.1, 360) for _ in range(2)])
    by_line = auroc_by_line(y, scores, lines, 200)
    by_cell = auroc_by_line(y, scores, np.arange(360), 200)
    assert by_line.n == 12
    assert by_line.difference == pytest.approx(np.mean([sk.roc_auc_score(y, s) for s in scores]))
    assert by_line.high - by_line.low > 2 * (by_cell.high - by_cell.low)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: cell_metrics([], []), "non-empty"),
        (lambda: cell_metrics([0, 1], [0.5]), "one length"),
        (lambda: cell_metrics([0, np.nan], [0.5, 0.5]), "drop unlabelled cells"),
        (lambda: cell_metrics([0, 1], [0.5, np.nan]), "1 NaN of 2"),
        (lambda: cell_metrics([0, 1], [0.5, 0.5], [0, 2]), "hard answers"),
        (lambda: line_table([0, 1], [0.5, 0.5], ["a", "a"]), "both labels"),
        (lambda: line_table([0, 1], [0.5, 0.5], ["a"]), "each of 2 cells"),
        (lambda: constant_f1(1.2), "a number from 0 to 1"),
    ],
)
def test_unusable_input(call, message):
    with pytest.raises(DataError, match=message):
        call()
