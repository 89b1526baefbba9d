"""Fit every model in the same folds of (cell, compound) rows and score it row by row."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from sklearn.base import clone
from threadpoolctl import threadpool_limits

from helpers.errors import DataError
from helpers.studies.perturbation.baselines.simple import ChangeModel
from helpers.studies.perturbation.folds import ChangeFold
from helpers.studies.perturbation.metrics import row_scores
from helpers.studies.perturbation.model import fit_predict_many

#: A fit and what it predicts: training rows, rows to predict, seed.
Job = tuple[np.ndarray, np.ndarray, int]


@dataclass(frozen=True)
class Baseline:
    """A predictor that is fitted job by job.

    Attributes
    ----------
    name : str
    estimator : ChangeModel
        Cloned for every job; a ``random_state`` is set to the job's seed.
    """

    name: str
    estimator: ChangeModel

    def predict_many(self, jobs: Sequence[Job], rows: pd.DataFrame, values: np.ndarray) -> Iterable:
        """Yield the predictions of each job."""
        for train, test, seed in jobs:
            model = clone(self.estimator)
            if "random_state" in model.get_params():
                model.set_params(random_state=seed)
            yield model.fit(rows.iloc[train], values[train]).predict(rows.iloc[test])


@dataclass(frozen=True)
class Network:
    """One of the six networks; its jobs are trained together.

    Attributes
    ----------
    name : str
    architecture : str
        See :func:`helpers.studies.perturbation.model.architectures`.
    options : dict
        Options of :class:`helpers.studies.perturbation.model.PerturbationNetwork`.
    shuffled : bool
        Train on compounds dealt out anew within each cell, which leaves nothing but the cell.
    """

    name: str
    architecture: str
    options: dict[str, Any] = field(default_factory=dict)
    shuffled: bool = False

    def predict_many(self, jobs: Sequence[Job], rows: pd.DataFrame, values: np.ndarray) -> Iterable:
        """Return the predictions of each job."""
        if self.shuffled:
            jobs, rows, values = _shuffled_copies(jobs, rows, values)
        return fit_predict_many(jobs, rows, values, architecture=self.architecture, **self.options)


def shuffle_compounds(rows: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Return the rows with the compounds (name, id and structure) permuted within each cell."""
    rng = np.random.default_rng(seed)
    order = np.arange(len(rows))
    for positions in rows.reset_index(drop=True).groupby("cell", sort=True).indices.values():
        order[positions] = rng.permutation(positions)
    moved = ["compound", "lincs_id", "smiles"]
    return rows.assign(**{column: rows[column].to_numpy()[order] for column in moved})


def _shuffled_copies(
    jobs: Sequence[Job], rows: pd.DataFrame, values: np.ndarray
) -> tuple[list[Job], pd.DataFrame, np.ndarray]:
    """Put one shuffled copy of the rows a seed below each other, and point the jobs to them."""
    seeds = sorted({seed for _, _, seed in jobs})
    start = {seed: i * len(rows) for i, seed in enumerate(seeds)}
    table = pd.concat([shuffle_compounds(rows, seed) for seed in seeds], ignore_index=True)
    moved = [(train + start[seed], test + start[seed], seed) for train, test, seed in jobs]
    return moved, table, np.tile(values, (len(seeds), 1))


def run_changes(
    rows: pd.DataFrame,
    values: np.ndarray,
    folds: Sequence[ChangeFold],
    models: Sequence[Baseline | Network],
    significant: float,
    *,
    train_scores: Sequence[str] = (),
    n_jobs: int = 1,
    progress: Callable[[str, int, int], None] | None = None,
) -> pd.DataFrame:
    """Fit all models in all folds and score them.

    Parameters
    ----------
    rows : DataFrame, n rows
        ``cell``, ``compound``, ``lincs_id``, ``smiles``, ``split``.
    values : array (n, genes)
    folds : sequence of ChangeFold
    models : sequence of Baseline or Network
        With unique names.
    significant : float
        Absolute change above which an entry counts as significant.
    train_scores : sequence of str
        Protocols whose training rows are scored too (protocol T).
    n_jobs : int
        Models that are fitted at the same time.
    progress : callable, optional
        ``progress(what, done, in all)``.

    Returns
    -------
    DataFrame
        One row a model, fold and row: ``model``, ``protocol``, ``fold``, ``seed``, ``part``
        (``"test"`` or ``"train"``), ``row`` (position), ``cell``, ``compound``, ``split``, and the
        columns of :func:`helpers.studies.perturbation.metrics.row_scores`.

    Raises
    ------
    DataError
        If there are no folds, model names repeat, or a fold tests what it trains on.
    """
    if not folds:
        msg = "there are no folds"
        raise DataError(msg)
    names = [model.name for model in models]
    if len(set(names)) < len(names) or not names:
        msg = f"every model needs its own name; got {names}"
        raise DataError(msg)
    for fold in folds:
        if np.intersect1d(fold.train, fold.test).size:
            msg = f"fold {fold.name!r} of seed {fold.seed} tests rows that it trains on"
            raise DataError(msg)
    values = np.ascontiguousarray(values, dtype=np.float32)
    tasks = (
        delayed(_score)(model, rows, values, folds, significant, train_scores=train_scores)
        for model in models
    )
    tables = []
    for done, table in enumerate(Parallel(n_jobs=n_jobs, prefer="threads", return_as="generator")(tasks), 1):
        tables.append(table)
        if progress is not None:
            progress("models", done, len(models))
    return pd.concat(tables, ignore_index=True)


def _score(
    model: Baseline | Network,
    rows: pd.DataFrame,
    values: np.ndarray,
    folds: Sequence[ChangeFold],
    significant: float,
    *,
    train_scores: Sequence[str],
) -> pd.DataFrame:
    parts = [
        [("test", fold.test), ("train", fold.train)]
        if fold.protocol in train_scores
        else [("test", fold.test)]
        for fold in folds
    ]
    jobs = [
        (fold.train, np.concatenate([positions for _, positions in part]), fold.seed)
        for fold, part in zip(folds, parts, strict=True)
    ]
    tables = []
    # OpenMP's limit belongs to a thread, so it is set where the work is done.
    with threadpool_limits(limits=1):
        for fold, part, predicted in zip(folds, parts, model.predict_many(jobs, rows, values), strict=True):
            start = 0
            for name, positions in part:
                end = start + len(positions)
                scores = row_scores(values[positions], predicted[start:end], significant)
                start = end
                described = rows.iloc[positions][["cell", "compound", "split"]].reset_index(drop=True)
                described.insert(0, "row", positions)
                scores = pd.concat([described, scores], axis=1)
                tables.append(
                    scores.assign(
                        model=model.name, protocol=fold.protocol, fold=fold.name, seed=fold.seed, part=name
                    )
                )
    return pd.concat(tables, ignore_index=True)
