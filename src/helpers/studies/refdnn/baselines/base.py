"""What every model of (line, drug) pairs shares: scikit-learn's contract and input checks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from helpers.bounds import check_number
from helpers.checks import as_numbers, check_labels, check_same_rows, refuse
from helpers.errors import DataError, ParameterError
from helpers.studies.refdnn.features import PairFeatures

#: Least and largest size of a setting that must be positive and finite.
TINY, HUGE = 1e-12, 1e12


@dataclass(frozen=True)
class Limits:
    """What a setting may be: a number (a whole one) from ``low`` to ``high``; None if ``optional``."""

    low: float = 0.0
    high: float = HUGE
    whole: bool = False
    optional: bool = False


#: Seeds, and numbers of something.
SEED, COUNT = Limits(0, 2**32 - 1, whole=True), Limits(1, whole=True)
POSITIVE, SHARE = Limits(TINY), Limits(0, 1)


class PairClassifier(ClassifierMixin, BaseEstimator):
    """Base of binary classifiers of pairs; 1 = resistant.

    A subclass has a constructor whose first argument is ``features`` (:class:`PairFeatures`), and
    implements ``_fit(codes, y, validation, value)`` and ``_score(codes)``.

    ``X`` is a table with columns ``line`` and ``drug``, or integer codes (n, 2) into ``features``.
    """

    features: PairFeatures
    #: What ``fit`` checks of the settings: numbers by their limits, and switches.
    limits: ClassVar[Mapping[str, Limits]] = {}
    switches: ClassVar[tuple[str, ...]] = ()
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
            a line or drug is unknown; if ``y`` or ``value`` name other rows than ``X``, or in another order.
        ParameterError
            If a setting cannot be.
        """
        codes, y = self._check(X, y)
        if validation is not None:
            validation = self._check_validation(validation)
        if self.needs_value:
            check_same_rows(X, value, f"{type(self).__name__}, X and value")
            if value is None or np.shape(value) != y.shape:
                msg = f"{type(self).__name__} ranks by measured response: pass value, one number a pair"
                raise DataError(msg)
            value = as_numbers(value, f"{type(self).__name__}: value")
            if np.isinf(value).any():
                refuse(type(self).__name__, "value holds infinite numbers", "use NaN where it is unknown")
        self.classes_ = np.array([0, 1])
        self.n_features_in_ = 2
        self._fit(codes, y, validation, value)
        return self

    def predict_proba(self, X: pd.DataFrame | np.ndarray) -> np.ndarray:
        """Probability of class 0 and 1, array (n, 2).

        Raises
        ------
        DataError
            If there are no pairs, a line or drug is unknown, or the fit has diverged.
        """
        check_is_fitted(self, "classes_")
        codes = self.features.encode(X)
        if not len(codes):
            refuse(type(self).__name__, "no pairs to predict")
        p = np.asarray(self._score(codes), dtype=float)
        if not np.isfinite(p).all():
            refuse(
                type(self).__name__, "the fit has diverged: it predicts NaN", "use a smaller learning rate"
            )
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
        name = type(self).__name__
        if not isinstance(self.features, PairFeatures):
            problem = f"features must be PairFeatures, got {type(self.features).__name__}"
            refuse(name, problem, "PairFeatures.from_data makes them")
        self._check_settings()
        codes = self.features.encode(X)
        check_same_rows(X, y, f"{name}, X and y")
        y = check_labels(y, len(codes), name)
        if len(y) == 0:
            msg = "no pairs to fit"
            raise DataError(msg)
        return codes, y.astype(np.int64)

    def _check_validation(self, validation: object) -> tuple[np.ndarray, np.ndarray]:
        if not isinstance(validation, tuple) or len(validation) != 2:
            refuse(type(self).__name__, f"validation must be a tuple (X, y), got {type(validation).__name__}")
        return self._check(*validation)

    def _check_settings(self) -> None:
        for name, one in self.limits.items():
            value, said = getattr(self, name), f"{type(self).__name__}: {name}"
            if not (one.optional and value is None):
                check_number(said, value, one.low, one.high, whole=one.whole, error=ParameterError)
        for name in self.switches:
            if not isinstance(getattr(self, name), bool | np.bool_):
                msg = f"{type(self).__name__}: {name} must be True or False; got {getattr(self, name)!r}"
                raise ParameterError(msg)
