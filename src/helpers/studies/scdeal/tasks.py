"""Tasks of transfer from bulk lines to single cells: one set of cells and one drug."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import scanpy as sc
from anndata import AnnData
from scipy import sparse

from helpers.bounds import check_number
from helpers.checks import (
    as_numbers,
    check_columns,
    check_names,
    check_numbers,
    check_same_rows,
    check_table,
    check_unique,
    refuse,
)
from helpers.data.cells import line_labels, normalise, quality_control
from helpers.data.sources import CHOICES
from helpers.data.types import BulkPanel
from helpers.errors import DataError
from helpers.studies.scdeal.labels import LineLabels
from helpers.studies.scdeal.metrics import chance_levels

#: Data set to (drugs, cell set). Sets of the panel; data sets that share cells share the cell set.
PANEL: dict[str, tuple[tuple[str, ...], str]] = {
    "A375": (("PLX-4720",), "A375"),
    "SCAD-Gefitinib": (("Gefitinib",), "SCAD, 66 cells"),
    "SCAD-Vorinostat": (("Vorinostat",), "SCAD, 66 cells"),
    "SCAD-Afatinib": (("Afatinib",), "SCAD, 120 cells"),
    "lung-mixology": (("Gefitinib",), "lung lines"),
    "breast-atlas": (("Cisplatin", "I-BET-762", "Docetaxel", "Gefitinib", "Erlotinib"), "breast lines"),
}
#: The six sets of the paper, drugs as in the authors' table.
PAPER: dict[str, tuple[tuple[str, ...], str]] = {
    "GSE117872-HN120": (("CISPLATIN",), "HN120"),
    "GSE117872-HN137": (("CISPLATIN",), "HN137"),
    "GSE112274": (("GEFITINIB",), "GSE112274"),
    "GSE140440": (("DOCETAXEL",), "GSE140440"),
    "GSE149383": (("ERLOTINIB",), "GSE149383"),
    "GSE110894": (("IBET762",), "GSE110894"),
}


@dataclass(frozen=True, eq=False)
class TransferTask:
    """Bulk lines with labels, cells, and the labels of the cells for scoring.

    Attributes
    ----------
    name : str
        ``"<dataset> <drug>"``.
    dataset, drug : str
    cell_set : str
        Tasks with the same cells share it.
    bulk_x : DataFrame, lines x genes
        Log scale; no line whose cells are in the task.
    bulk_sensitive : array (lines,) of 0 (resistant) and 1 (sensitive)
    cells_x : DataFrame, cells x genes
        Log-normalised counts or z-scores; columns are gene symbols where known.
    cells_sensitive : array (cells,) of 0 and 1
        Never passed to a model.
    lines : array (cells,) of str
        Line of each cell, empty where unknown.
    by_line : bool
        Whether the labels come from the line, which is then the unit.
    depth : DataFrame or None
        Cells x (``library size``, ``gene count``) of the counts; None for z-scores.
    """

    name: str
    dataset: str
    drug: str
    cell_set: str
    bulk_x: pd.DataFrame
    bulk_sensitive: np.ndarray
    cells_x: pd.DataFrame
    cells_sensitive: np.ndarray
    lines: np.ndarray
    by_line: bool
    depth: pd.DataFrame | None = None

    @property
    def shared(self) -> int:
        """Number of genes that bulk and cells share."""
        return int(self.bulk_x.columns.isin(self.cells_x.columns).sum())

    def __post_init__(self) -> None:
        for what, table, y in (
            ("bulk lines", self.bulk_x, self.bulk_sensitive),
            ("cells", self.cells_x, self.cells_sensitive),
        ):
            check_table(table, self.name, what)
            check_numbers(table, self.name, what)
            check_same_rows(table, y, f"{self.name}: {what} and their labels")
            if np.shape(y) != (len(table),) or not np.isin(np.asarray(y), (0, 1)).all():
                shape = np.shape(y)
                refuse(
                    self.name, f"labels of {len(table)} {what} must be 0 or 1, one each; got shape {shape}"
                )
        n = len(self.cells_x)
        if np.shape(self.lines) != (n,) or (self.depth is not None and len(self.depth) != n):
            refuse(self.name, f"lines and depth must have one row for each of {n} cells")


def tier_sets(data: str, breast_drugs: int = 0) -> dict[str, tuple[tuple[str, ...], str]]:
    """Return the sets of cells of a tier: those of the paper, else those of the panel (and of their twins).

    Parameters
    ----------
    data : {"auto", "panel", "paper", "simulated"}
    breast_drugs : int
        Of the drugs for the breast lines only the first so many; 0 for all.

    Raises
    ------
    DataError
        If the tier is unknown, or the number is none.
    """
    if not isinstance(data, str) or data not in CHOICES:
        refuse("tier_sets", f"unknown data choice {data!r}", f"one of {', '.join(CHOICES)}")
    check_number("breast_drugs", breast_drugs, 0, whole=True)
    if data == "paper":
        return PAPER
    drugs, cell_set = PANEL["breast-atlas"]
    return {**PANEL, "breast-atlas": (drugs[: breast_drugs or None], cell_set)}


def prepare_sets(
    loaded: Mapping[str, AnnData], bulk_genes: pd.Index, *, top_genes: int, max_cells: int, seed: int
) -> dict[str, AnnData]:
    """Prepare every set of cells; arguments of :func:`prepare_cells`."""
    prepared = {}
    for name, cells in loaded.items():
        # Twins have few genes in all.
        least = 20 if cells.uns["provenance"].tier == "simulated" else 200
        prepared[name] = prepare_cells(
            cells, bulk_genes, min_genes=least, top_genes=top_genes, max_cells=max_cells, seed=seed
        )
    return prepared


def make_tasks(
    lines: LineLabels,
    cells: Mapping[str, AnnData],
    sets: Mapping[str, tuple[Sequence[str], str]],
    rule: str = "authors",
) -> list[TransferTask]:
    """Join each set of cells with its drugs.

    Parameters
    ----------
    lines : LineLabels
    cells : mapping of data set to AnnData
        Prepared.
    sets : mapping of data set to (drugs, cell set)
        From :func:`tier_sets`.
    rule : str
        One of :data:`helpers.studies.scdeal.labels.RULES`, for the bulk lines. Labels of cells do not depend
        on it.

    Raises
    ------
    DataError
        If a set is missing, or as :func:`transfer_task` and :meth:`LineLabels.resistant`.
    """
    missing = [name for name in sets if name not in cells]
    if missing:
        refuse("make_tasks", f"there are no cells of {', '.join(missing)}")
    return [
        transfer_task(
            lines.panel, cells[name], drug, cell_set=cell_set, bulk_resistant=lines.resistant(drug, rule)
        )
        for name, (drugs, cell_set) in sets.items()
        for drug in drugs
    ]


def describe(tasks: Sequence[TransferTask]) -> pd.DataFrame:
    """Sizes, shares and chance level of every task, one row each."""
    if not tasks:
        refuse("describe", "there is no task")
    rows = []
    for task in tasks:
        chance = chance_levels(task.cells_sensitive)
        rows.append(
            {
                "task": task.name,
                "bulk lines": len(task.bulk_sensitive),
                "of them sensitive": task.bulk_sensitive.mean(),
                "cells": len(task.cells_sensitive),
                "sensitive": chance["AP"],
                "lines": len(set(task.lines)) if task.by_line else 1,
                "genes of cells": task.cells_x.shape[1],
                "shared genes": task.shared,
                "F1 of the better constant answer": chance["F1"],
            }
        )
    return pd.DataFrame(rows).set_index("task")


def prepare_cells(
    cells: AnnData,
    bulk_genes: pd.Index,
    *,
    top_genes: int = 1000,
    max_cells: int = 0,
    min_genes: int = 200,
    seed: int = 0,
) -> AnnData:
    """Filter, thin out, normalise, and choose genes. No label is looked at.

    Parameters
    ----------
    cells : AnnData
        Counts or z-scores (:func:`helpers.studies.scdeal.cells.load_cells`). z-scores come filtered and
        normalised and are only thinned out.
    bulk_genes : Index
        Genes of the bulk lines: kept in any case.
    top_genes : int
        Highly variable genes of the counts to keep beside them (scanpy's seurat flavour).
    max_cells : int
        At most about this many, equally from each line; 0 for all. Cells of a line repeat each other.
    min_genes : int
        Genes that a cell of the counts must have; published: 200.
    seed : int
        Of the thinning.

    Returns
    -------
    AnnData
        Log values or z-scores; counts also give ``obs["library size"]`` and ``obs["gene count"]``.

    Raises
    ------
    DataError
        If nothing is left, the units are neither counts nor z-scores, or a setting cannot be.
    """
    if not isinstance(cells, AnnData):
        refuse("prepare_cells", f"cells must be AnnData, got {type(cells).__name__}")
    for what, value, least in (("top_genes", top_genes, 1), ("max_cells", max_cells, 0), ("seed", seed, 0)):
        check_number(what, value, least, whole=True)
    check_names(bulk_genes, "bulk_genes")
    if cells.uns.get("units") == "z-scores":
        return cells[_thinned(cells, max_cells, seed)].copy()
    kept = quality_control(cells, min_genes=min_genes)
    kept = kept[_thinned(kept, max_cells, seed)]
    log = normalise(kept)
    if top_genes < log.n_vars:
        sc.pp.highly_variable_genes(log, n_top_genes=top_genes, flavor="seurat")
        log = log[:, log.var["highly_variable"].to_numpy() | log.var_names.isin(bulk_genes)].copy()
    log.obs["library size"] = kept.obs["total_counts"].to_numpy(float)
    log.obs["gene count"] = kept.obs["n_genes_by_counts"].to_numpy(float)
    return log


def transfer_task(
    panel: BulkPanel,
    cells: AnnData,
    drug: str,
    *,
    cell_set: str | None = None,
    bulk_resistant: pd.Series | None = None,
) -> TransferTask:
    """Join a bulk panel and prepared cells for one drug.

    Parameters
    ----------
    panel : BulkPanel
    cells : AnnData
        From :func:`prepare_cells`. Where a cell is called resistant or sensitive itself that counts; else
        the response of its line in the panel. Cells without either are left out.
    drug : str
    cell_set : str, optional
        Default: the name of the cells.
    bulk_resistant : Series, optional
        Response of bulk lines (index = model id; 1 = resistant) to train on instead of the panel's to that
        drug: by another rule, to another drug, or permuted. The cells keep theirs.

    Returns
    -------
    TransferTask
        Lines whose cells are in ``cells`` are removed from bulk, labelled or not.

    Raises
    ------
    DataError
        If the panel lacks the drug, labels are not 0, 1 or NaN, or bulk or cells are left with one class.
    """
    if not isinstance(panel, BulkPanel) or not isinstance(cells, AnnData):
        kinds = f"{type(panel).__name__} and {type(cells).__name__}"
        refuse("transfer_task", f"needs a BulkPanel and cells as AnnData, got {kinds}")
    name = cells.uns["name"]
    check_columns(cells.obs, ("resistant", "line", "model_id"), name, "obs")
    if not isinstance(drug, str) or drug not in panel.resistant:
        msg = f"{panel.name} has no drug {drug!r}; for example {', '.join(panel.resistant.columns[:5])}"
        raise DataError(msg)
    own = _labels(cells.obs["resistant"], f"{name}: labels of cells").to_numpy(float)
    by_line = bool(np.isnan(own).all())
    # scDEAL scores sensitivity: from here on 1 = sensitive.
    cells_sensitive = 1 - (line_labels(cells, panel, drug).to_numpy() if by_line else own)
    known = ~np.isnan(cells_sensitive)
    _two_classes(cells_sensitive[known], f"cells of {name} with a label for {drug}")
    given = panel.resistant[drug] if bulk_resistant is None else bulk_resistant
    bulk = 1 - _labels(given, f"{panel.name}: labels of bulk lines").dropna()
    bulk = bulk[bulk.index.isin(panel.expression.index) & ~bulk.index.isin(cells.obs["model_id"])]
    _two_classes(bulk.to_numpy(), f"bulk lines of {panel.name} with a label for {drug}")
    x = cells.X.toarray() if sparse.issparse(cells.X) else np.asarray(cells.X)
    depth = None
    if "library size" in cells.obs:
        depth = cells.obs.loc[known, ["library size", "gene count"]].astype(float)
    return TransferTask(
        name=f"{name} {drug}",
        dataset=name,
        drug=drug,
        cell_set=cell_set or name,
        bulk_x=panel.expression.loc[bulk.index],
        bulk_sensitive=bulk.to_numpy(int),
        cells_x=pd.DataFrame(x[known], cells.obs_names[known], cells.var_names),
        cells_sensitive=cells_sensitive[known].astype(int),
        lines=cells.obs["line"].to_numpy(str)[known],
        by_line=by_line,
        depth=depth,
    )


def _thinned(cells: AnnData, max_cells: int, seed: int) -> np.ndarray:
    if not max_cells or cells.n_obs <= max_cells:
        return np.arange(cells.n_obs)
    line = cells.obs["line"].astype(str).to_numpy()
    order = np.random.default_rng(seed).permutation(cells.n_obs)
    rank = pd.Series(order).groupby(line[order]).cumcount().to_numpy()
    each = max(1, round(max_cells / len(np.unique(line))))
    return np.sort(order[rank < each])


def _labels(resistant: pd.Series, where: str) -> pd.Series:
    """Return labels as they are; refuse what is no Series of 0, 1 and NaN, each row once."""
    if not isinstance(resistant, pd.Series):
        refuse(where, f"must be a Series whose index names the rows, got {type(resistant).__name__}")
    check_unique(resistant.index, where, "a row stands twice")
    values = as_numbers(resistant, where)
    known = values[~np.isnan(values)]
    if not np.isin(known, (0, 1)).all():
        refuse(where, f"must be 1 (resistant), 0 (sensitive) or NaN; got {np.unique(known)[:5]}")
    return resistant


def _two_classes(y: np.ndarray, what: str) -> None:
    if len(np.unique(y)) < 2:
        msg = f"the {len(y)} {what} are of one class; choose another drug or another rule for the labels"
        raise DataError(msg)
