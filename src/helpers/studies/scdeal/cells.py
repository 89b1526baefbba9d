"""The single cells of the chapter: tables of A375 and SCAD, the paper's sets, and sets that others read."""

from __future__ import annotations

import importlib.util
import re
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from anndata import AnnData

from helpers.checks import check_unique, readable
from helpers.data import cells as shared
from helpers.data.cell_files import annotated
from helpers.data.cells_twin import simulate_cell_set
from helpers.data.expression import FHDSL
from helpers.data.gene_ids import to_symbols
from helpers.data.registry import Registry
from helpers.data.resolve import Source, resolve
from helpers.data.sources import Sources
from helpers.data.types import Provenance
from helpers.errors import DataError
from helpers.studies.scdeal import geo

# Scaled tables: registry key, line of the cells ("" where the source does not say).
_TABLES = {
    "A375": ("a375-plx4720", "A375"),
    "SCAD-Gefitinib": ("scad-gefitinib", ""),
    "SCAD-Vorinostat": ("scad-vorinostat", ""),
    "SCAD-Afatinib": ("scad-afatinib", ""),
}
# Twins of the tables: cells of one line, drug of its two states, and whether the response is turned round.
_TWINS = {
    "A375": (108, "PLX-4720", False),
    "SCAD-Gefitinib": (66, "Gefitinib", False),
    "SCAD-Vorinostat": (66, "Gefitinib", True),
    "SCAD-Afatinib": (120, "Afatinib", False),
}
_GAP = 2.0  # between the states of a twin, log2
#: Stands before Entrez ids without a known symbol: they match no gene of another source.
UNKNOWN_ENTREZ = "ENTREZ:"
# One line a gene of a Python file, which is read as text: importing it takes seconds.
_NCBI = re.compile(r"GeneID=(\d+), .*?Symbol='([^']+)'")


def load_cells(name: str, data: str = "auto", *, seed: int = 0, registry: Registry | None = None) -> AnnData:
    """Load single cells of the chapter.

    Parameters
    ----------
    name : str
        ``"A375"``, ``"SCAD-Gefitinib"``, ``"SCAD-Vorinostat"``, ``"SCAD-Afatinib"`` (z-scores, each cell
        called resistant or sensitive); one of :data:`helpers.studies.scdeal.geo.FILES` (paper tier); or a set
        of :func:`helpers.data.cells.load_cells`, whose tiers, seed and errors are those here.

    Returns
    -------
    AnnData
        As :mod:`helpers.data.cells` describes it; z-scores are dense, float32.
    """
    sources = {**SOURCES, **geo.SOURCES, **shared.SOURCES}
    return resolve("single-cell data set", name, sources, data, lambda: _twin(name, seed), registry)


def _twin(name: str, seed: int) -> AnnData:
    """Draw the twin of a set; tables that share their cells share those of the twin."""
    if name in shared.TWINS:
        return shared.load_cells(name, "simulated", seed=seed)
    if name not in _TWINS:
        msg = f"no simulated twin of {name!r}; one of {', '.join([*shared.TWINS, *_TWINS])}"
        raise DataError(msg)
    n_cells, drug, turned = _TWINS[name]
    cells = simulate_cell_set(name, 1, n_cells, seed, gap=_GAP, drug=drug)
    if turned:
        cells.obs["resistant"] = 1 - cells.obs["resistant"]
    counts = cells.X.toarray()
    log = np.log1p(1e4 * counts / counts.sum(axis=1, keepdims=True))
    spread = log.std(axis=0)
    cells.X = ((log - log.mean(axis=0)) / np.where(spread > 0, spread, 1)).astype(np.float32)
    cells.uns["units"] = "z-scores"
    return cells


def _read_table(name: str, sources: Sources) -> AnnData:
    key, line = _TABLES[name]
    values, resistant = read_scaled_table(sources[key])
    genes, kept, notes = to_symbols(
        values.columns, entrez_symbols(), np.ones(values.shape[1]), prefix=UNKNOWN_ENTREZ
    )
    obs = pd.DataFrame({"line": line, "resistant": resistant, "batch": name}, index=values.index)
    obs, missing = shared.with_model_ids(obs, sources)
    provenance = Provenance("panel", sources.files(), (*notes, *missing))
    return annotated(
        name, values.to_numpy()[:, kept], obs, genes, "z-scores", provenance, values.columns[kept]
    )


def read_scaled_table(path: Path) -> tuple[pd.DataFrame, pd.Series]:
    """Read a table of scaled expression with a column ``response`` (in the file 1 = sensitive).

    Returns
    -------
    values : DataFrame, cells x Entrez ids (text), float32
    resistant : Series, float
        1 resistant, 0 sensitive.

    Raises
    ------
    DataError
        If the file cannot be read, a cell stands twice, the column is missing or holds something else, or a
        value is text or NaN, or none is negative.
    """
    with readable(path):
        table = pd.read_csv(path, sep="\t", index_col=0)
    check_unique(table.index, path, "a cell stands twice")
    if "response" not in table or not table["response"].isin((0, 1)).all():
        msg = f"{path}: expected a column response of 0 and 1"
        raise DataError(msg)
    with readable(path):
        values = table.drop(columns="response").astype(np.float32)
    if values.empty or not np.isfinite(values.to_numpy()).all() or values.to_numpy().min() >= 0:
        msg = f"{path}: expected scaled expression (finite, of both signs)"
        raise DataError(msg)
    values.index = values.index.astype(str)
    return values, 1 - table["response"].astype(float).set_axis(values.index)


def entrez_symbols() -> pd.Series:
    """Gene symbol by Entrez id (text) of human protein-coding genes.

    From NCBI's list as the package goatools carries it (2019, 20,913 genes).

    Raises
    ------
    DataError
        If the installed goatools has no such list.
    """
    package = importlib.util.find_spec("goatools")
    place = Path(package.origin).parent if package and package.origin else Path()
    path = place / "test_data" / "genes_NCBI_9606_ProteinCoding.py"
    if not path.is_file():
        msg = "the package goatools, whose list of genes names Entrez ids, is missing; install the lock file"
        raise DataError(msg)
    symbols = pd.Series(dict(_NCBI.findall(path.read_text(encoding="utf-8"))))
    return symbols[~symbols.duplicated(keep=False)]


#: Files and reader of the scaled tables.
SOURCES = {
    name: {"panel": Source((key, FHDSL), partial(_read_table, name))} for name, (key, _) in _TABLES.items()
}
