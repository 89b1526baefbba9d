"""Simple predictors of one drug's response from bulk expression, each tuned inside its training part.

They take lines x genes DataFrames of log2(TPM + 1), like the study's own pipeline, and run in the same
splits.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.cross_decomposition import PLSRegression
from sklearn.decomposition import PCA
from sklearn.dummy import DummyRegressor
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import ElasticNetCV, RidgeCV
from sklearn.model_selection import KFold
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import check_is_fitted

from helpers.bounds import check_number
from helpers.checks import as_numbers, check_names, refuse
from helpers.evaluation.contract import fit_inputs, fit_rows, new_table, row_names
from helpers.studies.gpds.checks import check_lines
from helpers.studies.gpds.model.binning import EqualFrequencyBinner
from helpers.studies.gpds.model.estimator import GPDSRegressor, gpds_pipeline
from helpers.studies.gpds.model.filters import MeanVarianceFilter, filter_steps
from helpers.studies.gpds.model.network import Task

#: Genes that a model may see, by name; cut lines are learnt on the training lines. "All genes" leaves out
#: those that hardly vary there: scaled to a variance of one, a single line that expresses such a gene would
#: decide the fit.
GENE_SETS = {
    "report's filter": MeanVarianceFilter(),
    "mean >= 1": MeanVarianceFilter(min_mean=1.0, min_log_variance=-np.inf),
    "all genes": MeanVarianceFilter(min_mean=0.0, min_log_variance=float(np.log(0.05))),
}
#: Ridge penalties on standardised genes; the best is found by leaving one line out.
ALPHAS = np.geomspace(1, 1e5, 16)


class LineageMean(RegressorMixin, BaseEstimator):
    """Mean response of the training lines of the same lineage, shrunk towards the mean of all.

    Parameters
    ----------
    lineage : Series
        Index = line. ``X`` must be a DataFrame whose index holds these lines; its genes are not used.
    weight : float
        Number of lines that the overall mean counts for.
    """

    def __init__(self, lineage: pd.Series, weight: float = 1.0) -> None:
        self.lineage = lineage
        self.weight = weight

    def fit(self, X: pd.DataFrame, y: np.ndarray) -> LineageMean:
        """Average the response by lineage.

        Raises
        ------
        DataError
            If ``X`` names no lines, the response is not finite or not one a line, no line is annotated, or
            the weight cannot be.
        """
        check_number("weight", self.weight, 0, np.finfo(float).max)
        y = fit_rows(self, X, y)
        groups = pd.Series(y).groupby(line_values(self.lineage, X.index))
        self.mean_ = float(np.mean(y))
        self.means_ = (groups.sum() + self.weight * self.mean_) / (groups.count() + self.weight)
        return self

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        """Mean of the line's lineage; the overall mean for a lineage that was not fitted."""
        check_is_fitted(self, "means_")
        found = self.means_.reindex(line_values(self.lineage, row_names(self, X)))
        return found.fillna(self.mean_).to_numpy()


class LineageRidge(RegressorMixin, BaseEstimator):
    """Ridge regression on lineage and a proliferation score, no other gene.

    Parameters
    ----------
    lineage : Series
        Index = line.
    proliferation : Series, optional
        Index = line (:func:`helpers.studies.gpds.gene_lists.proliferation_score`).
    """

    def __init__(self, lineage: pd.Series, proliferation: pd.Series | None = None) -> None:
        self.lineage = lineage
        self.proliferation = proliferation

    def fit(self, X: pd.DataFrame, y: np.ndarray) -> LineageRidge:
        """Fit on the lines of ``X``.

        Raises
        ------
        DataError
            As :meth:`LineageMean.fit`.
        """
        y = fit_rows(self, X, y)
        self.levels_ = np.unique(line_values(self.lineage, X.index))
        self.model_ = RidgeCV(np.geomspace(0.1, 100, 7)).fit(self._design(X.index), y)
        return self

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        """Predicted response, array (n,)."""
        check_is_fitted(self, "model_")
        return self.model_.predict(self._design(row_names(self, X)))

    def _design(self, lines: pd.Index) -> np.ndarray:
        design = (line_values(self.lineage, lines)[:, None] == self.levels_).astype(float)
        if self.proliferation is None:
            return design
        found = as_numbers(check_lines(self.proliferation, lines, "proliferation"), "proliferation")
        if np.isinf(found).any():
            refuse("proliferation", "holds infinite values", "use NaN where it is unknown")
        growth = self.proliferation.reindex(lines).fillna(self.proliferation.mean())
        return np.column_stack([design, growth.to_numpy(float)])


class PLSCV(RegressorMixin, BaseEstimator):
    """Partial least squares; the number of components (1 to ``max_components``) by inner folds.

    Components are nested: one fit a fold gives the predictions of all numbers.

    Attributes
    ----------
    n_components_ : int
    coef_ : array (genes,)
    """

    def __init__(self, max_components: int = 20, cv: int = 5, random_state: int = 0) -> None:
        self.max_components = max_components
        self.cv = cv
        self.random_state = random_state

    def fit(self, X: np.ndarray, y: np.ndarray) -> PLSCV:
        """Choose the number of components and fit."""
        X, y = fit_inputs(self, X, y)
        check_number("max_components", self.max_components, 1, whole=True)
        folds = _inner_folds(self, X)
        most = min(self.max_components, X.shape[1], min(len(train) for train, _ in folds) - 1)
        errors = np.zeros(most)
        for train, test in folds:
            coefs, x_mean, y_mean = _pls_path(X[train], y[train], most)
            errors += ((y_mean + (X[test] - x_mean) @ coefs - y[test][:, None]) ** 2).sum(axis=0)
        self.n_components_ = int(errors.argmin()) + 1
        coefs, self.x_mean_, self.intercept_ = _pls_path(X, y, self.n_components_)
        self.coef_ = coefs[:, -1]
        return self

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Predicted response, array (n,)."""
        check_is_fitted(self, "coef_")
        return self.intercept_ + (np.asarray(new_table(self, X), float) - self.x_mean_) @ self.coef_


class NearestLines(RegressorMixin, BaseEstimator):
    """Mean response of the lines with the highest correlation; their number (1 to ``most``) by inner folds.

    Attributes
    ----------
    n_neighbors_ : int
    """

    def __init__(self, most: int = 30, cv: int = 5, random_state: int = 0) -> None:
        self.most = most
        self.cv = cv
        self.random_state = random_state

    def fit(self, X: np.ndarray, y: np.ndarray) -> NearestLines:
        """Choose the number of lines and keep all of them."""
        X, self.y_ = fit_inputs(self, X, y)
        check_number("most", self.most, 1, whole=True)
        self.x_ = _unit_rows(X)
        folds = _inner_folds(self, self.x_)
        most = min(self.most, *(len(train) for train, _ in folds))
        errors = np.zeros(most)
        for train, test in folds:
            means = _neighbour_means(self.x_[train], self.y_[train], self.x_[test], most)
            errors += ((means - self.y_[test][:, None]) ** 2).sum(axis=0)
        self.n_neighbors_ = int(errors.argmin()) + 1
        return self

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Predicted response, array (n,)."""
        check_is_fitted(self, "n_neighbors_")
        return _neighbour_means(self.x_, self.y_, _unit_rows(new_table(self, X)), self.n_neighbors_)[:, -1]


class PCARidge(RegressorMixin, BaseEstimator):
    """Ridge regression on the first principal components, at most ``n_components``."""

    def __init__(self, n_components: int = 50, random_state: int = 0) -> None:
        self.n_components = n_components
        self.random_state = random_state

    def fit(self, X: np.ndarray, y: np.ndarray) -> PCARidge:
        """Fit components on ``X``, then the regression."""
        X, y = fit_inputs(self, X, y)
        check_number("n_components", self.n_components, 1, whole=True)
        check_number("random_state", self.random_state, 0, 2**32 - 1, whole=True)
        count = min(self.n_components, *X.shape)
        model = Pipeline([("pca", PCA(count, random_state=self.random_state)), ("ridge", RidgeCV(ALPHAS))])
        self.model_ = model.fit(X, y)
        return self

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Predicted response, array (n,)."""
        check_is_fitted(self, "model_")
        return self.model_.predict(np.asarray(new_table(self, X), float))


class PermutedTarget(GPDSRegressor):
    """The network on a permuted response: what it finds when there is nothing to find."""

    def _task(self, inputs: np.ndarray, y: np.ndarray) -> Task:
        return super()._task(inputs, np.random.default_rng(self.random_state).permutation(y))


def bulk_baselines(
    lineage: pd.Series | None = None,
    proliferation: pd.Series | None = None,
    *,
    gene_filter: bool | MeanVarianceFilter = True,
    n_inner: int = 5,
    n_trees: int = 200,
    network: GPDSRegressor | None = None,
    seed: int = 0,
) -> dict[str, BaseEstimator]:
    """Build all baselines of the chapter by name, ready for ``fit(DataFrame, response)``.

    Parameters
    ----------
    lineage : Series, optional
        Index = line; without it the two lineage models are left out.
    proliferation : Series, optional
        Index = line; second covariate of ridge regression on lineage.
    gene_filter : bool or MeanVarianceFilter
        Learn the study's filter, or another one, in the training part; False takes all genes.
    n_inner : int
        Folds of the inner searches.
    n_trees : int
        Of the random forest.
    network : GPDSRegressor, optional
        Network of "Permuted target"; the study's best setting by default.
    seed : int

    Examples
    --------
    ``bulk_baselines()["Ridge"].fit(expression.loc[train], y[train]).predict(expression.loc[test])``

    Raises
    ------
    DataError
        If a setting cannot be.
    """
    for what, value, least in (("n_inner", n_inner, 2), ("n_trees", n_trees, 1), ("seed", seed, 0)):
        check_number(what, value, least, whole=True)
    if not isinstance(network, GPDSRegressor | None):
        refuse("bulk_baselines", f"network must be a GPDSRegressor, got {network!r}")

    def on_genes(name: str, model: BaseEstimator, *, bins: bool = False) -> Pipeline:
        binned = [("bins", EqualFrequencyBinner())] if bins else []
        steps = [*filter_steps(gene_filter), *binned, ("scale", StandardScaler()), (name, model)]
        return Pipeline(steps).set_output(transform="pandas")

    folds = KFold(n_inner, shuffle=True, random_state=seed)
    models: dict[str, BaseEstimator] = {"training mean": DummyRegressor()}
    if lineage is not None:
        models["lineage mean"] = LineageMean(lineage)
        growth = "" if proliferation is None else " and proliferation"
        models["Ridge on lineage" + growth] = LineageRidge(lineage, proliferation)
    models |= {
        "Ridge": on_genes("ridge", RidgeCV(ALPHAS)),
        "Ridge on bins": on_genes("ridge", RidgeCV(ALPHAS), bins=True),
        "Elastic net": on_genes("net", ElasticNetCV(cv=folds, tol=1e-3, max_iter=2000)),
        "PLS": on_genes("pls", PLSCV(cv=n_inner, random_state=seed)),
        "PCA + ridge": on_genes("ridge", PCARidge(random_state=seed)),
        "k nearest lines": on_genes("lines", NearestLines(cv=n_inner, random_state=seed)),
        "Random forest": on_genes(
            "forest", RandomForestRegressor(n_trees, max_features=1 / 3, random_state=seed)
        ),
        "Permuted target": gpds_pipeline(
            PermutedTarget(**(network or GPDSRegressor()).get_params()), gene_filter=gene_filter
        ),
    }
    return models


def line_values(values: pd.Series, lines: pd.Index) -> np.ndarray:
    """Look up an annotation of lines; missing entries are ``"unknown"``.

    Raises
    ------
    DataError
        If it is no Series, names a line twice, or none of the lines is annotated.
    """
    return check_lines(values, lines, "the annotation").fillna("unknown").to_numpy(str)


def _inner_folds(model: PLSCV | NearestLines, X: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    check_number("cv", model.cv, 2, whole=True)
    check_number("random_state", model.random_state, 0, 2**32 - 1, whole=True)
    if len(X) < max(model.cv, 3):
        refuse(type(model).__name__, f"n_samples={len(X)} lines cannot make cv={model.cv} inner folds")
    return list(KFold(model.cv, shuffle=True, random_state=model.random_state).split(X))


def _pls_path(x: np.ndarray, y: np.ndarray, components: int) -> tuple[np.ndarray, np.ndarray, float]:
    """Coefficients with 1, 2, ... components, (genes, components), and the means."""
    x_mean, y_mean = x.mean(axis=0), float(y.mean())
    pls = PLSRegression(components, scale=False, tol=1e-6).fit(x - x_mean, y - y_mean)
    return np.cumsum(pls.x_rotations_ * pls.y_loadings_, axis=1), x_mean, y_mean


def _unit_rows(x: np.ndarray) -> np.ndarray:
    """Centre rows and scale them to length 1, so that their products are correlations."""
    x = np.asarray(x, float)
    x = x - x.mean(axis=1, keepdims=True)
    length = np.linalg.norm(x, axis=1, keepdims=True)
    return x / np.where(length > 0, length, 1)


def _neighbour_means(x: np.ndarray, y: np.ndarray, new: np.ndarray, most: int) -> np.ndarray:
    """Mean response of the nearest 1, 2, ... ``most`` rows of ``x`` for each new row."""
    order = np.argsort(-(new @ x.T), axis=1, kind="stable")[:, :most]
    return np.cumsum(y[order], axis=1) / np.arange(1, most + 1)


def on_gene_sets(
    names: Sequence[str], sets: Sequence[str] = ("mean >= 1", "all genes"), **options: Any
) -> dict[str, BaseEstimator]:
    """Build some baselines on other genes than the report's, named ``"Ridge, all genes"`` and so on.

    Parameters
    ----------
    names : sequence of str
        Of :func:`bulk_baselines`.
    sets : sequence of str
        Of :data:`GENE_SETS`.
    **options
        Of :func:`bulk_baselines`.

    Raises
    ------
    DataError
        If a name is unknown.
    """
    known = bulk_baselines(**options)
    unknown = [one for one in check_names(sets, "sets of genes") if one not in GENE_SETS]
    unknown += [one for one in check_names(names, "baselines") if one not in known]
    if unknown:
        refuse("on_gene_sets", f"unknown names: {', '.join(unknown)}", f"sets: {', '.join(GENE_SETS)}")
    return {
        f"{name}, {genes}": bulk_baselines(gene_filter=GENE_SETS[genes], **options)[name]
        for genes in sets
        for name in names
    }
