"""Expression of bulk lines, in the layouts that portals and papers give it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from helpers.checks import check_gene_names, check_log_scale, check_numbers, check_table, refuse
from helpers.data.readers.ids import SYMBOL_COLUMNS, gene_symbols, genes_are_rows, text_ids
from helpers.data.readers.text import Raw, read_table

_DEFAULT = ("IsDefaultEntryForModel", "is_default_entry")
_MODEL_IDS = ("ModelID", "depmap_id", "DepMap_ID")
#: Numbers that describe a gene or a line: no values.
_DESCRIBES = {
    *("chr", "chrom", "chromosome", "start", "end", "strand", "length", "width", "gene_length", "entrez"),
    *("entrezgene", "entrez_id", "entrez_gene_id", "ncbi_gene_id", "lineage_1", "lineage_2", "lineage_3"),
    *("lineage_4", "lineage_6", "lineage_5", "replicate", "passage"),
}


def read_expression(path: str | Path, *, linear: bool = False) -> tuple[pd.DataFrame, list[str]]:
    """Read expression of bulk lines.

    Read are DepMap (up to 22Q2, 24Q4, 25Q2 and later with its columns of metadata, the portal's custom
    tables), GCT 1.2 and 1.3, GDSC's RMA text, series of GEO, and plain tables of lines x genes or genes x
    lines, as text of any encoding and separator, xlsx, Parquet, or the matrix or data frame of an R file.

    Parameters
    ----------
    path : str or Path
    linear : bool
        The values are linear (TPM, RPKM, counts): log2(x + 1) is taken. Without it linear values are refused.

    Returns
    -------
    expression : DataFrame, lines x genes, float32
        Log scale; columns = gene symbol where the file has one, else its gene id. Of two genes with one name
        the first is kept; replicates of a line are averaged.
    notes : list of str
        What was renamed, averaged or left out.

    Raises
    ------
    DataError
        If the layout cannot be told, an id stands twice, a gene name was made a date, or values are missing,
        infinite, text or on another scale. The message names the file, the column and the remedy.
    """
    raw = read_table(path)
    notes = list(raw.notes)
    default = next((name for name in _DEFAULT if name in raw.header), None)
    if default is not None:
        is_default = raw.table[default].astype(str).str.lower().isin(("yes", "true", "1"))
        left_out = int((~is_default).sum())
        raw.table = raw.table[is_default]
        if left_out:
            of = f"{left_out} of {len(is_default)} profiles"
            notes.append(f"{of} {'is' if left_out == 1 else 'are'} not the model's default; left out.")
    ids, described, values = split_annotation(raw, notes)
    values = values.set_axis(ids)
    if genes_are_rows(ids, values.columns, described.columns[0], path):
        symbol = next((name for name in described if name.lower() in SYMBOL_COLUMNS), None)
        if symbol is not None:
            values = values.set_axis(text_ids(described[symbol]))
        values = _replicates(values.T, notes)
    values = _genes(values, raw.path, notes)
    check_table(values, path, "expression")
    check_numbers(values, path, "expression (lines x genes)")
    if linear:
        if (values.to_numpy() < 0).any():
            refuse(
                path,
                "negative values cannot be linear expression",
                "leave linear out for values on a log scale",
            )
        values = np.log2(values + 1)
        notes.append("log2(x + 1) of linear values was taken.")
    check_log_scale(values.to_numpy(), path, "take log2(x + 1) first, or say that they are linear")
    return values.astype(np.float32), notes


def split_annotation(raw: Raw, notes: list[str]) -> tuple[pd.Index, pd.DataFrame, pd.DataFrame]:
    """Cut a table into the ids of its rows, what describes them, and its values.

    Columns before the first one of values describe, as do those that are known to. Later text is refused.
    """
    table, path = raw.table, raw.path
    numeric = np.array([pd.api.types.is_numeric_dtype(kind) for kind in table.dtypes])
    known = np.array([name.lower() in _DESCRIBES for name in table.columns])
    gene = next((at for at, name in enumerate(table.columns[:2]) if name == "Gene"), None)
    first = max(raw.annotation, 1, 0 if gene is None else gene + 1)
    while first < len(numeric) and (not numeric[first] or known[first]):
        first += 1
    is_value = (np.arange(len(numeric)) >= first) & ~known
    if not is_value.any():
        refuse(path, f"no column of numbers; it has {', '.join(raw.header[:6])}", "give ids and values")
    text = [name for name, one in zip(raw.header, is_value & ~numeric, strict=True) if one]
    if text:
        refuse(path, f"text in {len(text)} column(s) of values, first {text[:3]}", "give numbers only")
    model = next((name for name in _MODEL_IDS if name in raw.header), None)
    id_at = raw.header.index(model) if model else 0 if gene is None else gene
    described = table.loc[:, ~is_value]
    others = [name for at, name in enumerate(raw.header) if not is_value[at] and at != id_at and name]
    if others and not raw.annotation:
        notes.append(f"{len(others)} column(s) describe and are no values: {', '.join(others)}.")
    # The first column of what describes is the one that names the rows.
    order = [id_at, *(at for at in np.flatnonzero(~is_value) if at != id_at)]
    described = table.iloc[:, order]
    values = table.loc[:, is_value]
    check_unique_header(values.columns, path)
    return text_ids(table.iloc[:, id_at]), described, values.set_axis(text_ids(values.columns), axis=1)


def check_unique_header(names: pd.Index, path: Path) -> None:
    """Refuse a raw header that names a column twice."""
    if names.has_duplicates:
        twice = list(names[names.duplicated()][:3])
        refuse(path, f"the header names a column twice, first {twice}", "give each its own name")


def _replicates(values: pd.DataFrame, notes: list[str]) -> pd.DataFrame:
    """Average GDSC's replicates: ``DATA.1503362`` and ``DATA.1503362.1`` are one line."""
    if not values.index.str.startswith("DATA.").all():
        return values
    line = values.index.str.removeprefix("DATA.").str.replace(r"\.\d+$", "", regex=True)
    repeated = int(line.duplicated().sum())
    if repeated:
        notes.append(
            f"{repeated} replicate(s) of a line were averaged: {', '.join(line[line.duplicated()])}."
        )
    return values.groupby(line, sort=False).mean().rename_axis(None)


def _genes(values: pd.DataFrame, path: Path, notes: list[str]) -> pd.DataFrame:
    names = gene_symbols(values.columns)
    check_gene_names(names, path)
    unnamed = names == ""
    repeated = names.duplicated() & ~unnamed
    if unnamed.any():
        notes.append(f"{unnamed.sum()} row(s) or column(s) name no gene; left out.")
    if repeated.any():
        notes.append(f"{repeated.sum()} gene column(s) repeat a symbol; the first was kept.")
    return values.set_axis(names, axis=1).loc[:, ~(unnamed | repeated)].rename_axis(index=None, columns=None)
