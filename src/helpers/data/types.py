"""The plain types that loaders return."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from helpers.errors import DataError

TIERS = ("paper", "panel", "simulated")


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
    tier : {"paper", "panel", "simulated"}
        Which of the three tiers the data belong to.
    files : tuple of SourceFile
        Input files (empty for simulated data).
    notes : tuple of str
        What the loader dropped, renamed or inferred, with counts; one sentence each.
    """

    tier: str
    files: tuple[SourceFile, ...] = ()
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.tier not in TIERS:
            msg = f"unknown tier {self.tier!r}; one of {', '.join(TIERS)}"
            raise DataError(msg)


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
        check_table(self.expression, self.name, "expression (lines x genes)")
        values = self.expression.to_numpy()
        if not np.isfinite(values).all():
            bad = self.expression.index[~np.isfinite(values).all(axis=1)]
            msg = (
                f"{self.name}: expression holds NaN or infinite values in {len(bad)} line(s), "
                f"first {list(bad[:3])}; drop or impute them before building ResponseData"
            )
            raise DataError(msg)
        check_table(self.fingerprints, self.name, "fingerprints (drugs x bits)")
        if not np.isin(self.fingerprints.to_numpy(), (0, 1)).all():
            msg = f"{self.name}: fingerprints must hold only 0 and 1"
            raise DataError(msg)
        missing = {"line", "drug", "resistant", "value"} - set(self.response.columns)
        if missing:
            msg = f"{self.name}: response lacks the column(s) {sorted(missing)}"
            raise DataError(msg)
        if not self.response["resistant"].isin((0, 1)).all():
            msg = f"{self.name}: response: resistant must be 1, or 0 where the line is sensitive"
            raise DataError(msg)
        self._check_known("line", self.expression.index, "expression")
        self._check_known("line", self.lines.index, "the line annotation")
        self._check_known("drug", self.fingerprints.index, "the fingerprints")
        self._check_known("drug", self.drugs.index, "the drug annotation")

    def _check_known(self, column: str, known: pd.Index, where: str) -> None:
        unknown = pd.Index(self.response[column].unique()).difference(known)
        if len(unknown):
            msg = (
                f"{self.name}: response names {len(unknown)} {column}(s) that {where} does not have, "
                f"first {list(unknown[:3])}"
            )
            raise DataError(msg)

    def subset(self, keep: np.ndarray | pd.Series) -> ResponseData:
        """Return the data restricted to the response rows where ``keep`` is true.

        Lines and drugs without a remaining pair are dropped from every table.
        """
        response = self.response.loc[np.asarray(keep, dtype=bool)].reset_index(drop=True)
        if response.empty:
            msg = f"{self.name}: no response row is left after the subset"
            raise DataError(msg)
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
        check_table(self.expression, self.name, "expression (lines x genes)")
        check_table(self.response, self.name, "response (lines x drugs)")
        if not np.isfinite(self.expression.to_numpy()).all():
            msg = f"{self.name}: expression holds NaN or infinite values; drop or impute those lines"
            raise DataError(msg)
        if np.isinf(self.response.to_numpy(float)).any():
            msg = f"{self.name}: response holds infinite values; use NaN where nothing was measured"
            raise DataError(msg)
        values = self.resistant.to_numpy(float)
        if not (np.isnan(values) | np.isin(values, (0, 1))).all():
            msg = f"{self.name}: resistant must hold 1, 0 (sensitive) or NaN"
            raise DataError(msg)
        for what, table in (
            ("response", self.response),
            ("resistant", self.resistant),
            ("lines", self.lines),
        ):
            if not table.index.equals(self.expression.index):
                msg = f"{self.name}: the index of {what} differs from that of expression"
                raise DataError(msg)
        for what, axis in (("resistant", self.resistant.columns), ("drugs", self.drugs.index)):
            if not axis.equals(self.response.columns):
                msg = f"{self.name}: the drugs of {what} differ from those of response"
                raise DataError(msg)

    def subset(self, lines: pd.Index | list[str]) -> BulkPanel:
        """Return the panel restricted to ``lines`` (model ids), in that order.

        Raises
        ------
        DataError
            If a line is unknown or none is given.
        """
        wanted = pd.Index(lines)
        unknown = wanted.difference(self.expression.index)
        if len(unknown) or wanted.empty:
            msg = f"{self.name}: cannot take {len(wanted)} line(s); unknown: {list(unknown[:3])}"
            raise DataError(msg)
        return replace(
            self,
            expression=self.expression.loc[wanted],
            response=self.response.loc[wanted],
            resistant=self.resistant.loc[wanted],
            lines=self.lines.loc[wanted],
        )


def check_table(table: pd.DataFrame, name: str, what: str) -> None:
    """Raise :class:`~helpers.errors.DataError` for an empty table or a repeated row or column id."""
    if table.empty:
        msg = f"{name}: {what} is empty"
        raise DataError(msg)
    for axis, label in ((table.index, "row"), (table.columns, "column")):
        if axis.has_duplicates:
            twice = list(axis[axis.duplicated()][:3])
            msg = f"{name}: {what} has duplicated {label} ids, first {twice}"
            raise DataError(msg)
