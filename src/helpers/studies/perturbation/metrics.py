"""Metrics of predicted expression changes: signs, errors, and how they hang together.

Every score is kept row by row (a row is a cell with a compound) and averaged over rows, so that
any mean - all rows, one cell type, one compound, a bootstrap weighting - comes from one table.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from helpers.errors import DataError

#: Metric: (column of numerators, column of denominators, whether higher is better). A mean over rows
#: is the ratio of the two columns' means; without a denominator it is the plain mean.
METRICS: dict[str, tuple[str, str | None, bool]] = {
    "sign accuracy": ("right", None, True),
    "MAE": ("error", None, False),
    "MAE right": ("right_error", "right", False),
    "MAE wrong": ("wrong_error", "wrong", False),
    "MRRMSE": ("rmse", None, False),
    "Pearson": ("pearson", None, True),
    "sign accuracy, significant": ("significant_right", "significant", True),
    "three-class accuracy": ("three_right", None, True),
}


def row_scores(y: np.ndarray, p: np.ndarray, significant: float) -> pd.DataFrame:
    """Score predicted changes row by row.

    Parameters
    ----------
    y, p : array (rows, genes)
        Measured and predicted changes. NaN predictions count as 0.
    significant : float
        Absolute change above which a measured entry counts as significant.

    Returns
    -------
    DataFrame
        One row a row of ``y``: ``right`` and ``wrong`` (shares of genes whose sign is, and is not,
        the predicted one; a prediction of 0 is wrong), ``error`` (mean absolute error),
        ``right_error`` and ``wrong_error`` (its two parts, which add up to it), ``rmse``,
        ``pearson`` (0 where undefined), ``significant`` (1 if the row has significant entries),
        ``significant_right`` (share of them with the right sign, 0 without any) and ``three_right`` (share of
        genes in the right class of up, down and no response, for which both values are cut at
        ``significant``).

    Raises
    ------
    DataError
        If shapes differ, ``y`` has NaN, or a prediction is infinite.
    """
    y, p = _check(y, p)
    right = y * p > 0
    error = np.abs(y - p)
    large = np.abs(y) > significant
    counts = large.sum(axis=1)
    return pd.DataFrame(
        {
            "right": right.mean(axis=1),
            "wrong": (~right).mean(axis=1),
            "error": error.mean(axis=1),
            "right_error": np.where(right, error, 0).mean(axis=1),
            "wrong_error": np.where(right, 0, error).mean(axis=1),
            "rmse": np.sqrt((error**2).mean(axis=1)),
            "pearson": _pearson(y, p),
            "significant": (counts > 0).astype(float),
            "significant_right": (right & large).sum(axis=1) / np.maximum(counts, 1),
            "three_right": (three_classes(y, significant) == three_classes(p, significant)).mean(axis=1),
        }
    )


def mean_scores(table: pd.DataFrame, weights: np.ndarray | None = None) -> dict[str, float]:
    """Average row scores.

    Parameters
    ----------
    table : DataFrame
        :func:`row_scores`, or many of them.
    weights : array (rows,), optional
        How often each row counts.

    Returns
    -------
    dict
        :data:`METRICS`. ``MAE right`` and ``MAE wrong`` are over all entries with the right and the
        wrong sign, so that ``MAE = a x MAE right + (1 - a) x MAE wrong`` with ``a`` the sign
        accuracy; NaN where there are no such entries.
    """
    w = np.ones(len(table)) if weights is None else np.asarray(weights, dtype=float)
    scores = {}
    for metric, (top, bottom, _) in METRICS.items():
        below = w.sum() if bottom is None else w @ table[bottom].to_numpy()
        scores[metric] = float(w @ table[top].to_numpy() / below) if below > 0 else np.nan
    return scores


def mean_scores_by(table: pd.DataFrame, by: str | list[str]) -> pd.DataFrame:
    """Average row scores within groups, e.g. per cell type or per compound; one row a group."""
    parts = {key: mean_scores(part) for key, part in table.groupby(by, sort=False)}
    frame = pd.DataFrame.from_dict(parts, orient="index")
    names = [by] if isinstance(by, str) else by
    if isinstance(frame.index, pd.MultiIndex):
        frame.index.names = names
    else:
        frame.index.name = names[0]
    return frame.reset_index()


def additive_share(grid: np.ndarray) -> float:
    """Share of the variance of a full table of predictions that cell plus compound explain.

    Parameters
    ----------
    grid : array (cells, compounds, genes)

    Returns
    -------
    float
        1 where the table is additive, gene by gene; NaN where nothing varies.
    """
    grid = np.asarray(grid, dtype=float)
    centred = grid - grid.mean(axis=(0, 1))
    rest = centred - centred.mean(axis=0) - centred.mean(axis=1)[:, None]
    total = (centred**2).sum()
    return float(1 - (rest**2).sum() / total) if total > 0 else np.nan


def three_classes(values: np.ndarray, threshold: float) -> np.ndarray:
    """Class of each value: 1 up, -1 down, 0 no response, which is anything up to the threshold."""
    return np.sign(values) * (np.abs(values) > threshold)


def _pearson(y: np.ndarray, p: np.ndarray) -> np.ndarray:
    a, b = (values - values.mean(axis=1, keepdims=True) for values in (y, p))
    length = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    # A constant prediction leaves rounding noise after centring.
    usable = length > 1e-9 * max(np.abs(a).max(), 1.0) * a.shape[1] ** 0.5
    return np.divide(np.einsum("ij,ij->i", a, b), length, out=np.zeros(len(a)), where=usable)


def _check(y: np.ndarray, p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    y, p = np.asarray(y, dtype=float), np.asarray(p, dtype=float)
    if y.ndim != 2 or p.shape != y.shape or y.size == 0:
        msg = f"changes must be two non-empty tables of one shape, rows x genes; got {y.shape} and {p.shape}"
        raise DataError(msg)
    if not np.isfinite(y).all():
        msg = f"measured changes hold {int((~np.isfinite(y)).sum())} NaN or infinite value(s)"
        raise DataError(msg)
    p = np.where(np.isnan(p), 0.0, p)
    if np.isinf(p).any():
        msg = f"{int(np.isinf(p).sum())} predicted change(s) are infinite"
        raise DataError(msg)
    return y, p
