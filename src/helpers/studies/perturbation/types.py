"""The type that loaders of drug-induced expression changes return."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np
import pandas as pd

from helpers.data.types import Provenance
from helpers.errors import DataError


@dataclass(frozen=True, eq=False)
class ExpressionChanges:
    """Expression changes after drugs, one row a cell (type or line) with a compound.

    Attributes
    ----------
    name : str
        Data set, e.g. ``"Kaggle"``.
    rows : DataFrame
        Columns ``cell``, ``compound``, ``lincs_id``, ``smiles`` (str), ``control`` (bool: a positive
        control of the plate) and ``split`` (``"train"``, ``"public"`` or ``"private"``). A cell
        and a compound stand together once; a compound has one LINCS id and one SMILES.
    values : DataFrame, rows x genes, float32
        The changes, with the index of ``rows``.
    unit : str
        One of :attr:`UNITS`.
    provenance : Provenance
    """

    name: str
    rows: pd.DataFrame
    values: pd.DataFrame
    unit: str
    provenance: Provenance = field(default_factory=lambda: Provenance("simulated"))

    #: Units and the absolute change above which an entry counts as significant: p < 0.01, two
    #: standard deviations, and a doubling.
    UNITS: ClassVar[dict[str, float]] = {"signed -log10 p": 2.0, "z-score": 2.0, "log2 change": 1.0}
    COLUMNS: ClassVar[tuple[str, ...]] = ("cell", "compound", "lincs_id", "smiles", "control", "split")
    SPLITS: ClassVar[tuple[str, ...]] = ("train", "public", "private")

    @property
    def tier(self) -> str:
        """Tier of the data: ``"paper"``, ``"panel"`` or ``"simulated"``."""
        return self.provenance.tier

    @property
    def significant(self) -> float:
        """Absolute change above which an entry counts as significant."""
        return self.UNITS[self.unit]

    def __post_init__(self) -> None:
        missing = [column for column in self.COLUMNS if column not in self.rows.columns]
        if missing:
            msg = f"{self.name}: rows lack the column(s) {missing}"
            raise DataError(msg)
        if self.rows.empty or self.values.shape[1] == 0:
            msg = f"{self.name}: no rows or no genes; got {self.values.shape}"
            raise DataError(msg)
        if not self.rows.index.equals(self.values.index):
            msg = f"{self.name}: rows and values must have the same index"
            raise DataError(msg)
        if self.values.columns.has_duplicates:
            twice = list(self.values.columns[self.values.columns.duplicated()][:3])
            msg = f"{self.name}: gene(s) stand twice, first {twice}"
            raise DataError(msg)
        if self.rows[list(self.COLUMNS)].isna().any(axis=None):
            msg = f"{self.name}: rows hold missing entries; every row needs cell, compound, id and SMILES"
            raise DataError(msg)
        keys = self.rows[["cell", "compound"]]
        if keys.duplicated().any():
            first = tuple(keys[keys.duplicated()].iloc[0])
            msg = f"{self.name}: {first} stands twice; one row a cell and compound"
            raise DataError(msg)
        for column in ("lincs_id", "smiles"):
            if self.rows.groupby("compound")[column].nunique().max() > 1:
                msg = f"{self.name}: a compound has two entries in {column}; one each is needed"
                raise DataError(msg)
        unknown = set(self.rows["split"]) - set(self.SPLITS)
        if unknown:
            msg = f"{self.name}: unknown split(s) {sorted(unknown)}; one of {', '.join(self.SPLITS)}"
            raise DataError(msg)
        if self.unit not in self.UNITS:
            msg = f"{self.name}: unknown unit {self.unit!r}; one of {', '.join(self.UNITS)}"
            raise DataError(msg)
        if not np.isfinite(self.values.to_numpy()).all():
            bad = self.values.index[~np.isfinite(self.values.to_numpy()).all(axis=1)]
            msg = f"{self.name}: NaN or infinite changes in {len(bad)} row(s), first {list(bad[:3])}"
            raise DataError(msg)

    @property
    def matrix(self) -> np.ndarray:
        """The changes as an array, rows x genes, float32."""
        return self.values.to_numpy(np.float32)

    def facts(self) -> dict[str, object]:
        """Size, unit and tier, for a table of data sets."""
        return {
            "rows": len(self.rows),
            "cells": self.rows["cell"].nunique(),
            "compounds": self.rows["compound"].nunique(),
            "genes used": self.values.shape[1],
            "unit": self.unit,
            "tier": self.tier,
        }

    def cell_means(self) -> pd.DataFrame:
        """Mean change of each cell over its training rows, cells x genes."""
        train = (self.rows["split"] == "train").to_numpy()
        return self.values[train].groupby(self.rows.loc[train, "cell"].to_numpy()).mean()

    def subset(self, keep: np.ndarray | None = None, genes: pd.Index | None = None) -> ExpressionChanges:
        """Return the rows where ``keep`` is true (all by default) and the named genes (all by default)."""
        keep = np.ones(len(self.rows), dtype=bool) if keep is None else np.asarray(keep, dtype=bool)
        genes = self.values.columns if genes is None else genes
        return replace(
            self,
            rows=self.rows.loc[keep].reset_index(drop=True),
            values=self.values.loc[keep, genes].reset_index(drop=True),
        )

    def thin(self, n_genes: int) -> ExpressionChanges:
        """Return ``n_genes`` genes at equal steps through the list (all of them if it is 0).

        Gene lists are sorted by name or probe, so the choice knows nothing of the changes.
        """
        total = self.values.shape[1]
        if n_genes <= 0 or n_genes >= total:
            return self
        return self.subset(genes=self.values.columns[np.linspace(0, total - 1, n_genes).round().astype(int)])
