"""Charts that answer when a reader points at them: a point is a drug, a cell line, a claim, a profile."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from helpers.plots.style import OKABE_ITO, model_styles
from helpers.plots.tables import need_columns

if TYPE_CHECKING:
    import altair

#: Ink follows the text of the page; grid and frames are seen on a white and on a dark ground.
_INK, _FAINT = "currentColor", "rgba(128,128,128,0.4)"
_CONFIG: dict[str, Any] = {
    "background": "transparent",
    "font": "DejaVu Sans, Verdana, sans-serif",
    "view": {"stroke": None},
    "title": {"anchor": "start", "color": _INK, "fontSize": 14, "fontWeight": "normal"},
    "axis": {
        **dict.fromkeys(("labelColor", "titleColor", "domainColor", "tickColor"), _INK),
        "gridColor": _FAINT,
        **dict.fromkeys(("labelFontSize", "titleFontSize"), 12),
        "titleFontWeight": "normal",
    },
    "legend": {
        **dict.fromkeys(("labelColor", "titleColor"), _INK),
        "orient": "bottom",
        "columns": 3,
        "labelLimit": 260,
        **dict.fromkeys(("labelFontSize", "titleFontSize"), 12),
    },
}
_SIZE = (520, 360)


def hover_points(
    table: pd.DataFrame,
    x: str,
    y: str,
    *,
    title: str,
    colour: str | None = None,
    labels: Mapping[str, str] | None = None,
    shown: Sequence[str] | None = None,
    equal: bool = False,
) -> altair.TopLevelMixin:
    """Draw one point a row, which says what it is when pointed at.

    Parameters
    ----------
    table : DataFrame
        At most 5,000 rows.
    x, y : str
        Columns of numbers.
    title : str
        States the finding.
    colour : str, optional
        Column of groups; a click in the legend leaves one. Models look as everywhere in the book.
    labels : mapping of column to text for axes and tooltips, optional
    shown : sequence of str, optional
        Columns of the tooltip, the name of the point first. Default: all.
    equal : bool
        Draw the line of equality.

    Raises
    ------
    DataError
        If the table is empty or lacks a column.
    """
    import altair  # seconds, most of them for a library that checks addresses; few chapters draw such a chart

    named = [x, y, *([colour] if colour else []), *(shown or [])]
    need_columns("hover_points", table, tuple(dict.fromkeys(named)))
    words = {column: str(column).replace("_", " ") for column in table.columns} | dict(labels or {})
    kept = list(dict.fromkeys([*(shown or table.columns), *named]))
    tips = [
        altair.Tooltip(
            field=_field(column),
            type="quantitative" if pd.api.types.is_numeric_dtype(table[column]) else "nominal",
            title=words[column],
            format=".3f" if pd.api.types.is_float_dtype(table[column]) else altair.Undefined,
        )
        for column in (shown or table.columns)
    ]
    encoding: dict[str, Any] = {
        "x": altair.X(field=_field(x), type="quantitative", title=words[x], scale=altair.Scale(zero=False)),
        "y": altair.Y(field=_field(y), type="quantitative", title=words[y], scale=altair.Scale(zero=False)),
        "tooltip": tips,
    }
    chart = altair.Chart(table[kept], title=title, width=_SIZE[0], height=_SIZE[1]).mark_point(
        filled=True, size=55, opacity=0.75, color=OKABE_ITO["blue"]
    )
    if colour:
        groups = list(dict.fromkeys(table[colour]))
        looks = [look for look, _ in model_styles(map(str, groups)).values()]
        scale = altair.Scale(domain=groups, range=looks)
        encoding["color"] = altair.Color(
            field=_field(colour), type="nominal", title=words[colour], scale=scale
        )
        picked = altair.selection_point(fields=[colour], bind="legend", name="picked")
        encoding["opacity"] = altair.condition(picked, altair.value(0.85), altair.value(0.08))
        chart = chart.add_params(picked)
    chart = chart.encode(**encoding)
    if not equal:
        return chart
    ends = [float(table[[x, y]].min().min()), float(table[[x, y]].max().max())]
    line = altair.Chart(pd.DataFrame({x: ends, y: ends})).mark_line(color="#7f7f7f", strokeDash=[4, 4])
    line = line.encode(
        x=altair.X(field=_field(x), type="quantitative"), y=altair.Y(field=_field(y), type="quantitative")
    )
    return altair.layer(line, chart).properties(title=title, width=_SIZE[0], height=_SIZE[1])


def chart_spec(chart: altair.TopLevelMixin) -> dict[str, Any]:
    """Return a chart as Vega-Lite in the style of the book."""
    spec = json.loads(chart.to_json())
    own = spec.get("config", {})
    return spec | {
        "config": {**{name: own[name] for name in own if name not in ("view", "background")}, **_CONFIG}
    }


def chart_svg(chart: altair.TopLevelMixin) -> str:
    """Draw a chart as it is before anyone points at it, for paper and for readers without scripts."""
    import vl_convert  # a large library, and few chapters draw such a chart

    return vl_convert.vegalite_to_svg(chart_spec(chart))


def chart_table(chart: altair.TopLevelMixin) -> pd.DataFrame | None:
    """Return the table of a chart; None where it has several or none of its own."""
    layers = getattr(chart, "layer", None) or [chart]
    data = getattr(layers[-1], "data", None)
    return data if isinstance(data, pd.DataFrame) else None


def chart_words(chart: altair.TopLevelMixin) -> str:
    """Return the alternative text of a chart: title, axes, groups."""
    spec = chart_spec(chart)
    encoding = spec.get("layer", [spec])[-1].get("encoding", {})
    parts = [f"{spec['title']}." if isinstance(spec.get("title"), str) else ""]
    for channel, word in (("x", "Across"), ("y", "Upwards"), ("color", "Colour")):
        if title := encoding.get(channel, {}).get("title"):
            groups = encoding[channel].get("scale", {}).get("domain", [])
            parts.append(f"{word}: {title}{' – ' if groups else ''}{', '.join(map(str, groups[:12]))}.")
    table = chart_table(chart)
    return " ".join([*filter(None, parts), f"{len(table):,} points." if table is not None else ""]).strip()


def _field(column: str) -> str:
    """Escape what Vega would read as a path."""
    return column.replace("\\", "\\\\").replace(".", "\\.").replace("[", "\\[").replace("]", "\\]")
