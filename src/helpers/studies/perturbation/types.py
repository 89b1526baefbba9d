"""The type that loaders of drug-induced expression changes return."""

from __future__ import annotations

from collections.abc import Iterator
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
        and a compound stand together once; a compound has one LINCS id and one SMILES. An optional column
        ``block`` names rows that were compared with the same control measurements.
    values : DataFrame, rows x genes, float32
        The changes, with the index of ``rows``.
    unit : str
        One of :attr:`UNITS`.
    provenance : Provenance
    planted : array, rows x genes, optional
        Of simulated data: the changes without the noise of single rows.
    """

    name: str
    rows: pd.DataFrame
    values: pd.DataFrame
    unit: str
    provenance: Provenance = field(default_factory=lambda: Provenance("simulated"))
    planted: np.ndarray | None = None

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

    @property
    def has_structures(self) -> bool:
        """Whether the SMILES strings are structures; the compounds' names stand in their place otherwise."""
        return bool((self.rows["smiles"] != self.rows["compound"]).any())

    def __post_init__(self) -> None:
        for fault in self._faults():
            msg = f"{self.name}: {fault}"
            raise DataError(msg)

    def _faults(self) -> Iterator[str]:
        """Yield what is wrong; each check relies on those before it."""
        rows, values = self.rows, self.values
        missing = [column for column in self.COLUMNS if column not in rows.columns]
        if missing:
            yield f"rows lack the column(s) {missing}"
        if rows.empty or values.shape[1] == 0:
            yield f"no rows or no genes; got {values.shape}"
        if not rows.index.equals(values.index):
            yield "rows and values must have the same index"
        if self.planted is not None and self.planted.shape != values.shape:
            yield f"planted changes have shape {self.planted.shape}, expected {values.shape}"
        if values.columns.has_duplicates:
            yield f"gene(s) stand twice, first {list(values.columns[values.columns.duplicated()][:3])}"
        if rows[list(self.COLUMNS)].isna().any(axis=None):
            yield "rows hold missing entries; every row needs cell, compound, id and SMILES"
        twice = rows[rows.duplicated(["cell", "compound"])]
        if len(twice):
            first = tuple(twice.iloc[0][["cell", "compound"]])
            yield f"{first} stands twice; one row a cell and compound"
        for column in ("lincs_id", "smiles"):
            if rows.groupby("compound")[column].nunique().max() > 1:
                yield f"a compound has two entries in {column}; one each is needed"
        unknown = set(rows["split"]) - set(self.SPLITS)
        if unknown:
            yield f"unknown split(s) {sorted(unknown)}; one of {', '.join(self.SPLITS)}"
        if self.unit not in self.UNITS:
            yield f"unknown unit {self.unit!r}; one of {', '.join(self.UNITS)}"
        bad = values.index[~np.isfinite(values.to_numpy()).all(axis=1)]
        if len(bad):
            yield f"NaN or infinite changes in {len(bad)} row(s), first {list(bad[:3])}"

    @property
    def matrix(self) -> np.ndarray:
        """The changes as an array, rows x genes, float32."""
        return self.values.to_numpy(np.float32)

    @property
    def genes(self) -> pd.Index:
        """Names of the genes."""
        return self.values.columns

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
        genes = self.genes if genes is None else genes
        planted = self.planted
        if planted is not None:
            planted = planted[np.ix_(keep, self.genes.get_indexer(genes))]
        return replace(
            self,
            planted=planted,
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
        return self.subset(genes=self.genes[np.linspace(0, total - 1, n_genes).round().astype(int)])
