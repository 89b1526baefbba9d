"""The models of a pair protocol: PertVAE, batched over folds and drugs, and the simple predictors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from joblib import Parallel, delayed
from sklearn.base import clone

from helpers.studies.pertvae.baselines import PairPredictor, line_weights, pair_baselines
from helpers.studies.pertvae.model import MODELS_PER_BATCH, PertVAE, fit_many
from helpers.studies.pertvae.protocol import PairTask, Progress

#: What follows the name of a model in the names of its by-products.
RECONSTRUCTION, LATENT_SHIFT, CHANGE = " reconstruction", " latent shift", " change on x1"


@dataclass(frozen=True)
class SimplePredictors:
    """All simple predictors, in every fold.

    They stop on nothing, so they learn from the training and the validation part together.

    Attributes
    ----------
    predictors : mapping of str to PairPredictor
    """

    predictors: Mapping[str, PairPredictor] = field(default_factory=pair_baselines)

    def predict_tasks(
        self, tasks: Sequence[PairTask], n_jobs: int = 1, progress: Progress | None = None
    ) -> list[dict[str, np.ndarray]]:
        """Fit on the known pairs of each task and predict its test pairs."""
        if progress is not None:
            progress("simple predictors", 0, len(tasks))
        # Threads: each fit takes less time than starting a process would.
        return Parallel(n_jobs, prefer="threads")(
            delayed(_fit_predict)(dict(self.predictors), task) for task in tasks
        )


def _fit_predict(predictors: Mapping[str, PairPredictor], task: PairTask) -> dict[str, np.ndarray]:
    pre, post, lines = task.known()
    return {name: clone(model).fit(pre, post, lines).predict(task.test) for name, model in predictors.items()}


@dataclass(frozen=True)
class PertVAEContender:
    """PertVAE with the paper's reference and two by-products of the same fit.

    Predictions by name: ``<name>`` (the paper's), ``<name> reconstruction`` (decoder of z1: the paper's
    reference), ``<name> latent shift`` (decoder of z1 plus the mean latent shift of the training lines, W
    left out), ``<name> change on x1`` (the measured profile plus prediction minus reconstruction, so that
    what the decoder loses of x1 does not count).

    Attributes
    ----------
    name : str
    settings : mapping
        Of :class:`helpers.studies.pertvae.model.PertVAE`; the protocol scales and sets the seed.
    singletons : bool
        Whether the model sees profiles without a partner.
    by_products : bool
        False for the first two predictions only.
    """

    name: str = "PertVAE"
    settings: Mapping[str, object] = field(default_factory=dict)
    singletons: bool = True
    by_products: bool = True

    def predict_tasks(
        self, tasks: Sequence[PairTask], n_jobs: int = 1, progress: Progress | None = None
    ) -> list[dict[str, np.ndarray]]:
        """Fit one model a task, many at once, and predict its test pairs."""
        predictions = []
        # A fitted model takes about 10 MB: predict before the next batches train.
        step = n_jobs * MODELS_PER_BATCH
        for start in range(0, len(tasks), step):
            if progress is not None:
                progress(self.name, start, len(tasks))
            part = tasks[start : start + step]
            models = fit_many([pertvae_job(task, self.settings, self.singletons) for task in part], n_jobs)
            predictions += [self._predict(model, task) for model, task in zip(models, part, strict=True)]
        return predictions

    def _predict(self, model: PertVAE, task: PairTask) -> dict[str, np.ndarray]:
        predicted, rebuilt = model.predict(task.test), model.reconstruct(task.test)
        found = {self.name: predicted, self.name + RECONSTRUCTION: rebuilt}
        if self.by_products:
            pre, post, lines = task.known()
            shift = line_weights(lines) @ (model.latent_mean(post) - model.latent_mean(pre))
            found[self.name + LATENT_SHIFT] = model.decode(model.latent_mean(task.test) + shift)
            found[self.name + CHANGE] = task.test + predicted - rebuilt
        return found


def pertvae_job(
    task: PairTask, settings: Mapping[str, object], singletons: bool = True
) -> tuple[PertVAE, dict]:
    """Return the model and the arguments of its fit for :func:`helpers.studies.pertvae.model.fit_many`."""
    pre, post, lines = task.train
    arguments = {"pre": pre, "post": post, "lines": lines, "validation": task.validation[:2]}
    if singletons:
        arguments |= {"singletons": task.singletons, "singleton_lines": task.singleton_lines}
    # The protocol has scaled already; a second scaling would see other rows.
    return PertVAE(**dict(settings), random_state=task.seed), arguments
