"""Moderated t statistics of small groups, as limma has them, in the competition's unit."""

from __future__ import annotations

import numpy as np
from scipy.optimize import brentq
from scipy.special import digamma, polygamma
from scipy.stats import t as student

from helpers.checks import as_numbers, refuse
from helpers.errors import DataError

# p-values that underflow are set to this, as the competition did.
_SMALLEST_P = 2.2e-16


def prior_of_variances(variances: np.ndarray, df: float) -> tuple[float, float]:
    """Fit the scaled F distribution that residual variances of many genes follow.

    Smyth (2004), Statistical Applications in Genetics and Molecular Biology 3(1):3, section 6.2: the true
    variances are scaled inverse chi-square with ``d0`` degrees of freedom around ``s0``; both follow in
    closed form from the mean and the variance of the logarithms.

    Parameters
    ----------
    variances : array (genes,)
        Residual variances, positive, in the square of the unit of the data.
    df : float
        Their residual degrees of freedom.

    Returns
    -------
    d0 : float
        Infinite where the variances differ no more than by chance.
    s0 : float
        Prior variance.

    Raises
    ------
    DataError
        If there are fewer than two genes, a variance is not positive, or no degree of freedom.
    """
    variances, df = as_numbers(variances, "variances"), float(as_numbers(df, "df"))
    if (
        variances.ndim != 1
        or len(variances) < 2
        or not (variances > 0).all()
        or not 0 < df < np.inf
        or np.isinf(variances).any()
    ):
        msg = f"needs two positive variances or more with df > 0; got shape {variances.shape}, df {df}"
        raise DataError(msg)
    centred = np.log(variances) - digamma(df / 2) + np.log(df / 2)
    excess = centred.var(ddof=1) - polygamma(1, df / 2)
    if excess <= 0:
        return np.inf, float(np.exp(centred.mean()))
    half = np.exp(brentq(lambda x: polygamma(1, np.exp(x)) - excess, -40, 40))
    return float(2 * half), float(np.exp(centred.mean() + digamma(half) - np.log(half)))


def signed_log_p(values: np.ndarray, groups: np.ndarray, reference: str) -> dict[str, np.ndarray]:
    """Contrast every group of arrays with a reference group, gene by gene.

    One linear model with a mean a group; residual variances are shrunk towards their prior
    (:func:`prior_of_variances`), and p is two-sided from the t distribution with the degrees of freedom of
    both.

    Parameters
    ----------
    values : array (arrays, genes)
        Log2 expression.
    groups : array (arrays,) of str
    reference : str
        The controls' group.

    Returns
    -------
    dict
        Group -> sign(mean - mean of the reference) x -log10(p), array (genes,).

    Raises
    ------
    DataError
        If the reference has no array, there is no other group, or no group has two arrays, or values are no
        finite numbers with a group for each array.
    """
    values, groups = as_numbers(values, "values", finite=True), np.asarray(groups)
    if (
        values.ndim != 2
        or groups.shape != (len(values),)
        or any(group is None or group != group for group in groups)
    ):
        refuse("groups", f"must name a group for each array of {values.shape}; got shape {groups.shape}")
    names, code, counts = np.unique(groups, return_inverse=True, return_counts=True)
    df = len(groups) - len(names)
    if reference not in names or len(names) < 2 or df < 1:
        msg = f"needs {reference!r}, another group and a replicate; got {list(names)}"
        raise DataError(msg)
    means = np.array([values[code == i].mean(axis=0) for i in range(len(names))])
    residual = ((values - means[code]) ** 2).sum(axis=0) / df
    d0, s0 = prior_of_variances(residual, df)
    moderated = np.full_like(residual, s0) if np.isinf(d0) else (d0 * s0 + df * residual) / (d0 + df)
    at = {name: i for i, name in enumerate(names)}
    found = {}
    for name in names[names != reference]:
        change = means[at[name]] - means[at[reference]]
        error = np.sqrt(moderated * (1 / counts[at[name]] + 1 / counts[at[reference]]))
        p = 2 * student.sf(np.abs(change) / error, d0 + df)
        found[str(name)] = -np.sign(change) * np.log10(np.maximum(p, _SMALLEST_P))
    return found
