"""The 80/20 split that early stopping watches."""

from __future__ import annotations

import numpy as np
from sklearn.model_selection import StratifiedShuffleSplit

from helpers.bounds import check_number
from helpers.checks import check_column
from helpers.errors import DataError


def stratified_holdout(
    strata: np.ndarray, fraction: float = 0.2, seed: int | np.random.SeedSequence = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Split rows at random, each stratum in proportion.

    Parameters
    ----------
    strata : array (n,)
        For RefDNN the drug of each pair. Strata of a single row stay in the kept part.
    fraction : float
        Share of the rows that is held out.
    seed : int or SeedSequence

    Returns
    -------
    kept, held_out : arrays of row positions, in random order
        As the published split draws them. On a table that is sorted by drug the order decides how many
        drugs the buffer of the training stream holds at a time.

    Raises
    ------
    DataError
        If too few rows repeat a stratum to hold any out, a stratum is missing, or a setting cannot be.
    """
    check_number("fraction", fraction, 0, 1)
    if not isinstance(seed, np.random.SeedSequence):
        check_number("seed", seed, 0, whole=True)
    strata = check_column(strata, np.size(strata), "strata")
    _, code, count = np.unique(strata, return_inverse=True, return_counts=True)
    rows = np.flatnonzero(count[code] > 1)
    n_out = round(fraction * len(strata))
    n_strata = len(np.unique(code[rows]))
    if n_out < 1 or len(rows) - n_out < 1:
        msg = f"cannot hold out {fraction:.0%} of {len(strata)} rows in {len(count)} strata"
        raise DataError(msg)
    state = np.random.RandomState(
        np.random.MT19937(np.random.SeedSequence(seed) if isinstance(seed, int) else seed)
    )
    if n_out < n_strata or len(rows) - n_out < n_strata:
        # scikit-learn needs a row a stratum on both sides; with fewer rows the split is a plain one.
        held_out = state.permutation(rows)[:n_out]
    else:
        splitter = StratifiedShuffleSplit(n_splits=1, test_size=n_out, random_state=state)
        held_out = rows[next(splitter.split(rows, code[rows]))[1]]
    kept = np.setdiff1d(np.arange(len(strata)), held_out)
    return state.permutation(kept), held_out
