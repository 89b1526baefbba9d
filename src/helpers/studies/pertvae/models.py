"""The models of the protocol: PertVAE with by-products of its fit, and the simple predictors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import clone

from helpers.checks import refuse
from helpers.data.pair_types import PerturbationPairs
from helpers.evaluation.protocol import Fold, Model
from helpers.studies.pertvae.baselines import PairPredictor, pair_baselines
from helpers.studies.pertvae.model import PertVAE
from helpers.studies.pertvae.model.profiles import line_weights
from helpers.studies.pertvae.protocol import PairTask, make_task

#: What follows the name of a model in the names of its by-products.
RECONSTRUCTION, LATENT_SHIFT, CHANGE = " reconstruction", " latent shift", " change on x1"
UPPER = " of the answer"


def pertvae_model(
    settings: Mapping[str, Any],
    name: str = "PertVAE",
    *,
    singletons: int | None = None,
    by_products: bool = True,
) -> Model:
    """PertVAE with the paper's reference and three by-products of the same fit.

    Predictions by name: ``<name>`` (the paper's), ``<name> reconstruction`` (decoder of z1: the paper's
    reference), ``<name> latent shift`` (decoder of z1 plus the mean latent shift of the training lines, W
    left out), ``<name> change on x1`` (the measured profile plus prediction minus reconstruction, so that
    what the decoder loses of x1 does not count), ``<name> of the answer`` (the reconstruction of the measured
    x2 itself, which no prediction through this decoder can be expected to exceed: no prediction at all).

    Parameters
    ----------
    settings : mapping
        Of :class:`helpers.studies.pertvae.model.PertVAE`; the protocol scales and sets the seed.
    name : str
    singletons : int, optional
        How many of the profiles without a partner the model sees, drawn anew in every fold; default all.
    by_products : bool
        False for the first two predictions only.

    Raises
    ------
    DataError
        If a setting is none of PertVAE, or the seed.
    """
    unknown = set(settings) - set(PertVAE().get_params()) | {"random_state"} & set(settings)
    if unknown:
        refuse(name, f"{sorted(unknown)} are no settings of PertVAE in a protocol, which sets the seed")
    return Model(name, _PertVAEFits(name, dict(settings), singletons, by_products))


#: One thing changed at a time: settings of the variant.
VARIANTS: dict[str, dict[str, Any]] = {
    "10 units": {"latent": 10},
    "no flow": {"flow_steps": 0},
    "no L2": {"l2": 0.0},
    "no identity form": {"form": "free"},
    "z2 from z1": {"post_code": "pre"},
}
#: What may stop training, in words.
STOPS = {
    "correlation": "stops on correlation",
    "prediction": "stops on prediction error",
    "likelihood": "stops on likelihood",
}


def variant_models(settings: Mapping[str, Any], names: Sequence[str]) -> list[Model]:
    """PertVAE with one thing changed, ``PertVAE, <name>``, for names of :data:`VARIANTS` or :data:`STOPS`.

    Raises
    ------
    DataError
        If a name is none of them.
    """
    unknown = set(names) - set(VARIANTS) - set(STOPS.values())
    if unknown:
        refuse("variants", f"unknown {sorted(unknown)}; one of {', '.join([*VARIANTS, *STOPS.values()])}")
    changed = VARIANTS | {words: {"watch": watch} for watch, words in STOPS.items()}
    return [
        pertvae_model({**settings, **changed[name]}, f"PertVAE, {name}", by_products=False) for name in names
    ]


def singleton_models(settings: Mapping[str, Any], counts: Sequence[int]) -> list[Model]:
    """PertVAE and PCA + shift with so many profiles without a partner: ``<model>, <count> singletons``."""
    found = []
    for count in counts:
        found.append(
            pertvae_model(settings, f"PertVAE, {count} singletons", singletons=count, by_products=False)
        )
        linear = {f"PCA + shift, {count} singletons": pair_baselines()["PCA + shift"]}
        found.append(Model(f"PCA, {count}", _SimpleFits(linear, count)))
    return found


def simple_models(predictors: Mapping[str, PairPredictor] | None = None) -> Model:
    """All simple predictors (or those given by name), in every fold.

    They stop on nothing, so they learn from the training and the validation part together, and get the
    singletons that PertVAE gets.

    Raises
    ------
    DataError
        If one of them is no predictor of pairs.
    """
    for name, one in (predictors or {}).items():
        if not isinstance(one, PairPredictor):
            refuse(name, f"{one!r} is no PairPredictor", "derive it from that class")
    return Model("simple predictors", _SimpleFits(dict(predictors or pair_baselines())))


def fit_pertvae(task: PairTask, settings: Mapping[str, Any], seed: int) -> PertVAE:
    """Fit PertVAE to the training part of a fold; it stops on the validation part."""
    pre, post, lines = task.train
    return PertVAE(**settings, random_state=seed).fit(
        pre,
        post,
        task.singletons,
        lines=lines,
        singleton_lines=task.singleton_lines,
        validation=task.validation[:2],
    )


# Classes instead of closures: joblib.Memory names a result by the content of its arguments.
@dataclass(frozen=True)
class _PertVAEFits:
    name: str
    settings: dict[str, Any]
    singletons: int | None
    by_products: bool

    def __call__(self, data: PerturbationPairs, folds: Sequence[Fold]) -> Iterator[dict[str, np.ndarray]]:
        for fold in folds:
            task = make_task(data, fold).with_singletons(self.singletons, fold.seed)
            model = fit_pertvae(task, self.settings, fold.seed)
            found = self._predict(model, task)
            if self.by_products:
                answer = task.scaler(data.post.to_numpy(float)[fold.test])
                found[self.name + UPPER] = model.reconstruct(answer)
            yield found

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
    singletons: int | None = None

    def __call__(self, data: PerturbationPairs, folds: Sequence[Fold]) -> Iterator[dict[str, np.ndarray]]:
        for fold in folds:
            task = make_task(data, fold).with_singletons(self.singletons, fold.seed)
            pre, post, lines = task.known()
            yield {
                name: clone(model).fit(pre, post, lines, task.singletons).predict(task.test)
                for name, model in self.predictors.items()
            }
