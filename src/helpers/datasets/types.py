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
        One row a measured pair; columns ``line``, ``drug`` (both str), ``label`` (int8, 1 =
        resistant) and ``value`` (float, the logarithm of the IC50 in uM; NaN where unknown).
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
        self._check_table(self.expression, "expression", "lines x genes")
        values = self.expression.to_numpy()
        if not np.isfinite(values).all():
            bad = self.expression.index[~np.isfinite(values).all(axis=1)]
            msg = (
                f"{self.name}: expression holds NaN or infinite values in {len(bad)} line(s), "
                f"first {list(bad[:3])}; drop or impute them before building ResponseData"
            )
            raise DataError(msg)
        self._check_table(self.fingerprints, "fingerprints", "drugs x bits")
        if not np.isin(self.fingerprints.to_numpy(), (0, 1)).all():
            msg = f"{self.name}: fingerprints must hold only 0 and 1"
            raise DataError(msg)
        missing = {"line", "drug", "label", "value"} - set(self.response.columns)
        if missing:
            msg = f"{self.name}: response lacks the column(s) {sorted(missing)}"
            raise DataError(msg)
        if not self.response["label"].isin((0, 1)).all():
            msg = f"{self.name}: response labels must be 0 (sensitive) or 1 (resistant)"
            raise DataError(msg)
        self._check_known("line", self.expression.index, "expression")
        self._check_known("line", self.lines.index, "the line annotation")
        self._check_known("drug", self.fingerprints.index, "the fingerprints")
        self._check_known("drug", self.drugs.index, "the drug annotation")

    def _check_table(self, table: pd.DataFrame, what: str, shape: str) -> None:
        if table.empty:
            msg = f"{self.name}: {what} ({shape}) is empty"
            raise DataError(msg)
        for axis, label in ((table.index, "row"), (table.columns, "column")):
            if axis.has_duplicates:
                twice = list(axis[axis.duplicated()][:3])
                msg = f"{self.name}: {what} has duplicated {label} ids, first {twice}"
                raise DataError(msg)

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
