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

from helpers.errors import DataError, ParameterError
from helpers.evaluation.protocol import Fold, run
from helpers.studies.gpds.cells import cell_expression, common_genes, model_inputs, pseudo_bulk
from helpers.studies.gpds.correlations import masked_spearman
from helpers.studies.gpds.folds import BulkLines, contenders, is_network, with_inits

#: What :func:`cell_metrics` reports.
CELL_METRICS = (
    "R2",
    "MSE",
    "MSE of cells",
    "MSE/constant",
    "Spearman",
    "spread within lines",
    "spread between lines",
)
_KEYS = ["drug", "model", "source", "bins", "scale"]


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
        of its cells' predictions (bulk and pseudo-bulk: the prediction, NaN), ``mse_cells``, ``measured``,
        ``training_mean``, ``fold``.
    """

    cells: pd.DataFrame
    lines: pd.DataFrame


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
        If fewer than ``n_folds`` lines have cells, bulk expression and a response.
    """
    without = [name for name, model in models.items() if not isinstance(model, Pipeline)]
    if without:
        msg = f"{without} look at lines, not genes: only pipelines predict cells (training_mean is kept)"
        raise ParameterError(msg)
    data = _lines_and_cells(expression, response, cells, treatments)
    folds = [fold for drug in data.response.columns for fold in _folds(data, drug, n_folds, seed)]
    tables = []
    for name, model in models.items():
        inits, jobs = (n_inits, 1) if is_network(model) else (1, n_jobs)
        contender = contenders({name: model}, _Predictor(), n_jobs)
        tables.append(run(data, with_inits(folds, inits, seed), contender, _rows, n_jobs=jobs))
    keys = [*_KEYS, "fold", "line", "cell", "measured", "training_mean"]
    rows = pd.concat(tables).groupby(keys, sort=False, as_index=False)["predicted"].mean()
    lines = (
        rows.assign(error=(rows["predicted"] - rows["measured"]) ** 2)
        .groupby([*_KEYS, "fold", "line", "measured", "training_mean"], sort=False, as_index=False)
        .agg(median=("predicted", "median"), sd=("predicted", "std"), mse_cells=("error", "mean"))
    )
    return HeldOutCells(rows[rows["source"] == "cells"].reset_index(drop=True), lines)


def cell_metrics(lines: pd.DataFrame, n_boot: int = 2000, seed: int = 0, level: float = 0.95) -> pd.DataFrame:
    """Errors of the lines' median predictions, with intervals from a bootstrap over lines.

    Parameters
    ----------
    lines : DataFrame
        :attr:`HeldOutCells.lines`.

    Returns
    -------
    DataFrame
        Keys (drug, model, source, bins, scale), ``metric``, ``value``, ``low``, ``high``, ``n`` lines. R2 is
        against the mean of the measured lines; "MSE of cells" averages the squared error over the cells
        of a line, then over lines; "MSE/constant" divides MSE by that of the training mean; "spread
        within lines" is the median over lines of the cells' SD and "spread between lines" the SD of the
        medians, both over the SD of the measured responses.
    """
    rows = []
    for key, part in lines.groupby(_KEYS, sort=False):
        found = _bootstrapped(part, n_boot, seed)
        for metric in CELL_METRICS:
            rows.append((*key, metric, *_interval(found[metric], level), len(part)))
    return pd.DataFrame(rows, columns=[*_KEYS, "metric", "value", "low", "high", "n"])


def cell_differences(
    lines: pd.DataFrame,
    first: Mapping[str, str],
    second: Mapping[str, str],
    n_boot: int = 2000,
    seed: int = 0,
    level: float = 0.95,
) -> pd.DataFrame:
    """Differences of metrics between two ways of predicting the same lines, paired over lines.

    Parameters
    ----------
    lines : DataFrame
        :attr:`HeldOutCells.lines`.
    first, second : mapping
        Values of key columns that select one row a line and drug, e.g. ``{"model": "network", "source":
        "pseudo-bulk", "bins": "cells-own", "scale": "bulk"}``.

    Returns
    -------
    DataFrame
        ``drug``, ``metric``, ``difference`` (first minus second), ``low``, ``high``, ``n`` lines.

    Raises
    ------
    DataError
        If the selections differ in their lines or hold a line twice.
    """
    rows = []
    for drug, of_drug in lines.groupby("drug", sort=False):
        parts = [_selected(of_drug, chosen) for chosen in (first, second)]
        if not parts[0].index.equals(parts[1].index):
            msg = f"{drug}: {dict(first)} and {dict(second)} do not have the same lines"
            raise DataError(msg)
        found = [_bootstrapped(part, n_boot, seed) for part in parts]
        for metric in CELL_METRICS:
            difference = found[0][metric] - found[1][metric]
            rows.append((drug, metric, *_interval(difference, level), len(parts[0])))
    return pd.DataFrame(rows, columns=["drug", "metric", "difference", "low", "high", "n"])


def spread_of_cells(cells: pd.DataFrame) -> pd.DataFrame:
    """Split the variance of cell predictions into lines and cells (one-way random effects).

    Parameters
    ----------
    cells : DataFrame
        :attr:`HeldOutCells.cells`.

    Returns
    -------
    DataFrame
        Keys, ``sd_between`` (lines), ``sd_within`` (cells of a line), ``share_between`` (intraclass
        correlation), ``sd_measured`` (responses of the lines), ``cells``, ``lines``.
    """
    rows = []
    for key, part in cells.groupby(_KEYS, sort=False):
        groups = part.groupby("line")["predicted"]
        size, mean = groups.size().to_numpy(float), groups.mean().to_numpy()
        n, k = size.sum(), len(size)
        within = ((part["predicted"] - groups.transform("mean")) ** 2).sum() / max(n - k, 1)
        around = (size * (mean - part["predicted"].mean()) ** 2).sum() / max(k - 1, 1)
        typical = (n - (size**2).sum() / n) / max(k - 1, 1)
        between = max((around - within) / typical, 0.0) if k > 1 else np.nan
        total = between + within
        measured = part.groupby("line")["measured"].first().std(ddof=1)
        share = between / total if total > 0 else np.nan
        rows.append((*key, np.sqrt(between), np.sqrt(within), share, measured, int(n), k))
    columns = ["sd_between", "sd_within", "share_between", "sd_measured", "cells", "lines"]
    return pd.DataFrame(rows, columns=[*_KEYS, *columns])


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
        reference, n = data.expression.iloc[fold.train], len(data.expression)
        # All cells are binned and scaled together, whichever line is left out: no response is looked at.
        treated = [model_inputs(before, t, reference, bins=bins, scale=scale) for t in data.profiles.values()]
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


def _selected(lines: pd.DataFrame, chosen: Mapping[str, str]) -> pd.DataFrame:
    keep = np.ones(len(lines), bool)
    for column, value in chosen.items():
        keep &= (lines[column] == value).to_numpy()
    part = lines[keep].set_index("line").sort_index()
    if part.empty or part.index.has_duplicates:
        msg = f"{dict(chosen)} selects {len(part)} rows, expected one a line; name every key column"
        raise DataError(msg)
    return part


def _bootstrapped(part: pd.DataFrame, n_boot: int, seed: int) -> dict[str, np.ndarray]:
    """Metrics of the lines as they are (first) and of resamples of lines."""
    part = part.sort_values("line") if "line" in part.columns else part
    n = len(part)
    rows = np.vstack([np.arange(n), np.random.default_rng(seed).integers(0, n, (n_boot, n))]).T
    measured, median, sd, cells, constant = (
        part[column].to_numpy(float)[rows]
        for column in ("measured", "median", "sd", "mse_cells", "training_mean")
    )
    mse, variance = ((median - measured) ** 2).mean(axis=0), measured.var(axis=0)
    deviation = np.where(variance > 0, np.sqrt(variance), np.nan)
    return {
        "R2": 1 - mse / deviation**2,
        "MSE": mse,
        "MSE of cells": cells.mean(axis=0),
        "MSE/constant": mse / ((constant - measured) ** 2).mean(axis=0),
        "Spearman": masked_spearman(median, measured),
        "spread within lines": np.median(sd, axis=0) / deviation,
        "spread between lines": median.std(axis=0) / deviation,
    }


def _interval(values: np.ndarray, level: float) -> tuple[float, float, float]:
    draws = values[1:][~np.isnan(values[1:])]
    if len(draws) < 2:
        return float(values[0]), np.nan, np.nan
    low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2])
    return float(values[0]), float(low), float(high)
