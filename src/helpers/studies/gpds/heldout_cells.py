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

SOURCES = ("bulk", "pseudo-bulk", "cells")


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
