"""Simple models and yardsticks on the tasks of scDEAL, scored alike.

Not a list of folds of :mod:`helpers.evaluation.protocol`, for the reasons that
:mod:`helpers.studies.scdeal.protocol` gives.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from helpers.errors import DataError
from helpers.studies.scdeal.baselines import (
    BulkBoosting,
    BulkLogistic,
    CellClassifier,
    CoralLogistic,
    RandomEncoder,
)
from helpers.studies.scdeal.metrics import cell_metrics
from helpers.studies.scdeal.oracles import (
    best_split,
    cluster_majority,
    few_shot,
    label_free_splits,
    two_state_metrics,
)
from helpers.studies.scdeal.protocol import about, answer_metrics, check_seeds, clusters
from helpers.studies.scdeal.tasks import TransferTask

#: Fitted on bulk, cells scaled by bulk: no adaptation at all.
NO_ADAPTATION = ("logistic, bulk scale", "boosting, bulk scale")
#: All simple models that see no label of a cell and are more than a constant.
LABEL_FREE = (*NO_ADAPTATION, "logistic, own scale", "boosting, own scale", "CORAL", "random encoder")
CONSTANTS = ("all sensitive", "all resistant")
#: Scores without a model.
DEPTH = ("library size", "gene count")
#: Look at labels of the cells.
ORACLES = ("cluster majority", "best split, side tossed", "best split, side told", "few-shot")


def run_simple(task: TransferTask, seeds: Sequence[int], *, yardsticks: bool = True) -> pd.DataFrame:
    """Score the simple models and, beside them, yardsticks on a task.

    Parameters
    ----------
    task : TransferTask
    seeds : sequence of int
        Of the random encoder, the splits and few-shot; other models do not vary and have one row.
    yardsticks : bool
        Whether to add depth, constants and the answers that look at labels: none depends on bulk lines.

    Returns
    -------
    DataFrame
        ``task``, ``dataset``, ``drug``, ``cell_set``, ``setting`` (the model), ``seed``, metrics.
        :data:`ORACLES` look at labels of the cells and are yardsticks, not rivals. A model that cannot be
        applied (depth of z-scores, few-shot without enough labelled cells) has no row.

    Raises
    ------
    DataError
        If there is no seed, or bulk and cells share no gene.
    """
    check_seeds(seeds)
    y, rows = task.cells_sensitive, []

    def add(model: str, seed: int, metrics: Mapping[str, float]) -> None:
        rows.append({**about(task, model, seed), **metrics})

    def add_fitted(name: str, seed: int, model: CellClassifier) -> None:
        p = model.fit(task.bulk_x, task.bulk_sensitive, task.cells_x).predict_proba(task.cells_x)
        add(name, seed, answer_metrics(y, p))

    for name, scaled in (("logistic", BulkLogistic()), ("boosting", BulkBoosting())):
        scaled.fit(task.bulk_x, task.bulk_sensitive, task.cells_x)
        for how, scaling in (("bulk", "bulk"), ("own", "domain")):
            p = scaled.set_params(scaling=scaling).predict_proba(task.cells_x)
            add(f"{name}, {how} scale", seeds[0], answer_metrics(y, p))
    add_fitted("CORAL", seeds[0], CoralLogistic())
    for seed in seeds:
        add_fitted("random encoder", seed, RandomEncoder(random_state=seed))
    if yardsticks:
        for name, answer in zip(CONSTANTS, (1.0, 0.0), strict=True):
            add(name, seeds[0], cell_metrics(y, np.full(len(y), answer)))
        if task.depth is not None:
            # The half with more counts is called sensitive.
            for name, depth in task.depth[list(DEPTH)].rank(pct=True).items():
                add(str(name), seeds[0], cell_metrics(y, depth.to_numpy()))
        for model, seed, metrics in _told(task, seeds):
            add(model, seed, metrics)
    return pd.DataFrame(rows)


def _told(task: TransferTask, seeds: Sequence[int]) -> Iterable[tuple[str, int, Mapping[str, float]]]:
    """Yield what looks at labels of the scored cells: model, seed, metrics."""
    x, y = task.cells_x.to_numpy(), task.cells_sensitive
    majority = cluster_majority(y, clusters(task))
    yield ORACLES[0], seeds[0], cell_metrics(y, majority["score"], majority["predicted"])
    for seed in seeds:
        sides = two_state_metrics(y, best_split(y, label_free_splits(x, seed=seed))[1])
        yield ORACLES[1], seed, sides.loc["random sign"].to_dict()
        yield ORACLES[2], seed, sides.loc["oracle sign"].to_dict()
    lines = task.lines if task.by_line else None
    for seed in seeds:
        try:
            shots = few_shot(x, y, seed=seed, lines=lines)
        except DataError:
            return
        yield ORACLES[3], seed, shots
