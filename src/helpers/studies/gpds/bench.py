"""What chapter 03 enters into ``helpers bench``: its network and a ridge, from bulk lines to single cells."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.linear_model import RidgeCV
from sklearn.pipeline import Pipeline

from helpers.evaluation.protocol import Fold, Model, each_fold
from helpers.studies.gpds.baselines import ALPHAS
from helpers.studies.gpds.cells import model_inputs
from helpers.studies.gpds.model import gpds_pipeline, gpds_preprocessing


def contenders(job: Any, *, networks: bool) -> list[Model]:
    """Return the models for single cells: they learn ln IC50, or the label where no line has a value."""
    if job.kind != "cells":
        return []
    before = gpds_preprocessing(gene_filter=False)
    ridge = Pipeline([*before.steps, ("ridge", RidgeCV(ALPHAS))]).set_output(transform="pandas")
    models = {"ridge on bins": ridge, **({"GPDS": gpds_pipeline(gene_filter=False)} if networks else {})}
    return [Model(name, each_fold(partial(_fit_predict, model))) for name, model in models.items()]


def _fit_predict(template: Pipeline, transfer: Any, fold: Fold) -> np.ndarray:
    model = clone(template)
    if "network" in model.named_steps:
        model.set_params(network__random_state=fold.seed)
    known = np.isfinite(transfer.value)
    y = transfer.value if known.any() else transfer.resistant.astype(float)
    lines = transfer.bulk[known] if known.any() else transfer.bulk
    model.fit(lines, y[known] if known.any() else y)
    inputs = model_inputs(model, transfer.cells)
    return np.asarray(model.steps[-1][1].predict(inputs), float)
