"""Rank correlation of many columns at once, with missing values."""

from __future__ import annotations

import numpy as np
from scipy import stats


def masked_spearman(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Spearman correlation along the first axis, over the rows where both are known.

    Parameters
    ----------
    a, b : arrays (rows, ...)
        Shapes that broadcast; NaN where missing.

    Returns
    -------
    array
        Without the first axis; NaN where a column is constant or has fewer than 3 rows.
    """
    a, b = np.broadcast_arrays(np.asarray(a, float), np.asarray(b, float))
    known = ~(np.isnan(a) | np.isnan(b))
    n = known.sum(axis=0)
    deviations = []
    for values in (a, b):
        # Missing rows rank behind all others, so the ranks of the known ones are right.
        rank = stats.rankdata(np.where(known, values, np.inf), axis=0)
        mean = np.where(known, rank, 0).sum(axis=0) / np.maximum(n, 1)
        deviations.append(np.where(known, rank - mean, 0))
    covariance = (deviations[0] * deviations[1]).sum(axis=0)
    scale = np.sqrt((deviations[0] ** 2).sum(axis=0) * (deviations[1] ** 2).sum(axis=0))
    usable = (scale > 0) & (n >= 3)
    return np.where(usable, covariance / np.where(usable, scale, 1), np.nan)
