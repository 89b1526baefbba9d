"""The models of the protocol: PertVAE with by-products of its fit, and the simple predictors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import clone

from helpers.data.pair_types import PerturbationPairs
from helpers.evaluation.protocol import Fold, Model
from helpers.studies.pertvae.baselines import PairPredictor, pair_baselines
from helpers.studies.pertvae.model import PertVAE
from helpers.studies.pertvae.model.profiles import line_weights
from helpers.studies.pertvae.protocol import PairTask, make_task

#: What follows the name of a model in the names of its by-products.
RECONSTRUCTION, LATENT_SHIFT, CHANGE = " reconstruction", " latent shift", " change on x1"


def pertvae_model(
    settings: Mapping[str, Any],
    name: str = "PertVAE",
    *,
    singletons: bool = True,
    by_products: bool = True,
) -> Model:
    """PertVAE with the paper's reference and two by-products of the same fit.

    Predictions by name: ``<name>`` (the paper's), ``<name> reconstruction`` (decoder of z1: the paper's
    reference), ``<name> latent shift`` (decoder of z1 plus the mean latent shift of the training lines, W
    left out), ``<name> change on x1`` (the measured profile plus prediction minus reconstruction, so that
    what the decoder loses of x1 does not count).

    Parameters
    ----------
    settings : mapping
        Of :class:`helpers.studies.pertvae.model.PertVAE`; the protocol scales and sets the seed.
    name : str
    singletons : bool
        Whether the model sees profiles without a partner.
    by_products : bool
        False for the first two predictions only.
    """
    return Model(name, _PertVAEFits(name, dict(settings), singletons, by_products))


#: One thing changed at a time: settings of the variant; "no singletons" takes the other profiles away.
VARIANTS: dict[str, dict[str, Any]] = {
    "10 units": {"latent": 10},
    "no flow": {"flow_steps": 0},
    "no singletons": {},
    "z2 from z1": {"post_code": "pre"},
    "stops on likelihood": {"watch": "likelihood"},
}


def variant_models(settings: Mapping[str, Any], names: Sequence[str]) -> list[Model]:
    """PertVAE with one thing changed, ``PertVAE, <name>``, for names of :data:`VARIANTS`."""
    return [
        pertvae_model(
            {**settings, **VARIANTS[name]},
            f"PertVAE, {name}",
            singletons=name != "no singletons",
            by_products=False,
        )
        for name in names
    ]


def simple_models(predictors: Mapping[str, PairPredictor] | None = None) -> Model:
    """All simple predictors (or those given by name), in every fold.

    They stop on nothing, so they learn from the training and the validation part together, and get the
    singletons that PertVAE gets.
    """
    return Model("simple predictors", _SimpleFits(dict(predictors or pair_baselines())))


def fit_pertvae(task: PairTask, settings: Mapping[str, Any], seed: int, singletons: bool = True) -> PertVAE:
    """Fit PertVAE to the training part of a fold; it stops on the validation part."""
    pre, post, lines = task.train
    alone = (task.singletons, task.singleton_lines) if singletons else (None, None)
    return PertVAE(**settings, random_state=seed).fit(
        pre, post, alone[0], lines=lines, singleton_lines=alone[1], validation=task.validation[:2]
    )


# Classes instead of closures: joblib.Memory names a result by the content of its arguments.
@dataclass(frozen=True)
class _PertVAEFits:
    name: str
    settings: dict[str, Any]
    singletons: bool
    by_products: bool

    def __call__(self, data: PerturbationPairs, folds: Sequence[Fold]) -> Iterator[dict[str, np.ndarray]]:
        for fold in folds:
            task = make_task(data, fold)
            yield self._predict(fit_pertvae(task, self.settings, fold.seed, self.singletons), task)

    def _predict(self, model: PertVAE, task: PairTask) -> dict[str, np.ndarray]:
        predicted, rebuilt = model.predict(task.test), model.reconstruct(task.test)
        found = {self.name: predicted, self.name + RECONSTRUCTION: rebuilt}
        if self.by_products:
            pre, post, lines = task.known()
            shift = line_weights(lines) @ (model.latent_mean(post) - model.latent_mean(pre))
            found[self.name + LATENT_SHIFT] = model.decode(model.latent_mean(task.test) + shift)
            found[self.name + CHANGE] = task.test + predicted - rebuilt
        return found


@dataclass(frozen=True)
class _SimpleFits:
    predictors: dict[str, PairPredictor]

    def __call__(self, data: PerturbationPairs, folds: Sequence[Fold]) -> Iterator[dict[str, np.ndarray]]:
        for fold in folds:
            task = make_task(data, fold)
            pre, post, lines = task.known()
            yield {
                name: clone(model).fit(pre, post, lines, task.singletons).predict(task.test)
                for name, model in self.predictors.items()
            }
