"""Tables of perturbation: the change of every gene, one row a cell (type or line) under a compound."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from helpers.bench.pairs import check_choice, check_folds, stacked
from helpers.bench.ranking import Job, Predicted, Ranking, judge_scores, score_folds
from helpers.checks import refuse
from helpers.data.readers import Read
from helpers.data.readers.lines import fingerprints
from helpers.evaluation.protocol import Fold
from helpers.evaluation.splits import line_folds, stratified_pair_folds

#: What is unseen in the test.
SPLITS = {"pairs": "random pairs", "lines": "unseen cells", "drugs": "unseen compounds"}
#: Blocks of columns: which cell and which compound, how like each training compound it is.
FEATURES = ("one-hot", "structure")
METRIC = "sign accuracy"


@dataclass(frozen=True, eq=False)
class Changes:
    """What models are given.

    Attributes
    ----------
    table : DataFrame
        ``cell``, ``compound``, ``lincs_id``, ``smiles`` (text, never empty: the compound's name stands for
        what the file does not say).
    changes : array (rows, genes), float32
    """

    table: pd.DataFrame
    changes: np.ndarray

    @property
    def y(self) -> np.ndarray:
        """What is predicted."""
        return self.changes

    @cached_property
    def similarity(self) -> pd.DataFrame:
        """Tanimoto similarity of all compounds; one without a readable structure is like none but itself."""
        smiles = self.table.drop_duplicates("compound").set_index("compound")["smiles"]
        bits = fingerprints(smiles).to_numpy(float)
        names = fingerprints(smiles).index
        both, size = bits @ bits.T, bits.sum(axis=1)
        like = pd.DataFrame(both / np.maximum(size[:, None] + size - both, 1), names, names)
        like = like.reindex(index=smiles.index, columns=smiles.index, fill_value=0.0).astype(np.float32)
        np.fill_diagonal(like.to_numpy(copy=False), 1.0)
        return like

    def columns(self, fold: Fold, features: Collection[str]) -> pd.DataFrame:
        """Return the blocks ``features`` of all rows; what training has not seen has no column."""
        seen = self.table.iloc[fold.train]
        return stacked(
            features,
            {
                "one-hot": lambda: _one_hot(self.table, seen),
                "structure": lambda: self._like(seen["compound"].unique()),
            },
        )

    def _like(self, compounds: np.ndarray) -> tuple[np.ndarray, list[str]]:
        values = self.similarity.loc[self.table["compound"], compounds].to_numpy()
        return values, [f"like {name}" for name in compounds]


def _one_hot(table: pd.DataFrame, seen: pd.DataFrame) -> tuple[np.ndarray, list[str]]:
    parts, names = [], []
    for what in ("cell", "compound"):
        known = np.sort(seen[what].unique())
        parts.append(table[what].to_numpy()[:, None] == known)
        names += [f"{what} {name}" for name in known]
    return np.hstack(parts).astype(np.float32), names


def changes_job(read: Read, split: str, *, n_splits: int = 5, seeds: int = 1) -> Job:
    """Make folds of a table of changes.

    Parameters
    ----------
    read : Read
        Of kind ``changes``.
    split : {"pairs", "lines", "drugs"}
        Lines are cells, drugs are compounds.
    n_splits, seeds : int
        Folds of each seed; at most as many as there are cells or compounds.

    Returns
    -------
    Job
        Of pairs a fold is the unit; else a cell or a compound is.

    Raises
    ------
    ParameterError, DataError
        If the split is unknown, or there is too little to split.
    """
    check_folds(n_splits, seeds)
    check_choice("split", split, SPLITS)
    if not isinstance(read, Read) or not isinstance(read.content, tuple):
        refuse("changes", "need what read(file, 'changes') gives", "changes_of reads a file")
    rows, values = read.content
    data = Changes(rows, values.to_numpy(np.float32))
    column = {"lines": "cell", "drugs": "compound"}.get(split)
    group = None if column is None else rows[column].to_numpy(str)
    folds = []
    for seed in range(seeds):
        if group is None:
            made = stratified_pair_folds(np.zeros(len(rows), int), n_splits, seed)
        else:
            made = line_folds(group, min(n_splits, len(np.unique(group))), seed)
        folds += [replace(fold, seed=seed) for fold in made]
    where = read.provenance.files[0].name

    def judge(predicted: Predicted) -> Ranking:
        scores = score_folds(folds, predicted, lambda at, p: _score(data.changes[at], p), group)
        grouped = group is not None
        return judge_scores(scores, METRIC, where, grouped=grouped, n_splits=n_splits, excluded=[])

    return Job(
        kind="changes",
        name=Path(where).stem,
        data=data,
        asks=SPLITS[split],
        target="change",
        metric=METRIC,
        folds=folds,
        unit=column or "fold",
        judge=judge,
        depends=(data.changes, np.array(rows.to_numpy(str))),
        counts={
            "rows": len(rows),
            "cells": rows["cell"].nunique(),
            "compounds": rows["compound"].nunique(),
            "genes": values.shape[1],
        },
        provenance=read.provenance,
    )


def _score(y: np.ndarray, p: np.ndarray) -> dict[str, float]:
    """Score rows of changes and take their mean: signs, correlation over genes (0 if constant), errors."""
    p = p.reshape(y.shape)
    centred = [part - part.mean(axis=1, keepdims=True) for part in (y, p)]
    length = np.prod([np.linalg.norm(part, axis=1) for part in centred], axis=0)
    dot = (centred[0] * centred[1]).sum(axis=1)
    return {
        "sign accuracy": float((y * p > 0).mean()),
        "Pearson": float(np.divide(dot, length, out=np.zeros(len(y)), where=length > 1e-9).mean()),
        "MAE": float(np.abs(y - p).mean()),
        "MRRMSE": float(np.sqrt(((y - p) ** 2).mean(axis=1)).mean()),
    }
