"""Board of drugs: which responses can be predicted from expression, within lineages too.

Ridge regression for many drugs that were measured on different lines is one solve per fold: the lines share
one kernel, and a drug's missing lines are conditioned out.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import linalg
from sklearn.base import clone
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from helpers.bounds import check_number
from helpers.checks import as_matrix, as_numbers, check_same_rows, refuse
from helpers.errors import DataError
from helpers.evaluation.protocol import Fold, Model, each_fold, run
from helpers.studies.gpds.baselines import ALPHAS, GENE_SETS, LineageMean
from helpers.studies.gpds.bulk import line_metrics
from helpers.studies.gpds.checks import check_bulk, check_lines, check_response
from helpers.studies.gpds.correlations import masked_spearman
from helpers.studies.gpds.folds import BulkLines, repeated_folds

#: The constant's weight in the kernel: so large that the intercept is not shrunk.
_INTERCEPT = 1e4


class ManyRidge:
    """Ridge regression of many responses with missing values, each with its own penalty by leave-one-out.

    Parameters
    ----------
    alphas : array
        Penalties to choose from.

    Attributes
    ----------
    alpha_ : array (drugs,)
    dual_ : array (lines, drugs)
        Weights of the training lines; 0 where a drug was not measured.

    Notes
    -----
    With kernel K = X X' + c 11' and G = (K + alpha I)^-1 over all lines, the solution for the lines o that a
    drug was measured on needs no inverse of its own: (K_oo + alpha I)^-1 = G_oo - G_om G_mm^-1 G_mo, where m
    are its missing lines, and the leave-one-out residual is a_i over the i-th diagonal entry.
    """

    def __init__(self, alphas: np.ndarray = ALPHAS) -> None:
        self.alphas = alphas

    def fit(self, X: np.ndarray, y: np.ndarray) -> ManyRidge:
        """Fit.

        Parameters
        ----------
        X : array (lines, genes)
            Scaled.
        y : array (lines, drugs), NaN where not measured

        Raises
        ------
        DataError
            If a drug has fewer than two values, ``X`` is not finite, the two are no tables of the same
            lines, or a penalty is not positive.
        """
        check_same_rows(X, y, "ManyRidge, X and y")
        as_matrix(X, "X")
        y = as_numbers(y, "y")
        if y.ndim != 2 or len(y) != len(X) or np.isinf(y).any():
            refuse("ManyRidge", f"y must be a table of {len(X)} lines, NaN where not measured; got {y.shape}")
        if np.ndim(self.alphas) != 1 or not len(self.alphas):
            refuse("ManyRidge", f"alphas must be a column of penalties, got {self.alphas!r}")
        for alpha in self.alphas:
            check_number("a penalty", alpha, np.finfo(float).tiny, np.finfo(float).max)
        known = ~np.isnan(y)
        if (known.sum(axis=0) < 2).any():
            msg = f"{int((known.sum(axis=0) < 2).sum())} drug(s) have fewer than two values; leave them out"
            raise DataError(msg)
        self.x_, self.y_mean_ = np.asarray(X, float), np.nanmean(y, axis=0)
        centred = np.where(known, y - self.y_mean_, 0.0)
        values, vectors = linalg.eigh(self.x_ @ self.x_.T + _INTERCEPT)
        best = np.full(y.shape[1], np.inf)
        self.alpha_, self.dual_ = np.zeros(y.shape[1]), np.zeros(y.shape)
        for alpha in self.alphas:
            inverse = (vectors / (np.maximum(values, 0) + alpha)) @ vectors.T
            for j in range(y.shape[1]):
                dual, diagonal = _measured_only(inverse, centred[:, j], known[:, j])
                error = np.mean((dual / diagonal) ** 2)
                if error < best[j]:
                    best[j], self.alpha_[j] = error, alpha
                    self.dual_[known[:, j], j] = dual
        return self

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Predicted responses, array (lines, drugs).

        Raises
        ------
        DataError
            If it was not fitted, or the table is not finite or has another number of genes.
        """
        if not hasattr(self, "dual_"):
            refuse("ManyRidge", "is not fitted yet", "call fit first")
        if as_matrix(X, "X").shape[1] != self.x_.shape[1]:
            refuse("ManyRidge", f"was fitted to {self.x_.shape[1]} genes; got shape {np.shape(X)}")
        return self.y_mean_ + (np.asarray(X, float) @ self.x_.T + _INTERCEPT) @ self.dual_


def _measured_only(inverse: np.ndarray, y: np.ndarray, known: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Dual weights of a drug's measured lines and the diagonal of their own inverse."""
    dual, diagonal = inverse[known] @ y, np.diagonal(inverse)[known]
    if known.all():
        return dual, diagonal
    # y is 0 on the missing lines; conditioning on them takes their share away again.
    across = inverse[np.ix_(known, ~known)]
    share = linalg.solve(inverse[np.ix_(~known, ~known)], across.T, assume_a="pos")
    return dual - share.T @ (inverse[~known] @ y), diagonal - (across * share.T).sum(axis=1)


def drug_board(
    expression: pd.DataFrame,
    response: pd.DataFrame,
    lineage: pd.Series,
    *,
    other: pd.DataFrame | None = None,
    genes: str = "mean >= 1",
    min_lines: int = 300,
    n_drugs: int = 0,
    always: str | None = None,
    n_folds: int = 5,
    min_group: int = 8,
    seed: int = 0,
    n_jobs: int = 1,
) -> pd.DataFrame:
    """Predict every drug with ridge regression and with the lineage's mean in the same folds of lines.

    Parameters
    ----------
    expression : DataFrame, lines x genes
        log2(TPM + 1).
    response : DataFrame, lines x drugs
    lineage : Series
        Index = line.
    other : DataFrame, optional
        Responses of another screen, for the ceiling.
    genes : str
        One of :data:`~helpers.studies.gpds.baselines.GENE_SETS`, cut on the training lines.
    min_lines : int
        Measured lines that a drug needs.
    n_drugs : int
        Evenly spaced drugs in order of their names, a declared reduction; 0 for all.
    always : str, optional
        A drug that a reduced board shows in any case.
    min_group : int
        Lines that a lineage needs to count for the correlation within lineages.

    Returns
    -------
    DataFrame
        One row a drug, best first: ``drug``, ``lines``, ``ridge`` and ``lineage mean`` (Spearman
        correlation of the held-out predictions with the response, all lines), ``within lineages`` (that of
        ridge, weighted mean over lineages), ``ceiling`` (Spearman correlation of the two screens, NaN
        without), ``shared lines`` behind it, and ``MSE/Var`` of ridge.

    Raises
    ------
    DataError
        If a table or a setting cannot be used, or no drug has enough lines.
    """
    for what, value, least in (
        ("min_lines", min_lines, 2),
        ("n_drugs", n_drugs, 0),
        ("min_group", min_group, 1),
    ):
        check_number(what, value, least, whole=True)
    if genes not in tuple(GENE_SETS):
        refuse("drug_board", f"unknown genes {genes!r}", f"one of {', '.join(GENE_SETS)}")
    check_bulk(expression, response)
    if other is not None:
        check_response(other)
    check_lines(lineage, expression.index, "the lineage of lines")
    enough = response.notna().sum() >= min_lines
    if not enough.any():
        refuse("drug_board", f"no drug has {min_lines} measured lines", "lower min_lines")
    lines = BulkLines.matched(expression, response.loc[:, enough])
    drugs = lines.response.columns.sort_values()
    if 0 < n_drugs < len(drugs):
        chosen = drugs[np.linspace(0, len(drugs) - 1, n_drugs).round().astype(int)]
        drugs = drugs[drugs.isin([*chosen, always])]
    y = lines.response[drugs].to_numpy(float)

    def ridge(data: BulkLines, fold: Fold) -> np.ndarray:
        before = Pipeline([("filter", clone(GENE_SETS[genes])), ("scale", StandardScaler())])
        train = before.fit_transform(data.expression.iloc[fold.train])
        test = before.transform(data.expression.iloc[fold.test])
        return ManyRidge().fit(train, y[fold.train]).predict(test)

    def lineage_mean(data: BulkLines, fold: Fold) -> np.ndarray:
        train, test = (data.expression.iloc[rows] for rows in (fold.train, fold.test))
        known = ~np.isnan(y[fold.train])
        model = LineageMean(lineage)
        fits = [model.fit(train[has], y[fold.train][has, j]).predict(test) for j, has in enumerate(known.T)]
        return np.column_stack(fits)

    def rows(data: BulkLines, fold: Fold, predicted: np.ndarray) -> pd.DataFrame:
        return pd.DataFrame(predicted, fold.test, drugs).rename_axis("row").reset_index()

    models = [Model("ridge", each_fold(ridge)), Model("lineage mean", each_fold(lineage_mean))]
    found = run(lines, repeated_folds(len(y), n_folds, 1, seed), models, rows, n_jobs=n_jobs)
    by_model = {name: part.set_index("row").sort_index()[drugs] for name, part in found.groupby("model")}
    groups = lineage.reindex(lines.expression.index).to_numpy(str)
    table = pd.DataFrame({"drug": drugs, "lines": (~np.isnan(y)).sum(axis=0)})
    for name, predicted in by_model.items():
        table[name] = masked_spearman(predicted.to_numpy(), y)
    table["within lineages"] = _within(by_model["ridge"].to_numpy(), y, groups, min_group)
    table["ceiling"], table["shared lines"] = _ceiling(lines.response[drugs], other)
    known = [~np.isnan(column) for column in y.T]
    pairs = zip(y.T, by_model["ridge"].to_numpy().T, known, strict=True)
    table["MSE/Var"] = [line_metrics(a[has], b[has])["MSE/Var"] for a, b, has in pairs]
    return table.sort_values("within lineages", ascending=False, ignore_index=True)


def _within(predicted: np.ndarray, y: np.ndarray, groups: np.ndarray, least: int) -> np.ndarray:
    """Weighted mean over lineages of the correlation within them, drug by drug."""
    total, weight = np.zeros(y.shape[1]), np.zeros(y.shape[1])
    for group in np.unique(groups):
        rows = groups == group
        size = (~np.isnan(y[rows])).sum(axis=0)
        rho = masked_spearman(predicted[rows], y[rows])
        counts = np.where((size >= least) & ~np.isnan(rho), size, 0)
        total, weight = total + counts * np.nan_to_num(rho), weight + counts
    return np.divide(total, weight, out=np.full(len(total), np.nan), where=weight > 0)


def _ceiling(response: pd.DataFrame, other: pd.DataFrame | None) -> tuple[np.ndarray, np.ndarray]:
    if other is None:
        return np.full(response.shape[1], np.nan), np.zeros(response.shape[1], int)
    second = other.reindex(index=response.index, columns=response.columns)
    both = (response.notna() & second.notna()).sum().to_numpy()
    return masked_spearman(response.to_numpy(), second.to_numpy(float)), both
