"""Cells of lines that training never saw: predictions per line, their errors, where their spread is from.

Lines are the units: errors are averaged within a line first, and bootstraps draw lines.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from anndata import AnnData
from joblib import Parallel, delayed
from sklearn.base import BaseEstimator, clone
from sklearn.model_selection import KFold
from sklearn.pipeline import Pipeline
from threadpoolctl import threadpool_limits

from helpers.errors import DataError, ParameterError
from helpers.studies.gpds.cells import (
    cell_expression,
    common_genes,
    model_inputs,
    pseudo_bulk,
)
from helpers.studies.gpds.model import GPDSRegressor, fit_many, out_of_range, saturation
from helpers.studies.gpds.rank_correlation import masked_spearman

SOURCES = ("bulk", "pseudo-bulk", "cells")
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
        One row a cell: ``drug``, ``model``, ``source`` ("cells"), ``bins``, ``scale``, ``line``, ``cell``,
        ``predicted`` (mean over the seeds of a network), ``measured``.
    lines : DataFrame
        One row a line: keys as above with all sources; ``median`` and ``sd`` of its cells' predictions
        (bulk and pseudo-bulk: the prediction, NaN), ``mse_cells``, ``n_cells``, ``measured``,
        ``training_mean``, ``fold``.
    inputs : DataFrame
        One row a network, fold and way of treating cells: ``saturated_1``, ``saturated_2`` (share of
        hidden activations beyond 0.99) and ``out_of_range`` (share of inputs beyond 3 SD), mean over
        seeds.
    """

    cells: pd.DataFrame
    lines: pd.DataFrame
    inputs: pd.DataFrame


def held_out_cells(
    expression: pd.DataFrame,
    response: pd.Series | pd.DataFrame,
    cells: AnnData,
    models: Mapping[str, BaseEstimator],
    *,
    treatments: Sequence[tuple[str, str]] = (
        ("cells-own", "bulk"),
        ("bulk-edges", "bulk"),
        ("cells-own", "cells"),
    ),
    units: str = "log2(1+CPM/10)",
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
        Counts, or z-scores with ``units="as stored"`` (then there is no pseudo-bulk); ``obs["model_id"]``.
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
    genes = common_genes(expression, cells)
    expression = expression[genes]
    table = response.to_frame(response.name or "response") if isinstance(response, pd.Series) else response
    line_of = cells.obs["model_id"].astype(str).to_numpy()
    tables = {"cells": cell_expression(cells, genes, units)}
    if units != "as stored":
        tables["pseudo-bulk"] = pseudo_bulk(cells, genes)
    folds = [
        fold
        for drug in table.columns
        for fold in _folds(drug, expression, table[drug].dropna(), line_of, n_folds, seed)
    ]
    fitted = _fit(models, folds, expression, n_inits, seed, n_jobs)
    parts = [
        _predict(fold, name, fits, expression, tables, line_of, treatments)
        for (name, fold), fits in fitted.items()
    ]
    cell_table, line_table, input_table = (pd.concat(p, ignore_index=True) for p in zip(*parts, strict=True))
    return HeldOutCells(cell_table, line_table, input_table)


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
class _Fold:
    """Lines left out together, and the lines to learn from, for one drug."""

    drug: str
    name: str
    train: pd.Series
    held_out: pd.Series


def _folds(
    drug: str, expression: pd.DataFrame, y: pd.Series, line_of: np.ndarray, n_folds: int, seed: int
) -> list[_Fold]:
    y = y.loc[y.index.intersection(expression.index)]
    with_cells = y.index[y.index.isin(np.unique(line_of))]
    if len(with_cells) < max(n_folds, 2):
        msg = (
            f"{drug}: {len(with_cells)} lines have cells, bulk expression and a response; "
            f"{n_folds} folds need as many"
        )
        raise DataError(msg)
    splits = KFold(n_folds, shuffle=True, random_state=seed).split(with_cells)
    return [
        _Fold(drug, str(i), y.drop(with_cells[held]), y.loc[with_cells[held]])
        for i, (_, held) in enumerate(splits)
    ]


def _fit(
    models: Mapping[str, BaseEstimator],
    folds: list[_Fold],
    expression: pd.DataFrame,
    n_inits: int,
    seed: int,
    n_jobs: int,
) -> dict[tuple[str, _Fold], list[Pipeline]]:
    """Fit every model in every fold; all networks as one batch."""
    fitted: dict[tuple[str, _Fold], list[Pipeline]] = {}
    jobs, others = [], []
    for name, model in models.items():
        for fold in folds:
            train, y = expression.loc[fold.train.index], fold.train.to_numpy(float)
            if not isinstance(model.steps[-1][1], GPDSRegressor):
                others.append((name, fold, clone(model), train, y))
                continue
            before = clone(model[:-1])
            inputs = before.fit_transform(train, y)
            fits = fitted[name, fold] = []
            for init in range(n_inits):
                network = clone(model.steps[-1][1]).set_params(random_state=seed + init)
                jobs.append((network, inputs, y))
                fits.append(Pipeline([*before.steps, ("network", network)]))
    fit_many(jobs, n_jobs)
    with threadpool_limits(1):
        done = Parallel(n_jobs=n_jobs)(delayed(model.fit)(train, y) for _, _, model, train, y in others)
    fitted |= {(name, fold): [model] for (name, fold, *_), model in zip(others, done, strict=True)}
    return fitted


def _predict(
    fold: _Fold,
    name: str,
    fits: list[Pipeline],
    expression: pd.DataFrame,
    tables: dict[str, pd.DataFrame],
    line_of: np.ndarray,
    treatments: Sequence[tuple[str, str]],
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    reference = expression.loc[fold.train.index]
    y, mean = fold.held_out, float(fold.train.mean())
    key = {"drug": fold.drug, "model": name}
    cell_tables, line_tables, inputs = [], [], []

    def add_lines(predicted: np.ndarray, lines: pd.Index, **more: str) -> None:
        measured = y.loc[lines].to_numpy()
        error = (predicted - measured) ** 2
        columns = {"median": predicted, "sd": np.nan, "mse_cells": error, "n_cells": 0, "measured": measured}
        line_tables.append(pd.DataFrame(key | more | {"line": lines} | columns))

    bulk = expression.loc[y.index]
    add_lines(_mean([fit.predict(bulk) for fit in fits]), y.index, source="bulk", bins="", scale="")
    in_fold = np.isin(line_of, y.index)
    # All cells are binned and scaled together, whichever line is left out: no response is looked at.
    for bins, scale in treatments:
        ways = {"bins": bins, "scale": scale}
        for source, table in tables.items():
            ready = [model_inputs(fits[0], table, reference, bins=bins, scale=scale)]
            predicted = _mean([np.asarray(fit.steps[-1][1].predict(ready[0]), float) for fit in fits])
            if source == "pseudo-bulk":
                place = table.index.get_indexer(y.index)
                add_lines(predicted[place], y.index, source=source, **ways)
                continue
            part = pd.DataFrame(
                key
                | {"source": source}
                | ways
                | {"line": line_of[in_fold], "cell": table.index[in_fold], "predicted": predicted[in_fold]}
            ).assign(measured=y.reindex(line_of[in_fold]).to_numpy())
            cell_tables.append(part)
            squared = part.assign(error=(part["predicted"] - part["measured"]) ** 2).groupby("line")
            line_tables.append(
                pd.DataFrame(
                    {
                        "median": squared["predicted"].median(),
                        "sd": squared["predicted"].std(ddof=1),
                        "mse_cells": squared["error"].mean(),
                        "n_cells": squared.size(),
                        "measured": squared["measured"].first(),
                    }
                )
                .reset_index()
                .assign(**key, source=source, **ways)
            )
            networks = [fit.steps[-1][1] for fit in fits if isinstance(fit.steps[-1][1], GPDSRegressor)]
            if networks:
                x = ready[0].to_numpy()[in_fold]
                share = np.mean([saturation(n.network_, x) for n in networks], axis=0)
                inputs.append(
                    key | ways | {"fold": fold.name, "saturated_1": share[0], "saturated_2": share[1]}
                )
                inputs[-1]["out_of_range"] = out_of_range(x)
    lines = pd.concat(line_tables, ignore_index=True).assign(training_mean=mean, fold=fold.name)
    return pd.concat(cell_tables, ignore_index=True), lines, pd.DataFrame(inputs)


def _mean(predictions: list[np.ndarray]) -> np.ndarray:
    return np.mean(predictions, axis=0)


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
