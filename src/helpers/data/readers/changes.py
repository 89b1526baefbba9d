"""Tables of perturbation: one row a cell (type or line) under a compound, one column a gene."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pandas as pd
from scipy import sparse

from helpers.checks import check_gene_names, check_numbers, check_table, refuse
from helpers.data.readers.cells import open_h5ad
from helpers.data.readers.expression import check_unique_header
from helpers.data.readers.ids import gene_symbols, text_ids
from helpers.data.readers.text import read_table

#: Names of a column, lower case, by what it says of a row. The first one that a file has counts.
_ROWS: dict[str, tuple[str, ...]] = {
    "cell": ("cell", "cell_type", "celltype", "cell_line", "cell_id", "cell_iname", "line", "cell_mfc_name"),
    "compound": (
        *("compound", "sm_name", "drug", "drug_name", "pert_iname", "cmap_name", "perturbation", "treatment"),
        "pert_id",
    ),
    "lincs_id": ("lincs_id", "sm_lincs_id", "pert_id", "brd_id"),
    "smiles": ("smiles", "canonical_smiles"),
}
#: Numbers that describe a row: no values.
_DESCRIBES = {
    *("dose", "dose_um", "dose_um_", "pert_dose", "time", "time_h", "pert_time", "control", "replicate"),
    *("batch", "plate", "n_cells", "cell_count", "n", "unnamed: 0", "split", "id", "index", "row"),
}


def read_changes(path: str | Path) -> tuple[tuple[pd.DataFrame, pd.DataFrame], list[str]]:
    """Read changes of expression: a table of text, xlsx or Parquet, or an h5ad file.

    Parameters
    ----------
    path : str or Path
        Columns that name the cell and the compound of each row, perhaps ``smiles`` and a LINCS id; all
        other columns of numbers are genes.

    Returns
    -------
    rows : DataFrame
        ``cell``, ``compound``, ``lincs_id``, ``smiles`` (text; the compound where the file does not say).
    values : DataFrame, rows x genes, float32
        The same index. Rows that repeat a cell and a compound are averaged.
    notes : list of str

    Raises
    ------
    DataError
        If a row names no cell or compound, a gene stands twice or was made a date, or values are missing,
        infinite or text.
    """
    path = Path(path)
    about, values, notes = _of_h5ad(path) if path.is_file() and h5py.is_hdf5(path) else _of_table(path)
    lower = {name.lower(): name for name in reversed(about.columns)}
    found = {
        what: next((lower[name] for name in names if name in lower), None) for what, names in _ROWS.items()
    }
    rows = {what: text_ids(about[name]) for what, name in found.items() if name is not None}
    for what in ("cell", "compound"):
        unnamed = int((rows[what] == "").sum()) if what in rows else len(about)
        if unnamed:
            problem = (
                f"{unnamed} row(s) name no {what} (described by {', '.join(about.columns) or 'nothing'})"
            )
            refuse(path, problem, f"give a column {what!r}")
    table = pd.DataFrame(rows)
    for what in ("lincs_id", "smiles"):
        said = table[what] if what in table else pd.Series("", table.index)
        first = said[said != ""].groupby(table["compound"]).first()
        table[what] = table["compound"].map(first).fillna(table["compound"])
    values = values.set_axis(gene_symbols(text_ids(values.columns)), axis=1).set_axis(table.index)
    check_unique_header(values.columns, path)
    check_gene_names(values.columns, path)
    check_table(values, path, "rows x genes")
    check_numbers(values, path, "rows x genes")
    twice = int(table.duplicated(["cell", "compound"]).sum())
    if twice:
        notes.append(f"{twice} of {len(table)} rows repeat a cell and a compound; their mean was taken.")
        number = table.groupby(["cell", "compound"], sort=False).ngroup().to_numpy()
        values = values.groupby(number).mean()
        table = table.drop_duplicates(["cell", "compound"]).reset_index(drop=True)
    ignored = [name for name in about.columns if name not in found.values() and name]
    if ignored:
        notes.append(f"{len(ignored)} column(s) describe and are no genes: {', '.join(ignored[:8])}.")
    return (table, values.astype(np.float32)), notes


def _of_table(path: Path) -> tuple[pd.DataFrame, pd.DataFrame, list[str]]:
    words = [name for names in _ROWS.values() for name in names]
    raw = read_table(path, words)
    check_unique_header(pd.Index(raw.header), path)
    described = {*words, *_DESCRIBES, ""}
    of_gene = np.array([name.lower() not in described for name in raw.header])
    numeric = np.array([pd.api.types.is_numeric_dtype(kind) for kind in raw.table.dtypes])
    # A column of text is a description, unless it holds numbers and a word: then it is a broken gene.
    for at in np.flatnonzero(of_gene & ~numeric):
        column = raw.table.iloc[:, at]
        numbers = pd.to_numeric(column, errors="coerce")
        if numbers.notna().all():  # the first column is read as text
            raw.table.isetitem(at, numbers)
            numeric[at] = True
        elif numbers.notna().any():
            word = column[numbers.isna() & column.notna()].iloc[0]
            refuse(path, f"column {raw.header[at]!r} holds {word!r} among numbers", "give numbers only")
    is_value = of_gene & numeric
    return raw.table.loc[:, ~is_value], raw.table.loc[:, is_value], list(raw.notes)


def _of_h5ad(path: Path) -> tuple[pd.DataFrame, pd.DataFrame, list[str]]:
    found = open_h5ad(path)
    if found.X is None:
        layers = ", ".join(map(str, found.layers)) or "none"
        refuse(path, f"X is empty; layers: {layers}", "put one of them into X")
    values = found.X.toarray() if sparse.issparse(found.X) else np.asarray(found.X)
    about = found.obs.reset_index(drop=True).astype(object)
    return about, pd.DataFrame(values, columns=found.var_names), []
