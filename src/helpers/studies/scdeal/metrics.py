"""Metrics of predicted drug response of single cells, per cell and per cell line.

Positive class = sensitive (1), as in scDEAL; :mod:`helpers.evaluation.metrics` counts resistant as
positive.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.metrics import (
    adjusted_mutual_info_score,
    adjusted_rand_score,
    average_precision_score,
    matthews_corrcoef,
    precision_recall_fscore_support,
    roc_auc_score,
)

from helpers.bounds import check_number
from helpers.checks import as_numbers, check_same_rows
from helpers.errors import DataError
from helpers.evaluation.metrics import weighted_metric
from helpers.evaluation.statistics import Comparison, cluster_bootstrap

#: Names as printed. Precision, recall and F1 without a class are class-weighted, as published.
CELL_METRICS = (
    "Precision",
    "Recall",
    "F1",
    "F1 macro",
    "F1 sensitive",
    "F1 resistant",
    "AUROC",
    "AUROC hard",
    "AP",
    "AMI",
    "ARI",
    "MCC",
)


def cell_metrics(y: np.ndarray, score: np.ndarray, predicted: np.ndarray | None = None) -> dict[str, float]:
    """Compute every metric of the chapter.

    Parameters
    ----------
    y : array (cells,) of 0 (resistant) and 1 (sensitive)
    score : array (cells,)
        Score of the sensitive class, higher = more sensitive.
    predicted : array (cells,) of 0 and 1, optional
        Hard answer. Default: 1 where the score exceeds 0.5. scDEAL's two outputs need not sum to 1
        and its answer is the larger of them, so it passes its own.

    Returns
    -------
    dict
        Keys :data:`CELL_METRICS`. ``AUROC hard`` is the area under the one-point curve of the hard
        answer (balanced accuracy), which the authors' notebooks call AUROC. AMI uses the arithmetic
        normaliser. AUROC, ``AUROC hard`` and AP are NaN with one class; precision and F1 are 0 where
        a class is never predicted, and MCC is 0 where labels or answers are all equal.

    Raises
    ------
    DataError
        If shapes differ, labels or answers are not 0 and 1, or a score is NaN.
    """
    y, score, predicted = _checked(y, score, predicted)
    precision, recall, f1, support = precision_recall_fscore_support(
        y, predicted, labels=[0, 1], zero_division=0
    )
    share = support / support.sum()
    both = support.min() > 0
    return {
        "Precision": float(precision @ share),
        "Recall": float(recall @ share),
        "F1": float(f1 @ share),
        "F1 macro": float(f1.mean()),
        "F1 sensitive": float(f1[1]),
        "F1 resistant": float(f1[0]),
        "AUROC": float(roc_auc_score(y, score)) if both else np.nan,
        "AUROC hard": float(recall.mean()) if both else np.nan,
        "AP": float(average_precision_score(y, score)) if both else np.nan,
        "AMI": float(adjusted_mutual_info_score(y, predicted)),
        "ARI": float(adjusted_rand_score(y, predicted)),
        # Zero by convention where either side has one class; scikit-learn then warns about its table.
        "MCC": float(matthews_corrcoef(y, predicted)) if len({*y}) == len({*predicted}) == 2 else 0.0,
    }


def chance_levels(y: np.ndarray) -> dict[str, float]:
    """Give what an answer without any information scores.

    Parameters
    ----------
    y : array (cells,) of 0 and 1

    Returns
    -------
    dict
        ``AP`` (the share of sensitive cells, the expectation of average precision for a random order of
        many cells), ``AUROC`` (0.5) and ``F1``, the class-weighted F1 of the better of the two answers
        "all sensitive" and "all resistant".
    """
    y, _, _ = _checked(y, np.zeros(np.shape(y)), None)
    return {"AP": float(y.mean()), "AUROC": 0.5, "F1": constant_f1(float(y.mean()))}


def constant_f1(share: float) -> float:
    """Class-weighted F1 of the better answer that is the same for all cells.

    Parameters
    ----------
    share : float
        Share of either class, between 0 and 1.

    Raises
    ------
    DataError
        If the share is outside 0 to 1.

    Examples
    --------
    >>> round(constant_f1(37 / 507), 3)
    0.892
    """
    check_number("the share of a class", share, 0, 1)
    majority = max(share, 1 - share)
    return 2 * majority**2 / (1 + majority)


def line_table(
    y: np.ndarray, score: np.ndarray, lines: np.ndarray, predicted: np.ndarray | None = None
) -> pd.DataFrame:
    """Reduce the cells of each line to one row: the majority of answers and the mean score.

    For labels that come from the line, the line is the unit: cells repeat it.

    Parameters
    ----------
    y, score, predicted
        As in :func:`cell_metrics`.
    lines : array (cells,)
        Line of each cell.

    Returns
    -------
    DataFrame
        One row a line, sorted: ``line``, ``n`` cells, ``sensitive``, ``score`` (mean), ``sensitive_share``
        (of the hard answers), ``majority`` (1 where that share exceeds a half).

    Raises
    ------
    DataError
        As :func:`cell_metrics`; also if a line has cells of both labels.
    """
    check_same_rows(y, lines, "labels and lines of cells")
    y, score, predicted = _checked(y, score, predicted)
    lines = _line_names(lines, len(y)).astype(str)
    cells = pd.DataFrame({"line": lines, "y": y, "score": score, "predicted": predicted})
    groups = cells.groupby("line")
    mixed = groups["y"].nunique().loc[lambda count: count > 1].index
    if len(mixed):
        msg = f"line(s) {list(mixed[:3])} have cells of both labels: they have no line metrics"
        raise DataError(msg)
    table = groups.agg(
        n=("y", "size"),
        sensitive=("y", "first"),
        score=("score", "mean"),
        sensitive_share=("predicted", "mean"),
    )
    table["majority"] = (table["sensitive_share"] > 0.5).astype(int)
    return table.reset_index()


def line_metrics(
    y: np.ndarray, score: np.ndarray, lines: np.ndarray, predicted: np.ndarray | None = None
) -> dict[str, float]:
    """Compute :func:`cell_metrics` over lines: mean score and majority answer of each, each line once."""
    table = line_table(y, score, lines, predicted)
    return cell_metrics(table["sensitive"], table["score"], table["majority"])


def auroc_by_line(
    y: np.ndarray, scores: np.ndarray, lines: np.ndarray, n_boot: int = 1000, seed: int = 0
) -> Comparison:
    """AUROC over cells, averaged over runs, with an interval from resampling whole lines.

    Parameters
    ----------
    y : array (cells,) of 0 and 1
    scores : array (cells,) or (runs, cells)
        Scores of one run, or of several (seeds) that are averaged as AUROC, not as score.
    lines : array (cells,)
    n_boot, seed : int

    Raises
    ------
    DataError
        If there are fewer than two lines, or most resamples hold one class only; if labels, scores or lines
        are not one a cell.
    """
    for other, what in ((scores, "scores"), (lines, "lines")):
        check_same_rows(y, other, f"labels and {what} of cells")
    scores, named = as_numbers(scores, "scores"), _line_names(lines, len(np.atleast_1d(y)))
    runs = [weighted_metric("AUCROC", np.asarray(y), score) for score in np.atleast_2d(scores)]
    return cluster_bootstrap(
        lambda weights: float(np.mean([run(weights) for run in runs])), named, n_boot, seed
    )


def _line_names(lines: np.ndarray, n: int) -> np.ndarray:
    lines = np.asarray(lines)
    if lines.shape != (n,) or pd.isna(lines).any():
        msg = f"lines must name the line of each of {n} cells; got shape {lines.shape}, or missing names"
        raise DataError(msg)
    return lines


def _checked(
    y: np.ndarray, score: np.ndarray, predicted: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    for other, what in ((score, "scores"), (predicted, "hard answers")):
        check_same_rows(y, other, f"labels and {what}")
    y, score = np.asarray(y), as_numbers(score, "scores")
    if y.ndim != 1 or len(y) == 0 or score.shape != y.shape:
        msg = f"labels and scores must be non-empty columns of one length; got {y.shape} and {score.shape}"
        raise DataError(msg)
    if not np.isin(y, (0, 1)).all():
        msg = f"labels must be 0 (resistant) or 1 (sensitive); got {np.unique(y)[:5]}; drop unlabelled cells"
        raise DataError(msg)
    if not np.isfinite(score).all():
        n_nan, n_inf = int(np.isnan(score).sum()), int(np.isinf(score).sum())
        msg = f"scores hold {n_nan} NaN of {len(score)} and {n_inf} infinite values"
        raise DataError(msg)
    predicted = score > 0.5 if predicted is None else np.asarray(predicted)
    if predicted.shape != y.shape or not np.isin(predicted, (0, 1)).all():
        msg = f"hard answers must be {len(y)} values 0 or 1; got shape {predicted.shape}"
        raise DataError(msg)
    return y.astype(int), score, predicted.astype(int)
