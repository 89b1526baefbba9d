"""Response of single cells from bulk cell lines without a deep network: what scDEAL has to beat.

All share one interface: ``fit(bulk_x, bulk_y, cells_x)`` with tables whose columns are gene symbols, then
``predict_proba(cells_x)``. None sees a label of a cell. Class 1 = sensitive.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.decomposition import PCA
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import check_is_fitted
from threadpoolctl import threadpool_limits

from helpers.bounds import check_number
from helpers.checks import check_columns, check_numbers, check_table, check_unique, in_rows_of
from helpers.errors import DataError

#: Inverse strengths of the L2 penalty that the bulk cross-validation chooses from.
STRENGTHS = tuple(10.0 ** np.arange(-5, 2))
SCALINGS = ("domain", "bulk")
_FOLDS = 5  # of that search; fewer where the smaller class has fewer lines


def shared_genes(bulk_x: pd.DataFrame, cells_x: pd.DataFrame) -> pd.Index:
    """Genes that both tables have, in the order of the bulk table.

    Raises
    ------
    DataError
        If there is none, or a table is no DataFrame or has a gene twice.
    """
    for table, what in ((bulk_x, "bulk lines"), (cells_x, "cells")):
        _check_genes(table, what)
    genes = bulk_x.columns[bulk_x.columns.isin(cells_x.columns)]
    if genes.empty:
        first = f"bulk {list(bulk_x.columns[:1])}, cells {list(cells_x.columns[:1])}"
        msg = f"bulk and cells share no gene name ({first}); bring both to gene symbols of one species"
        raise DataError(msg)
    return genes


def _check_genes(table: pd.DataFrame, what: str) -> None:
    check_columns(table, (), what)
    check_unique(table.columns, what, "a gene stands twice")


class CellClassifier(ClassifierMixin, BaseEstimator):
    """Base of classifiers that learn from bulk lines and answer for cells.

    A subclass implements ``_fit(bulk_x, bulk_y, cells_x)`` and ``_score(cells_x)`` on arrays of the
    shared genes.
    """

    def fit(
        self, bulk_x: pd.DataFrame, bulk_y: np.ndarray, cells_x: pd.DataFrame | None = None
    ) -> CellClassifier:
        """Fit on bulk lines; unlabelled cells are for alignment only.

        Parameters
        ----------
        bulk_x : DataFrame, lines x genes
            Log expression.
        bulk_y : array or Series (lines,) of 0 (resistant) and 1 (sensitive)
            A Series is joined to ``bulk_x`` by its index.
        cells_x : DataFrame, cells x genes
            Log expression or z-scores, of the cells that will be asked for.

        Raises
        ------
        DataError
            If no gene is shared, a table holds NaN or text or is empty, a line stands twice, the labels are
            not one per line, or they are of one class; if a setting cannot be.
        """
        self._check_settings()
        check_table(bulk_x, "bulk lines", "expression")
        cells_x = bulk_x if cells_x is None else cells_x
        bulk_y = np.asarray(in_rows_of(bulk_y, bulk_x, "bulk labels"))
        if bulk_y.shape != (len(bulk_x),) or not np.isin(bulk_y, (0, 1)).all():
            msg = (
                f"bulk labels must be {len(bulk_x)} values 0 or 1; got {bulk_y.shape}; drop unmeasured lines"
            )
            raise DataError(msg)
        if len(np.unique(bulk_y)) < 2:
            msg = f"all {len(bulk_y)} bulk lines are of one class: there is nothing to learn from"
            raise DataError(msg)
        self.genes_ = shared_genes(bulk_x, cells_x)
        self.classes_ = np.array([0, 1])
        bulk, cells = self._values(bulk_x, "bulk lines"), self._values(cells_x, "cells")
        # Small matrices: threads would wait for each other longer than they work.
        with threadpool_limits(1):
            self._fit(bulk, bulk_y.astype(int), cells)
        return self

    def predict_proba(self, cells_x: pd.DataFrame) -> np.ndarray:
        """Probability of resistant and sensitive, array (cells, 2).

        Raises
        ------
        DataError
            If a gene of the fit is missing or stands twice, or a value is no finite number.
        """
        check_is_fitted(self, "classes_")
        self._check_settings()
        p = self._score(self._values(cells_x, "cells"))
        return np.column_stack([1 - p, p])

    def predict(self, cells_x: pd.DataFrame) -> np.ndarray:
        """Class 1 where the probability of sensitive exceeds 0.5."""
        return (self.predict_proba(cells_x)[:, 1] > 0.5).astype(int)

    def _check_settings(self) -> None:
        """Refuse settings that cannot be."""

    def _values(self, table: pd.DataFrame, what: str) -> np.ndarray:
        _check_genes(table, what)
        missing = self.genes_.difference(table.columns)
        if len(missing):
            msg = f"the {what} lack {len(missing)} gene(s) of the fit, first {list(missing[:3])}"
            raise DataError(msg)
        chosen = table[self.genes_]
        if chosen.empty:
            msg = f"the table of {what} is empty"
            raise DataError(msg)
        check_numbers(chosen, what, "expression")
        return chosen.to_numpy(np.float64)

    def _fit(self, bulk_x: np.ndarray, bulk_y: np.ndarray, cells_x: np.ndarray) -> None:
        raise NotImplementedError

    def _score(self, cells_x: np.ndarray) -> np.ndarray:
        raise NotImplementedError


class BulkLogistic(CellClassifier):
    """Logistic regression on shared genes, L2 strength chosen by cross-validation over bulk lines.

    Parameters
    ----------
    scaling : {"domain", "bulk"}
        z-score cells by their own mean and deviation (what adapting batch normalisation does), or by
        those of the bulk lines (no adaptation at all). Only the prediction depends on it: after
        ``set_params(scaling=...)`` a fitted model predicts in the other way.
    """

    def __init__(self, scaling: str = "domain") -> None:
        self.scaling = scaling

    def _check_settings(self) -> None:
        if self.scaling not in SCALINGS:
            msg = f"unknown scaling {self.scaling!r}; one of {', '.join(SCALINGS)}"
            raise DataError(msg)

    def _fit(self, bulk_x: np.ndarray, bulk_y: np.ndarray, cells_x: np.ndarray) -> None:
        bulk_scaler, self._model = _logistic_search(bulk_y).fit(bulk_x, bulk_y).best_estimator_
        self._scalers = {"bulk": bulk_scaler, "domain": StandardScaler().fit(cells_x)}

    def _score(self, cells_x: np.ndarray) -> np.ndarray:
        return self._model.predict_proba(self._scalers[self.scaling].transform(cells_x))[:, 1]


class BulkBoosting(CellClassifier):
    """Gradient boosted trees on shared genes, scaled as in :class:`BulkLogistic`.

    Histogram boosting of scikit-learn: 100 trees of eight leaves with at least five lines each, 32 bins. The
    odds are divided by those of the bulk classes, so that classes count alike; weights would do the same
    but make the binning slow. The benchmark of Bohl et al. (2026) used CatBoost.

    Parameters
    ----------
    scaling : {"domain", "bulk"}
    """

    def __init__(self, scaling: str = "domain") -> None:
        self.scaling = scaling

    def _check_settings(self) -> None:
        if self.scaling not in SCALINGS:
            msg = f"unknown scaling {self.scaling!r}; one of {', '.join(SCALINGS)}"
            raise DataError(msg)

    def _fit(self, bulk_x: np.ndarray, bulk_y: np.ndarray, cells_x: np.ndarray) -> None:
        bulk_scaler = StandardScaler().fit(bulk_x)
        self._scalers = {"bulk": bulk_scaler, "domain": StandardScaler().fit(cells_x)}
        self._prior = bulk_y.mean()
        self._model = HistGradientBoostingClassifier(
            max_leaf_nodes=8, min_samples_leaf=5, max_bins=32, early_stopping=False, random_state=0
        ).fit(bulk_scaler.transform(bulk_x), bulk_y)

    def _score(self, cells_x: np.ndarray) -> np.ndarray:
        p = self._model.predict_proba(self._scalers[self.scaling].transform(cells_x))
        balanced = p / [1 - self._prior, self._prior]
        return balanced[:, 1] / balanced.sum(axis=1)


class CoralLogistic(CellClassifier):
    """CORAL on principal components, then logistic regression.

    Both domains are z-scored by themselves and projected on the components of the bulk lines; the
    covariance of the bulk projections is turned into that of the cells (both plus the identity), and the
    classifier is fitted on the turned lines.

    Parameters
    ----------
    n_components : int
        At most; fewer where there are fewer lines, cells or genes.

    References
    ----------
    Sun, Feng and Saenko, Return of frustratingly easy domain adaptation, AAAI (2016).
    """

    def __init__(self, n_components: int = 50) -> None:
        self.n_components = n_components

    def _check_settings(self) -> None:
        check_number("n_components", self.n_components, 1, whole=True)

    def _fit(self, bulk_x: np.ndarray, bulk_y: np.ndarray, cells_x: np.ndarray) -> None:
        bulk_z = StandardScaler().fit_transform(bulk_x)
        self._cell_scaler = StandardScaler().fit(cells_x)
        size = min(self.n_components, *bulk_z.shape, len(cells_x))
        self._pca = PCA(size, random_state=0).fit(bulk_z)
        source = self._pca.transform(bulk_z)
        target = self._pca.transform(self._cell_scaler.transform(cells_x))
        aligned = coral(source, target)
        self._model = _logistic_search(bulk_y).fit(aligned, bulk_y).best_estimator_

    def _score(self, cells_x: np.ndarray) -> np.ndarray:
        return self._model.predict_proba(self._pca.transform(self._cell_scaler.transform(cells_x)))[:, 1]


class RandomEncoder(CellClassifier):
    """Transfer through a frozen random encoder: what is left when nothing is learned about the cells.

    As in scDEAL's code each domain has an encoder of its own and only the embeddings' means (and here
    deviations) are matched; the bulk classifier is a logistic regression on the bulk embedding.

    Parameters
    ----------
    n_components : int
        Size of the embedding.
    random_state : int
    """

    def __init__(self, n_components: int = 128, random_state: int = 0) -> None:
        self.n_components = n_components
        self.random_state = random_state

    def _check_settings(self) -> None:
        check_number("n_components", self.n_components, 1, whole=True)
        check_number("random_state", self.random_state, 0, whole=True)

    def _fit(self, bulk_x: np.ndarray, bulk_y: np.ndarray, cells_x: np.ndarray) -> None:
        rng = np.random.default_rng(self.random_state)
        shape = (len(self.genes_), self.n_components)
        bulk_encoder = rng.standard_normal(shape) / np.sqrt(shape[0])
        encoder = rng.standard_normal(shape) / np.sqrt(shape[0])
        bulk_z = StandardScaler().fit_transform(StandardScaler().fit_transform(bulk_x) @ bulk_encoder)
        self._model = LogisticRegression(C=0.01, class_weight="balanced", max_iter=2000).fit(bulk_z, bulk_y)
        self._cell_scaler, self._encoder = StandardScaler().fit(cells_x), encoder
        self._match = StandardScaler().fit(self._cell_scaler.transform(cells_x) @ encoder)

    def _score(self, cells_x: np.ndarray) -> np.ndarray:
        embedding = self._match.transform(self._cell_scaler.transform(cells_x) @ self._encoder)
        return self._model.predict_proba(embedding)[:, 1]


def coral(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Whiten the source and give it the target's covariance and mean.

    Parameters
    ----------
    source, target : arrays (n, k) and (m, k)

    Returns
    -------
    array (n, k)
        ``(source - mean_s) (C_s + I)^(-1/2) (C_t + I)^(1/2) + mean_t``.
    """
    whiten = _power(np.atleast_2d(np.cov(source, rowvar=False)), -0.5)
    colour = _power(np.atleast_2d(np.cov(target, rowvar=False)), 0.5)
    return (source - source.mean(axis=0)) @ whiten @ colour + target.mean(axis=0)


def _power(covariance: np.ndarray, exponent: float) -> np.ndarray:
    values, vectors = np.linalg.eigh(covariance + np.eye(len(covariance)))
    return (vectors * values**exponent) @ vectors.T


def _logistic_search(y: np.ndarray) -> GridSearchCV:
    # Scaling is inside the folds.
    smallest = int(np.bincount(y, minlength=2).min())
    if smallest < 2:
        msg = f"the smaller class has {smallest} bulk line; the choice of the penalty needs two at least"
        raise DataError(msg)
    model = make_pipeline(StandardScaler(), LogisticRegression(class_weight="balanced", max_iter=2000))
    split = StratifiedKFold(min(_FOLDS, smallest), shuffle=True, random_state=0)
    return GridSearchCV(model, {"logisticregression__C": STRENGTHS}, scoring="roc_auc", cv=split)
