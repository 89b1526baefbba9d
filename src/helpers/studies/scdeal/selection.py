"""Choice of hyperparameters for transfer to cells, with and without the labels of the cells.

scDEAL's published scores are, as far as its repository shows, the best of hundreds of runs by a score
computed with the labels of the cells. The rules here choose from the same runs in five ways, so that the
difference can be stated.

A table of runs has one row a run: ``task``, ``cell_set`` (tasks on the same cells share it), ``setting``,
``seed``, ``bulk_loss`` (validation loss of the bulk predictor), ``transfer_loss`` (validation loss of the
transfer, needs no label of a cell), and metrics.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from helpers.bounds import within_bounds
from helpers.checks import as_numbers, check_columns, check_same_rows, refuse
from helpers.errors import DataError
from helpers.evaluation.statistics import Comparison, mean_interval

#: What each rule looks at.
RULES = {
    "unselected": "all runs",
    "bulk_selected": "lowest validation loss on bulk lines",
    "loss_selected": "lowest validation loss of the transfer, without labels of cells",
    "others_selected": "best mean score on other sets of cells, with their labels",
    "target_selected": "best score on the cells themselves, with their labels (as published)",
}
_LOSSES = ("bulk_loss", "transfer_loss")  # infinite where no epoch was trained
_KEYS = ("task", "cell_set", "setting", "seed")


def select_runs(runs: pd.DataFrame, rule: str, metric: str = "F1") -> pd.DataFrame:
    """Choose a setting for each task and seed.

    Parameters
    ----------
    runs : DataFrame
        Every task with the same settings and seeds.
    rule : str
        One of :data:`RULES`. ``others_selected`` chooses one setting for all tasks of a set of cells, from
        the tasks of all other sets: tasks that share cells never choose for each other.
    metric : str
        Score that the last two rules look at.

    Returns
    -------
    DataFrame
        The chosen rows: one for each task and seed, or all with ``unselected``. Ties take the first setting.

    Raises
    ------
    DataError
        If the rule is unknown, a column is missing, a task lacks a run, or ``others_selected`` is asked of
        one set of cells.
    """
    if rule not in tuple(RULES):
        msg = f"unknown rule {rule!r}; one of {', '.join(RULES)}"
        raise DataError(msg)
    looked_at = {"bulk_selected": "bulk_loss", "loss_selected": "transfer_loss", "target_selected": metric}
    _check(runs, [metric, "bulk_loss", "transfer_loss"], looked_at.get(rule))
    if rule == "unselected":
        return runs.copy()
    if rule == "others_selected":
        return _by_other_sets(runs, metric)
    best = {
        "bulk_selected": lambda group: group["bulk_loss"].idxmin(),
        "loss_selected": lambda group: group["transfer_loss"].idxmin(),
        "target_selected": lambda group: group[metric].idxmax(),
    }[rule]
    runs = runs.reset_index(drop=True)
    return runs.loc[[best(group) for _, group in runs.groupby(["task", "seed"], sort=False)]]


def select_once(runs: pd.DataFrame, metric: str = "F1") -> pd.DataFrame:
    """Choose with the labels of the cells at the first seed, and return the other seeds of that setting.

    What a reader gets who takes the published setting and runs it again.

    Raises
    ------
    DataError
        If there is one seed only.
    """
    _check(runs, [metric], metric)
    if runs["seed"].nunique() < 2:
        msg = "choosing at one seed and scoring at others needs two seeds at least"
        raise DataError(msg)
    first = runs["seed"].iloc[0]
    rows = []
    for _, group in runs.groupby("task", sort=False):
        start = group[group["seed"] == first]
        chosen = start.loc[start[metric].idxmax(), "setting"]
        rows.append(group[(group["setting"] == chosen) & (group["seed"] != first)])
    return pd.concat(rows)


def over_sets(rows: pd.DataFrame, value: str | pd.Series, level: float = 0.95) -> Comparison:
    """Mean over sets of cells, each set the mean of its tasks, each task the mean of its rows.

    Seeds and tasks on the same cells are no replicates of each other: the sets of cells are the units.

    Parameters
    ----------
    rows : DataFrame
        ``task``, ``cell_set`` and the column of values.
    value : str or Series
        Name of a column, or values with the index of ``rows``.
    level : float

    Returns
    -------
    Comparison
        Student's t interval over sets; NaN limits with one set. Tasks whose values are all NaN are left out.
    """
    check_columns(rows, ("task", "cell_set", *([value] if isinstance(value, str) else [])), "runs")
    values = rows[value] if isinstance(value, str) else value
    if np.shape(values) != (len(rows),):
        refuse("over_sets", f"needs a value for each of {len(rows)} rows; got shape {np.shape(values)}")
    check_same_rows(rows, values, "over_sets: rows and values")
    table = rows[["task", "cell_set"]].assign(value=as_numbers(values, "over_sets: values"))
    return mean_interval(set_means(table)["value"].to_numpy(), level)


def over_half(rows: pd.DataFrame, metric: str = "AUROC") -> Comparison:
    """Subtract one half from a score of runs; as :func:`over_sets`."""
    return over_sets(rows, number_column(rows, metric) - 0.5)


def number_column(rows: pd.DataFrame, metric: str) -> pd.Series:
    """Return a column of numbers of a table of runs.

    Raises
    ------
    DataError
        If the column or the task is missing, or it holds something else.
    """
    check_columns(rows, ("task", "cell_set", metric), "runs")
    if np.isinf(as_numbers(rows[metric], f"runs, {metric}")).any():
        refuse("runs", f"{metric} holds infinite values", "use NaN where it is undefined")
    return rows[metric]


def set_means(table: pd.DataFrame) -> pd.DataFrame:
    """Mean ``value`` of each set of cells, over its tasks, over their rows."""
    tasks = table.groupby(["cell_set", "task"], sort=False)["value"].mean().dropna()
    return tasks.groupby("cell_set", sort=False).mean().reset_index()


def seed_summary(rows: pd.DataFrame, value: str = "AUROC") -> pd.DataFrame:
    """Mean, interval, spread and sign of each task over seeds.

    Returns
    -------
    DataFrame
        One row a task: ``task``, ``cell_set``, ``dataset``, ``drug``, ``value``, ``low``, ``high`` (t
        interval over seeds: it says how sure the mean of the algorithm is, not how it would do on other
        cells), ``SD``, ``below half`` (share of values below 0.5), ``n`` and ``seeds``, which are equal.
    """
    number_column(rows, value)
    summary = []
    for (task, cell_set), group in rows.groupby(["task", "cell_set"], sort=False):
        values = group[value].to_numpy(float)
        mean = mean_interval(values)
        low, high = within_bounds(value, mean.low, mean.high)
        summary.append(
            {
                "task": task,
                "cell_set": cell_set,
                "dataset": task.partition(" ")[0],
                "drug": task.partition(" ")[2],
                "value": mean.difference,
                "low": low,
                "high": high,
                "SD": float(np.std(values, ddof=1)) if len(values) > 1 else np.nan,
                "below half": float((values < 0.5).mean()),
                "n": mean.n,
                "seeds": mean.n,
            }
        )
    return pd.DataFrame(summary)


def side_by_side(summaries: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Put several :func:`seed_summary` beside each other, one row a task."""
    wide = pd.concat({name: table.set_index("task") for name, table in summaries.items()}, axis=1)
    return wide.loc[:, (slice(None), ["value", "low", "high", "SD", "below half"])].astype(float)


def selection_gain(
    runs: pd.DataFrame, metric: str, *, by: str = "F1", rule: str = "bulk_selected"
) -> Comparison:
    """How much of a score comes from choosing with the labels of the cells.

    Difference of ``metric`` between ``target_selected`` (by the score ``by``) and ``rule``, task by task and
    seed by seed, summarised by :func:`over_sets`.
    """
    keys = ["task", "cell_set", "seed"]
    with_labels = select_runs(runs, "target_selected", by).set_index(keys)[metric]
    without = select_runs(runs, rule, by).set_index(keys)[metric]
    gain = (with_labels - without.reindex(with_labels.index)).rename("gain").reset_index()
    return over_sets(gain, "gain")


def _by_other_sets(runs: pd.DataFrame, metric: str) -> pd.DataFrame:
    sets = list(runs["cell_set"].unique())
    if len(sets) < 2:
        msg = f"choosing on other sets of cells needs two sets at least; there is {sets[0]!r}"
        raise DataError(msg)
    tasks = runs.groupby(["cell_set", "task", "setting"], sort=False, as_index=False)[metric].mean()
    by_set = tasks.pivot_table(index="cell_set", columns="setting", values=metric, sort=False)
    chosen = {left_out: by_set.drop(index=left_out).mean().idxmax() for left_out in sets}
    return runs[runs["setting"] == runs["cell_set"].map(chosen)]


def _check(runs: pd.DataFrame, columns: Sequence[str], looked_at: str | None = None) -> None:
    """Refuse runs that cannot be chosen from, by the column that is looked at."""
    check_columns(runs, sorted({*_KEYS, *columns}), "the table of runs")
    if runs.empty:
        refuse("the table of runs", "empty table")
    counts = runs.groupby("task")[["setting", "seed"]].nunique().prod(axis=1)
    sizes = runs.groupby("task").size()
    uneven = sizes.index[(sizes != counts) | (counts != counts.iloc[0])]
    if len(uneven) or runs.duplicated(["task", "setting", "seed"]).any():
        msg = f"every task needs each setting at each seed once; not so: {list(uneven[:3])}"
        raise DataError(msg)
    for column in columns:
        if column in _LOSSES:
            as_numbers(runs[column], f"the table of runs, {column}")
        else:
            number_column(runs, column)
    if looked_at and runs.groupby(["task", "seed"])[looked_at].count().eq(0).any():
        refuse("the table of runs", f"a task has no {looked_at} at a seed: there is nothing to choose by")
