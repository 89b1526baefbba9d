import itertools

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.weightstats import DescrStatsW

from helpers.errors import DataError
from helpers.evaluation.metrics import weighted_metric
from helpers.evaluation.statistics import (
    cluster_bootstrap,
    corrected_resampled_t,
    mean_interval,
    median_interval,
    two_way_bootstrap,
    wilcoxon_exact,
)


def test_mean_interval_same_as_statsmodels():
    x = np.random.default_rng(0).normal(size=7)
    result = mean_interval(np.append(x, np.nan))
    assert (result.low, result.high) == pytest.approx(DescrStatsW(x).tconfint_mean())
    assert (result.difference, result.n) == (pytest.approx(x.mean()), 7)
    assert np.isnan(mean_interval([1.0]).low)
    assert mean_interval([]).n == 0


def test_corrected_t_without_overlap_is_the_plain_t_test():
    d = np.random.default_rng(1).normal(0.5, 1, 10)
    plain, result = stats.ttest_1samp(d, 0), corrected_resampled_t(d, 1e-12)
    assert result.p == pytest.approx(plain.pvalue)
    assert (result.low, result.high) == pytest.approx(tuple(plain.confidence_interval()))


def test_corrected_t_same_as_formula_over_seeds_and_folds():
    d = np.random.default_rng(2).normal(0.3, 1, (4, 5))
    result = corrected_resampled_t(d, 0.25)
    t = d.mean() / np.sqrt((1 / 20 + 0.25) * d.var(ddof=1))
    assert result.n == 20
    assert result.p == pytest.approx(2 * stats.t.sf(abs(t), 19))
    assert result.p > stats.ttest_1samp(d.ravel(), 0).pvalue


def test_corrected_t_keeps_its_level_where_the_plain_test_does_not():
    """Fold means that share a common error with correlation test/(test + train) = 0.2."""
    rng = np.random.default_rng(3)
    folds = np.sqrt(0.2) * rng.normal(size=(2000, 1)) + np.sqrt(0.8) * rng.normal(size=(2000, 5))
    corrected = np.mean([corrected_resampled_t(d, 0.25).p < 0.05 for d in folds])
    plain = np.mean(stats.ttest_1samp(folds, 0, axis=1).pvalue < 0.05)
    assert corrected == pytest.approx(0.05, abs=0.015)
    assert plain > 0.1


@pytest.mark.parametrize(("d", "p"), [([0.0, 0.0], 1.0), ([0.1, 0.1], 0.0)])
def test_equal_differences(d, p):
    result = corrected_resampled_t(d, 0.25)
    assert (result.p, result.low, result.high) == (p, d[0], d[0])


def test_too_few_differences_give_no_interval():
    assert np.isnan(corrected_resampled_t([0.1], 0.25).p)
    assert np.isnan(corrected_resampled_t([np.nan], 0.25).difference)


@pytest.mark.parametrize("ratio", [0, -1, np.nan])
def test_impossible_ratio_is_refused(ratio):
    with pytest.raises(DataError, match="test_fraction_ratio"):
        corrected_resampled_t([0.1, 0.2], ratio)


@pytest.mark.parametrize("n", [6, 11, 25])
def test_wilcoxon_same_as_scipy_without_ties(n):
    d = np.random.default_rng(n).normal(0.4, 1, n)
    assert wilcoxon_exact(d).p == pytest.approx(stats.wilcoxon(d, method="exact").pvalue)
    b = np.random.default_rng(n + 1).normal(size=n)
    assert wilcoxon_exact(d + b, b).p == pytest.approx(wilcoxon_exact(d).p)


@pytest.mark.parametrize("d", [[1, 1, -1, 2, 2, 3], [0, 0, 1, -2, 2, 5, 5], [1, 1, 1, 1]])
def test_wilcoxon_with_ties_same_as_all_sign_patterns(d):
    d = np.array(d, dtype=float)
    nonzero = d[d != 0]
    ranks = stats.rankdata(np.abs(nonzero))
    sums = np.array([np.dot(s, ranks) for s in itertools.product((0, 1), repeat=len(ranks))])
    w = ranks[nonzero > 0].sum()
    expected = min(1, 2 * min((sums <= w).mean(), (sums >= w).mean()))
    assert wilcoxon_exact(d).p == pytest.approx(expected)


def test_wilcoxon_interval_of_a_published_example():
    """Depression scores of Hollander and Wolfe (1973), p. 29: R gives p 0.03906, 0.46, [0.01, 0.786]."""
    x = [1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30]
    y = [0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29]
    result = wilcoxon_exact(x, y)
    assert result.p == pytest.approx(0.0390625)
    assert (result.difference, result.low, result.high) == pytest.approx((0.46, 0.01, 0.786))


@pytest.mark.parametrize(("n", "runs"), [(10, 1500), (40, 400)])
def test_wilcoxon_interval_covers_the_centre(n, runs):
    rng = np.random.default_rng(4)
    results = [wilcoxon_exact(rng.normal(1.0, 1.0, n)) for _ in range(runs)]
    covered = np.mean([r.low <= 1.0 <= r.high for r in results])
    assert 0.93 <= covered <= 0.975


def test_wilcoxon_agrees_with_its_interval_beyond_25_pairs():
    d = np.random.default_rng(5).normal(0.3, 1, 40)
    result = wilcoxon_exact(d)
    assert result.p == pytest.approx(stats.wilcoxon(d, correction=True, method="asymptotic").pvalue)
    assert (result.p < 0.05) == (result.low > 0)
    assert "approximation" in result.method


def test_wilcoxon_at_the_edges():
    assert np.isnan(wilcoxon_exact(np.arange(1.0, 6)).low)
    assert np.isfinite(wilcoxon_exact(np.arange(1.0, 7)).low)
    assert wilcoxon_exact([0.0, 0.0]).p == 1
    assert wilcoxon_exact([np.nan]).n == 0


def test_bootstrap_of_a_mean_of_clusters_has_the_known_spread():
    rng = np.random.default_rng(6)
    clusters = np.repeat(np.arange(200), 5)
    x = rng.normal(size=200)[clusters]
    result = cluster_bootstrap(lambda w: np.average(x, weights=w), clusters, n_boot=2000)
    assert result.difference == pytest.approx(x.mean())
    assert (result.high - result.low) / 2 == pytest.approx(1.96 * x.std() / np.sqrt(200), rel=0.1)
    assert result.n == 200
    assert np.isnan(result.p)


def test_bootstrap_covers_and_independent_rows_do_not():
    """Rows of a line share an error: resampling rows would be far too sure."""
    rng = np.random.default_rng(7)
    clusters = np.repeat(np.arange(40), 10)
    by_line, by_row = [], []
    for seed in range(100):
        x = rng.normal(size=40)[clusters] + 0.3 * rng.normal(size=400)
        for groups, hits in ((clusters, by_line), (np.arange(400), by_row)):
            r = cluster_bootstrap(lambda w, x=x: np.average(x, weights=w), groups, n_boot=200, seed=seed)
            hits.append(r.low <= 0 <= r.high)
    assert np.mean(by_line) > 0.88
    assert np.mean(by_row) < 0.6


def test_bootstrap_of_a_metric_difference():
    rng = np.random.default_rng(8)
    y = rng.integers(0, 2, 600)
    good, bad = y + rng.normal(0, 1, 600), rng.normal(size=600)
    first, second = weighted_metric("AUCROC", y, good), weighted_metric("AUCROC", y, bad)
    lines = rng.integers(0, 60, 600)
    result = cluster_bootstrap(lambda w: first(w) - second(w), lines, n_boot=300, null=0)
    assert result.low > 0 and result.p < 0.01
    again = cluster_bootstrap(lambda w: first(w) - second(w), lines, n_boot=300, null=0)
    assert again == result
    none = cluster_bootstrap(lambda w: second(w) - 0.5, lines, n_boot=300, null=0)
    assert none.p > 0.05 and none.low < 0 < none.high


def test_undefined_resamples_are_left_out_until_they_are_too_many():
    clusters = np.repeat(np.arange(5), 2)
    sometimes = cluster_bootstrap(lambda w: np.nan if w[0] == 0 else float(w[0]), clusters, n_boot=100)
    assert sometimes.low >= 1
    with pytest.raises(DataError, match="undefined in"):
        cluster_bootstrap(lambda w: np.nan, clusters, n_boot=10)
    with pytest.raises(DataError, match="at least two"):
        cluster_bootstrap(np.sum, np.zeros(4))


@pytest.mark.parametrize("n", [6, 9, 25, 40])
def test_interval_of_a_median_inverts_the_sign_test(n):
    x = np.random.default_rng(n).exponential(size=n)
    found = median_interval(np.append(x, np.nan))
    assert (found.difference, found.n) == (pytest.approx(np.median(x)), n)
    assert found.low in x and found.high in x
    for limit, outward in ((found.low, -1e-9), (found.high, 1e-9)):
        below = int((x < limit + outward).sum())
        assert stats.binomtest(below, n).pvalue <= 0.05
        assert stats.binomtest(int((x < limit - outward).sum()), n).pvalue > 0.05


def test_too_few_values_give_a_median_without_interval():
    assert np.isnan(median_interval([1, 2, 3, 4, 5]).low)
    assert median_interval([]).n == 0


def test_two_way_bootstrap_covers_where_one_factor_alone_does_not():
    """A mean over lines x drugs with an effect of each: its variance has a part of both."""
    lines, drugs = (code.ravel() for code in np.indices((12, 15)))
    rng = np.random.default_rng(0)
    hits = {"both": 0, "lines": 0}
    for i in range(150):
        x = rng.normal(size=12)[lines] + rng.normal(size=15)[drugs] + 0.3 * rng.normal(size=180)
        both = two_way_bootstrap(lambda a, b, x=x: np.average(x, weights=a * b), lines, drugs, 150, i, null=0)
        one = cluster_bootstrap(lambda w, x=x: np.average(x, weights=w), lines, 150, i)
        assert both.difference == pytest.approx(x.mean())
        assert both.n == 12
        hits["both"] += both.low <= 0 <= both.high
        hits["lines"] += one.low <= 0 <= one.high
    assert hits["both"] / 150 > 0.88
    assert hits["lines"] / 150 < 0.85


def test_two_way_bootstrap_needs_two_levels_of_each():
    with pytest.raises(DataError, match="two levels of each; got 1"):
        two_way_bootstrap(lambda a, b: 0.0, [0, 0], [0, 1])
