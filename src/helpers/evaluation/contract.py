"""What an estimator of scikit-learn's contract may be given: one check for all, with this project's error."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.utils.validation import validate_data

from helpers.checks import as_numbers, check_same_rows, refuse
from helpers.errors import DataError

Table: TypeAlias = pd.DataFrame | np.ndarray
_FLOATS = [np.float64, np.float32]


def fit_table(estimator: BaseEstimator, X: Table, y: object = None) -> np.ndarray:
    """Return a table to learn from as finite floats; the estimator remembers its columns.

    Give ``y`` where a transformer is handed the target of its pipeline: a later step, which sees no names,
    would join it by position.

    Raises
    ------
    DataError
        If it is empty, sparse, no table of numbers, or holds NaN or infinite values; if ``y`` does, has
        another length, or names other rows than ``X``, or in another order.
    """
    _check_rows(estimator, X, y)
    found = _validated(estimator, X, reset=True)
    if y is not None:
        target = as_numbers(y, f"{type(estimator).__name__}: y", finite=True)
        if target.shape[:1] != found.shape[:1]:
            refuse(type(estimator).__name__, f"X has {len(found)} rows, y has shape {target.shape}")
    return found


def fit_inputs(estimator: BaseEstimator, X: Table, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return a table and a column of targets to learn from, float64; as :func:`fit_table`.

    Raises
    ------
    DataError
        As :func:`fit_table`, or if the target is missing, not finite or of another length.
    """
    _check_rows(estimator, X, y)
    return _validated(estimator, X, y=y, y_numeric=True, reset=True)


def fit_rows(estimator: BaseEstimator, X: pd.DataFrame, y: np.ndarray) -> np.ndarray:
    """Return the targets of the rows that a table names, float64; its values are not looked at.

    Raises
    ------
    DataError
        If ``X`` is no DataFrame, or the target is not finite, of another length, or names other rows.
    """
    row_names(estimator, X)
    _check_rows(estimator, X, y)
    target = as_numbers(y, f"{type(estimator).__name__}: y", finite=True)
    if target.shape != (len(X),) or not len(X):
        refuse(type(estimator).__name__, f"y has shape {target.shape}, X has {len(X)} rows")
    return target


def row_names(estimator: BaseEstimator, X: pd.DataFrame) -> pd.Index:
    """Return the names of the rows of a table; refuse what has none, with a DataError."""
    if not isinstance(X, pd.DataFrame):
        refuse(
            type(estimator).__name__, f"X must be a DataFrame, whose index names rows, got {type(X).__name__}"
        )
    return X.index


def new_table(estimator: BaseEstimator, X: Table) -> np.ndarray:
    """Return a table to answer for; its columns must be those of the fit, in their order.

    Raises
    ------
    DataError
        As :func:`fit_table`, or if the columns differ.
    """
    return _validated(estimator, X, reset=False)


def _check_rows(estimator: BaseEstimator, X: object, y: object) -> None:
    check_same_rows(X, y, f"{type(estimator).__name__}, X and y", "give y.loc[X.index]")


def _validated(estimator: BaseEstimator, X: Any, **options: Any) -> Any:
    try:
        found = validate_data(estimator, X, dtype=_FLOATS, **options)
        return tuple(np.asarray(part, float) for part in found) if "y" in options else found
    except (ValueError, TypeError) as error:
        msg = f"{type(estimator).__name__}: {error}"
        raise DataError(msg) from error
