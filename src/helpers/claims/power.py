"""What a design could have seen: the smallest true difference that it finds four times in five."""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy import stats

from helpers.claims.published import Published

LEVEL = 0.95
POWER = 0.8
_QUARTILES_TO_SD = 2 * stats.norm.ppf(0.75)  # interquartile range of a normal distribution over its SD


@dataclass(frozen=True)
class PublishedDifference:
    """A difference between two published numbers, and what their spread lets one see.

    Attributes
    ----------
    difference : float
        The claim's own number minus its rival's.
    visible : float or None
        Smallest true difference that the paper's design finds with 80 % power, from the published spread
        and n, taking the n values as independent as the paper did; None without spread or n.
    """

    difference: float
    visible: float | None


def smallest_visible(low: float, high: float, n: int | None = None) -> float:
    """Return the smallest true difference that a design finds with 80 % power at the 5 % level.

    Parameters
    ----------
    low, high : float
        Limits of a 95 % interval; its half width over the quantile gives the standard error.
    n : int, optional
        Number of values behind it: Student's t with ``n - 1`` degrees of freedom; normal without.

    Examples
    --------
    >>> round(smallest_visible(-1.96, 1.96), 2)  # a standard error of 1
    2.8
    """
    df = n - 1 if n is not None and n > 1 else math.inf
    quantile = stats.t.ppf((1 + LEVEL) / 2, df)
    return float((high - low) / 2 * (1 + stats.t.ppf(POWER, df) / quantile))


def published_difference(own: Published, rival: Published) -> PublishedDifference | None:
    """Return the difference of two published numbers; None where one has neither mean nor median."""
    ours, theirs = _centre(own), _centre(rival)
    if ours is None or theirs is None:
        return None
    return PublishedDifference(ours - theirs, _visible(own, rival))


def _visible(own: Published, rival: Published) -> float | None:
    parts = []
    for entry in (own, rival):
        sd = _spread(entry)
        if sd is None or entry.n is None or entry.n < 2:
            return None
        parts.append((sd**2 / entry.n, entry.n - 1))
    variance = sum(part for part, _ in parts)
    if variance == 0:
        return 0.0
    df = variance**2 / sum(part**2 / own_df for part, own_df in parts)  # Welch and Satterthwaite
    return float((stats.t.ppf((1 + LEVEL) / 2, df) + stats.t.ppf(POWER, df)) * math.sqrt(variance))


def _centre(entry: Published) -> float | None:
    return entry.mean if entry.mean is not None else entry.median


def _spread(entry: Published) -> float | None:
    if entry.sd is not None:
        return entry.sd
    if entry.q25 is not None and entry.q75 is not None:
        return float((entry.q75 - entry.q25) / _QUARTILES_TO_SD)
    return None
