"""How close a predicted expression profile is: rank correlations of profiles and of changes."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from helpers.bounds import check_number
from helpers.checks import as_numbers, check_same_rows, refuse
from helpers.data.pair_types import PerturbationPairs
from helpers.errors import DataError

#: Genes of the second change metric.
MOST_CHANGED = 50


def spearman_rows(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Spearman correlation of each row of ``a`` with the same row of ``b``.

    0 where a row is constant: a prediction that ranks nothing gets no credit.

    Raises
    ------
    DataError
        If shapes, or names of rows or genes, differ, there are no genes, or a value is no finite number.
    """
    _check_names(a, b)
    a, b = as_numbers(a, "profiles"), as_numbers(b, "profiles")
    if a.shape[1:] == (0,):
        refuse("profiles", "there are no genes")
    if a.shape != b.shape or a.ndim != 2:
        msg = f"expected two tables of one shape; got {a.shape} and {b.shape}"
        raise DataError(msg)
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        msg = "profiles hold NaN or infinite values"
        raise DataError(msg)
    x, y = (rankdata(values, axis=1) - (a.shape[1] + 1) / 2 for values in (a, b))
    length = np.sqrt((x**2).sum(axis=1) * (y**2).sum(axis=1))
    return np.where(length > 0, (x * y).sum(axis=1) / np.where(length > 0, length, 1), 0.0)


def change_correlation(
    predicted: np.ndarray, pre: np.ndarray, post: np.ndarray, most: int | None = None
) -> np.ndarray:
    """Spearman correlation, pair by pair, of the predicted with the measured change.

    Profiles of one line resemble each other before and after; this metric gives no credit for that.

    Parameters
    ----------
    predicted, pre, post : array (pairs, genes)
    most : int, optional
        Only the genes that changed most in that pair, up or down; which genes these are is known from
        the answer, so the number compares methods and says nothing by itself.

    Returns
    -------
    array (pairs,)
        0 where the prediction is the pre-treatment profile.

    Raises
    ------
    DataError
        As of :func:`spearman_rows`, or if ``most`` is no positive whole number.
    """
    if most is not None:
        check_number("most", most, 1, whole=True)
    for table in (predicted, post):
        _check_names(pre, table)
    shapes = {as_numbers(table, "profiles").shape for table in (predicted, pre, post)}
    if len(shapes) > 1:
        refuse("profiles", f"must have one shape; got {sorted(shapes)}")
    guess, truth = np.asarray(predicted, dtype=float) - pre, np.asarray(post, dtype=float) - pre
    if most is not None and most < truth.shape[1]:
        genes = np.argsort(-np.abs(truth), axis=1, kind="stable")[:, :most]
        guess, truth = (np.take_along_axis(values, genes, axis=1) for values in (guess, truth))
    return spearman_rows(guess, truth)


def _check_names(first: object, second: object) -> None:
    """Refuse two tables with other rows or other genes, or in another order."""
    check_same_rows(first, second, "profiles")
    if isinstance(first, pd.DataFrame) and isinstance(second, pd.DataFrame):
        check_same_rows(first.T, second.T, "genes of profiles")


def replicate_ceiling(data: PerturbationPairs) -> pd.DataFrame:
    """Correlate replicates: what a perfect prediction of the mean could not exceed by much.

    Replicates agree in line, drug, dose and time, and come from different plates.

    Parameters
    ----------
    data : PerturbationPairs

    Returns
    -------
    DataFrame
        One row a condition with at least two plates: ``line``, ``drug``, ``dose``, ``time``,
        ``replicates``, and the mean over pairs of plates of Spearman correlations: ``post`` (log2
        profiles), ``post scaled`` (genes z-scored over all treated profiles of the data), ``change``
        (minus the vehicle of the own plate). Empty where nothing is replicated.
    """
    post, change = data.post.to_numpy(float), data.change.to_numpy(float)
    spread = post.std(axis=0)
    scaled = (post - post.mean(axis=0)) / np.where(spread > 0, spread, 1)
    keys = ["line", "drug", "dose", "time"]
    position = pd.Series(np.arange(len(data.pairs)))
    table = data.pairs[[*keys, "batch"]].reset_index(drop=True)
    first = position[~table.duplicated()]  # a plate counts once
    rows = []
    for condition, part in table.loc[first].groupby(keys, dropna=False, sort=True):
        a, b = (part.index.to_numpy()[side] for side in np.triu_indices(len(part), 1))
        if len(a):
            row = dict(zip(keys, condition, strict=True)) | {"replicates": len(part)}
            for name, values in (("post", post), ("post scaled", scaled), ("change", change)):
                row[name] = spearman_rows(values[a], values[b]).mean()
            rows.append(row)
    return pd.DataFrame(rows, columns=[*keys, "replicates", "post", "post scaled", "change"])


def identity_scores(data: PerturbationPairs) -> pd.DataFrame:
    """Correlate the measured profiles before and after treatment, pair by pair.

    Returns
    -------
    DataFrame
        Index = pair; ``raw`` (log2), ``scaled`` (each gene z-scored over all profiles of the data),
        ``average`` (the post-treatment profile against the mean pre-treatment profile, log2).
    """
    pre, post = data.pre.to_numpy(float), data.post.to_numpy(float)
    both = np.concatenate([pre, post])
    spread = np.where(both.std(axis=0) > 0, both.std(axis=0), 1)
    scaled = [(values - both.mean(axis=0)) / spread for values in (pre, post)]
    average = np.tile(pre.mean(axis=0), (len(pre), 1))
    return pd.DataFrame(
        {
            "raw": spearman_rows(pre, post),
            "scaled": spearman_rows(*scaled),
            "average": spearman_rows(average, post),
        },
        index=data.pairs.index,
    )


def shared_effect(data: PerturbationPairs) -> pd.DataFrame:
    """Correlate the change of every line with the mean change of the other lines of its drug.

    Only what lines share can be learned from other lines without knowing them: near zero, a model of a
    common shift has nothing to find.

    Returns
    -------
    DataFrame
        One row a drug and line (replicates averaged): ``drug``, ``line``, ``value`` (Spearman over
        genes, log2 changes); drugs in the order of :meth:`~PerturbationPairs.drugs`, with two lines or more.
    """
    tables = []
    if (data.drugs()["lines"] < 2).all():
        refuse(data.name, "no drug has two lines, whose changes could be compared")
    for drug in data.drugs().query("lines > 1").index:
        part = data.of_drug(drug)
        change = part.change.groupby(part.pairs["line"].to_numpy(str)).mean()
        values = change.to_numpy(float)
        others = (values.sum(axis=0) - values) / (len(values) - 1)
        tables.append(
            pd.DataFrame({"drug": drug, "line": change.index, "value": spearman_rows(others, values)})
        )
    return pd.concat(tables, ignore_index=True)
