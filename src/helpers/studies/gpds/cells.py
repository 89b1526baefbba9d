"""Cells as input of a model that was trained on bulk lines: units, binning, scaling, pseudo-bulk.

The report does not say how its cells were treated; each reading is an option here.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from anndata import AnnData
from scipy import sparse
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from helpers.checks import check_columns, check_names, check_unique, refuse
from helpers.errors import DataError, ParameterError
from helpers.studies.gpds.model import EqualFrequencyBinner

#: Units of a cell's expression: the atlas authors' log2(1 + CPM/10), others of the sheet.
UNITS = ("log2(1+CPM/10)", "log2(1+CPM)", "CPM")
#: What cells are binned by: each gene over all cells; the bulk lines' bins; the genes of a cell.
CELL_BINS = ("cells-own", "bulk-edges", "per-cell")
#: Whose mean and spread scale the cells.
CELL_SCALES = ("bulk", "cells", "none")


def cell_expression(cells: AnnData, genes: Sequence[str], units: str = UNITS[0]) -> pd.DataFrame:
    """Expression of cells in the given genes.

    CPM are parts of all counts of a cell, before genes are chosen.

    Parameters
    ----------
    cells : AnnData
        Raw counts (``uns["units"] == "counts"``).
    genes : sequence of str
        Symbols that the cells have; see :func:`common_genes`.
    units : str
        One of :data:`UNITS`.

    Returns
    -------
    DataFrame, cells x genes, float32

    Raises
    ------
    DataError
        If a gene is missing or named twice, or units cannot be computed from what is stored.
    """
    values = _select(cells, genes, units)
    total = np.asarray(cells.X.sum(axis=1), float).ravel()
    cpm = values * (1e6 / np.where(total > 0, total, 1))[:, None]
    return pd.DataFrame(_transformed(cpm, units), cells.obs_names, list(genes))


def pseudo_bulk(
    cells: AnnData, genes: Sequence[str], by: str = "model_id", units: str = "log2(1+CPM)"
) -> pd.DataFrame:
    """Mean CPM of the cells of each line, then the logarithm: a profile like a bulk one.

    Parameters
    ----------
    cells, genes, units
        As :func:`cell_expression`.
    by : str
        Column of ``cells.obs``; cells with an empty entry are left out.

    Returns
    -------
    DataFrame, lines x genes

    Raises
    ------
    DataError
        As :func:`cell_expression`; if the column is missing or names no line.
    """
    cpm = cell_expression(cells, genes, "CPM")
    check_columns(cells.obs, (by,) if isinstance(by, str) else (repr(by),), "cells", "obs")
    line = cells.obs[by].astype(str).to_numpy()
    if cells.obs[by].isna().any() or not (line != "").any():
        refuse("cells", f"obs[{by!r}] has missing entries, or names no line", "use '' where it is unknown")
    mean = cpm[line != ""].groupby(line[line != ""]).mean().rename_axis("line")
    return pd.DataFrame(_transformed(mean.to_numpy(), units), mean.index, mean.columns)


def common_genes(expression: pd.DataFrame, cells: AnnData) -> list[str]:
    """Genes that bulk lines and cells share, in the order of the bulk table.

    Raises
    ------
    DataError
        If there are none.
    """
    check_columns(expression, (), "bulk lines", "expression")
    if not isinstance(cells, AnnData):
        refuse("common_genes", f"cells must be AnnData, got {type(cells).__name__}")
    genes = expression.columns[expression.columns.isin(cells.var_names)].tolist()
    if not genes:
        msg = (
            f"bulk lines and cells share no gene: {list(expression.columns[:3])} against "
            f"{list(cells.var_names[:3])}; map both to gene symbols"
        )
        raise DataError(msg)
    return genes


def model_inputs(
    model: Pipeline, table: pd.DataFrame, *, bins: str = "cells-own", scale: str = "bulk"
) -> pd.DataFrame:
    """Bring cells (or pseudo-bulk) into the form that the last step of a fitted pipeline takes.

    Parameters
    ----------
    model : Pipeline
        Fitted on bulk lines; steps ``filter``, ``bins`` and ``scale`` are taken account of where it has
        them.
    table : DataFrame, cells x genes
        With the genes that the pipeline was fitted on.
    bins : str
        One of :data:`CELL_BINS`; a pipeline without bins leaves values as they are.
    scale : str
        One of :data:`CELL_SCALES`.

    Raises
    ------
    ParameterError
        If a way is unknown.
    DataError
        If the table lacks a gene of the fit; further or differently ordered genes are brought in line.
    """
    for name, value, allowed in (("bins", bins, CELL_BINS), ("scale", scale, CELL_SCALES)):
        if value not in allowed:
            msg = f"{name}={value!r} is not one of {', '.join(allowed)}"
            raise ParameterError(msg)
    if not isinstance(model, Pipeline):
        refuse("model_inputs", f"model must be a fitted Pipeline, got {type(model).__name__}")
    check_columns(table, (), "model_inputs", "table")
    fitted = getattr(model.steps[0][1], "feature_names_in_", None)
    if fitted is not None and list(fitted) != list(table.columns):
        check_unique(table.columns, "model_inputs", "a gene stands twice")
        missing = [gene for gene in fitted if gene not in table.columns]
        if missing:
            refuse("model_inputs", f"the table lacks {len(missing)} gene(s) of the fit, first {missing[:3]}")
        table = table[list(fitted)]
    steps = model.named_steps
    if "filter" in steps:
        table = steps["filter"].transform(table)
    binner = steps.get("bins")
    if binner is not None and binner.scope != "none":
        if bins in ("cells-own", "per-cell"):
            scope = "line" if bins == "per-cell" else binner.scope
            binner = EqualFrequencyBinner(binner.n_bins, scope, binner.ties).set_output(transform="pandas")
            table = binner.fit_transform(table)
        else:
            table = binner.transform(table)
    if scale == "none" or "scale" not in steps:
        return table
    if scale == "cells":
        return StandardScaler().set_output(transform="pandas").fit_transform(table)
    return steps["scale"].transform(table)


def _select(cells: AnnData, genes: Sequence[str], units: str) -> np.ndarray:
    if not isinstance(cells, AnnData) or not cells.n_obs:
        refuse("cell_expression", f"cells must be AnnData, and some, got {type(cells).__name__}")
    check_unique(pd.Index(check_names(genes, "genes")), "cell_expression", "a gene is named twice")
    check_unique(cells.var_names, "cells", "a gene stands twice")
    if units not in UNITS:
        msg = f"units={units!r} is not one of {', '.join(UNITS)}"
        raise ParameterError(msg)
    stored = cells.uns.get("units", "counts")
    if stored != "counts":
        msg = f"{units} is computed from raw counts; these cells hold {stored}"
        raise DataError(msg)
    missing = [gene for gene in genes if gene not in cells.var_names]
    if missing or not len(genes):
        msg = f"the cells lack {len(missing)} of {len(genes)} genes, first {missing[:3]}; use common_genes"
        raise DataError(msg)
    counts = cells.X.data if sparse.issparse(cells.X) else np.asarray(cells.X)
    if not np.isfinite(counts).all() or counts.min(initial=0) < 0:
        msg = "cell_expression needs raw counts; the cells hold negative, NaN or infinite values"
        raise DataError(msg)
    values = cells[:, list(genes)].X
    return np.asarray(values.toarray() if sparse.issparse(values) else values, np.float32)


def _transformed(cpm: np.ndarray, units: str) -> np.ndarray:
    if units == "CPM":
        return cpm.astype(np.float32)
    return np.log2(1 + (cpm / 10 if units == UNITS[0] else cpm)).astype(np.float32)
