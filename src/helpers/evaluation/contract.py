"""What an estimator of scikit-learn's contract may be given: one check for all, with this project's error."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.utils.validation import validate_data

from helpers.errors import DataError

Table: TypeAlias = pd.DataFrame | np.ndarray
_FLOATS = [np.float64, np.float32]


def fit_table(estimator: BaseEstimator, X: Table) -> np.ndarray:
    """Return a table to learn from as finite floats; the estimator remembers its columns.

    Raises
    ------
    DataError
        If it is empty, sparse, no table of numbers, or holds NaN or infinite values.
    """
    return _validated(estimator, X, reset=True)


def fit_inputs(estimator: BaseEstimator, X: Table, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return a table and a column of targets to learn from, float64; as :func:`fit_table`.

    Raises
    ------
    DataError
        As :func:`fit_table`, or if the target is missing, not finite or of another length.
    """
    return _validated(estimator, X, y=y, y_numeric=True, reset=True)


def new_table(estimator: BaseEstimator, X: Table) -> np.ndarray:
    """Return a table to answer for; its columns must be those of the fit, in their order.

    Raises
    ------
    DataError
        As :func:`fit_table`, or if the columns differ.
    """
    return _validated(estimator, X, reset=False)


def _validated(estimator: BaseEstimator, X: Any, **options: Any) -> Any:
    try:
        found = validate_data(estimator, X, dtype=_FLOATS, **options)
        return tuple(np.asarray(part, float) for part in found) if "y" in options else found
    except (ValueError, TypeError) as error:
        msg = f"{type(estimator).__name__}: {error}"
        raise DataError(msg) from error
