"""Who takes part: baselines, what the studies enter, and any estimator of scikit-learn's contract as it is.

All of them predict a number that rises with resistance (of labels that is a score of class 1), or changes.
The baselines belong to no study: they are what every paper leaves out, not anyone's model.
"""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import sys
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd
from cloudpickle import register_pickle_by_value
from scipy import sparse
from sklearn.base import BaseEstimator, clone, is_classifier
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import Ridge

import helpers
from helpers.bench.pairs import FEATURES, Pairs
from helpers.bench.ranking import Job
from helpers.checks import as_numbers
from helpers.errors import HelpersError, ParameterError
from helpers.evaluation.protocol import Fold, Model, each_fold

_LANDMARKS = 1000  # training pairs that the kernel ridge keeps
_FOREST_ROWS = 20_000  # pairs that a tree draws at most


class Rows(Protocol):
    """What an estimator can be fitted on: rows with columns that are made inside each fold."""

    @property
    def y(self) -> np.ndarray:
        """What is predicted, one entry (or row of entries) a row."""
        ...

    def columns(self, fold: Fold, features: Collection[str]) -> pd.DataFrame:
        """Return blocks of columns of all rows."""
        ...


def of_studies(job: Job, *, networks: bool) -> list[Model]:
    """Return what the studies of the book enter.

    A study that takes part has a module ``bench`` with ``contenders(job, networks=...)``, which gives a list
    of models over ``job.data``, empty for other kinds of data.

    Parameters
    ----------
    job : Job
    networks : bool
        Whether the networks take part, beside the simple models.
    """
    package = importlib.import_module("helpers.studies")
    models: list[Model] = []
    for study in sorted(found.name for found in pkgutil.iter_modules(package.__path__)):
        name = f"{package.__name__}.{study}.bench"
        if importlib.util.find_spec(name) is not None:
            models += importlib.import_module(name).contenders(job, networks=networks)
    return models


def baselines(*, structures: bool) -> list[Model]:
    """Return the baselines; those that compare drugs need structures."""
    models = {
        "Global mean": _global_mean,
        "Drug mean": lambda pairs, fold: _group_mean(pairs, fold, pairs.drug),
        "Line mean": lambda pairs, fold: _group_mean(pairs, fold, pairs.line),
        "Additive": _additive,
        "Ridge": estimator(Ridge(alpha=100.0), _blocks(structures)),
        "Random forest": _forest(_blocks(structures)),
        "Kernel ridge": _kernel_ridge,
    }
    return [Model(name, each_fold(fit)) for name, fit in models.items()]


def own_model(where: str, features: Collection[str]) -> Model:
    """Load ``file.py:Name``: an estimator, or what makes one without arguments.

    The file may import modules beside it, as a script may.

    Raises
    ------
    ParameterError
        If there is no such file or name, or it is no estimator.
    """
    if not isinstance(where, str):
        msg = f"no model {where!r}; give a Python file and a name in it, e.g. my_model.py:Model"
        raise ParameterError(msg)
    file, _, name = where.rpartition(":")
    path = Path(file)
    spec = importlib.util.spec_from_file_location(f"own_{path.stem}", path) if path.is_file() else None
    if not name or spec is None or spec.loader is None:
        msg = f"no model {where!r}; give a Python file and a name in it, e.g. my_model.py:Model"
        raise ParameterError(msg)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # clones find the class by its module
    register_pickle_by_value(module)  # workers of joblib, which could not import it
    folder = str(path.parent.resolve())
    if folder not in sys.path:
        sys.path.insert(0, folder)
    try:
        spec.loader.exec_module(module)
        found = getattr(module, name)
        made = found() if isinstance(found, type) or not hasattr(found, "get_params") else found
    except (Exception, SystemExit) as error:
        msg = f"{where}: {type(error).__name__}: {error}"
        raise ParameterError(msg) from error
    return Model(f"{name} (yours)", each_fold(estimator(made, features)))


def own_sources() -> list[Path]:
    """Return the files of every module in memory that is neither installed nor of this package, sorted.

    After :func:`own_model` these are what the own model was made of, whatever it imported.
    """
    ours = [Path(place) for place in (sys.prefix, sys.base_prefix, *helpers.__path__)]
    files = {getattr(module, "__file__", None) for module in list(sys.modules.values())}
    paths = sorted(Path(file).resolve() for file in files if file and file.endswith(".py"))
    # Some modules of torch name files that are none.
    paths = [path for path in paths if path.is_file()]
    return [path for path in paths if not any(path.is_relative_to(place.resolve()) for place in ours)]


def estimator(model: Any, features: Collection[str] = FEATURES) -> Callable[[Rows, Fold], np.ndarray]:
    """Make an estimator of scikit-learn's contract fit and predict a fold, as it is.

    Parameters
    ----------
    model : estimator
        Cloned for each fold. A classifier needs a target of labels.
    features : collection of str
        Blocks of columns that it sees, e.g. of :data:`~helpers.bench.pairs.FEATURES`.

    Raises
    ------
    ParameterError
        If it has no ``fit`` and ``predict``; in a fold, if it is a classifier and the target a number, or if
        it fails.
    """
    if isinstance(model, type) or not (hasattr(model, "fit") and hasattr(model, "predict")):
        msg = f"{type(model).__name__} is no estimator; it needs fit(X, y) and predict(X)"
        raise ParameterError(msg)

    def fit_predict(rows: Rows, fold: Fold) -> np.ndarray:
        classifies, y = _classifies(model), rows.y[fold.train]
        if classifies and (y.ndim > 1 or not np.isin(y, (0, 1)).all()):
            msg = f"{type(model).__name__} is a classifier; use --target resistant, or a regressor"
            raise ParameterError(msg)
        X = rows.columns(fold, features)
        try:
            fitted = clone(model) if isinstance(model, BaseEstimator) else model
            fitted.fit(X.iloc[fold.train], y.astype(int) if classifies else y)
            X = X.iloc[fold.test]
            if classifies and hasattr(fitted, "predict_proba"):
                return np.asarray(fitted.predict_proba(X))[:, -1]
            score = fitted.decision_function if classifies and hasattr(fitted, "decision_function") else None
            predicted = as_numbers((score or fitted.predict)(X), "predictions")
            return predicted.reshape(len(X), *y.shape[1:])
        except HelpersError:
            raise
        except Exception as error:
            msg = f"{type(model).__name__} failed in fold {fold.name}: {type(error).__name__}: {error}"
            raise ParameterError(msg) from error

    return fit_predict


def _classifies(model: Any) -> bool:
    """Tell a classifier; an estimator of one's own need not derive from scikit-learn's."""
    return is_classifier(model) if isinstance(model, BaseEstimator) else hasattr(model, "predict_proba")


def _blocks(structures: bool) -> tuple[str, ...]:
    return FEATURES if structures else ("one-hot", "expression")


def _global_mean(pairs: Pairs, fold: Fold) -> np.ndarray:
    return np.full(len(fold.test), pairs.y[fold.train].mean())


def _group_mean(pairs: Pairs, fold: Fold, group: np.ndarray) -> np.ndarray:
    """Predict the mean of each drug or line; the overall mean where it was never seen."""
    means = pd.Series(pairs.y[fold.train]).groupby(group[fold.train]).mean()
    return means.reindex(group[fold.test]).fillna(pairs.y[fold.train].mean()).to_numpy()


def _additive(pairs: Pairs, fold: Fold) -> np.ndarray:
    """Predict a mean for each drug plus one for each line, fitted together (ridge, to keep it unique)."""
    rows = np.arange(len(pairs.y))
    ones = np.ones(len(rows))
    X = sparse.hstack(
        [sparse.csr_matrix((ones, (rows, group))) for group in (pairs.drug, pairs.line)]
    ).tocsr()
    fitted = Ridge(alpha=1.0, solver="lsqr").fit(X[fold.train], pairs.y[fold.train])
    return fitted.predict(X[fold.test])


def _forest(features: Collection[str]) -> Callable[[Pairs, Fold], np.ndarray]:
    def fit_predict(pairs: Pairs, fold: Fold) -> np.ndarray:
        share = min(1.0, _FOREST_ROWS / len(fold.train))
        forest = RandomForestRegressor(
            100, min_samples_leaf=3, max_features=0.1, max_samples=share, random_state=fold.seed
        )
        return estimator(forest, features)(pairs, fold)

    return fit_predict


def _kernel_ridge(pairs: Pairs, fold: Fold) -> np.ndarray:
    """Ridge in the product of a Gaussian kernel of lines and the similarity of drugs.

    Exact with up to a thousand training pairs; beyond, functions are spanned by a thousand of them.
    """
    genes = pairs.genes(fold)
    squared = (genes**2).sum(axis=1)
    distance = np.maximum(squared[:, None] + squared[None] - 2 * genes @ genes.T, 0)
    of_lines = np.exp(-distance / genes.shape[1]).astype(np.float64)
    of_drugs = pairs.similarity.astype(np.float64)
    rng = np.random.default_rng(fold.seed)
    chosen = rng.permutation(fold.train)[:_LANDMARKS]

    def kernel(rows: np.ndarray) -> np.ndarray:
        line, drug = pairs.line[chosen], pairs.drug[chosen]
        return of_lines[np.ix_(pairs.line[rows], line)] * of_drugs[np.ix_(pairs.drug[rows], drug)]

    centre = pairs.y[fold.train].mean()
    gram, target = np.zeros((len(chosen), len(chosen))), np.zeros(len(chosen))
    for rows in np.array_split(fold.train, 1 + len(fold.train) // 10_000):
        part = kernel(rows)
        gram += part.T @ part
        target += part.T @ (pairs.y[rows] - centre)
    inner = kernel(chosen)
    weights = np.linalg.lstsq(gram + inner, target, rcond=None)[0]
    return centre + kernel(fold.test) @ weights
