"""The statistical tests as the RefDNN papers used them.

Kept for replication; for conclusions see :mod:`helpers.evaluation.statistics`.
"""

from __future__ import annotations

import numpy as np
from scipy import stats

from helpers.errors import DataError
from helpers.evaluation.multiple_testing import benjamini_hochberg
from helpers.evaluation.statistics import Comparison, finite_values, t_summary

__all__ = ["benjamini_hochberg", "welch_t", "wilcoxon_published"]


def welch_t(a: np.ndarray, b: np.ndarray, *, drop_nonpositive: bool = False) -> Comparison:
    """Welch's t-test of two independent samples (the papers: 5 folds against 5 folds).

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
    n = len(a) + len(b)
    difference = float(a.mean() - b.mean()) if len(a) and len(b) else np.nan
    if min(len(a), len(b)) < 2:
        return Comparison(difference, np.nan, np.nan, np.nan, n, "Welch t")
    if a.std() == b.std() == 0:  # SciPy's p is undefined here
        return Comparison(difference, *t_summary(difference, 0.0, np.nan, 0.95), n, "Welch t")
    test = stats.ttest_ind(a, b, equal_var=False)
    low, high = test.confidence_interval(0.95)
    return Comparison(difference, float(low), float(high), float(test.pvalue), n, "Welch t")


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


def _values(values: np.ndarray, drop_nonpositive: bool) -> np.ndarray:
    values = finite_values(values)
    return values[values > 0] if drop_nonpositive else values
