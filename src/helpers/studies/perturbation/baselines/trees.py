"""Trees on target-encoded cell and compound, predicting principal components of the changes."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.ensemble import ExtraTreesRegressor, HistGradientBoostingRegressor
from sklearn.multioutput import MultiOutputRegressor

from helpers.bounds import check_number
from helpers.errors import DataError
from helpers.studies.perturbation.baselines.simple import SimplePredictor, principal_axes


class TreePredictor(SimplePredictor):
    """Extra trees or gradient boosting on the mean components of the row's cell and compound.

    Each training row's own value is left out of its two means, so that the encoding does not give
    the target away. What training has not seen is encoded as zero, the overall mean.

    Parameters
    ----------
    kind : {"extra trees", "boosting"}
    n_components : int
        Principal components of the training changes that are predicted.
    n_trees : int
        Trees, or boosting rounds per component.
    random_state : int

    Attributes
    ----------
    components_ : array (k, genes)
    model_ : fitted scikit-learn regressor
    """

    def __init__(
        self,
        kind: str = "extra trees",
        n_components: int = 20,
        n_trees: int = 100,
        random_state: int = 0,
    ) -> None:
        self.kind = kind
        self.n_components = n_components
        self.n_trees = n_trees
        self.random_state = random_state

    def _fit(self, cell: np.ndarray, compound: np.ndarray, values: np.ndarray) -> None:
        for name, low in (("n_components", 1), ("n_trees", 1), ("random_state", 0)):
            check_number(name, getattr(self, name), low, 2**32 - 1, whole=True)
        centred = values - self.mean_
        self.components_ = principal_axes(centred, self.n_components)
        scores = centred @ self.components_.T
        self._sums = [
            _sums(code, scores, n) for code, n in ((cell, len(self.cells_)), (compound, len(self.compounds_)))
        ]
        features = [
            (sums[code] - scores) / np.maximum(counts[code] - 1, 1)[:, None]
            for code, (sums, counts) in zip((cell, compound), self._sums, strict=True)
        ]
        self.model_ = self._regressor().fit(np.hstack(features), scores)

    def _predict(self, cell: np.ndarray, compound: np.ndarray, rows: pd.DataFrame) -> np.ndarray:
        features = []
        for code, (sums, counts) in zip((cell, compound), self._sums, strict=True):
            means = sums / np.maximum(counts, 1)[:, None]
            features.append(np.where(code[:, None] >= 0, means[code], 0))
        scores = self.model_.predict(np.hstack(features)).reshape(len(cell), -1)
        return (self.mean_ + scores @ self.components_).astype(np.float32)

    def _regressor(self) -> ExtraTreesRegressor | MultiOutputRegressor:
        if self.kind == "extra trees":
            return ExtraTreesRegressor(
                self.n_trees, min_samples_leaf=2, max_features=0.5, random_state=self.random_state, n_jobs=1
            )
        if self.kind == "boosting":
            return MultiOutputRegressor(
                HistGradientBoostingRegressor(
                    max_iter=self.n_trees,
                    learning_rate=0.05,
                    max_leaf_nodes=8,
                    min_samples_leaf=5,
                    random_state=self.random_state,
                )
            )
        msg = f"unknown kind of trees {self.kind!r}; one of extra trees, boosting"
        raise DataError(msg)


def _sums(code: np.ndarray, scores: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    sums = np.zeros((n, scores.shape[1]))
    np.add.at(sums, code, scores)
    return sums, np.bincount(code, minlength=n)
