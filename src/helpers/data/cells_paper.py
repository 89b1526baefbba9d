"""Single cells of the pan-cancer lines, as the GPDS report used them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from anndata import AnnData
from scipy import sparse

from helpers.data.bulk_paper import MODELS, models_of
from helpers.data.cell_files import annotated, check_counts
from helpers.data.sources import Sources
from helpers.data.types import Provenance
from helpers.errors import DataError

PAN_CANCER = "pan-cancer-lines"
#: Registry keys.
FILES = ("scp542-counts", "scp542-metadata", MODELS)
_CHUNK = 1000  # genes that are read at once


def load_pan_cancer(sources: Sources) -> AnnData:
    """Build the set of the pan-cancer lines from its portal's files and the models of DepMap.

    Raises
    ------
    DataError
        If a file does not have the expected form, or cells and annotation do not fit together.
    """
    counts, genes, cells, lines = read_portal_counts(sources["scp542-counts"])
    about = pd.read_csv(sources["scp542-metadata"], sep="\t", dtype=str).set_index("NAME")
    kept = np.flatnonzero(cells.isin(about.index))
    if not len(kept):
        msg = f"{sources['scp542-metadata']} names none of the cells of {sources['scp542-counts']}"
        raise DataError(msg)
    cells, lines = cells[kept], lines[kept]
    short = lines.str.split("_").str[0]
    models = models_of(sources)
    unique = models[~models["name"].duplicated(keep=False)].reset_index(names="model_id").set_index("name")
    found = unique.reindex(short)
    obs = pd.DataFrame(
        {
            "line": short.to_numpy(object),
            "model_id": found["model_id"].fillna("").to_numpy(object),
            "lineage": found["lineage"].fillna("unknown").to_numpy(object),
            "resistant": np.nan,
            "batch": about.loc[cells, "Pool_ID"].to_numpy(object),
        },
        index=cells,
    )
    note = f"{len(kept):,} cells are in the annotation, that is, passed the authors' quality control."
    return annotated(
        PAN_CANCER, counts[kept], obs, genes, "counts", Provenance("paper", sources.files(), (note,))
    )


def read_portal_counts(path: Path) -> tuple[sparse.csr_matrix, pd.Index, pd.Index, pd.Index]:
    """Read ``UMIcount_data.txt``: three header rows (cell, line, pool), then genes x cells.

    Read gene by gene in blocks: the full table does not fit in memory.

    Returns
    -------
    counts : csr_matrix, cells x genes, float32
    genes, cells, lines : Index of str
        ``lines`` by cell, as the file names them (``MKN45_STOMACH``).

    Raises
    ------
    DataError
        If the header differs, a gene or cell stands twice, or values are no counts.
    """
    header = pd.read_csv(path, sep="\t", header=None, nrows=3, index_col=0, dtype=str)
    if list(header.index[1:]) != ["Cell_line", "Pool_ID"]:
        msg = f"{path}: expected header rows of cells, Cell_line and Pool_ID; got {list(header.index)}"
        raise DataError(msg)
    blocks, genes = [], []
    with pd.read_csv(path, sep="\t", header=None, skiprows=3, index_col=0, chunksize=_CHUNK) as reader:
        for block in reader:
            genes.extend(block.index.astype(str))
            check_counts(block.to_numpy(), path)
            blocks.append(sparse.csr_matrix(block.to_numpy(np.float32)))
    counts = sparse.vstack(blocks).T.tocsr()
    cells, names = pd.Index(header.iloc[0], dtype=object), pd.Index(genes, dtype=object)
    if cells.has_duplicates or names.has_duplicates:
        msg = f"{path}: cells and genes must be unique"
        raise DataError(msg)
    return counts, names, cells, pd.Index(header.iloc[1], dtype=object)
