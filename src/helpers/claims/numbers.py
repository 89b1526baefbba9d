"""How numbers are written in sentences and tables."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from decimal import Decimal

#: Decimals of a number that is not small.
DIGITS = 3
_ROUNDING = 1e-6  # what is below is zero to a reader


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
    if abs(value) < _ROUNDING:
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


def format_estimate(
    value: float | None, low: float | None, high: float | None, *, signed: bool = False
) -> tuple[str, str]:
    """Write an estimate and its interval with the same decimals; the interval is empty without limits.

    Examples
    --------
    >>> format_estimate(-0.0121, -0.025, 0.000704, signed=True)
    ('-0.0121', '[-0.0250, +0.0007]')
    >>> format_estimate(0.954, 0.95, 0.958), format_estimate(190036, None, None)
    (('0.954', '[0.950, 0.958]'), ('190,036', ''))
    """
    if low is None and high is None:
        return format_number(value, signed=signed), ""
    decimals = estimate_decimals(low, high, value)

    def text(number: float | None) -> str:
        if number is None or math.isnan(number):
            return "–"
        digits = 0 if isinstance(number, int) else decimals
        return _unsigned_zero(f"{number:{'+' if signed else ''},.{digits}f}")

    return text(value), f"[{text(low)}, {text(high)}]"


def estimate_decimals(low: float | None, high: float | None, *others: float | None) -> int:
    """Return how many decimals an interval and what stands beside it have.

    They are as many as the largest of them needs, and as tell either limit from zero.

    Examples
    --------
    >>> estimate_decimals(-0.025, 0.000704, -0.0121), estimate_decimals(0.95, 0.958, None)
    (4, 3)
    """
    known = [0.0 if x is None or not abs(x) >= _ROUNDING else abs(x) for x in (low, high, *others)]
    return max(decimals_for(known), *(-math.floor(math.log10(limit)) for limit in known[:2] if limit), 0)


def format_interval(low: float | None, high: float | None, *, signed: bool = False) -> str:
    """Write an interval as ``[low, high]``; empty without limits."""
    return format_estimate(None, low, high, signed=signed)[1]


def decimals_for(numbers: Iterable[float]) -> int:
    """Return how many decimals numbers of one quantity have: three, more where all of them are small.

    Examples
    --------
    >>> decimals_for([0.604, -6.65e-05]), decimals_for([0.0012, -0.00004]), decimals_for([190036.4])
    (3, 4, 0)
    """
    largest, decimals = max((abs(x) for x in numbers), default=0.0), DIGITS
    if largest >= 1000:
        return 0
    while 0 < largest < 0.5 * 10 ** (1 - decimals) and decimals < 8:  # two digits of the largest
        decimals += 1
    return decimals


def _unsigned_zero(text: str) -> str:
    return re.sub(r"^[-+](?=[0.,]+$)", "", text)


def format_bound(value: float) -> str:
    """Write a threshold with no more digits than it has, and without an exponent.

    Examples
    --------
    >>> format_bound(0.01), format_bound(0.005 + 0.01), format_bound(0), format_bound(3.6e-05)
    ('0.01', '0.015', '0', '0.000036')
    """
    return f"{Decimal(f'{value:.6g}'):f}"
