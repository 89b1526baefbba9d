"""Critical genes of single-cell predictions, and whether they are genes of response.

scDEAL calls genes critical whose integrated gradients differ between groups of cells, and supports its
predictions by modules of genes that differ between predicted classes. Tests over cells serve here as the
published filter only: cells of one condition are no independent samples.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy import stats

from helpers.bounds import check_number
from helpers.checks import as_matrix, check_unique, refuse
from helpers.errors import DataError

#: Published thresholds: adjusted p, log fold change, share of cells in which the gene is seen.
MAX_P, MIN_FOLD, MIN_SHARE = 0.05, 0.1, 0.2

Lists = dict[int, list[str]]


def class_genes(
    values: np.ndarray,
    groups: np.ndarray,
    genes: np.ndarray,
    n: int = 50,
    *,
    min_fold: float = 0.0,
    min_share: float = 0.0,
) -> Lists:
    """Genes that are higher in either class, by Wilcoxon's rank-sum test.

    Parameters
    ----------
    values : array (cells, genes)
    groups : array (cells,) of 0 and 1
    genes : array (genes,) of str
    n : int
        Most genes of a class.
    min_fold : float
        Least difference of the means, in the units of ``values``.
    min_share : float
        Least share of cells of the class in which the value is not zero.

    Returns
    -------
    dict
        Class to genes, best first; Benjamini-Hochberg adjusted p at most 0.05. Both lists are empty when
        one class has fewer than two cells.

    Raises
    ------
    DataError
        If shapes do not fit, groups are not 0 and 1, a value is not finite, a gene stands twice, or
        columns of a DataFrame are named otherwise.
    """
    check_number("n", n, 1, whole=True)
    _check_named(values, genes)
    values, groups, genes = as_matrix(values, "values"), np.asarray(groups), np.asarray(genes, dtype=str)
    check_unique(pd.Index(np.atleast_1d(genes)), "genes", "a gene stands twice")
    if values.shape != groups.shape + genes.shape or not np.isin(groups, (0, 1)).all():
        shape = f"{groups.shape} cells in groups 0 and 1, {genes.size} genes"
        msg = f"{values.shape} values do not fit {shape}"
        raise DataError(msg)
    one, zero = values[groups == 1], values[groups == 0]
    if min(len(one), len(zero)) < 2:
        return {0: [], 1: []}
    varied = np.flatnonzero(np.ptp(values, axis=0) > 0)
    if len(varied) == 0:
        return {0: [], 1: []}
    test = stats.mannwhitneyu(one[:, varied], zero[:, varied], axis=0, method="asymptotic")
    p = stats.false_discovery_control(test.pvalue)
    # Wins of a cell of class 1 over one of class 0, centred: its sign is the class.
    wins = test.statistic / (len(one) * len(zero)) - 0.5
    fold = one[:, varied].mean(axis=0) - zero[:, varied].mean(axis=0)
    lists = {}
    for label, rows in ((0, zero), (1, one)):
        sign = 1 if label else -1
        seen = (rows[:, varied] != 0).mean(axis=0)
        keep = (p <= MAX_P) & (sign * wins > 0) & (sign * fold > min_fold) & (seen > min_share)
        order = np.argsort(-sign * wins, kind="stable")
        lists[label] = genes[varied[order[keep[order]]]][:n].tolist()
    return lists


def critical_genes(attributions: np.ndarray, predicted: np.ndarray, genes: np.ndarray, n: int = 50) -> Lists:
    """Critical genes as published: from the size of the attributions, between predicted classes.

    Parameters
    ----------
    attributions : array (cells, genes)
        Integrated gradients of the sensitive output.
    predicted : array (cells,) of 0 and 1
    genes : array (genes,) of str
    n : int

    Returns
    -------
    dict
        As :func:`class_genes`. The absolute value is taken, each cell is scaled to the median total and
        log(1 + x) follows, then the published thresholds; the sign of an attribution is lost.

    Raises
    ------
    DataError
        As :func:`class_genes`.
    """
    _check_named(attributions, genes)
    size = np.abs(as_matrix(attributions, "attributions"))
    total = size.sum(axis=1, keepdims=True)
    target = np.median(total[total > 0]) if (total > 0).any() else 1.0
    scaled = np.divide(size * target, total, out=np.zeros_like(size), where=total > 0)
    # Attributions are tiny beside counts, for which log(1 + x) is made: bring their mean to one.
    mean = scaled.mean()
    scaled = np.log1p(scaled / mean) if mean > 0 else scaled
    return class_genes(scaled, predicted, genes, n, min_fold=MIN_FOLD, min_share=MIN_SHARE)


def shared_fraction(found: Mapping[int, list[str]], reference: Mapping[int, list[str]]) -> float:
    """Share of found genes that are reference genes of the same class, mean over classes with any.

    NaN where nothing was found.

    Raises
    ------
    DataError
        If the reference lacks a class.
    """
    _check_classes(found, reference)
    shares = [np.isin(genes, reference[label]).mean() for label, genes in found.items() if len(genes)]
    return float(np.mean(shares)) if shares else np.nan


def chance_fraction(
    found: Mapping[int, list[str]], reference: Mapping[int, list[str]], universe: int
) -> float:
    """Give :func:`shared_fraction` as expected of random genes out of ``universe``.

    Raises
    ------
    DataError
        As :func:`shared_fraction`; if there is no gene to draw from.
    """
    _check_classes(found, reference)
    check_number("universe", universe, 1, whole=True)
    shares = [len(reference[label]) / universe for label, genes in found.items() if len(genes)]
    return float(np.mean(shares)) if shares else np.nan


def either_side(
    values: np.ndarray, groups: np.ndarray, genes: np.ndarray, reference: Mapping[int, list[str]], n: int = 50
) -> float:
    """:func:`shared_fraction` of the genes that tell two groups apart, mean over both namings of the groups.

    What a split without any knowledge of the drug reaches when a coin names its sides.
    """
    lists = class_genes(values, groups, genes, n)
    swapped = {0: lists[1], 1: lists[0]}
    return float(np.mean([shared_fraction(lists, reference), shared_fraction(swapped, reference)]))


def module_check(
    values: np.ndarray,
    predicted: np.ndarray,
    y: np.ndarray,
    genes: np.ndarray,
    *,
    n: int = 50,
    n_null: int = 100,
    seed: int = 0,
) -> dict[str, float]:
    """Check modules of genes as published, with a null of random genes.

    The module of a class is the mean of its genes' standardised expression, minus that of all genes; a
    cell's score is module of sensitive minus module of resistant. The score from predicted classes is
    correlated with that from true classes. A good prediction forces a high correlation: the check adds
    nothing to the prediction's own score.

    Parameters
    ----------
    values : array (cells, genes)
    predicted, y : array (cells,) of 0 and 1
    genes : array (genes,) of str
    n : int
        Genes of a class.
    n_null : int
        Random pairs of gene sets of the same size.
    seed : int

    Returns
    -------
    dict
        ``correlation`` (Pearson), ``null`` (95 % quantile of the correlation of random sets), both NaN
        where predictions or labels have one class, or no gene differs.

    Raises
    ------
    DataError
        As :func:`class_genes`; if nothing is drawn for the null.
    """
    check_number("n_null", n_null, 1, whole=True)
    check_number("seed", seed, 0, whole=True)
    genes = np.asarray(genes, dtype=str)
    found, true = class_genes(values, predicted, genes, n), class_genes(values, y, genes, n)
    values = np.asarray(values)
    if not any(found.values()) or not any(true.values()):
        return {"correlation": np.nan, "null": np.nan}
    spread = np.std(values, axis=0)
    z = (values - np.mean(values, axis=0)) / np.where(spread > 0, spread, 1)
    truth = _module(z, genes, true)
    rng = np.random.default_rng(seed)
    null = []
    for _ in range(n_null):
        drawn = rng.permutation(genes)[: 2 * n]
        null.append(_correlation(_module(z, genes, {0: list(drawn[::2]), 1: list(drawn[1::2])}), truth))
    return {
        "correlation": _correlation(_module(z, genes, found), truth),
        "null": float(np.quantile(null, 0.95)),
    }


def _check_named(values: object, genes: np.ndarray) -> None:
    """Refuse a table whose columns are other genes than ``genes``, or in another order."""
    if not isinstance(values, pd.DataFrame):
        return
    if np.ndim(genes) != 1 or list(values.columns.astype(str)) != list(np.asarray(genes, str)):
        refuse("genes", "the columns of the table have other names, or another order", "give table.columns")


def _check_classes(found: Mapping[int, list[str]], reference: Mapping[int, list[str]]) -> None:
    missing = [label for label, genes in found.items() if len(genes) and label not in reference]
    if missing:
        refuse("reference genes", f"there are none of class {missing[0]}")


def _module(z: np.ndarray, genes: np.ndarray, lists: Mapping[int, list[str]]) -> np.ndarray:
    score = np.zeros(len(z))
    for label, sign in ((1, 1), (0, -1)):
        if len(lists[label]):
            score += sign * (z[:, np.isin(genes, lists[label])].mean(axis=1) - z.mean(axis=1))
    return score


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.corrcoef(a, b)[0, 1]) if a.std() > 0 and b.std() > 0 else 0.0
