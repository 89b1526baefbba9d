"""Cells of lines that training never saw: predictions per line, their errors, where their spread is from.

Lines are the units: errors are averaged within a line first, and bootstraps draw lines.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from anndata import AnnData
from sklearn.base import BaseEstimator
from sklearn.model_selection import KFold
from sklearn.pipeline import Pipeline

from helpers.bounds import check_number
from helpers.checks import check_columns, check_unique, refuse
from helpers.errors import DataError, ParameterError
from helpers.evaluation.protocol import Fold
from helpers.studies.gpds.cell_scores import KEYS
from helpers.studies.gpds.cells import cell_expression, common_genes, model_inputs, pseudo_bulk
from helpers.studies.gpds.folds import BulkLines, run_models


@dataclass(frozen=True, eq=False)
class HeldOutCells:
    """Predictions for lines that were left out of training.

    Attributes
    ----------
    cells : DataFrame
        One row a cell: ``drug``, ``model``, ``source`` ("cells"), ``bins``, ``scale``, ``fold``, ``line``,
        ``cell``, ``measured``, ``training_mean``, ``predicted`` (mean over the seeds of a network).
    lines : DataFrame
        One row a line: keys as above with the sources "bulk", "cells", "pseudo-bulk"; ``median`` and ``sd``
        of its cells' predictions (bulk and pseudo-bulk: the prediction, NaN), ``measured``,
        ``training_mean``, ``fold``.
    single : DataFrame
        The same for the first of several networks alone.
    """

    cells: pd.DataFrame
    lines: pd.DataFrame
    single: pd.DataFrame


def held_out_cells(
    expression: pd.DataFrame,
    response: pd.Series | pd.DataFrame,
    cells: AnnData,
    models: Mapping[str, Pipeline],
    *,
    treatments: Sequence[tuple[str, str]] = (
        ("cells-own", "bulk"),
        ("bulk-edges", "bulk"),
        ("cells-own", "cells"),
    ),
    n_folds: int = 5,
    n_inits: int = 5,
    seed: int = 0,
    n_jobs: int = 1,
) -> HeldOutCells:
    """Train on bulk lines, leaving out a fold of the lines that have cells; predict these lines' cells.

    Each left-out line is predicted from its bulk profile, from its pseudo-bulk, and from each cell.

    Parameters
    ----------
    expression : DataFrame, lines x genes
        log2(TPM + 1), index = model id.
    response : Series, or DataFrame lines x drugs
    cells : AnnData
        Counts; ``obs["model_id"]``.
    models : mapping of str to Pipeline
        E.g. ``{"network": gpds_pipeline(), "Ridge": bulk_baselines()["Ridge"]}``; fitted on the genes
        that the cells have too. Networks are fitted ``n_inits`` times and their predictions averaged.
    treatments : sequence of (bins, scale)
        Ways to treat cells and pseudo-bulk, see :func:`helpers.studies.gpds.cells.model_inputs`.
    n_folds : int
        Folds of the lines that have cells and a response.

    Raises
    ------
    ParameterError
        If a model is no pipeline.
    DataError
        If fewer than ``n_folds`` lines have cells, bulk expression and a response, or a setting cannot be.
    """
    check_number("n_folds", n_folds, 2, whole=True)
    check_number("seed", seed, 0, 2**32 - 1, whole=True)
    if not isinstance(models, Mapping):
        refuse("held_out_cells", f"models must be pipelines by name, got {models!r}")
    pairs = isinstance(treatments, Sequence) and all(isinstance(way, tuple | list) for way in treatments)
    if not pairs or not treatments or any(len(way) != 2 for way in treatments):
        refuse("held_out_cells", f"treatments must be pairs (bins, scale), one at least; got {treatments!r}")
    without = [name for name, model in models.items() if not isinstance(model, Pipeline)]
    if without:
        msg = f"{without} look at lines, not genes: only pipelines predict cells (training_mean is kept)"
        raise ParameterError(msg)
    data = _lines_and_cells(expression, response, cells, treatments)
    folds = [fold for drug in data.response.columns for fold in _folds(data, drug, n_folds, seed)]
    tables = run_models(data, folds, models, _Predictor(), _rows, n_inits=n_inits, seed=seed, n_jobs=n_jobs)
    keys = [*KEYS, "fold", "line", "cell", "measured", "training_mean"]
    rows = tables.groupby(keys, sort=False, as_index=False)["predicted"].mean()
    cells_only = rows[rows["source"] == "cells"].reset_index(drop=True)
    return HeldOutCells(cells_only, _by_line(rows), _by_line(tables[tables["init"] == 0]))


def _by_line(rows: pd.DataFrame) -> pd.DataFrame:
    """Median and spread of the predictions for the cells of each line."""
    keys = [*KEYS, "fold", "line", "measured", "training_mean"]
    grouped = rows.groupby(keys, sort=False, as_index=False)["predicted"]
    return grouped.agg(["median", "std"]).rename(columns={"std": "sd"})


@dataclass(frozen=True, eq=False)
class _LinesAndCells(BulkLines):
    """Bulk lines, then pseudo-bulk profiles, then cells: the rows that folds test.

    Attributes
    ----------
    profiles : dict of str to DataFrame, rows x genes
        "pseudo-bulk" and "cells".
    rows : DataFrame
        ``source``, ``line`` and ``cell`` of all rows.
    treatments : sequence of (bins, scale)
    """

    profiles: dict[str, pd.DataFrame]
    rows: pd.DataFrame
    treatments: Sequence[tuple[str, str]]


def _lines_and_cells(
    expression: pd.DataFrame,
    response: pd.Series | pd.DataFrame,
    cells: AnnData,
    treatments: Sequence[tuple[str, str]],
) -> _LinesAndCells:
    genes = common_genes(expression, cells)
    check_columns(cells.obs, ("model_id",), "cells", "obs")
    check_unique(cells.obs_names, "cells", "a cell stands twice")
    bulk = BulkLines.matched(expression[genes], response)
    profiles = {"pseudo-bulk": pseudo_bulk(cells, genes), "cells": cell_expression(cells, genes)}
    line_of = {"bulk": bulk.expression.index, "pseudo-bulk": profiles["pseudo-bulk"].index}
    line_of["cells"] = cells.obs["model_id"].astype(str)
    rows = [pd.DataFrame({"source": source, "line": np.asarray(ids)}) for source, ids in line_of.items()]
    table = pd.concat(rows, ignore_index=True).assign(cell="")
    table.loc[table["source"] == "cells", "cell"] = cells.obs_names.to_numpy()
    return _LinesAndCells(bulk.expression, bulk.response, profiles, table, treatments)


def _folds(data: _LinesAndCells, drug: str, n_folds: int, seed: int) -> list[Fold]:
    known, lines = data.measured(drug), data.expression.index
    of_cells = data.rows.loc[data.rows["source"] == "cells", "line"].unique()
    with_cells = known[lines[known].isin(of_cells)]
    if len(with_cells) < max(n_folds, 2):
        msg = (
            f"{drug}: {len(with_cells)} lines have cells, bulk expression and a response; "
            f"{n_folds} folds need as many"
        )
        raise DataError(msg)
    folds = []
    for i, (_, held) in enumerate(KFold(n_folds, shuffle=True, random_state=seed).split(with_cells)):
        test = np.flatnonzero(data.rows["line"].isin(lines[with_cells[held]]))
        train = np.setdiff1d(known, with_cells[held])
        folds.append(Fold(str(i), train, test, tags={"drug": drug}))
    return folds


class _Predictor:
    """Predict the test rows of a fold, one column a treatment.

    The inputs of the last fold are kept, since its networks follow each other and share their preprocessing.
    """

    def __init__(self) -> None:
        self._last: tuple[BaseEstimator | None, list[pd.DataFrame]] = None, []

    def __call__(self, data: _LinesAndCells, fold: Fold, fit: Pipeline) -> np.ndarray:
        shared, inputs = self._last  # one tuple, so that threads cannot mix two folds
        if shared is not fit.steps[0][1]:
            inputs = [self._inputs(data, fold, fit[:-1], *way) for way in data.treatments]
            self._last = fit.steps[0][1], inputs
        return np.column_stack([np.asarray(fit.steps[-1][1].predict(table), float) for table in inputs])

    @staticmethod
    def _inputs(data: _LinesAndCells, fold: Fold, before: Pipeline, bins: str, scale: str) -> pd.DataFrame:
        n = len(data.expression)
        # All cells are binned and scaled together, whichever line is left out: no response is looked at.
        treated = [model_inputs(before, t, bins=bins, scale=scale) for t in data.profiles.values()]
        bulk = before.transform(data.expression.iloc[fold.test[fold.test < n]])
        return pd.concat([bulk, pd.concat(treated).iloc[fold.test[fold.test >= n] - n]])


def _rows(data: _LinesAndCells, fold: Fold, predicted: np.ndarray) -> pd.DataFrame:
    """One row a test row and treatment; bulk profiles have no treatment."""
    rows = data.rows.iloc[fold.test]
    response = data.response[fold.tags["drug"]]
    rows = rows.assign(
        measured=response.reindex(rows["line"]).to_numpy(), training_mean=response.iloc[fold.train].mean()
    )
    of_bulk = (rows["source"] == "bulk").to_numpy()
    tables = [rows[of_bulk].assign(bins="", scale="", predicted=predicted[of_bulk, 0])]
    for (bins, scale), column in zip(data.treatments, predicted[~of_bulk].T, strict=True):
        tables.append(rows[~of_bulk].assign(bins=bins, scale=scale, predicted=column))
    return pd.concat(tables)
