"""The type of pre- and post-treatment profiles."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from helpers.data.types import Provenance
from helpers.errors import DataError

#: Columns that the table of pairs always has.
PAIR_COLUMNS = ("line", "drug", "batch", "dose", "time", "smiles")


@dataclass(frozen=True, eq=False)
class PerturbationPairs:
    """Expression before and after a treatment, pair by pair, and profiles without a partner.

    L1000 has no measurement before treatment: "pre" is a vehicle profile of the same line.

    Attributes
    ----------
    name : str
        Data set, e.g. ``"transigen"``.
    pre, post : DataFrame, pairs x genes, float32
        Log2 expression; same index (pair id) and same columns (gene symbol).
    pairs : DataFrame
        Same index; ``line``, ``drug``, ``batch`` (plate; empty where unknown), ``dose`` (uM) and
        ``time`` (h), both NaN where unknown, ``smiles`` (empty where unknown). Rows that agree in
        line and drug are replicates.
    singletons : DataFrame, profiles x genes, float32
        Untreated profiles without a treated partner; same columns, may have no row.
    singleton_lines : Series
        Line of each singleton, by its index.
    provenance : Provenance

    Raises
    ------
    DataError
        If the tables do not fit together, or a value is NaN or infinite.
    """

    name: str
    pre: pd.DataFrame
    post: pd.DataFrame
    pairs: pd.DataFrame
    singletons: pd.DataFrame
    singleton_lines: pd.Series
    provenance: Provenance = field(default_factory=lambda: Provenance("simulated"))

    @property
    def tier(self) -> str:
        """Tier of the data: ``"paper"``, ``"panel"`` or ``"simulated"``."""
        return self.provenance.tier

    @property
    def counts(self) -> str:
        """How much the data hold, in words."""
        lines, drugs = (self.pairs[column].nunique() for column in ("line", "drug"))
        text = f"{len(self.pre):,} pairs, {lines:,} lines, {drugs:,} drugs, {self.pre.shape[1]:,} genes"
        return text + (f", {len(self.singletons):,} singletons" if len(self.singletons) else "")

    @property
    def change(self) -> pd.DataFrame:
        """Post minus pre, pairs x genes."""
        return self.post - self.pre

    def __post_init__(self) -> None:
        if len(self.pre) != len(self.post) or len(self.pre) != len(self.pairs):
            msg = (
                f"{self.name}: {len(self.pre)} pre-treatment and {len(self.post)} post-treatment profiles "
                f"for {len(self.pairs)} pairs; every pair needs both"
            )
            raise DataError(msg)
        if self.pre.empty:
            msg = f"{self.name}: there are no pairs"
            raise DataError(msg)
        if not (self.pre.index.equals(self.post.index) and self.pre.index.equals(self.pairs.index)):
            msg = f"{self.name}: pre, post and pairs must have the same index in the same order"
            raise DataError(msg)
        if self.pre.index.has_duplicates or self.singletons.index.has_duplicates:
            msg = f"{self.name}: the ids of pairs, and of singletons, must be unique"
            raise DataError(msg)
        self._check_genes()
        for what, table in (("pre", self.pre), ("post", self.post), ("singletons", self.singletons)):
            bad = table.index[~np.isfinite(table.to_numpy()).all(axis=1)]
            if len(bad):
                msg = (
                    f"{self.name}: {what} holds NaN or infinite values in {len(bad)} profile(s), first "
                    f"{list(bad[:3])}; drop or impute them first"
                )
                raise DataError(msg)
        missing = [column for column in PAIR_COLUMNS if column not in self.pairs]
        if missing:
            msg = f"{self.name}: pairs lacks the column(s) {missing}"
            raise DataError(msg)
        names = self.pairs[["line", "drug"]]
        unnamed = (names.isna() | (names == "")).any(axis=1)
        if unnamed.any():
            first = self.pairs.index[unnamed][0]
            msg = f"{self.name}: {int(unnamed.sum())} pair(s) have no line or no drug, first {first!r}"
            raise DataError(msg)
        if not self.singleton_lines.index.equals(self.singletons.index):
            msg = (
                f"{self.name}: singleton_lines must name a line for each of {len(self.singletons)} singletons"
            )
            raise DataError(msg)

    def _check_genes(self) -> None:
        if self.pre.columns.has_duplicates:
            twice = list(self.pre.columns[self.pre.columns.duplicated()][:3])
            msg = f"{self.name}: duplicated gene(s), first {twice}"
            raise DataError(msg)
        for what, table in (("post", self.post), ("singletons", self.singletons)):
            if not table.columns.equals(self.pre.columns):
                missing = list(self.pre.columns.difference(table.columns)[:3])
                extra = list(table.columns.difference(self.pre.columns)[:3])
                msg = (
                    f"{self.name}: {what} and pre differ in their genes or in their order; "
                    f"missing {missing}, extra {extra}"
                )
                raise DataError(msg)

    def subset(self, keep: np.ndarray | pd.Series) -> PerturbationPairs:
        """Return the pairs where ``keep`` (one truth value a pair) is true; all singletons stay."""
        keep = np.asarray(keep, dtype=bool)
        if keep.shape != (len(self.pairs),):
            msg = f"{self.name}: keep must hold one truth value for each of {len(self.pairs)} pairs"
            raise DataError(msg)
        return replace(self, pre=self.pre[keep], post=self.post[keep], pairs=self.pairs[keep])

    def of_drug(self, drug: str) -> PerturbationPairs:
        """Return the pairs of one drug; all singletons stay.

        Raises
        ------
        DataError
            If no pair has this drug; the message names those there are.
        """
        keep = (self.pairs["drug"] == drug).to_numpy()
        if not keep.any():
            msg = f"{self.name} has no drug {drug!r}; it has {', '.join(sorted(self.pairs['drug'].unique()))}"
            raise DataError(msg)
        return self.subset(keep)

    def without_singletons_of(self, lines: np.ndarray | pd.Index) -> pd.DataFrame:
        """Return the singletons whose line is not among ``lines`` (those that a test fold holds)."""
        return self.singletons[~self.singleton_lines.isin(np.asarray(lines)).to_numpy()]

    def drugs(self) -> pd.DataFrame:
        """Count ``lines``, ``pairs``, ``most`` (pairs of one line) of each drug; the largest first."""
        groups = self.pairs.groupby("drug", sort=True)
        table = pd.DataFrame(
            {
                "lines": groups["line"].nunique(),
                "pairs": groups.size(),
                "most": groups["line"].agg(lambda line: line.value_counts().iloc[0]),
            }
        )
        return table.sort_values(["lines", "pairs"], ascending=False, kind="stable")


def take_genes(table: pd.DataFrame, genes: pd.Index, what: str) -> pd.DataFrame:
    """Return the columns ``genes`` of ``table`` in this order.

    Raises
    ------
    DataError
        If a gene is missing; the message names the first three.
    """
    missing = genes.difference(table.columns)
    if len(missing):
        msg = (
            f"{what} lacks {len(missing)} of {len(genes)} genes, first {list(missing[:3])}; "
            "use profiles with the same genes, named by symbol"
        )
        raise DataError(msg)
    return table.loc[:, genes]
