"""Formats of single-cell files: an R sparse matrix, plates of counts with annotation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from anndata import AnnData
from scipy import sparse

from helpers.data.readers.r_files import read_r
from helpers.data.types import Provenance
from helpers.errors import DataError

#: Columns of the annotation of a plate that the loader needs.
PLATE_COLUMNS = ("cell_line_demuxlet", "demuxlet_cls")


def read_r_counts(path: Path, name: str) -> tuple[sparse.csr_matrix, pd.Index, pd.Index]:
    """Read a genes x cells ``dgCMatrix`` of counts from an R data file.

    Parameters
    ----------
    path : Path
    name : str
        Name of the object in the file.

    Returns
    -------
    counts : csr_matrix, cells x genes, float32
    cells, genes : Index of str

    Raises
    ------
    DataError
        If the file is not readable, has no such object, or holds something else than counts.
    """
    try:
        matrix = read_r(path)[name]
        genes, cells = (pd.Index(np.asarray(names, dtype=str), dtype=object) for names in matrix.Dimnames)
        shape = tuple(int(size) for size in matrix.Dim)
        counts = sparse.csc_matrix((matrix.x, matrix.i, matrix.p), shape=shape)
    except Exception as error:
        msg = f"{path} does not hold the sparse matrix {name!r} with row and column names: {error}"
        raise DataError(msg) from error
    check_counts(counts.data, path)
    return counts.T.tocsr().astype(np.float32), cells, genes


def read_plate(counts: Path, metadata: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read one plate of sc_mixology.

    Returns
    -------
    counts : DataFrame, cells x genes, float32
    metadata : DataFrame
        Same index; the columns of the file.

    Raises
    ------
    DataError
        If the two files name different cells, a column is missing, or values are no counts.
    """
    table = pd.read_csv(counts, index_col=0).T
    about = pd.read_csv(metadata, index_col=0)
    missing = sorted(set(PLATE_COLUMNS) - set(about.columns))
    if missing:
        msg = f"{metadata} lacks the column(s) {', '.join(missing)}"
        raise DataError(msg)
    if not table.index.equals(about.index):
        msg = f"{counts} and {metadata} do not name the same cells in the same order"
        raise DataError(msg)
    check_counts(table.to_numpy(), counts)
    return table.astype(np.float32), about


def single_cells(metadata: pd.DataFrame) -> pd.Series:
    """Wells of a plate that hold one cell of one known line.

    A well is kept if demuxlet calls it a singlet (``SNG``), one cell was sorted into it (where the
    plate says so), and the line sorted into it (where the plate says so) is the one that demuxlet
    calls.
    """
    keep = metadata["demuxlet_cls"] == "SNG"
    if "cell_number" in metadata:
        keep &= metadata["cell_number"] == 1
    if "cell_line" in metadata:
        keep &= metadata["cell_line"] == metadata["cell_line_demuxlet"]
    return keep


def check_counts(values: np.ndarray, where: object) -> None:
    """Raise :class:`~helpers.errors.DataError` unless all values are whole numbers, none negative."""
    if values.size and (values.min() < 0 or (values != np.round(values)).any()):
        msg = f"{where}: expected counts, found negative or broken numbers"
        raise DataError(msg)


def annotated(
    name: str,
    values: sparse.csr_matrix | np.ndarray,
    obs: pd.DataFrame,
    genes: pd.Index,
    units: str,
    provenance: Provenance,
    source_id: pd.Index | None = None,
) -> AnnData:
    """Put cells together as :mod:`helpers.data.cells` describes them.

    Parameters
    ----------
    name : str
    values : matrix, cells x genes
    obs : DataFrame
        Index = cell.
    genes : Index of str
        Unique names.
    units : str
    provenance : Provenance
    source_id : Index, optional
        What the source calls the genes; default their names.

    Raises
    ------
    DataError
        If a cell stands twice.
    """
    obs = obs.set_axis(pd.Index(obs.index.astype(str), dtype=object))
    if obs.index.has_duplicates:
        msg = f"{name}: the cell {obs.index[obs.index.duplicated()][0]!r} stands twice"
        raise DataError(msg)
    genes = pd.Index(genes.astype(str), dtype=object)
    cells = AnnData(
        values, obs, pd.DataFrame({"source_id": genes if source_id is None else source_id}, index=genes)
    )
    cells.uns.update(name=name, units=units, provenance=provenance)
    return cells
