"""The six sets of single cells of the scDEAL paper, from the files that its repository names.

Which cells are called resistant follows the public code: it is the condition of a cell (parental or
resistant line), not an assay of that cell.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pandas as pd
from anndata import AnnData
from scipy import sparse

from helpers.checks import readable, refuse
from helpers.data.cell_files import annotated, check_counts
from helpers.data.readers.cells import read_gene_table
from helpers.data.resolve import Source
from helpers.data.sources import Sources
from helpers.data.types import Provenance
from helpers.errors import DataError

#: Registry keys of each data set.
FILES: dict[str, tuple[str, ...]] = {
    "GSE117872-HN120": ("scdeal-gse117872", "scdeal-gse117872-cells"),
    "GSE117872-HN137": ("scdeal-gse117872", "scdeal-gse117872-cells"),
    "GSE112274": ("scdeal-gse112274",),
    "GSE140440": ("scdeal-gse140440", "scdeal-gse140440-cells"),
    "GSE149383": ("scdeal-gse149383", "scdeal-gse149383-cells"),
    "GSE110894": ("scdeal-gse110894", "scdeal-gse110894-cells"),
}
_UNITS = {"GSE117872-HN120": "TPM", "GSE117872-HN137": "TPM", "GSE112274": "FPKM"}


def read_geo(name: str, sources: Sources) -> AnnData:
    """Build one of the paper's six sets.

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
    if name not in tuple(FILES):
        refuse("read_geo", f"unknown data set {name!r}", f"one of {', '.join(FILES)}")
    key, *rest = FILES[name]
    values, notes = read_gene_table(sources[key])
    with readable(sources[(rest or [key])[0]]):
        about = _CALLS[name.split("-")[0]](values.index, *(sources[other] for other in rest))
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
            "resistant": about["resistant"].to_numpy(float),
            "batch": about["batch"].to_numpy(object),
        },
        index=about.index,
    )
    resistant = int(obs["resistant"].sum())
    notes.append(f"{int((obs['resistant'] == 0).sum())} cells are sensitive, {resistant} resistant.")
    counts = sparse.csr_matrix(values.loc[obs.index].to_numpy())
    provenance = Provenance("paper", sources.files(), tuple(notes))
    return annotated(name, counts, obs, values.columns, units, provenance)


def _call_117872(cells: pd.Index, path: Path) -> pd.DataFrame:
    """Resistant where ``cluster`` says so; "Holiday" cells count as sensitive, as in the code."""
    about = pd.read_csv(path, sep="\t", dtype=str).set_index("groups")
    about = _same_cells(about, cells, path, ("cluster", "origin"))
    resistant = about["cluster"].str.contains("Resistant")
    return pd.DataFrame({"resistant": resistant.astype(float), "batch": about["origin"]}, index=cells)


def _call_112274(cells: pd.Index) -> pd.DataFrame:
    """Sensitive where the second part of the cell's name says parental."""
    part = cells.to_series().str.split("_").str[1].fillna("")
    resistant = (~part.str.contains("parental")).astype(float)
    return pd.DataFrame({"resistant": resistant, "batch": part}, index=cells)


def _call_in_order(word: str, sep: str) -> Callable[[pd.Index, Path], pd.DataFrame]:
    def call(cells: pd.Index, path: Path) -> pd.DataFrame:
        """Resistant where the first column holds ``word``; rows are in the order of the cells."""
        about = pd.read_csv(path, sep=sep, header=None, index_col=0, dtype=str).iloc[:, 0]
        if len(about) != len(cells):
            msg = f"{path} describes {len(about)} cells, the table has {len(cells)}"
            raise DataError(msg)
        values = about.str.contains(word).astype(float).to_numpy()
        return pd.DataFrame({"resistant": values, "batch": about.to_numpy(object)}, index=cells)

    return call


def _call_110894(cells: pd.Index, path: Path) -> pd.DataFrame:
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
    return pd.DataFrame({"resistant": resistant.astype(float), "batch": about["Sample name"]})


_CALLS: dict[str, Callable[..., pd.DataFrame]] = {
    "GSE117872": _call_117872,
    "GSE112274": _call_112274,
    "GSE140440": _call_in_order("Res", "\t"),
    "GSE149383": _call_in_order("res", ","),
    "GSE110894": _call_110894,
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


#: Files and reader of each set.
SOURCES = {name: {"paper": Source(files, partial(read_geo, name))} for name, files in FILES.items()}
