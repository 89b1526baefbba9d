"""Single cells of the studies themselves: the pan-cancer lines of GPDS, the six sets of scDEAL.

The label rules of the scDEAL sets are those of its public code; in each set a label names the
condition of a cell (parental or resistant line), not an assay of that cell.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from anndata import AnnData
from scipy import sparse

from helpers.data.bulk_paper import MODELS, read_depmap_models
from helpers.data.cell_files import check_counts
from helpers.data.sources import Sources
from helpers.data.types import Provenance
from helpers.errors import DataError

PAN_CANCER = "pan-cancer-lines"
#: Registry keys of each data set.
FILES: dict[str, tuple[str, ...]] = {
    PAN_CANCER: ("scp542-counts", "scp542-metadata", MODELS),
    "GSE117872-HN120": ("scdeal-gse117872", "scdeal-gse117872-cells"),
    "GSE117872-HN137": ("scdeal-gse117872", "scdeal-gse117872-cells"),
    "GSE112274": ("scdeal-gse112274",),
    "GSE140440": ("scdeal-gse140440", "scdeal-gse140440-cells"),
    "GSE149383": ("scdeal-gse149383", "scdeal-gse149383-cells"),
    "GSE110894": ("scdeal-gse110894", "scdeal-gse110894-cells"),
}
_UNITS = {"GSE117872-HN120": "TPM", "GSE117872-HN137": "TPM", "GSE112274": "FPKM"}
_CHUNK = 1000  # genes that are read at once


def load_paper(name: str, sources: Sources) -> AnnData:
    """Build a data set from the study's own files.

    Parameters
    ----------
    name : str
        One of ``FILES``.
    sources : Sources
        The files of ``FILES[name]``.

    Returns
    -------
    AnnData
        As :func:`helpers.data.cells.load_cells`; ``uns["units"]`` is ``"counts"``, ``"TPM"`` or
        ``"FPKM"``.

    Raises
    ------
    DataError
        If a file does not have the expected form, or cells and annotation do not fit together.
    """
    if name == PAN_CANCER:
        return _load_pan_cancer(sources)
    key, *rest = FILES[name]
    values = read_gene_table(sources[key])
    about = _LABELS[name.split("-")[0]](values.index, *(sources[other] for other in rest))
    if "-" in name:
        about = about[about["batch"].str.startswith(name.split("-")[1])]
        if about.empty:
            msg = f"{sources[rest[0]]} names no cell of origin {name.split('-')[1]}"
            raise DataError(msg)
    units = _UNITS.get(name, "counts")
    if units == "counts":
        check_counts(values.to_numpy(), sources[key])
    obs = pd.DataFrame(
        {
            "line": "",
            "model_id": "",
            "lineage": "unknown",
            "label": about["label"].to_numpy(float),
            "batch": about["batch"].to_numpy(object),
        },
        index=about.index,
    )
    genes = values.columns
    note = f"{int(obs['label'].sum())} cells are sensitive, {int((obs['label'] == 0).sum())} resistant."
    return _annotated(
        name, sparse.csr_matrix(values.loc[obs.index].to_numpy()), obs, genes, units, sources, [note]
    )


def read_gene_table(path: Path) -> pd.DataFrame:
    """Read a text table of genes x cells (comma, tab or blank); returns cells x genes, float32.

    A gene that stands twice is summed.

    Raises
    ------
    DataError
        If values are missing or negative, or a cell stands twice.
    """
    with path.open(encoding="utf-8") as stream:
        header = stream.readline()
    table = pd.read_csv(path, index_col=0, sep=max((",", "\t", " "), key=header.count))
    if table.empty or table.isna().to_numpy().any() or (table.to_numpy() < 0).any():
        msg = f"{path}: expected genes x cells without missing or negative values"
        raise DataError(msg)
    table.index = table.index.astype(str)
    if table.columns.has_duplicates:
        msg = f"{path}: the cell {table.columns[table.columns.duplicated()][0]!r} stands twice"
        raise DataError(msg)
    if table.index.has_duplicates:
        table = table.groupby(level=0, sort=False).sum()
    return table.T.astype(np.float32)


def _label_117872(cells: pd.Index, path: Path) -> pd.DataFrame:
    """Resistant where ``cluster`` says so; "Holiday" cells count as sensitive, as in the code."""
    about = pd.read_csv(path, sep="\t", dtype=str).set_index("groups")
    about = _same_cells(about, cells, path, ("cluster", "origin"))
    resistant = about["cluster"].str.contains("Resistant")
    return pd.DataFrame({"label": (~resistant).astype(float), "batch": about["origin"]}, index=cells)


def _label_112274(cells: pd.Index) -> pd.DataFrame:
    """Sensitive where the second part of the cell's name says parental."""
    part = cells.to_series().str.split("_").str[1].fillna("")
    label = part.str.contains("parental").astype(float)
    return pd.DataFrame({"label": label, "batch": part}, index=cells)


def _label_in_order(word: str, sep: str) -> Callable[[pd.Index, Path], pd.DataFrame]:
    def label(cells: pd.Index, path: Path) -> pd.DataFrame:
        """Resistant where the first column holds ``word``; rows are in the order of the cells."""
        about = pd.read_csv(path, sep=sep, header=None, index_col=0, dtype=str).iloc[:, 0]
        if len(about) != len(cells):
            msg = f"{path} describes {len(about)} cells, the table has {len(cells)}"
            raise DataError(msg)
        values = (~about.str.contains(word)).astype(float).to_numpy()
        return pd.DataFrame({"label": values, "batch": about.to_numpy(object)}, index=cells)

    return label


def _label_110894(cells: pd.Index, path: Path) -> pd.DataFrame:
    """Resistant where the sample's name says so; wells that hold no cell are left out."""
    try:
        about = pd.read_excel(path, header=3, dtype=str)
    except ImportError as error:
        msg = f"{path}: reading xlsx needs the package openpyxl; install it, then load again"
        raise DataError(msg) from error
    about = about.dropna(how="all").ffill()
    wells = about["Plate#"] + "_" + about["Well position"].str.split("=").str[0]
    about = _same_cells(about.set_index(wells), cells, path, ("Sample name",))
    about = about[~about["Sample name"].str.contains("EMPTY")]
    resistant = about["Sample name"].str.contains("RESISTANT")
    return pd.DataFrame({"label": (~resistant).astype(float), "batch": about["Sample name"]})


_LABELS: dict[str, Callable[..., pd.DataFrame]] = {
    "GSE117872": _label_117872,
    "GSE112274": _label_112274,
    "GSE140440": _label_in_order("Res", "\t"),
    "GSE149383": _label_in_order("res", ","),
    "GSE110894": _label_110894,
}


def _same_cells(about: pd.DataFrame, cells: pd.Index, path: Path, columns: tuple[str, ...]) -> pd.DataFrame:
    missing = [column for column in columns if column not in about]
    unknown = cells.difference(about.index)
    if missing or len(unknown) or about.index.has_duplicates:
        msg = (
            f"{path} does not describe each cell once with {', '.join(columns)}: {len(unknown)} of "
            f"{len(cells)} cells are not in it, first {list(unknown[:3])}"
        )
        raise DataError(msg)
    return about.loc[cells]


def _load_pan_cancer(sources: Sources) -> AnnData:
    counts, genes, cells, lines = read_portal_counts(sources["scp542-counts"])
    about = pd.read_csv(sources["scp542-metadata"], sep="\t", dtype=str).set_index("NAME")
    kept = np.flatnonzero(cells.isin(about.index))
    if not len(kept):
        msg = f"{sources['scp542-metadata']} names none of the cells of {sources['scp542-counts']}"
        raise DataError(msg)
    cells, lines = cells[kept], lines[kept]
    short = lines.str.split("_").str[0]
    models = read_depmap_models(sources[MODELS])
    unique = models[~models["name"].duplicated(keep=False)].reset_index(names="model_id").set_index("name")
    found = unique.reindex(short)
    obs = pd.DataFrame(
        {
            "line": short.to_numpy(object),
            "model_id": found["model_id"].fillna("").to_numpy(object),
            "lineage": found["lineage"].fillna("unknown").to_numpy(object),
            "label": np.nan,
            "batch": about.loc[cells, "Pool_ID"].to_numpy(object),
        },
        index=cells,
    )
    note = f"{len(kept):,} cells are in the annotation, that is, passed the authors' quality control."
    return _annotated(PAN_CANCER, counts[kept], obs, genes, "counts", sources, [note])


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


def _annotated(
    name: str,
    values: sparse.csr_matrix,
    obs: pd.DataFrame,
    genes: pd.Index,
    units: str,
    sources: Sources,
    notes: list[str],
) -> AnnData:
    obs.index = pd.Index(obs.index.astype(str), dtype=object)
    genes = pd.Index(genes.astype(str), dtype=object)
    cells = AnnData(values, obs, pd.DataFrame({"source_id": genes}, index=genes))
    cells.uns.update(name=name, units=units, provenance=Provenance("paper", sources.files(), tuple(notes)))
    return cells
