"""Adjustment of p-values for several tests, by statsmodels; NaN stays NaN and is not counted."""

from __future__ import annotations

import gc

import numpy as np

from helpers.errors import DataError
from helpers.evaluation.statistics import as_floats


def holm(p: np.ndarray) -> np.ndarray:
    """Adjust p-values by Holm's step-down method: controls the chance of any false discovery.

    References
    ----------
    Holm, Scandinavian Journal of Statistics 6:65 (1979).
    """
    return _adjusted(p, "holm")


def bonferroni(p: np.ndarray) -> np.ndarray:
    """Multiply p-values by their number, capped at 1."""
    return _adjusted(p, "bonferroni")


def benjamini_hochberg(p: np.ndarray) -> np.ndarray:
    """Adjust p-values to control the false discovery rate.

    References
    ----------
    Benjamini and Hochberg, Journal of the Royal Statistical Society B 57:289 (1995).
    """
    return _adjusted(p, "fdr_bh")


def _p_values(p: np.ndarray) -> np.ndarray:
    """Return a column of p-values; refuse what is none."""
    p = as_floats(p)
    if p.ndim != 1 or (p < 0).any() or (p > 1).any():
        msg = f"expected a column of p-values from 0 to 1 (NaN where unknown); got {p!r}"
        raise DataError(msg)
    return p


def _adjusted(p: np.ndarray, method: str) -> np.ndarray:
    from statsmodels.stats.multitest import multipletests

    p = _p_values(p)
    known = ~np.isnan(p)
    adjusted = np.full(p.shape, np.nan)
    if known.any():
        # multipletests collects garbage, half a second in a process with TensorFlow; frozen objects are
        # passed over, and a call takes 0.1 ms.
        gc.freeze()
        try:
            adjusted[known] = multipletests(p[known], method=method)[1]
        finally:
            gc.unfreeze()
    return adjusted
