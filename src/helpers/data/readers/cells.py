"""Expression of single cells: gene tables, h5ad, folders of MTX files; and labels of cells."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import anndata
import h5py
import numpy as np
import pandas as pd
from anndata import AnnData
from scipy import io, sparse

from helpers.checks import check_gene_names, check_numbers, check_unique, refuse
from helpers.data.readers.expression import split_annotation
from helpers.data.readers.ids import SYMBOL_COLUMNS, gene_symbols, genes_are_rows, text_ids
from helpers.data.readers.response import WORDS
from helpers.data.readers.text import read_table

_COUNTS = ("counts", "raw_counts", "raw", "count")


def read_gene_table(path: str | Path) -> tuple[pd.DataFrame, list[str]]:
    """Read a table of genes x cells (or cells x genes, where its ids say so), as supplements of GEO give it.

    Returns
    -------
    values : DataFrame, cells x genes, float32
        A gene that stands twice is summed.
    notes : list of str

    Raises
    ------
    DataError
        If values are missing, negative, infinite or text, a cell stands twice, or a gene name was made a
        date (before anything is summed).
    """
    raw = read_table(path)
    notes = list(raw.notes)
    ids, described, values = split_annotation(raw, notes)
    values = values.set_axis(ids)
    rows_are_genes = _rows_are_genes(ids, values.columns, described.columns[0], path)
    symbol = next((name for name in described if name.lower() in SYMBOL_COLUMNS), None)
    if rows_are_genes and symbol is not None:
        values = values.set_axis(text_ids(described[symbol]))
    values = values.T if rows_are_genes else values
    values = values.set_axis(gene_symbols(values.columns), axis=1)
    check_gene_names(values.columns, path)
    check_unique(values.index, path, "a cell stands twice")
    check_numbers(values, path, "cells x genes")
    if values.empty or (values.to_numpy() < 0).any():
        refuse(
            path,
            "negative values, or none at all",
            "give counts, TPM or FPKM; scaled values are no gene table",
        )
    if values.columns.has_duplicates:
        notes.append(f"{int(values.columns.duplicated().sum())} row(s) repeat a gene; they were summed.")
        values = values.T.groupby(level=0, sort=False).sum().T
    return values.astype(np.float32).rename_axis(index=None, columns=None), notes


def _rows_are_genes(rows: pd.Index, columns: pd.Index, corner: str, path: str | Path) -> bool:
    try:
        return genes_are_rows(rows, columns, corner, path)
    except ValueError:
        return True  # what every supplement of GEO is, where names do not say otherwise


def read_h5ad(path: str | Path) -> tuple[AnnData, list[str]]:
    """Read an h5ad file; counts are taken from a layer or ``raw`` where ``X`` has none.

    Returns
    -------
    cells : AnnData
        ``X`` holds counts where the file has any, else what it has; names of cells and genes are unique text.
    notes : list of str

    Raises
    ------
    DataError
        If it is no h5ad file, holds no values, or names a cell or gene twice.
    """
    path = Path(path)
    cells = open_h5ad(path)
    choices: dict[str, Any] = {
        f"layer {name!r}": cells.layers[name] for name in _COUNTS if name in cells.layers
    }
    if cells.raw is not None:
        choices["raw"] = cells.raw.X
    if cells.X is None and not choices and len(cells.layers) == 1:
        choices = {f"layer {name!r}": layer for name, layer in cells.layers.items()}
    notes = []
    if cells.X is None or not _is_count(cells.X):
        counts = {name: values for name, values in choices.items() if cells.X is None or _is_count(values)}
        if counts:
            name, values = next(iter(counts.items()))
            notes.append(f"Values are those of {name}; X holds {'none' if cells.X is None else 'no counts'}.")
            if name == "raw":
                cells = AnnData(values, cells.obs, cells.raw.var)
            else:
                cells.X = values
    if cells.X is None:
        refuse(
            path,
            f"X is empty; layers: {', '.join(map(str, cells.layers)) or 'none'}",
            "put one of them into X",
        )
    for what, names in (("cell", cells.obs_names), ("gene", cells.var_names)):
        check_unique(names, path, f"a {what} stands twice")
    check_gene_names(cells.var_names, path)
    _check_values(cells.X, path)
    return cells, notes


def open_h5ad(path: Path) -> AnnData:
    """Open an h5ad file as it is; refuse any other."""
    if not path.is_file() or not h5py.is_hdf5(path):
        refuse(path, "not an HDF5 file" if path.is_file() else "there is no such file", "give an h5ad file")
    try:
        return anndata.read_h5ad(path)
    except Exception as error:  # whatever a file of another version makes anndata raise
        refuse(path, f"not a readable h5ad file: {error}", "write it again with a current anndata")


def read_mtx(path: str | Path) -> tuple[AnnData, list[str]]:
    """Read a folder of a sparse matrix (``matrix.mtx``), genes (``features`` or ``genes.tsv``) and barcodes.

    Files may be gzipped and have a prefix, as GEO gives them (``GSM1_matrix.mtx.gz``).

    Returns
    -------
    cells : AnnData
        Names of genes are symbols; of genes with one symbol, the second and later keep their id.
    notes : list of str
    """
    folder = Path(path)
    if not folder.is_dir():
        refuse(folder, "not a folder", "give the folder of matrix.mtx, features.tsv and barcodes.tsv")
    parts = {
        "matrix": _only(folder, ("*matrix.mtx", "*matrix.mtx.gz", "*.mtx", "*.mtx.gz")),
        "genes": _only(folder, ("*features.tsv*", "*genes.tsv*", "*features.txt*", "*genes.txt*")),
        "cells": _only(folder, ("*barcodes.tsv*", "*cells.tsv*", "*barcodes.txt*", "*cells.txt*")),
    }
    try:
        matrix = sparse.csr_matrix(io.mmread(parts["matrix"]))
        genes = pd.read_csv(parts["genes"], sep="\t", header=None, dtype=str, keep_default_na=False)
        cells = pd.read_csv(parts["cells"], sep="\t", header=None, dtype=str, keep_default_na=False)
    except (ValueError, OSError, EOFError) as error:
        refuse(folder, f"not a readable set of MTX files: {error}", "fetch them again")
    if matrix.shape == (len(cells), len(genes)) != (len(genes), len(cells)):
        matrix = matrix.T
    if matrix.shape != (len(genes), len(cells)):
        problem = f"the matrix is {matrix.shape}, for {len(genes)} genes and {len(cells)} cells"
        refuse(folder, problem, "take the three files of one sample")
    symbol = pd.Index(genes[1 if genes.shape[1] > 1 else 0], dtype=object)
    check_gene_names(symbol, folder)
    repeated = symbol.duplicated()
    names = pd.Index(np.where(repeated, genes[0], symbol), dtype=object)
    check_unique(names, folder, "a gene stands twice")
    barcodes = pd.Index(cells[0], dtype=object)
    check_unique(barcodes, folder, "a cell stands twice")
    _check_values(matrix, folder)
    notes = (
        [f"{repeated.sum()} gene(s) share their symbol with an earlier one; they keep their id."]
        if repeated.any()
        else []
    )
    return AnnData(
        matrix.T.tocsr().astype(np.float32), pd.DataFrame(index=barcodes), pd.DataFrame(index=names)
    ), notes


def read_labels(path: str | Path) -> tuple[pd.Series, list[str]]:
    """Read labels by id: a column ``resistant`` or ``sensitive``, or of the words R and S.

    Returns
    -------
    resistant : Series, float
        1 resistant, 0 sensitive, NaN where the file says nothing; index = id (text).
    notes : list of str

    Raises
    ------
    DataError
        If an id stands twice, or the direction of 0 and 1 is not said.
    """
    raw = read_table(path)
    ids = text_ids(raw.table.iloc[:, 0])
    check_unique(ids, path, "an id stands twice")
    named = {name.lower(): at for at, name in reversed(list(enumerate(raw.header)))}
    what = next((what for what in ("resistant", "sensitive") if what in named), None)
    at = named[what] if what else 1
    if raw.table.shape[1] < 2:
        refuse(path, "one column only", "give ids and a column 'resistant' or 'sensitive'")
    column = raw.table.iloc[:, at]
    words = column.astype(str).str.strip().str.lower().map(WORDS)
    values = words if words.notna().any() else pd.to_numeric(column, errors="coerce")
    if (values.isna() & column.notna()).any() or not values.dropna().isin((0, 1)).all():
        refuse(path, f"column {column.name!r} must hold 0 and 1, or R and S", "write one of these")
    if what is None and not words.notna().any():
        problem = f"column {column.name!r} does not say whether 1 is resistant or sensitive"
        refuse(path, problem, "name it 'resistant' or 'sensitive'")
    turned = what == "sensitive" and not words.notna().any()
    notes = [*raw.notes, *([f"Column {column.name!r} was turned: 1 means resistant here."] if turned else [])]
    return pd.Series((1 - values if turned else values).to_numpy(float), ids, name="resistant"), notes


def label_cells(cells: AnnData, labels: pd.Series) -> list[str]:
    """Write labels into ``obs["resistant"]`` by the name of each cell, never by order; return what was lost.

    Raises
    ------
    DataError
        If no cell has a label.
    """
    where = cells.uns.get("name", "cells")
    if not isinstance(labels, pd.Series) or not labels.dropna().isin((0, 1)).all():
        refuse(where, "labels must be a Series of 1 (resistant), 0 and NaN, by the name of the cell")
    check_unique(labels.index, where, "labels name a cell twice")
    found = labels.reindex(cells.obs_names)
    if found.isna().all():
        first = f"cells {list(cells.obs_names[:2])}, labels {list(labels.index[:2])}"
        refuse(
            where,
            f"no cell has a label ({first})",
            "give labels the names of the cells",
        )
    cells.obs["resistant"] = found.to_numpy(float)
    lost = len(labels) - int(labels.index.isin(cells.obs_names).sum())
    return [f"{int(found.notna().sum())} of {len(found)} cells have a label; {lost} labels name no cell."]


def _only(folder: Path, patterns: Sequence[str]) -> Path:
    for pattern in patterns:
        found = sorted(folder.glob(pattern))
        if len(found) > 1:
            refuse(folder, f"{len(found)} files match {pattern}", "give a folder of one sample")
        if found:
            return found[0]
    refuse(folder, f"no file matches {' or '.join(patterns)}", "give the folder of all three files")


def _is_count(values: Any) -> bool:
    data = values.data if sparse.issparse(values) else np.asarray(values)
    return bool((data >= 0).all() and (data == np.round(data)).all())


def _check_values(values: Any, path: Path) -> None:
    data = values.data if sparse.issparse(values) else np.asarray(values)
    if not np.isfinite(data.astype(float)).all():
        refuse(path, "values are NaN or infinite", "drop or impute them first")
