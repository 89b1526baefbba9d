"""Weighted comparisons of positive with negative rows in compiled code: the inner loop of a bootstrap."""

from __future__ import annotations

import numba as nb
import numpy as np


@nb.njit(cache=True, nogil=True)
def count_wins(weights, order, positive, group, starts, n_groups):
    """Count, in each group, the comparisons of a positive with a negative row, and those that it wins.

    Parameters
    ----------
    weights : array (n,), float64
    order : array (n,) of int
        Rows sorted by group, then score.
    positive, group, starts : arrays (n,), sorted like ``order``
        Whether the row is positive, its group, and whether it starts a new pair of group and score.
    n_groups : int

    Returns
    -------
    wins, pairs : arrays (n_groups,)
        Ties count half.
    """
    wins, positives, negatives = np.zeros(n_groups), np.zeros(n_groups), np.zeros(n_groups)
    n, i = len(order), 0
    while i < n:
        g = group[i]
        of_positive = of_negative = 0.0
        while True:
            if positive[i]:
                of_positive += weights[order[i]]
            else:
                of_negative += weights[order[i]]
            i += 1
            if i == n or starts[i]:
                break
        wins[g] += of_positive * (negatives[g] + of_negative / 2)
        positives[g] += of_positive
        negatives[g] += of_negative
    return wins, positives * negatives
