"""Folds of rows (a cell with a compound): random rows, new pairs, held-out compounds.

What each asks: random rows leave a compound's rows in sister cells in training; the competition and
its imitation ask for new rows of a known cell and a known compound (new pairs); leave-compounds-out asks for
compounds that training has never seen. Rows that share control measurements (the column ``block``, where
there is one) share their noise, so no fold has them on both sides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from sklearn.model_selection import KFold

from helpers.bounds import check_number
from helpers.checks import check_records, refuse
from helpers.errors import DataError
from helpers.evaluation.protocol import Fold
from helpers.studies.perturbation.types import check_rows, check_splits


def random_rows(
    rows: pd.DataFrame,
    seeds: Sequence[int],
    n_splits: int = 5,
    n_used: int | None = None,
    *,
    in_sample: bool = False,
    together: bool = True,
) -> list[Fold]:
    """Protocol A: random rows, by default five folds of 80/20 a seed; rows of a block stay together.

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
    together : bool
        False ignores the blocks, to measure what sharing controls is worth (``"random_rows_leaky"``).

    Returns
    -------
    list of Fold
        As from all functions here: sorted positions of rows, and the protocol as tag. The seed is that
        of the split and of the models that are fitted in it.

    Raises
    ------
    DataError
        If there are fewer rows (blocks of rows) than folds; as from all functions here, if rows have no split
        or a name is missing, or seeds or numbers of folds are none.
    """
    seeds = _checked(seeds, n_splits, n_used)
    usable = _trainable(rows)
    block = _blocks(rows)[usable] if together else np.arange(len(usable))
    names = np.unique(block)
    _enough(len(names), n_splits, "rows")
    protocol, folds = "random_rows" if together else "random_rows_leaky", []
    for seed in seeds:
        split = KFold(n_splits, shuffle=True, random_state=seed).split(names)
        tests = [np.isin(block, names[test]) for _, test in split]
        parts = [(usable[~test], usable[test]) for test in tests[:n_used]]
        folds += [_fold(protocol, str(i), seed, *part) for i, part in enumerate(parts)]
    return [replace(fold, in_sample=in_sample) for fold in folds]


def same_split(fold: Fold, seeds: Sequence[int]) -> list[Fold]:
    """Return one split once a seed, so that only the start and the order of the training differ."""
    seeds = _checked(seeds)
    return [_fold("same_split", fold.name, seed, fold.train, fold.test) for seed in seeds]


def retagged(folds: Sequence[Fold], protocol: str) -> list[Fold]:
    """Return the same folds under another name, for models that are trained another way in them."""
    return [replace(fold, tags={**fold.tags, "protocol": protocol}) for fold in folds]


def scored_already(
    scores: pd.DataFrame, folds: Sequence[Fold], models: Sequence[str], protocol: str
) -> pd.DataFrame:
    """Return test rows of models that random rows have fitted in the same folds already.

    The same rows, model and seed give the same numbers, so that the fit need not be repeated.

    Parameters
    ----------
    scores : DataFrame
        :func:`helpers.studies.perturbation.protocol.run_protocol` of one data set.
    folds : sequence of Fold
        Of :func:`random_rows`, or split and seed as there.
    models : sequence of str
    protocol : str
        Name under which the rows are to appear.

    Raises
    ------
    DataError
        If a fold is not among those of the random rows.
    """
    check_records(scores, ("fold", "seed", "model", "protocol", "part"), (), "scores")
    wanted = pd.MultiIndex.from_tuples([(fold.name, fold.seed) for fold in folds])
    here = pd.MultiIndex.from_frame(scores[["fold", "seed"]]).isin(wanted) & scores["model"].isin(models)
    random = scores["protocol"].eq("random_rows") & scores["part"].eq("test")
    if not scores["model"].isin(models).any():
        refuse("scores", f"no model {', '.join(models)}; they have {list(scores['model'].unique())}")
    missing = wanted.difference(pd.MultiIndex.from_frame(scores.loc[random, ["fold", "seed"]]))
    if len(missing):
        refuse("scores", f"no random rows of (fold, seed) {list(missing[:3])}", "run those folds first")
    return scores[here & random].assign(protocol=protocol)


def competition(rows: pd.DataFrame, seeds: Sequence[int]) -> list[Fold]:
    """Protocol B: all training rows against all test rows, once a seed of the models.

    Raises
    ------
    DataError
        If there are no test rows, or no training rows.
    """
    seeds, usable = _checked(seeds), _trainable(rows)
    _enough(len(usable), 1, "training rows")
    test = np.flatnonzero((rows["split"] != "train").to_numpy())
    if len(test) == 0:
        msg = "the data have no test rows, so there is no competition split"
        raise DataError(msg)
    return [_fold("competition", "all", seed, usable, test) for seed in seeds]


def leave_compounds_out(
    rows: pd.DataFrame, seeds: Sequence[int], n_splits: int = 5, n_used: int | None = None
) -> list[Fold]:
    """Protocol C: whole compounds are held out; as many folds as compounds at most.

    Training rows that share controls with a test row are left out.

    ``n_used`` limits the folds of each shuffle, as in :func:`random_rows`.

    Raises
    ------
    DataError
        If there are fewer than two compounds.
    """
    seeds = _checked(seeds, n_splits, n_used)
    usable = _trainable(rows, "compound")
    compound = rows["compound"].to_numpy(object)[usable]
    names = np.array(sorted(set(compound)), dtype=object)
    _enough(len(names), 2, "compounds")
    folds = []
    for seed in seeds:
        split = KFold(min(n_splits, len(names)), shuffle=True, random_state=seed).split(names)
        for i, (_, left_out) in enumerate(list(split)[:n_used]):
            hidden = np.isin(compound, names[left_out])
            train = _apart(rows, usable[~hidden], usable[hidden])
            folds.append(_fold("unseen_compounds", str(i), seed, train, usable[hidden]))
    return folds


def leave_cells_out(
    rows: pd.DataFrame,
    seeds: Sequence[int],
    *,
    n_splits: int | None = None,
    n_used: int | None = None,
    n_shared: int | None = None,
) -> list[Fold]:
    """Protocol D: cells are left out except for a few rows that tell the models of the cell.

    The test rows are then new pairs of a compound known from other cells and a cell known from
    other compounds, as in the competition. Hidden rows whose compound no other cell has are in
    neither part; nor are rows that share controls across the two parts: of those, the hidden row
    goes where single cells keep one row, else the training row.

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
    n_shared : int, optional
        Of the compounds that every cell has, keep only this many, drawn by seed (17 in the
        competition). Default: all.

    Raises
    ------
    DataError
        If no compound is shared, or fewer cells than folds can be left out.
    """
    seeds = _checked(seeds, n_splits, n_used)
    if n_shared is not None:
        check_number("n_shared", n_shared, 1, whole=True)
    usable = _trainable(rows, "cell", "compound")
    table = rows.iloc[usable].reset_index(drop=True)
    folds = []
    for seed in seeds:
        kept = _commonest_of_cell(table) if n_splits else _shared_by_all(table, n_shared, seed)
        for name, left_out in _left_out_cells(table, kept, n_splits, seed)[:n_used]:
            hidden = table["cell"].isin(left_out) & ~kept
            known = table["compound"].isin(table.loc[~hidden, "compound"])
            train, test = usable[~hidden.to_numpy()], usable[(hidden & known).to_numpy()]
            if n_splits is None:
                train = _apart(rows, train, test)
            else:
                test = _apart(rows, test, train)
            folds.append(_fold("new_pairs", name, seed, train, test))
    return folds


def _left_out_cells(
    table: pd.DataFrame, kept: pd.Series, n_splits: int | None, seed: int
) -> list[tuple[str, list[str]]]:
    """Names of the folds of :func:`leave_cells_out` and the cells that each leaves out."""
    left = (~kept).groupby(table["cell"]).sum()
    cells = left.index[(left > 0) & (kept.groupby(table["cell"]).sum() > 0)].to_numpy(object)
    if n_splits is not None:
        _enough(len(cells), n_splits, "cells")
        split = KFold(n_splits, shuffle=True, random_state=seed).split(cells)
        return [(str(i), list(cells[out])) for i, (_, out) in enumerate(split)]
    half = table["compound"].nunique() / 2
    full = [cell for cell in cells if (table["cell"] == cell).sum() > half]
    _enough(len(full), 1, "cells with more than half of the compounds")
    # Another seed begins with another cell, so that few folds a seed are not always the same ones.
    first = seed % len(full)
    return [(cell, [cell]) for cell in full[first:] + full[:first]]


def _blocks(rows: pd.DataFrame) -> np.ndarray:
    """Return the number of each row's block; without blocks every row is one of its own."""
    if "block" not in rows:
        return np.arange(len(rows))
    if rows["block"].isna().any():
        refuse("rows", "a row has no block", "name one, or drop the column where no rows share controls")
    return pd.factorize(rows["block"])[0]


def _apart(rows: pd.DataFrame, some: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return ``some`` without what shares a block with ``others``."""
    block = _blocks(rows)
    return some[~np.isin(block[some], block[others])]


def _fold(protocol: str, name: str, seed: int, train: np.ndarray, test: np.ndarray) -> Fold:
    return Fold(name, train, test, seed=seed, tags={"protocol": protocol})


def _shared_by_all(table: pd.DataFrame, n_shared: int | None, seed: int) -> pd.Series:
    """Mark the rows of the compounds that every cell has, or of some of them."""
    n_cells = table.groupby("compound")["cell"].nunique()
    shared = n_cells.index[n_cells == table["cell"].nunique()]
    if shared.empty:
        msg = "no compound was measured in every cell; deal the cells into folds with n_splits"
        raise DataError(msg)
    if n_shared is not None:
        shared = np.random.default_rng(seed).permutation(shared.to_numpy(object))[:n_shared]
    return table["compound"].isin(shared)


def _commonest_of_cell(table: pd.DataFrame) -> pd.Series:
    """Mark one row a cell: that of the compound which most cells have (the first by name, if equal)."""
    order = table.assign(common=-table.groupby("compound")["cell"].transform("nunique"))
    first = order.sort_values(["cell", "common", "compound"]).drop_duplicates("cell").index
    return pd.Series(table.index.isin(first), index=table.index)


def _checked(seeds: Sequence[int], n_splits: int | None = None, n_used: int | None = None) -> list[int]:
    """Return the seeds; refuse what are no seeds, or the same one twice, and impossible numbers of folds."""
    if isinstance(seeds, str) or not np.iterable(seeds) or not len(seeds):
        refuse("seeds", f"must be some whole numbers; got {seeds!r}", "pass a list")
    for seed in seeds:
        check_number("seed", seed, 0, 2**32 - 1, whole=True)
    if len(set(seeds)) < len(seeds):
        refuse("seeds", f"{list(seeds)} hold one twice, which would count the same fit twice")
    if n_splits is not None:
        check_number("n_splits", n_splits, 2, whole=True)
    if n_used is not None:
        check_number("n_used", n_used, 0, whole=True)
    return list(seeds)


def _trainable(rows: pd.DataFrame, *columns: str) -> np.ndarray:
    """Return the positions of the training rows; refuse rows without a split or a name."""
    check_rows(rows, columns)
    check_splits(rows)
    return np.flatnonzero((rows["split"] == "train").to_numpy())


def _enough(count: int, needed: int, what: str) -> None:
    if count < max(needed, 1):
        msg = f"{count} {what} cannot make {needed} folds"
        raise DataError(msg)
