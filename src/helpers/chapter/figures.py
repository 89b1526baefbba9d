"""Figures of a chapter as files and as cards of its notebook."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from helpers.atomic import atomic_writer, write_text
from helpers.display.cards import FigureCard
from helpers.plots import SvgChart


def save_figure(figure: Figure | SvgChart, folder: Path, stem: str, caption: str) -> tuple[str, FigureCard]:
    """Save a figure: a matplotlib figure as PNG and SVG, and close it; a chart as SVG.

    Returns
    -------
    file : str
        Name of the file to show, in ``folder``.
    card : FigureCard
    """
    if isinstance(figure, SvgChart):
        write_text(folder / f"{stem}.svg", figure.svg)
        return f"{stem}.svg", FigureCard(figure.svg, caption)
    drawn = {"png": _drawn(figure, "png")}
    figure.set_layout_engine("none")  # the second drawing keeps the places of the first
    drawn["svg"] = _drawn(figure, "svg", metadata={"Date": None})  # equal runs write equal files
    for kind, content in drawn.items():
        with atomic_writer(folder / f"{stem}.{kind}", "wb") as stream:
            stream.write(content)
    plt.close(figure)
    return f"{stem}.png", FigureCard.of_png(drawn["png"], caption)


def _drawn(figure: Figure, kind: str, **options: Any) -> bytes:
    with io.BytesIO() as stream:
        figure.savefig(stream, format=kind, **options)
        return stream.getvalue()
