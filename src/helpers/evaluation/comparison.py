"""Tables that compare models over folds or groups: as published, and soundly."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from helpers.bounds import within_bounds
from helpers.errors import DataError
from helpers.evaluation.multiple_testing import benjamini_hochberg, bonferroni
from helpers.evaluation.published_tests import welch_t, wilcoxon_published
from helpers.evaluation.statistics import (
    Comparison,
    as_floats,
    corrected_resampled_t,
    median_interval,
    wilcoxon_exact,
)


def summarise_folds(metrics: pd.DataFrame, test_ratio: float) -> pd.DataFrame:
    """Mean of each model and metric over folds and seeds.

    Parameters
    ----------
    metrics : DataFrame
        ``seed``, ``fold``, ``model``, ``metric``, ``value`` (:meth:`OutOfFold.metrics`).
    test_ratio : float
        Test pairs over training pairs of a fold, 0.25 for five folds.

    Returns
    -------
    DataFrame
        Columns ``model``, ``metric``, ``value`` (mean), ``sd`` (over all folds), ``low``, ``high``
        (95 %, Nadeau-Bengio variance, since training sets overlap), ``n`` folds in all, ``seeds``.
    """
    _check_scores(metrics)
    rows = []
    for (model, metric), part in metrics.groupby(["model", "metric"], sort=False):
        values = part["value"].dropna().to_numpy()
        interval = corrected_resampled_t(values, test_ratio)
        spread = values.std(ddof=1) if len(values) > 1 else np.nan
        low, high = within_bounds(metric, interval.low, interval.high)
        rows.append((model, metric, interval.difference, spread, low, high, len(values)))
    table = pd.DataFrame(rows, columns=["model", "metric", "value", "sd", "low", "high", "n"])
    return table.assign(seeds=metrics["seed"].nunique())


def compare_folds(metrics: pd.DataFrame, reference: str, test_ratio: float) -> pd.DataFrame:
    """Compare the reference with every other model in the same folds.

    Parameters
    ----------
    metrics, test_ratio
        As in :func:`summarise_folds`.
    reference : str
        Model whose metric comes first in each difference.

    Returns
    -------
    DataFrame
        One row a model and metric: ``difference``, ``low``, ``high``, ``p`` and ``n`` (corrected resampled
        t over all seeds and folds); ``welch_difference``, ``welch_low``, ``welch_high``, ``p_welch`` and
        ``n_welch`` (the paper's Welch test on the folds of seed 0; n folds a model).
    """
    wide = _wide(metrics, reference)
    rows = []
    for model, metric in _others(wide, reference):
        first, second = wide[reference, metric], wide[model, metric]
        sound = corrected_resampled_t((first - second).to_numpy(), test_ratio)
        welch = welch_t(first.loc[0].to_numpy(), second.loc[0].to_numpy())
        limits = {"welch_low": welch.low, "welch_high": welch.high, "n_welch": len(first.loc[0].dropna())}
        published = {"welch_difference": welch.difference, "p_welch": welch.p} | limits
        rows.append(_row(model, metric, sound) | published | {"n": sound.n})
    return pd.DataFrame(rows)


def published_family(
    comparisons: pd.DataFrame, models: Sequence[str], metrics: Sequence[str], p: str = "p_welch"
) -> pd.DataFrame:
    """Adjust the paper's p-values by Benjamini-Hochberg over its family of models and metrics.

    Returns the rows of the family with a new column ``p_adjusted``.
    """
    family = comparisons[comparisons["model"].isin(models) & comparisons["metric"].isin(metrics)]
    return family.assign(p_adjusted=benjamini_hochberg(family[p].to_numpy()))


def summarise_groups(metrics: pd.DataFrame) -> pd.DataFrame:
    """Median of each model and metric over left-out groups; seeds are averaged within a group.

    Returns
    -------
    DataFrame
        Columns ``model``, ``metric``, ``value`` (median; groups weigh the same, whatever their size),
        ``q25``, ``q75``, ``low``, ``high`` (95 % interval of the median by order statistics, NaN below six
        groups), ``mean`` (groups weigh the same), ``n`` groups, ``seeds``.
    """
    rows = []
    for (model, metric), part in _by_group(metrics).groupby(["model", "metric"], sort=False):
        values = part["value"].dropna().to_numpy()
        if len(values) == 0:
            rows.append((model, metric, *[np.nan] * 6, 0))
            continue
        q25, q75 = np.quantile(values, [0.25, 0.75])
        median = median_interval(values)
        limits = (median.low, median.high)
        rows.append((model, metric, median.difference, q25, q75, *limits, values.mean(), len(values)))
    columns = ["model", "metric", "value", "q25", "q75", "low", "high", "mean", "n"]
    return pd.DataFrame(rows, columns=columns).assign(seeds=metrics["seed"].nunique())


def compare_groups(metrics: pd.DataFrame, reference: str) -> pd.DataFrame:
    """Compare the reference with every other model over the same left-out groups.

    Returns
    -------
    DataFrame
        One row a model and metric: ``difference`` (Hodges-Lehmann), ``low``, ``high``, ``p``
        (exact up to 25 groups), ``median_difference``, ``median_low``, ``median_high`` (order statistics)
        and ``p_published`` (normal approximation without continuity correction, unadjusted), ``wins``,
        ``ties``, ``losses``, ``n`` groups.
    """
    wide = _wide(_by_group(metrics), reference)
    rows = []
    for model, metric in _others(wide, reference):
        first, second = wide[reference, metric].to_numpy(), wide[model, metric].to_numpy()
        sound, published = wilcoxon_exact(first, second), wilcoxon_published(first, second)
        d = first - second
        d = d[~np.isnan(d)]
        centre = median_interval(d)
        rows.append(
            _row(model, metric, sound)
            | {"median_difference": published.difference, "p_published": published.p}
            | {"median_low": centre.low, "median_high": centre.high}
            | {"wins": int((d > 0).sum()), "ties": int((d == 0).sum()), "losses": int((d < 0).sum())}
            | {"n": sound.n}
        )
    return pd.DataFrame(rows)


def bonferroni_family(
    comparisons: pd.DataFrame, models: Sequence[str], metrics: Sequence[str]
) -> pd.DataFrame:
    """Adjust the paper's Wilcoxon p-values by Bonferroni over its family; new column ``p_adjusted``."""
    family = comparisons[comparisons["model"].isin(models) & comparisons["metric"].isin(metrics)]
    p = family["p_published"]
    # A planned test counts, whether or not it could be computed.
    adjusted = pd.Series(bonferroni(p.fillna(1.0)), p.index).where(p.notna())
    return family.assign(p_adjusted=adjusted)


def _row(model: str, metric: str, sound: Comparison) -> dict[str, object]:
    names = ("difference", "low", "high", "p")
    return {"model": model, "metric": metric} | {name: getattr(sound, name) for name in names}


def _check_scores(metrics: pd.DataFrame) -> None:
    columns = ("seed", "fold", "model", "metric", "value")
    if not isinstance(metrics, pd.DataFrame) or not set(columns) <= set(metrics.columns):
        msg = f"scores must be a table with the columns {', '.join(columns)}"
        raise DataError(msg)
    as_floats(metrics["value"].to_numpy())
    once = list(columns[:-1])
    if metrics.duplicated(once).any():
        first = metrics.loc[metrics.duplicated(once), once].iloc[0].to_dict()
        msg = f"scores must hold each seed, fold, model and metric once; twice there: {first}"
        raise DataError(msg)


def _by_group(metrics: pd.DataFrame) -> pd.DataFrame:
    _check_scores(metrics)
    mean = metrics.groupby(["fold", "model", "metric"], sort=False)["value"].mean().reset_index()
    return mean.assign(seed=0)


def _wide(metrics: pd.DataFrame, reference: str) -> pd.DataFrame:
    _check_scores(metrics)
    if reference not in set(metrics["model"]):
        msg = f"the reference {reference!r} is not among the models {sorted(set(metrics['model']))}"
        raise DataError(msg)
    return metrics.pivot_table(
        index=["seed", "fold"], columns=["model", "metric"], values="value", dropna=False, sort=False
    )


def _others(wide: pd.DataFrame, reference: str) -> list[tuple[str, str]]:
    return [(model, metric) for model, metric in wide.columns if model != reference]
