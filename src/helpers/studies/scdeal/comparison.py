"""Differences between ways of predicting single cells, with sets of cells as the units."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from helpers.bounds import within_bounds
from helpers.checks import check_columns, refuse
from helpers.errors import DataError
from helpers.evaluation.statistics import Comparison
from helpers.evaluation.strongest import against_strongest, strongest_row
from helpers.studies.scdeal.metrics import chance_levels
from helpers.studies.scdeal.selection import number_column, over_sets, seed_summary, set_means
from helpers.studies.scdeal.tasks import TransferTask

#: Metrics of :func:`board`.
SHOWN = ("AUROC", "AP", "F1", "F1 macro", "F1 sensitive", "AMI", "ARI", "MCC")


def tidy(
    groups: Mapping[str, pd.DataFrame],
    metrics: Sequence[str],
    compare: Callable[[pd.DataFrame, str], Comparison],
    kind: str = "difference",
) -> pd.DataFrame:
    """Compare every group in every metric.

    Parameters
    ----------
    groups : mapping of name to DataFrame
        Rows of runs.
    metrics : sequence of str
    compare : callable
        ``compare(rows, metric)``, e.g. :func:`~helpers.studies.scdeal.selection.over_sets`,
        :func:`gain_of_transfer`, or :func:`difference` with its first table given.
    kind : {"difference", "value"}
        Name of the column of estimates: whether they are differences.

    Returns
    -------
    DataFrame
        ``model`` (name of the group), ``metric``, ``difference`` or ``value``, ``low``, ``high``, ``p``,
        ``n``: what ``Chapter.record_table`` takes.
    """
    rows = []
    for name, own in groups.items():
        for metric in metrics:
            c = compare(own, metric)
            low, high = within_bounds(metric, c.low, c.high) if kind == "value" else (c.low, c.high)
            found = {kind: c.difference, "low": low, "high": high, "p": c.p, "n": c.n}
            rows.append({"model": name, "metric": metric, **found})
    return pd.DataFrame(rows)


def tidy_by_labels(
    groups: Mapping[str, Mapping[str, pd.DataFrame]],
    metrics: Sequence[str],
    compare: Callable[[pd.DataFrame, str], Comparison],
    kind: str = "difference",
) -> pd.DataFrame:
    """Compute :func:`tidy` for groups under each rule for the bulk labels, named in a column ``labels``."""
    tables = [tidy(own, metrics, compare, kind).assign(labels=rule) for rule, own in groups.items()]
    return pd.concat(tables, ignore_index=True)


def tidy_each(compared: Mapping[str, Callable[[str], Comparison]], metric: str) -> pd.DataFrame:
    """Collect several comparisons of one metric in the columns of :func:`tidy`, named in ``model``."""
    rows = []
    for name, compare in compared.items():
        c = compare(metric)
        found = {"difference": c.difference, "low": c.low, "high": c.high, "p": c.p, "n": c.n}
        rows.append({"model": name, "metric": metric, **found})
    return pd.DataFrame(rows)


def over_strongest(
    reference: pd.DataFrame, simple: pd.DataFrame, candidates: Sequence[str], metrics: Sequence[str]
) -> pd.DataFrame:
    """Subtract the strongest of several models, chosen metric by metric, from runs of the same tasks.

    Returns
    -------
    DataFrame
        ``metric``, ``difference``, ``low``, ``high``, ``n``, ``note``; limits are corrected for the choice
        (:func:`helpers.evaluation.strongest.against_strongest`).
    """
    number_column(reference, metrics[0])
    check_columns(simple, ("task", "cell_set", "setting", *metrics), "simple models")
    missing = [name for name in candidates if not (simple["setting"] == name).any()]
    if missing:
        refuse("simple models", f"no rows of {', '.join(missing)}")
    own = at_tasks(reference, simple)
    by_model = dict(list(simple.groupby("setting", sort=False)))
    rows = []
    for metric in metrics:
        means = {model: over_sets(by_model[model], metric).difference for model in candidates}

        def compare(model: str, level: float, metric: str = metric) -> Comparison:
            return difference(own, by_model[model], metric, level)

        found = against_strongest(means, compare, candidates)
        rows.append(strongest_row(*found, len(candidates)).assign(metric=metric))
    return pd.concat(rows, ignore_index=True)


def over_rivals(
    reference: pd.DataFrame,
    simple: pd.DataFrame,
    rivals: Mapping[str, Sequence[str]],
    metrics: Sequence[str],
) -> pd.DataFrame:
    """Compute :func:`over_strongest` for several named groups of rivals, named in a column ``model``."""
    tables = [over_strongest(reference, simple, group, metrics) for group in rivals.values()]
    named = [table.assign(model=name) for name, table in zip(rivals, tables, strict=True)]
    return pd.concat(named, ignore_index=True)


def at_all_tasks(groups: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Return the groups that have rows of every task that any group has."""
    tasks = {task for rows in groups.values() for task in rows["task"]}
    return {name: rows for name, rows in groups.items() if set(rows["task"]) == tasks}


def at_tasks(rows: pd.DataFrame, others: pd.DataFrame) -> pd.DataFrame:
    """Return the rows whose task is among those of the others."""
    for table in (rows, others):
        check_columns(table, ("task",), "runs")
    return rows[rows["task"].isin(others["task"])]


def task_means(rows: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Mean of a metric over the rows of each task: ``task``, ``cell_set``, ``value``."""
    number_column(rows, metric)
    means = rows.groupby(["task", "cell_set"], sort=False)[metric].mean()
    return means.rename("value").reset_index()


def difference(first: pd.DataFrame, second: pd.DataFrame, metric: str, level: float = 0.95) -> Comparison:
    """First minus second, task by task, summarised over sets of cells.

    Parameters
    ----------
    first, second : DataFrame
        ``task``, ``cell_set``, the metric; any number of rows (seeds) a task.
    metric : str

    Raises
    ------
    DataError
        If the two do not have the same tasks.
    """
    a, b = task_means(first, metric), task_means(second, metric)
    if set(a["task"]) != set(b["task"]):
        msg = f"not the same tasks: {sorted(set(a['task']) ^ set(b['task']))}"
        raise DataError(msg)
    a["value"] = a["value"].to_numpy() - b.set_index("task")["value"].reindex(a["task"]).to_numpy()
    return over_sets(a, "value", level)


def minus(second: pd.DataFrame) -> Callable[[pd.DataFrame, str], Comparison]:
    """Return a comparison that subtracts these rows: :func:`difference` for :func:`tidy`."""
    return lambda first, metric: difference(first, second, metric)


def loss(whole: pd.DataFrame, other: pd.DataFrame, metric: str = "AUROC") -> pd.DataFrame:
    """Subtract from the score of each task that of other runs: ``task``, ``cell_set`` and the metric.

    Raises
    ------
    DataError
        If the other runs lack a task.
    """
    own, left = (task_means(rows, metric).set_index(["task", "cell_set"])["value"] for rows in (whole, other))
    if not own.index.isin(left.index).all():
        refuse("loss", f"not the same tasks: {list(own.index[~own.index.isin(left.index)][:3])}")
    return (own - left.reindex(own.index)).rename(metric).reset_index()


def gain_of_transfer(rows: pd.DataFrame, metric: str, *, before: str = "before") -> Comparison:
    """After minus before transfer in the same runs; ``before`` may be ``"evaluated before"``."""
    return over_sets(rows, number_column(rows, metric) - number_column(rows, f"{before} {metric}"))


def over_chance(rows: pd.DataFrame, metric: str, *, tasks: Sequence[TransferTask]) -> Comparison:
    """Subtract the chance level of each task from a metric.

    ``F1``: the better constant answer; ``AUROC``: one half; ``AP``: the share of sensitive cells.
    """
    if metric not in ("F1", "AUROC", "AP"):
        refuse("over_chance", f"no chance level of {metric!r}", "one of F1, AUROC, AP")
    levels = {task.name: chance_levels(task.cells_sensitive)[metric] for task in tasks}
    values = number_column(rows, metric)
    _check_tasks(rows, levels)
    return over_sets(rows, values - rows["task"].map(levels))


def share_below_half(rows: pd.DataFrame, metric: str = "AUROC") -> Comparison:
    """Share of runs with a score below one half, mean over sets of cells; limits stay within 0 and 1."""
    values = number_column(rows, metric)
    if values.isna().any():
        refuse("share_below_half", f"{int(values.isna().sum())} run(s) have no {metric}; leave them out")
    share = over_sets(rows, (values < 0.5).astype(float))
    low, high = np.clip([share.low, share.high], 0, 1)
    return replace(share, low=float(low), high=float(high))


def spread_against_coin(rows: pd.DataFrame, metric: str = "SD", *, told: pd.DataFrame) -> Comparison:
    """Subtract the spread of a coin which names the sides from that of the AUROC over seeds.

    Parameters
    ----------
    rows : DataFrame
        Runs of one setting, several seeds a task.
    metric : {"SD"}
        What is compared: the standard deviation of the AUROC.
    told : DataFrame
        Scores of two groups with the side told: a coin scores that AUROC or one minus it, so that its
        standard deviation is the distance from one half.
    """
    spread = seed_summary(rows, "AUROC")
    if metric not in spread:
        refuse("spread_against_coin", f"unknown metric {metric!r}, or no runs")
    coin = task_means(told, "AUROC").set_index("task")["value"]
    _check_tasks(spread, coin.index)
    return over_sets(spread, spread[metric] - (coin.reindex(spread["task"]) - 0.5).abs().to_numpy())


def ranking(rows: pd.DataFrame, metrics: Sequence[str]) -> pd.DataFrame:
    """Mean over sets of cells of every setting.

    Returns
    -------
    DataFrame
        Settings x metrics, best AUROC first.
    """
    check_columns(rows, ("task", "cell_set", "setting", *metrics), "runs")
    if rows.empty:
        refuse("ranking", "there are no runs")
    table = {}
    for setting, own in rows.groupby("setting", sort=False):
        table[setting] = {metric: _mean(own, metric) for metric in metrics}
    return pd.DataFrame(table).T.sort_values("AUROC", ascending=False)


def board(
    blind: Mapping[str, pd.DataFrame],
    told: Mapping[str, pd.DataFrame],
    simple: pd.DataFrame,
    oracles: Sequence[str],
) -> pd.DataFrame:
    """Rank runs that see no label of a cell (``blind``), runs that do (``told``), and simple models.

    Returns
    -------
    DataFrame
        As :func:`ranking`, and a column that says who saw the labels.
    """
    named = [rows.assign(setting=name) for name, rows in {**blind, **told}.items()]
    table = ranking(pd.concat([*named, simple]), SHOWN)
    table["sees labels of the cells"] = ["yes" if name in {*told, *oracles} else "" for name in table.index]
    return table


def _check_tasks(rows: pd.DataFrame, known: Collection[str]) -> None:
    unknown = sorted(set(rows["task"]) - set(known))
    if unknown:
        refuse("runs", f"there is nothing to subtract for the task(s) {unknown[:3]}")


def _mean(rows: pd.DataFrame, metric: str) -> float:
    values = set_means(rows[["task", "cell_set"]].assign(value=number_column(rows, metric)))["value"]
    return float(values.mean()) if len(values) else np.nan
