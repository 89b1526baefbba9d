"""One box a category with a hover text on every point, drawn as SVG.

The chart needs no script, no outside file and no plotting library in the page: a browser shows
the ``title`` of a point on hover. It takes its text colour from the page, so it follows the
theme, and it is laid out narrow, so that a phone shows it without scrolling.
"""

from __future__ import annotations

import math
import textwrap
from dataclasses import dataclass
from html import escape

import numpy as np
import pandas as pd

from helpers.bounds import check_number
from helpers.checks import check_column, check_columns, check_numbers
from helpers.plots.style import OKABE_ITO
from helpers.plots.svg import SvgChart
from helpers.plots.tables import need_columns

_WIDTH, _LEFT, _RIGHT, _TOP, _ROW, _BOTTOM = 420, 12, 404, 66, 52, 62
# A box of fewer values than this would suggest a distribution that is not there.
_LEAST_FOR_BOX = 5


def category_boxes(
    table: pd.DataFrame,
    *,
    title: str,
    xlabel: str,
    item: str = "drug",
    reference: float | None = None,
) -> SvgChart:
    """Draw the values of items by category, categories ordered by median, highest first.

    Every item is a point whose hover text names it. Categories of five items or more have a box
    (quartiles and median); all have a mark at the median and their n. Where the table has limits,
    they are drawn as a line under the median.

    Parameters
    ----------
    table : DataFrame
        One row an item: ``category``, ``item``, ``value`` (NaN rows are left out and counted);
        optional ``n`` (pairs behind the value), and ``low``, ``high`` (interval of the category's
        median, the same in all its rows).
    title, xlabel : str
    item : str
        What an item is.
    reference : float, optional
        Value to mark with a dashed line, e.g. 0.5 for an AUROC of chance.

    Raises
    ------
    DataError
        If a column or a category is missing, a value is infinite or no number, or none is left.
    """
    check_columns(table, ("category", "item", "value"), "category_boxes")
    need_columns("category_boxes", table, ("category", "item", "value"))
    check_numbers(table[["value"]], "category_boxes", "value", missing=True)
    check_column(table["category"], len(table), "category_boxes, category")
    if reference is not None:
        check_number("reference", reference)
    shown = table.dropna(subset=["value"])
    need_columns("category_boxes", shown, ("category",))
    medians = shown.groupby("category")["value"].median()
    order = sorted(medians.index, key=lambda name: (-medians[name], name))
    scale = _Scale.of(shown, reference)
    height = _TOP + _ROW * len(order) + _BOTTOM
    left_out = len(table) - len(shown)
    counted = f"{len(shown)} {item}s" + (f", {left_out} undefined left out" if left_out else "")
    body = [_axis(scale, height, f"{xlabel} ({counted})")]
    for number, category in enumerate(order):
        rows = shown[shown["category"] == category].sort_values(["value", "item"])
        top = _TOP + _ROW * number
        if reference is not None:
            body.append(_reference(scale(reference), top))
        body.append(_category(category, rows, top, scale, item))
    heading = _wrapped(title, 44, _LEFT)
    return SvgChart(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="640" '
        f'style="max-width:100%;height:auto" role="img" aria-label="{escape(title)}" '
        'font-family="system-ui, sans-serif" font-size="14" fill="currentColor">'
        "<style>.hv-point{fill-opacity:.75;stroke:currentColor;stroke-opacity:.6}"
        ".hv-point:hover{fill-opacity:1;stroke-opacity:1;stroke-width:2}</style>"
        f'<text y="20" font-size="15" font-weight="bold">{heading}</text>{"".join(body)}</svg>'
    )


@dataclass(frozen=True)
class _Scale:
    low: float
    high: float
    step: float

    @classmethod
    def of(cls, table: pd.DataFrame, reference: float | None) -> _Scale:
        columns = [column for column in ("value", "low", "high") if column in table]
        values = np.concatenate(
            [*(table[column].to_numpy(float) for column in columns), [] if reference is None else [reference]]
        )
        low, high = np.nanmin(values), np.nanmax(values)
        span = (high - low) or 1.0
        power = 10.0 ** math.floor(math.log10(span / 4))
        step = next(power * factor for factor in (1, 2, 5, 10) if span / (power * factor) <= 6)
        first, last = math.floor(low / step), math.ceil(high / step)
        return cls(first * step, max(last, first + 1) * step, step)

    def __call__(self, value: float) -> float:
        return _LEFT + (value - self.low) / (self.high - self.low) * (_RIGHT - _LEFT)

    def ticks(self) -> list[float]:
        count = round((self.high - self.low) / self.step)
        return [self.low + i * self.step for i in range(count + 1)]


def _axis(scale: _Scale, height: int, label: str) -> str:
    bottom = height - _BOTTOM + 4
    parts = []
    for tick in scale.ticks():
        x = scale(tick)
        parts.append(
            f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP - 6}" y2="{bottom}" stroke="currentColor" '
            f'stroke-opacity=".15"/><text x="{x:.1f}" y="{bottom + 17}" text-anchor="middle" '
            f'font-size="12">{tick:.6g}</text>'
        )
    middle = (_LEFT + _RIGHT) / 2
    parts.append(f'<text y="{bottom + 36}" text-anchor="middle">{_wrapped(label, 50, middle)}</text>')
    return "".join(parts)


def _reference(x: float, top: float) -> str:
    # Drawn row by row, so that it does not run through the names of the categories.
    return (
        f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{top + 15}" y2="{top + 39}" stroke="currentColor" '
        'stroke-dasharray="4 3" stroke-opacity=".7"/>'
    )


def _category(name: str, rows: pd.DataFrame, top: float, scale: _Scale, item: str) -> str:
    values = rows["value"].to_numpy(float)
    middle, median = top + 27, float(np.median(values))
    unit = item if len(values) == 1 else f"{item}s"
    parts = [
        f'<text x="{_LEFT}" y="{top + 11}" font-size="13">{escape(str(name))} '
        f'<tspan fill-opacity=".75">(n = {len(values)} {unit}, median {median:.3f})</tspan></text>'
    ]
    if len(values) >= _LEAST_FOR_BOX:
        q25, q75 = np.quantile(values, [0.25, 0.75])
        width = scale(q75) - scale(q25)
        parts.append(
            f'<rect x="{scale(q25):.1f}" y="{middle - 9}" width="{width:.1f}" height="18" '
            f'fill="{OKABE_ITO["sky"]}" fill-opacity=".2" stroke="currentColor" stroke-opacity=".5"/>'
        )
    for row in rows.itertuples():
        pairs = f", {int(row.n):,} pairs" if "n" in rows and pd.notna(row.n) else ""
        hover = escape(f"{row.item}: {row.value:.3f}{pairs} ({name})")
        parts.append(
            f'<circle class="hv-point" cx="{scale(row.value):.1f}" cy="{middle}" r="4.5" '
            f'fill="{OKABE_ITO["sky"]}"><title>{hover}</title></circle>'
        )
    x = scale(median)
    parts.append(
        f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{middle - 9}" y2="{middle + 9}" stroke="currentColor" '
        'stroke-width="2.5"/>'
    )
    if {"low", "high"} <= set(rows.columns) and np.isfinite(
        [rows["low"].iloc[0], rows["high"].iloc[0]]
    ).all():
        low, high = scale(rows["low"].iloc[0]), scale(rows["high"].iloc[0])
        path = f"M{low:.1f} {middle + 9}v6M{low:.1f} {middle + 12}H{high:.1f}M{high:.1f} {middle + 9}v6"
        parts.append(
            f'<path d="{path}" fill="none" stroke="{OKABE_ITO["vermillion"]}" stroke-width="2">'
            "<title>interval of the median: "
            f"{rows['low'].iloc[0]:.3f} to {rows['high'].iloc[0]:.3f}</title></path>"
        )
    return "".join(parts)


def _wrapped(text: str, width: int, x: float) -> str:
    lines = [
        f'<tspan x="{x:g}" dy="{0 if number == 0 else 18}">{escape(line)}</tspan>'
        for number, line in enumerate(textwrap.wrap(text, width))
    ]
    return "".join(lines)
