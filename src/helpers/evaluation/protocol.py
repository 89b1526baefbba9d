"""One protocol engine: every model in the same folds, fitted on nothing but their training rows.

A protocol is a list of :class:`Fold` and a list of :class:`Model`; :func:`run` fits and scores all of them.
What a row is (a line-drug pair, a treatment pair, a line), how data are scaled, and what a score is, the
caller says. Nested searches are in :mod:`helpers.evaluation.nested`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from threadpoolctl import threadpool_limits

from helpers.errors import DataError

#: Called with what is done, how much of it, and how much in all.
Progress = Callable[[str, int, int], None]
#: What a model says of the predicted rows of a fold; several by name where models share a fit.
Prediction = np.ndarray | Mapping[str, np.ndarray]


@dataclass(frozen=True, eq=False)
class Fold:
    """One fit: rows to learn from, to stop on, and to score.

    Attributes
    ----------
    name : str
        Number of the fold, or the group that is left out.
    train, test : array of int64
        Row positions, disjoint.
    validation : array of int64, optional
        Rows that stop training; disjoint from both.
    seed : int
        Of whatever is random in the fits of this fold, the same for every model.
    settings : mapping
        Hyperparameters of this fit, where a search has found some.
    tags : mapping of str to value
        Become columns of the table of scores, e.g. the protocol, the drug, the repeat.
    in_sample : bool
        Predict the training rows too: how well a model reproduces what it was given.
    """

    name: str
    train: np.ndarray
    test: np.ndarray
    validation: np.ndarray | None = None
    seed: int = 0
    settings: Mapping[str, Any] = field(default_factory=dict)
    tags: Mapping[str, Any] = field(default_factory=dict)
    in_sample: bool = False

    @property
    def predicted(self) -> np.ndarray:
        """Rows that are predicted: those of the test and, with ``in_sample``, then those of the training."""
        return np.concatenate([self.test, self.train]) if self.in_sample else self.test


@dataclass(frozen=True)
class Model:
    """A contender of a protocol.

    Attributes
    ----------
    name : str
        Unique within a run.
    predict : callable
        ``predict(data, folds)`` fits once for each fold and yields a :data:`Prediction` for its test rows
        (for :attr:`Fold.predicted` where folds are scored ``in_sample``), in order. See :func:`each_fold`
        for models that are fitted one by one.
    batch : int
        Folds that are handed over together, for families that train many fits as one. A fit must not depend
        on the others of its batch.
    """

    name: str
    predict: Callable[[Any, Sequence[Fold]], Iterable[Prediction]]
    batch: int = 1


def each_fold(
    fit_predict: Callable[[Any, Fold], Prediction],
) -> Callable[[Any, Sequence[Fold]], Iterable[Prediction]]:
    """Make a :attr:`Model.predict` of a function that fits and predicts a single fold."""

    def predict(data: Any, folds: Sequence[Fold]) -> Iterable[Prediction]:
        return [fit_predict(data, fold) for fold in folds]

    return predict


def predictions(
    data: Any,
    folds: Sequence[Fold],
    models: Sequence[Model],
    *,
    n_jobs: int = 1,
    progress: Progress | None = None,
) -> Iterator[tuple[str, Fold, np.ndarray]]:
    """Fit every model in every fold and yield what it predicts.

    Parameters
    ----------
    data : object
        Passed on to the models.
    folds : sequence of Fold
    models : sequence of Model
    n_jobs : int
        Fits, or batches of them, at a time; no result depends on it.
    progress : callable, optional
        ``progress(model, fits done, fits in all)``.

    Yields
    ------
    name : str
        Name of the model.
    fold : Fold
    predicted : array
        One entry (or row) a row of :attr:`Fold.predicted`; model by model, in the order of ``folds``.

    Raises
    ------
    DataError
        If there are no folds, names of models repeat, a fold uses a row twice, or a model predicts another
        number of rows than the fold asks for.
    """
    _check(folds, models)
    tasks = [(model, part) for model in models for part in _batches(folds, model.batch, n_jobs)]
    found = Parallel(n_jobs=n_jobs, prefer="threads", return_as="generator")(
        delayed(_fit)(model, data, part) for model, part in tasks
    )
    done = dict.fromkeys((model.name for model in models), 0)
    for (model, part), predicted in zip(tasks, found, strict=True):
        if len(predicted) != len(part):
            msg = f"{model.name} predicts {len(predicted)} of {len(part)} folds"
            raise DataError(msg)
        for fold, one in zip(part, predicted, strict=True):
            for name, values in (one if isinstance(one, Mapping) else {model.name: one}).items():
                if np.ndim(values) == 0 or len(values) != len(fold.predicted):
                    found = f"{len(values)} rows" if np.ndim(values) else f"{values!r}, no rows,"
                    asked = f"{len(fold.predicted)} are asked for"
                    msg = f"{name} predicts {found} in fold {fold.name!r}; {asked}"
                    raise DataError(msg)
                yield name, fold, values
        done[model.name] += len(part)
        if progress is not None:
            progress(model.name, done[model.name], len(folds))


def run(
    data: Any,
    folds: Sequence[Fold],
    models: Sequence[Model],
    score: Callable[[Any, Fold, np.ndarray], pd.DataFrame],
    *,
    n_jobs: int = 1,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """Fit every model in every fold and score what it predicts.

    Parameters
    ----------
    data, folds, models, n_jobs, progress
        As for :func:`predictions`.
    score : callable
        ``score(data, fold, predicted)`` gives a table, for example one row a test row.

    Returns
    -------
    DataFrame
        All tables below each other, with the columns ``model``, ``fold``, ``seed`` and one a tag.

    Raises
    ------
    DataError
        As for :func:`predictions`.
    """
    tables = [
        score(data, fold, predicted).assign(model=name, fold=fold.name, seed=fold.seed, **fold.tags)
        for name, fold, predicted in predictions(data, folds, models, n_jobs=n_jobs, progress=progress)
    ]
    return pd.concat(tables, ignore_index=True)


def _fit(model: Model, data: Any, folds: Sequence[Fold]) -> list[Prediction]:
    # OpenMP's limit belongs to a thread, so it is set where the work is done.
    with threadpool_limits(limits=1):
        return list(model.predict(data, folds))


def _batches(folds: Sequence[Fold], size: int, n_jobs: int) -> Iterator[Sequence[Fold]]:
    """Cut folds into batches of at most ``size``, and into as many as there are jobs."""
    size = max(1, min(size, -(-len(folds) // max(n_jobs, 1))))
    for start in range(0, len(folds), size):
        yield folds[start : start + size]


def _check(folds: Sequence[Fold], models: Sequence[Model]) -> None:
    if not folds:
        msg = "there are no folds"
        raise DataError(msg)
    for model in models:
        if not isinstance(model, Model):
            msg = f"{type(model).__name__} is no Model; wrap it: Model(name, each_fold(fit_predict))"
            raise DataError(msg)
    for fold in folds:
        if fold.train is None or fold.test is None:
            msg = f"fold {fold.name!r} needs rows to train on and rows to test"
            raise DataError(msg)
    names = [model.name for model in models]
    if not names or len(set(names)) < len(names):
        msg = f"every model needs its own name; got {names}"
        raise DataError(msg)
    for fold in folds:
        rows = [fold.train, fold.test, *([] if fold.validation is None else [fold.validation])]
        if len(np.unique(np.concatenate(rows))) < sum(len(np.unique(part)) for part in rows):
            msg = f"fold {fold.name!r} of seed {fold.seed} tests or stops on rows that it trains on"
            raise DataError(msg)
