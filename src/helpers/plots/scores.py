"""Plots of scores and of their differences: by metric, against the paper, against baselines."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from helpers.plots.described import keep_table
from helpers.plots.style import OKABE_ITO, WIDTH, model_styles
from helpers.plots.tables import need_columns


def metric_bars(
    table: pd.DataFrame,
    published: pd.DataFrame | None = None,
    *,
    title: str,
    ylabel: str = "score (0 to 1)",
    errors: str = "interval",
    styles: Mapping[str, tuple[str, str]] | None = None,
) -> Figure:
    """Draw scores per metric and model as points with error bars, published values as open markers.

    Parameters
    ----------
    table : DataFrame
        Columns ``metric``, ``model``, ``value``, ``low``, ``high``; metrics and models are drawn
        in the order in which they appear; NaN limits draw no bar.
    published : DataFrame, optional
        Columns ``metric``, ``model``, ``value``.
    title : str
        Name the data set, the protocol and n.
    errors : str
        What the bars are, for the legend, e.g. ``"SD over 5 folds"``.
    styles : mapping of model to (colour, marker), optional
        Default: :func:`helpers.plots.style.model_styles` of the models that are drawn.

    Raises
    ------
    DataError
        If a column is missing or the table is empty.
    """
    need_columns("metric_bars", table, ("metric", "model", "value", "low", "high"))
    metrics, models = list(table["metric"].unique()), list(table["model"].unique())
    styles = model_styles(models) if styles is None else styles
    offsets = dict(zip(models, _offsets(len(models)), strict=True))
    figure, axes = plt.subplots(figsize=(WIDTH, 4.4))
    for model in models:
        rows = table[table["model"] == model]
        x = np.array([metrics.index(metric) for metric in rows["metric"]]) + offsets[model]
        colour, marker = styles[model]
        value = rows["value"].to_numpy(float)
        spread = np.abs(rows[["low", "high"]].to_numpy(float).T - value)
        axes.errorbar(
            x, value, yerr=np.nan_to_num(spread), fmt=marker, color=colour, markersize=6, elinewidth=1.5
        )
    handles = [_handle(model, *styles[model]) for model in models]
    if published is not None:
        need_columns("metric_bars, published", published, ("metric", "model", "value"))
        shown = published[published["metric"].isin(metrics) & published["model"].isin(models)]
        for row in shown.itertuples():
            # Beside the point, so that a published value equal to ours stays visible.
            x = metrics.index(row.metric) + offsets[row.model] + 0.4 / (len(models) + 1)
            colour, marker = styles[row.model]
            axes.plot(x, row.value, marker, markerfacecolor="none", markeredgecolor=colour, markersize=6)
        handles.append(_handle("published (open)", "0.4", "o", filled=False))
    for edge in range(1, len(metrics)):
        axes.axvline(edge - 0.5, color="0.9", linewidth=1)
    wide = 56 // len(metrics)  # letters that have room below one group
    axes.set_xticks(range(len(metrics)), [textwrap.fill(str(metric), max(wide, 8)) for metric in metrics])
    axes.set_xlim(-0.5, len(metrics) - 0.5)
    axes.grid(axis="y", color="0.92")
    axes.set(title=title, ylabel=ylabel, xlabel=f"metric (bars: {errors})")
    _legend_below(figure, handles)
    return keep_table(figure, table)


def agreement(
    table: pd.DataFrame, *, title: str, xlabel: str = "published", ylabel: str = "recomputed here"
) -> Figure:
    """Draw recomputed against published values with the line of equality.

    Parameters
    ----------
    table : DataFrame
        Columns ``published``, ``ours``, ``model``; rows with NaN are left out and counted.
    title, xlabel, ylabel : str

    Raises
    ------
    DataError
        If a column is missing or the table is empty.
    """
    need_columns("agreement", table, ("published", "ours", "model"))
    shown = table.dropna(subset=["published", "ours"])
    need_columns("agreement", shown, ("published", "ours"))
    styles = model_styles(table["model"])
    figure, axes = plt.subplots(figsize=(WIDTH, 5.4))
    values = shown[["published", "ours"]].to_numpy(float)
    margin = 0.05 * (np.ptp(values) or 1.0)
    limits = (values.min() - margin, values.max() + margin)
    axes.plot(limits, limits, color="0.6", linewidth=1, linestyle="--")
    for model, rows in shown.groupby("model", sort=False):
        colour, marker = styles[model]
        axes.plot(rows["published"], rows["ours"], marker, color=colour, markersize=6, alpha=0.8)
    left_out = len(table) - len(shown)
    counted = f"n = {len(shown)} values" + (f", {left_out} undefined left out" if left_out else "")
    axes.set(title=title, xlabel=f"{xlabel} ({counted})", ylabel=ylabel, xlim=limits, ylim=limits)
    axes.set_aspect("equal")
    handles = [_handle(model, *styles[model]) for model in shown["model"].unique()]
    _legend_below(figure, [*handles, Line2D([], [], color="0.6", linestyle="--", label="equal")])
    return keep_table(figure, table)


#: Characters of a row's name in a line: the axis keeps its room beside names and numbers.
_LABEL_WIDTH = 26


def forest(
    table: pd.DataFrame, *, title: str, xlabel: str, margin: float | None = None, reach: float = np.inf
) -> Figure:
    """Draw paired differences with their intervals, one row a comparison.

    Parameters
    ----------
    table : DataFrame
        Columns ``label``, ``difference``, ``low``, ``high``; rows are drawn from top to bottom.
        An optional column ``group`` (e.g. the data set) heads consecutive rows.
    xlabel : str
        Say what minus what, and the unit.
    margin : float, optional
        Tolerance of the rule, drawn as a band around zero.
    reach : float
        The axis ends there on either side: a difference beyond is an arrow at the edge, with its numbers
        beside it, so that it does not squeeze the others.

    Raises
    ------
    DataError
        If a column is missing or the table is empty.
    """
    need_columns("forest", table, ("label", "difference", "low", "high"))
    ticks, labels, y = [], [], 0.0
    figure, axes = plt.subplots()
    if margin is not None:
        axes.axvspan(-margin, margin, color="0.92", zorder=0, label=f"within ±{margin:g}")
    axes.axvline(0, color="0.4", linewidth=1)
    previous = None
    for row in table.itertuples():
        group = getattr(row, "group", None)
        if group is not None and group != previous:
            # On white: a long heading reaches across the line at zero.
            heading = axes.text(0, y, f"{group}", transform=axes.get_yaxis_transform(), weight="bold")
            heading.set(va="center", bbox={"color": "white", "pad": 1})
            previous, y = group, y + 1
        if np.isfinite(row.difference):
            excludes_zero = np.isfinite(row.low) and (row.low > 0 or row.high < 0)
            colour = OKABE_ITO["blue"] if excludes_zero else "0.35"
            axes.plot(np.clip([row.low, row.high], -reach, reach), [y, y], color=colour, linewidth=2)
            face = colour if excludes_zero else "white"
            shown = float(np.clip(row.difference, -reach, reach))
            marker = "o" if shown == row.difference else "<>"[int(shown > 0)]
            axes.plot(shown, y, marker, color=colour, markerfacecolor=face, markersize=7, clip_on=False)
        axes.text(
            1.02,
            y,
            _difference_text(row.difference, row.low, row.high),
            transform=axes.get_yaxis_transform(),
            va="center",
            fontsize=9,
        )
        ticks.append(y)
        labels.append(textwrap.fill(str(row.label), _LABEL_WIDTH))
        y += 1 + 0.4 * labels[-1].count("\n")
    axes.set_yticks(ticks, labels)
    axes.xaxis.set_major_locator(MaxNLocator(2 if any("\n" in label for label in labels) else 3))
    axes.tick_params(axis="x", labelsize=9)
    axes.set_ylim(y - 0.4, -0.6)
    axes.set(xlabel=xlabel)
    figure.suptitle(title, x=0.01, ha="left", fontsize=12)
    handles = [
        Line2D([], [], color=OKABE_ITO["blue"], marker="o", label="interval excludes 0"),
        Line2D([], [], color="0.35", marker="o", markerfacecolor="white", label="interval includes 0"),
    ]
    if margin is not None:
        handles.append(Line2D([], [], color="0.85", linewidth=8, label=f"within ±{margin:g}"))
    _legend_below(figure, handles)
    figure.set_size_inches(WIDTH, 1.6 + 0.36 * y)
    return keep_table(figure, table)


def _difference_text(difference: float, low: float, high: float) -> str:
    if not np.isfinite(difference):
        return "undefined"
    if not np.isfinite(low):
        return f"{difference:+.3f}"
    return f"{difference:+.3f} [{low:+.3f}, {high:+.3f}]"


def _offsets(count: int) -> np.ndarray:
    return (np.arange(count) - (count - 1) / 2) * 0.8 / (count + 0.5)


def _handle(label: str, colour: str, marker: str, *, filled: bool = True) -> Line2D:
    face = colour if filled else "none"
    return Line2D([], [], color=colour, marker=marker, markerfacecolor=face, linestyle="none", label=label)


def _legend_below(figure: Figure, handles: list[Line2D]) -> None:
    figure.legend(handles=handles, loc="outside lower center", ncols=min(3, len(handles)), fontsize=10)
