"""Plots of latent spaces: quality by size, and where a treatment moves the cells; a model's colour."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from pandas.io.formats.style import Styler

from helpers.checks import as_numbers, check_keep, refuse
from helpers.errors import DataError
from helpers.plots.style import OKABE_ITO, WIDTH, model_styles
from helpers.plots.svg import SvgChart, named_points
from helpers.plots.tables import need_columns
from helpers.studies.pertvae.tables import p_text


def table_1_style(table: pd.DataFrame) -> Styler:
    """Show :func:`helpers.studies.pertvae.tables.both_tests`: three decimals, p-values in two digits."""
    p_values = ["p", "p_lines", "p_flip", "p_holm"]
    plain = [column for column in table.select_dtypes("float") if column not in p_values]
    return table.style.format("{:.3f}", subset=plain).format(p_text, subset=p_values)


def size_curves(
    table: pd.DataFrame,
    *,
    title: str,
    ylabel: str,
    xlabel: str = "latent units or components",
    scale: str = "log",
) -> Figure:
    """Draw a quantity against the latent size, one curve a model, with intervals.

    Parameters
    ----------
    table : DataFrame
        ``model``, ``size``, ``value``, ``low``, ``high``; NaN limits draw no bar.
    title, ylabel, xlabel : str
    scale : {"log", "linear"}
        Of the sizes; "log" needs them positive.

    Raises
    ------
    DataError
        If a column is missing, the table is empty, or a size is not positive on a logarithmic axis.
    """
    need_columns("size_curves", table, ("model", "size", "value", "low", "high"))
    if scale not in ("log", "linear") or (scale == "log" and not (table["size"] > 0).all()):
        refuse("size_curves", f"sizes cannot stand on a scale {scale!r}", "'linear' shows zero too")
    names = list(table["model"].unique())
    styles = model_styles(names)
    figure, axes = plt.subplots(figsize=(WIDTH, 4.0))
    for number, (model, rows) in enumerate(table.groupby("model", sort=False)):
        rows = rows.sort_values("size")
        colour, marker = styles[model]
        # Side by side, so that the bars of equal sizes do not cover each other.
        aside = number - (len(names) - 1) / 2
        x = rows["size"].to_numpy(float)
        x = x * 1.03**aside if scale == "log" else x + 0.01 * np.ptp(table["size"]) * aside
        y = rows["value"].to_numpy(float)
        bars = np.nan_to_num(np.abs(rows[["low", "high"]].to_numpy(float).T - y))
        axes.errorbar(x, y, bars, fmt=f"{marker}-", color=colour, label=model, capsize=2, linewidth=1.5)
    sizes = sorted(table["size"].unique())
    axes.set_xscale(scale)
    axes.set_xticks(sizes, [str(size) for size in sizes])
    axes.minorticks_off()
    axes.grid(axis="y", color="0.92")
    axes.set(title=title, xlabel=xlabel, ylabel=ylabel)
    figure.legend(loc="outside lower center", ncols=min(3, len(names)), fontsize=10)
    return figure


def latent_arrows(
    before: np.ndarray,
    after: np.ndarray,
    predicted: np.ndarray,
    *,
    title: str,
    held_out: np.ndarray | None = None,
    names: Sequence[str] = (),
    unit: str = "lines",
) -> Figure | SvgChart:
    """Draw where each cell line is before and after treatment, and where the model moves it.

    Parameters
    ----------
    before, after, predicted : array (pairs, 2)
    title : str
    held_out : array of bool (pairs,), optional
        Pairs that the model was not trained on: drawn with a dark edge.
    names : sequence of str, optional
        What each pair is; its three points say it on hover.
    unit : str
        What a point is.

    Raises
    ------
    DataError
        If the arrays differ in shape, hold no pair or no finite numbers, or names or the choice of pairs have
        another length.
    """
    for points in (before, after, predicted):
        as_numbers(points, "latent_arrows", finite=True)
    if not (before.shape == after.shape == predicted.shape) or before.ndim != 2 or before.shape[1:] != (2,):
        shapes = ", ".join(str(points.shape) for points in (before, after, predicted))
        msg = f"latent_arrows needs three arrays (pairs, 2); got {shapes}"
        raise DataError(msg)
    if not len(before):
        msg = "latent_arrows: nothing to draw"
        raise DataError(msg)
    held_out = (
        np.zeros(len(before), bool) if held_out is None else check_keep(held_out, len(before), "held_out")
    )
    if len(names) not in (0, len(before)):
        refuse("latent_arrows", f"{len(names)} names for {len(before)} pairs")
    figure, axes = plt.subplots(figsize=(WIDTH, 4.8))
    for start, end, guess in zip(before, after, predicted, strict=True):
        for target, colour in ((end, "0.35"), (guess, OKABE_ITO["orange"])):
            arrow = {"arrowstyle": "-|>", "color": colour, "linewidth": 1.3, "shrinkA": 3, "shrinkB": 3}
            axes.annotate("", xy=target, xytext=start, arrowprops=arrow, zorder=3)
    layers = (
        ("before", before, OKABE_ITO["blue"], "o"),
        ("after, measured", after, OKABE_ITO["vermillion"], "s"),
        ("after, predicted", predicted, OKABE_ITO["orange"], "^"),
    )
    said = {}
    for name, points, colour, marker in layers:
        for unseen, edge in ((False, colour), (True, "black")):
            x, y = points[held_out == unseen].T
            [dots] = axes.plot(x, y, marker, color=colour, markersize=5.8, zorder=2, gid=f"{name}, {unseen}")
            dots.set(markeredgecolor=edge, markeredgewidth=1.3)
            said[f"{name}, {unseen}"] = [
                f"{one}, {name}" for one, left_out in zip(names, held_out, strict=False) if left_out == unseen
            ]
    axes.set(
        title=title,
        xlabel=f"latent component 1 ({len(before)} {unit})",
        ylabel="latent component 2",
    )
    handles = [
        Line2D([], [], color=colour, marker=marker, linestyle="none", label=name)
        for name, _, colour, marker in layers
    ]
    if held_out.any():
        handles.append(
            Line2D([], [], color="none", marker="o", markeredgecolor="black", label="left out of training")
        )
    figure.legend(handles=handles, loc="outside lower center", ncols=2, fontsize=10)
    return named_points(figure, said, label=title) if len(names) else figure
