"""How numbers are written in sentences and tables."""

from __future__ import annotations

import math
from decimal import Decimal


def format_number(value: float | None, *, signed: bool = False) -> str:
    """Write a number for a reader: three decimals, or three digits where that would hide it; no exponent.

    What is below a millionth is rounding, and zero to a reader.

    Examples
    --------
    >>> format_number(0.95425), format_number(0.006, signed=True), format_number(190036)
    ('0.954', '+0.006', '190,036')
    >>> format_number(-6.65e-05), format_number(-3.33e-07)
    ('-0.0000665', '0.000')
    >>> format_number(None)
    '–'
    """
    if value is None or math.isnan(value):
        return "–"
    sign = "+" if signed else ""
    if isinstance(value, int) or 1000 <= abs(value) < 1e9:
        return f"{value:{sign},.0f}"
    if abs(value) < 1e-6:
        return "0.000"
    if 0.001 <= abs(value) < 1000:
        return f"{value:{sign}.3f}"
    if abs(value) >= 1e9:
        return f"{value:{sign}.3g}"
    digits = 2 - math.floor(math.log10(abs(value)))
    return f"{value:{sign}.{digits}f}".rstrip("0")


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
    """Write a threshold with no more digits than it has, and without an exponent.

    Examples
    --------
    >>> format_bound(0.01), format_bound(0.005 + 0.01), format_bound(0), format_bound(3.6e-05)
    ('0.01', '0.015', '0', '0.000036')
    """
    return f"{Decimal(f'{value:.6g}'):f}"
