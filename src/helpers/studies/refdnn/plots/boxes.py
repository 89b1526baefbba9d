"""Box plots of groups: paired between models, and by class of response."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from helpers.checks import as_numbers, check_columns, check_numbers, refuse
from helpers.errors import DataError
from helpers.plots.style import RESISTANT, SENSITIVE, WIDTH, model_styles
from helpers.plots.tables import need_columns


def paired_boxes(
    values: pd.DataFrame,
    *,
    title: str,
    ylabel: str,
    unit: str = "groups",
    p_values: Mapping[str, float] | None = None,
) -> Figure:
    """Draw one box a model over the same groups, with a line for each group.

    Above each further model: how often the first model wins, ties and loses against it over the
    groups that both have, and the p-value given.

    Parameters
    ----------
    values : DataFrame, groups x models
        The first column is the model that the others are compared with; NaN where undefined.
    title, ylabel : str
    unit : str
        What a row is, e.g. ``"cancer types"``.
    p_values : mapping of model to float, optional
        Adjusted p-values; say in the caption of which test, adjusted how.

    Raises
    ------
    DataError
        If there is no value to draw, one is infinite or no number, or a p-value is of a model that is not
        shown.
    """
    check_columns(values, (), "paired_boxes")
    if np.isinf(as_numbers(values, "paired_boxes")).any():
        refuse("paired_boxes", "the table holds infinite values", "use NaN where a score is undefined")
    values = values.astype(float)
    if values.dropna(how="all").empty:
        msg = "paired_boxes: the table holds no values, nothing to draw"
        raise DataError(msg)
    unknown = set(p_values or {}) - set(values.columns[1:])
    if unknown:
        msg = f"paired_boxes: p-values of model(s) that are not compared: {sorted(unknown)}"
        raise DataError(msg)
    models, positions = list(values.columns), np.arange(values.shape[1])
    styles = model_styles(models)
    figure, axes = plt.subplots(figsize=(WIDTH, 4.8))
    for row in values.to_numpy():
        axes.plot(positions, row, color="0.5", linewidth=0.6, alpha=0.35, zorder=1)
    for position, model in zip(positions, models, strict=True):
        _box(axes, values[model].dropna().to_numpy(), position, styles[model][0])
    first = values[models[0]]
    for position, model in zip(positions[1:], models[1:], strict=True):
        text = _wins(first, values[model])
        if p_values and model in p_values:
            said = _p_text(p_values[model])  # in narrow columns on two lines
            text += "\n" + (said if len(models) < 6 else said.replace(" = ", " =\n"))
        axes.text(
            position, 1.01, text, transform=axes.get_xaxis_transform(), ha="center", va="bottom", fontsize=9
        )
    axes.text(
        0,
        1.01,
        f"{models[0]}\nwins/ties/\nlosses",
        transform=axes.get_xaxis_transform(),
        ha="center",
        va="bottom",
        fontsize=8,
    )
    counts = values.notna().sum()
    labels = [f"{_wrapped(model)}\nn = {counts[model]}" for model in models]
    axes.set_xticks(positions, labels, fontsize=11 if len(models) < 6 else 8)
    axes.set_xlim(-0.6, len(models) - 0.4)
    axes.set(ylabel=ylabel, xlabel=f"model (n = {unit})")
    axes.grid(axis="y", color="0.92")
    figure.suptitle(title, x=0.01, ha="left", fontsize=12)
    return figure


def expression_boxes(
    table: pd.DataFrame, *, title: str, xlabel: str, p_values: Mapping[str, float] | None = None
) -> Figure:
    """Draw the expression of genes in resistant and sensitive lines.

    Parameters
    ----------
    table : DataFrame
        Long; columns ``gene``, ``response`` (``"R"`` or ``"S"``), ``value``. Genes are drawn from
        top to bottom in the order in which they appear.
    title : str
    xlabel : str
        Quantity with unit, e.g. ``"expression, log2 RMA"``.
    p_values : mapping of gene to float, optional
        Adjusted p-values, written beside the boxes.

    Raises
    ------
    DataError
        If a column is missing, the table is empty, a value is infinite or no number, or a response is
        neither R nor S.
    """
    check_columns(table, (), "expression_boxes")
    need_columns("expression_boxes", table, ("gene", "response", "value"))
    if not table["response"].isin(("R", "S")).all():
        msg = f"expression_boxes: response must be R or S, got {sorted(table['response'].unique())}"
        raise DataError(msg)
    check_numbers(table[["value"]], "expression_boxes", "value", missing=True)
    genes = list(table["gene"].unique())
    figure, axes = plt.subplots(figsize=(WIDTH, 1.7 + 0.5 * len(genes)))
    sns.boxplot(
        table,
        x="value",
        y="gene",
        hue="response",
        order=genes,
        hue_order=["R", "S"],
        palette={"R": RESISTANT, "S": SENSITIVE},
        fill=True,
        width=0.7,
        gap=0.1,
        legend=False,
        boxprops={"alpha": 0.5},
        medianprops={"color": "black", "linewidth": 1.8},
        flierprops={"marker": ".", "markersize": 4, "markeredgecolor": "0.4"},
        ax=axes,
    )
    for position, gene in enumerate(genes):
        if p_values and gene in p_values:
            axes.text(
                1.01,
                position,
                _p_text(p_values[gene]),
                transform=axes.get_yaxis_transform(),
                va="center",
                fontsize=9,
            )
    axes.set_yticks(range(len(genes)), genes, style="italic")
    axes.set_ylim(len(genes) - 0.5, -0.5)
    axes.grid(axis="x", color="0.92")
    axes.set(xlabel=xlabel, ylabel="")
    figure.suptitle(title, x=0.01, ha="left", fontsize=12)
    per_gene = table.groupby("response")["value"].count() // max(len(genes), 1)
    handles = [
        Patch(facecolor=colour, alpha=0.5, label=f"{name} (n = {per_gene.get(code, 0)} lines)")
        for code, name, colour in (("R", "resistant", RESISTANT), ("S", "sensitive", SENSITIVE))
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=2, fontsize=10)
    return figure


def _box(axes: plt.Axes, values: np.ndarray, position: float, colour: str) -> None:
    axes.boxplot(
        [values],
        positions=[position],
        widths=0.5,
        manage_ticks=False,
        patch_artist=True,
        boxprops={"facecolor": colour, "alpha": 0.5},
        medianprops={"color": "black", "linewidth": 1.8},
        flierprops={"marker": ".", "markersize": 4, "markeredgecolor": "0.4"},
        zorder=2,
    )


def _wins(first: pd.Series, other: pd.Series) -> str:
    difference = (first - other).dropna()
    return f"{(difference > 0).sum()}/{(difference == 0).sum()}/{(difference < 0).sum()}"


def _p_text(p: float) -> str:
    if not np.isfinite(p):
        return "p undefined"
    return "p < 0.0001" if p < 1e-4 else f"p = {p:.2g}"


def _wrapped(model: str) -> str:
    return model.replace(" ", "\n", 1)
