"""Annotation of drugs: name by GDSC id, pathway, target, maximum concentration."""

from __future__ import annotations

import pandas as pd

from helpers.data.sources import Sources
from helpers.errors import DataError

TARGET = "dl4h-drug-target"
STAT = "cadrres-drug-stat"
COMPOUNDS = "gdsc-compounds"

# The table of pathways spells one drug of the fingerprint file differently and has no pathway for it.
_NO_PATHWAY = {"", "-"}


def read_drug_stat(sources: Sources) -> pd.DataFrame:
    """Read ``drug_stat.csv`` of CaDRReS-Sc: one row a GDSC drug id.

    Returns
    -------
    DataFrame
        Index = drug id (text), in file order; ``drug``, ``target``, ``pathway`` and
        ``max_concentration`` (uM).
    """
    path = sources[STAT]
    columns = {
        "Drug ID": "id",
        "Drug Name": "drug",
        "Target": "target",
        "Target Pathway": "pathway",
        "max_conc": "max_concentration",
    }
    table = pd.read_csv(path, dtype={"Drug ID": str}, keep_default_na=False)
    missing = sorted(set(columns) - set(table.columns))
    if missing:
        msg = f"{path} lacks the column(s) {', '.join(missing)}"
        raise DataError(msg)
    table = table[list(columns)].rename(columns=columns).set_index("id").rename_axis(None)
    if table.index.has_duplicates or not (table["max_concentration"] > 0).all():
        msg = f"{path}: drug ids must be unique and maximum concentrations positive"
        raise DataError(msg)
    return table


def read_compounds(sources: Sources) -> pd.DataFrame:
    """Read GDSC's list of screened compounds: one row a drug id.

    Returns
    -------
    DataFrame
        Index = drug id (text); ``drug``, ``synonyms`` and ``target``, both comma-separated text.
    """
    path = sources[COMPOUNDS]
    columns = {"DRUG_ID": "id", "DRUG_NAME": "drug", "SYNONYMS": "synonyms", "TARGET": "target"}
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    missing = sorted(set(columns) - set(table.columns))
    if missing:
        msg = f"{path} lacks the column(s) {', '.join(missing)}"
        raise DataError(msg)
    table = table[list(columns)].rename(columns=columns).set_index("id").rename_axis(None)
    if table.index.has_duplicates:
        msg = f"{path}: the drug id {table.index[table.index.duplicated()][0]!r} stands twice"
        raise DataError(msg)
    return table


def match_names(stat: pd.DataFrame, names: pd.Index, compounds: pd.DataFrame) -> tuple[pd.Series, list[str]]:
    """Find the drugs of a response table in a list of names: by spelling, by GDSC id, by synonym.

    An id is trusted only where GDSC's own list gives it a target that the response table gives it too: ids
    have been reused, and one of the table's (308) is another drug in the list.

    Parameters
    ----------
    stat : DataFrame
        From :func:`read_drug_stat`; index = drug id.
    names : Index of str
    compounds : DataFrame
        From :func:`read_compounds`.

    Returns
    -------
    matched : Series of str
        The name in ``names``, by drug id, of the ids that were found, in the order of ``stat``.
    notes : list of str
        What was matched other than by its spelling, and what was refused.
    """
    matched, by_id, refused = {}, [], []
    for id, row in stat.iterrows():
        if row["drug"] in names:
            matched[id] = row["drug"]
        elif id in compounds.index:
            known = compounds.loc[id]
            found = [name for name in (known["drug"], *_listed(known["synonyms"])) if name in names]
            if not found:
                continue
            what = f"{row['drug']} is {found[0]} (id {id})"
            if _listed(row["target"]) & _listed(known["target"]):
                matched[id] = found[0]
                by_id.append(what)
            else:
                refused.append(f"{what}: targets {row['target']} and {known['target']}")
    notes = []
    if by_id:
        notes.append(f"{len(by_id)} drug(s) matched by GDSC id: {'; '.join(by_id)}.")
    if refused:
        notes.append(f"{len(refused)} match(es) by id refused, the targets differ: {'; '.join(refused)}.")
    return pd.Series(matched, dtype=object), notes


def annotate_drugs(
    names: pd.Index, sources: Sources, stat: pd.DataFrame | None = None
) -> tuple[pd.DataFrame, list[str]]:
    """Describe drugs by exact name.

    Parameters
    ----------
    names : Index of str
    stat : DataFrame, optional
        From :func:`read_drug_stat`, perhaps with other names; default: as it stands in the file.

    Returns
    -------
    drugs : DataFrame
        Index = ``names``; ``pathway`` (the category of the study's figure 3E, else GDSC's target
        pathway, else ``"unknown"``), ``target`` (``"unknown"`` where missing).
    notes : list of str
    """
    table = pd.read_csv(sources[TARGET], dtype=str, keep_default_na=False)
    figure = table.set_index("Drug")["Target pathway"].str.strip()
    figure = figure[~figure.isin(_NO_PATHWAY)]
    stat = read_drug_stat(sources) if stat is None else stat
    stat = stat.drop_duplicates("drug").set_index("drug")
    pathway = figure.reindex(names)
    fallback = pathway.isna()
    pathway = pathway.fillna(stat["pathway"].reindex(names)).fillna("unknown")
    target = stat["target"].reindex(names).fillna("unknown")
    notes = []
    if fallback.any():
        listed = ", ".join(names[fallback.to_numpy()])
        notes.append(f"Pathway of {fallback.sum()} drug(s) from GDSC's own table, or unknown: {listed}.")
    drugs = pd.DataFrame({"pathway": pathway.to_numpy(), "target": target.to_numpy()}, index=names)
    return drugs.astype(str).astype(object), notes


def _listed(text: str) -> set[str]:
    return {part.strip() for part in text.split(",")} - {"", "-"}
