"""Prediction of bulk response: the report's split, many such splits, cross-validation, grid search.

Every model runs in the same splits; the fits of a network in all splits, drugs and seeds are one batch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy import stats
from sklearn.base import BaseEstimator, clone
from sklearn.pipeline import Pipeline

from helpers.errors import DataError
from helpers.evaluation.nested import search_grid
from helpers.evaluation.protocol import Fold, predictions, run
from helpers.studies.gpds.folds import (
    BulkLines,
    Splitter,
    contenders,
    drug_folds,
    inner_folds,
    is_network,
    study_splits,
    with_inits,
)
from helpers.studies.gpds.model import GPDSRegressor, gpds_pipeline, grid_candidates

_KEYS = ["drug", "seed", "fold", "model"]


def bulk_predictions(
    expression: pd.DataFrame,
    response: pd.Series | pd.DataFrame,
    models: Mapping[str, BaseEstimator],
    splits: Splitter = study_splits,
    *,
    n_inits: int = 1,
    seed: int = 0,
    n_jobs: int = 1,
) -> pd.DataFrame:
    """Predict the held-out lines of every split with every model.

    Parameters
    ----------
    expression : DataFrame, lines x genes
        log2(TPM + 1).
    response : Series, or DataFrame lines x drugs
        Lines without a value are left out, drug by drug.
    models : mapping of str to estimator
        Pipelines that end in a :class:`GPDSRegressor` are fitted in one batch; see
        :func:`helpers.studies.gpds.baselines.bulk_baselines` for the others.
    splits : callable
        E.g. ``partial(study_splits, n_repeats=20)`` or
        :func:`~helpers.studies.gpds.folds.repeated_folds`.
    n_inits : int
        Networks a split, with seeds ``seed``, ``seed + 1``, ...
    n_jobs : int

    Returns
    -------
    DataFrame
        One row a held-out line: ``drug``, ``seed`` (repeat), ``fold``, ``model``, ``init``, ``line``,
        ``measured``, ``predicted`` (NaN if training diverged), ``training_mean``.

    Raises
    ------
    DataError
        If a drug has fewer than 10 lines.

    Examples
    --------
    ``models = {"Network": gpds_pipeline()} | bulk_baselines(panel.lines["lineage"])``;
    ``bulk_metrics(bulk_predictions(panel.expression, panel.response["Camptothecin"], models))``
    """
    lines = BulkLines.matched(expression, response)
    folds = drug_folds(lines, splits)
    networks = {name: model for name, model in models.items() if is_network(model)}
    others = {name: model for name, model in models.items() if name not in networks}
    parts = [(networks, n_inits, 1), (others, 1, n_jobs)]
    tables = [
        run(lines, with_inits(folds, inits, seed), contenders(part, _predict, n_jobs), _held_out, n_jobs=jobs)
        for part, inits, jobs in parts
        if part
    ]
    # For all that follows a seed is that of the split, its repeat.
    return pd.concat(tables, ignore_index=True).drop(columns="seed").rename(columns={"repeat": "seed"})


def _predict(lines: BulkLines, fold: Fold, fit: BaseEstimator) -> np.ndarray:
    return np.asarray(fit.predict(lines.expression.iloc[fold.test]), float)


def _held_out(lines: BulkLines, fold: Fold, predicted: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "line": lines.expression.index[fold.test],
            "measured": lines.of_drug(fold, fold.test),
            "predicted": predicted,
            "training_mean": lines.of_drug(fold, fold.train).mean(),
        }
    )


def bulk_metrics(predictions: pd.DataFrame) -> pd.DataFrame:
    """Errors and correlations of every model in every split, mean over its networks.

    Parameters
    ----------
    predictions : DataFrame
        From :func:`bulk_predictions`.

    Returns
    -------
    DataFrame
        ``drug``, ``seed``, ``fold``, ``model``, ``metric``, ``value``, ``n`` test lines. Metrics:
        ``MSE`` (infinite where training diverged); ``MSE/Var``, over the variance of the test lines;
        ``R2`` = 1 - MSE/Var; ``Pearson``, ``Spearman`` and ``slope`` (predicted on measured), NaN for a
        constant prediction; ``SD`` of the predictions.
    """
    rows = []
    for key, part in predictions.groupby([*_KEYS, "init"], sort=False):
        values = line_metrics(part["measured"].to_numpy(), part["predicted"].to_numpy())
        rows += [(*key, metric, value, len(part)) for metric, value in values.items()]
    table = pd.DataFrame(rows, columns=[*_KEYS, "init", "metric", "value", "n"])
    return table.groupby([*_KEYS, "metric", "n"], sort=False, as_index=False)["value"].mean()


def line_metrics(measured: np.ndarray, predicted: np.ndarray) -> dict[str, float]:
    """Metrics of one set of lines; see :func:`bulk_metrics`."""
    measured, predicted = np.asarray(measured, float), np.asarray(predicted, float)
    names = ("MSE", "MSE/Var", "R2", "Pearson", "Spearman", "slope", "SD")
    if not np.isfinite(predicted).all():
        return dict(zip(names, (np.inf, np.inf, -np.inf, *[np.nan] * 4), strict=True))
    mse, variance = ((measured - predicted) ** 2).mean(), measured.var()
    ratio = mse / variance if variance > 0 else np.nan
    # A constant prediction may differ in its last digit from line to line.
    varies = np.ptp(predicted) > 1e-9 * (1 + np.abs(predicted).max()) and variance > 0
    pearson = stats.pearsonr(measured, predicted).statistic if varies else np.nan
    spearman = stats.spearmanr(measured, predicted).statistic if varies else np.nan
    slope = stats.linregress(measured, predicted).slope if varies else np.nan
    values = (mse, ratio, 1 - ratio, pearson, spearman, slope, predicted.std())
    return {name: float(value) for name, value in zip(names, values, strict=True)}


def ensemble(predictions: pd.DataFrame, model: str, name: str) -> pd.DataFrame:
    """Average the networks of a split: rows of a model ``name`` to append to ``predictions``."""
    part = predictions[predictions["model"] == model]
    keys = ["drug", "seed", "fold", "line", "measured", "training_mean"]
    mean = part.groupby(keys, sort=False, as_index=False)["predicted"].mean()
    return mean.assign(model=name, init=0)[predictions.columns]


def sensitivity_models(network: GPDSRegressor | None = None) -> dict[str, Pipeline]:
    """Networks that differ from the study's in one choice that the report leaves open."""
    network = GPDSRegressor() if network is None else network

    def other(**settings: object) -> GPDSRegressor:
        return clone(network).set_params(**settings)

    return {
        "as chosen": gpds_pipeline(clone(network)),
        "bins over a line's genes": gpds_pipeline(clone(network), scope="line"),
        "bins over all values": gpds_pipeline(clone(network), scope="global"),
        "no bins": gpds_pipeline(clone(network), scope="none"),
        "tied bins dropped": gpds_pipeline(clone(network), ties="drop"),
        "no gene filter": gpds_pipeline(clone(network), gene_filter=False),
        "z-scored target": gpds_pipeline(other(scale_target=True)),
        "learning rate 0.001": gpds_pipeline(other(lr=0.001)),
        "learning rate 0.001, weight decay 0.01": gpds_pipeline(other(lr=0.001, weight_decay=0.01)),
    }


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
    lines = BulkLines.matched(expression, response)
    if lines.response.shape[1] > 1:
        msg = "grid_search takes the response to one drug, a Series"
        raise DataError(msg)
    candidates = grid_candidates(grid)
    folds = [replace(fold, seed=seed) for fold in drug_folds(lines, splits)]
    (network,) = contenders({"network": gpds_pipeline()}, _predict, n_jobs)
    searched = search_grid(
        lines, folds, network, candidates, lambda fold: inner_folds(fold, n_inner, seed), _minus_mse
    )
    every = [replace(fold, settings=candidate) for fold in folds for candidate in candidates]
    test = np.array([-_minus_mse(lines, fold, p) for _, fold, p in predictions(lines, every, [network])])
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


def _minus_mse(lines: BulkLines, fold: Fold, predicted: np.ndarray) -> float:
    """Value of a candidate, minus its mean squared error; minus infinity where training diverged."""
    error = ((predicted - lines.of_drug(fold, fold.test)) ** 2).mean()
    return -float(error) if np.isfinite(error) else -np.inf


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
