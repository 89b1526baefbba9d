"""Plots of single cells and of runs: maps coloured in several ways, spread over runs, before and after."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Mapping, Sequence
from textwrap import fill

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from sklearn.decomposition import PCA

from helpers.checks import as_matrix, refuse
from helpers.errors import DataError
from helpers.plots import forest
from helpers.plots.style import OKABE_ITO, RESISTANT, SENSITIVE, WIDTH
from helpers.plots.tables import need_columns
from helpers.studies.scdeal.findings import of_task
from helpers.studies.scdeal.metrics import cell_metrics
from helpers.studies.scdeal.protocol import TransferRuns, clusters
from helpers.studies.scdeal.selection import over_sets
from helpers.studies.scdeal.tasks import TransferTask

_TITLE = 62  # letters of a title that fit into one line
_CATEGORIES = [*OKABE_ITO.values(), "#999999", "#882255", "#44AA99", "#332288"]


def map_cells(x: np.ndarray, method: str = "umap", seed: int = 0) -> np.ndarray:
    """Place cells in two dimensions.

    Parameters
    ----------
    x : array (cells, genes)
        Log expression or z-scores.
    method : {"umap", "pca"}
        UMAP (10 neighbours, as scanpy's call in scDEAL) on up to 50 principal components, or the first two
        components, which take no time.
    seed : int

    Returns
    -------
    array (cells, 2)

    Raises
    ------
    DataError
        If the method is unknown, a value is not finite, or there are too few cells or genes for two
        dimensions.
    """
    x = as_matrix(x, "cells", 3)
    if x.shape[1] < 2:
        refuse("cells", "a map needs two genes at least")
    if method not in ("umap", "pca"):
        msg = f"unknown method {method!r}; one of umap, pca"
        raise DataError(msg)
    size = 2 if method == "pca" else min(50, *np.subtract(x.shape, 1))
    z = PCA(size, random_state=seed).fit_transform(x)
    if method == "pca":
        return z
    return _umap_class()(
        n_neighbors=min(10, len(x) - 1), min_dist=0.5, random_state=seed, n_jobs=1
    ).fit_transform(z)


def task_maps(task: TransferTask, runs: TransferRuns, run: Mapping, method: str, seed: int) -> Figure:
    """Map the cells of a task by label, score, answer and cluster.

    Parameters
    ----------
    task : TransferTask
    runs : TransferRuns
    run : mapping
        ``setting`` and ``seed`` of the run that is shown.
    method, seed
        As for :func:`map_cells`.
    """
    outputs = runs.outputs(task.name, run["setting"], run["seed"])
    panels = {
        "label": task.cells_sensitive,
        "score of sensitive": outputs[:, 1].astype(float),
        "answer": outputs.argmax(axis=1),
        "Leiden cluster": clusters(task).astype(str),
    }
    title = of_task(task.name, cell_metrics(task.cells_sensitive, outputs[:, 1]))
    return cell_panels(map_cells(task.cells_x.to_numpy(), method, seed), panels, title=title)


def cell_panels(
    xy: np.ndarray,
    panels: Mapping[str, np.ndarray],
    *,
    title: str,
    names: Mapping[str, Mapping] | None = None,
) -> Figure:
    """Draw the same map of cells several times, coloured in different ways.

    Parameters
    ----------
    xy : array (cells, 2)
    panels : mapping of panel title to array (cells,)
        Values 0 and 1 (resistant and sensitive), scores (floats between 0 and 1), or categories (text).
    title : str
        Name the data set; the number of cells is added.
    names : mapping of panel title to {value: name}, optional
        Names of 0 and 1 where they are not resistant and sensitive.

    Raises
    ------
    DataError
        If there is nothing to draw or a panel has another number of cells.
    """
    if as_matrix(xy, "positions of cells").shape[1] != 2:
        refuse("positions of cells", f"a map has two dimensions; got shape {np.shape(xy)}")
    wrong = [name for name, values in panels.items() if np.shape(values) != (len(xy),)]
    if wrong or not panels or len(xy) == 0:
        msg = f"cell_panels: {len(xy)} cells, panels {list(panels)}, of another length: {wrong}"
        raise DataError(msg)
    columns = min(2, len(panels))
    rows = -(-len(panels) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(WIDTH, 0.6 + 2.7 * rows), squeeze=False)
    size = float(np.clip(2500 / len(xy), 4, 26))
    for ax, (name, values) in zip(axes.ravel(), panels.items(), strict=False):
        _panel(ax, xy, np.asarray(values), size, (names or {}).get(name, {0: "resistant", 1: "sensitive"}))
        ax.set_title(name, fontsize=11)
        ax.set(xticks=[], yticks=[])
    for ax in axes.ravel()[len(panels) :]:
        ax.set_visible(False)
    _title(figure, f"{title} (n = {len(xy)} cells)")
    return figure


def opposite_labels(pair: Sequence[TransferTask], states: np.ndarray, method: str, seed: int) -> Figure:
    """Draw the labels of two tables of the same cells, and two groups that were found without any."""
    panels = {f"label, {task.drug}": task.cells_sensitive for task in pair} | {"best split": states}
    return cell_panels(
        map_cells(pair[0].cells_x.to_numpy(), method, seed),
        panels,
        title="One drug's labels are the other's turned round",
        names={"best split": {0: "group 0", 1: "group 1"}},
    )


def run_spread(
    table: pd.DataFrame,
    marks: Mapping[str, pd.DataFrame] | None = None,
    *,
    title: str,
    xlabel: str,
    chance: float | pd.Series = 0.5,
) -> Figure:
    """Draw every run of every task as a dot, and what each rule of choice took as a mark.

    Parameters
    ----------
    table : DataFrame
        ``task``, ``value``; one row a run. Tasks are drawn from top to bottom as they appear.
    marks : mapping of name to DataFrame, optional
        ``task``, ``value``; drawn at their mean, below the dots.
    title, xlabel : str
    chance : float or Series by task
        Level of chance, drawn as a dashed line.

    Raises
    ------
    DataError
        If a column is missing or the table is empty.
    """
    need_columns("run_spread", table, ("task", "value"))
    tasks = list(table["task"].unique())
    figure, axes = plt.subplots(figsize=(WIDTH, 1.9 + 0.62 * len(tasks)))
    styles = [
        ("D", OKABE_ITO["vermillion"]),
        ("s", OKABE_ITO["green"]),
        ("^", OKABE_ITO["blue"]),
        ("v", OKABE_ITO["purple"]),
    ]
    rng = np.random.default_rng(0)  # height of a dot within its row; means nothing
    for row, task in enumerate(tasks):
        values = table.loc[table["task"] == task, "value"].dropna().to_numpy(float)
        axes.plot(
            values, row - rng.uniform(0.02, 0.3, len(values)), ".", color="0.45", alpha=0.45, markersize=5
        )
        if len(values):
            axes.plot([np.median(values)] * 2, [row - 0.34, row + 0.02], color="black", linewidth=1.8)
        level = float(chance[task] if isinstance(chance, pd.Series) else chance)
        axes.plot([level] * 2, [row - 0.42, row + 0.42], color="0.3", linestyle="--", linewidth=1)
        for (marker, colour), chosen in zip(styles, (marks or {}).values(), strict=False):
            own = chosen.loc[chosen["task"] == task, "value"].mean()
            axes.plot(own, row + 0.2, marker, color=colour, markersize=7, alpha=0.9)
    axes.set_yticks(range(len(tasks)), tasks)
    axes.set_ylim(len(tasks) - 0.4, -0.6)
    axes.set(xlabel=xlabel)
    axes.grid(axis="x", color="0.92")
    _title(figure, title)
    handles = [
        Line2D([], [], color="0.45", marker=".", linestyle="none", label="one run"),
        Line2D([], [], color="black", linewidth=1.8, label="median of runs"),
        Line2D([], [], color="0.3", linestyle="--", label="chance"),
    ]
    handles += [
        Line2D([], [], color=colour, marker=marker, linestyle="none", label=f"{name} (mean)")
        for (marker, colour), name in zip(styles, marks or {}, strict=False)
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=2, fontsize=10)
    return figure


def rule_spread(
    runs: pd.DataFrame,
    chosen: Mapping[str, pd.DataFrame],
    metric: str,
    chance: float | pd.Series,
    title: str,
) -> Figure:
    """Draw :func:`run_spread` of a metric for all runs of a reading, with what rules chose from them."""
    return run_spread(
        runs.assign(value=runs[metric]),
        {name: rows.assign(value=rows[metric]) for name, rows in chosen.items()},
        title=title,
        xlabel=metric,
        chance=chance,
    )


def before_after(table: pd.DataFrame, *, title: str, xlabel: str) -> Figure:
    """Draw one arrow a run from its score before transfer to that after it.

    Parameters
    ----------
    table : DataFrame
        ``task``, ``before``, ``after``; one row a run.
    title, xlabel : str

    Raises
    ------
    DataError
        If a column is missing or the table is empty.
    """
    need_columns("before_after", table, ("task", "before", "after"))
    tasks = list(table["task"].unique())
    figure, axes = plt.subplots(figsize=(WIDTH, 1.5 + 0.62 * len(tasks)))
    for row, task in enumerate(tasks):
        runs = table[table["task"] == task].sort_values("before")
        heights = row + np.linspace(-0.32, 0.32, len(runs)) if len(runs) > 1 else [row]
        for height, before, after in zip(heights, runs["before"], runs["after"], strict=True):
            colour = OKABE_ITO["blue"] if after >= before else OKABE_ITO["vermillion"]
            axes.annotate(
                "",
                (after, height),
                (before, height),
                arrowprops={"arrowstyle": "->", "color": colour, "lw": 1.2, "shrinkA": 0, "shrinkB": 0},
            )
    # Arrows alone do not set the limits of an axis.
    ends = table[["before", "after"]].to_numpy(float)
    axes.set_xlim(np.nanmin(ends) - 0.03, np.nanmax(ends) + 0.03)
    axes.axvline(0.5, color="0.3", linestyle="--", linewidth=1)
    axes.set_yticks(range(len(tasks)), tasks)
    axes.set_ylim(len(tasks) - 0.4, -0.6)
    axes.set(xlabel=xlabel)
    axes.grid(axis="x", color="0.92")
    _title(figure, title)
    handles = [
        Line2D([], [], color=OKABE_ITO["blue"], label="run gains"),
        Line2D([], [], color=OKABE_ITO["vermillion"], label="run loses"),
        Line2D([], [], color="0.3", linestyle="--", label="chance"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=3, fontsize=10)
    return figure


def differences(table: pd.DataFrame, *, title: str, xlabel: str) -> Figure:
    """Draw the AUROC of a table of differences (:func:`~helpers.studies.scdeal.comparison.tidy`)."""
    shown = table[table["metric"] == "AUROC"]
    # Long names would leave no room for the axes.
    shown = shown.assign(label=[fill(model, 34) for model in shown["model"]])
    return forest(shown, title=fill(title, _TITLE), xlabel=xlabel, margin=0.05)


def funnel(rows: pd.DataFrame, *, title: str) -> Figure:
    """Draw each task from held-out bulk lines to its cells, and the distance of the embeddings.

    Parameters
    ----------
    rows : DataFrame
        Runs: ``task``, ``cell_set``, ``bulk_auroc``, ``evaluated before AUROC``, ``AUROC``, ``mmd_before``,
        ``mmd_after``; seeds are averaged.
    title : str
    """
    stages = {"bulk lines": "bulk_auroc", "cells, before": "evaluated before AUROC", "cells, after": "AUROC"}
    need_columns("funnel", rows, ("task", "cell_set", *stages.values(), "mmd_before", "mmd_after"))
    means = rows.groupby(["cell_set", "task"], sort=False).mean(numeric_only=True).reset_index()
    looks = zip(_CATEGORIES, "osD^vPX<>*h", strict=False)
    styles = dict(zip(means["cell_set"].unique(), looks, strict=False))
    figure, (left, right) = plt.subplots(2, 1, figsize=(WIDTH, 6.4), height_ratios=(3, 2))
    for row in means.to_dict("records"):
        colour, marker = styles[row["cell_set"]]
        style = {"color": colour, "marker": marker, "markersize": 6, "alpha": 0.85}
        left.plot(range(3), [row[name] for name in stages.values()], **style)
        right.plot(range(2), [row["mmd_before"], row["mmd_after"]], **style)
    left.axhline(0.5, color="0.3", linestyle="--", linewidth=1)
    left.set_xticks(range(3), stages)
    left.set(ylabel="AUROC (mean over seeds)", xlim=(-0.2, 2.2), ylim=(0, 1))
    right.set_xticks(range(2), ["before transfer", "after"])
    right.set(ylabel="MMD of bulk and cells", xlim=(-0.2, 1.2))
    for axes in (left, right):
        axes.grid(axis="y", color="0.92")
    handles = [
        Line2D([], [], color=colour, marker=marker, label=name) for name, (colour, marker) in styles.items()
    ]
    handles.append(Line2D([], [], color="0.3", linestyle="--", label="chance"))
    figure.legend(handles=handles, loc="outside lower center", ncols=2, fontsize=10)
    _title(figure, f"{title} (n = {len(means)} tasks)")
    return figure


def learning_curve(curve: Mapping[str, pd.DataFrame], *, title: str) -> Figure:
    """Draw mean AUROC on held-out bulk lines and on cells against the number of bulk lines.

    Parameters
    ----------
    curve : mapping of label to DataFrame
        Runs with so many lines, fewest first: ``task``, ``cell_set``, ``bulk_auroc``, ``AUROC``.
    title : str
    """
    figure, axes = plt.subplots(figsize=(WIDTH, 4.2))
    x = np.arange(len(curve))
    for offset, (name, column, colour, marker) in enumerate(
        (("bulk lines", "bulk_auroc", "green", "s"), ("cells", "AUROC", "blue", "o"))
    ):
        found = [over_sets(rows, column) for rows in curve.values()]
        value = np.array([c.difference for c in found])
        limits = np.array([np.clip([c.low, c.high], 0, 1) for c in found])
        bars = np.nan_to_num(np.abs(limits.T - value))
        shifted = x + 0.06 * (2 * offset - 1)
        axes.errorbar(shifted, value, yerr=bars, fmt=f"{marker}-", color=OKABE_ITO[colour], label=name)
    axes.axhline(0.5, color="0.3", linestyle="--", linewidth=1, label="chance")
    axes.set_xticks(x, list(curve))
    axes.set(xlabel="bulk lines", ylabel="AUROC (bars: 95 % interval over sets)", ylim=(0, 1))
    axes.grid(axis="y", color="0.92")
    _title(figure, title)
    figure.legend(loc="outside lower center", ncols=3, fontsize=10)
    return figure


def _title(figure: Figure, text: str) -> None:
    figure.suptitle(fill(text, _TITLE), x=0.01, ha="left", fontsize=12)


def _umap_class() -> type:
    """Import UMAP without its network variant, which would bring TensorFlow into the process."""
    absent = "tensorflow" not in sys.modules
    if absent:
        sys.modules["tensorflow"] = None  # type: ignore[assignment]  # Python's way to say "not there"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it says that the network variant is not there
            from umap import UMAP
    finally:
        if absent:
            del sys.modules["tensorflow"]
    return UMAP


def _panel(ax: plt.Axes, xy: np.ndarray, values: np.ndarray, size: float, names: Mapping) -> None:
    if values.dtype.kind in "fiu" and set(np.unique(values)) <= {0, 1}:
        for value, colour in ((0, RESISTANT), (1, SENSITIVE)):
            rows = values == value
            ax.scatter(
                xy[rows, 0],
                xy[rows, 1],
                s=size,
                c=colour,
                linewidths=0,
                label=f"{names[value]} ({rows.sum()})",
            )
        ax.legend(fontsize=8, markerscale=1.5, handletextpad=0.1, loc="best")
    elif values.dtype.kind == "f":
        drawn = ax.scatter(xy[:, 0], xy[:, 1], s=size, c=values, cmap="cividis", linewidths=0)
        ax.figure.colorbar(drawn, ax=ax, shrink=0.8)
    else:
        found = list(dict.fromkeys(np.sort(values.astype(str))))
        for i, value in enumerate(found):
            rows = values.astype(str) == value
            colour = _CATEGORIES[i % len(_CATEGORIES)]
            ax.scatter(xy[rows, 0], xy[rows, 1], s=size, color=colour, linewidths=0, label=value)
        if len(found) <= 8:
            ax.legend(fontsize=8, markerscale=1.5, handletextpad=0.1, loc="best")
