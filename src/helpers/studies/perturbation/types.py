"""The type that loaders of drug-induced expression changes return."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np
import pandas as pd

from helpers.bounds import check_number
from helpers.checks import check_columns, check_keep, check_numbers, check_unique, refuse
from helpers.data.pair_types import take_genes
from helpers.data.types import Provenance
from helpers.errors import DataError


def check_rows(rows: pd.DataFrame, columns: Collection[str], where: object = "rows") -> None:
    """Refuse rows that are no table, are none, or lack a name in one of ``columns``.

    A name is text: 7 and "7" would be two compounds, and NaN one.
    """
    check_columns(rows, columns, where)
    if not len(rows):
        refuse(where, "there are none", "pass at least one row")
    for column in columns:
        nameless = np.array([not (isinstance(name, str) and name) for name in rows[column]])
        if nameless.any():
            problem = f"{int(nameless.sum())} missing entries, or no text, in {column!r}"
            refuse(where, f"{problem}, first in row {nameless.argmax()}", "every row needs a name there")


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
        check_columns(rows, self.COLUMNS, self.name, "rows")
        check_columns(values, (), self.name, "values")
        if rows.empty or values.shape[1] == 0:
            yield f"no rows or no genes; got {values.shape}"
        if not rows.index.equals(values.index):
            yield "rows and values must have the same index"
        check_unique(rows.index, self.name, "rows stand twice")
        check_unique(values.columns, self.name, "gene(s) stand twice")
        check_rows(rows, ("cell", "compound", "lincs_id", "smiles"), self.name)
        if not rows["control"].isin((0, 1)).all():
            yield "control must be true or false in every row"
        if "block" in rows and rows["block"].isna().any():
            yield "a row has no block; name one, or drop the column where no rows share controls"
        twice = rows[rows.duplicated(["cell", "compound"])]
        if len(twice):
            first = tuple(twice.iloc[0][["cell", "compound"]])
            yield f"{first} stands twice; one row a cell and compound"
        for column in ("lincs_id", "smiles"):
            if rows.groupby("compound")[column].nunique().max() > 1:
                yield f"a compound has two entries in {column}; one each is needed"
        check_splits(rows, self.name)
        if self.unit not in tuple(self.UNITS):
            yield f"unknown unit {self.unit!r}; one of {', '.join(self.UNITS)}"
        check_numbers(values, self.name, "values")
        if self.planted is not None:
            found = np.shape(self.planted)
            if not isinstance(self.planted, np.ndarray) or found != values.shape:
                yield f"planted changes must be an array of shape {values.shape}; got {found}"
            if self.planted.dtype.kind != "f" or not np.isfinite(self.planted).all():
                yield "planted changes hold text, NaN or infinite values"

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
        """Return the rows where ``keep`` is true (all by default) and the named genes (all by default).

        Raises
        ------
        DataError
            If ``keep`` does not say yes or no to every row, a gene is unknown, or nothing would be left.
        """
        every = keep is None
        keep = (
            np.ones(len(self.rows), dtype=bool)
            if every
            else check_keep(keep, len(self.rows), self.name, self.rows)
        )
        genes = self.genes if genes is None else take_genes(self.values, genes, self.name).columns
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

        Raises
        ------
        DataError
            If ``n_genes`` is no whole number, or negative.
        """
        check_number("n_genes", n_genes, 0, whole=True)
        total = self.values.shape[1]
        if n_genes == 0 or n_genes >= total:
            return self
        return self.subset(genes=self.genes[np.linspace(0, total - 1, n_genes).round().astype(int)])


def check_splits(rows: pd.DataFrame, where: object = "rows") -> None:
    """Refuse rows without the column ``split``, or with an entry there that is no split."""
    check_columns(rows, ("split",), where)
    unknown = set(map(str, rows["split"])) - set(ExpressionChanges.SPLITS)
    if unknown:
        refuse(where, f"unknown split(s) {sorted(unknown)}; one of {', '.join(ExpressionChanges.SPLITS)}")
