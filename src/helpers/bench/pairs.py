"""What estimators see of pairs: columns made inside each fold, of nothing but its training part."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from sklearn.metrics import pairwise_distances

from helpers.data.types import ResponseData
from helpers.errors import ParameterError
from helpers.evaluation.protocol import Fold

#: Blocks of columns: which drug, how like each training drug it is, the line's genes.
FEATURES = ("one-hot", "structure", "expression")
_GENES = 500  # of largest variance among the training lines; pairs x all genes do not fit in memory


@dataclass(frozen=True, eq=False)
class Pairs:
    """Measured pairs as arrays, with what is known of their lines and drugs.

    Attributes
    ----------
    data : ResponseData
    y : array (pairs,)
        What is predicted.
    """

    data: ResponseData
    y: np.ndarray

    @cached_property
    def line(self) -> np.ndarray:
        """Position of each pair's line in the expression."""
        return self.data.expression.index.get_indexer(self.data.response["line"])

    @cached_property
    def drug(self) -> np.ndarray:
        """Position of each pair's drug in the fingerprints."""
        return self.data.fingerprints.index.get_indexer(self.data.response["drug"])

    @cached_property
    def similarity(self) -> np.ndarray:
        """Tanimoto similarity of all drugs."""
        bits = self.data.fingerprints.to_numpy(bool)
        return (1 - pairwise_distances(bits, metric="jaccard")).astype(np.float32)

    def genes(self, fold: Fold) -> np.ndarray:
        """Return the most variable genes of all lines, standardised by the training lines of a fold."""
        table = self.data.expression.to_numpy(np.float32)
        seen = table[np.unique(self.line[fold.train])]
        kept = np.sort(np.argsort(-seen.var(axis=0), kind="stable")[:_GENES])
        spread = seen[:, kept].std(axis=0)
        return (table[:, kept] - seen[:, kept].mean(axis=0)) / np.where(spread > 0, spread, 1)

    def columns(self, fold: Fold, features: Collection[str]) -> pd.DataFrame:
        """Return the blocks ``features`` of all pairs as numbers, with names.

        Raises
        ------
        ParameterError
            If a block is unknown, or none is asked for.
        """
        unknown = set(features) - set(FEATURES)
        if unknown or not features:
            msg = f"unknown features {sorted(unknown)}; one or more of {', '.join(FEATURES)}"
            raise ParameterError(msg)
        drugs = np.unique(self.drug[fold.train])
        names = self.data.fingerprints.index[drugs]
        blocks = {
            "one-hot": lambda: (np.eye(len(self.similarity), dtype=np.float32)[:, drugs][self.drug], "drug"),
            "structure": lambda: (self.similarity[:, drugs][self.drug], "like"),
            "expression": lambda: (self.genes(fold)[self.line], "gene"),
        }
        parts, columns = [], []
        for feature in FEATURES:
            if feature in features:
                values, what = blocks[feature]()
                parts.append(values)
                named = names if what != "gene" else range(values.shape[1])
                columns += [f"{what} {name}" for name in named]
        return pd.DataFrame(np.hstack(parts), columns=columns)
