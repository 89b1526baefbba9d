"""Adjustment of p-values for several tests.

statsmodels has these methods too, but its function collects garbage at every call, which takes half a
second in a process that holds TensorFlow.
"""

from __future__ import annotations

import numpy as np


def holm(p: np.ndarray) -> np.ndarray:
    """Adjust p-values by Holm's step-down method; NaN stays NaN and is not counted.

    References
    ----------
    Holm, Scandinavian Journal of Statistics 6:65 (1979).
    """
    p = np.asarray(p, dtype=float)
    adjusted = np.full(p.shape, np.nan)
    known = np.flatnonzero(~np.isnan(p))
    order = known[np.argsort(p[known], kind="stable")]
    factor = len(order) - np.arange(len(order))
    adjusted[order] = np.minimum(np.maximum.accumulate(p[order] * factor), 1.0)
    return adjusted
