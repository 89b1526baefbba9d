"""Folds of rows (a cell with a compound): random rows, new pairs, held-out compounds.

What each asks: random rows leave a compound's rows in sister cells in training; the competition and
its imitation ask for new rows of a known cell and a known compound (new pairs); leave-compounds-out asks for
compounds that training has never seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from sklearn.model_selection import KFold

from helpers.errors import DataError
from helpers.evaluation.protocol import Fold


def random_rows(
    rows: pd.DataFrame,
    seeds: Sequence[int],
    n_splits: int = 5,
    n_used: int | None = None,
    *,
    in_sample: bool = False,
) -> list[Fold]:
    """Protocol A: random rows, by default five folds of 80/20 a seed.

    Parameters
    ----------
    rows : DataFrame
        Only rows of the split ``"train"`` take part.
    seeds : sequence of int
        One shuffle each.
    n_splits : int
    n_used : int, optional
        Folds used of each shuffle; 1 is a single 80/20 split. Default: all.
    in_sample : bool
        Score the training rows too (protocol T).

    Returns
    -------
    list of Fold
        As from all functions here: sorted positions of rows, and the protocol as tag. The seed is that
        of the split and of the models that are fitted in it.

    Raises
    ------
    DataError
        If there are fewer rows than folds.
    """
    usable = _trainable(rows)
    _enough(len(usable), n_splits, "rows")
    folds = []
    for seed in seeds:
        split = KFold(n_splits, shuffle=True, random_state=seed).split(usable)
        parts = [(usable[train], usable[test]) for train, test in split]
        folds += [_fold("random_rows", str(i), seed, *part) for i, part in enumerate(parts[:n_used])]
    return [replace(fold, in_sample=in_sample) for fold in folds]


def same_split(fold: Fold, seeds: Sequence[int]) -> list[Fold]:
    """Return one split once a seed, so that only the start and the order of the training differ."""
    return [_fold("same_split", fold.name, seed, fold.train, fold.test) for seed in seeds]


def competition(rows: pd.DataFrame, seeds: Sequence[int]) -> list[Fold]:
    """Protocol B: all training rows against all test rows, once a seed of the models.

    Raises
    ------
    DataError
        If there are no test rows.
    """
    test = np.flatnonzero((rows["split"] != "train").to_numpy())
    if len(test) == 0:
        msg = "the data have no test rows, so there is no competition split"
        raise DataError(msg)
    return [_fold("competition", "all", seed, _trainable(rows), test) for seed in seeds]


def leave_compounds_out(
    rows: pd.DataFrame, seeds: Sequence[int], n_splits: int = 5, n_used: int | None = None
) -> list[Fold]:
    """Protocol C: whole compounds are held out; as many folds as compounds at most.

    ``n_used`` limits the folds of each shuffle, as in :func:`random_rows`.

    Raises
    ------
    DataError
        If there are fewer than two compounds.
    """
    usable = _trainable(rows)
    compound = rows["compound"].to_numpy(object)[usable]
    names = np.array(sorted(set(compound)), dtype=object)
    _enough(len(names), 2, "compounds")
    folds = []
    for seed in seeds:
        split = KFold(min(n_splits, len(names)), shuffle=True, random_state=seed).split(names)
        for i, (_, left_out) in enumerate(list(split)[:n_used]):
            hidden = np.isin(compound, names[left_out])
            folds.append(_fold("unseen_compounds", str(i), seed, usable[~hidden], usable[hidden]))
    return folds


def leave_cells_out(
    rows: pd.DataFrame,
    seeds: Sequence[int],
    *,
    n_splits: int | None = None,
    n_used: int | None = None,
) -> list[Fold]:
    """Protocol D: cells are left out except for a few rows that tell the models of the cell.

    The test rows are then new pairs of a compound known from other cells and a cell known from
    other compounds, as in the competition. Hidden rows whose compound no other cell has are in
    neither part.

    Parameters
    ----------
    rows : DataFrame
    seeds : sequence of int
    n_splits : int, optional
        Deal the cells with two rows or more into this many folds, by seed; a left-out cell keeps
        the row of its commonest compound. Default, for designs in which all cells share compounds:
        one fold a cell that has more than half of the compounds, named by it; it keeps the rows of
        the compounds that every cell has.
    n_used : int, optional
        Folds used of each seed. Default: all.

    Raises
    ------
    DataError
        If no compound is shared, or fewer cells than folds can be left out.
    """
    usable = _trainable(rows)
    table = rows.iloc[usable].reset_index(drop=True)
    kept = _shared_by_all(table) if n_splits is None else _commonest_of_cell(table)
    left = (~kept).groupby(table["cell"]).sum()
    cells = left.index[(left > 0) & (kept.groupby(table["cell"]).sum() > 0)].to_numpy(object)
    if n_splits is None:
        n_compounds = table["compound"].nunique()
        full = [cell for cell in cells if (table["cell"] == cell).sum() > n_compounds / 2]
        _enough(len(full), 1, "cells with more than half of the compounds")
        groups = {seed: [(cell, [cell]) for cell in full] for seed in seeds}
    else:
        _enough(len(cells), n_splits, "cells")
        groups = {}
        for seed in seeds:
            split = KFold(n_splits, shuffle=True, random_state=seed).split(cells)
            groups[seed] = [(str(i), list(cells[out])) for i, (_, out) in enumerate(split)]
    folds = []
    for seed, parts in groups.items():
        for name, left_out in parts[:n_used]:
            hidden = table["cell"].isin(left_out) & ~kept
            known = table["compound"].isin(table.loc[~hidden, "compound"])
            folds.append(
                _fold(
                    "new_pairs", name, seed, usable[~hidden.to_numpy()], usable[(hidden & known).to_numpy()]
                )
            )
    return folds


def _fold(protocol: str, name: str, seed: int, train: np.ndarray, test: np.ndarray) -> Fold:
    return Fold(name, train, test, seed=seed, tags={"protocol": protocol})


def _shared_by_all(table: pd.DataFrame) -> pd.Series:
    """Mark the rows of the compounds that every cell has."""
    n_cells = table.groupby("compound")["cell"].nunique()
    shared = n_cells.index[n_cells == table["cell"].nunique()]
    if shared.empty:
        msg = "no compound was measured in every cell; deal the cells into folds with n_splits"
        raise DataError(msg)
    return table["compound"].isin(shared)


def _commonest_of_cell(table: pd.DataFrame) -> pd.Series:
    """Mark one row a cell: that of the compound which most cells have (the first by name, if equal)."""
    order = table.assign(common=-table.groupby("compound")["cell"].transform("nunique"))
    first = order.sort_values(["cell", "common", "compound"]).drop_duplicates("cell").index
    return pd.Series(table.index.isin(first), index=table.index)


def _trainable(rows: pd.DataFrame) -> np.ndarray:
    return np.flatnonzero((rows["split"] == "train").to_numpy())


def _enough(count: int, needed: int, what: str) -> None:
    if count < max(needed, 1):
        msg = f"{count} {what} cannot make {needed} folds"
        raise DataError(msg)
