"""Sound comparisons and intervals for dependent folds, groups and clustered pairs.

The tests that the papers used are in :mod:`helpers.evaluation.published_tests`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from helpers.bounds import check_number
from helpers.errors import DataError


@dataclass(frozen=True)
class Comparison:
    """A difference (or one quantity) with its interval and p-value.

    Attributes
    ----------
    difference : float
        The estimate: first minus second, or the quantity itself when nothing is compared.
    low, high : float
        Interval, 95% unless asked otherwise; NaN where the method gives none.
    p : float
        Two-sided p-value; NaN where the method gives none.
    n : int
        Number of values, pairs of values, or clusters behind it.
    method : str
        Name of the method.
    """

    difference: float
    low: float
    high: float
    p: float
    n: int
    method: str


def mean_interval(values: np.ndarray, level: float = 0.95) -> Comparison:
    """Mean of independent values (e.g. seeds), with Student's t interval from two on; NaN is dropped."""
    values = finite_values(values)
    n = len(values)
    if n == 0:
        return Comparison(np.nan, np.nan, np.nan, np.nan, 0, "t interval")
    mean = float(values.mean())
    low, high, _ = t_summary(mean, values.std(ddof=1) / np.sqrt(n) if n > 1 else np.nan, n - 1, level)
    return Comparison(mean, low, high, np.nan, n, "t interval")


def corrected_resampled_t(
    differences: np.ndarray, test_fraction_ratio: float, level: float = 0.95
) -> Comparison:
    """Nadeau and Bengio's corrected resampled t-test of paired fold differences.

    Training sets of different folds overlap, so fold differences are dependent and the plain
    t-test is too sure. The variance of their mean is taken as ``(1/J + ratio) * s**2`` with J
    differences; with several seeds of k folds, J = seeds x folds (Bouckaert and Frank 2004).

    Parameters
    ----------
    differences : array (folds,) or (seeds, folds)
        Metric of the first model minus the second in the same folds; NaN is dropped.
    test_fraction_ratio : float
        Test rows over training rows of a fold: 0.25 for 5 folds.
    level : float
        Confidence level of the interval.

    Returns
    -------
    Comparison
        Interval and p are NaN with fewer than two differences. If all differences are equal, p is
        1 where they are zero and 0 elsewhere.

    Raises
    ------
    DataError
        If ``test_fraction_ratio`` is not positive.

    References
    ----------
    Nadeau and Bengio, Machine Learning 52:239 (2003).
    """
    if not test_fraction_ratio > 0:
        msg = f"test_fraction_ratio (test over training rows) must be positive; got {test_fraction_ratio}"
        raise DataError(msg)
    values = finite_values(np.ravel(differences))
    n = len(values)
    method = "Nadeau-Bengio corrected resampled t"
    if n < 2:
        return Comparison(float(values.mean()) if n else np.nan, np.nan, np.nan, np.nan, n, method)
    mean = float(values.mean())
    error = np.sqrt((1 / n + test_fraction_ratio) * values.var(ddof=1))
    low, high, p = t_summary(mean, error, n - 1, level)
    return Comparison(mean, low, high, p, n, method)


def wilcoxon_exact(a: np.ndarray, b: np.ndarray | None = None, level: float = 0.95) -> Comparison:
    """Signed-rank test, exact up to 25 pairs, with the Hodges-Lehmann estimate and interval.

    Parameters
    ----------
    a, b : array (n,)
        Paired values, or the differences alone; pairs with NaN are dropped.
    level : float
        Confidence level of the interval.

    Returns
    -------
    Comparison
        ``difference`` is the median of the Walsh averages of all differences. ``p`` leaves out
        zero differences; it is exact given the ties for at most 25 non-zero differences and the
        continuity-corrected normal approximation beyond; 1 if all differences are zero. The
        interval inverts the test and is NaN where so few pairs cannot reach the level (n < 6 at
        95%).
    """
    check_level(level)
    first, second = as_floats(a), as_floats(np.zeros(np.shape(a)) if b is None else b)
    if first.shape != second.shape:
        msg = f"paired values need one length; got {first.shape} and {second.shape}"
        raise DataError(msg)
    d = finite_values(first - second)
    n = len(d)
    if n == 0:
        return Comparison(np.nan, np.nan, np.nan, np.nan, 0, "exact Wilcoxon signed-rank")
    exact = n <= 25
    upper = np.triu_indices(n)
    walsh = np.sort((d[upper[0]] + d[upper[1]]) / 2)
    estimate = float(np.median(walsh))
    low, high = _walsh_interval(walsh, n, level, exact)
    nonzero = d[d != 0]
    if len(nonzero) == 0:
        p = 1.0
    elif exact:
        p = _exact_signed_rank_p(nonzero)
    else:
        p = float(stats.wilcoxon(nonzero, correction=True, method="asymptotic").pvalue)
    method = "exact Wilcoxon signed-rank" if exact else "Wilcoxon signed-rank, normal approximation"
    return Comparison(estimate, low, high, p, n, method)


def median_interval(values: np.ndarray, level: float = 0.95) -> Comparison:
    """Median of independent values with the interval of order statistics that inverts the sign test.

    The interval lies between two of the values, so it respects their bounds; it is NaN where so few values
    cannot reach the level (n < 6 at 95 %). NaN values are dropped.
    """
    check_level(level)
    values = np.sort(finite_values(values))
    n = len(values)
    method = "median, order statistics"
    if n == 0:
        return Comparison(np.nan, np.nan, np.nan, np.nan, 0, method)
    # The cut-th smallest value lies above the true median with probability P(Binomial(n, 1/2) < cut).
    cut = int((stats.binom.cdf(np.arange(n), n, 0.5) <= (1 - level) / 2).sum())
    low, high = (values[cut - 1], values[n - cut]) if cut else (np.nan, np.nan)
    return Comparison(float(np.median(values)), float(low), float(high), np.nan, n, method)


def cluster_bootstrap(
    statistic: Callable[[np.ndarray], float],
    clusters: np.ndarray,
    n_boot: int = 1000,
    seed: int = 0,
    *,
    null: float | None = None,
    level: float = 0.95,
) -> Comparison:
    """Percentile interval of a statistic when whole clusters (lines or drugs) are resampled.

    Pairs of one cell line are not independent; resampling lines keeps their dependence.

    Parameters
    ----------
    statistic : callable
        ``statistic(weights) -> float``, where ``weights`` (n,) says how often each row is drawn;
        :func:`helpers.evaluation.metrics.weighted_metric` makes fast ones. A statistic of rows is
        ``lambda w: f(np.repeat(rows, w))``. For a difference, subtract two of them.
    clusters : array (n,)
        Cluster of each row.
    n_boot, seed : int
        Number of resamples and their seed.
    null : float, optional
        Value under no effect (0 for a difference); without it ``p`` is NaN.
    level : float
        Confidence level of the interval.

    Returns
    -------
    Comparison
        The statistic at unit weights and its percentile interval; ``p`` is twice the smaller share
        of resamples on either side of ``null`` (with one added), ``n`` the number of clusters.
        Resamples in which the statistic is undefined (NaN) are left out.

    Raises
    ------
    DataError
        If there are fewer than two clusters, or the statistic is undefined in half of the
        resamples or more.
    """
    _check_draws(n_boot, seed, level)
    _check_named(clusters)
    names, code = np.unique(np.asarray(clusters), return_inverse=True)
    k = len(names)
    if k < 2:
        msg = f"a bootstrap over clusters needs at least two; got {k}"
        raise DataError(msg)
    rng = np.random.default_rng(seed)
    draws = np.array([statistic(rng.multinomial(k, np.full(k, 1 / k))[code]) for _ in range(n_boot)])
    estimate = float(statistic(np.ones(len(code), dtype=np.int64)))
    return percentile_interval(estimate, draws, null, level, k, "cluster bootstrap, percentile")


def two_way_bootstrap(
    statistic: Callable[[np.ndarray, np.ndarray], float],
    first: np.ndarray,
    second: np.ndarray,
    n_boot: int = 1000,
    seed: int = 0,
    *,
    null: float | None = None,
    level: float = 0.95,
) -> Comparison:
    """Percentile interval of a statistic when both crossed factors are resampled, e.g. lines and drugs.

    A line meets many drugs and a drug many lines, so that neither is a sample of independent pairs. Whole
    levels of both factors are drawn; the interval is at least as wide as that of either alone (Owen 2007).

    Parameters
    ----------
    statistic : callable
        ``statistic(first_weights, second_weights) -> float``; each array (n,) says how often the level of
        the row was drawn. For a pooled metric the product weighs a row.
    first, second : arrays (n,)
        Level of each row.
    n_boot, seed, null, level
        As in :func:`cluster_bootstrap`.

    Returns
    -------
    Comparison
        As in :func:`cluster_bootstrap`; ``n`` is the smaller number of levels.

    Raises
    ------
    DataError
        If a factor has fewer than two levels, or the statistic is undefined in half of the resamples or
        more.

    References
    ----------
    Owen, The pigeonhole bootstrap, Ann. Appl. Stat. 1:386 (2007).
    """
    estimate, draws, n = two_way_draws(statistic, first, second, n_boot, seed)
    return percentile_interval(estimate, draws, null, level, n, "two-way bootstrap, percentile")


def two_way_draws(
    statistic: Callable[[np.ndarray, np.ndarray], float],
    first: np.ndarray,
    second: np.ndarray,
    n_boot: int,
    seed: int,
) -> tuple[float, np.ndarray, int]:
    """Return what :func:`two_way_bootstrap` makes an interval of: estimate, resamples, smaller factor's n."""
    _check_draws(n_boot, seed)
    if len(first) != len(second):
        msg = f"each row needs a level of both factors; got {len(first)} and {len(second)}"
        raise DataError(msg)
    codes, sizes = [], []
    for factor in (first, second):
        _check_named(factor)
        names, code = np.unique(np.asarray(factor), return_inverse=True)
        if len(names) < 2:
            msg = f"a bootstrap over two factors needs at least two levels of each; got {len(names)}"
            raise DataError(msg)
        codes.append(code)
        sizes.append(len(names))
    rng = np.random.default_rng(seed)

    def draw() -> list[np.ndarray]:
        return [rng.multinomial(k, np.full(k, 1 / k))[code] for code, k in zip(codes, sizes, strict=True)]

    draws = np.array([statistic(*draw()) for _ in range(n_boot)])
    return float(statistic(*(np.ones(len(code), dtype=np.int64) for code in codes))), draws, min(sizes)


def percentile_interval(
    estimate: float, draws: np.ndarray, null: float | None, level: float, n: int, method: str
) -> Comparison:
    """Make a comparison of an estimate and its resamples, as :func:`cluster_bootstrap` describes it."""
    check_level(level)
    defined = draws[~np.isnan(draws)]
    if 2 * len(defined) <= len(draws):
        undefined = len(draws) - len(defined)
        msg = f"the statistic is undefined in {undefined} of {len(draws)} resamples of {n} clusters"
        raise DataError(msg)
    low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2])
    p = np.nan
    if null is not None:
        tail = min((defined <= null).sum(), (defined >= null).sum())
        p = min(1.0, 2 * (tail + 1) / (len(defined) + 1))
    return Comparison(estimate, float(low), float(high), float(p), n, method)


def mean_statistic(values: np.ndarray) -> Callable[[np.ndarray], float]:
    """Return the mean of ``values`` (n,) as a statistic of :func:`cluster_bootstrap`; NaN without a row."""
    return lambda weights: float(weights @ values / weights.sum()) if weights.sum() else float("nan")


def check_level(level: float) -> None:
    """Refuse a confidence level that is no share: 0.95, not 95."""
    check_number("level", level, 0, 1)
    if level in (0, 1):
        msg = f"level must lie between 0 and 1; got {level}"
        raise DataError(msg)


def _check_draws(n_boot: int, seed: int, level: float = 0.95) -> None:
    check_level(level)
    check_number("n_boot", n_boot, 1, whole=True)
    check_number("seed", seed, 0, whole=True)


def _check_named(clusters: np.ndarray) -> None:
    if pd.isna(clusters).any():
        msg = f"{int(pd.isna(clusters).sum())} row(s) have no cluster; name each, or leave them out"
        raise DataError(msg)


def finite_values(values: np.ndarray) -> np.ndarray:
    """Return a column of floats without its NaN entries; refuse infinite ones."""
    values = as_floats(values)
    if values.ndim != 1:
        msg = f"expected a column of values; got shape {values.shape}"
        raise DataError(msg)
    if np.isinf(values).any():
        msg = (
            f"{int(np.isinf(values).sum())} of {len(values)} values are infinite; use NaN for what is unknown"
        )
        raise DataError(msg)
    return values[~np.isnan(values)]


def as_floats(values: np.ndarray) -> np.ndarray:
    """Return values as floats; refuse what is no number."""
    try:
        return np.asarray(values, dtype=float)
    except (ValueError, TypeError) as error:
        msg = f"expected numbers: {error}"
        raise DataError(msg) from error


def t_summary(mean: float, error: float, df: float, level: float) -> tuple[float, float, float]:
    """Return low, high and two-sided p of a mean with standard error ``error``."""
    check_level(level)
    if np.isnan(error):
        return np.nan, np.nan, np.nan
    if error == 0:
        return mean, mean, 1.0 if mean == 0 else 0.0
    half = stats.t.ppf((1 + level) / 2, df) * error
    return float(mean - half), float(mean + half), float(2 * stats.t.sf(abs(mean) / error, df))


def _signed_rank_counts(double_ranks: np.ndarray) -> np.ndarray:
    """Count sign patterns by twice the positive rank sum; ranks are doubled to be integers."""
    counts = np.zeros(int(double_ranks.sum()) + 1)
    counts[0] = 1
    for rank in double_ranks:
        counts[rank:] = counts[rank:] + counts[:-rank]
    return counts


def _exact_signed_rank_p(d: np.ndarray) -> float:
    double_ranks = np.rint(2 * stats.rankdata(np.abs(d))).astype(int)
    counts = _signed_rank_counts(double_ranks)
    positive = int(double_ranks[d > 0].sum())
    tail = min(counts[: positive + 1].sum(), counts[positive:].sum())
    return float(min(1.0, 2 * tail / counts.sum()))


def _walsh_interval(walsh: np.ndarray, n: int, level: float, exact: bool) -> tuple[float, float]:
    """Order statistics of the Walsh averages that invert the signed-rank test."""
    alpha = (1 - level) / 2
    if exact:
        # counts[2 r] holds P(W = r) here, as all doubled ranks are even.
        cumulative = np.cumsum(_signed_rank_counts(2 * np.arange(1, n + 1))[::2]) / 2.0**n
        cut = int((cumulative <= alpha).sum())
    else:
        sd = np.sqrt(n * (n + 1) * (2 * n + 1) / 24)
        cut = int(np.floor(n * (n + 1) / 4 + stats.norm.ppf(alpha) * sd))
    if cut == 0:
        return np.nan, np.nan
    return float(walsh[cut - 1]), float(walsh[-cut])
