"""Predictors of expression changes that know only which cell and which compound a row has.

All have the contract of the networks: ``fit(rows, values)`` with ``rows`` a table of ``cell``,
``compound``, ``lincs_id`` and ``smiles`` and ``values`` (rows x genes), then ``predict(rows)``. What
training has not seen falls back to the next coarser mean.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.linear_model import RidgeCV
from sklearn.utils.validation import check_is_fitted

from helpers.bounds import check_number
from helpers.checks import as_numbers, check_same_rows
from helpers.errors import DataError
from helpers.studies.perturbation.types import check_rows

#: Ridge penalties that the additive model chooses from.
PENALTIES = (0.1, 1.0, 3.0, 10.0, 30.0, 100.0)


class SimplePredictor(BaseEstimator):
    """Base of the predictors: checks, and codes of cells and compounds.

    A subclass implements ``_fit(cell, compound, values)`` and ``_predict(cell, compound)``; codes
    point into ``cells_`` and ``compounds_``, -1 for what training has not seen.

    Attributes
    ----------
    cells_, compounds_ : Index
        What training has seen, sorted.
    mean_ : array (genes,)
        Mean over the training rows.
    """

    def fit(self, rows: pd.DataFrame, values: np.ndarray) -> SimplePredictor:
        """Fit the model.

        Parameters
        ----------
        rows : DataFrame, n rows
        values : array (n, genes)

        Raises
        ------
        DataError
            If there are no rows, shapes or the names of rows differ, a column or an entry is missing, a value
            is no finite number, or a setting is out of range.
        """
        name = type(self).__name__
        check_rows(rows, self._columns(), name)
        check_same_rows(rows, values, name)
        values = as_numbers(values, name, np.float32)
        if values.ndim != 2 or len(values) != len(rows) or values.size == 0:
            msg = f"values have shape {values.shape}, expected ({len(rows)}, genes) with at least one row"
            raise DataError(msg)
        if not np.isfinite(values).all():
            msg = f"values hold {int((~np.isfinite(values)).sum())} NaN or infinite entries"
            raise DataError(msg)
        self.cells_ = pd.Index(sorted(rows["cell"].unique()))
        self.compounds_ = pd.Index(sorted(rows["compound"].unique()))
        self.mean_ = values.mean(axis=0)
        self._remember(rows)
        self._fit(*self._codes(rows), values)
        return self

    def predict(self, rows: pd.DataFrame) -> np.ndarray:
        """Predict the changes, array (n, genes).

        Raises
        ------
        DataError
            If there are no rows, or a column or an entry is missing.
        """
        check_is_fitted(self, "mean_")
        check_rows(rows, self._columns(), type(self).__name__)
        return self._predict(*self._codes(rows), rows)

    def _codes(self, rows: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        return self.cells_.get_indexer(rows["cell"]), self.compounds_.get_indexer(rows["compound"])

    def _columns(self) -> tuple[str, ...]:
        """Columns of the rows that the model reads."""
        return ("cell", "compound")

    def _remember(self, rows: pd.DataFrame) -> None:
        """Keep what else a model needs of the training rows."""

    def _fit(self, cell: np.ndarray, compound: np.ndarray, values: np.ndarray) -> None:
        raise NotImplementedError

    def _predict(self, cell: np.ndarray, compound: np.ndarray, rows: pd.DataFrame) -> np.ndarray:
        raise NotImplementedError


class Constant(SimplePredictor):
    """One number per gene, whatever the row.

    Parameters
    ----------
    rule : {"zero", "always up", "gene mean", "gene median", "gene sign"}
        ``"always up"``: the mean absolute change, positive, for all genes. ``"gene sign"``: the
        majority sign of the gene over the training rows times its median absolute change.

    Attributes
    ----------
    constant_ : array (genes,)
    """

    def __init__(self, rule: str = "gene mean") -> None:
        self.rule = rule

    def _fit(self, cell: np.ndarray, compound: np.ndarray, values: np.ndarray) -> None:
        if self.rule == "zero":
            self.constant_ = np.zeros_like(self.mean_)
        elif self.rule == "always up":
            self.constant_ = np.full_like(self.mean_, np.abs(values).mean())
        elif self.rule == "gene mean":
            self.constant_ = self.mean_
        elif self.rule == "gene median":
            self.constant_ = np.median(values, axis=0)
        elif self.rule == "gene sign":
            majority = np.where(np.sign(values).sum(axis=0) >= 0, 1, -1)
            self.constant_ = majority * np.median(np.abs(values), axis=0)
        else:
            msg = f"unknown rule {self.rule!r}; one of zero, always up, gene mean, gene median, gene sign"
            raise DataError(msg)

    def _predict(self, cell: np.ndarray, compound: np.ndarray, rows: pd.DataFrame) -> np.ndarray:
        return np.tile(self.constant_, (len(cell), 1))


class GroupMean(SimplePredictor):
    """Mean of the training rows of the same cell, or of the same compound; else the gene mean.

    Parameters
    ----------
    by : {"cell", "compound"}

    Attributes
    ----------
    means_ : array (groups, genes)
    """

    def __init__(self, by: str = "cell") -> None:
        self.by = by

    def _fit(self, cell: np.ndarray, compound: np.ndarray, values: np.ndarray) -> None:
        if self.by not in ("cell", "compound"):
            msg = f"unknown group {self.by!r}; one of cell, compound"
            raise DataError(msg)
        self.means_ = group_means(cell if self.by == "cell" else compound, values)

    def _predict(self, cell: np.ndarray, compound: np.ndarray, rows: pd.DataFrame) -> np.ndarray:
        code = cell if self.by == "cell" else compound
        return np.where(code[:, None] >= 0, self.means_[code], self.mean_)


class Additive(SimplePredictor):
    """Cell plus compound: all that two factors give without an interaction.

    Least squares on one-hot cell and compound, gene by gene, with a ridge penalty on each factor;
    an effect seen in n rows is shrunk by about n / (n + penalty). By default the two penalties are
    those with the smallest leave-one-out error within training, out of :data:`PENALTIES`: designs
    range from six cells with 146 rows each to dozens of cells with two.

    Parameters
    ----------
    cell_penalty, compound_penalty : float, optional
        Default: chosen by leave-one-out.
    n_components : int, optional
        Predict within the first principal components of the training changes (low-rank additive);
        all of the space by default.

    Attributes
    ----------
    penalties_ : tuple of float
        Of cells and of compounds, in effect.
    cell_effect_, compound_effect_ : arrays (cells, genes) and (compounds, genes)
        Relative to ``centre_``.
    centre_ : array (genes,)
    components_ : array (k, genes) or None
    """

    def __init__(
        self,
        cell_penalty: float | None = None,
        compound_penalty: float | None = None,
        n_components: int | None = None,
    ) -> None:
        self.cell_penalty = cell_penalty
        self.compound_penalty = compound_penalty
        self.n_components = n_components

    def _fit(self, cell: np.ndarray, compound: np.ndarray, values: np.ndarray) -> None:
        for name in ("cell_penalty", "compound_penalty"):
            if getattr(self, name) is not None:  # without one the design has no single solution
                check_number(name, getattr(self, name), 1e-9)
        if self.n_components is not None:
            check_number("n_components", self.n_components, 1, whole=True)
        n, n_cells, n_compounds = len(values), len(self.cells_), len(self.compounds_)
        design = np.zeros((n, 1 + n_cells + n_compounds))
        design[:, 0] = 1
        design[np.arange(n), 1 + cell] = 1
        design[np.arange(n), 1 + n_cells + compound] = 1
        gram = design.T @ design

        def penalised(of_cells: float, of_compounds: float) -> np.ndarray:
            penalty = np.repeat([0.0, of_cells, of_compounds], [1, n_cells, n_compounds])
            return gram + np.diag(penalty)

        self.penalties_ = self._choose(penalised, design, values - self.mean_)
        solution = np.linalg.solve(penalised(*self.penalties_), design.T @ values)
        self.centre_ = solution[0]
        self.cell_effect_ = solution[1 : 1 + n_cells]
        self.compound_effect_ = solution[1 + n_cells :]
        self.components_ = None
        if self.n_components is not None:
            self.components_ = principal_axes(values - self.mean_, self.n_components)

    def _choose(
        self, penalised: Callable[[float, float], np.ndarray], design: np.ndarray, centred: np.ndarray
    ) -> tuple[float, float]:
        of_cells, of_compounds = (
            PENALTIES if penalty is None else (penalty,)
            for penalty in (self.cell_penalty, self.compound_penalty)
        )
        pairs = list(itertools.product(of_cells, of_compounds))
        if len(pairs) == 1:
            return pairs[0]
        # Errors of all genes at once, through the rows' inner products.
        inner = centred.astype(np.float64) @ centred.T.astype(np.float64)
        errors = []
        for pair in pairs:
            hat = design @ np.linalg.solve(penalised(*pair), design.T)
            residual = (np.eye(len(hat)) - hat) / (1 - np.diag(hat))[:, None]
            errors.append(((residual @ inner) * residual).sum())
        return pairs[int(np.argmin(errors))]

    def _predict(self, cell: np.ndarray, compound: np.ndarray, rows: pd.DataFrame) -> np.ndarray:
        predicted = self.centre_ + np.where(cell[:, None] >= 0, self.cell_effect_[cell], 0)
        predicted = predicted + np.where(compound[:, None] >= 0, self.compound_effect_[compound], 0)
        if self.components_ is not None:
            predicted = self.mean_ + (predicted - self.mean_) @ self.components_.T @ self.components_
        return predicted.astype(np.float32)


class OneHotRidge(SimplePredictor):
    """Ridge regression on one-hot cell and compound; the penalty by leave-one-out within training.

    Parameters
    ----------
    alphas : tuple of float

    Attributes
    ----------
    alpha_ : float
    model_ : RidgeCV
    """

    def __init__(self, alphas: tuple[float, ...] = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)) -> None:
        self.alphas = alphas

    def _fit(self, cell: np.ndarray, compound: np.ndarray, values: np.ndarray) -> None:
        if isinstance(self.alphas, str) or not np.size(self.alphas):
            msg = f"alphas must be penalties to choose from; got {self.alphas!r}"
            raise DataError(msg)
        for alpha in np.atleast_1d(self.alphas):
            check_number("alphas", alpha, 1e-9, 1e12)
        self.model_ = RidgeCV(alphas=self.alphas).fit(self._one_hot(cell, compound), values)
        self.alpha_ = float(self.model_.alpha_)

    def _predict(self, cell: np.ndarray, compound: np.ndarray, rows: pd.DataFrame) -> np.ndarray:
        predicted = self.model_.predict(self._one_hot(cell, compound))
        # A table of one gene comes back without its second dimension.
        return predicted.reshape(len(cell), -1).astype(np.float32)

    def _one_hot(self, cell: np.ndarray, compound: np.ndarray) -> np.ndarray:
        n_cells = len(self.cells_)
        design = np.zeros((len(cell), n_cells + len(self.compounds_)), dtype=np.float32)
        for code, first in ((cell, 0), (compound, n_cells)):
            known = np.flatnonzero(code >= 0)
            design[known, first + code[known]] = 1
        return design


def group_means(code: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return the mean of the rows of each code, array (codes, genes)."""
    sums = np.zeros((int(code.max()) + 1, values.shape[1]))
    np.add.at(sums, code, values)
    return (sums / np.bincount(code)[:, None]).astype(np.float32)


def principal_axes(values: np.ndarray, k: int) -> np.ndarray:
    """Return the first ``k`` principal axes of centred rows, array (at most k, genes)."""
    # Through the Gram matrix: there are far fewer rows than genes.
    eigenvalues, vectors = np.linalg.eigh(values.astype(np.float64) @ values.T.astype(np.float64))
    order = np.argsort(eigenvalues)[::-1][:k]
    order = order[eigenvalues[order] > 1e-10 * max(eigenvalues.max(), 1e-300)]
    axes = vectors[:, order].T @ values
    return axes / np.linalg.norm(axes, axis=1, keepdims=True)
