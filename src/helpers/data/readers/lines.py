"""What is known of lines and of drugs: DepMap's models, own annotation, structures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from rdkit import Chem, rdBase
from rdkit.Chem import rdFingerprintGenerator

from helpers.checks import check_unique, refuse
from helpers.data.readers.ids import text_ids
from helpers.data.readers.text import read_table

#: What is known of a line, and the names of its column, lower case.
LINE_COLUMNS: dict[str, tuple[str, ...]] = {
    "model_id": ("modelid", "depmap_id", "model_id"),
    "name": (
        "strippedcelllinename",
        "stripped_cell_line_name",
        "name",
        "cell_line_name",
        "celllinename",
        "line",
    ),
    "ccle_name": ("cclename", "ccle_name"),
    "cosmic_id": ("cosmicid", "cosmic_id", "cosmic identifier"),
    "sanger_id": ("sangermodelid", "sanger_model_id"),
    "patient": ("patientid", "patient_id", "patient", "donor"),
    "cancer_type": ("oncotreelineage", "lineage", "cancer_type", "tcga_desc"),
}
_BITS = 2048


def read_lines(path: str | Path) -> tuple[pd.DataFrame, list[str]]:
    """Read what is known of lines: DepMap's ``Model.csv``, ``sample_info.csv`` up to 22Q2, own tables.

    Returns
    -------
    lines : DataFrame
        Index = the first id that the file has; the columns of :data:`LINE_COLUMNS` (text, empty where
        unknown).
    notes : list of str

    Raises
    ------
    DataError
        If it has no id of a line, or one stands twice.
    """
    known = [name for names in LINE_COLUMNS.values() for name in names]
    raw = read_table(path, known)
    named = {name.lower(): at for at, name in reversed(list(enumerate(raw.header)))}
    columns = {}
    for what, names in LINE_COLUMNS.items():
        at = next((named[name] for name in names if name in named), None)
        columns[what] = [""] * len(raw.table) if at is None else text_ids(raw.table.iloc[:, at])
    table = pd.DataFrame(columns)
    id_of = next(
        (what for what in ("model_id", "sanger_id", "cosmic_id", "name") if (table[what] != "").any()), None
    )
    if id_of is None:
        refuse(
            path,
            f"names no line; it has {', '.join(raw.header[:6])}",
            "name a column ModelID, COSMICID or name",
        )
    table = table[table[id_of] != ""].set_index(id_of, drop=False).rename_axis(None)
    check_unique(table.index, path, "a line stands twice")
    return table, raw.notes


def read_drugs(path: str | Path) -> tuple[pd.DataFrame, list[str]]:
    """Read names, ids and synonyms of drugs, as GDSC's list of compounds has them.

    Returns
    -------
    drugs : DataFrame
        Index = name; ``drug_id`` and ``synonyms`` (text, separated by commas; empty where unknown). A drug
        with two ids stands twice.
    notes : list of str
    """
    raw = read_table(path, ("drug_id", "drug_name", "drug", "name", "synonyms"))
    named = {name.lower().replace(" ", "_"): at for at, name in reversed(list(enumerate(raw.header)))}
    name = next((named[one] for one in ("drug_name", "drug", "name") if one in named), None)
    if name is None:
        refuse(path, f"names no drug; it has {', '.join(raw.header[:6])}", "name a column drug_name")
    columns = {
        what: text_ids(raw.table.iloc[:, named[what]]) if what in named else ""
        for what in ("drug_id", "synonyms")
    }
    return pd.DataFrame(columns, text_ids(raw.table.iloc[:, name])), raw.notes


def read_structures(path: str | Path) -> tuple[pd.DataFrame, list[str]]:
    """Read structures of drugs: a column of names and one of SMILES, or fingerprints of 0 and 1.

    Returns
    -------
    fingerprints : DataFrame, drugs x bits, uint8
        Those of the file, or Morgan fingerprints (radius 2, 2,048 bits) of its SMILES.
    notes : list of str
        Drugs whose structure cannot be read; they are left out.

    Raises
    ------
    DataError
        If a drug stands twice, or the file holds neither.
    """
    raw = read_table(path, ("drug", "name", "drug_name", "drug_id", "smiles", "canonical_smiles"))
    named = {name.lower(): at for at, name in reversed(list(enumerate(raw.header)))}
    at = next((named[name] for name in ("drug", "drug_name", "name", "drug_id") if name in named), 0)
    drugs = text_ids(raw.table.iloc[:, at])
    check_unique(drugs, path, "a drug stands twice")
    smiles = next(
        (named[name] for name in ("smiles", "canonical_smiles", "isosmiles") if name in named), None
    )
    if smiles is None:
        bits = raw.table.iloc[:, [one for one in range(raw.table.shape[1]) if one != at]]
        if not np.isin(bits.to_numpy(), (0, 1)).all():
            refuse(
                path,
                "no column 'smiles', and not all values are 0 or 1",
                "give a column of names and one 'smiles'",
            )
        return bits.astype(np.uint8).set_axis(drugs), raw.notes
    prints = fingerprints(pd.Series(raw.table.iloc[:, smiles].to_numpy(object), drugs))
    lost = drugs.difference(prints.index, sort=False)
    if prints.empty:
        refuse(path, "none of the structures can be read", "give SMILES")
    notes = [f"No readable structure for {len(lost)} drug(s): {', '.join(lost)}."] if len(lost) else []
    return prints, raw.notes + notes


def fingerprints(smiles: pd.Series) -> pd.DataFrame:
    """Return Morgan fingerprints (radius 2, 2,048 bits) of SMILES.

    Parameters
    ----------
    smiles : Series of str
        Index = drug.

    Returns
    -------
    DataFrame, drugs x bits, uint8
        Drugs whose structure cannot be read are left out.
    """
    generator = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=_BITS)
    with rdBase.BlockLogs():  # callers name what cannot be read
        molecules = {
            drug: Chem.MolFromSmiles(text) if isinstance(text, str) and text else None
            for drug, text in smiles.items()
        }
    found = {drug: generator.GetFingerprintAsNumPy(one) for drug, one in molecules.items() if one is not None}
    bits = np.array(list(found.values()), np.uint8).reshape(len(found), _BITS)
    return pd.DataFrame(bits, pd.Index(found, dtype=object), [f"FP{n}" for n in range(_BITS)])
