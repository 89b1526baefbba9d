"""Readers of the file formats of RefDNN (Choi et al. 2020) and its reproduction (Meng 2022)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from helpers.checks import readable, refuse
from helpers.errors import DataError

#: What both panels share: their expression is not the paper's.
RNA_SEQ = "Expression is RNA-seq (log2(TPM + 1)); the paper used RMA arrays: compare direction and rank only."
OTHERS = "others"
#: Registry key of DepMap's table of models, which says which lines come from one patient.
MODELS = "depmap-models"
_UNCLASSIFIED = {"", "NA", "NaN", "UNABLE TO CLASSIFY"}


def read_response(path: str | Path) -> pd.DataFrame:
    """Read ``response_*.csv``: ``Drug, Cell, Label`` and, in CCLE, ``LN_IC50``.

    Returns
    -------
    DataFrame
        ``line``, ``drug``, ``resistant`` (int8; ``Resistance`` is 1, the other word 0), ``value`` (ln
        IC50 in uM; NaN where the file has none). Row order and repeated pairs are kept.

    Raises
    ------
    DataError
        If a column or a cell is missing, or labels are not two words, one of them ``Resistance``.
    """
    table = _read_text(path)
    _need(table, ("Drug", "Cell", "Label"), path)
    if {"Drug.1", "Cell.1", "Label.1", "LN_IC50.1"} & set(table):  # as pandas renames a second column
        refuse(path, "has a column twice", "keep one of Drug, Cell, Label and LN_IC50 each")
    words = sorted(set(table["Label"]) - {"Resistance"})
    empty = (table[["Drug", "Cell", "Label"]] == "").any(axis=1)
    if empty.any():
        msg = f"{path}: {empty.sum()} row(s) lack a drug, a cell or a label, first line {empty.idxmax() + 2}"
        raise DataError(msg)
    if len(words) > 1 or "Resistance" not in set(table["Label"]):
        msg = f"{path}: labels must be Resistance and one other word; got {words[:4]}"
        raise DataError(msg)
    value = _numbers(table["LN_IC50"], path) if "LN_IC50" in table else np.nan
    return pd.DataFrame(
        {
            "line": table["Cell"],
            "drug": table["Drug"],
            "resistant": (table["Label"] == "Resistance").astype(np.int8),
            "value": value,
        }
    )


def read_expression(path: str | Path) -> tuple[pd.DataFrame, int]:
    """Read ``expression_*.csv``: genes x lines, log2.

    The gene id is the column ``Gene`` where there is one (CCLE, whose first column is a running
    row number), else the first column (GDSC). Ids are Entrez numbers.

    Returns
    -------
    expression : DataFrame, lines x genes, float32
    renamed : int
        Genes that got a suffix (``.2``) because their id stands more than once.

    Raises
    ------
    DataError
        If there is no gene or line, an id is missing, or a value is not a finite number.
    """
    # Thousands of rows by a thousand columns: the parallel reader takes a tenth of the time.
    with readable(path):
        table = pd.read_csv(path, engine="pyarrow")
    key = "Gene" if "Gene" in table.columns[:2] else table.columns[0]
    if table.empty or table[key].isna().any():
        refuse(path, f"needs rows, each with an id of its gene in {key!r}")
    genes = table[key].astype(str)
    values = table.iloc[:, table.columns.get_loc(key) + 1 :]
    wrong = [name for name in values if not pd.api.types.is_numeric_dtype(values[name])]
    if wrong or values.shape[1] == 0 or not np.isfinite(values.to_numpy(np.float32)).all():
        where = wrong or list(values.columns[~np.isfinite(values.to_numpy(np.float32)).all(axis=0)])
        msg = f"{path}: every column after {key!r} must hold numbers; not so in {where[:3] or 'the file'}"
        raise DataError(msg)
    count = genes.groupby(genes).cumcount() + 1
    ids = np.where(count > 1, genes + "." + count.astype(str), genes)
    expression = pd.DataFrame(
        values.to_numpy(np.float32).T,
        index=pd.Index(values.columns.astype(str), dtype=object),
        columns=pd.Index(ids, dtype=object),
    )
    return expression, int((count > 1).sum())


def read_fingerprints(path: str | Path) -> pd.DataFrame:
    """Read ``fingerprint_*.csv``: ``Name, FP1 .. FP3072``, 0 and 1.

    Returns
    -------
    DataFrame, drugs x bits, uint8

    Raises
    ------
    DataError
        If a drug has no name or stands twice, or a bit is anything but 0 and 1.
    """
    with readable(path):
        table = pd.read_csv(path, engine="pyarrow")
    _need(table, ("Name",), path)
    if table["Name"].isna().any():
        refuse(path, f"{int(table['Name'].isna().sum())} row(s) have no Name")
    table = table.set_index(table["Name"].astype(str).astype(object)).drop(columns="Name")
    values = table.to_numpy()
    if values.dtype.kind not in "iu" or not np.isin(values, (0, 1)).all():
        msg = f"{path}: fingerprints must hold only 0 and 1"
        raise DataError(msg)
    if table.index.has_duplicates:
        msg = f"{path}: the drug {table.index[table.index.duplicated()][0]!r} stands twice"
        raise DataError(msg)
    return pd.DataFrame(values.astype(np.uint8), index=table.index.rename(None), columns=table.columns)


def read_annotation(path: str | Path) -> pd.DataFrame:
    """Read ``cell_annotation_*.txt``: 13 tab-separated columns and a line of totals.

    Returns
    -------
    DataFrame
        Index = line (COSMIC number or CCLE name); ``cancer_type`` (TCGA label, or ``"others"``
        where the file has a blank, ``NA`` or ``UNABLE TO CLASSIFY``) and ``name`` (empty where
        the file has none).

    Raises
    ------
    DataError
        If a column is missing, a line has no id or stands twice, or there is none.
    """
    columns = {
        "COSMIC identifier": "line",
        "Cancer Type (matching TCGA label)": "cancer_type",
        "Sample Name": "name",
    }
    table = _read_text(path, sep="\t")
    _need(table, tuple(columns), path)
    table = table[list(columns)].rename(columns=columns)
    table = table[~table["name"].str.startswith("TOTAL")]
    if table.empty or (table["line"] == "").any():
        refuse(path, "needs rows, each with a COSMIC identifier or a name of its line")
    if table["line"].duplicated().any():
        msg = f"{path}: the line {table['line'][table['line'].duplicated()].iloc[0]!r} stands twice"
        raise DataError(msg)
    table["cancer_type"] = table["cancer_type"].where(~table["cancer_type"].isin(_UNCLASSIFIED), OTHERS)
    table["name"] = table["name"].replace("NA", "")
    return table.set_index("line").rename_axis(None)


def line_table(
    annotation: pd.DataFrame, lines: pd.Index, notes: list[str], **columns: object
) -> pd.DataFrame:
    """Describe lines; lines without annotation count as ``"others"``, and a note says how many.

    Parameters
    ----------
    annotation : DataFrame
        From :func:`read_annotation`.
    lines : Index
    notes : list of str
        Gets the note.
    **columns
        ``cosmic_id`` and ``model_id``, or ``name`` where a better one than the annotation's is known, and
        ``tissue``, which is the cancer type where nothing else is known, and ``patient``, which is the
        line itself where nothing is known.
    """
    known = annotation.reindex(lines)
    missing = int(known["cancer_type"].isna().sum())
    if missing:
        notes.append(f"{missing} line(s) without annotation are {OTHERS!r}.")
    cancer_type = known["cancer_type"].fillna(OTHERS).to_numpy(object)
    table = {
        "cancer_type": cancer_type,
        "tissue": cancer_type,
        "patient": lines.to_numpy(object),
        "name": known["name"].fillna("").to_numpy(object),
        "cosmic_id": "",
        "model_id": "",
    }
    return pd.DataFrame(table | columns, index=lines)


def read_patients(path: str | Path, models: pd.Index | pd.Series, notes: list[str]) -> np.ndarray:
    """Read the patient of each model from DepMap's ``Model.csv``.

    Parameters
    ----------
    path : str or Path
    models : Index or Series of str
        ModelIDs.
    notes : list of str
        Gets the patients that more than one of the models comes from.

    Returns
    -------
    array of str
        A model that the file does not name, or names without a patient, is a patient of its own.

    Raises
    ------
    DataError
        If a column is missing, or a model stands twice.
    """
    table = _read_text(path)
    _need(table, ("ModelID", "PatientID"), path)
    if table["ModelID"].duplicated().any():
        msg = f"{path}: the model {table['ModelID'][table['ModelID'].duplicated()].iloc[0]!r} stands twice"
        raise DataError(msg)
    models = pd.Series(np.asarray(models, dtype=object))
    patient = models.map(table.set_index("ModelID")["PatientID"]).replace("", np.nan).fillna(models)
    shared = patient[patient.duplicated(keep=False)]
    if len(shared):
        notes.append(f"{len(shared)} lines come from {shared.nunique()} patients with two lines or more.")
    return patient.to_numpy(object)


def tissues(lineage: pd.Series) -> np.ndarray:
    """Tissue of each line from DepMap's lineage: lymphoid and myeloid lines are both blood."""
    return lineage.replace({"Lymphoid": "Blood", "Myeloid": "Blood", "": "unknown"}).to_numpy(object)


def note_single_class(response: pd.DataFrame, notes: list[str]) -> None:
    """Note the drugs that all lines resist, or none."""
    classes = response.groupby("drug")["resistant"].nunique()
    if (classes == 1).any():
        notes.append(f"Drugs with a single label: {', '.join(classes.index[classes == 1])}.")


def _read_text(path: str | Path, sep: str = ",") -> pd.DataFrame:
    with readable(path):
        table = pd.read_csv(path, sep=sep, dtype=str, keep_default_na=False)
    return table.apply(lambda column: column.str.strip())


def _need(table: pd.DataFrame, columns: tuple[str, ...], path: str | Path) -> None:
    missing = [name for name in columns if name not in table]
    if missing:
        found = ", ".join(map(str, table.columns[:5]))
        msg = f"{path} lacks the column(s) {', '.join(missing)}; it has {found}"
        raise DataError(msg)


def _numbers(column: pd.Series, path: str | Path) -> pd.Series:
    try:
        numbers = pd.to_numeric(column)
    except ValueError as error:
        msg = f"{path}, column {column.name}: {error}"
        raise DataError(msg) from error
    if np.isinf(numbers).any():
        refuse(path, f"column {column.name} holds infinite values", "leave them empty")
    return numbers
