"""Checks of gene tables that all parts of the GPDS pipeline share."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import pandas as pd

from helpers.errors import DataError

Table: TypeAlias = pd.DataFrame | np.ndarray


class GeneTable:
    """Mixin: remember the genes of ``fit`` and refuse other genes, or another order, afterwards.

    A network that gets its genes in another order answers without complaint; hence the check.
    """

    def _learn_genes(self, X: Table) -> np.ndarray:
        """Return the values of ``X`` and store ``n_features_in_`` and, for a DataFrame, the names."""
        values = gene_values(X, type(self).__name__)
        self.n_features_in_ = values.shape[1]
        if isinstance(X, pd.DataFrame):
            self.feature_names_in_ = X.columns.to_numpy(object)
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_
        return values

    def _check_genes(self, X: Table) -> np.ndarray:
        """Return the values of ``X`` after a comparison of its genes with those of ``fit``."""
        who = type(self).__name__
        values = gene_values(X, who)
        if values.shape[1] != self.n_features_in_:
            msg = f"{who} was fitted on {self.n_features_in_} genes, got {values.shape[1]}; select the same"
            raise DataError(msg)
        names = getattr(self, "feature_names_in_", None)
        if names is not None and isinstance(X, pd.DataFrame) and not np.array_equal(names, X.columns):
            unknown = [gene for gene in X.columns if gene not in set(names)]
            problem = f"unknown gene(s) {unknown[:3]}" if unknown else "the same genes in another order"
            msg = f"{who}: {problem}; index the table with the fitted genes, feature_names_in_"
            raise DataError(msg)
        return values


def gene_values(X: Table, who: str) -> np.ndarray:
    """Return a table as a finite 2-D array of floats.

    Raises
    ------
    DataError
        If it is empty, has not two dimensions, or holds NaN or infinite values.
    """
    values: np.ndarray = np.asarray(X)
    if values.ndim != 2 or 0 in values.shape:
        msg = f"{who}: expected a table rows x genes, got shape {values.shape}"
        raise DataError(msg)
    if values.dtype.kind not in "fiub":
        msg = f"{who}: the table holds {values.dtype} values, expected numbers"
        raise DataError(msg)
    values = values.astype(np.float32 if values.dtype == np.float32 else np.float64, copy=False)
    if not np.isfinite(values).all():
        msg = (
            f"{who}: {int((~np.isfinite(values)).sum())} NaN or infinite value(s); drop or impute them first"
        )
        raise DataError(msg)
    return values


def check_target(y: np.ndarray, rows: int, who: str) -> np.ndarray:
    """Return the response as a finite column of ``rows`` floats.

    Raises
    ------
    DataError
    """
    y = np.asarray(y, dtype=float)
    if y.shape != (rows,):
        msg = f"{who}: the response has shape {y.shape}, expected ({rows},): one value a line"
        raise DataError(msg)
    if not np.isfinite(y).all():
        msg = f"{who}: {int((~np.isfinite(y)).sum())} of {rows} responses are missing; drop these lines first"
        raise DataError(msg)
    return y
