"""Differences between ways of predicting single cells, with sets of cells as the units."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from helpers.errors import DataError
from helpers.evaluation.statistics import Comparison
from helpers.studies.scdeal.metrics import chance_levels
from helpers.studies.scdeal.selection import over_sets, seed_summary, set_means
from helpers.studies.scdeal.tasks import TransferTask


def task_means(rows: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Mean of a metric over the rows of each task: ``task``, ``cell_set``, ``value``."""
    means = rows.groupby(["task", "cell_set"], sort=False)[metric].mean()
    return means.rename("value").reset_index()


def difference(first: pd.DataFrame, second: pd.DataFrame, metric: str) -> Comparison:
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
    return over_sets(a, "value")


def gain_of_transfer(rows: pd.DataFrame, metric: str) -> Comparison:
    """After minus before transfer in the same runs."""
    return over_sets(rows, rows[metric] - rows[f"before {metric}"])


def over_chance(rows: pd.DataFrame, tasks: Sequence[TransferTask], metric: str) -> Comparison:
    """Subtract the chance level of each task from a metric.

    ``F1``: the better constant answer; ``AUROC``: one half; ``AP``: the share of sensitive cells.
    """
    levels = {task.name: chance_levels(task.cells_sensitive)[metric] for task in tasks}
    return over_sets(rows, rows[metric] - rows["task"].map(levels))


def strongest(simple: pd.DataFrame, models: Sequence[str], metric: str = "AUROC") -> str:
    """Name the model of the best mean over sets of cells; the same one for all tasks."""
    means = {model: over_sets(simple[simple["setting"] == model], metric).difference for model in models}
    return max(means, key=lambda model: means[model])


def share_below_half(rows: pd.DataFrame) -> Comparison:
    """Share of runs with an AUROC below one half, mean over sets of cells; limits stay within 0 and 1."""
    share = over_sets(rows, (rows["AUROC"] < 0.5).astype(float))
    low, high = np.clip([share.low, share.high], 0, 1)
    return replace(share, low=float(low), high=float(high))


def spread_against_coin(rows: pd.DataFrame, told: pd.DataFrame) -> Comparison:
    """Subtract the spread of a coin which names the sides from that of the AUROC over seeds.

    Parameters
    ----------
    rows : DataFrame
        Runs of one setting, several seeds a task.
    told : DataFrame
        Scores of two clusters with the side told: a coin scores that AUROC or one minus it, so that its
        standard deviation is the distance from one half.
    """
    spread = seed_summary(rows, "AUROC").rename(columns={"SD": "spread"})
    coin = task_means(told, "AUROC").set_index("task")["value"]
    return over_sets(spread, spread["spread"] - (coin.reindex(spread["task"]) - 0.5).abs().to_numpy())


def ranking(rows: pd.DataFrame, metrics: Sequence[str]) -> pd.DataFrame:
    """Mean over sets of cells of every setting.

    Returns
    -------
    DataFrame
        Settings x metrics, best AUROC first.
    """
    table = {}
    for setting, own in rows.groupby("setting", sort=False):
        table[setting] = {metric: _mean(own, metric) for metric in metrics}
    return pd.DataFrame(table).T.sort_values("AUROC", ascending=False)


def _mean(rows: pd.DataFrame, metric: str) -> float:
    values = set_means(rows[["task", "cell_set"]].assign(value=rows[metric]))["value"]
    return float(values.mean()) if len(values) else np.nan
