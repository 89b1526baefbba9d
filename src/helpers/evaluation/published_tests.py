"""The statistical tests as the papers used them.

Kept for replication; for conclusions see :mod:`helpers.evaluation.statistics`.
"""

from __future__ import annotations

import numpy as np
from scipy import stats

from helpers.errors import DataError
from helpers.evaluation.statistics import Comparison, finite_values, t_summary


def welch_t(a: np.ndarray, b: np.ndarray, *, drop_nonpositive: bool = False) -> Comparison:
    """Welch's t-test of two independent samples (the studies: 5 folds against 5 folds).

    Parameters
    ----------
    a, b : arrays
        Values of the first and second model; NaN is dropped.
    drop_nonpositive : bool
        Drop values <= 0 first, as the RefDNN reproduction did for CCLE.

    Returns
    -------
    Comparison
        ``n`` counts both samples; interval and p are NaN if a sample has fewer than two values.
    """
    a, b = _values(a, drop_nonpositive), _values(b, drop_nonpositive)
    if min(len(a), len(b)) < 2:
        difference = float(a.mean() - b.mean()) if len(a) and len(b) else np.nan
        return Comparison(difference, np.nan, np.nan, np.nan, len(a) + len(b), "Welch t")
    return welch_t_from_summary(a.mean(), a.std(ddof=1), len(a), b.mean(), b.std(ddof=1), len(b))


def welch_t_from_summary(
    mean_a: float, sd_a: float, n_a: int, mean_b: float, sd_b: float, n_b: int
) -> Comparison:
    """Welch's t-test from means, standard deviations (n - 1 form) and sizes, as printed in a table."""
    if min(n_a, n_b) < 2:
        msg = f"Welch's t-test needs two values a sample; got {n_a} and {n_b}"
        raise DataError(msg)
    part_a, part_b = sd_a**2 / n_a, sd_b**2 / n_b
    variance = part_a + part_b
    df = variance**2 / (part_a**2 / (n_a - 1) + part_b**2 / (n_b - 1)) if variance > 0 else np.nan
    difference = float(mean_a - mean_b)
    low, high, p = t_summary(difference, np.sqrt(variance), df, 0.95)
    return Comparison(difference, low, high, p, n_a + n_b, "Welch t")


def wilcoxon_published(a: np.ndarray, b: np.ndarray, *, drop_nonpositive: bool = False) -> Comparison:
    """Signed-rank test by the normal approximation without continuity correction.

    Parameters
    ----------
    a, b : arrays (n,)
        Paired values; pairs with NaN are dropped, zero differences do not count in the test.
    drop_nonpositive : bool
        Also drop pairs in which a value is <= 0 (the published marker of an undefined AUROC is
        -0.999).

    Returns
    -------
    Comparison
        ``difference`` is the median difference; no interval; p is 1 if all differences are zero.
    """
    a, b = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    if a.shape != b.shape or a.ndim != 1:
        msg = f"paired values must be columns of one length; got {a.shape} and {b.shape}"
        raise DataError(msg)
    if drop_nonpositive:
        keep = (a > 0) & (b > 0)
        a, b = a[keep], b[keep]
    d = finite_values(a - b)
    method = "Wilcoxon signed-rank, normal approximation without continuity correction"
    if len(d) == 0:
        return Comparison(np.nan, np.nan, np.nan, np.nan, 0, method)
    p = 1.0 if not d.any() else float(stats.wilcoxon(d, correction=False, method="asymptotic").pvalue)
    return Comparison(float(np.median(d)), np.nan, np.nan, p, len(d), method)


def mann_whitney(a: np.ndarray, b: np.ndarray) -> Comparison:
    """Mann-Whitney U test, two-sided, with SciPy's choice of exact or asymptotic null.

    ``difference`` is the difference of medians; ``n`` counts both samples; NaN values are dropped;
    no interval; p is NaN if a sample is empty.
    """
    a, b = finite_values(a), finite_values(b)
    if not (len(a) and len(b)):
        return Comparison(np.nan, np.nan, np.nan, np.nan, len(a) + len(b), "Mann-Whitney U")
    p = float(stats.mannwhitneyu(a, b, alternative="two-sided").pvalue)
    difference = float(np.median(a) - np.median(b))
    return Comparison(difference, np.nan, np.nan, p, len(a) + len(b), "Mann-Whitney U")


def _values(values: np.ndarray, drop_nonpositive: bool) -> np.ndarray:
    values = finite_values(values)
    return values[values > 0] if drop_nonpositive else values
