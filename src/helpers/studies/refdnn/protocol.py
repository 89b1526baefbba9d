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

from helpers.bounds import check_number
from helpers.checks import refuse
from helpers.evaluation.protocol import Fold, Progress
from helpers.evaluation.splits import check_two_classes
from helpers.studies.refdnn.baselines.base import PairClassifier
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
        If the training part of a fold has one class, folds of a repeat share a name or a test row, two
        contenders a name, a contender's features are of other lines or drugs, or a number cannot be.
    """
    _check_contenders(table, contenders)
    _check_repeats(table, repeats)
    for what, value, least in (
        ("n_inner", n_inner, 2),
        ("n_trials", n_trials, 1),
        ("n_startup", n_startup, 0),
    ):
        check_number(what, value, least, whole=True)
    check_number("seed", seed, 0, whole=True)
    check_number("n_jobs", n_jobs, 1, whole=True)
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


def _check_contenders(table: PairTable, contenders: Sequence[Contender]) -> None:
    if not isinstance(table, PairTable):
        refuse("cross_validate", f"table must be a PairTable, got {type(table).__name__}")
    if not isinstance(contenders, list | tuple) or not contenders:
        refuse("cross_validate", "contenders must be a list of Contender")
    for one in contenders:
        if not isinstance(one, Contender) or not isinstance(one.estimator, PairClassifier):
            refuse("cross_validate", "every contender must be a Contender of a PairClassifier")
        known = one.estimator.features
        # Codes are positions: in other features they would be other lines and drugs.
        for what in ("line_names", "drug_names"):
            if not np.array_equal(getattr(known, what, ()), getattr(table.features, what)):
                refuse(one.name, f"its features have other {what} than the table, or in another order")
    names = [one.name for one in contenders]
    if len(set(names)) < len(names):
        refuse("cross_validate", f"every contender needs its own name; got {names}")


def _check_repeats(table: PairTable, repeats: Sequence[Sequence[Fold]]) -> None:
    lists = isinstance(repeats, list | tuple) and all(
        isinstance(part, list | tuple) and part for part in repeats
    )
    if not lists or not repeats or not all(isinstance(fold, Fold) for part in repeats for fold in part):
        refuse("cross_validate", "repeats must be a list of lists of Fold, one a seed")
    for part in repeats:
        names = [fold.name for fold in part]
        if len(set(names)) < len(names):
            refuse("cross_validate", f"folds of a repeat share a name: {names}")
        for fold in part:
            for rows in (fold.train, fold.test):
                whole = np.issubdtype(np.asarray(rows).dtype, np.integer)
                if not whole or not len(rows) or np.min(rows) < 0 or np.max(rows) >= len(table):
                    refuse(
                        f"fold {fold.name!r}",
                        f"needs rows to train on and to test, from 0 to {len(table) - 1}",
                    )
        tested = np.concatenate([fold.test for fold in part])
        if len(np.unique(tested)) < len(tested):
            refuse("cross_validate", "a pair is tested twice in one repeat", "give each list of folds a seed")


def _stack(tables: list[pd.DataFrame | None]) -> pd.DataFrame:
    """Put tables of searches below each other; ``seed`` is the repeat, as in the rest of the result."""
    if not tables:
        return pd.DataFrame()
    return pd.concat(tables, ignore_index=True).assign(seed=lambda table: table.pop("repeat"))
