"""Folds of pairs by application: random pairs, unseen lines, unseen groups.

Each function returns row positions, never data, so that every model of a protocol runs in the same folds.
"""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
from sklearn.model_selection import KFold, StratifiedKFold

from helpers.bounds import check_number
from helpers.errors import DataError
from helpers.evaluation.protocol import Fold


def stratified_pair_folds(
    strata: np.ndarray, n_splits: int = 5, seed: int = 0, groups: np.ndarray | None = None
) -> list[Fold]:
    """Shuffled folds of pairs, stratified by drug: every line and drug is in training.

    Parameters
    ----------
    strata : array (n,)
        Drug of each pair. RefDNN stratifies by drug, not by label.
    n_splits : int
        Number of folds.
    seed : int
        Seed of the shuffle.
    groups : array (n,) or (n, k), optional
        Key of each pair, e.g. (line, drug): rows with equal keys stay in one fold, so that a
        repeated measurement cannot be on both sides. Each key must lie within one stratum. The
        folds are then balanced in keys, not in rows.

    Returns
    -------
    list of Fold, names ``"0"`` to ``str(n_splits - 1)``

    Raises
    ------
    DataError
        If there are fewer rows (or keys) than folds, or a key lies in two strata.
    """
    check_number("seed", seed, 0, 2**32 - 1, whole=True)
    strata = _column(strata, "strata")
    if groups is None:
        return _stratified(strata, np.arange(len(strata)), n_splits, seed)
    key = _group_codes(groups, len(strata))
    table = pd.DataFrame({"key": key, "stratum": strata}).drop_duplicates()
    if table["key"].duplicated().any():
        msg = "a group lies in two strata; groups must be nested in strata, e.g. (line, drug) in drug"
        raise DataError(msg)
    # Whole keys are dealt out: splitting the distinct keys and mapping them back to rows keeps the
    # stratification and is far faster than a greedy search over about 100,000 groups.
    table = table.sort_values("key")
    return _stratified(table["stratum"].to_numpy(), key, n_splits, seed)


def line_folds(lines: np.ndarray, n_splits: int = 5, seed: int = 0) -> list[Fold]:
    """Shuffled folds of whole cell lines: each test line is unseen in training.

    Parameters
    ----------
    lines : array (n,)
        Line of each pair.
    n_splits, seed : int
        As in :func:`stratified_pair_folds`.

    Raises
    ------
    DataError
        If there are fewer lines than folds.
    """
    check_number("seed", seed, 0, 2**32 - 1, whole=True)
    lines = _column(lines, "lines")
    names, code = np.unique(lines, return_inverse=True)
    _enough(len(names), n_splits, "lines")
    split = KFold(n_splits, shuffle=True, random_state=seed).split(names)
    return [_fold(str(i), np.isin(code, test)) for i, (_, test) in enumerate(split)]


def leave_one_group_out(groups: np.ndarray) -> list[Fold]:
    """One fold a group (cancer type, drug, ...), in sorted order; the fold carries the group's name.

    Parameters
    ----------
    groups : array (n,)
        Group of each pair.

    Raises
    ------
    DataError
        If there are fewer than two groups.
    """
    groups = _column(groups, "groups")
    names, code = np.unique(groups, return_inverse=True)
    _enough(len(names), 2, "groups")
    return [_fold(str(name), code == i) for i, name in enumerate(names)]


def check_two_classes(y: np.ndarray, fold: Fold) -> None:
    """Raise DataError unless the training part of ``fold`` has both labels."""
    values = np.unique(np.asarray(y)[fold.train])
    if len(values) < 2:
        msg = (
            f"fold {fold.name!r}: all {len(fold.train)} training pairs have label {values.tolist()}; a "
            "classifier needs both. Use fewer folds, another seed, or drop the fold"
        )
        raise DataError(msg)


def _stratified(strata: np.ndarray, unit: np.ndarray, n_splits: int, seed: int) -> list[Fold]:
    """Split units (with one stratum each) and map them to rows; ``unit`` is the unit of each row."""
    _enough(len(strata), n_splits, "pairs" if len(strata) == len(unit) else "groups")
    splitter = StratifiedKFold(n_splits, shuffle=True, random_state=seed)
    code = np.unique(strata, return_inverse=True)[1]
    if np.bincount(code).max() < n_splits:
        msg = f"no drug has {n_splits} pairs or more: use fewer folds"
        raise DataError(msg)
    with warnings.catch_warnings():
        # A drug with fewer pairs than folds is simply absent from some test folds.
        warnings.filterwarnings("ignore", "The least populated class", UserWarning)
        split = list(splitter.split(code, code))
    return [_fold(str(i), np.isin(unit, test)) for i, (_, test) in enumerate(split)]


def _fold(name: str, is_test: np.ndarray) -> Fold:
    return Fold(name, np.flatnonzero(~is_test), np.flatnonzero(is_test))


def _column(values: np.ndarray, what: str) -> np.ndarray:
    values = np.asarray(values)
    if values.ndim != 1 or len(values) == 0:
        msg = f"{what} must be a non-empty column, one entry a pair; got shape {values.shape}"
        raise DataError(msg)
    if pd.isna(values).any():
        msg = f"{what} holds {int(pd.isna(values).sum())} missing value(s)"
        raise DataError(msg)
    return values.astype(str) if values.dtype == object else values


def _group_codes(groups: np.ndarray, n: int) -> np.ndarray:
    table = pd.DataFrame(np.asarray(groups))
    if len(table) != n or table.isna().any(axis=None):
        msg = f"groups must give one complete key a pair: {n} pairs, {len(table)} keys"
        raise DataError(msg)
    return table.groupby(list(table.columns), sort=True).ngroup().to_numpy()


def _enough(count: int, needed: int, what: str) -> None:
    check_number("the number of folds", needed, 2, whole=True)
    if count < needed:
        msg = f"{count} {what} cannot make {needed} folds"
        raise DataError(msg)
