"""Correlations of many columns at once, over the rows that were measured."""

from __future__ import annotations

import numpy as np
from scipy import stats

from helpers.checks import as_matrix, as_numbers, check_same_rows, refuse


def pearson_scores(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Pearson correlation of every gene with every response, over the lines that have it.

    Parameters
    ----------
    x : array (lines, genes)
    y : array (lines, drugs), NaN where not measured

    Returns
    -------
    array (genes, drugs); 0 for a constant gene or response

    Raises
    ------
    DataError
        If ``x`` is not finite, ``y`` is infinite, or they are no tables of the same lines.
    """
    _check(x, y)
    return _pearson(x, y)


def _check(x: np.ndarray, y: np.ndarray) -> None:
    check_same_rows(x, y, "x and y")
    n = len(as_matrix(x, "x"))
    values = as_numbers(y, "y")
    if values.ndim != 2 or len(values) != n or np.isinf(values).any():
        refuse("y", f"must be a table of {n} lines, NaN where not measured; got shape {values.shape}")


def _pearson(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    known = ~np.isnan(y)
    x = x - x.mean(axis=0)
    y = np.where(known, y - np.nanmean(y, axis=0), 0.0)
    n = known.sum(axis=0)
    mean_x = x.T @ known / n
    cross = x.T @ y - mean_x * y.sum(axis=0)
    var_x = np.maximum((x**2).T @ known - n * mean_x**2, 0)
    var_y = (y**2).sum(axis=0) - y.sum(axis=0) ** 2 / n
    scale = np.sqrt(var_x * np.maximum(var_y, 0))
    tiny = 1e-12 * np.sqrt((x**2).sum(axis=0)[:, None] * np.maximum(var_y, 0) + 1e-300)
    return np.divide(cross, scale, out=np.zeros_like(cross), where=scale > tiny)


def spearman_scores(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Spearman correlation; shapes and errors as :func:`pearson_scores`."""
    _check(x, y)
    result = np.empty((x.shape[1], y.shape[1]))
    for j in range(y.shape[1]):
        known = ~np.isnan(y[:, j])
        ranks = stats.rankdata(x[known], axis=0)
        result[:, j] = _pearson(ranks, stats.rankdata(y[known, j])[:, None])[:, 0]
    return result


def partial_scores(x: np.ndarray, y: np.ndarray, covariates: np.ndarray) -> np.ndarray:
    """Pearson correlation of what a linear model of the covariates leaves over.

    Parameters
    ----------
    x, y
        As :func:`pearson_scores`.
    covariates : array (lines, c)
        An intercept is added.

    Raises
    ------
    DataError
        As :func:`pearson_scores`; also for the covariates.
    """
    _check(x, y)
    if len(as_matrix(covariates, "covariates")) != len(x):
        refuse("covariates", f"have {len(covariates)} rows, x has {len(x)} lines")
    result = np.empty((x.shape[1], y.shape[1]))
    design = np.column_stack([np.ones(len(x)), covariates])
    for j in range(y.shape[1]):
        known = ~np.isnan(y[:, j])
        both = np.column_stack([x[known], y[known, j]])
        left = both - design[known] @ np.linalg.lstsq(design[known], both, rcond=None)[0]
        result[:, j] = _pearson(left[:, :-1], left[:, -1:])[:, 0]
    return result


def masked_spearman(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Spearman correlation along the first axis, over the rows where both are known.

    Parameters
    ----------
    a, b : arrays (rows, ...)
        Shapes that broadcast; NaN where missing.

    Returns
    -------
    array
        Without the first axis; NaN where a column is constant or has fewer than 3 rows.
    """
    a, b = np.broadcast_arrays(np.asarray(a, float), np.asarray(b, float))
    known = ~(np.isnan(a) | np.isnan(b))
    n = known.sum(axis=0)
    deviations = []
    for values in (a, b):
        # Missing rows rank behind all others, so the ranks of the known ones are right.
        rank = stats.rankdata(np.where(known, values, np.inf), axis=0)
        mean = np.where(known, rank, 0).sum(axis=0) / np.maximum(n, 1)
        deviations.append(np.where(known, rank - mean, 0))
    covariance = (deviations[0] * deviations[1]).sum(axis=0)
    scale = np.sqrt((deviations[0] ** 2).sum(axis=0) * (deviations[1] ** 2).sum(axis=0))
    usable = (scale > 0) & (n >= 3)
    return np.where(usable, covariance / np.where(usable, scale, 1), np.nan)
