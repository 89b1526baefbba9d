"""Figures of a chapter as files and as cards of its notebook."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from helpers.atomic import write_text
from helpers.display.figures import FigureCard
from helpers.plots import SvgChart
from helpers.plots.described import describe, table_of
from helpers.plots.hover import chart_spec, chart_svg, chart_table, chart_words
from helpers.plots.themed import draw_svg, themed

if TYPE_CHECKING:
    from altair import TopLevelMixin

#: What a chapter can show as a figure; an Altair chart answers when pointed at.
Drawn: TypeAlias = "Figure | SvgChart | TopLevelMixin"


def words_of(figure: Drawn, caption: str) -> str:
    """Say what is to be seen in a figure."""
    if isinstance(figure, Figure):
        return describe(figure)
    return caption if isinstance(figure, SvgChart) else chart_words(figure)


def save_figure(
    figure: Drawn, folder: Path, stem: str, caption: str, alt: str, table: pd.DataFrame | None
) -> FigureCard:
    """Save a figure as ``<stem>.svg`` and its table as ``<stem>.csv``, and close it.

    Without a table, the one that the plot keeps with its figure is taken, if any.
    """
    spec = None
    if isinstance(figure, SvgChart):
        svg = body = figure.svg
    elif isinstance(figure, Figure):
        table = table_of(figure) if table is None else table
        svg = draw_svg(figure)
        body = themed(svg, stem)
        plt.close(figure)
    else:
        table = chart_table(figure) if table is None else table
        svg = chart_svg(figure)
        body, spec = themed(svg, stem), chart_spec(figure)
    write_text(folder / f"{stem}.svg", svg)
    csv = None if table is None else table.to_csv(index=not isinstance(table.index, pd.RangeIndex))
    if csv is not None:
        write_text(folder / f"{stem}.csv", csv)
    return FigureCard(body, caption, name=stem, alt=alt, csv=csv, spec=spec)
