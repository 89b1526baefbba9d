"""A user's own expression and response, joined into the type that every protocol takes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from helpers.checks import refuse
from helpers.data.binarise import binarise
from helpers.data.join import match, summary
from helpers.data.readers import Read, read
from helpers.data.registry import Registry
from helpers.data.types import Provenance, ResponseData

#: Ids of lines, and what they look like.
_LINE_IDS = {"cosmic_id": r"\d+", "sanger_id": r"SIDM\d+", "model_id": r"ACH-\d+"}


def load_own(
    expression: str | Path,
    response: str | Path,
    structures: str | Path | None = None,
    lines: str | Path | None = None,
    drugs: str | Path | None = None,
    *,
    measure: str | None = None,
    linear: bool = False,
    registry: Registry | None = None,
) -> tuple[ResponseData, dict[str, pd.DataFrame]]:
    """Read own files (or registered ones, by key) and join them by id, synonym and normalised name.

    Parameters
    ----------
    expression, response, structures, lines, drugs : str or Path
        Files as :mod:`helpers.data.readers` reads them. ``lines`` (DepMap's ``Model.csv``) joins ids of
        different kinds, names patients and cancer types; ``drugs`` (GDSC's list of compounds) has ids and
        synonyms of drugs. Without ``structures`` every drug is its own.
    measure : str, optional
        What the values of a matrix of response are.
    linear : bool
        The expression is linear.

    Returns
    -------
    data : ResponseData
        ``response`` has ``auc`` too; ``lines`` has names and ids (empty where unknown) and ``patient`` (the
        line itself where unknown). Labels that the file does not have follow the waterfall rule. The tier is
        ``"own"`` if any file is.
    reports : dict
        How each line and each drug was joined: the tables of :func:`helpers.data.join.match`.

    Raises
    ------
    DataError
        If a file cannot be read, or nothing is in both tables; if ``linear`` is no truth value.
    """
    if not isinstance(linear, bool):
        refuse("linear", f"must be True or False, got {linear!r}")
    options = {} if measure is None else {"measure": measure}
    reads = {
        "expression": read(expression, "expression matrix", registry=registry, linear=linear),
        "response": read(response, "response table", registry=registry, **options),
    }
    if structures is not None:
        reads["structures"] = read(structures, "structures", registry=registry)
    if drugs is not None:
        reads["drugs"] = read(drugs, "drug table", registry=registry)
    if lines is not None:
        reads["lines"] = read(lines, "line table", registry=registry)
    matrix, table = reads["expression"].content, reads["response"].content
    known = _known_lines(matrix.index, reads.get("lines"))
    asked = table.groupby("line", sort=False)[list(_LINE_IDS)].first()
    reports = {"line": match(asked, known, "line")}
    prints = _identity(table)
    if structures is not None:
        prints = reads["structures"].content
        asked = table.groupby("drug", sort=False)[["drug_id"]].first()
        reports["drug"] = match(asked, _known_drugs(prints.index, reads.get("drugs")), "drug")
    notes = [f"{what}: {note}" for what, one in reads.items() for note in one.provenance.notes]
    notes.append(f"The expression has {len(matrix):,} lines and {matrix.shape[1]:,} genes.")
    notes += [summary(report, what) for what, report in reports.items()]
    pairs, more = _pairs(table, reports)
    notes += more
    found = pairs["line"].unique()
    matrix = matrix.loc[found]
    described = known.loc[matrix.index]
    of_response = pd.Series(pairs["cancer_type"].to_numpy(), pairs["line"]).groupby(level=0).first()
    types = described["cancer_type"].where(described["cancer_type"] != "", of_response.reindex(matrix.index))
    patients = described["patient"].where(described["patient"] != "", matrix.index.to_series())
    names = pd.Index(sorted(pairs["drug"].unique()), dtype=object)
    tiers = {one.provenance.tier for one in reads.values()}
    data = ResponseData(
        name=Path(response).stem,
        expression=matrix,
        response=pairs[["line", "drug", "resistant", "value", "auc"]],
        fingerprints=prints.loc[names],
        lines=described.assign(cancer_type=types.replace("", "unknown"), patient=patients),
        drugs=pd.DataFrame({"pathway": "unknown"}, names),
        provenance=Provenance(
            tiers.pop() if len(tiers) == 1 else "own",
            tuple(file for one in reads.values() for file in one.provenance.files),
            tuple(notes),
        ),
    )
    return data, reports


def _known_lines(index: pd.Index, lines: Read | None) -> pd.DataFrame:
    """Describe the lines of the expression by what the table of lines says, or by their own name alone."""
    columns = ("model_id", "name", "ccle_name", "cosmic_id", "sanger_id", "patient", "cancer_type")
    empty = pd.DataFrame("", index, list(columns))
    if lines is None:
        return empty.assign(**_ids_among(index))
    models = lines.content.drop(columns=["patient", "cancer_type"])
    found = match(pd.DataFrame(_ids_among(index), index), models, "line")["found"]
    described = lines.content.reindex(found.replace("", None)).set_axis(index).fillna("")
    return described.reindex(columns=list(columns))


def _ids_among(index: pd.Index) -> dict[str, pd.Index]:
    """Tell which names of lines are ids."""
    return {what: index.where(index.str.fullmatch(form), "") for what, form in _LINE_IDS.items()}


def _known_drugs(index: pd.Index, drugs: Read | None) -> pd.DataFrame:
    """Describe the drugs that have a structure by what the table of drugs says of them."""
    if drugs is None:
        return pd.DataFrame({"drug_id": index.where(index.str.fullmatch(r"\d+"), "")}, index)
    table = drugs.content
    found = match(table, pd.DataFrame(index=index), "drug")["found"]
    described = table.set_axis(found.to_numpy()).loc[lambda one: one.index != ""]
    bare = index[~index.isin(described.index)]
    return pd.concat([described, pd.DataFrame("", bare, described.columns)])


def _identity(table: pd.DataFrame) -> pd.DataFrame:
    drugs = table["drug"].unique()
    return pd.DataFrame(np.eye(len(drugs), dtype=np.uint8), drugs, [f"drug {name}" for name in drugs])


def _pairs(table: pd.DataFrame, reports: dict[str, pd.DataFrame]) -> tuple[pd.DataFrame, list[str]]:
    pairs = table.copy()
    for what, report in reports.items():
        pairs[what] = report["found"].reindex(pairs[what]).to_numpy()
    pairs = pairs[(pairs[list(reports)] != "").all(axis=1)]
    notes = [f"{len(pairs):,} of {len(table):,} pairs are of joined lines and drugs."]
    if pairs["resistant"].isna().all():
        what = "value" if pairs["value"].notna().any() else "auc"
        wide = pairs.pivot_table(index="line", columns="drug", values=what)
        called = binarise(wide).melt(var_name="drug", value_name="resistant", ignore_index=False)
        pairs = pairs.drop(columns="resistant").merge(called.reset_index(), on=["line", "drug"])
        notes.append(f"Labels follow the waterfall rule on {'ln IC50' if what == 'value' else 'the AUC'}.")
    unlabelled = pairs["resistant"].isna()
    if unlabelled.any():
        notes.append(
            f"{int(unlabelled.sum()):,} pairs without a label, or of a drug with under three lines, left out."
        )
    pairs = pairs[~unlabelled].reset_index(drop=True)
    again = int(pairs.duplicated(["line", "drug"]).sum())
    if again:
        notes.append(f"{again} pairs repeat a line and drug under another name or id; each counts.")
    if pairs.empty:
        refuse("join", "no pair is left", "see the notes of the join")
    return pairs.assign(resistant=pairs["resistant"].astype(np.int8)), notes
