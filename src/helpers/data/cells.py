"""One entry to every single-cell data set, and the steps that all of them share.

Cells come as :class:`anndata.AnnData` with gene symbols as variables and, in ``obs``, ``line``
(stripped name), ``model_id`` (DepMap id; both empty where unknown), ``lineage``, ``resistant``
(1 resistant, 0 sensitive, NaN where the source does not say) and ``batch``. ``uns`` holds ``name``,
``provenance``, and ``units``: ``"counts"``, ``"z-scores"``, in the paper tier also ``"TPM"`` or
``"FPKM"``, ``"linear"`` for such values of a file that does not say which, and ``"log"`` after
:func:`normalise`.
"""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import scanpy as sc
from anndata import AnnData
from scipy import sparse

from helpers.bounds import check_number
from helpers.checks import HIGHEST_LOG
from helpers.data import cells_paper
from helpers.data.cell_files import annotated, read_plate, read_r_counts, single_cells
from helpers.data.cells_twin import simulate_cell_set
from helpers.data.expression import FHDSL, fhdsl_panel
from helpers.data.gene_ids import ENSEMBL, ensembl_symbols, to_symbols
from helpers.data.readers import Read, read
from helpers.data.registry import Registry
from helpers.data.resolve import Source, resolve
from helpers.data.sources import Sources
from helpers.data.types import BulkPanel, Provenance
from helpers.errors import DataError

_ATLAS = "breast-atlas"
_PLATES = ("3cl", "p1", "p2")
_PLATE_FILES = tuple(f"mixology-{plate}-{part}" for plate in _PLATES for part in ("counts", "metadata"))
_UNSCALED = ("counts", "TPM", "FPKM", "linear")
_KINDS = ("gene table", "h5ad", "mtx")
#: Lines of the simulated twin of a set, and cells of each.
TWINS = {
    "breast-atlas": (24, 15),
    "lung-mixology": (5, 40),
    cells_paper.PAN_CANCER: (24, 15),
    cells_paper.PAN_CANCER_H5AD: (24, 15),
}


def load_cells(name: str, data: str = "auto", *, seed: int = 0, registry: Registry | None = None) -> AnnData:
    """Load single cells.

    Parameters
    ----------
    name : str
        Panel: ``"breast-atlas"`` (UMI counts, 31 lines), ``"lung-mixology"`` (UMI counts, 5 lines). Paper
        tier only: ``"pan-cancer-lines"`` and ``"pan-cancer-h5ad"``, the same as one file. Or the key of any
        registered file of kind ``gene table``, ``h5ad`` or ``mtx``, on the tier that it is of. Or a file (or
        a folder of MTX files) of one's own.
    data : {"auto", "panel", "paper", "simulated"}
        Tier. ``"auto"`` is the panel where every file of it can be had, else the simulated twin
        with a note that says why. ``"panel"`` and ``"paper"`` never fall back.
    seed : int
        Of the simulated twin; its lines are those of the simulated bulk panel of the same seed.
    registry : Registry, optional
        Default: ``data/*/datasets.yml`` of the project.

    Returns
    -------
    AnnData
        Counts are a csr matrix, float32.

    Raises
    ------
    DataError
        If ``name`` or ``data`` is unknown, the set has no such tier, a file holds something else
        than expected, or (with ``"panel"`` or ``"paper"``) a file is missing; the message names
        the missing files and the command that fetches them.
    """
    if isinstance(name, str) and name not in SOURCES and data != "simulated":
        path = Path(name)
        if path.exists():
            kind = "mtx" if path.is_dir() else "h5ad" if h5py.is_hdf5(path) else "gene table"
            return _of_kind(read(path, kind), path.stem)
        registry = Registry.load() if registry is None else registry
        if name in registry and registry[name].kind in _KINDS:
            return _of_kind(read(name, registry=registry), name)
    return resolve(
        "single-cell data set",
        name,
        SOURCES,
        data,
        lambda: simulate_cell_set(name, *TWINS[name], seed),
        registry,
    )


def quality_control(
    cells: AnnData, *, min_genes: int = 200, min_cells: int = 3, max_mito: float | None = None
) -> AnnData:
    """Drop poor cells and rare genes (a copy; scanpy's filters).

    Parameters
    ----------
    cells : AnnData
        Counts (or TPM, FPKM).
    min_genes : int
        A cell needs this many detected genes.
    min_cells : int
        A gene needs to be seen in this many cells.
    max_mito : float, optional
        Highest share (0-1) of counts in mitochondrial genes (``MT-``); default no limit.

    Returns
    -------
    AnnData
        ``obs`` gains ``total_counts``, ``n_genes_by_counts`` and ``mito`` (share), of the input.

    Raises
    ------
    DataError
        If the input is not counts, a limit cannot be, or nothing is left.
    """
    _need_unscaled(cells, "quality_control")
    for what, least in (("min_genes", min_genes), ("min_cells", min_cells)):
        check_number(what, least, 0, whole=True)
    if max_mito is not None:
        check_number("max_mito (a share)", max_mito, 0, 1)
    kept = cells.copy()
    kept.var["mt"] = kept.var_names.str.upper().str.startswith("MT-")
    sc.pp.calculate_qc_metrics(kept, qc_vars=["mt"], percent_top=None, log1p=False, inplace=True)
    kept.obs["mito"] = kept.obs.pop("pct_counts_mt").fillna(0) / 100
    kept.obs = kept.obs.drop(columns="total_counts_mt")
    kept.var = kept.var[list(cells.var.columns)]
    good = kept.obs["n_genes_by_counts"] >= min_genes
    if max_mito is not None:
        good &= kept.obs["mito"] <= max_mito
    kept = kept[good.to_numpy()].copy()
    if kept.n_obs:
        sc.pp.filter_genes(kept, min_cells=min_cells)
    if not kept.n_obs or not kept.n_vars:
        msg = (
            f"{cells.uns['name']}: nothing is left of {cells.n_obs} cells x {cells.n_vars} genes with "
            f"min_genes={min_genes}, min_cells={min_cells}, max_mito={max_mito}; relax the limits"
        )
        raise DataError(msg)
    return kept


def normalise(cells: AnnData, *, target_sum: float | None = None, base: float | None = None) -> AnnData:
    """Scale each cell to the same number of counts and take the logarithm of 1 + x (a copy).

    Parameters
    ----------
    cells : AnnData
        Counts (or TPM, FPKM).
    target_sum : float, optional
        Counts of a cell afterwards; default the median over cells. ``1e5`` with ``base=2`` gives
        log2(1 + CPM / 10).
    base : float, optional
        Of the logarithm; default e.

    Raises
    ------
    DataError
        If the input is not counts, a setting cannot be, or a cell is empty.
    """
    _need_unscaled(cells, "normalise")
    for what, value, least in (("target_sum", target_sum, 1e-9), ("base", base, 1 + 1e-9)):
        if value is not None:
            check_number(what, value, least)
    empty = int((np.asarray(cells.X.sum(axis=1)).ravel() == 0).sum())
    if empty:
        msg = f"{cells.uns['name']}: {empty} cell(s) have no count at all; apply quality_control first"
        raise DataError(msg)
    log = cells.copy()
    sc.pp.normalize_total(log, target_sum=target_sum)
    sc.pp.log1p(log, base=base)
    # scanpy's note on the logarithm is a plain dict that h5ad files drop; ours says enough.
    log.uns.pop("log1p", None)
    log.uns["units"] = "log"
    return log


def line_labels(cells: AnnData, panel: BulkPanel, drug: str, *, what: str = "resistant") -> pd.Series:
    """Response of each cell's line to a drug, from the bulk panel.

    Parameters
    ----------
    cells : AnnData
    panel : BulkPanel
    drug : str
    what : {"resistant", "response"}
        ``"resistant"``: 1 resistant, 0 sensitive. ``"response"``: ln IC50.

    Returns
    -------
    Series, float
        By cell; NaN where the line is unknown or was not measured. Cells of a line share their
        value: the line is the unit of any test.

    Raises
    ------
    DataError
        If the panel does not have the drug, or none of the lines.
    """
    if not isinstance(panel, BulkPanel) or "model_id" not in cells.obs:
        msg = f"line_labels needs a BulkPanel and cells with obs['model_id'], got {type(panel).__name__}"
        raise DataError(msg)
    if what not in ("resistant", "response"):
        msg = f"unknown choice {what!r}; one of resistant, response"
        raise DataError(msg)
    table = getattr(panel, what)
    if drug not in table:
        msg = f"{panel.name} has no drug {drug!r}; for example {', '.join(table.columns[:5])}"
        raise DataError(msg)
    model = cells.obs["model_id"].astype(str)
    if not model.isin(table.index).any():
        msg = f"no line of {cells.uns['name']} is among the {len(table)} lines of {panel.name}"
        raise DataError(msg)
    return pd.Series(table[drug].reindex(model).to_numpy(float), index=cells.obs_names, name=drug)


def _need_unscaled(cells: AnnData, what: str) -> None:
    if not isinstance(cells, AnnData):
        msg = f"{what} needs cells as AnnData, got {type(cells).__name__}"
        raise DataError(msg)
    found = cells.uns.get("units")
    if found not in _UNSCALED:
        msg = (
            f"{cells.uns.get('name', 'cells')}: {what} needs counts, got {found}; scaled or logarithmic "
            "values are used as they are"
        )
        raise DataError(msg)
    values = cells.X.data if sparse.issparse(cells.X) else np.asarray(cells.X)
    if not np.isfinite(values).all() or values.min(initial=0) < 0:
        msg = f"{cells.uns.get('name', 'cells')}: {what} needs counts, found negative or infinite ones or NaN"
        raise DataError(msg)


def _of_kind(one: Read, name: str) -> AnnData:
    """Describe cells of a file that has no loader of its own by the columns that it has."""
    cells = one.content
    if not isinstance(cells, AnnData):
        cells = AnnData(cells.to_numpy(), pd.DataFrame(index=cells.index), pd.DataFrame(index=cells.columns))
    values = cells.X.data if sparse.issparse(cells.X) else np.asarray(cells.X)
    if values.min(initial=0) >= 0 and (values == np.round(values)).all():
        units = "counts"
    else:
        units = "linear" if values.max(initial=0) > HIGHEST_LOG else "log"
    unknown = {"line": "", "model_id": "", "lineage": "unknown", "resistant": np.nan, "batch": ""}
    # Labels are not taken: their direction is not said (:func:`helpers.data.readers.cells.label_cells`).
    obs = cells.obs.drop(columns="resistant", errors="ignore").astype(str)
    obs = obs.assign(**{what: value for what, value in unknown.items() if what not in obs})
    return annotated(name, sparse.csr_matrix(cells.X), obs, cells.var_names, units, one.provenance)


def _load_atlas(sources: Sources) -> AnnData:
    counts, cells, genes = read_r_counts(sources[_ATLAS], "test_BC_atlas")
    obs = pd.DataFrame({"line": cells.str.split("_").str[0], "batch": "atlas"}, index=cells)
    return _finish(_ATLAS, counts, genes, obs, sources)


def _load_mixology(sources: Sources) -> AnnData:
    tables, obs, notes = [], [], []
    for plate in _PLATES:
        counts, about = read_plate(sources[f"mixology-{plate}-counts"], sources[f"mixology-{plate}-metadata"])
        keep = single_cells(about)
        doublets = (about["demuxlet_cls"] == "DBL").sum()
        notes.append(
            f"Plate {plate}: {keep.sum()} of {len(keep)} wells kept; {doublets} are demuxlet doublets."
        )
        tables.append(counts[keep].rename(index=f"{plate}:{{}}".format))
        line = about.loc[keep, "cell_line_demuxlet"].str.replace(r"^H(?=\d)", "NCIH", regex=True)
        obs.append(pd.DataFrame({"line": line.to_numpy(object), "batch": plate}, index=tables[-1].index))
    joined = pd.concat(tables, join="inner")
    notes.append(f"Genes: the {joined.shape[1]:,} that all three plates list.")
    values = sparse.csr_matrix(joined.to_numpy())
    return _finish("lung-mixology", values, joined.columns, pd.concat(obs), sources, notes)


def _finish(
    name: str,
    values: sparse.csr_matrix,
    ids: pd.Index,
    obs: pd.DataFrame,
    sources: Sources,
    notes: list[str] | None = None,
) -> AnnData:
    """Name the genes of counts by symbol, and lines by model id."""
    weight = np.asarray(values.sum(axis=0)).ravel()
    genes, kept, more = to_symbols(ids, ensembl_symbols(sources), weight)
    about, missing = with_model_ids(obs.assign(resistant=np.nan), sources)
    provenance = Provenance("panel", sources.files(), (*(notes or ()), *more, *missing))
    return annotated(name, values[:, kept], about, genes, "counts", provenance, ids[kept])


def with_model_ids(obs: pd.DataFrame, sources: Sources) -> tuple[pd.DataFrame, list[str]]:
    """Look up model id and lineage of the lines in the bulk panel.

    Parameters
    ----------
    obs : DataFrame
        ``line`` (stripped name, empty where unknown), ``resistant``, ``batch``; index = cell.
    sources : Sources
        With the bulk panel's file.

    Returns
    -------
    obs : DataFrame
        ``line``, ``model_id``, ``lineage``, ``resistant``, ``batch``.
    notes : list of str
        Lines that the panel lacks.
    """
    _, lines = fhdsl_panel(sources)
    known = lines[(lines["stripped_name"] != "") & ~lines["stripped_name"].duplicated(keep=False)]
    known = known.reset_index(names="model_id").set_index("stripped_name")
    found = known.reindex(obs["line"].to_numpy())
    missing = sorted(set(obs["line"][found["model_id"].isna().to_numpy()]) - {""})
    notes = [f"No expression in the bulk panel for the line(s) {', '.join(missing)}."] if missing else []
    about = pd.DataFrame(
        {
            "line": obs["line"].to_numpy(object),
            "model_id": found["model_id"].fillna("").to_numpy(object),
            "lineage": found["lineage"].replace("", np.nan).fillna("unknown").to_numpy(object),
            "resistant": obs["resistant"].to_numpy(float),
            "batch": obs["batch"].to_numpy(object),
        },
        index=obs.index,
    )
    return about, notes


#: Files and reader of every tier of each set.
SOURCES = {
    "breast-atlas": {"panel": Source((_ATLAS, ENSEMBL, FHDSL), _load_atlas)},
    "lung-mixology": {"panel": Source((*_PLATE_FILES, ENSEMBL, FHDSL), _load_mixology)},
    cells_paper.PAN_CANCER: {"paper": Source(cells_paper.FILES, cells_paper.load_pan_cancer)},
    cells_paper.PAN_CANCER_H5AD: {"paper": Source(cells_paper.H5AD_FILES, cells_paper.load_pan_cancer_h5ad)},
}
