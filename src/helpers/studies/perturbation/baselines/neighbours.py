"""Predictors of expression changes that copy from similar cells or similar compounds."""

from __future__ import annotations

import numpy as np
import pandas as pd
from rdkit import Chem
from rdkit.Chem import rdFingerprintGenerator
from rdkit.DataStructs import BulkTanimotoSimilarity, ExplicitBitVect

from helpers.bounds import check_number
from helpers.errors import DataError
from helpers.studies.perturbation.baselines.simple import SimplePredictor, group_means


class _Tabled(SimplePredictor):
    """A model that needs the training rows as a table of cell x compound."""

    def _fit(self, cell: np.ndarray, compound: np.ndarray, values: np.ndarray) -> None:
        self.cell_mean_ = group_means(cell, values)
        self.residual_ = values - self.cell_mean_[cell]
        if len(np.unique(np.stack([cell, compound]), axis=1).T) < len(values):
            msg = (
                f"{type(self).__name__}: a cell and a compound stand together twice; average such rows first"
            )
            raise DataError(msg)
        self.row_ = np.full((len(self.cells_), len(self.compounds_)), -1)
        self.row_[cell, compound] = np.arange(len(values))

    def _cell_mean(self, code: int) -> np.ndarray:
        return self.cell_mean_[code] if code >= 0 else self.mean_


class CompoundNeighbours(_Tabled):
    """Cell mean plus the deviation that the compound's nearest neighbours show in that cell.

    Neighbours are found by the deviations from the cell means that two compounds share in other
    cells (``by="response"``; half of the prediction is then the compound's own mean deviation in
    the other cells), or by structure (``by="structure"``: Tanimoto similarity of Morgan
    fingerprints, radius 2, 2,048 bits), which also serves compounds that training has not seen.

    Parameters
    ----------
    k : int
        Number of neighbours among the compounds measured in the cell.
    by : {"response", "structure"}

    Attributes
    ----------
    similarity_ : array (compounds, compounds) or None
        Of responses; NaN where two compounds share no cell.
    """

    def __init__(self, k: int = 5, by: str = "response") -> None:
        self.k = k
        self.by = by

    def _columns(self) -> tuple[str, ...]:
        return (*super()._columns(), *(("smiles",) if self.by == "structure" else ()))

    def _remember(self, rows: pd.DataFrame) -> None:
        check_number("k", self.k, 1, whole=True)
        if self.by not in ("response", "structure"):
            msg = f"unknown neighbourhood {self.by!r}; one of response, structure"
            raise DataError(msg)
        if self.by == "structure":
            smiles = rows.drop_duplicates("compound").set_index("compound")["smiles"].loc[self.compounds_]
            self.prints_ = [morgan(text) for text in smiles]

    def _fit(self, cell: np.ndarray, compound: np.ndarray, values: np.ndarray) -> None:
        super()._fit(cell, compound, values)
        self.similarity_ = None
        if self.by == "response":
            total, count = _shared_cosines(self.residual_, self.row_)
            with np.errstate(invalid="ignore"):
                self.similarity_ = total / np.where(count > 0, count, np.nan)

    def _predict(self, cell: np.ndarray, compound: np.ndarray, rows: pd.DataFrame) -> np.ndarray:
        predicted = np.stack([self._cell_mean(c) for c in cell]).astype(np.float32)
        for i, (c, d) in enumerate(zip(cell, compound, strict=True)):
            if self.by == "structure":
                similarity = np.array(BulkTanimotoSimilarity(morgan(rows["smiles"].iloc[i]), self.prints_))
            elif d < 0 or self.similarity_ is None:
                continue
            else:
                similarity = self.similarity_[d]
            near = self._neighbours(c, d, similarity)
            own = None
            if self.by == "response":
                own = self.residual_[[r for k, r in enumerate(self.row_[:, d]) if r >= 0 and k != c]]
            parts = [part.mean(axis=0) for part in (near, own) if part is not None and len(part)]
            if parts:
                predicted[i] += np.mean(parts, axis=0)
        return predicted

    def _neighbours(self, c: int, d: int, similarity: np.ndarray) -> np.ndarray | None:
        """Deviations of the nearest compounds measured in cell ``c`` (in any cell if it is unseen)."""
        if c < 0:
            return None
        candidates = np.flatnonzero((self.row_[c] >= 0) & (np.arange(self.row_.shape[1]) != d))
        candidates = candidates[~np.isnan(similarity[candidates])]
        nearest = candidates[np.argsort(-similarity[candidates], kind="stable")[: self.k]]
        return self.residual_[self.row_[c, nearest]]


class NearestCellCopy(_Tabled):
    """The compound's own row in the most similar cell; the cell mean where there is none.

    Cells are compared by the mean cosine of their rows for the compounds that both have in
    training; cells that share none come last.

    Attributes
    ----------
    similarity_ : array (cells, cells)
    """

    def _fit(self, cell: np.ndarray, compound: np.ndarray, values: np.ndarray) -> None:
        super()._fit(cell, compound, values)
        self.values_ = values
        total, count = _shared_cosines(values, self.row_.T)
        self.similarity_ = np.where(count > 0, total / np.maximum(count, 1), -2.0)

    def _predict(self, cell: np.ndarray, compound: np.ndarray, rows: pd.DataFrame) -> np.ndarray:
        predicted = np.stack([self._cell_mean(c) for c in cell]).astype(np.float32)
        for i, (c, d) in enumerate(zip(cell, compound, strict=True)):
            if d < 0:
                continue
            others = np.flatnonzero((self.row_[:, d] >= 0) & (np.arange(len(self.cells_)) != c))
            if len(others) == 0:
                continue
            if c >= 0:
                source = others[np.argmax(self.similarity_[c, others])]
                predicted[i] = self.values_[self.row_[source, d]]
            else:
                predicted[i] = self.values_[self.row_[others, d]].mean(axis=0)
        return predicted


def _shared_cosines(values: np.ndarray, tabled: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sum, over the rows of ``tabled``, of cosines between its columns, and how many were added."""
    unit = values / np.maximum(np.linalg.norm(values, axis=1), 1e-12)[:, None]
    n = tabled.shape[1]
    total, count = np.zeros((n, n)), np.zeros((n, n))
    for rows in tabled:
        there = np.flatnonzero(rows >= 0)
        part = unit[rows[there]]
        total[np.ix_(there, there)] += part @ part.T
        count[np.ix_(there, there)] += 1
    return total, count


def morgan(smiles: str) -> ExplicitBitVect:
    """Return the Morgan fingerprint of a structure (radius 2, 2,048 bits).

    Raises
    ------
    DataError
        If RDKit cannot read the structure.
    """
    molecule = Chem.MolFromSmiles(smiles) if isinstance(smiles, str) and smiles else None
    if molecule is None:
        msg = f"RDKit cannot read the structure {smiles!r}"
        raise DataError(msg)
    return _GENERATOR.GetFingerprint(molecule)


_GENERATOR = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=2048)
