"""What chapter 06 enters into ``helpers bench``: transfer from bulk lines to single cells."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from sklearn.base import clone

from helpers.evaluation.protocol import Fold, Model, each_fold
from helpers.studies.scdeal.baselines import (
    BulkBoosting,
    BulkLogistic,
    CellClassifier,
    CoralLogistic,
    RandomEncoder,
)
from helpers.studies.scdeal.model import ScDEAL


def contenders(job: Any, *, networks: bool) -> list[Model]:
    """Return the models for single cells: those that see no label of a cell."""
    if job.kind != "cells":
        return []
    models: dict[str, CellClassifier | ScDEAL] = {
        "logistic, bulk scale": BulkLogistic("bulk"),
        "logistic, own scale": BulkLogistic("domain"),
        "boosting, bulk scale": BulkBoosting("bulk"),
        "boosting, own scale": BulkBoosting("domain"),
        "CORAL": CoralLogistic(),
        "random encoder": RandomEncoder(),
        **({"scDEAL": ScDEAL()} if networks else {}),
    }
    return [Model(name, each_fold(partial(_fit_predict, model))) for name, model in models.items()]


def _fit_predict(template: CellClassifier | ScDEAL, transfer: Any, fold: Fold) -> np.ndarray:
    """Fit on the bulk lines and score the resistance of the cells; here class 1 is sensitive."""
    model = clone(template)
    if "random_state" in model.get_params():
        model.set_params(random_state=fold.seed)
    model.fit(transfer.bulk, 1 - transfer.resistant, transfer.cells)
    return -model.predict_proba(transfer.cells)[:, 1]
