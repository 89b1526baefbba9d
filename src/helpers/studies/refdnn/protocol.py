"""Cross-validation of models of line-drug pairs: the same folds for all, searches nested, scores kept.

Every protocol of RefDNN (random pairs, unseen lines, unseen cancer types, unseen drugs) is a list of folds; a
model is a :class:`Contender`. Fits and searches run on :mod:`helpers.evaluation.protocol`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Any

import joblib
import numpy as np
import pandas as pd
from sklearn.base import clone
from threadpoolctl import threadpool_limits

from helpers.data.types import ResponseData
from helpers.evaluation.nested import Searched, search_settings
from helpers.evaluation.protocol import Fold, Model, Progress, predictions
from helpers.evaluation.space import Space
from helpers.evaluation.splits import check_two_classes, stratified_pair_folds
from helpers.studies.refdnn.baselines.base import PairClassifier
from helpers.studies.refdnn.features import PairFeatures
from helpers.studies.refdnn.model import GPU_BATCH, RefDNNClassifier, fit_many
from helpers.studies.refdnn.model.holdout import stratified_holdout
from helpers.studies.refdnn.out_of_fold import OutOfFold


@dataclass(frozen=True, eq=False)
class PairTable:
    """Pairs of one data set as models take them.

    Attributes
    ----------
    features : PairFeatures
    codes : array (n, 2): line, drug
    y : array (n,), 1 = resistant
    value : array (n,), log IC50
    cancer_type : array (n,) of str
    patient : array (n,) of str, optional
        Whom the line comes from; None where every line has a patient of its own.
    """

    features: PairFeatures
    codes: np.ndarray
    y: np.ndarray
    value: np.ndarray
    cancer_type: np.ndarray
    patient: np.ndarray | None = None

    @classmethod
    def from_data(cls, data: ResponseData) -> PairTable:
        """Encode the response table of ``data``; the row order is kept."""
        features = PairFeatures.from_data(data)
        response = data.response
        return cls(
            features,
            features.encode(response),
            response["resistant"].to_numpy(np.int64),
            response["value"].to_numpy(float),
            data.lines["cancer_type"].reindex(response["line"]).to_numpy(str),
            data.lines["patient"].reindex(response["line"]).to_numpy(str),
        )

    def __len__(self) -> int:
        return len(self.y)

    @property
    def lines(self) -> np.ndarray:
        """Line code of each pair."""
        return self.codes[:, 0]

    @property
    def drugs(self) -> np.ndarray:
        """Drug code of each pair."""
        return self.codes[:, 1]

    @property
    def patients(self) -> np.ndarray:
        """Patient of each pair: what a fold of unseen lines keeps together."""
        return self.lines if self.patient is None else self.patient

    def drug_names(self) -> np.ndarray:
        """Drug name of each pair."""
        return self.features.drug_names[self.drugs]


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


def cross_validate(
    table: PairTable,
    repeats: Sequence[Sequence[Fold]],
    contenders: Sequence[Contender],
    *,
    n_inner: int = 3,
    n_trials: int = 20,
    n_startup: int = 3,
    seed: int = 0,
    n_jobs: int = 1,
    storage: Path | None = None,
    progress: Progress | None = None,
) -> OutOfFold:
    """Run all contenders in the same folds.

    A contender with a space searches it by ``n_inner``-fold cross-validation (stratified by drug,
    objective: mean accuracy) inside the training part of each fold; as published, the fold that
    scores a candidate also stops its training. Searches of all folds advance together.

    Parameters
    ----------
    table : PairTable
    repeats : list of lists of Fold
        One list of folds a seed. The pairs of a test part must not overlap within a list.
    contenders : list of Contender
    n_inner, n_trials, n_startup : int
        Size of the nested search (published: 3, 20, 3).
    seed : int
        Seed of searches, validation splits and models.
    n_jobs : int
        Fits at a time.
    storage : Path, optional
        Folder of the searches' journals: a killed search resumes from it.
    progress : callable, optional
        Called with (what, done, in all).

    Returns
    -------
    OutOfFold

    Raises
    ------
    DataError
        If the training part of a fold has one class.
    """
    folds = [
        replace(fold, seed=_seed(seed, repeat, fold.name), tags={"repeat": repeat})
        for repeat, parts in enumerate(repeats)
        for fold in parts
    ]
    for fold in folds:
        check_two_classes(table.y, fold)
    names = list(dict.fromkeys(fold.name for fold in folds))
    where = np.full((len(repeats), len(table)), -1)
    for fold in folds:
        where[fold.tags["repeat"], fold.test] = names.index(fold.name)

    def settings(contender: Contender, space: Space) -> Searched:
        model = _model(contender, stops_on="test")
        # Its name changes with the data, the folds and everything searched.
        digest = joblib.hash((table, repeats, contender.estimator, n_inner, seed))[:12]
        journal = f"{contender.name.replace(' ', '_')}-{digest}.journal"
        return search_settings(
            table,
            folds,
            model,
            space,
            lambda fold: _inner_folds(table, fold, n_inner, seed),
            _accuracy,
            n_trials=n_trials,
            n_startup=n_startup,
            seed=seed,
            storage=None if storage is None else storage / journal,
            n_jobs=jobs(model),
            progress=progress,
        )

    def jobs(model: Model) -> int:
        return 1 if model.batch > 1 else n_jobs  # a GPU has one batch at a time

    scores: dict[str, np.ndarray] = {}
    kept: dict[tuple[str, int, str], Any] = {}
    searches: list[Searched] = []
    seconds: dict[str, float] = {}
    # Around all fits: side by side, a limit of one fit alone would end with the first that ends.
    with threadpool_limits(1):
        for contender in contenders:
            started = perf_counter()
            final = folds
            if contender.space is not None:
                searches.append(settings(contender, contender.space))
                final = searches[-1].folds
            if contender.published_split:
                final = [_with_validation(table, fold, contender.table_order) for fold in final]
            model = _model(contender, stops_on="validation", kept=kept)
            outcome = np.full(where.shape, np.nan, dtype=np.float32)
            for _, fold, p in predictions(table, final, [model], n_jobs=jobs(model), progress=progress):
                outcome[fold.tags["repeat"], fold.test] = p
            scores[contender.name] = outcome
            seconds[contender.name] = perf_counter() - started
    order = [(contender.name, fold.tags["repeat"], fold.name) for contender in contenders for fold in folds]
    return OutOfFold(
        table.y,
        table.lines,
        table.drugs,
        table.features.drug_names,
        names,
        where,
        scores,
        chosen=_stack([found.chosen for found in searches]),
        trials=_stack([found.trials for found in searches]),
        kept={key: kept[key] for key in order if key in kept},  # fits side by side end in any order
        seconds=seconds,
    )


def _model(contender: Contender, *, stops_on: str, kept: dict[tuple, Any] | None = None) -> Model:
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
                kept[contender.name, fold.tags["repeat"], fold.name] = contender.keep(model)
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
    seeds = [_seed(seed, fold.tags["repeat"], fold.name, split.name) for split in splits]
    return [
        Fold(split.name, fold.train[split.train], fold.train[split.test], seed=state)
        for split, state in zip(splits, seeds, strict=True)
    ]


def _accuracy(table: PairTable, fold: Fold, p: np.ndarray) -> float:
    return float(np.mean((p > 0.5) == table.y[fold.test]))


def _stack(tables: list[pd.DataFrame]) -> pd.DataFrame:
    """Put tables of searches below each other; ``seed`` is the repeat, as in the rest of the result."""
    if not tables:
        return pd.DataFrame()
    return pd.concat(tables, ignore_index=True).assign(seed=lambda table: table.pop("repeat"))


def _seed(*parts: object) -> int:
    """Small integer that depends on all parts, the same in every process."""
    text = "/".join(map(str, parts))
    return int(np.random.SeedSequence(list(text.encode())).generate_state(1)[0] % (2**31))
