"""Figures of a chapter as files and as cards of its notebook."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from helpers.atomic import write_text
from helpers.display.figures import FigureCard
from helpers.plots import SvgChart
from helpers.plots.described import table_of
from helpers.plots.themed import draw_svg, themed


def save_figure(
    figure: Figure | SvgChart, folder: Path, stem: str, caption: str, alt: str, table: pd.DataFrame | None
) -> FigureCard:
    """Save a figure as ``<stem>.svg`` and its table as ``<stem>.csv``, and close it.

    Without a table, the one that the plot keeps with its figure is taken, if any.
    """
    if isinstance(figure, SvgChart):
        svg = body = figure.svg
    else:
        table = table_of(figure) if table is None else table
        svg = draw_svg(figure)
        body = themed(svg, stem)
        plt.close(figure)
    write_text(folder / f"{stem}.svg", svg)
    csv = None if table is None else table.to_csv(index=not isinstance(table.index, pd.RangeIndex))
    if csv is not None:
        write_text(folder / f"{stem}.csv", csv)
    return FigureCard(body, caption, name=stem, alt=alt, csv=csv)
