"""Plots of predicted expression changes: scores, differences, ranks over seeds, errors of rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from helpers.plots import forest, metric_bars
from helpers.plots.style import OKABE_ITO, WIDTH, model_styles
from helpers.plots.tables import need_columns


def sign_accuracies(
    summary: pd.DataFrame, by: str, *, title: str, published: pd.DataFrame | None = None
) -> Figure:
    """Draw the sign accuracy of models, one group of points for each entry of the column ``by``.

    Parameters
    ----------
    summary : DataFrame
        :func:`helpers.studies.perturbation.comparison.summarise_models`, with the column ``by``.
    by : str
    title : str
    published : DataFrame, optional
        Columns ``metric`` (an entry of ``by``), ``model``, ``value``.
    """
    table = summary[summary["metric"] == "sign accuracy"]
    table = table.assign(metric=table[by].str.replace("_", " "))
    figure = metric_bars(table, published, title=title, ylabel="share of right signs")
    figure.axes[0].set_xlabel(f"{by} (bars: 95 % bootstrap interval)")
    return figure


def errors_by_sign(summary: pd.DataFrame, *, title: str, ylabel: str) -> Figure:
    """Draw the mean absolute errors of models on right signs, on wrong signs, and in total."""
    errors = ["MAE right", "MAE wrong", "MAE"]
    table = summary[summary["metric"].isin(errors)]
    table = table.sort_values("metric", key=lambda metric: metric.map(errors.index), kind="stable")
    return metric_bars(table, title=title, ylabel=ylabel, errors="95 % interval")


def differences(
    versus: pd.DataFrame,
    first: str,
    seconds: Sequence[str],
    metric: str,
    *,
    title: str,
    margin: float | None = None,
) -> Figure:
    """Draw differences between one model and some others.

    Parameters
    ----------
    versus : DataFrame
        :func:`helpers.studies.perturbation.comparison.compare_contest` of one protocol, with the column
        ``group`` (heading).
    first, seconds, metric : str, sequence of str, str
    title : str
    margin : float, optional
        Tolerance of the rule.
    """
    shown = versus[(versus["suffix"] == "") & (versus["first"] == first) & (versus["metric"] == metric)]
    shown = shown[shown["second"].isin(seconds)]
    xlabel = f"{metric} of {first} minus that of the other"
    return forest(shown.assign(label=shown["second"]), title=title, xlabel=xlabel, margin=margin)


def rank_lines(ranks: Mapping[str, pd.DataFrame], published: pd.Series, *, title: str) -> Figure:
    """Draw the rank of each model, published and in each seed, one panel a data set.

    Parameters
    ----------
    ranks : mapping of data set to DataFrame, models x seeds
        1 is best.
    published : Series
        Published rank of each model.
    title : str

    Raises
    ------
    DataError
        If a table is empty.
    """
    figure, axes = plt.subplots(len(ranks), 1, figsize=(WIDTH, 1.0 + 2.3 * len(ranks)), squeeze=False)
    styles = model_styles(published.index)
    for axis, (name, table) in zip(axes[:, 0], ranks.items(), strict=True):
        need_columns("rank_lines", table, ())
        positions = np.arange(table.shape[1] + 1)
        for model in published.index:
            colour, marker = styles[model]
            places = [published[model], *table.loc[model]]
            axis.plot(positions[:2], places[:2], color=colour, linewidth=1, linestyle=":")
            axis.plot(positions[1:], places[1:], color=colour, linewidth=1.6)
            axis.plot(positions[0], places[0], marker, color=colour, markerfacecolor="none", markersize=7)
            axis.plot(positions[1:], places[1:], marker, color=colour, markersize=6)
        axis.set_xticks(positions, ["published", *(f"seed {seed}" for seed in table.columns)], fontsize=9)
        axis.set_yticks(range(1, len(published) + 1))
        axis.invert_yaxis()
        axis.set(ylabel="rank (1 is best)", title=name)
    figure.suptitle(title, x=0.01, ha="left", fontsize=12)
    handles = [
        Line2D([], [], color=styles[m][0], marker=styles[m][1], linestyle="-", label=m)
        for m in published.index
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=3, fontsize=10)
    return figure


def spans(table: pd.DataFrame, *, title: str, ylabel: str) -> Figure:
    """Draw minimum, mean and maximum of several quantities within groups.

    Parameters
    ----------
    table : DataFrame
        Columns ``group``, ``quantity``, ``low``, ``mean``, ``high``, in the order in which they
        are drawn.
    title, ylabel : str

    Raises
    ------
    DataError
        If a column is missing or the table is empty.
    """
    need_columns("spans", table, ("group", "quantity", "low", "mean", "high"))
    groups, quantities = list(table["group"].unique()), list(table["quantity"].unique())
    colours = [OKABE_ITO[name] for name in ("blue", "vermillion", "black", "green", "orange", "purple")]
    figure, axis = plt.subplots(figsize=(WIDTH, 4.4))
    for i, quantity in enumerate(quantities):
        rows = table[table["quantity"] == quantity]
        x = np.array([groups.index(g) for g in rows["group"]]) + (i - (len(quantities) - 1) / 2) * 0.22
        axis.vlines(x, rows["low"], rows["high"], color=colours[i], linewidth=2)
        axis.plot(x, rows["mean"], "o", color=colours[i], markersize=6, label=quantity)
    axis.set_xticks(range(len(groups)), groups, rotation=25, ha="right", fontsize=10)
    axis.set(title=title, ylabel=ylabel, ylim=(0, None))
    axis.grid(axis="y", color="0.92")
    figure.legend(loc="outside lower center", ncols=min(3, len(quantities)), fontsize=10)
    return figure


def sorted_dots(table: pd.DataFrame, *, order: str, title: str, xlabel: str, ylabel: str) -> Figure:
    """Draw a value per item and model, items sorted by one model.

    Parameters
    ----------
    table : DataFrame, items x models
    order : str
        Column that sorts the items, from low to high; drawn as a line.
    title, xlabel, ylabel : str

    Raises
    ------
    DataError
        If ``order`` is not a column or the table is empty.
    """
    need_columns("sorted_dots", table, (order,))
    shown = table.sort_values(order)
    styles = model_styles(shown.columns)
    few = len(shown) <= 20
    figure, axis = plt.subplots(figsize=(WIDTH, 4.4))
    positions = np.arange(len(shown))
    axis.plot(positions, shown[order], color="0.4", linewidth=1.4, label=order)
    for model in shown.columns.drop(order):
        colour, marker = styles[model]
        axis.plot(positions, shown[model], marker, color=colour, markersize=6 if few else 3, label=model)
    if few:
        axis.set_xticks(positions, shown.index, rotation=60, ha="right", fontsize=9)
    axis.set(title=title, ylabel=ylabel, xlabel=f"{xlabel} (n = {len(shown)})")
    figure.legend(loc="outside lower center", ncols=min(4, shown.shape[1]), fontsize=10)
    return figure
