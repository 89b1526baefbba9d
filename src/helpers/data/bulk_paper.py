"""DepMap 24Q4 expression with the response table of GDSC2, as the GPDS report used them."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd

from helpers.data.binarise import binarise
from helpers.data.sources import Sources
from helpers.data.types import BulkPanel, Provenance
from helpers.errors import DataError

EXPRESSION = "depmap-24q4-expression"
MODELS = "depmap-24q4-models"
RESPONSE = "gdsc2-release-8.5"

_MODEL_COLUMNS = {"StrippedCellLineName": "name", "OncotreeLineage": "lineage", "COSMICID": "cosmic_id"}
_RESPONSE_COLUMNS = ("COSMIC_ID", "DRUG_ID", "DRUG_NAME", "AUC")
_GENE = re.compile(r"^(\S+) \((\w+)\)$")  # "TSPAN6 (7105)"
# From 25Q2 on a row is a sequencing profile; a model may have several, one of which is its default.
_DEFAULT, _YES = "IsDefaultEntryForModel", ("Yes", "True", "1")


def load_paper(sources: Sources) -> BulkPanel:
    """Build the panel of the report.

    Lines with expression and at least one curve; drugs are named as in the report,
    ``"Camptothecin (GDSC2:1003)"``, so that two screens of a name stay apart.

    Returns
    -------
    BulkPanel
        ``response`` is the **AUC** (0 to 1, 1 = no effect), as the report's values suggest.

    Raises
    ------
    DataError
        If a file has other columns, or none of the lines is in both.
    """
    expression, notes = read_depmap_expression(sources[EXPRESSION])
    models = read_depmap_models(sources[MODELS])
    response = read_gdsc_fits(sources[RESPONSE])
    known = models[models["cosmic_id"].isin(response.index) & models.index.isin(expression.index)]
    if known.empty:
        msg = f"no line is in {sources[EXPRESSION]}, {sources[MODELS]} and {sources[RESPONSE]}"
        raise DataError(msg)
    values = response.loc[known["cosmic_id"]].set_axis(known.index)
    names = pd.Index([f"{name} (GDSC2:{number})" for number, name, _ in values.columns], dtype=object)
    drugs = pd.DataFrame(
        {
            "drug_id": [str(number) for number, *_ in values.columns],
            "target": [target for *_, target in values.columns],
        },
        index=names,
    )
    values = values.set_axis(names, axis=1)
    notes += [
        f"{len(known)} of {len(response)} screened lines have expression (matched by COSMIC number).",
        "Response is the AUC (0-1, 1 = no effect). Calls follow the waterfall rule, which is our choice.",
    ]
    return BulkPanel(
        name="GDSC2",
        expression=expression.loc[known.index],
        response=values,
        resistant=binarise(values),
        lines=known,
        drugs=drugs,
        provenance=Provenance("paper", sources.files(), tuple(notes)),
    )


def read_depmap_expression(path: Path) -> tuple[pd.DataFrame, list[str]]:
    """Read the expression of protein-coding genes: lines x ``SYMBOL (entrez)``.

    Two layouts are known. Up to 25Q1 (``OmicsExpressionProteinCodingGenesTPMLogp1.csv``) a row is a model,
    named by the first column. From 25Q2 on a row is a profile, with its model and whether it is the default
    profile of that model in columns of their own; the default profiles are taken.

    Returns
    -------
    expression : DataFrame, lines x genes, float32
        log2(TPM + 1); columns = symbol. Of two columns with one symbol the first is kept.
    notes : list of str

    Raises
    ------
    DataError
        If the columns are named otherwise, a line stands twice, or values are missing.
    """
    header = pd.read_csv(path, nrows=0).columns
    genes = [name for name in header if _GENE.match(name)]
    by_profile = {"ModelID", _DEFAULT} <= set(header)
    wanted = ["ModelID", _DEFAULT, *genes] if by_profile else list(header)
    table = pd.read_csv(
        path, usecols=wanted, index_col=wanted[0], dtype=dict.fromkeys(genes, np.float32) | {_DEFAULT: str}
    )
    notes = []
    if by_profile:
        default = table.pop(_DEFAULT).isin(_YES).to_numpy()
        notes.append(f"{default.sum():,} of {len(table):,} profiles are the default of their model.")
        table = table[default]
    if list(table.columns) != genes or table.index.has_duplicates or table.isna().to_numpy().any():
        msg = f"{path}: expected unique lines, columns named 'SYMBOL (entrez)', and no missing value"
        raise DataError(msg)
    table.columns = pd.Index([name.rsplit(" (", 1)[0] for name in genes], dtype=object)
    twice = table.columns.duplicated()
    if twice.any():
        notes.append(f"{twice.sum()} gene column(s) repeat a symbol; the first was kept.")
    table.index = table.index.astype(str).astype(object)
    return table.loc[:, ~twice].rename_axis(None), notes


def read_depmap_models(path: Path) -> pd.DataFrame:
    """Read ``Model.csv``; index = ModelID, columns ``name``, ``lineage``, ``cosmic_id`` (text).

    Raises
    ------
    DataError
        If a column is missing or a ModelID stands twice.
    """
    table = pd.read_csv(path, dtype=str)
    missing = sorted({"ModelID", *_MODEL_COLUMNS} - set(table.columns))
    if missing or table["ModelID"].duplicated().any():
        msg = f"{path}: expected unique ModelID and the columns {', '.join(missing or _MODEL_COLUMNS)}"
        raise DataError(msg)
    table = table.set_index("ModelID").rename_axis(None)[list(_MODEL_COLUMNS)].rename(columns=_MODEL_COLUMNS)
    # Numbers with gaps are written as floats: "906794.0".
    table["cosmic_id"] = table["cosmic_id"].str.removesuffix(".0")
    table["lineage"] = table["lineage"].fillna("unknown")
    return table.fillna("").astype(object)


def read_gdsc_fits(path: Path) -> pd.DataFrame:
    """Read the table of fitted curves of GDSC2, xlsx as it is published, or the same as csv.

    Returns
    -------
    DataFrame
        AUC; index = COSMIC number (text), columns = (drug id, drug name, target; "" where the file names
        none). The mean where a line was tested twice with one drug id.

    Raises
    ------
    DataError
        If a column is missing, a value lies outside 0 to 1, or no reader of xlsx is installed.
    """
    try:
        table = pd.read_csv(path) if Path(path).suffix == ".csv" else pd.read_excel(path)
    except ImportError as error:
        msg = f"{path}: reading xlsx needs the package openpyxl; install it, then load again"
        raise DataError(msg) from error
    missing = sorted(set(_RESPONSE_COLUMNS) - set(table.columns))
    if missing:
        msg = f"{path} lacks the column(s) {', '.join(missing)}"
        raise DataError(msg)
    if not table["AUC"].between(0, 1).all():
        msg = f"{path}: expected AUC values between 0 and 1"
        raise DataError(msg)
    table["target"] = table["PUTATIVE_TARGET"].fillna("") if "PUTATIVE_TARGET" in table else ""
    wide = table.pivot_table(index="COSMIC_ID", columns=["DRUG_ID", "DRUG_NAME", "target"], values="AUC")
    wide.index = wide.index.astype(int).astype(str).astype(object)
    return wide.rename_axis(None)
