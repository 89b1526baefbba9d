"""Cross-validation of models of line-drug pairs: the same folds for all, searches nested, scores kept.

Every protocol of RefDNN (random pairs, unseen lines, unseen cancer types, unseen drugs) is a list of folds; a
model is a :class:`~helpers.studies.refdnn.fits.Contender`. Fits and searches run on
:mod:`helpers.evaluation.protocol`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from helpers.evaluation.protocol import Fold, Progress
from helpers.evaluation.splits import check_two_classes
from helpers.studies.refdnn.fits import Contender, Fitting, Kept, Outcome, derived_seed
from helpers.studies.refdnn.out_of_fold import OutOfFold
from helpers.studies.refdnn.pairs import PairTable


def cross_validate(
    table: PairTable,
    repeats: Sequence[Sequence[Fold]],
    contenders: Sequence[Contender],
    *,
    n_inner: int = 3,
    n_trials: int = 20,
    n_startup: int = 3,
    seed: int = 0,
    n_jobs: int = 1,
    journals: Path | None = None,
    fits: Kept | None = None,
    progress: Progress | None = None,
) -> OutOfFold:
    """Run all contenders in the same folds.

    A contender with a space searches it by ``n_inner``-fold cross-validation (stratified by drug,
    objective: mean accuracy) inside the training part of each fold; as published, the fold that
    scores a candidate also stops its training. Searches of all folds advance together.

    Parameters
    ----------
    table : PairTable
    repeats : list of lists of Fold
        One list of folds a seed. The pairs of a test part must not overlap within a list.
    contenders : list of Contender
    n_inner, n_trials, n_startup : int
        Size of the nested search (published: 3, 20, 3).
    seed : int
        Seed of searches, validation splits and models.
    n_jobs : int
        Fits at a time.
    journals : Path, optional
        Folder of the searches' journals: a killed search resumes from it.
    fits : Kept, optional
        Where the outcome of each fold is kept. What is there, whoever computed it, is not computed again.
    progress : callable, optional
        Called with (what, done, in all).

    Returns
    -------
    OutOfFold

    Raises
    ------
    DataError
        If the training part of a fold has one class.
    """
    folds = [
        replace(fold, seed=derived_seed(seed, repeat, fold.name), tags={"repeat": repeat})
        for repeat, parts in enumerate(repeats)
        for fold in parts
    ]
    for fold in folds:
        check_two_classes(table.y, fold)
    names = list(dict.fromkeys(fold.name for fold in folds))
    where = np.full((len(repeats), len(table)), -1)
    for fold in folds:
        where[fold.tags["repeat"], fold.test] = names.index(fold.name)
    fitting = Fitting(table, n_inner, n_trials, n_startup, seed, n_jobs, journals, fits, progress)
    scores: dict[str, np.ndarray] = {}
    kept: dict[tuple[str, int, str], Any] = {}
    searched: list[Outcome] = []
    seconds: dict[str, float] = {}
    # Around all fits: side by side, a limit of one fit alone would end with the first that ends.
    with threadpool_limits(1):
        for contender in contenders:
            found = fitting.outcomes(contender, folds)
            scores[contender.name] = np.full(where.shape, np.nan, dtype=np.float32)
            for fold, one in zip(folds, found, strict=True):
                scores[contender.name][fold.tags["repeat"], fold.test] = one.p
                if contender.keep is not None:
                    kept[contender.name, fold.tags["repeat"], fold.name] = one.kept
            seconds[contender.name] = sum(one.seconds for one in found)
            searched += found if contender.space is not None else []
    return OutOfFold(
        table.y,
        table.lines,
        table.drugs,
        table.features.drug_names,
        names,
        where,
        scores,
        chosen=_stack([one.chosen for one in searched]),
        trials=_stack([one.trials for one in searched]),
        kept=kept,
        seconds=seconds,
    )


def _stack(tables: list[pd.DataFrame | None]) -> pd.DataFrame:
    """Put tables of searches below each other; ``seed`` is the repeat, as in the rest of the result."""
    if not tables:
        return pd.DataFrame()
    return pd.concat(tables, ignore_index=True).assign(seed=lambda table: table.pop("repeat"))
