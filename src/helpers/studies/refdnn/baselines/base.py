"""What every model of (line, drug) pairs shares: scikit-learn's contract and input checks."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from helpers.errors import DataError
from helpers.studies.refdnn.features import PairFeatures


class PairClassifier(ClassifierMixin, BaseEstimator):
    """Base of binary classifiers of pairs; 1 = resistant.

    A subclass has a constructor whose first argument is ``features`` (:class:`PairFeatures`), and
    implements ``_fit(codes, y, validation, value)`` and ``_score(codes)``.

    ``X`` is a table with columns ``line`` and ``drug``, or integer codes (n, 2) into ``features``.
    """

    features: PairFeatures
    #: True for models that rank by the measured IC50; ``fit`` then needs ``value``.
    needs_value: ClassVar[bool] = False

    def fit(
        self,
        X: pd.DataFrame | np.ndarray,
        y: np.ndarray,
        *,
        validation: tuple[pd.DataFrame | np.ndarray, np.ndarray] | None = None,
        value: np.ndarray | None = None,
    ) -> PairClassifier:
        """Fit the model.

        Parameters
        ----------
        X : pairs, length n
        y : array (n,) of 0 and 1
        validation : (X, y), optional
            Pairs for early stopping; models without early stopping ignore them.
        value : array (n,), optional
            Measured log IC50 of the pairs, used by models with ``needs_value``.

        Raises
        ------
        DataError
            If ``y`` holds NaN, anything but 0 and 1, or another number of rows than ``X``, or if
            a line or drug is unknown.
        """
        codes, y = self._check(X, y)
        if validation is not None:
            validation = self._check(*validation)
        if self.needs_value:
            if value is None or len(value) != len(y):
                msg = f"{type(self).__name__} ranks by measured response: pass value, one number a pair"
                raise DataError(msg)
            value = np.asarray(value, dtype=float)
        self.classes_ = np.array([0, 1])
        self.n_features_in_ = 2
        self._fit(codes, y, validation, value)
        return self

    def predict_proba(self, X: pd.DataFrame | np.ndarray) -> np.ndarray:
        """Probability of class 0 and 1, array (n, 2)."""
        check_is_fitted(self, "classes_")
        p = np.asarray(self._score(self.features.encode(X)), dtype=float)
        return np.column_stack([1 - p, p])

    def predict(self, X: pd.DataFrame | np.ndarray) -> np.ndarray:
        """Class 1 where the probability of resistance exceeds 0.5, else 0."""
        return (self.predict_proba(X)[:, 1] > 0.5).astype(int)

    def _fit(
        self,
        codes: np.ndarray,
        y: np.ndarray,
        validation: tuple[np.ndarray, np.ndarray] | None,
        value: np.ndarray | None,
    ) -> None:
        raise NotImplementedError

    def _score(self, codes: np.ndarray) -> np.ndarray:
        raise NotImplementedError

    def _check(self, X: pd.DataFrame | np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        codes = self.features.encode(X)
        y = np.asarray(y)
        if y.ndim != 1 or len(y) != len(codes):
            msg = f"y has shape {y.shape}, expected ({len(codes)},): one label a pair"
            raise DataError(msg)
        if len(y) == 0:
            msg = "no pairs to fit"
            raise DataError(msg)
        if not np.isin(y, (0, 1)).all():
            msg = f"labels must be 0 (sensitive) or 1 (resistant); got {np.unique(y)[:5]}"
            raise DataError(msg)
        return codes, y.astype(np.int64)
