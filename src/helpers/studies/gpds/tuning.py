"""Search of the network's settings: as the report apparently did, and inside the training lines."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from helpers.bounds import check_number
from helpers.checks import refuse
from helpers.errors import DataError
from helpers.evaluation.nested import Searched, search_grid
from helpers.evaluation.protocol import Fold, Model, predictions, run
from helpers.studies.gpds.bulk import held_out_rows, minus_mse, predict_test
from helpers.studies.gpds.folds import BulkLines, Splitter, contenders, drug_folds, inner_folds
from helpers.studies.gpds.model import GRID, gpds_pipeline, grid_candidates
from helpers.studies.gpds.results import Found, result, results

#: Grids around the report's setting. "full" is the sheet's; "tuning" has what wins in it, and little else.
GRIDS: dict[str, dict[str, tuple]] = {
    "tiny": {
        "h1": (32,),
        "h2": (16,),
        "activation": ("tanh",),
        "lr": (0.01, 0.001, 0.0001),
        "batch_size": (16,),
        "epochs": (50, 100),
    },
    "tuning": {
        "h1": (32,),
        "h2": (16,),
        "activation": ("relu", "tanh"),
        "lr": (0.001, 0.0001),
        "batch_size": (16,),
        "epochs": (50, 100, 200),
    },
    "small": {
        "h1": (32, 128),
        "h2": (16,),
        "activation": ("relu", "tanh"),
        "lr": (0.1, 0.01, 0.001),
        "batch_size": (32,),
        "epochs": (50, 100),
    },
    "reduced": GRID | {"h1": (32, 128), "h2": (16, 64), "batch_size": (16, 64)},
    "full": GRID,
}
#: What a candidate of a grid sets.
SETTINGS = ["hidden", "activation", "lr", "batch_size", "epochs"]


@dataclass(frozen=True, eq=False)
class GridResult:
    """A grid search in several splits.

    Attributes
    ----------
    trials : DataFrame
        One row a split and candidate: ``seed`` (repeat), ``fold``, ``candidate``, its settings, ``test_mse``,
        ``test_r2``, ``inner_mse`` (mean over inner folds) and ``diverged``. A candidate that diverged has
        an infinite error.
    chosen : DataFrame
        One row a split and ``selection``: "best on test (optimistic)", as the report apparently chose;
        "mean", the training mean; "inner folds". Columns ``candidate``, ``test_mse``, ``test_r2``.
    """

    trials: pd.DataFrame
    chosen: pd.DataFrame


def grid_search(
    expression: pd.DataFrame,
    response: pd.Series,
    splits: Splitter,
    grid: dict[str, tuple] | None = None,
    *,
    n_inner: int = 5,
    seed: int = 0,
    n_jobs: int = 1,
) -> GridResult:
    """Score every candidate of a grid on the test lines and in inner folds of the training lines.

    The test error of the candidate that is best on the test lines is too good; that of the candidate
    that is best in the inner folds is not.

    Parameters
    ----------
    expression, response, splits
        As :func:`bulk_predictions`; one drug.
    grid : dict, optional
        As :data:`helpers.studies.gpds.model.GRID` (default, 864 candidates).
    n_inner : int
        Inner folds.
    seed : int
        Start values of all networks and the inner folds.

    Raises
    ------
    DataError
        If there is more than one drug.
    """
    lines = _one_drug(expression, response, "grid_search")
    candidates = grid_candidates(grid)
    folds = [replace(fold, seed=seed) for fold in drug_folds(lines, splits)]
    (network,) = contenders({"network": gpds_pipeline()}, predict_test, n_jobs)
    searched = _searched(lines, folds, network, candidates, n_inner, seed)
    every = [replace(fold, settings=candidate) for fold in folds for candidate in candidates]
    test = np.array([-minus_mse(lines, fold, p) for _, fold, p in predictions(lines, every, [network])])
    variance = np.array([lines.of_drug(fold, fold.test).var() for fold in every])
    trials = searched.trials.assign(
        seed=searched.trials["repeat"],
        hidden=["-".join(map(str, sizes)) for sizes in searched.trials["hidden"]],
        test_mse=test,
        test_r2=1 - test / variance,
        inner_mse=-searched.trials["value"],
        diverged=~np.isfinite(test),
    ).rename(columns={"trial": "candidate"})
    of_fold = [part for _, part in trials.groupby(["seed", "fold"], sort=False)]
    chosen = [_selections(lines, fold, part) for fold, part in zip(folds, of_fold, strict=True)]
    return GridResult(trials.drop(columns=["value", "repeat"]), pd.concat(chosen, ignore_index=True))


def _one_drug(expression: pd.DataFrame, response: pd.Series, where: str) -> BulkLines:
    lines = BulkLines.matched(expression, response)
    if lines.response.shape[1] > 1:
        msg = f"{where} takes the response to one drug, a Series"
        raise DataError(msg)
    return lines


def _selections(lines: BulkLines, fold: Fold, trials: pd.DataFrame) -> pd.DataFrame:
    """List the candidates that three ways of choosing take, with their error on the test lines."""
    trials = trials.set_index("candidate")
    test, inner = (trials.loc[trials[by].idxmin()] for by in ("test_mse", "inner_mse"))
    y = lines.of_drug(fold, fold.test)
    constant = ((y - lines.of_drug(fold, fold.train).mean()) ** 2).mean()
    table = pd.DataFrame(
        {
            "selection": ["best on test (optimistic)", "mean", "inner folds"],
            "candidate": [test.name, -1, inner.name],
            "test_mse": [test["test_mse"], constant, inner["test_mse"]],
        }
    )
    return table.assign(seed=fold.tags["repeat"], fold=fold.name, test_r2=1 - table["test_mse"] / y.var())


def count(grid: str) -> int:
    """Return the number of candidates of one of :data:`GRIDS`."""
    if grid not in tuple(GRIDS):
        refuse("grid", f"unknown name {grid!r}", f"one of {', '.join(GRIDS)}")
    return len(grid_candidates(GRIDS[grid]))


def grid_found(found: GridResult, grid: str) -> Found:
    """Tell what the search found: R2 of what each way chooses, and its settings.

    Parameters
    ----------
    grid : str
        One of :data:`GRIDS`, for notes.
    """
    table = found.chosen.merge(found.trials[["seed", "fold", "candidate", *SETTINGS]], how="left")
    chosen = found.chosen.groupby("selection", sort=False)["test_r2"].agg(["mean", "count"])
    rows = [
        result(f"GDSC2.grid.{row.Index}.R2", row.mean, n=row.count, note=f"{grid} grid")
        for row in chosen.itertuples()
    ]
    r2 = found.trials.loc[~found.trials["diverged"], "test_r2"]
    rows.append(result("GDSC2.grid.diverged", found.trials["diverged"].mean(), n=len(found.trials)))
    rows.append(result("GDSC2.grid.median of candidates.R2", r2.median(), n=len(r2)))
    shown = table.rename(columns={"test_r2": "R2 on the test lines"})
    return Found(results(rows), shown[["selection", "R2 on the test lines", *SETTINGS]].fillna(""))


@dataclass(frozen=True, eq=False)
class Tuned:
    """A network whose settings inner folds chose.

    Attributes
    ----------
    predictions : DataFrame
        As :func:`~helpers.studies.gpds.bulk.bulk_predictions`, model "network, tuned".
    chosen : DataFrame
        One row a fold: ``seed`` (repeat), ``fold``, ``inner_mse`` and the settings that won.
    """

    predictions: pd.DataFrame
    chosen: pd.DataFrame


def tuned_network(
    expression: pd.DataFrame,
    response: pd.Series,
    splits: Splitter,
    grid: dict[str, tuple] | None = None,
    *,
    n_inner: int = 3,
    n_inits: int = 1,
    seed: int = 0,
    n_jobs: int = 1,
) -> Tuned:
    """Choose the network's settings in inner folds of each fold's training lines; predict its test lines.

    Parameters
    ----------
    expression, response, splits, grid, n_inner, seed
        As :func:`grid_search`.
    n_inits : int
        Networks a fold that are fitted with the winning settings.

    Raises
    ------
    DataError
        As :func:`grid_search`; if there is no network.
    """
    check_number("n_inits", n_inits, 1, whole=True)
    lines = _one_drug(expression, response, "tuned_network")
    folds = [replace(fold, seed=seed) for fold in drug_folds(lines, splits)]
    (network,) = contenders({"network, tuned": gpds_pipeline()}, predict_test, n_jobs)
    searched = _searched(lines, folds, network, grid_candidates(grid), n_inner, seed)
    settled = [
        replace(fold, seed=seed + init, tags={**fold.tags, "init": init})
        for fold in searched.folds
        for init in range(n_inits)
    ]
    found = run(lines, settled, [network], held_out_rows)
    return Tuned(found.drop(columns="seed").rename(columns={"repeat": "seed"}), _chosen(searched))


def tuned_setting(
    expression: pd.DataFrame,
    response: pd.Series,
    grid: dict[str, tuple],
    *,
    n_inner: int = 3,
    seed: int = 0,
    n_jobs: int = 1,
) -> tuple[dict[str, Any], pd.DataFrame]:
    """Choose the settings of the network behind a gene list, by folds of the lines that build it.

    Parameters
    ----------
    expression : DataFrame, lines x genes
        The lists' genes; all are used.
    response, grid, n_inner, seed
        As :func:`grid_search`.

    Returns
    -------
    settings : dict
        Of :class:`GPDSRegressor`.
    chosen : DataFrame
        As :attr:`Tuned.chosen`, one row.

    Raises
    ------
    DataError
        As :func:`grid_search`; if fewer than ten lines have a response, or every network diverged.
    """
    lines = _one_drug(expression, response, "tuned_setting")
    (drug,) = lines.response.columns
    every = Fold("all", lines.enough(drug), np.array([], int), seed=seed, tags={"drug": drug, "repeat": 0})
    (network,) = contenders({"network": gpds_pipeline(gene_filter=False)}, predict_test, n_jobs)
    searched = _searched(lines, [every], network, grid_candidates(grid), n_inner, seed)
    chosen = _chosen(searched)
    if not np.isfinite(chosen["inner_mse"]).all():
        refuse(str(drug), "every network of the grid diverged in the inner folds", "lower the learning rates")
    return dict(searched.folds[0].settings), chosen


def _chosen(searched: Searched) -> pd.DataFrame:
    """One row a fold: the settings that won and their error in the inner folds."""
    table = searched.chosen.assign(
        seed=searched.chosen["repeat"],
        hidden=["-".join(map(str, sizes)) for sizes in searched.chosen["hidden"]],
        inner_mse=-searched.chosen["value"],
    )
    return table.drop(columns=["value", "repeat"])


def _searched(
    lines: BulkLines, folds: list[Fold], network: Model, candidates: list[dict], n_inner: int, seed: int
) -> Searched:
    return search_grid(
        lines, folds, network, candidates, lambda fold: inner_folds(fold, n_inner, seed), minus_mse
    )
