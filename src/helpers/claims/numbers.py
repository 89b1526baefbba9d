"""How numbers are written in sentences and tables."""

from __future__ import annotations

import math


def format_number(value: float | None, *, signed: bool = False) -> str:
    """Write a number for a reader: three decimals, or three digits where that would hide it.

    Examples
    --------
    >>> format_number(0.95425), format_number(0.006, signed=True), format_number(190036)
    ('0.954', '+0.006', '190,036')
    >>> format_number(None)
    '–'
    """
    if value is None or math.isnan(value):
        return "–"
    sign = "+" if signed else ""
    if isinstance(value, int) or 1000 <= abs(value) < 1e9:
        return f"{value:{sign},.0f}"
    if value == 0 or 0.001 <= abs(value) < 1000:
        return f"{value:{sign}.3f}"
    return f"{value:{sign}.3g}"


def format_p(p: float | None) -> str:
    """Write a p-value: two digits, ``< 0.0001`` below that.

    Examples
    --------
    >>> format_p(0.0482), format_p(2.7e-5)
    ('= 0.048', '< 0.0001')
    """
    if p is None or math.isnan(p):
        return "= –"
    return "< 0.0001" if p < 1e-4 else f"= {p:.2g}"


def format_interval(low: float | None, high: float | None, *, signed: bool = False) -> str:
    """Write an interval as ``[low, high]``; empty without limits."""
    if low is None and high is None:
        return ""
    return f"[{format_number(low, signed=signed)}, {format_number(high, signed=signed)}]"


def format_bound(value: float) -> str:
    """Write a threshold with no more digits than it has.

    Examples
    --------
    >>> format_bound(0.01), format_bound(0.005 + 0.01), format_bound(0)
    ('0.01', '0.015', '0')
    """
    return f"{value:.6g}"
