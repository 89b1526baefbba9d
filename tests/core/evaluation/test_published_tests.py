import json
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from helpers.errors import DataError
from helpers.evaluation.multiple_testing import benjamini_hochberg
from helpers.evaluation.published_tests import welch_t, wilcoxon_published

RNG = np.random.default_rng(0)

# Adjusted p-values that the RefDNN reproduction printed for its nested cross-validation: RefDNN against
# each model, by metric.
METRICS = ("Accuracy", "AUCROC", "Precision", "Recall", "F1", "AUCPR")
PRINTED = {
    "CCLE": {
        "RefDNN-test": (0.090, 0.039, 0.035, 0.51, 0.090, 0.024),
        "Random Forest": (1.7e-10, 6.9e-7, 2.2e-10, 0.0092, 1.1e-9, 3.5e-7),
        "Elastic Net": (0.0019, 6.6e-9, 6.1e-4, 0.51, 0.13, 4.8e-8),
    },
    "GDSC": {
        "RefDNN-test": (4.0e-7, 7.5e-7, 2.0e-4, 0.37, 2.7e-5, 4.2e-6),
        "Random Forest": (3.8e-7, 3.8e-8, 4.9e-5, 0.0020, 1.2e-8, 8.5e-9),
        "Elastic Net": (0.0039, 3.9e-6, 0.0024, 0.69, 0.12, 2.1e-5),
    },
}


def printed_summary(dataset, model):
    """Mean, standard deviation and number of folds by metric, as the reproduction printed them."""
    records = json.loads(
        (Path(__file__).parents[3] / "data" / "refdnn" / "published.json").read_text(encoding="utf-8")
    )
    by_id = {r["id"]: (r["mean"], r["sd"], r["n"]) for r in records}
    return [by_id[f"{dataset}.nested_cv.{model}.{metric}"] for metric in METRICS]


@pytest.mark.parametrize("dataset", ["CCLE", "GDSC"])
def test_welch_and_benjamini_hochberg_reproduce_the_printed_p_values(dataset):
    others = PRINTED[dataset]
    refdnn = printed_summary(dataset, "RefDNN")
    raw = [
        stats.ttest_ind_from_stats(*a, *b, equal_var=False).pvalue
        for model in others
        for a, b in zip(refdnn, printed_summary(dataset, model), strict=True)
    ]
    adjusted = benjamini_hochberg(raw)
    # Printed to two digits.
    assert adjusted == pytest.approx(np.concatenate(list(others.values())), rel=0.06)


def test_welch_same_as_scipy():
    a, b = RNG.normal(size=5), RNG.normal(1, 3, size=7)
    expected = stats.ttest_ind(a, b, equal_var=False)
    result = welch_t(np.append(a, np.nan), b)
    assert result.p == pytest.approx(expected.pvalue)
    assert (result.low, result.high) == pytest.approx(tuple(expected.confidence_interval()))
    assert (result.difference, result.n) == (pytest.approx(a.mean() - b.mean()), 12)


def test_welch_can_drop_failed_folds():
    a, b = np.array([0.9, 0.8, 0.85]), np.array([0.5, 0.0, 0.6, 0.55])
    assert welch_t(a, b, drop_nonpositive=True).p == welch_t(a, b[b > 0]).p
    assert welch_t(a, b).n == 7


def test_welch_at_the_edges():
    assert np.isnan(welch_t([1.0], [1.0, 2.0]).p)
    assert welch_t([1.0, 1.0], [1.0, 1.0]).p == 1
    assert welch_t([1.0, 1.0], [0.5, 0.5]).p == 0


def test_wilcoxon_same_as_its_formula():
    """Normal approximation, tie-corrected variance, no continuity correction, zeros dropped."""
    d = np.array([1, -2, 3, 3, -1, 5, 0, 7, 2, 8]) / 8
    nonzero = d[d != 0]
    ranks = stats.rankdata(np.abs(nonzero))
    n = len(ranks)
    ties = np.unique(ranks, return_counts=True)[1]
    variance = n * (n + 1) * (2 * n + 1) / 24 - (ties**3 - ties).sum() / 48
    z = (ranks[nonzero > 0].sum() - n * (n + 1) / 4) / np.sqrt(variance)
    b = RNG.integers(0, 2, size=10)
    result = wilcoxon_published(np.append(d + b, np.nan), np.append(b, 1.0))
    assert result.p == pytest.approx(2 * stats.norm.sf(abs(z)), rel=1e-6)
    assert (result.n, result.difference) == (10, pytest.approx(np.median(d)))


@pytest.mark.parametrize(("n", "p"), [(23, 2.7e-5), (31, 1.2e-6)])
def test_wilcoxon_of_23_and_31_wins_gives_the_published_p(n, p):
    """RefDNN above both baselines in every cancer type: 2.7e-5 in CCLE, 1.2e-6 in GDSC."""
    result = wilcoxon_published(np.arange(1, n + 1) / 100, np.zeros(n))
    assert result.p == pytest.approx(p, rel=0.03)


def test_wilcoxon_marker_of_undefined_auroc_can_be_dropped():
    a, b = np.array([0.6, -0.999, 0.7, 0.8]), np.array([0.5, -0.999, 0.9, 0.4])
    assert wilcoxon_published(a, b, drop_nonpositive=True).n == 3
    assert wilcoxon_published(a, a).p == 1
    assert wilcoxon_published([np.nan], [1.0]).n == 0
    with pytest.raises(DataError, match="one length"):
        wilcoxon_published(a, b[:2])
