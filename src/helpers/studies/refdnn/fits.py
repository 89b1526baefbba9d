"""Search and fit one model in many folds, and keep what it leaves in each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Any, Protocol

import joblib
import numpy as np
import pandas as pd
from sklearn.base import clone

from helpers.evaluation.nested import Searched, search_settings
from helpers.evaluation.protocol import Fold, Model, Progress, predictions
from helpers.evaluation.space import Space
from helpers.evaluation.splits import stratified_pair_folds
from helpers.studies.refdnn.baselines.base import PairClassifier
from helpers.studies.refdnn.model import GPU_BATCH, RefDNNClassifier, fit_many
from helpers.studies.refdnn.model.holdout import stratified_holdout
from helpers.studies.refdnn.pairs import PairTable


@dataclass(frozen=True)
class Contender:
    """A model in a protocol.

    Attributes
    ----------
    name : str
    estimator : PairClassifier
        Template; it is cloned for each fit.
    space : dict, optional
        Hyperparameters to search in the training part of each fold; None keeps the template's.
    published_split : bool
        Fit on 80 % of the training part, as the study did for all its models; RefDNN stops early on the
        other 20 %. False fits on the whole training part.
    table_order : bool
        Feed the pairs to fit on in the order of the table. The published split shuffles them.
    keep : callable, optional
        Called with each fitted final model; what it returns is kept with the result.
    """

    name: str
    estimator: PairClassifier
    space: Space | None = None
    published_split: bool = True
    table_order: bool = False
    keep: Callable[[PairClassifier], Any] | None = None


@dataclass(frozen=True)
class Outcome:
    """What a contender leaves in a fold.

    Attributes
    ----------
    p : array (test pairs,), float32
        Probability of resistance.
    seconds : float
        Wall time, the fold's share of the search included.
    kept : object
        What :attr:`Contender.keep` returned.
    chosen, trials : DataFrame, optional
        One row with the settings found, one row a candidate; None without a search.
    """

    p: np.ndarray
    seconds: float
    kept: Any = None
    chosen: pd.DataFrame | None = None
    trials: pd.DataFrame | None = None


class Kept(Protocol):
    """Where outcomes are kept by key, e.g. :class:`helpers.chapter.shelf.Shelf`."""

    def get(self, key: str) -> Any:
        """Return the outcome of a key, or None."""

    def put(self, key: str, value: Any, seconds: float) -> None:
        """Keep an outcome and the wall time that it took."""


@dataclass(frozen=True, eq=False)
class Fitting:
    """How contenders are searched and fitted; see :func:`helpers.studies.refdnn.protocol.cross_validate`."""

    table: PairTable
    n_inner: int
    n_trials: int
    n_startup: int
    seed: int
    n_jobs: int
    journals: Path | None
    kept: Kept | None
    progress: Progress | None

    def outcomes(self, contender: Contender, folds: Sequence[Fold]) -> list[Outcome]:
        """Return what a contender leaves in each fold; only what is not kept yet is computed."""
        found: dict[int, Outcome] = {}
        keys: list[str] = []
        if self.kept is not None:
            data = joblib.hash((self.table, contender.estimator.features))
            keys = [self._key(data, contender, fold) for fold in folds]
            for i, key in enumerate(keys):
                one = self.kept.get(key)
                if one is not None and (contender.keep is None or one.kept is not None):
                    found[i] = one
        missing = [i for i in range(len(folds)) if i not in found]
        computed = self._compute(contender, [folds[i] for i in missing]) if missing else iter(())
        for i, one in zip(missing, computed, strict=True):
            found[i] = one
            if self.kept is not None:
                self.kept.put(keys[i], one, one.seconds)
        return [found[i] for i in range(len(folds))]

    def _key(self, data: str, contender: Contender, fold: Fold) -> str:
        """Hash all that an outcome depends on but the code.

        Names of contender and fold count in a search only, whose candidates depend on them: fits that are
        equal are found under any name.
        """
        settings = contender.estimator.get_params(deep=False) | {"features": None, "random_state": None}
        model = (type(contender.estimator).__qualname__, sorted(settings.items()))
        split = (contender.published_split, contender.table_order)
        search = None
        if contender.space is not None:
            names = (contender.name, fold.name, dict(fold.tags))
            search = (names, repr(contender.space), self.n_inner, self.n_trials, self.n_startup, self.seed)
        return joblib.hash((data, fold.train, fold.test, fold.seed, model, split, search))

    def _compute(self, contender: Contender, folds: Sequence[Fold]) -> Iterator[Outcome]:
        """Search and fit in all folds together; yield the outcomes in order."""
        started = perf_counter()
        searched = None if contender.space is None else self._search(contender, contender.space, folds)
        final = folds if searched is None else searched.folds
        share = (perf_counter() - started) / len(folds)
        if contender.published_split:
            final = [_with_validation(self.table, fold, contender.table_order) for fold in final]
        kept: dict[Fold, Any] = {}
        model = _model(contender, stops_on="validation", kept=kept)
        started = perf_counter()
        fitted = predictions(self.table, final, [model], n_jobs=self._jobs(model), progress=self.progress)
        for i, (_, fold, p) in enumerate(fitted):
            now = perf_counter()
            chosen, trials = None, None
            if searched is not None:
                chosen = searched.chosen.iloc[[i]]
                trials = searched.trials.iloc[i * self.n_trials : (i + 1) * self.n_trials]
            yield Outcome(p.astype(np.float32), share + now - started, kept.pop(fold, None), chosen, trials)
            started = now

    def _search(self, contender: Contender, space: Space, folds: Sequence[Fold]) -> Searched:
        model = _model(contender, stops_on="test")
        # The journal's name changes with the data, the folds and everything searched.
        digest = joblib.hash((self.table, folds, contender.estimator, self.n_inner, self.seed))[:12]
        journal = f"{contender.name.replace(' ', '_')}-{digest}.journal"
        return search_settings(
            self.table,
            folds,
            model,
            space,
            lambda fold: _inner_folds(self.table, fold, self.n_inner, self.seed),
            _accuracy,
            n_trials=self.n_trials,
            n_startup=self.n_startup,
            seed=self.seed,
            storage=None if self.journals is None else self.journals / journal,
            n_jobs=self._jobs(model),
            progress=self.progress,
        )

    def _jobs(self, model: Model) -> int:
        return 1 if model.batch > 1 else self.n_jobs  # a GPU has one batch at a time


def _model(contender: Contender, *, stops_on: str, kept: dict[Fold, Any] | None = None) -> Model:
    """Make a contender a model of the engine; the part ``stops_on`` of a fold stops its training."""
    on_gpu = isinstance(contender.estimator, RefDNNClassifier) and contender.estimator.on_gpu()

    def predict(table: PairTable, folds: Sequence[Fold]) -> Iterator[np.ndarray]:
        models = [_configured(contender.estimator, fold) for fold in folds]
        watched = [_pairs(table, getattr(fold, stops_on)) for fold in folds]
        if on_gpu:
            fits = zip(models, folds, watched, strict=True)
            fit_many(
                [(model, table.codes[fold.train], table.y[fold.train], held) for model, fold, held in fits]
            )
        for model, fold, held in zip(models, folds, watched, strict=True):
            if not on_gpu:
                model.fit(
                    table.codes[fold.train],
                    table.y[fold.train],
                    validation=held,
                    value=table.value[fold.train],
                )
            if kept is not None and contender.keep is not None:
                kept[fold] = contender.keep(model)
            yield model.predict_proba(table.codes[fold.test])[:, 1]

    return Model(contender.name, predict, batch=GPU_BATCH if on_gpu else 1)


def _configured(estimator: PairClassifier, fold: Fold) -> PairClassifier:
    model = clone(estimator).set_params(**fold.settings)
    seeded = "random_state" in model.get_params()
    return model.set_params(random_state=fold.seed) if seeded else model


def _pairs(table: PairTable, rows: np.ndarray | None) -> tuple[np.ndarray, np.ndarray] | None:
    return None if rows is None else (table.codes[rows], table.y[rows])


def _with_validation(table: PairTable, fold: Fold, table_order: bool) -> Fold:
    """Take the published 20 % of the training part, stratified by drug, as validation rows."""
    kept, held_out = stratified_holdout(table.drugs[fold.train], 0.2, fold.seed)
    if table_order:
        kept, held_out = np.sort(kept), np.sort(held_out)
    return replace(fold, train=fold.train[kept], validation=fold.train[held_out])


def _inner_folds(table: PairTable, fold: Fold, n_inner: int, seed: int) -> list[Fold]:
    splits = stratified_pair_folds(table.drugs[fold.train], n_inner, fold.seed)
    seeds = [derived_seed(seed, fold.tags["repeat"], fold.name, split.name) for split in splits]
    return [
        Fold(split.name, fold.train[split.train], fold.train[split.test], seed=state)
        for split, state in zip(splits, seeds, strict=True)
    ]


def _accuracy(table: PairTable, fold: Fold, p: np.ndarray) -> float:
    return float(np.mean((p > 0.5) == table.y[fold.test]))


def derived_seed(*parts: object) -> int:
    """Small integer that depends on all parts, the same in every process."""
    text = "/".join(map(str, parts))
    return int(np.random.SeedSequence(list(text.encode())).generate_state(1)[0] % (2**31))
