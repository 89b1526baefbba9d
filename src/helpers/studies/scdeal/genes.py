"""What scDEAL's attributions and predicted classes say about genes, task by task."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from helpers.studies.scdeal.critical_genes import (
    chance_fraction,
    class_genes,
    critical_genes,
    either_side,
    module_check,
    shared_fraction,
)
from helpers.studies.scdeal.oracles import two_states
from helpers.studies.scdeal.protocol import TransferRuns, make_estimator
from helpers.studies.scdeal.tasks import TransferTask


def attributed(
    task: TransferTask, setting: Mapping[str, Any], seed: int, *, steps: int = 50, device: str = "auto"
) -> tuple[pd.DataFrame, np.ndarray]:
    """Fit once more, keep the network, and attribute the sensitive output to the genes.

    Returns
    -------
    attributions : DataFrame, cells x genes
    predicted : array (cells,) of 0 and 1
    """
    model = make_estimator(setting, seed, device)
    model.fit(task.bulk_x, task.bulk_sensitive, task.cells_x)
    values = model.integrated_gradients(task.cells_x, steps=steps)
    return pd.DataFrame(values, task.cells_x.index, model.gene_names_), model.predict(task.cells_x)


def critical_gene_check(
    task: TransferTask,
    setting: Mapping[str, Any],
    seed: int,
    *,
    n: int = 50,
    steps: int = 50,
    device: str = "auto",
) -> dict[str, Any]:
    """How many critical genes of a run are response genes of the same class.

    Parameters
    ----------
    task : TransferTask
    setting : mapping
        Keyword arguments of ``ScDEAL``.
    seed : int
    n : int
        Most genes of a list.
    steps : int
        Of the integrated gradients.
    device : str

    Returns
    -------
    dict
        ``task``, ``cell_set``, ``seed``, ``critical`` (number of critical genes), ``share`` of them that
        are response genes, ``chance`` (random genes), ``two clusters`` (genes that tell two clusters of
        cells apart, sides tossed). NaN where the run calls all cells the same.
    """
    attributions, predicted = attributed(task, setting, seed, steps=steps, device=device)
    genes = attributions.columns.to_numpy(str)
    x = task.cells_x[attributions.columns].to_numpy(float)
    response = class_genes(x, task.cells_sensitive, genes, n)
    found = critical_genes(attributions.to_numpy(), predicted, genes, n)
    states = two_states(x, seed=seed)
    defined = any(found.values())
    return {
        "task": task.name,
        "cell_set": task.cell_set,
        "seed": seed,
        "critical": sum(len(names) for names in found.values()),
        "share": shared_fraction(found, response),
        "chance": chance_fraction(found, response, len(genes)),
        # Compared on the same runs only.
        "two clusters": either_side(x, states, genes, response, n) if defined else np.nan,
    }


def critical_gene_checks(
    tasks: Iterable[TransferTask],
    settings: Mapping[str, Mapping[str, Any]],
    chosen: pd.DataFrame,
    seeds: int,
    check: Callable[..., dict[str, Any]] = critical_gene_check,
) -> pd.DataFrame:
    """Collect :func:`critical_gene_check` of the first ``seeds`` chosen runs of each task, one row a run."""
    rows = []
    for task in tasks:
        own = chosen[chosen["task"] == task.name].head(seeds)
        rows += [check(task, settings[run.setting], run.seed) for run in own.itertuples()]
    return pd.DataFrame(rows)


def module_checks(
    task: TransferTask, runs: TransferRuns, chosen: pd.DataFrame, *, n_null: int = 100
) -> pd.DataFrame:
    """Run the published check of gene modules on chosen runs of a task.

    Parameters
    ----------
    task : TransferTask
    runs : TransferRuns
    chosen : DataFrame
        Rows of the table of runs.
    n_null : int
        Random sets of genes.

    Returns
    -------
    DataFrame
        ``task``, ``cell_set``, ``seed``, ``AUROC``, ``correlation``, ``null``.
    """
    x, genes = task.cells_x.to_numpy(float), task.cells_x.columns.to_numpy(str)
    rows = []
    for row in chosen[chosen["task"] == task.name].itertuples():
        predicted = runs.outputs(task.name, row.setting, row.seed).argmax(axis=1)
        check = module_check(x, predicted, task.cells_sensitive, genes, n_null=n_null, seed=row.seed)
        about = {"task": task.name, "cell_set": task.cell_set, "seed": row.seed, "AUROC": row.AUROC}
        rows.append({**about, **check})
    return pd.DataFrame(rows)


def follows_prediction(checks: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Spearman correlation of the module check with the AUROC of the run: ``model``, ``value``, ``n``."""
    rows = []
    for name, table in checks.items():
        defined = table.dropna(subset="correlation")
        value = defined["correlation"].corr(defined["AUROC"], method="spearman") if len(defined) > 2 else None
        rows.append({"model": name, "value": value, "n": len(defined)})
    return pd.DataFrame(rows)
