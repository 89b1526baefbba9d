"""The protocols on rows in the one engine: what a predictor is fitted on, and how its rows are scored."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, clone

from helpers.checks import check_unique, refuse
from helpers.data.pair_types import take_genes
from helpers.evaluation import protocol
from helpers.evaluation.protocol import Fold, Model, Progress
from helpers.studies.perturbation.metrics import row_scores
from helpers.studies.perturbation.types import ExpressionChanges


@dataclass(frozen=True, eq=False)
class Rows:
    """What models are given: rows and their measured changes.

    Attributes
    ----------
    table : DataFrame, n rows
        ``cell``, ``compound``, ``lincs_id``, ``smiles``, ``split``.
    changes : array (n, genes), float32
    significant : float
        Absolute change above which an entry counts as significant.
    scored : array of int, optional
        Positions of the genes that are scored; models see all. Default: all.
    """

    table: pd.DataFrame
    changes: np.ndarray
    significant: float
    scored: np.ndarray | None = None


def predictor(name: str, estimator: BaseEstimator, *, shuffled: bool = False) -> Model:
    """Return a simple predictor or a network as a model of the engine.

    Parameters
    ----------
    name : str
    estimator : SimplePredictor or PerturbationNetwork
        ``fit(rows, values)``, ``predict(rows)``. Cloned for every fold; a ``random_state`` is set to the
        fold's seed.
    shuffled : bool
        Train on compounds dealt out anew within each cell, which leaves nothing but the cell.

    Raises
    ------
    DataError
        If it is no estimator, or a class in place of one.
    """
    if not isinstance(estimator, BaseEstimator):
        refuse(name, f"{estimator!r} is no estimator", "pass one with fit(rows, values) and predict(rows)")
    return Model(name, partial(_fit_predict, estimator=estimator, shuffled=shuffled))


def run_protocol(
    data: ExpressionChanges,
    folds: Sequence[Fold],
    models: Sequence[Model],
    *,
    genes: pd.Index | None = None,
    n_jobs: int = 1,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """Fit all models in all folds and score them row by row.

    Parameters
    ----------
    data : ExpressionChanges
    folds : sequence of Fold
        :mod:`helpers.studies.perturbation.folds`.
    models : sequence of Model
        With unique names.
    genes : Index, optional
        Genes that are scored; models are fitted on all. Default: all.
    n_jobs, progress
        See :func:`helpers.evaluation.protocol.run`.

    Returns
    -------
    DataFrame
        One row a model, fold and row: ``model``, ``protocol``, ``fold``, ``seed``, ``part``
        (``"test"`` or ``"train"``), ``row`` (position), ``cell``, ``compound``, ``split``, and the
        columns of :func:`helpers.studies.perturbation.metrics.row_scores`.

    Raises
    ------
    DataError
        If there are no folds, names of models repeat, a fold tests what it trains on or has a row that the
        data lack, or a gene is unknown.
    """
    if not isinstance(data, ExpressionChanges):
        refuse("run_protocol", f"data must be ExpressionChanges, got {type(data).__name__}")
    for fold in folds:
        rows_of = np.concatenate([fold.train, fold.test])
        if len(rows_of) and not 0 <= rows_of.min() <= rows_of.max() < len(data.rows):
            refuse(
                data.name, f"fold {fold.name!r} names rows that the data lack", "make folds of its own rows"
            )
    scored = None
    if genes is not None:
        check_unique(pd.Index(genes), data.name, "genes to score stand twice")
        scored = data.genes.get_indexer(take_genes(data.values, genes, data.name).columns)
    rows = Rows(data.rows, np.ascontiguousarray(data.matrix), data.significant, scored)
    return protocol.run(rows, folds, models, score_rows, n_jobs=n_jobs, progress=progress)


def score_rows(data: Rows, fold: Fold, predicted: np.ndarray) -> pd.DataFrame:
    """Score the predicted rows of a fold: those of the test, then those of the training if there are any."""
    n = len(fold.test)
    parts = [("test", fold.test, predicted[:n])]
    if fold.in_sample:
        parts.append(("train", fold.train, predicted[n:]))
    genes = slice(None) if data.scored is None else data.scored
    tables = []
    for part, rows, own in parts:
        described = data.table.iloc[rows][["cell", "compound", "split"]].reset_index(drop=True)
        scores = row_scores(data.changes[rows][:, genes], own[:, genes], data.significant)
        tables.append(pd.concat([described.assign(row=rows, part=part), scores], axis=1))
    return pd.concat(tables, ignore_index=True)


def shuffle_compounds(rows: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Return the rows with the compounds (name, id and structure) permuted within each cell."""
    rng = np.random.default_rng(seed)
    order = np.arange(len(rows))
    for positions in rows.reset_index(drop=True).groupby("cell", sort=True).indices.values():
        order[positions] = rng.permutation(positions)
    moved = ["compound", "lincs_id", "smiles"]
    return rows.assign(**{column: rows[column].to_numpy()[order] for column in moved})


def _fit_predict(
    data: Rows, folds: Sequence[Fold], *, estimator: BaseEstimator, shuffled: bool
) -> Iterator[np.ndarray]:
    for fold in folds:
        table = shuffle_compounds(data.table, fold.seed) if shuffled else data.table
        model = clone(estimator)
        if "random_state" in model.get_params():
            model.set_params(random_state=fold.seed)
        model.fit(table.iloc[fold.train], data.changes[fold.train])
        yield model.predict(table.iloc[fold.predicted])
