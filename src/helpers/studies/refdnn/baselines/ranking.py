"""Rankings of lines by their measured response to other drugs: null models for unseen drugs.

Scores are ranks in (0, 1), high = resistant; they order lines within a drug and are no probabilities.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from helpers.checks import as_numbers, refuse
from helpers.errors import DataError
from helpers.studies.refdnn.baselines.base import PairClassifier
from helpers.studies.refdnn.features import PairFeatures


def rank_table(codes: np.ndarray, value: np.ndarray | None, features: PairFeatures) -> np.ndarray:
    """Rank lines by response within each drug.

    Parameters
    ----------
    codes : array (n, 2)
    value : array (n,)
        Log IC50; NaN is left out, repeated pairs are averaged.
    features : PairFeatures

    Returns
    -------
    array, lines x drugs
        ``(rank - 0.5) / measured lines``, ties share their average rank; NaN where unmeasured.

    Raises
    ------
    DataError
        If no value is known, or values are no numbers, one a pair.
    """
    if value is not None and np.shape(value) != (len(codes),):
        refuse("ranks of IC50", f"value has shape {np.shape(value)}, expected ({len(codes)},)")
    value = None if value is None else as_numbers(value, "ranks of IC50")
    table = pd.DataFrame({"line": codes[:, 0], "drug": codes[:, 1], "value": value}).dropna()
    if table.empty:
        msg = "no measured response among the training pairs: ranks of IC50 need value"
        raise DataError(msg)
    mean = table.groupby(["line", "drug"])["value"].mean()
    by_drug = mean.groupby(level="drug")
    rank = (by_drug.rank() - 0.5) / by_drug.transform("size")
    ranks = np.full((len(features.line_names), len(features.drug_names)), np.nan)
    ranks[rank.index.get_level_values("line"), rank.index.get_level_values("drug")] = rank
    return ranks


class MeanRankOfLine(PairClassifier):
    """Mean rank of the line's IC50 over the training drugs; 0.5 for a line without one.

    Parameters
    ----------
    features : PairFeatures

    Attributes
    ----------
    rank_ : array (lines,)
    """

    needs_value = True

    def __init__(self, features: PairFeatures) -> None:
        self.features = features

    def _fit(self, codes: np.ndarray, y: np.ndarray, validation: object, value: np.ndarray | None) -> None:
        ranks = rank_table(codes, value, self.features)
        count = (~np.isnan(ranks)).sum(axis=1)
        self.rank_ = np.where(count > 0, np.nansum(ranks, axis=1) / np.maximum(count, 1), 0.5)

    def _score(self, codes: np.ndarray) -> np.ndarray:
        return self.rank_[codes[:, 0]]


class NearestDrugRank(PairClassifier):
    """Rank of the line's IC50 under the structurally most similar training drug that measured it.

    The drug itself counts as a training drug if it has training pairs. Drugs equally similar are
    taken in alphabetical order; a line without any measurement gets 0.5.

    Parameters
    ----------
    features : PairFeatures

    Attributes
    ----------
    ranks_ : array, lines x drugs
    """

    needs_value = True

    def __init__(self, features: PairFeatures) -> None:
        self.features = features

    def _fit(self, codes: np.ndarray, y: np.ndarray, validation: object, value: np.ndarray | None) -> None:
        self.ranks_ = rank_table(codes, value, self.features)

    def _score(self, codes: np.ndarray) -> np.ndarray:
        score = np.full(len(codes), 0.5)
        for drug in np.unique(codes[:, 1]):
            rows = np.flatnonzero(codes[:, 1] == drug)
            nearest_first = np.argsort(-self.features.similarity[drug], kind="stable")
            ranks = self.ranks_[codes[rows, 0]][:, nearest_first]
            measured = ~np.isnan(ranks)
            found = measured.any(axis=1)
            score[rows[found]] = ranks[found, measured[found].argmax(axis=1)]
        return score
