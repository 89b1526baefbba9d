"""Plots of the chapter on single cells: cut lines, densities, predictions, agreement of lists."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from scipy import stats

from helpers.errors import DataError
from helpers.plots.style import OKABE_ITO, WIDTH, model_styles
from helpers.plots.tables import need_columns

_RED, _YELLOW = OKABE_ITO["vermillion"], OKABE_ITO["orange"]


def mean_variance(table: pd.DataFrame, *, min_mean: float, min_variance: float, title: str) -> Figure:
    """Draw the mean against the variance of every gene, with the two cut lines and the genes kept.

    Parameters
    ----------
    table : DataFrame
        ``mean``, ``variance``, ``kept`` (:attr:`MeanVarianceFilter.table_`).
    """
    need_columns("mean_variance", table, ("mean", "variance", "kept"))
    figure, axes = plt.subplots()
    kept = table["kept"].to_numpy(bool)
    for part, colour, label in ((~kept, "0.65", "dropped"), (kept, OKABE_ITO["blue"], "kept")):
        axes.scatter(
            table["mean"][part],
            table["variance"][part],
            s=10,
            color=colour,
            alpha=0.7,
            linewidths=0,
            label=f"{label} ({int(part.sum()):,} genes)",
            rasterized=len(table) > 3000,
        )
    axes.axvline(min_mean, color=_RED, label=f"mean {min_mean:g}")
    axes.axhline(min_variance, color=_YELLOW, label=f"variance {min_variance:g}")
    right, top = axes.get_xlim()[1], axes.get_ylim()[1]
    corner = (min_mean, min_variance)
    axes.add_patch(
        Rectangle(corner, right - min_mean, top - min_variance, color=OKABE_ITO["blue"], alpha=0.06, zorder=0)
    )
    axes.set(
        title=title, xlabel="mean over lines, log2(TPM + 1)", ylabel="variance over lines", xlim=(None, right)
    )
    axes.set_ylim(None, top)
    figure.legend(loc="outside lower center", ncols=2, fontsize=10)
    return figure


def cut_density(values: np.ndarray, cut: float, *, title: str, xlabel: str) -> Figure:
    """Draw the density of a quantity of genes, with the cut line.

    Raises
    ------
    DataError
        If fewer than two finite values are left.
    """
    values = np.asarray(values, float)
    finite = values[np.isfinite(values)]
    if len(finite) < 2 or not np.ptp(finite):
        msg = "cut_density: at least two different finite values are needed for a density"
        raise DataError(msg)
    figure, axes = plt.subplots(figsize=(WIDTH, 3.2))
    grid = np.linspace(finite.min(), finite.max(), 300)
    density = stats.gaussian_kde(finite)(grid)
    axes.plot(grid, density, color=OKABE_ITO["blue"])
    axes.fill_between(grid, density, where=grid >= cut, color=OKABE_ITO["blue"], alpha=0.2)
    axes.axvline(
        cut, color=_RED, label=f"cut at {cut:g}; {int((values >= cut).sum()):,} of {len(values):,} above"
    )
    axes.set(title=title, xlabel=xlabel, ylabel="density of genes", ylim=(0, None))
    figure.legend(loc="outside lower center", fontsize=10)
    return figure


def true_against_predicted(table: pd.DataFrame, *, title: str, unit: str) -> Figure:
    """Draw predicted against measured response with three lines: identity, regression, constant.

    Parameters
    ----------
    table : DataFrame
        One row a held-out line: ``measured``, ``predicted``, ``training_mean``.
    unit : str
        Of the response, e.g. ``"ln IC50 (uM)"``.
    """
    need_columns("true_against_predicted", table, ("measured", "predicted", "training_mean"))
    x, y = table["measured"].to_numpy(float), table["predicted"].to_numpy(float)
    figure, axes = plt.subplots()
    low, high = min(x.min(), y.min()), max(x.max(), y.max())
    edge = np.array([low, high]) + np.array([-0.05, 0.05]) * max(high - low, 1e-9)
    axes.plot(edge, edge, color=_RED, linestyle="--", label="perfect prediction")
    if np.ptp(x):
        fit = stats.linregress(x, y)
        axes.plot(
            edge,
            fit.intercept + fit.slope * edge,
            color=OKABE_ITO["green"],
            label=f"regression, slope {fit.slope:.2f}",
        )
    axes.axhline(table["training_mean"].mean(), color="0.4", linestyle=":", label="training mean")
    axes.plot(x, y, "o", color=OKABE_ITO["blue"], alpha=0.8)
    axes.set(
        title=title,
        xlabel=f"measured, {unit} (n = {len(x)} lines)",
        ylabel=f"predicted, {unit}",
        xlim=edge,
        ylim=edge,
    )
    figure.legend(loc="outside lower center", ncols=2, fontsize=10)
    return figure


def line_densities(
    cells: pd.DataFrame,
    marks: Mapping[str, pd.Series],
    *,
    title: str,
    unit: str,
    constant: float | None = None,
    columns: int = 2,
) -> Figure:
    """Draw the density of cell predictions (equal areas), one panel a line, with the measured response.

    Parameters
    ----------
    cells : DataFrame
        One row a cell: ``line``, ``predicted``, ``measured``; panels in the order in which lines appear.
    marks : mapping of label to Series (index = line)
        Further predictions to mark, e.g. from bulk and from pseudo-bulk.
    unit : str
        Of the response.
    constant : float, optional
        Training mean, drawn in every panel.
    """
    need_columns("line_densities", cells, ("line", "predicted", "measured"))
    names = list(cells["line"].unique())
    rows = -(-len(names) // columns)
    figure, grid = plt.subplots(rows, columns, figsize=(WIDTH, 0.9 + 1.55 * rows), sharex=True, squeeze=False)
    every = np.concatenate(
        [cells["predicted"], cells["measured"], *(s.reindex(names) for s in marks.values())]
    )
    every = every[np.isfinite(every)]
    pad = 0.15 * max(np.ptp(every), 1e-9)
    x = np.linspace(every.min() - pad, every.max() + pad, 400)
    styles = ((OKABE_ITO["green"], "-."), (OKABE_ITO["purple"], (0, (1, 1))), (OKABE_ITO["orange"], "--"))
    for axes, name in zip(grid.flat, names, strict=False):
        part = cells[cells["line"] == name]
        values = part["predicted"].dropna().to_numpy(float)
        if len(values) > 1 and values.std() > 1e-3 * np.ptp(x):
            density = stats.gaussian_kde(values)(x)
            axes.fill_between(x, density, color=OKABE_ITO["blue"], alpha=0.4, label="cells")
        elif len(values):
            axes.axvline(values.mean(), color=OKABE_ITO["blue"], linewidth=4, alpha=0.4, label="cells")
        axes.axvline(part["measured"].iloc[0], color=_RED, label="measured")
        for (label, series), (colour, style) in zip(marks.items(), styles, strict=False):
            axes.axvline(series.get(name, np.nan), color=colour, linestyle=style, label=label)
        if constant is not None:
            axes.axvline(constant, color="0.4", linestyle=":", label="training mean")
        axes.set_title(f"{name} ({len(values)} cells)", fontsize=10)
        axes.set_yticks([])
        axes.set_ylim(0, None)
        axes.spines["left"].set_visible(False)
    for axes in grid.flat[len(names) :]:
        axes.set_visible(False)
    for axes in grid.flat[max(len(names) - columns, 0) : len(names)]:
        axes.set_xlabel(unit)
        axes.tick_params(labelbottom=True)
    figure.suptitle(title, x=0.01, ha="left", fontsize=12)
    handles, labels = grid.flat[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, fontsize=10)
    return figure


def error_strips(
    table: pd.DataFrame, *, title: str, xlabel: str, marks: Mapping[str, float] | None = None
) -> Figure:
    """Draw an error of every split as a point, one row a model, with the model's mean.

    Parameters
    ----------
    table : DataFrame
        ``model``, ``value``; one row a split. Splits without a finite value are counted, not drawn.
    marks : mapping of label to float, optional
        Single values to mark, e.g. the published one.
    """
    need_columns("error_strips", table, ("model", "value"))
    models = list(table["model"].unique())
    figure, axes = plt.subplots(figsize=(WIDTH, 1.7 + 0.55 * len(models)))
    styles = model_styles(models)
    names = []
    for position, model in enumerate(models):
        values = table.loc[table["model"] == model, "value"].to_numpy(float)
        finite = values[np.isfinite(values)]
        names.append(f"{model} (n = {len(finite)} of {len(values)})")
        colour, marker = styles[model]
        height = position + 0.5 * (np.arange(len(finite)) / max(len(finite) - 1, 1) - 0.5)
        axes.plot(finite, height, marker, color=colour, alpha=0.6, markersize=5, linestyle="none")
        if len(finite):
            axes.plot([finite.mean()] * 2, [position - 0.35, position + 0.35], color="black", linewidth=2)
    for (label, value), style in zip((marks or {}).items(), ("--", ":", "-."), strict=False):
        axes.axvline(value, color="black", linestyle=style, linewidth=1, label=f"{label} {value:.2f}")
    axes.set_yticks(range(len(models)), names)
    axes.set_ylim(len(models) - 0.4, -0.6)
    axes.set(xlabel=f"{xlabel} (bar: mean)")
    figure.suptitle(title, x=0.01, ha="left", fontsize=12)
    if marks:
        figure.legend(loc="outside lower center", ncols=2, fontsize=10)
    return figure


def curves(table: pd.DataFrame, *, title: str, xlabel: str, ylabel: str) -> Figure:
    """Draw a score against the number of training lines, one line a model, with intervals.

    Parameters
    ----------
    table : DataFrame
        ``model``, ``lines``, ``value``, ``low``, ``high``.
    """
    need_columns("curves", table, ("model", "lines", "value", "low", "high"))
    figure, axes = plt.subplots(figsize=(WIDTH, 3.6))
    models = list(table["model"].unique())
    styles = model_styles(models)
    for i, model in enumerate(models):
        part = table[table["model"] == model].sort_values("lines")
        colour, marker = styles[model]
        x = part["lines"].to_numpy(float) * 1.03 ** (i - (len(models) - 1) / 2)
        bars = np.abs(part[["low", "high"]].to_numpy(float).T - part["value"].to_numpy(float))
        axes.errorbar(
            x,
            part["value"],
            yerr=np.nan_to_num(bars),
            fmt=f"{marker}-",
            color=colour,
            elinewidth=1,
            label=model,
        )
    ticks = sorted(table["lines"].unique())
    axes.set_xscale("log")
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.minorticks_off()
    axes.axhline(0, color="0.6", linewidth=1)
    axes.set(xlabel=xlabel, ylabel=ylabel)
    figure.suptitle(title, x=0.01, ha="left", fontsize=12)
    figure.legend(loc="outside lower center", ncols=2, fontsize=10)
    return figure


def scores_against_response(table: pd.DataFrame, *, title: str, xlabel: str, ylabel: str) -> Figure:
    """Draw the lines' scores against their response, one panel a gene list (or model).

    Parameters
    ----------
    table : DataFrame
        ``list``, ``x``, ``y``, one row a line; an optional column ``label`` heads the panels.
    """
    need_columns("scores_against_response", table, ("list", "x", "y"))
    names = list(table["list"].unique())
    figure, grid = plt.subplots(
        1, len(names), figsize=(max(WIDTH, 2.6 * len(names)), 3.4), sharey=True, squeeze=False
    )
    for axes, name in zip(grid.flat, names, strict=True):
        part = table[table["list"] == name].dropna(subset=["x", "y"])
        rho = stats.spearmanr(part["x"], part["y"]).statistic if part["y"].std() > 0 else np.nan
        axes.plot(part["x"], part["y"], "o", color=OKABE_ITO["blue"], alpha=0.8, markersize=5)
        axes.axhline(0, color="0.7", linewidth=1)
        head = part["label"].iloc[0] if "label" in part.columns and len(part) else name
        axes.set_title(f"{head}\nSpearman {rho:.2f}, n = {len(part)} lines", fontsize=10)
        axes.set(xlabel=xlabel)
    grid.flat[0].set(ylabel=ylabel)
    figure.suptitle(title, x=0.01, ha="left", fontsize=12)
    return figure


def seed_agreement(table: pd.DataFrame, *, title: str) -> Figure:
    """Draw how much the seeds of a network agree about genes, one point a drug (and fold).

    Parameters
    ----------
    table : DataFrame
        ``list``, ``agreement`` (:attr:`GeneLists.seeds`).
    """
    need_columns("seed_agreement", table, ("list", "agreement"))
    names = list(table["list"].unique())
    figure, axes = plt.subplots(figsize=(WIDTH, 1.4 + 0.55 * len(names)))
    for position, name in enumerate(names):
        values = table.loc[table["list"] == name, "agreement"].dropna().to_numpy(float)
        jitter = position + np.linspace(-0.16, 0.16, len(values)) if len(values) > 1 else [position]
        axes.plot(values, jitter, "o", color=OKABE_ITO["blue"], alpha=0.5, markersize=5, linestyle="none")
        axes.plot([np.median(values)] * 2, [position - 0.3, position + 0.3], color="black", linewidth=2)
    axes.axvline(0, color="0.6", linewidth=1)
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set(xlabel="Spearman correlation (bar: median)", xlim=(None, 1.02))
    figure.suptitle(title, x=0.01, ha="left", fontsize=12)
    return figure


def list_heatmap(similarity: pd.DataFrame, *, title: str) -> Figure:
    """Draw the mean likeness of every two lists over drugs.

    Parameters
    ----------
    similarity : DataFrame
        ``first``, ``second``, ``drug`` and ``spearman``, from
        :func:`helpers.studies.gpds.list_agreement.list_similarity`.
    """
    need_columns("list_heatmap", similarity, ("first", "second", "drug", "spearman"))
    mean = similarity.groupby(["first", "second"], sort=False)["spearman"].mean()
    names = list(dict.fromkeys([*similarity["first"], *similarity["second"]]))
    values = np.eye(len(names))
    for (a, b), value in mean.items():
        i, j = names.index(a), names.index(b)
        values[i, j] = values[j, i] = value
    figure, axes = plt.subplots(figsize=(WIDTH, WIDTH * 0.92))
    image = axes.imshow(values, cmap="PuOr", vmin=-1, vmax=1, aspect="auto")
    for i in range(len(names)):
        for j in range(len(names)):
            colour = "white" if abs(values[i, j]) > 0.6 else "black"
            axes.text(
                j,
                i,
                f"{values[i, j]:.2f}".replace("0.", ".", 1),
                ha="center",
                va="center",
                color=colour,
                fontsize=8,
            )
    axes.set_xticks(range(len(names)), names, rotation=45, ha="right")
    axes.set_yticks(range(len(names)), names)
    figure.suptitle(title, x=0.01, ha="left", fontsize=12)
    label = f"mean Spearman correlation, {similarity['drug'].nunique()} drugs"
    figure.colorbar(image, shrink=0.9, label=label)
    return figure
