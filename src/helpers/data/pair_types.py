"""The type of pre- and post-treatment profiles."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from helpers.checks import check_columns, check_keep, check_log_scale, check_numbers, refuse
from helpers.data.types import Provenance

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
        tables = {what: getattr(self, what) for what in ("pre", "post", "singletons")}
        check_columns(self.pairs, PAIR_COLUMNS, self.name, "pairs")
        for what, table in tables.items():
            check_columns(table, (), self.name, what)
        if len(self.pre) != len(self.post) or len(self.pre) != len(self.pairs):
            counts = f"{len(self.pre)} pre-treatment and {len(self.post)} post-treatment profiles"
            refuse(self.name, f"{counts} for {len(self.pairs)} pairs", "every pair needs both")
        if self.pre.empty:
            refuse(self.name, "there are no pairs")
        if not (self.pre.index.equals(self.post.index) and self.pre.index.equals(self.pairs.index)):
            refuse(self.name, "pre, post and pairs must have the same index in the same order")
        if self.pre.index.has_duplicates or self.singletons.index.has_duplicates:
            refuse(self.name, "the ids of pairs, and of singletons, must be unique")
        self._check_genes()
        for what, table in tables.items():
            check_numbers(table, self.name, what)
            check_log_scale(table.to_numpy(), self.name)
        names = self.pairs[["line", "drug"]]
        unnamed = (names.isna() | (names == "")).any(axis=1)
        if unnamed.any():
            first = self.pairs.index[unnamed][0]
            refuse(self.name, f"{int(unnamed.sum())} pair(s) have no line or no drug, first {first!r}")
        check_numbers(self.pairs[["dose", "time"]], self.name, "pairs", missing=True)
        if (self.pairs[["dose", "time"]] < 0).any(axis=None):
            refuse(self.name, "pairs: a dose or a time is negative", "give uM and hours; NaN where unknown")
        if self.pairs[["batch", "smiles"]].isna().any(axis=None):
            refuse(self.name, "pairs: batch or smiles is missing", "leave it empty ('') where unknown")
        if not isinstance(self.singleton_lines, pd.Series):
            refuse(self.name, f"singleton_lines must be a Series, got {type(self.singleton_lines).__name__}")
        if not self.singleton_lines.index.equals(self.singletons.index):
            refuse(
                self.name, f"singleton_lines must name a line for each of {len(self.singletons)} singletons"
            )

    def _check_genes(self) -> None:
        if self.pre.columns.has_duplicates:
            refuse(
                self.name,
                f"duplicated gene(s), first {list(self.pre.columns[self.pre.columns.duplicated()][:3])}",
            )
        for what, table in (("post", self.post), ("singletons", self.singletons)):
            if not table.columns.equals(self.pre.columns):
                missing = list(self.pre.columns.difference(table.columns)[:3])
                extra = list(table.columns.difference(self.pre.columns)[:3])
                problem = f"{what} and pre differ in their genes or in their order"
                refuse(self.name, problem, f"missing {missing}, extra {extra}")

    def subset(self, keep: np.ndarray | pd.Series) -> PerturbationPairs:
        """Return the pairs where ``keep`` (one truth value a pair) is true; all singletons stay."""
        keep = check_keep(keep, len(self.pairs), self.name, self.pairs)
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
            refuse(self.name, f"no drug {drug!r}; it has {', '.join(sorted(self.pairs['drug'].unique()))}")
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
    check_columns(table, (), what)
    genes = pd.Index([] if genes is None else genes)
    if genes.empty:
        refuse(what, "no genes were asked for")
    missing = genes.difference(table.columns)
    if len(missing):
        problem = f"lacks {len(missing)} of {len(genes)} genes, first {list(missing[:3])}"
        refuse(what, problem, "use profiles with the same genes, named by symbol")
    return table.loc[:, genes]
