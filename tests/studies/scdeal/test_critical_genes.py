import numpy as np
import pytest
from scipy import stats

from helpers.errors import DataError
from helpers.studies.scdeal.critical_genes import (
    chance_fraction,
    class_genes,
    critical_genes,
    either_side,
    module_check,
    shared_fraction,
)

GENES = np.array([f"G{i}" for i in range(60)])


def cells(seed=0, n=80, gap=2.0):
    """Genes 0-4 are high in class 1, genes 5-9 in class 0."""
    rng = np.random.default_rng(seed)
    y = np.repeat([0, 1], n // 2)
    x = rng.standard_normal((n, 60))
    x[:, :5] += gap * y[:, None]
    x[:, 5:10] -= gap * y[:, None]
    return x, y


def test_planted_genes_are_found_on_their_side():
    x, y = cells()
    lists = class_genes(x, y, GENES, 5)
    assert set(lists[1]) == set(GENES[:5])
    assert set(lists[0]) == set(GENES[5:10])


def test_order_and_threshold_same_as_one_gene_at_a_time():
    x, y = cells(gap=0.7)
    p = np.array(
        [stats.mannwhitneyu(x[y == 1, g], x[y == 0, g], method="asymptotic").pvalue for g in range(60)]
    )
    kept = {GENES[g] for g in np.flatnonzero(stats.false_discovery_control(p) <= 0.05)}
    lists = class_genes(x, y, GENES)
    assert set(lists[0]) | set(lists[1]) == kept
    assert lists[1] == sorted(lists[1], key=lambda name: p[list(GENES).index(name)])


def test_fold_and_share_filter():
    x, y = cells()
    x[:, 0] = np.where(x[:, 0] > 3.5, x[:, 0], 0)  # seen in few cells of class 1
    assert "G0" not in class_genes(x, y, GENES, min_share=0.5)[1]
    assert class_genes(x, y, GENES, min_fold=50) == {0: [], 1: []}


def test_critical_genes_find_planted_attributions_and_lose_their_sign():
    rng = np.random.default_rng(0)
    predicted = np.repeat([0, 1], 30)
    attributions = 1e-5 * np.abs(rng.standard_normal((60, 60)))
    attributions[predicted == 1, 3] -= 1e-4  # negative attribution, large in cells called sensitive
    assert critical_genes(attributions, predicted, GENES, 1)[1] == ["G3"]


def test_one_predicted_class_has_no_critical_genes():
    assert critical_genes(np.ones((6, 60)), np.ones(6), GENES) == {0: [], 1: []}
    assert class_genes(np.ones((6, 60)), np.tile([0, 1], 3), GENES) == {0: [], 1: []}
    assert np.isnan(shared_fraction({0: [], 1: []}, {0: ["G1"], 1: []}))


def test_shared_fraction_asks_for_the_same_class():
    reference = {0: ["a", "b"], 1: ["c", "d"]}
    assert shared_fraction({0: ["a", "x"], 1: ["c", "d"]}, reference) == 0.75
    assert shared_fraction({0: ["c"], 1: ["a"]}, reference) == 0
    assert shared_fraction({0: [], 1: ["c"]}, reference) == 1
    assert chance_fraction({0: ["a"], 1: ["c"]}, reference, 40) == 0.05


def test_random_lists_share_what_chance_says():
    rng = np.random.default_rng(0)
    reference = {0: GENES[:10].tolist(), 1: GENES[10:16].tolist()}
    found = [
        {0: rng.choice(GENES, 8, False).tolist(), 1: rng.choice(GENES, 8, False).tolist()} for _ in range(400)
    ]
    assert np.mean([shared_fraction(f, reference) for f in found]) == pytest.approx(
        chance_fraction(found[0], reference, 60), abs=0.01
    )


def test_two_groups_without_a_side_reach_half_at_most():
    x, y = cells()
    reference = class_genes(x, y, GENES, 5)
    assert either_side(x, y, GENES, reference, 5) == pytest.approx(0.5)
    assert shared_fraction(class_genes(x, y, GENES, 5), reference) == 1


def test_module_check_is_forced_by_the_prediction():
    x, y = cells(n=100)
    right = module_check(x, y, y, GENES, n=5, n_null=50)
    wrong = module_check(x, 1 - y, y, GENES, n=5, n_null=50)
    assert right["correlation"] == pytest.approx(1)
    assert right["null"] < 0.9
    assert wrong["correlation"] < -0.9
    assert right == module_check(x, y, y, GENES, n=5, n_null=50)


def test_module_check_of_one_class_is_undefined():
    x, y = cells()
    assert np.isnan(module_check(x, np.ones(80), y, GENES)["correlation"])


@pytest.mark.parametrize(
    ("values", "groups", "message"),
    [
        (np.ones((4, 60)), [0, 1, 2, 0], "groups 0 and 1"),
        (np.ones((4, 5)), [0, 1, 1, 0], "60 genes"),
        (np.full((4, 60), np.nan), [0, 1, 1, 0], "NaN"),
    ],
)
def test_unusable_input(values, groups, message):
    with pytest.raises(DataError, match=message):
        class_genes(values, np.array(groups), GENES)
