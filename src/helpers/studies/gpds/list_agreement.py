"""How much ranked gene lists agree: with each other, over seeds, and over halves of the lines."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

import numpy as np
import pandas as pd
from scipy import stats

from helpers.bounds import check_number
from helpers.checks import as_numbers, check_numbers, check_table, refuse
from helpers.studies.gpds.checks import check_bulk
from helpers.studies.gpds.correlations import pearson_scores


def list_similarity(lists: Mapping[str, pd.DataFrame], tail: int = 50) -> pd.DataFrame:
    """Likeness of each pair of lists.

    Parameters
    ----------
    lists : mapping of str to DataFrame, genes x drugs
        :attr:`GeneLists.scores`.
    tail : int
        Genes at either end whose overlap is counted (sheet: 250 of 2,855).

    Returns
    -------
    DataFrame
        One row a pair and drug: ``first``, ``second``, ``drug``, ``spearman``, ``overlap`` (mean share of
        both tails in common), ``chance`` (overlap of random lists).

    Raises
    ------
    DataError
        If lists have other genes or drugs, or hold NaN, or the tail is no number of their genes.
    """
    if not isinstance(lists, Mapping) or not lists:
        refuse("list_similarity", f"needs lists by name; got {type(lists).__name__}")
    first_list = next(iter(lists.values()))
    for name, scores in lists.items():
        check_table(scores, name, "list")
        check_numbers(scores, name, "list")
        if set(scores.index) != set(first_list.index) or not first_list.columns.isin(scores.columns).all():
            refuse(name, "has other genes or drugs than the first list")
    check_number("tail", tail, 1, len(first_list), whole=True)
    rows = []
    for first, second in combinations(lists, 2):
        a, b = lists[first], lists[second]
        b = b if b.index.equals(a.index) else b.loc[a.index]
        for drug in a.columns:
            ranks = [stats.rankdata(scores[drug]) for scores in (a, b)]
            rho = np.corrcoef(*ranks)[0, 1] if all(np.ptp(rank) for rank in ranks) else np.nan
            rows.append((first, second, drug, rho, _tail_overlap(a[drug], b[drug], tail), tail / len(a)))
    return pd.DataFrame(rows, columns=["first", "second", "drug", "spearman", "overlap", "chance"])


def split_half_reliability(
    expression: pd.DataFrame, response: pd.DataFrame, repeats: int = 20, seed: int = 0
) -> pd.DataFrame:
    """Spearman correlation of the Pearson lists of two random halves of the lines.

    An upper limit for the agreement of any two lists of a drug.

    Returns
    -------
    DataFrame
        ``drug``, ``repeat``, ``spearman``.

    Raises
    ------
    DataError
        If a table cannot be used, or fewer than four lines are in both.
    """
    check_number("repeats", repeats, 1, whole=True)
    check_number("seed", seed, 0, whole=True)
    check_bulk(expression, response)
    if len(expression.index.intersection(response.index)) < 4:
        refuse("split_half_reliability", "fewer than four lines have both tables", "compare their ids")
    lines = expression.index.intersection(response.index)
    x, y = expression.loc[lines].to_numpy(float), response.loc[lines].to_numpy(float)
    rng = np.random.default_rng(seed)
    rows = []
    for repeat in range(repeats):
        order = rng.permutation(len(lines))
        halves = [pearson_scores(x[part], y[part]) for part in np.array_split(order, 2)]
        ranks = [stats.rankdata(half, axis=0) for half in halves]
        for j, drug in enumerate(response.columns):
            rows.append((drug, repeat, np.corrcoef(ranks[0][:, j], ranks[1][:, j])[0, 1]))
    return pd.DataFrame(rows, columns=["drug", "repeat", "spearman"])


def mean_agreement(scores: np.ndarray) -> float:
    """Mean Spearman correlation between all pairs of rows; NaN with fewer than two rows."""
    if np.ndim(scores) != 2 or not np.size(as_numbers(scores, "scores", finite=True)):
        refuse("mean_agreement", f"needs rows of finite scores; got shape {np.shape(scores)}")
    if len(scores) < 2:
        return np.nan
    correlation = np.corrcoef(stats.rankdata(scores, axis=1))
    return float(correlation[np.triu_indices(len(scores), 1)].mean())


def _tail_overlap(a: pd.Series, b: pd.Series, tail: int) -> float:
    ends = [(set(s.nlargest(tail).index), set(s.nsmallest(tail).index)) for s in (a, b)]
    return float(np.mean([len(ends[0][i] & ends[1][i]) / tail for i in (0, 1)]))
