"""Annotation of drugs: pathway, target, maximum concentration."""

from __future__ import annotations

import pandas as pd

from helpers.data.sources import Sources
from helpers.errors import DataError

TARGET = "dl4h-drug-target"
STAT = "cadrres-drug-stat"

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


def annotate_drugs(names: pd.Index, sources: Sources) -> tuple[pd.DataFrame, list[str]]:
    """Describe drugs by exact name.

    Parameters
    ----------
    names : Index of str

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
    stat = read_drug_stat(sources).drop_duplicates("drug").set_index("drug")
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
