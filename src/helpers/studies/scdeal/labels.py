"""Which bulk lines are called sensitive: one question, four rules, none of them silent.

The public code reads a finished table of labels and does not say how it was made. The rule decides how many
lines are sensitive, and with it what can be learned: it is an axis of the chapter.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from helpers.checks import check_names, check_numbers, check_table, readable, refuse
from helpers.data.binarise import binarise, straight_waterfalls
from helpers.data.cells_twin import simulate_panel
from helpers.data.resolve import Source, resolve
from helpers.data.sources import Sources
from helpers.data.types import BulkPanel, Provenance
from helpers.errors import DataError

#: What each rule does, by the word that names it in results.
RULES = {
    "authors": "the authors' table",
    "prevalence": "as many of the lowest ln IC50 as the authors' table calls sensitive",
    "maximum": "IC50 up to the maximum concentration",
    "waterfall": "waterfall, or the median where it is straight",
}
#: Registry key of the authors' table.
TABLE = "scdeal-bulk-labels"
_TWIN_SHARE = 0.12  # of sensitive lines, as in the authors' table


@dataclass(frozen=True, eq=False)
class AuthorLabels:
    """The authors' table of labels.

    Attributes
    ----------
    table : DataFrame, rows of the file x drugs, float
        1 = resistant, 0 = sensitive, NaN where there is no label. Rows are ``DATA.<COSMIC number>`` (GDSC) or
        a DepMap id (CCLE); columns are drug names as :func:`plain_name` writes them.
    provenance : Provenance
    """

    table: pd.DataFrame
    provenance: Provenance
    name: str = "scDEAL-labels"

    def __post_init__(self) -> None:
        if not isinstance(self.provenance, Provenance):
            refuse(self.name, f"provenance must be a Provenance, got {self.provenance!r}")
        check_table(self.table, self.name, "table")
        check_numbers(self.table, self.name, "table", missing=True)
        values = self.table.to_numpy(float)
        if not (np.isnan(values) | np.isin(values, (0, 1))).all():
            refuse(self.name, "labels must be 1 (resistant), 0 (sensitive) or NaN")
        spelt = [name for name in self.table if plain_name(name) != name]
        if spelt:
            refuse(self.name, f"drugs must be named as plain_name writes them; not so: {spelt[:3]}")

    @property
    def counts(self) -> str:
        """How much the table holds, in words."""
        return f"{len(self.table):,} lines, {self.table.shape[1]} drugs"

    def lines(self, panel: BulkPanel, drug: str) -> pd.Series:
        """Labels of the lines of a panel (index = its lines), NaN where the table has none.

        Lines are looked up by COSMIC number, that is among the GDSC rows; those without one, by their own
        name. Errors as :meth:`column`.
        """
        column = self.column(drug)
        numbers = panel.lines["cosmic_id"]
        rows = ("DATA." + numbers).where(numbers != "", panel.lines.index.to_series())
        return column.reindex(rows).set_axis(panel.lines.index)

    def share(self, drug: str) -> float:
        """Share of sensitive lines among the GDSC rows; all rows where none is named so (the twin)."""
        column = self.column(drug)
        own = column[column.index.str.startswith("DATA.")]
        return float(1 - (own if len(own) else column).mean())

    def column(self, drug: str) -> pd.Series:
        """Labels of all rows of the file for a drug.

        Raises
        ------
        DataError
            If the table lacks the drug.
        """
        if plain_name(drug) not in self.table:
            msg = f"the authors' table has no drug {drug!r}; it has {', '.join(self.table.columns[:5])} ..."
            raise DataError(msg)
        return self.table[plain_name(drug)]


@dataclass(frozen=True, eq=False)
class LineLabels:
    """Labels of the lines of a panel by every rule that its data allow.

    Attributes
    ----------
    panel : BulkPanel
        Expression and ln IC50.
    authors : AuthorLabels
    other : BulkPanel or None
        Lines that are called by the maximum concentration.
    """

    panel: BulkPanel
    authors: AuthorLabels
    other: BulkPanel | None = None

    def __post_init__(self) -> None:
        other = (BulkPanel, type(None))
        for what, kind in (("panel", BulkPanel), ("authors", AuthorLabels), ("other", other)):
            if not isinstance(getattr(self, what), kind):
                refuse("LineLabels", f"{what} cannot be a {type(getattr(self, what)).__name__}")

    def resistant(self, drug: str, rule: str) -> pd.Series:
        """Labels of the lines: 1 = resistant, 0 = sensitive, NaN where there is none.

        Raises
        ------
        DataError
            If the rule is unknown or cannot be applied to the drug with these data.
        """
        plain_name(drug)  # refuses what is no name
        if rule not in tuple(RULES):
            msg = f"unknown rule {rule!r}; one of {', '.join(RULES)}"
            raise DataError(msg)
        if rule == "authors":
            found = self.authors.lines(self.panel, drug)
        elif rule == "maximum":
            found = pd.Series(dtype=float) if self.other is None else self.other.resistant.get(drug)
        else:
            value = self._response(drug)
            if rule == "waterfall":
                found = binarise(value.to_frame())[drug]
            else:
                cut = value.quantile(self.authors.share(drug))
                found = (value > cut).astype(float).where(value.notna())
        if found is None or found.dropna().nunique() < 2:
            msg = f"the rule {rule!r} does not give {drug} two classes on {self.panel.name}"
            raise DataError(msg)
        return found

    def _response(self, drug: str) -> pd.Series:
        """Ln IC50 of the lines; all NaN where the panel has none of the drug."""
        return self.panel.response.get(drug, pd.Series(np.nan, self.panel.lines.index, name=drug))

    def rules(self, drugs: Sequence[str]) -> list[str]:
        """Rules that give every drug two classes; the authors' first."""
        named = check_names(drugs, "drugs")
        return [rule for rule in RULES if all(self._gives(drug, rule) for drug in named)]

    def _gives(self, drug: str, rule: str) -> bool:
        try:
            self.resistant(drug, rule)
        except DataError:
            return False
        return True

    def describe(self, drugs: Sequence[str]) -> pd.DataFrame:
        """Share of sensitive lines of each drug by each rule, and where a rule fell back.

        Returns
        -------
        DataFrame
            ``drug``, ``rule``, ``lines``, ``value`` (share of sensitive lines), ``fell back`` (True where
            the waterfall is straight and was cut at the median).
        """
        drugs = list(dict.fromkeys(check_names(drugs, "drugs")))
        straight = straight_waterfalls(pd.DataFrame({drug: self._response(drug) for drug in drugs}))
        rows = []
        for drug in drugs:
            for rule in RULES:
                if self._gives(drug, rule):
                    label = self.resistant(drug, rule).dropna()
                    fell = rule == "waterfall" and bool(straight[drug])
                    row = {"drug": drug, "rule": rule, "lines": len(label), "value": 1 - label.mean()}
                    rows.append({**row, "fell back": fell})
        return pd.DataFrame(rows)


def shown(shares: pd.DataFrame) -> pd.DataFrame:
    """Lay out :meth:`LineLabels.describe` as drugs x rules, the fall-back to the median in words."""
    words = shares["value"].map("{:.0%}".format) + shares["fell back"].map({True: " (median)", False: ""})
    table = shares.assign(words=words).pivot_table(
        index="drug", columns="rule", values="words", aggfunc="first"
    )
    return table[[rule for rule in RULES if rule in table]].rename(columns=RULES).fillna("–")


def load_author_labels(data: str = "auto", *, seed: int = 0) -> AuthorLabels:
    """Load the authors' table; tiers and errors as :func:`helpers.data.bulk.load_bulk`.

    The simulated table calls the lowest 12 % of the simulated ln IC50 of a drug sensitive.
    """
    return resolve("table of labels", "scDEAL", SOURCES, data, lambda: _twin(seed))


def plain_name(drug: str) -> str:
    """Drug name in capitals and digits alone, so that spellings meet: ``I.BET.762`` and ``I-BET-762``.

    Raises
    ------
    DataError
        If it is no text.
    """
    if not isinstance(drug, str):
        refuse("drug", f"a name must be text, got {drug!r}")
    name = re.sub(r"[^A-Z0-9]", "", drug.upper())
    # R puts an X before a column that begins with a digit.
    return name[1:] if re.match(r"X\d", name) else name


def _read(sources: Sources) -> AuthorLabels:
    path = sources[TABLE]
    with readable(path):
        table = pd.read_csv(path, index_col=0, dtype=str)
    known = table.isin(["resistant", "sensitive"]) | table.isna()
    if table.empty or table.index.has_duplicates or not known.to_numpy().all():
        msg = f"{path}: expected unique lines x drugs of 'resistant', 'sensitive' or nothing"
        raise DataError(msg)
    names = pd.Index([plain_name(drug) for drug in table.columns])
    values = np.where(table.isna(), np.nan, table.eq("resistant"))
    notes = ("How the authors cut responses into classes is in no public file.",)
    frame = pd.DataFrame(values.astype(float), table.index.astype(str), names)
    return AuthorLabels(frame.loc[:, ~names.duplicated()], Provenance("panel", sources.files(), notes))


def _twin(seed: int) -> AuthorLabels:
    panel = simulate_panel("GDSC2", seed)
    cut = panel.response.quantile(_TWIN_SHARE)
    values = (panel.response > cut).astype(float).where(panel.response.notna())
    return AuthorLabels(values.set_axis([plain_name(d) for d in values.columns], axis=1), panel.provenance)


#: The table's file; it is the same on both tiers.
SOURCES = {"scDEAL": {"panel": Source((TABLE,), _read), "paper": Source((TABLE,), _read)}}
