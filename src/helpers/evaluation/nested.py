"""Searches of hyperparameters inside the training part of every fold."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from helpers.errors import DataError
from helpers.evaluation.protocol import Fold, Model, Progress, predictions
from helpers.evaluation.search import Candidate, search
from helpers.evaluation.space import Space

#: ``objective(data, inner fold, predicted)``: higher is better.
Objective = Callable[[Any, Fold, np.ndarray], float]
#: ``inner(fold)``: folds within the training part of ``fold``, as positions of the data.
Inner = Callable[[Fold], Sequence[Fold]]


@dataclass(frozen=True, eq=False)
class Searched:
    """What a search found.

    Attributes
    ----------
    folds : list of Fold
        The outer folds, each with the best settings of its own search.
    chosen : DataFrame
        One row a fold: ``model``, ``seed``, ``fold``, its tags, ``value`` of the objective, the settings.
    trials : DataFrame
        The same for every candidate, with its number as ``trial``.
    """

    folds: list[Fold]
    chosen: pd.DataFrame
    trials: pd.DataFrame


def search_settings(
    data: Any,
    folds: Sequence[Fold],
    model: Model,
    space: Space,
    inner: Inner,
    objective: Objective,
    *,
    n_trials: int = 20,
    n_startup: int = 3,
    seed: int = 0,
    storage: Path | None = None,
    n_jobs: int = 1,
    progress: Progress | None = None,
) -> Searched:
    """Search a space by Bayesian optimisation, once for each fold; all searches advance together.

    Parameters
    ----------
    data, folds, model, n_jobs
        As for :func:`helpers.evaluation.protocol.predictions`; the model takes its settings from the fold.
    space : Space
    inner, objective : callable
        The value of a candidate is the mean of the objective over the inner folds.
    n_trials, n_startup, seed, storage
        See :func:`helpers.evaluation.search.search`.
    progress : callable, optional
        ``progress(what, rounds done, rounds in all)``.

    Raises
    ------
    DataError
        If an inner fold uses a row outside the training part of its fold.
    """
    parts = _inner_folds(folds, inner)

    def evaluate(candidates: list[Candidate]) -> list[float]:
        return _values(data, model, [(parts[i], settings) for i, settings in candidates], objective, n_jobs)

    def report(done: int, total: int) -> None:
        if progress is not None:
            progress(f"{model.name}: search rounds", done, total)

    names = [f"{model.name}/seed{fold.tags.get('repeat', fold.seed)}/fold{fold.name}" for fold in folds]
    found = search(evaluate, space, names, n_trials, n_startup, seed, storage, report)
    tables = [one.trials for one in found]
    return _searched(model, folds, [(one.params, one.value) for one in found], tables)


def search_grid(
    data: Any,
    folds: Sequence[Fold],
    model: Model,
    candidates: Sequence[Mapping[str, Any]],
    inner: Inner,
    objective: Objective,
    *,
    n_jobs: int = 1,
) -> Searched:
    """Try every candidate in the inner folds of each fold; the first of equal ones is chosen.

    Parameters and errors as for :func:`search_settings`.
    """
    parts = _inner_folds(folds, inner)
    wanted = [(part, settings) for part in parts for settings in candidates]
    values = np.reshape(_values(data, model, wanted, objective, n_jobs), (len(folds), len(candidates)))
    tables = [
        pd.DataFrame(
            [{"trial": i, "value": v, **c} for i, (c, v) in enumerate(zip(candidates, row, strict=True))]
        )
        for row in values
    ]
    best = [(dict(candidates[int(row.argmax())]), float(row.max())) for row in values]
    return _searched(model, folds, best, tables)


def _inner_folds(folds: Sequence[Fold], inner: Inner) -> list[Sequence[Fold]]:
    parts = [inner(fold) for fold in folds]
    for fold, within in zip(folds, parts, strict=True):
        for one in within:
            if not np.isin(np.concatenate([one.train, one.test]), fold.train).all():
                msg = f"an inner fold of {fold.name!r} uses rows outside its training part"
                raise DataError(msg)
    return parts


def _values(
    data: Any,
    model: Model,
    wanted: Sequence[tuple[Sequence[Fold], Mapping[str, Any]]],
    objective: Objective,
    n_jobs: int,
) -> list[float]:
    """Mean of the objective over the inner folds of each candidate; all fits in one go."""
    fits = [replace(fold, settings=settings) for part, settings in wanted for fold in part]
    scores = iter(
        [objective(data, fold, p) for _, fold, p in predictions(data, fits, [model], n_jobs=n_jobs)]
    )
    return [float(np.mean([next(scores) for _ in part])) for part, _ in wanted]


def _searched(
    model: Model,
    folds: Sequence[Fold],
    best: Sequence[tuple[Mapping[str, Any], float]],
    trials: Sequence[pd.DataFrame],
) -> Searched:
    labels = [{"model": model.name, "seed": fold.seed, "fold": fold.name, **fold.tags} for fold in folds]
    chosen = [
        {**label, "value": value, **settings} for label, (settings, value) in zip(labels, best, strict=True)
    ]
    tables = [table.assign(**label) for label, table in zip(labels, trials, strict=True)]
    return Searched(
        [replace(fold, settings=settings) for fold, (settings, _) in zip(folds, best, strict=True)],
        pd.DataFrame(chosen),
        pd.concat(tables, ignore_index=True),
    )
