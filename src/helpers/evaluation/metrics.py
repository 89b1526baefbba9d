"""Classification metrics under the published names, pooled and per group.

Positive class = resistant (1).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from sklearn.metrics import average_precision_score, precision_recall_fscore_support, roc_auc_score

from helpers.errors import DataError

#: Names as the papers print them.
METRICS = ("Accuracy", "AUCROC", "Precision", "Recall", "F1", "AUCPR")


def classification_metrics(y: np.ndarray, p: np.ndarray, threshold: float = 0.5) -> dict[str, float]:
    """Compute the six metrics of RefDNN.

    Parameters
    ----------
    y : array (n,) of 0 and 1
    p : array (n,)
        Probability (or score) of class 1.
    threshold : float
        Class 1 is predicted where ``p > threshold``.

    Returns
    -------
    dict
        Keys :data:`METRICS`. AUCPR is average precision (step-wise, no interpolation). AUCROC and
        AUCPR are NaN when only one class is present; precision, recall and F1 are 0 where their
        denominator is 0.

    Raises
    ------
    DataError
        If shapes differ, labels are not 0 and 1, or ``p`` has NaN.
    """
    y, p = _check(y, p)
    predicted = (p > threshold).astype(int)
    precision, recall, f1, _ = precision_recall_fscore_support(
        y, predicted, average="binary", zero_division=0
    )
    both = 0 < y.sum() < len(y)
    return {
        "Accuracy": float((predicted == y).mean()),
        "AUCROC": float(roc_auc_score(y, p)) if both else np.nan,
        "Precision": float(precision),
        "Recall": float(recall),
        "F1": float(f1),
        "AUCPR": float(average_precision_score(y, p)) if both else np.nan,
    }


def group_auroc(
    y: np.ndarray, p: np.ndarray, groups: np.ndarray, strata: np.ndarray | None = None
) -> pd.DataFrame:
    """Area under the ROC curve within each group, e.g. each drug.

    Parameters
    ----------
    y : array (n,) of 0 and 1
    p : array (n,)
    groups : array (n,)
    strata : array (n,), optional
        Only pairs of one stratum are compared with each other, and their wins are summed over the strata
        of a group. Scores of different fits, e.g. of left-out cancer types, are on different scales: a model
        that scores all pairs of a fit alike then has an AUROC of 0.5, whatever it scores them.

    Returns
    -------
    DataFrame
        One row a group, sorted: ``group``, ``auroc`` (NaN if no two pairs can be compared), ``n`` pairs and
        ``n_minority``, the size of the smaller class.
    """
    y, p = _check(y, p)
    names, code = np.unique(_check_groups(groups, len(y)), return_inverse=True)
    n, positive = np.bincount(code), np.bincount(code, weights=y)
    cell = code
    if strata is not None:
        cell = joint_code(code, _check_groups(strata, len(y)))
    group_of_cell = np.zeros(cell.max() + 1, dtype=int)
    group_of_cell[cell] = code
    rank = pd.Series(p).groupby(cell).rank().to_numpy()
    resistant = np.bincount(cell, weights=y)
    won = np.bincount(cell, weights=rank * y) - resistant * (resistant + 1) / 2
    wins = np.bincount(group_of_cell, weights=won)
    comparable = np.bincount(group_of_cell, weights=resistant * (np.bincount(cell) - resistant))
    auroc = np.divide(wins, comparable, out=np.full(len(names), np.nan), where=comparable > 0)
    minority = np.minimum(positive, n - positive).astype(int)
    return pd.DataFrame({"group": names, "auroc": auroc, "n": n, "n_minority": minority})


def joint_code(*columns: np.ndarray) -> np.ndarray:
    """Give each distinct row of several columns (n,) of ids a number, in sorted order."""
    joint = np.zeros(len(columns[0]), dtype=np.int64)
    for column in columns:
        code, values = pd.factorize(column, sort=True)
        joint = np.unique(joint * len(values) + code, return_inverse=True)[1]
    return joint


def within_group_auroc(y: np.ndarray, p: np.ndarray, groups: np.ndarray, min_minority: int = 1) -> float:
    """Mean over groups of the AUROC within a group (each group counts once).

    Unlike the pooled AUROC it gives no credit for knowing a drug's average. Groups whose smaller
    class has fewer than ``min_minority`` pairs, or is empty, are left out; NaN if none is left.
    """
    table = group_auroc(y, p, groups)
    keep = table.loc[table["n_minority"] >= max(min_minority, 1), "auroc"]
    return float(keep.mean()) if len(keep) else np.nan


def weighted_metric(
    name: str,
    y: np.ndarray,
    p: np.ndarray,
    *,
    groups: np.ndarray | None = None,
    threshold: float = 0.5,
) -> Callable[[np.ndarray], float]:
    """Prepare a metric as a function of row weights; the sort is done once.

    Made for :func:`helpers.evaluation.statistics.cluster_bootstrap`, which asks for the same metric
    under a thousand weightings.

    Parameters
    ----------
    name : str
        One of :data:`METRICS`.
    y, p : arrays (n,)
    groups : array (n,), optional
        Only for ``"AUCROC"``: give the mean of the AUROC within groups, over groups where both
        classes have weight.
    threshold : float
        As in :func:`classification_metrics`.

    Returns
    -------
    callable
        ``metric(weights) -> float``; with unit weights equal to :func:`classification_metrics`.
    """
    y, p = _check(y, p)
    if name not in METRICS:
        msg = f"unknown metric {name!r}; one of {', '.join(METRICS)}"
        raise DataError(msg)
    if groups is not None and name != "AUCROC":
        msg = f"groups are for AUCROC only, not {name}"
        raise DataError(msg)
    if name == "AUCROC":
        return _weighted_auroc(y, p, groups)
    if name == "AUCPR":
        return _weighted_average_precision(y, p)
    return _weighted_threshold_metric(name, y == 1, p > threshold)


def weighted_group_wins(
    y: np.ndarray, p: np.ndarray, groups: np.ndarray
) -> Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Prepare the counts behind the AUROC of each group as a function of row weights; the sort is done once.

    Returns
    -------
    callable
        ``counts(weights) -> wins, pairs``, arrays (groups,), groups sorted: comparisons of a positive with a
        negative row, and how many of them the positive row wins (ties count half). Their ratio is the AUROC;
        sums over several groups give the AUROC stratified by these groups.
    """
    # Measured on 88,000 rows: a twentieth of the time of the same in numpy. Numba is slow to import.
    from helpers.evaluation.wins import count_wins

    y, p = _check(y, p)
    names, code = np.unique(_check_groups(groups, len(y)), return_inverse=True)
    order = np.lexsort((p, code))
    positive, group = y[order] == 1, code[order]
    starts = _tie_starts(group, p[order])

    def counts(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return count_wins(np.asarray(weights, dtype=float), order, positive, group, starts, len(names))

    return counts


def _weighted_auroc(y: np.ndarray, p: np.ndarray, groups: np.ndarray | None) -> Callable[[np.ndarray], float]:
    counts = weighted_group_wins(y, p, np.zeros(len(y), dtype=int) if groups is None else groups)

    def metric(weights: np.ndarray) -> float:
        wins, pairs = counts(weights)
        usable = pairs > 0
        return float((wins[usable] / pairs[usable]).mean()) if usable.any() else np.nan

    return metric


def _weighted_average_precision(y: np.ndarray, p: np.ndarray) -> Callable[[np.ndarray], float]:
    order = np.argsort(-p, kind="stable")
    first = np.flatnonzero(np.diff(p[order], prepend=np.inf))
    is_positive = y[order] == 1

    def metric(weights: np.ndarray) -> float:
        w = np.asarray(weights, dtype=float)[order]
        positive = np.add.reduceat(np.where(is_positive, w, 0.0), first)
        predicted = np.cumsum(np.add.reduceat(w, first))
        total = positive.sum()
        if total == 0 or total == predicted[-1]:
            return np.nan
        precision = np.divide(np.cumsum(positive), predicted, out=np.zeros(len(first)), where=predicted > 0)
        return float((positive * precision).sum() / total)

    return metric


def _weighted_threshold_metric(
    name: str, actual: np.ndarray, predicted: np.ndarray
) -> Callable[[np.ndarray], float]:
    def metric(weights: np.ndarray) -> float:
        w = np.asarray(weights, dtype=float)
        hit = w[actual & predicted].sum()
        if name == "Accuracy":
            return _ratio(w[actual == predicted].sum(), w.sum())
        if name == "Precision":
            return _ratio(hit, w[predicted].sum())
        if name == "Recall":
            return _ratio(hit, w[actual].sum())
        return _ratio(2 * hit, w[predicted].sum() + w[actual].sum())

    return metric


def _ratio(part: float, whole: float) -> float:
    return float(part / whole) if whole > 0 else 0.0


def _tie_starts(code: np.ndarray, p: np.ndarray) -> np.ndarray:
    """Mark where a new (group, score) value starts in sorted rows."""
    starts = np.ones(len(p), dtype=bool)
    starts[1:] = (code[1:] != code[:-1]) | (p[1:] != p[:-1])
    return starts


def _check(y: np.ndarray, p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    y, p = np.asarray(y), np.asarray(p, dtype=float)
    if y.ndim != 1 or p.shape != y.shape or len(y) == 0:
        msg = f"labels and scores must be non-empty columns of one length; got {y.shape} and {p.shape}"
        raise DataError(msg)
    if not np.isin(y, (0, 1)).all():
        msg = f"labels must be 0 (sensitive) or 1 (resistant); got {np.unique(y)[:5]}"
        raise DataError(msg)
    if not np.isfinite(p).all():
        n = int(np.isnan(p).sum())
        msg = f"scores hold {n} NaN of {len(p)} and {int(np.isinf(p).sum())} infinite values"
        raise DataError(msg)
    return y.astype(np.int64), p


def _check_groups(groups: np.ndarray, n: int) -> np.ndarray:
    groups = np.asarray(groups)
    if groups.shape != (n,):
        msg = f"groups must be a column of {n} entries; got shape {groups.shape}"
        raise DataError(msg)
    return groups.astype(str) if groups.dtype == object else groups
