"""Checks: wrong labels or names, fewer lines, planted truth, opposite labels, lines as units."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from anndata import AnnData
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split

from helpers.bounds import check_number, within_bounds
from helpers.checks import refuse
from helpers.data.cells_twin import CellTruth, simulate_cells
from helpers.data.types import BulkPanel
from helpers.evaluation.statistics import mean_interval
from helpers.studies.scdeal.baselines import BulkLogistic
from helpers.studies.scdeal.comparison import tidy
from helpers.studies.scdeal.genes import attributed
from helpers.studies.scdeal.labels import LineLabels
from helpers.studies.scdeal.metrics import auroc_by_line, chance_levels, line_metrics
from helpers.studies.scdeal.model.pipeline import line_split
from helpers.studies.scdeal.oracles import (
    best_of_tosses,
    best_split,
    label_free_splits,
    two_state_metrics,
)
from helpers.studies.scdeal.protocol import TransferRuns
from helpers.studies.scdeal.simple import LABEL_FREE
from helpers.studies.scdeal.tasks import TransferTask, prepare_cells, transfer_task

#: Wrong responses of the bulk lines, by the name under which own minus wrong is recorded.
CONTROLS = {"permuted labels": "own-permuted", "another drug": "own-another drug"}
_WRONG = "Palbociclib"
#: Simulated lines of the method check, and what Leiden clusters are in each.
TWINS = {"twin": "one cluster", "clear": "clusters are states"}


def mislabelled(task: TransferTask, kind: str, lines: LineLabels, rule: str, seed: int) -> TransferTask:
    """Give a task wrong responses of its bulk lines, in one of the ways of :data:`CONTROLS`.

    ``"another drug"`` are the labels for a drug of another kind by the same rule; lines without one are left
    out.

    Raises
    ------
    DataError
        If the way is unknown, or there are no labels for the other drug.
    """
    if kind not in tuple(CONTROLS):
        refuse("mislabelled", f"unknown kind {kind!r}", f"one of {', '.join(CONTROLS)}")
    check_number("seed", seed, 0, whole=True)
    if kind == "permuted labels":
        permuted = np.random.default_rng(seed).permutation(task.bulk_sensitive)
        return replace(task, bulk_sensitive=permuted)
    wrong = 1 - lines.resistant(_WRONG, rule).reindex(task.bulk_x.index).dropna()
    return replace(task, bulk_x=task.bulk_x.loc[wrong.index], bulk_sensitive=wrong.to_numpy(int))


def with_permuted_names(task: TransferTask, seed: int) -> TransferTask:
    """Exchange the names of the cells' genes: who uses them must lose, who does not cannot notice.

    This is how bulk lines of one species meet cells of another whose genes are named otherwise. Names that
    bulk knows are exchanged among each other, so that as many genes are shared as before.
    """
    check_number("seed", seed, 0, whole=True)
    names = task.cells_x.columns.to_numpy(str).copy()
    known = np.flatnonzero(np.isin(names, task.bulk_x.columns))
    names[known] = names[np.random.default_rng(seed).permutation(known)]
    return replace(task, cells_x=task.cells_x.set_axis(names, axis=1))


def with_fewer_lines(task: TransferTask, lines: int, seed: int) -> TransferTask:
    """Keep about so many bulk lines, drawn within each class; the task itself where it has no more.

    Raises
    ------
    DataError
        If so many cannot be drawn from both classes.
    """
    check_number("lines", lines, 2, whole=True)
    check_number("seed", seed, 0, 2**32 - 1, whole=True)
    if lines >= len(task.bulk_sensitive):
        return task
    y = task.bulk_sensitive
    try:
        kept, _ = train_test_split(np.arange(len(y)), train_size=lines, stratify=y, random_state=seed)
    except ValueError as error:
        refuse(task.name, f"cannot draw {lines} of {len(y)} bulk lines from both classes: {error}")
    kept = np.sort(kept)
    return replace(task, bulk_x=task.bulk_x.iloc[kept], bulk_sensitive=task.bulk_sensitive[kept])


def bulk_prediction(task: TransferTask, seeds: Sequence[int]) -> pd.DataFrame:
    """Logistic regression on bulk lines, scored on the test lines of scDEAL's split of each seed.

    Returns
    -------
    DataFrame
        ``task``, ``cell_set``, ``seed``, ``bulk_auroc`` (NaN where the test lines are of one class).
    """
    rows = []
    for seed in seeds:
        check_number("a seed", seed, 0, whole=True)
        parts = line_split(len(task.bulk_sensitive), seed)
        train = np.concatenate([parts.train, parts.validation])
        model = BulkLogistic(scaling="bulk").fit(task.bulk_x.iloc[train], task.bulk_sensitive[train])
        y, score = task.bulk_sensitive[parts.test], model.predict_proba(task.bulk_x.iloc[parts.test])[:, 1]
        auroc = roc_auc_score(y, score) if len(np.unique(y)) == 2 else np.nan
        rows.append({"task": task.name, "cell_set": task.cell_set, "seed": seed, "bulk_auroc": auroc})
    return pd.DataFrame(rows)


def make_twin(name: str, seed: int) -> tuple[AnnData, TransferTask, CellTruth]:
    """Draw one of :data:`TWINS`: cells of a simulated line, the task on them, and what was planted."""
    if name not in tuple(TWINS):
        refuse("make_twin", f"unknown twin {name!r}", f"one of {', '.join(TWINS)}")
    gap, planted = (3.0, 24) if name == "clear" else (2.0, 8)
    panel, cells, truth = simulate_cells(
        seed, n_lines=160, n_cells=160, n_genes=200, n_cell_lines=1, state_gap=gap, planted=planted
    )
    return cells, twin_task(panel, cells, truth), truth


def twin_task(panel: BulkPanel, cells: AnnData, truth: CellTruth) -> TransferTask:
    """Task on a simulated line whose cells are in two states."""
    return transfer_task(
        panel, prepare_cells(cells, panel.expression.columns, min_genes=20), truth.state_drug
    )


def twin_findings(
    task: TransferTask,
    truth: CellTruth,
    runs: pd.DataFrame,
    simple: pd.DataFrame,
    settings: Mapping[str, Mapping[str, Any]],
    *,
    seeds: Sequence[int],
    steps: int,
    device: str,
) -> pd.DataFrame:
    """Tell what scDEAL and simple models recover of a planted truth.

    Parameters
    ----------
    task : TransferTask
        From :func:`twin_task`.
    truth : CellTruth
    runs, simple : DataFrame
        Tables of runs of ``settings`` and of simple models.
    settings : mapping of name to keyword arguments of ``ScDEAL``
    seeds, steps, device
        Of the fits whose attributions are compared with the planted genes.

    Returns
    -------
    DataFrame
        ``model``, ``metric``, ``value``, ``low``, ``high``, ``p``, ``n``. Metrics of scDEAL: ``AUROC``,
        ``before AUROC``, ``below half`` (share of seeds), ``planted genes`` (AUROC of the planted among all
        genes by mean size of the attribution, mean over ``seeds``).
    """
    genes = task.cells_x.columns
    planted = (truth.weights.loc[truth.state_drug] != 0).reindex(genes, fill_value=False).to_numpy()
    groups = {name: runs[runs["setting"] == name] for name in settings}
    found = tidy(
        groups,
        ["AUROC", "before AUROC"],
        lambda rows, metric: mean_interval(rows[metric].to_numpy()),
        "value",
    )
    others = []
    for name, values in settings.items():
        below = {
            "metric": "below half",
            "value": (groups[name]["AUROC"] < 0.5).mean(),
            "n": len(groups[name]),
        }
        found_genes = []
        for seed in seeds:
            size = attributed(task, values, seed, steps=steps, device=device)[0].abs().mean()
            found_genes.append(roc_auc_score(planted, size.reindex(genes).fillna(0)))
        c = mean_interval(np.array(found_genes))
        low, high = within_bounds("AUROC", c.low, c.high)
        mean = {"metric": "planted genes", "value": c.difference, "low": low, "high": high, "n": c.n}
        others += [{"model": name, **below}, {"model": name, **mean}]
    alone = simple.set_index("setting")["AUROC"]
    others += [
        {"model": model, "metric": "AUROC", "value": alone[model]}
        for model in (*LABEL_FREE, "cluster majority")
    ]
    return pd.concat([found, pd.DataFrame(others)], ignore_index=True)


def twin_rows(settings: Iterable[str]) -> dict[str, str]:
    """Name the results of :func:`twin_findings` of all twins in words, for a table."""
    what = ("before AUROC", "AUROC", "below half", "planted genes")
    asked = [(setting, metric) for setting in settings for metric in what]
    asked += [(model, "AUROC") for model in (*LABEL_FREE, "cluster majority")]
    return {f"{k}: {m}, {w}": f"check.{twin}.{m}.{w}" for twin, k in TWINS.items() for m, w in asked}


def by_names(tasks: Sequence[TransferTask]) -> pd.DataFrame:
    """Score logistic regression on the genes of the same names: ``task``, ``cell_set``, ``AUROC``."""
    rows = []
    for task in tasks:
        model = BulkLogistic().fit(task.bulk_x, task.bulk_sensitive, task.cells_x)
        auroc = roc_auc_score(task.cells_sensitive, model.predict_proba(task.cells_x)[:, 1])
        rows.append({"task": task.name, "cell_set": task.cell_set, "AUROC": auroc})
    return pd.DataFrame(rows)


def one_bit(tasks: Sequence[TransferTask], tosses: int, seed: int) -> pd.DataFrame:
    """Score the best split of each task that sees no label, its side told, and the best of many coins.

    Parameters
    ----------
    tasks : sequence of TransferTask
    tosses : int
        Runs of which the best is told.
    seed : int

    Returns
    -------
    DataFrame
        ``task``, ``dataset``, ``drug``, ``cell_set``, ``split`` (its name), ``F1`` and ``AUROC`` with the
        side told, ``F1 of tosses`` (expected best of coins for the side), ``F1 of a constant`` and, as
        ``F1 <split>``, that of each split with its better side.
    """
    rows = []
    for task in tasks:
        y = task.cells_sensitive
        splits = label_free_splits(task.cells_x.to_numpy(), seed=seed)
        name, groups = best_split(y, splits)
        told = {one: two_state_metrics(y, found).loc["oracle sign"] for one, found in splits.items()}
        about = {"task": task.name, "dataset": task.dataset, "drug": task.drug, "cell_set": task.cell_set}
        scores = {"F1": told[name]["F1"], "AUROC": told[name]["AUROC"]}
        chance = {
            "F1 of tosses": best_of_tosses(y, groups, tosses),
            "F1 of a constant": chance_levels(y)["F1"],
        }
        each = {f"F1 {one}": found["F1"] for one, found in told.items()}
        rows.append({**about, "split": name, **scores, **chance, **each})
    return pd.DataFrame(rows)


def sharing_cells(tasks: Sequence[TransferTask]) -> list[TransferTask]:
    """Return the first two tasks that are two tables of the same cells, or nothing."""
    for one, other in combinations(tasks, 2):
        if one.cell_set == other.cell_set and one.dataset != other.dataset:
            return [one, other]
    return []


def opposite_pair(
    pair: Sequence[TransferTask], chosen: pd.DataFrame, seed: int
) -> tuple[np.ndarray, pd.DataFrame]:
    """Two groups of cells that two drugs give opposite labels, and scDEAL's runs of both.

    Parameters
    ----------
    pair : two TransferTasks
        On the same cells.
    chosen : DataFrame
        Runs, one a task and seed.
    seed : int

    Returns
    -------
    states : array (cells,) of 0 and 1
    found : DataFrame
        ``what``, ``value``, ``low``, ``high``, ``n``, ``note``: share of opposite labels, AUROC of one naming
        of the clusters for each drug, and the sum of scDEAL's two AUROC over seeds.
    """
    if len(pair) != 2 or len(pair[0].cells_x) != len(pair[1].cells_x):
        refuse("opposite_pair", "needs two tasks on the same cells")
    one, other = pair
    _, states = best_split(one.cells_sensitive, label_free_splits(one.cells_x.to_numpy(), seed=seed))
    opposite = float((one.cells_sensitive == 1 - other.cells_sensitive).mean())
    rows = [{"what": "opposite labels", "value": opposite, "n": len(one.cells_sensitive)}]
    note = "best split, one naming of the sides"
    for task in pair:
        value = roc_auc_score(task.cells_sensitive, states)
        rows.append({"what": f"{task.drug}.AUROC", "value": value, "note": note})
    own = chosen[chosen["cell_set"] == one.cell_set]
    by_drug = own.pivot_table(index="seed", columns="drug", values="AUROC")
    c = mean_interval(by_drug.sum(axis=1).to_numpy())
    interval = {"low": c.low, "high": c.high, "n": c.n, "note": "of the two drugs, over seeds"}
    rows.append({"what": "sum of AUROC", "value": c.difference, **interval})
    return states, pd.DataFrame(rows)


def scores_by_line(
    tasks: Sequence[TransferTask], runs: TransferRuns, chosen: pd.DataFrame, n_boot: int, seed: int
) -> pd.DataFrame:
    """Score runs of tasks whose labels come from lines, with the lines as the units.

    Returns
    -------
    DataFrame
        One row a task: ``task``, ``dataset``, ``drug``, ``value`` (AUROC over cells), ``low``, ``high``
        (bootstrap over lines), ``n`` (lines), ``AUROC over lines``, ``F1 of the majority of each line``;
        empty where no label comes from lines.
    """
    rows = []
    for task in (task for task in tasks if task.by_line):
        own = chosen[chosen["task"] == task.name]
        scores = [runs.outputs(task.name, r.setting, r.seed) for r in own.itertuples()]
        y = task.cells_sensitive
        c = auroc_by_line(y, np.array([s[:, 1] for s in scores]), task.lines, n_boot, seed)
        each = pd.DataFrame([line_metrics(y, s[:, 1], task.lines, s.argmax(axis=1)) for s in scores])
        about = {"task": task.name, "dataset": task.dataset, "drug": task.drug}
        interval = {"value": c.difference, "low": c.low, "high": c.high, "p": c.p, "n": c.n}
        lines = {
            "AUROC over lines": each["AUROC"].mean(),
            "F1 of the majority of each line": each["F1"].mean(),
        }
        rows.append({**about, **interval, **lines})
    return pd.DataFrame(rows)
