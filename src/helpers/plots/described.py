"""What is to be seen in a figure, in words: its alternative text; and the table behind it."""

from __future__ import annotations

import re
from weakref import WeakKeyDictionary

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

_TABLES: WeakKeyDictionary[Figure, pd.DataFrame] = WeakKeyDictionary()
_NAMES = 12  # of rows or series that are read out


def keep_table(figure: Figure, table: pd.DataFrame) -> Figure:
    """Keep the table that a figure draws beside it, so that a page can offer it; return the figure."""
    _TABLES[figure] = table
    return figure


def table_of(figure: Figure) -> pd.DataFrame | None:
    """Return the table that :func:`keep_table` keeps for a figure."""
    return _TABLES.get(figure)


def describe(figure: Figure) -> str:
    """Return the alternative text of a figure: titles, axes with their range, series, rows."""
    figure.draw_without_rendering()  # labels of ticks have their text then
    panels = [axes for axes in figure.axes if axes.axison and axes.get_visible() and axes.has_data()]
    title = figure.get_suptitle()
    parts = [_sentence(title)] if title else []
    if len(panels) > 1:
        parts.append(f"{len(panels)} panels.")
    seen: list[str] = []
    for axes in panels:
        for part in _panel(axes):
            if part not in seen:  # panels share most of their words
                seen.append(part)
    labels = [text.get_text() for legend in figure.legends for text in legend.get_texts()]
    return " ".join([*parts, *seen, *([_listed("Shown", labels)] if labels else [])])


def _panel(axes: Axes) -> list[str]:
    parts = [_sentence(title) for side in ("left", "center", "right") if (title := axes.get_title(side))]
    for axis, name in ((axes.xaxis, "Across"), (axes.yaxis, "Upwards")):
        low, high = sorted(axis.get_view_interval())
        ticks = [
            tick.label1.get_text()
            for tick in axis.get_major_ticks()
            if tick.label1.get_text() and low <= tick.get_loc() <= high
        ]
        words = [tick for tick in ticks if not _number(tick)]
        label = " ".join(axis.get_label_text().split())
        if words:
            parts.append(_listed(f"{name}: {label}" if label else name, ticks))
        elif label and ticks:
            parts.append(f"{name}: {label}, from {ticks[0]} to {ticks[-1]}.")
    legend = axes.get_legend()
    if legend is not None:
        parts.append(_listed("Shown", [text.get_text() for text in legend.get_texts()]))
    return parts


def _listed(head: str, words: list[str]) -> str:
    shown = ", ".join(" ".join(word.split()) for word in words[:_NAMES])
    more = f" and {len(words) - _NAMES} more" if len(words) > _NAMES else ""
    return f"{head}: {shown}{more}."


def _sentence(text: str) -> str:
    text = " ".join(text.split())
    return text if text.endswith((".", "?", "!")) else f"{text}."


def _number(text: str) -> bool:
    return re.fullmatch(r"(\$\\mathdefault\{)?[-\N{MINUS SIGN}\d.,^{}%e+]+(\}\$)?", text) is not None
