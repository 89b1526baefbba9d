"""Equal-frequency binning: a value is replaced by the number of its bin."""

from __future__ import annotations

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from helpers.bounds import check_number
from helpers.errors import ParameterError
from helpers.evaluation.contract import Table, fit_table, new_table

SCOPES = ("gene", "line", "global", "none")
TIES = ("average", "drop")


class EqualFrequencyBinner(TransformerMixin, BaseEstimator):
    """Replace values by bin numbers 0 to ``n_bins - 1``, each bin holding about as many values.

    The report bins into 20 and does not say over what; both readings are options. Bins are learnt from
    the fitted lines; new lines get the bin that their value has among the fitted ones.

    Parameters
    ----------
    n_bins : int
    scope : {"gene", "line", "global", "none"}
        Over what frequencies are equal: the lines of a gene; the genes of a line (rank-like, learns
        nothing); all values of the table; or no binning at all.
    ties : {"average", "drop"}
        Equal values share a bin. ``"average"``: the bin of their average rank. ``"drop"``: bins between
        the distinct quantiles (pandas.qcut, duplicates dropped), so that a gene with many zeros has fewer
        bins and its zeros are in bin 0.

    Attributes
    ----------
    reference_ : array (lines, genes), or (values, 1) for ``"global"``
        Sorted fitted values.

    Examples
    --------
    >>> x = np.array([[0.0], [0.0], [1.0], [4.0]])
    >>> EqualFrequencyBinner(4).fit_transform(x).ravel().tolist()
    [1.0, 1.0, 2.0, 3.0]
    """

    def __init__(self, n_bins: int = 20, scope: str = "gene", ties: str = "average") -> None:
        self.n_bins = n_bins
        self.scope = scope
        self.ties = ties

    def fit(self, X: Table, y: object = None) -> EqualFrequencyBinner:
        """Learn the bins.

        Raises
        ------
        ParameterError
            If an option is unknown or there are fewer than two bins.
        DataError
            As :func:`helpers.evaluation.contract.fit_table`.
        """
        for name, value, allowed in (("scope", self.scope, SCOPES), ("ties", self.ties, TIES)):
            if value not in allowed:
                msg = f"{name}={value!r} is not one of {', '.join(allowed)}"
                raise ParameterError(msg)
        check_number("n_bins", self.n_bins, whole=True, error=ParameterError)
        if self.n_bins < 2:
            msg = f"n_bins must be at least 2, got {self.n_bins}"
            raise ParameterError(msg)
        values = fit_table(self, X, y)
        if self.scope == "gene":
            self.reference_ = np.sort(values, axis=0)
        elif self.scope == "global":
            self.reference_ = np.sort(values, axis=None)[:, None]
        else:
            self.reference_ = np.empty((0, 0), values.dtype)
        return self

    def transform(self, X: Table) -> np.ndarray:
        """Bin numbers as float32; the values themselves with scope ``"none"``."""
        check_is_fitted(self, "reference_")
        values = new_table(self, X)
        if self.scope == "none":
            return values
        if self.scope == "line":
            return self._bins(np.sort(values.T, axis=0), values.T).T
        if self.scope == "global":
            return self._bins(self.reference_, values.reshape(-1, 1)).reshape(values.shape)
        return self._bins(self.reference_, values)

    def get_feature_names_out(self, input_features: object = None) -> np.ndarray:
        """Names of the genes."""
        check_is_fitted(self, "reference_")
        return np.asarray(getattr(self, "feature_names_in_", np.arange(self.n_features_in_)), dtype=object)

    def _bins(self, reference: np.ndarray, values: np.ndarray) -> np.ndarray:
        """Bin each column of ``values`` by the sorted column of ``reference``."""
        one = self._average_bins if self.ties == "average" else self._distinct_bins
        columns = [one(reference[:, j], values[:, j]) for j in range(values.shape[1])]
        return np.stack(columns, axis=1).astype(np.float32)

    def _average_bins(self, reference: np.ndarray, values: np.ndarray) -> np.ndarray:
        below = np.searchsorted(reference, values, side="left")
        up_to = np.searchsorted(reference, values, side="right")
        # Twice the number of values below the middle of the ties; whole numbers keep the floor exact.
        return np.minimum(self.n_bins * (below + up_to) // (2 * len(reference)), self.n_bins - 1)

    def _distinct_bins(self, reference: np.ndarray, values: np.ndarray) -> np.ndarray:
        edges = np.unique(np.quantile(reference, np.linspace(0, 1, self.n_bins + 1)))
        return np.clip(np.searchsorted(edges, values, side="left") - 1, 0, max(len(edges) - 2, 0))
