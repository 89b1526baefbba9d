"""Plots of predicted expression changes: scores, differences, ranks over seeds, errors of rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from helpers.checks import refuse
from helpers.plots import SvgChart, forest, metric_bars, named_points
from helpers.plots.style import WIDTH, model_styles
from helpers.plots.tables import need_columns

_SIMPLE = ("additive", "gene sign", "cell mean", "zero")
#: Colour and marker of each model.
STYLES = model_styles(("LSTM", "GRU", "GRU3", "GRU3-ATTN", "Transformer", "Autoencoder", *_SIMPLE))


def sign_accuracies(summary: pd.DataFrame, by: str, *, title: str) -> Figure:
    """Draw the sign accuracy of models, one group of points for each entry of the column ``by``.

    Parameters
    ----------
    summary : DataFrame
        :func:`helpers.studies.perturbation.comparison.summarise_models`, with the column ``by``.
    by : str
    title : str
    """
    table = summary[summary["metric"] == "sign accuracy"]
    table = table.assign(metric=table[by].str.replace("_", " "))
    figure = metric_bars(table, title=title, ylabel="share of right signs", styles=STYLES)
    figure.axes[0].set_xlabel(f"{by} (bars: 95 % bootstrap interval)")
    return figure


def errors_by_sign(summary: pd.DataFrame, *, title: str, ylabel: str) -> Figure:
    """Draw the mean absolute errors of models on right signs, on wrong signs, and in total."""
    errors = ["MAE right", "MAE wrong", "MAE"]
    table = summary[summary["metric"].isin(errors)]
    table = table.sort_values("metric", key=lambda metric: metric.map(errors.index), kind="stable")
    return metric_bars(table, title=title, ylabel=ylabel, errors="95 % interval", styles=STYLES)


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
    shown = versus[(versus["first"] == first) & (versus["metric"] == metric)]
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
    for axis, (name, table) in zip(axes[:, 0], ranks.items(), strict=True):
        need_columns("rank_lines", table, ())
        positions = np.arange(table.shape[1] + 1)
        for model in published.index:
            colour, marker = STYLES[model]
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
        Line2D([], [], color=STYLES[m][0], marker=STYLES[m][1], linestyle="-", label=m)
        for m in published.index
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=3, fontsize=10)
    return figure


def spans(table: pd.DataFrame, *, title: str, ylabel: str) -> Figure:
    """Draw minimum, mean and maximum of each model's errors within groups.

    Parameters
    ----------
    table : DataFrame
        Columns ``group``, ``model``, ``low``, ``mean``, ``high``, in the order in which they are drawn.
    title, ylabel : str

    Raises
    ------
    DataError
        If a column is missing, the table is empty, or a value cannot stand on a logarithmic axis.
    """
    need_columns("spans", table, ("group", "model", "low", "mean", "high"))
    if not (table[["low", "mean", "high"]] > 0).all(axis=None):
        refuse("spans", "a value is missing, zero or negative, which a logarithmic axis does not show")
    groups, models = list(table["group"].unique()), list(table["model"].unique())
    figure, axis = plt.subplots(figsize=(WIDTH, 4.4))
    for i, model in enumerate(models):
        rows = table[table["model"] == model]
        colour, marker = STYLES[model]
        x = np.array([groups.index(g) for g in rows["group"]]) + (i - (len(models) - 1) / 2) * 0.13
        axis.vlines(x, rows["low"], rows["high"], color=colour, linewidth=1.5)
        axis.plot(x, rows["mean"], marker, color=colour, markersize=5, label=model)
    axis.set_xticks(range(len(groups)), groups, rotation=25, ha="right", fontsize=10)
    axis.set(title=title, ylabel=ylabel, yscale="log")
    axis.grid(axis="y", color="0.92")
    figure.legend(loc="outside lower center", ncols=min(3, len(models)), fontsize=10)
    return figure


def sorted_dots(
    table: pd.DataFrame, *, order: str, title: str, xlabel: str, ylabel: str
) -> Figure | SvgChart:
    """Draw a value per item and model, items sorted by one column, on a logarithmic axis.

    Twenty items have their names on the axis; more say them on hover.

    Parameters
    ----------
    table : DataFrame, items x models
        Positive.
    order : str
        Column that sorts the items, from low to high; drawn as a line.
    title, xlabel, ylabel : str

    Raises
    ------
    DataError
        If ``order`` is not a column, the table is empty, or a value is not positive.
    """
    need_columns("sorted_dots", table, (order,))
    if (table <= 0).any(axis=None):
        refuse("sorted_dots", "a value is zero or negative, which a logarithmic axis does not show")
    shown = table.sort_values(order)
    few = len(shown) <= 20
    figure, axis = plt.subplots(figsize=(WIDTH, 4.4))
    positions = np.arange(len(shown))
    axis.plot(positions, shown[order], color="0.4", linewidth=1.4, label=order)
    names = {}
    for model in shown.columns.drop(order):
        colour, marker = STYLES[model]
        there = shown[model].notna().to_numpy()
        value, size = shown.loc[there, model], 6 if few else 3
        axis.plot(positions[there], value, marker, color=colour, markersize=size, label=model, gid=model)
        names[model] = [f"{item}, {model}: {one:.3g}" for item, one in value.items()]
    if few:
        axis.set_xticks(positions, shown.index, rotation=60, ha="right", fontsize=9)
    counted = f"{xlabel} (n = {len(shown)}" + (")" if few else "; names on hover)")
    axis.set(title=title, ylabel=ylabel, xlabel=counted, yscale="log")
    figure.legend(loc="outside lower center", ncols=min(4, shown.shape[1]), fontsize=10)
    return figure if few else named_points(figure, names, label=title)


#: Steps of the ladder of sign accuracy, from nothing to the ceiling; those that are no model look like none.
_STEPS = {
    "coin": ("0.6", "|"),
    "always up": ("0.4", "1"),
    "constant sign": STYLES["gene sign"],
    "additive": STYLES["additive"],
    "last network": ("#332288", "<"),
    "best network": ("#332288", ">"),
    "oracle": ("#117733", "p"),
    "noise ceiling": ("#AA4499", "|"),
}


def ladder(table: pd.DataFrame, *, published: Mapping[str, float], title: str) -> Figure:
    """Draw the steps of :func:`helpers.studies.perturbation.ceiling.sign_ladder`, one row a data set.

    Parameters
    ----------
    table : DataFrame
        Columns ``data``, ``step``, ``value``, ``low``, ``high``.
    published : mapping of data set to float
        Drawn beside the data sets that it is about.
    title : str

    Raises
    ------
    DataError
        If a column is missing or the table is empty.
    """
    need_columns("ladder", table, ("data", "step", "value", "low", "high"))
    unknown = set(table["step"]) - set(_STEPS)
    if unknown:
        refuse("ladder", f"unknown step(s) {sorted(map(str, unknown))}; one of {', '.join(_STEPS)}")
    data = list(table["data"].unique())
    figure, axis = plt.subplots(figsize=(WIDTH, 1.8 + 0.7 * len(data)))
    steps = [step for step in _STEPS if step in set(table["step"])]
    for i, step in enumerate(steps):
        rows = table[table["step"] == step]
        y = [data.index(name) + 0.6 * (i / max(len(steps) - 1, 1) - 0.5) for name in rows["data"]]
        colour, marker = _STEPS[step]
        axis.hlines(y, rows["low"], rows["high"], color=colour, linewidth=1.5)
        axis.plot(rows["value"], y, marker, color=colour, markersize=8, linestyle="none", label=step)
    own = {data.index(name): value for name, value in published.items() if name in data}
    for row, value in own.items():
        axis.vlines(value, row - 0.4, row + 0.4, color="0.3", linestyle="--", linewidth=1)
        axis.annotate(f"published, {value:.0%}", (value, row - 0.42), fontsize=9, ha="right")
    axis.set_yticks(range(len(data)), data)
    axis.invert_yaxis()
    axis.set(title=title, xlabel="share of right signs (bars: 95 % interval)")
    axis.grid(axis="x", color="0.92")
    figure.legend(loc="outside lower center", ncols=4, fontsize=9)
    return figure
