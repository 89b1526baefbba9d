"""Prediction of bulk response: the report's split, many such splits, cross-validation.

Every model runs in the same splits; the fits of all networks in all splits, drugs and seeds are one batch.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy import stats
from sklearn.base import BaseEstimator

from helpers.checks import as_numbers, check_columns, check_same_rows, refuse
from helpers.evaluation.protocol import Fold
from helpers.studies.gpds.folds import BulkLines, Splitter, drug_folds, run_models, study_splits

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
    found = run_models(
        lines, folds, models, predict_test, held_out_rows, n_inits=n_inits, seed=seed, n_jobs=n_jobs
    )
    # For all that follows a seed is that of the split, its repeat.
    return found.drop(columns="seed").rename(columns={"repeat": "seed"})


def predict_test(lines: BulkLines, fold: Fold, fit: BaseEstimator) -> np.ndarray:
    """Prediction of a fitted model for the test lines of a fold."""
    return np.asarray(fit.predict(lines.expression.iloc[fold.test]), float)


def held_out_rows(lines: BulkLines, fold: Fold, predicted: np.ndarray) -> pd.DataFrame:
    """One row a test line of a fold; see :func:`bulk_predictions`."""
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

    Raises
    ------
    DataError
        If a column is missing, there is no row, a line stands twice, or a measured value is not finite.
    """
    _check_predictions(predictions)
    rows = []
    for key, part in predictions.groupby([*_KEYS, "init"], sort=False):
        values = line_metrics(part["measured"].to_numpy(), part["predicted"].to_numpy())
        rows += [(*key, metric, value, len(part)) for metric, value in values.items()]
    table = pd.DataFrame(rows, columns=[*_KEYS, "init", "metric", "value", "n"])
    return table.groupby([*_KEYS, "metric", "n"], sort=False, as_index=False)["value"].mean()


def line_metrics(measured: np.ndarray, predicted: np.ndarray) -> dict[str, float]:
    """Metrics of one set of lines; see :func:`bulk_metrics`."""
    check_same_rows(measured, predicted, "measured and predicted")
    measured = as_numbers(measured, "measured", finite=True)
    predicted = as_numbers(predicted, "predicted")
    if measured.ndim != 1 or not len(measured) or predicted.shape != measured.shape:
        refuse("line_metrics", f"needs two columns of one length; got {measured.shape}, {predicted.shape}")
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


def _check_predictions(predictions: pd.DataFrame) -> None:
    keys = [*_KEYS, "init", "line"]
    check_columns(predictions, (*keys, "measured", "predicted", "training_mean"), "predictions")
    if predictions.empty or predictions.duplicated(keys).any():
        refuse("predictions", "are empty, or a line stands twice in a fold of a model")
    as_numbers(predictions["measured"], "predictions, measured", finite=True)
    as_numbers(predictions["predicted"], "predictions, predicted")


def ensemble(predictions: pd.DataFrame, model: str, name: str) -> pd.DataFrame:
    """Average the networks of a split: rows of a model ``name`` to append to ``predictions``."""
    _check_predictions(predictions)
    part = predictions[predictions["model"] == model]
    if part.empty:
        refuse("ensemble", f"no predictions of the model {model!r}")
    keys = ["drug", "seed", "fold", "line", "measured", "training_mean"]
    mean = part.groupby(keys, sort=False, as_index=False)["predicted"].mean()
    return mean.assign(model=name, init=0)[predictions.columns]


def minus_mse(lines: BulkLines, fold: Fold, predicted: np.ndarray) -> float:
    """Value of a candidate, minus its mean squared error; minus infinity where training diverged."""
    error = ((predicted - lines.of_drug(fold, fold.test)) ** 2).mean()
    return -float(error) if np.isfinite(error) else -np.inf
