"""The study's gene filter: a cut on the mean and a cut on the variance over lines."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.utils.validation import check_is_fitted

from helpers.bounds import check_number
from helpers.checks import refuse
from helpers.errors import DataError
from helpers.evaluation.contract import Table, fit_table, new_table

_Steps = list[tuple[str, BaseEstimator]]
# log2(TPM + 1) ends near 20: one transcript with all of a million reads.
_LARGEST_LOG = 25.0


class MeanVarianceFilter(TransformerMixin, BaseEstimator):
    """Keep the genes whose mean and variance over the fitted lines reach the two cut lines.

    The study cut at mean 1.9, between the two modes of the density of means, and at ln(variance) 0,
    over all lines. Here ``fit`` sees the training lines only.

    Parameters
    ----------
    min_mean : float
        Smallest mean kept, in the units of the expression, log2(TPM + 1).
    min_log_variance : float
        Smallest natural logarithm of the variance (n - 1 form) kept.

    Attributes
    ----------
    support_ : array (genes,) of bool
    table_ : DataFrame, genes x (mean, variance, log_variance, kept)
        What the scatter and the two densities show; log_variance is -inf for a constant gene.

    Examples
    --------
    >>> x = pd.DataFrame({"A": [0.0, 6.0, 3.0], "B": [0.1, 0.2, 0.1], "C": [5.0, 5.1, 5.2]})
    >>> list(MeanVarianceFilter().set_output(transform="pandas").fit_transform(x).columns)
    ['A']
    """

    def __init__(self, min_mean: float = 1.9, min_log_variance: float = 0.0) -> None:
        self.min_mean = min_mean
        self.min_log_variance = min_log_variance

    def fit(self, X: Table, y: object = None) -> MeanVarianceFilter:
        """Learn which genes pass.

        Raises
        ------
        DataError
            If the values cannot be log2(TPM + 1), there are fewer than two lines, or no gene passes.
        """
        for name in ("min_mean", "min_log_variance"):
            check_number(name, getattr(self, name))
        values = fit_table(self, X, y)
        if values.min() < 0 or values.max() > _LARGEST_LOG:
            msg = (
                f"MeanVarianceFilter expects log2(TPM + 1), 0 to {_LARGEST_LOG:g}; got values from "
                f"{values.min():.3g} to {values.max():.3g}: counts and TPM need a logarithm, "
                "z-scores cannot be used"
            )
            raise DataError(msg)
        if len(values) < 2:
            msg = "MeanVarianceFilter needs at least two lines to compute a variance"
            raise DataError(msg)
        mean, variance = values.mean(axis=0, dtype=float), values.var(axis=0, ddof=1, dtype=float)
        with np.errstate(divide="ignore"):
            log_variance = np.log(variance)
        self.support_ = (mean >= self.min_mean) & (log_variance >= self.min_log_variance)
        if not self.support_.any():
            msg = (
                f"no gene has mean >= {self.min_mean:g} and ln(variance) >= {self.min_log_variance:g}; "
                f"the largest are {mean.max():.3g} and {log_variance.max():.3g}: lower a cut line"
            )
            raise DataError(msg)
        genes = getattr(self, "feature_names_in_", np.arange(self.n_features_in_))
        self.table_ = pd.DataFrame(
            {"mean": mean, "variance": variance, "log_variance": log_variance, "kept": self.support_},
            index=pd.Index(genes, name="gene"),
        )
        return self

    def transform(self, X: Table) -> np.ndarray:
        """Return the columns of the genes kept."""
        check_is_fitted(self, "support_")
        return new_table(self, X)[:, self.support_]

    def get_feature_names_out(self, input_features: object = None) -> np.ndarray:
        """Names of the genes kept (their positions if ``fit`` saw no names)."""
        check_is_fitted(self, "support_")
        return self.table_.index[self.support_].to_numpy(object)


def filter_steps(gene_filter: bool | MeanVarianceFilter = True) -> _Steps:
    """Return the first steps of a pipeline: the study's filter, another one, or (False) none."""
    if isinstance(gene_filter, MeanVarianceFilter):
        return [("filter", clone(gene_filter))]
    if not isinstance(gene_filter, bool):
        refuse("gene_filter", f"must be True, False or a MeanVarianceFilter, got {gene_filter!r}")
    return [("filter", MeanVarianceFilter())] if gene_filter else []
