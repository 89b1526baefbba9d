"""Metrics that cannot leave an interval, and intervals that keep to it."""

from __future__ import annotations

import numpy as np

#: Lowest and highest value of a metric, by its name in results.
BOUNDS: dict[str, tuple[float, float]] = {
    **dict.fromkeys(
        ("Accuracy", "AUCROC", "AUROC", "AUCPR", "AUPR", "AP", "F1", "Precision", "Recall", "sign accuracy"),
        (0.0, 1.0),
    ),
    **dict.fromkeys(("AUCROC within drug", "AUCROC within drug and type"), (0.0, 1.0)),
    **dict.fromkeys(("Spearman", "Pearson", "rho"), (-1.0, 1.0)),
}


def within_bounds(metric: str, low: float, high: float) -> tuple[float, float]:
    """Cut an interval at the bounds of its metric; the true value lies there, so coverage is kept.

    Parameters
    ----------
    metric : str
        Name; a metric that is not in :data:`BOUNDS` has none.
    low, high : float
        Limits of the interval; NaN stays NaN.

    Examples
    --------
    >>> within_bounds("Recall", 0.9, 1.085)
    (0.9, 1.0)
    """
    if metric not in BOUNDS:
        return low, high
    lowest, highest = BOUNDS[metric]
    return float(np.maximum(low, lowest)), float(np.minimum(high, highest))
