"""Metrics of predicted expression changes: signs, errors, and how they hang together.

Every score is kept row by row (a row is a cell with a compound) and averaged over rows, so that
any mean - all rows, one cell type, one compound, a bootstrap weighting - comes from one table.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pandas as pd

from helpers.bounds import check_number
from helpers.checks import as_numbers, check_records, check_same_rows, refuse
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


#: Columns of row scores that means are made of.
SCORES = tuple(sorted({column for top, bottom, _ in METRICS.values() for column in (top, bottom) if column}))


def check_scores(
    scores: pd.DataFrame,
    names: Collection[str],
    models: Collection[str] = (),
    values: Collection[str] = SCORES,
) -> None:
    """Refuse a table of row scores that lacks a model, one of the columns ``names``, or a number."""
    check_records(scores, (*names, *(("model",) if models else ())), values, "scores")
    missing = sorted(set(models) - set(scores["model"])) if models else []
    if missing:
        refuse("scores", f"no model {', '.join(map(repr, missing))}; it has {list(scores['model'].unique())}")


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
        If shapes or the names of rows differ, ``y`` has NaN, a prediction is infinite, or the threshold is no
        number.
    """
    check_number("significant", significant, 0)
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

    Raises
    ------
    DataError
        If a score is missing or no number, or the weights do not say how often each row counts.
    """
    check_records(table, (), SCORES, "row scores")
    w = np.ones(len(table)) if weights is None else as_numbers(weights, "weights", finite=True)
    if w.shape != (len(table),) or (w < 0).any():
        refuse("weights", f"must say how often each of {len(table)} rows counts; got shape {w.shape}")
    return means_of(table, w)


def means_of(table: pd.DataFrame, weights: np.ndarray | None = None) -> dict[str, float]:
    """:func:`mean_scores` of a table and weights that were checked."""
    w = np.ones(len(table)) if weights is None else weights
    scores = {}
    for metric, (top, bottom, _) in METRICS.items():
        below = w.sum() if bottom is None else w @ table[bottom].to_numpy()
        scores[metric] = float(w @ table[top].to_numpy() / below) if below > 0 else np.nan
    return scores


def mean_scores_by(table: pd.DataFrame, by: str | list[str]) -> pd.DataFrame:
    """Average row scores within groups, e.g. per cell type or per compound; one row a group."""
    check_scores(table, [by] if isinstance(by, str) else by)
    parts = {key: means_of(part) for key, part in table.groupby(by, sort=False)}
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

    Raises
    ------
    DataError
        If the table is no array (cells, compounds, genes) of finite numbers.
    """
    grid = as_numbers(grid, "predictions", finite=True)
    if grid.ndim != 3 or not grid.size:
        refuse("predictions", f"must have the shape (cells, compounds, genes); got {grid.shape}")
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
    check_same_rows(y, p, "measured and predicted changes")
    if isinstance(y, pd.DataFrame) and isinstance(p, pd.DataFrame):
        check_same_rows(y.T, p.T, "genes of measured and predicted changes")
    y, p = as_numbers(y, "measured changes"), as_numbers(p, "predicted changes")
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
