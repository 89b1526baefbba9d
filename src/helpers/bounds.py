"""What cannot leave an interval: metrics, limits of them, and settings."""

from __future__ import annotations

from numbers import Integral, Real

import numpy as np

from helpers.errors import DataError, HelpersError

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


def check_number(
    name: str,
    value: object,
    low: float = -np.inf,
    high: float = np.inf,
    *,
    whole: bool = False,
    error: type[HelpersError] = DataError,
) -> None:
    """Refuse a setting that is no number (a whole one, if asked) or lies outside its limits.

    Raises
    ------
    DataError
        With the name of the setting, the value and what is allowed; another ``error`` where one is named.

    Examples
    --------
    >>> check_number("level", 0.95, 0, 1)
    """
    kind = Integral if whole else Real
    if isinstance(value, bool) or not isinstance(value, kind) or not low <= value <= high:  # type: ignore[operator]
        what = "a whole number" if whole else "a number"
        limits = f" from {low:g} to {high:g}" if np.isfinite([low, high]).any() else ""
        msg = f"{name} must be {what}{limits}; got {value!r}"
        raise error(msg)
