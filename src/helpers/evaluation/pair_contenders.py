"""The models of a pair protocol: the simple predictors, each fitted fold by fold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from joblib import Parallel, delayed
from sklearn.base import clone

from helpers.evaluation.pair_protocols import PairTask
from helpers.models.pair_baselines import PairPredictor, pair_baselines


@dataclass(frozen=True)
class SimplePredictors:
    """All simple predictors, in every fold.

    They stop on nothing, so they learn from the training and the validation part together.

    Attributes
    ----------
    predictors : mapping of str to PairPredictor
    n_jobs : int
        Folds at a time.
    """

    predictors: Mapping[str, PairPredictor] = field(default_factory=pair_baselines)
    n_jobs: int = 1

    def predict_tasks(self, tasks: Sequence[PairTask]) -> list[dict[str, np.ndarray]]:
        """Fit on the known pairs of each task and predict its test pairs."""
        return Parallel(self.n_jobs)(delayed(_fit_predict)(dict(self.predictors), task) for task in tasks)


def _fit_predict(predictors: Mapping[str, PairPredictor], task: PairTask) -> dict[str, np.ndarray]:
    pre, post, lines = task.known()
    return {name: clone(model).fit(pre, post, lines).predict(task.test) for name, model in predictors.items()}
