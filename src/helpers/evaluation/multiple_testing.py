"""Adjustment of p-values for several tests, by statsmodels; NaN stays NaN and is not counted."""

from __future__ import annotations

import gc
from collections.abc import Callable

import numpy as np
from statsmodels.stats.multitest import fdrcorrection, multipletests

from helpers.errors import DataError


def holm(p: np.ndarray) -> np.ndarray:
    """Adjust p-values by Holm's step-down method (Holm, Scandinavian Journal of Statistics 6:65, 1979)."""
    # multipletests collects garbage at every call: .8 s in a process that holds TensorFlow and torch, .03 ms
    # when what is alive is out of the collector's sight.
    gc.freeze()
    try:
        return _of_known(p, lambda known: multipletests(known, method="holm")[1])
    finally:
        gc.unfreeze()


def benjamini_hochberg(p: np.ndarray) -> np.ndarray:
    """Adjust p-values to control the false discovery rate."""
    return _of_known(p, lambda known: fdrcorrection(known)[1])


def bonferroni(p: np.ndarray, family: int) -> np.ndarray:
    """Multiply p-values by the size of the family of tests, capped at 1.

    A family may hold more tests than ``p``: a study corrects for those of another data set too.
    """
    if family < 1:
        msg = f"a family of tests has at least one; got {family}"
        raise DataError(msg)
    return np.minimum(np.asarray(p, dtype=float) * family, 1.0)


def _of_known(p: np.ndarray, adjust: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    p = np.asarray(p, dtype=float)
    adjusted = np.full(p.shape, np.nan)
    known = ~np.isnan(p)
    if known.any():
        adjusted[known] = adjust(p[known])
    return adjusted
