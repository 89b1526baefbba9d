"""The plain types that loaders return."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from helpers.checks import (
    check_annotation,
    check_columns,
    check_direction,
    check_gene_names,
    check_keep,
    check_log_response,
    check_log_scale,
    check_numbers,
    check_table,
    refuse,
)

#: ``own`` are a user's files, which no registry knows.
TIERS = ("paper", "panel", "own", "simulated")


@dataclass(frozen=True)
class SourceFile:
    """One input file as it was read: the registry's name for it and its sha256."""

    name: str
    sha256: str


@dataclass(frozen=True)
class Provenance:
    """Where data come from and what was dropped on the way.

    Attributes
    ----------
    tier : {"paper", "panel", "own", "simulated"}
        Which tier the data belong to.
    files : tuple of SourceFile
        Input files (empty for simulated data); own data name each file that they were read from.
    notes : tuple of str
        What the loader dropped, renamed or inferred, with counts; one sentence each.
    """

    tier: str
    files: tuple[SourceFile, ...] = ()
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.tier not in TIERS:
            refuse("provenance", f"unknown tier {self.tier!r}; one of {', '.join(TIERS)}")
        for what, entries, kind in (("files", self.files, SourceFile), ("notes", self.notes, str)):
            if not isinstance(entries, tuple) or not all(isinstance(entry, kind) for entry in entries):
                refuse("provenance", f"{what} must be a tuple of {kind.__name__}, got {entries!r}")


@dataclass(frozen=True)
class ResponseData:
    """Drug response of bulk cell lines.

    Attributes
    ----------
    name : str
        Data set, e.g. ``"CCLE"``.
    expression : DataFrame, lines x genes, float32
        Log-scale expression; index = line, columns = gene.
    response : DataFrame
        One row a measured pair; columns ``line``, ``drug`` (both str), ``resistant`` (int8, 1
        or 0) and ``value`` (float, the logarithm of the IC50 in uM; NaN where unknown).
        A (line, drug) key may repeat where the source repeats it.
    fingerprints : DataFrame, drugs x bits, uint8
        Binary structure fingerprints; index = drug.
    lines : DataFrame
        Index = line; at least ``cancer_type`` (str).
    drugs : DataFrame
        Index = drug; at least ``pathway`` (str, ``"unknown"`` where missing).
    provenance : Provenance
    """

    name: str
    expression: pd.DataFrame
    response: pd.DataFrame
    fingerprints: pd.DataFrame
    lines: pd.DataFrame
    drugs: pd.DataFrame
    provenance: Provenance = field(default_factory=lambda: Provenance("simulated"))

    @property
    def tier(self) -> str:
        """Tier of the data: ``"paper"``, ``"panel"`` or ``"simulated"``."""
        return self.provenance.tier

    def __post_init__(self) -> None:
        if not isinstance(self.provenance, Provenance):
            refuse(self.name, f"provenance must be a Provenance, got {self.provenance!r}")
        for what in ("expression", "fingerprints"):
            table = getattr(self, what)
            check_table(table, self.name, what)
            check_numbers(table, self.name, what)
        check_gene_names(self.expression.columns, self.name)
        check_log_scale(self.expression.to_numpy(), self.name)
        if not np.isin(self.fingerprints.to_numpy(), (0, 1)).all():
            refuse(self.name, "fingerprints must hold only 0 and 1")
        check_columns(self.response, ("line", "drug", "resistant", "value"), self.name, "response")
        check_annotation(self.lines, "cancer_type", self.name, "lines")
        check_annotation(self.drugs, "pathway", self.name, "drugs")
        if self.response.empty:
            refuse(self.name, "response has no row")
        if not self.response["resistant"].isin((0, 1)).all():
            refuse(self.name, "response: resistant must be 1, or 0 where the line is sensitive")
        check_numbers(self.response[["value"]], self.name, "response", missing=True)
        self._check_known("line", self.expression.index, "expression")
        self._check_known("line", self.lines.index, "the line annotation")
        self._check_known("drug", self.fingerprints.index, "the fingerprints")
        self._check_known("drug", self.drugs.index, "the drug annotation")
        value = self.response["value"].to_numpy(float)
        check_log_response(value, self.name)
        drug, resistant = self.response["drug"].to_numpy(), self.response["resistant"].to_numpy()
        check_direction(drug, value, resistant, self.name, "ln IC50")

    def _check_known(self, column: str, known: pd.Index, where: str) -> None:
        unknown = pd.Index(self.response[column].unique()).difference(known)
        if len(unknown):
            problem = f"response names {len(unknown)} {column}(s) that {where} does not have"
            refuse(self.name, f"{problem}, first {list(unknown[:3])}")

    def subset(self, keep: np.ndarray | pd.Series) -> ResponseData:
        """Return the data restricted to the response rows where ``keep`` is true.

        Lines and drugs without a remaining pair are dropped from every table.
        """
        chosen = check_keep(keep, len(self.response), self.name)
        response = self.response.loc[chosen].reset_index(drop=True)
        if response.empty:
            refuse(self.name, "no response row is left after the subset")
        lines = self.expression.index[self.expression.index.isin(response["line"])]
        drugs = self.fingerprints.index[self.fingerprints.index.isin(response["drug"])]
        return replace(
            self,
            expression=self.expression.loc[lines],
            response=response,
            fingerprints=self.fingerprints.loc[drugs],
            lines=self.lines.loc[lines],
            drugs=self.drugs.loc[drugs],
        )


@dataclass(frozen=True)
class BulkPanel:
    """Expression and drug response of bulk cell lines as two matrices.

    Attributes
    ----------
    name : str
        Response data set, e.g. ``"GDSC2"``.
    expression : DataFrame, lines x genes, float32
        log2(TPM + 1); index = model id, columns = gene symbol.
    response : DataFrame, lines x drugs, float
        ln IC50 (uM), low = sensitive; NaN where not measured. Same index.
    resistant : DataFrame, lines x drugs, float
        1 = resistant, 0 = sensitive, NaN where not measured or not called.
    lines : DataFrame
        Index = model id; ``name`` (stripped, upper case), ``lineage``, ``cosmic_id`` (all str).
    drugs : DataFrame
        Index = drug name; at least ``drug_id`` (str).
    provenance : Provenance
    """

    name: str
    expression: pd.DataFrame
    response: pd.DataFrame
    resistant: pd.DataFrame
    lines: pd.DataFrame
    drugs: pd.DataFrame
    provenance: Provenance = field(default_factory=lambda: Provenance("simulated"))

    @property
    def tier(self) -> str:
        """Tier of the data: ``"paper"``, ``"panel"`` or ``"simulated"``."""
        return self.provenance.tier

    @property
    def counts(self) -> str:
        """How much the panel holds, in words."""
        lines, genes = self.expression.shape
        measured = int(self.response.notna().to_numpy().sum())
        return (
            f"{lines:,} lines, {genes:,} genes, {self.response.shape[1]:,} drugs, {measured:,} measurements"
        )

    def __post_init__(self) -> None:
        tables = {what: getattr(self, what) for what in ("expression", "response", "resistant")}
        for what, table in tables.items():
            check_table(table, self.name, what)
            check_numbers(table, self.name, what, missing=what != "expression")
        check_columns(self.lines, ("name", "lineage", "cosmic_id"), self.name, "lines")
        check_columns(self.drugs, ("drug_id",), self.name, "drugs")
        check_gene_names(self.expression.columns, self.name)
        check_log_scale(self.expression.to_numpy(), self.name)
        labels = self.resistant.to_numpy(float)
        if not (np.isnan(labels) | np.isin(labels, (0, 1))).all():
            refuse(self.name, "resistant must hold 1, 0 (sensitive) or NaN")
        for what, table in (*tables.items(), ("lines", self.lines)):
            if not table.index.equals(self.expression.index):
                refuse(self.name, f"the index of {what} differs from that of expression")
        for what, axis in (("resistant", self.resistant.columns), ("drugs", self.drugs.index)):
            if not axis.equals(self.response.columns):
                refuse(self.name, f"the drugs of {what} differ from those of response")
        drug = np.tile(self.response.columns.to_numpy(), len(self.response))
        check_direction(drug, self.response.to_numpy(float).ravel(), labels.ravel(), self.name, "response")

    def subset(self, lines: pd.Index | list[str]) -> BulkPanel:
        """Return the panel restricted to ``lines`` (model ids), in that order.

        Raises
        ------
        DataError
            If a line is unknown or none is given.
        """
        if lines is None or isinstance(lines, str):
            refuse(self.name, f"lines must be several model ids, got {lines!r}")
        wanted = pd.Index(lines)
        unknown = wanted.difference(self.expression.index)
        if len(unknown) or wanted.empty:
            refuse(self.name, f"cannot take {len(wanted)} line(s); unknown: {list(unknown[:3])}")
        return replace(
            self,
            expression=self.expression.loc[wanted],
            response=self.response.loc[wanted],
            resistant=self.resistant.loc[wanted],
            lines=self.lines.loc[wanted],
        )
