"""Folds of bulk lines, drug by drug, and the models that are fitted in them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import joblib
import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, clone
from sklearn.model_selection import KFold, train_test_split
from sklearn.pipeline import Pipeline

from helpers.bounds import check_number
from helpers.checks import refuse
from helpers.errors import DataError
from helpers.evaluation.protocol import Fold, Model, each_fold, run
from helpers.studies.gpds.checks import check_bulk
from helpers.studies.gpds.model import GPDSRegressor, fit_many

#: ``splits(n_lines)``: folds of that many lines, tagged with their ``repeat``.
Splitter = Callable[[int], list[Fold]]
#: ``predict(lines, fold, fitted pipeline)``: prediction for the fold's test rows.
Predict = Callable[[Any, Fold, Any], np.ndarray]


@dataclass(frozen=True, eq=False)
class BulkLines:
    """Lines with expression and response; folds hold positions of these lines.

    Attributes
    ----------
    expression : DataFrame, lines x genes
        log2(TPM + 1).
    response : DataFrame, lines x drugs
        The same lines; NaN where not measured.
    """

    expression: pd.DataFrame
    response: pd.DataFrame

    @classmethod
    def matched(cls, expression: pd.DataFrame, response: pd.Series | pd.DataFrame) -> BulkLines:
        """Take the lines that have both, in the order of ``expression``; a Series is one drug.

        Raises
        ------
        DataError
            As :func:`check_bulk`.
        """
        check_bulk(expression, response)
        if isinstance(response, pd.Series):
            response = response.to_frame(response.name or "response")
        lines = expression.index.intersection(response.index)
        return cls(expression.loc[lines], response.loc[lines])

    def measured(self, drug: str) -> np.ndarray:
        """Positions of the lines with a response to the drug."""
        return np.flatnonzero(self.response[drug].notna())

    def enough(self, drug: str) -> np.ndarray:
        """Return :meth:`measured`; refuse a drug with fewer than ten lines, with a DataError."""
        known = self.measured(drug)
        if len(known) < 10:
            msg = (
                f"{drug}: only {len(known)} lines have both expression and a response; at least 10 are needed"
            )
            raise DataError(msg)
        return known

    def training(self, fold: Fold) -> tuple[pd.DataFrame, np.ndarray]:
        """Expression and response of a fold's training lines."""
        return self.expression.iloc[fold.train], self.of_drug(fold, fold.train)

    def of_drug(self, fold: Fold, rows: np.ndarray) -> np.ndarray:
        """Response of lines to the drug of a fold."""
        return self.response[fold.tags["drug"]].to_numpy(float)[rows]


def study_splits(n_lines: int, n_repeats: int = 100, test_size: float = 0.05, seed: int = 42) -> list[Fold]:
    """Split as the report did, 95 to 5 %, then again with the next seeds.

    The first split has the report's seed; each repeat has one fold.

    Raises
    ------
    DataError
        If the share, the seed or a number cannot be.
    """
    _check_counts(n_lines, n_repeats, seed)
    check_number("test_size", test_size, np.finfo(float).tiny, 1 - 1 / n_lines)
    folds = []
    for repeat in range(n_repeats):
        parts = train_test_split(np.arange(n_lines), test_size=test_size, random_state=seed + repeat)
        train, test = (np.sort(part) for part in parts)
        folds.append(Fold("0", train, test, tags={"repeat": repeat}))
    return folds


def repeated_folds(n_lines: int, n_splits: int = 5, n_repeats: int = 10, seed: int = 0) -> list[Fold]:
    """Shuffled folds of lines, repeated with the next seeds.

    Raises
    ------
    DataError
        If there are fewer lines than folds, or the seed or a number cannot be.
    """
    _check_counts(n_lines, n_repeats, seed)
    check_number("the number of folds", n_splits, 2, whole=True)
    if n_lines < n_splits:
        msg = f"{n_lines} lines cannot make {n_splits} folds"
        raise DataError(msg)
    return [
        Fold(str(i), train, test, tags={"repeat": repeat})
        for repeat in range(n_repeats)
        for i, (train, test) in enumerate(
            KFold(n_splits, shuffle=True, random_state=seed + repeat).split(np.arange(n_lines))
        )
    ]


def _check_counts(n_lines: int, n_repeats: int, seed: int) -> None:
    check_number("the number of lines", n_lines, 2, whole=True)
    check_number("the number of repeats", n_repeats, 1, whole=True)
    check_number("seed", seed, 0, 2**32 - 1 - n_repeats, whole=True)


def smaller_training(
    n_lines: int, size: int | None, n_splits: int = 5, n_repeats: int = 1, seed: int = 0
) -> list[Fold]:
    """:func:`repeated_folds` with at most ``size`` training lines a fold, drawn at random; None keeps all.

    A smaller training set is part of every larger one.
    """
    folds = repeated_folds(n_lines, n_splits, n_repeats, seed)
    if size is not None:
        check_number("the number of training lines", size, 2, whole=True)
    rng = np.random.default_rng([seed, n_splits])
    orders = [rng.permutation(fold.train) for fold in folds]
    return [replace(fold, train=np.sort(order[:size])) for fold, order in zip(folds, orders, strict=True)]


def drug_folds(lines: BulkLines, splits: Splitter) -> list[Fold]:
    """Split the lines of each drug; tags ``drug`` and ``repeat``.

    Raises
    ------
    DataError
        If a drug has fewer than 10 lines.
    """
    folds = []
    for drug in lines.response.columns:
        known = lines.enough(drug)
        folds += [
            replace(fold, train=known[fold.train], test=known[fold.test], tags={"drug": drug, **fold.tags})
            for fold in splits(len(known))
        ]
    return folds


def with_inits(folds: Sequence[Fold], n_inits: int, seed: int) -> list[Fold]:
    """Repeat each fold for networks with seeds ``seed``, ``seed + 1``, ...; tag ``init``."""
    check_number("n_inits", n_inits, 1, whole=True)
    check_number("seed", seed, 0, whole=True)
    return [
        replace(fold, seed=seed + init, tags={**fold.tags, "init": init})
        for fold in folds
        for init in range(n_inits)
    ]


def inner_folds(fold: Fold, n_splits: int, seed: int) -> list[Fold]:
    """Shuffled folds of a fold's training lines."""
    check_number("the number of inner folds", n_splits, 2, len(fold.train), whole=True)
    check_number("seed", seed, 0, 2**32 - 1, whole=True)
    splits = KFold(n_splits, shuffle=True, random_state=seed).split(fold.train)
    return [replace(fold, train=fold.train[train], test=fold.train[test]) for train, test in splits]


def is_network(model: BaseEstimator) -> bool:
    """Whether a model is a pipeline that ends in a :class:`GPDSRegressor`."""
    return isinstance(model, Pipeline) and isinstance(model.steps[-1][1], GPDSRegressor)


def contenders(models: Mapping[str, BaseEstimator], predict: Predict, n_jobs: int = 1) -> list[Model]:
    """Models of a protocol: all networks fit all folds as one batch, with the fold's seed; others one by one.

    Parameters
    ----------
    models : mapping of str to estimator
    predict : callable
    n_jobs : int
        Threads of a batch of networks. Run networks with ``n_jobs=1`` in the protocol: their batches would
        depend on it, and so their rounding.
    """
    networks = {name: model for name, model in models.items() if is_network(model)}

    def of_networks(lines: BulkLines, folds: Sequence[Fold]) -> Iterator[dict[str, np.ndarray]]:
        every = fitted_networks(networks, lines, folds, n_jobs)
        for fold, fits in zip(folds, every, strict=True):
            yield {name: predict(lines, fold, fit) for name, fit in fits.items()}

    def of(model: BaseEstimator) -> Callable[[BulkLines, Fold], np.ndarray]:
        return lambda lines, fold: predict(lines, fold, clone(model).fit(*lines.training(fold)))

    batch = [Model(", ".join(networks), of_networks, np.iinfo(int).max)] if networks else []
    return batch + [Model(name, each_fold(of(m))) for name, m in models.items() if name not in networks]


def run_models(
    lines: BulkLines,
    folds: Sequence[Fold],
    models: Mapping[str, BaseEstimator],
    predict: Predict,
    score: Callable[[Any, Fold, np.ndarray], pd.DataFrame],
    *,
    n_inits: int = 1,
    seed: int = 0,
    n_jobs: int = 1,
) -> pd.DataFrame:
    """Score every model in every fold, networks with ``n_inits`` start values.

    Parameters and result as :func:`helpers.evaluation.protocol.run`, with the tag ``init``.

    Raises
    ------
    DataError
        If there is no model, or one is no estimator; and as ``run``.
    """
    if not isinstance(models, Mapping) or not models:
        refuse("models", f"must be estimators by name, one at least; got {models!r}")
    wrong = [name for name, model in models.items() if not isinstance(model, BaseEstimator)]
    if wrong:
        refuse("models", f"no estimator: {wrong[:3]}")
    networks = {name: model for name, model in models.items() if is_network(model)}
    others = {name: model for name, model in models.items() if name not in networks}
    # Batches of networks have their own threads.
    parts = [(networks, n_inits, 1), (others, 1, n_jobs)]
    tables = [
        run(lines, with_inits(folds, inits, seed), contenders(part, predict, n_jobs), score, n_jobs=jobs)
        for part, inits, jobs in parts
        if part
    ]
    return pd.concat(tables, ignore_index=True)


def fitted_networks(
    models: Mapping[str, Pipeline], lines: BulkLines, folds: Sequence[Fold], n_jobs: int = 1
) -> list[dict[str, Pipeline]]:
    """Fit networks in every fold, with the fold's seed and settings, all as one batch.

    Folds with the same drug and training lines share their preprocessing, and so do networks that have the
    same.
    """
    kinds = {name: joblib.hash(clone(model[:-1])) for name, model in models.items()}
    prepared: dict[tuple[str, str, bytes], tuple[Pipeline, pd.DataFrame, np.ndarray]] = {}
    pipelines: list[dict[str, Pipeline]] = []
    jobs = []
    for fold in folds:
        pipelines.append({})
        for name, model in models.items():
            key = kinds[name], fold.tags["drug"], fold.train.tobytes()
            if key not in prepared:
                x, y = lines.training(fold)
                before = clone(model[:-1])
                prepared[key] = before, before.fit_transform(x, y), y
            before, inputs, y = prepared[key]
            network = clone(model.steps[-1][1]).set_params(random_state=fold.seed, **fold.settings)
            jobs.append((network, inputs, y))
            pipelines[-1][name] = Pipeline([*before.steps, ("network", network)])
    fit_many(jobs, n_jobs)
    return pipelines
