"""Compare predictors of expression changes: intervals over compounds or lines, ranks over seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy.stats import kendalltau

from helpers.errors import DataError
from helpers.evaluation.multiple_testing import holm
from helpers.evaluation.statistics import Comparison, cluster_bootstrap
from helpers.studies.perturbation.metrics import METRICS, mean_scores


def summarise_changes(
    scores: pd.DataFrame,
    unit: str,
    n_boot: int = 1000,
    seed: int = 0,
    metrics: Sequence[str] = tuple(METRICS),
) -> pd.DataFrame:
    """Mean of each model and metric over rows and seeds, with a bootstrap over the independent unit.

    Parameters
    ----------
    scores : DataFrame
        :func:`helpers.studies.perturbation.protocol.run_protocol`, one part of it.
    unit : {"compound", "cell"}
        What is resampled: rows of one unit, over all folds and seeds, stay together.
    n_boot, seed : int
    metrics : sequence of str

    Returns
    -------
    DataFrame
        ``model``, ``metric``, ``value``, ``low``, ``high`` (95 %, percentile), ``sd_seeds``
        (standard deviation of the means of single seeds), ``n`` (units), ``seeds``.
    """
    boot = _Bootstrap(scores, unit, n_boot, seed)
    by_seed = scores_by_seed(scores)
    spread = by_seed.groupby(["model", "metric"])["value"].std(ddof=1)
    rows = []
    for model in boot.models:
        for metric in metrics:
            value, draws = boot.metric(model, metric)
            low, high = _interval(draws)
            rows.append((model, metric, value, low, high, spread[model, metric], boot.n_units, boot.n_seeds))
    columns = ["model", "metric", "value", "low", "high", "sd_seeds", "n", "seeds"]
    return pd.DataFrame(rows, columns=columns)


def compare_changes(
    scores: pd.DataFrame,
    pairs: Sequence[tuple[str, str]],
    unit: str,
    n_boot: int = 1000,
    seed: int = 0,
    metrics: Sequence[str] = tuple(METRICS),
) -> pd.DataFrame:
    """Paired differences of models in the same rows, with a bootstrap over the independent unit.

    Parameters
    ----------
    scores, unit, n_boot, seed, metrics
        As in :func:`summarise_changes`.
    pairs : sequence of (first, second)
        Names of models; the difference is first minus second.

    Returns
    -------
    DataFrame
        ``first``, ``second``, ``metric``, ``difference``, ``low``, ``high``, ``p`` (two-sided, by the
        share of resamples on either side of zero), ``p_holm`` (over the pairs, within a metric),
        ``n`` (units). For the error metrics a negative difference is in favour of the first.

    Raises
    ------
    DataError
        If a model of a pair is not in the table.
    """
    boot = _Bootstrap(scores, unit, n_boot, seed)
    rows = []
    for first, second in pairs:
        for metric in metrics:
            (a, draws_a), (b, draws_b) = boot.metric(first, metric), boot.metric(second, metric)
            draws = draws_a - draws_b
            low, high = _interval(draws)
            tail = min((draws <= 0).sum(), (draws >= 0).sum())
            p = min(1.0, 2 * (tail + 1) / (len(draws) + 1))
            rows.append((first, second, metric, a - b, low, high, p, boot.n_units))
    table = pd.DataFrame(rows, columns=["first", "second", "metric", "difference", "low", "high", "p", "n"])
    table["p_holm"] = table.groupby("metric")["p"].transform(lambda p: holm(p.to_numpy()))
    return table


def part_difference(
    scores: pd.DataFrame, model: str, cell: str, metric: str, unit: str, n_boot: int = 1000, seed: int = 0
) -> Comparison:
    """Score of a model in one cell minus its score over all rows, bootstrap over the unit.

    Parameters
    ----------
    scores, unit, n_boot, seed
        As in :func:`summarise_changes`.
    model, cell, metric : str
    """
    table = scores[scores["model"] == model].reset_index(drop=True)
    here = (table["cell"] == cell).to_numpy()
    if not here.any():
        msg = f"no row of {model!r} in {cell!r}"
        raise DataError(msg)

    def difference(weights: np.ndarray) -> float:
        return mean_scores(table, weights * here)[metric] - mean_scores(table, weights)[metric]

    return cluster_bootstrap(difference, table[unit].to_numpy(), n_boot, seed, null=0.0)


def scores_by_seed(scores: pd.DataFrame) -> pd.DataFrame:
    """Mean scores of each model and seed over all its rows: ``model``, ``seed``, ``metric``, ``value``."""
    rows = [
        (model, seed, metric, value)
        for (model, seed), part in scores.groupby(["model", "seed"], sort=False)
        for metric, value in mean_scores(part).items()
    ]
    return pd.DataFrame(rows, columns=["model", "seed", "metric", "value"])


def rank_stability(
    by_seed: pd.DataFrame, metric: str, published: Mapping[str, float] | None = None
) -> tuple[pd.DataFrame, dict[str, float]]:
    """How far the ranking of models is the same from seed to seed, and the published one.

    Parameters
    ----------
    by_seed : DataFrame
        :func:`scores_by_seed`, of the models to be ranked.
    metric : str
    published : mapping of model to published value, optional
        Higher is better.

    Returns
    -------
    ranks : DataFrame, models x seeds
        1 is best; ties share their mean rank.
    summary : dict
        ``"between seeds"``: mean Kendall correlation of the rankings of two seeds (NaN with one
        seed). ``"with published"``: mean over seeds of the Kendall correlation with the published
        ranking. ``"spread of seeds"`` and ``"spread of models"``: standard deviation of a model
        over seeds (pooled) and of the models' means.

    Raises
    ------
    DataError
        If the metric is unknown.
    """
    if metric not in METRICS:
        msg = f"unknown metric {metric!r}; one of {', '.join(METRICS)}"
        raise DataError(msg)
    wide = by_seed[by_seed["metric"] == metric].pivot_table(
        index="model", columns="seed", values="value", sort=False
    )
    ranks = wide.rank(ascending=not METRICS[metric][2])
    seeds = list(ranks.columns)
    between = [
        _kendall(ranks[a].to_numpy(), ranks[b].to_numpy())
        for i, a in enumerate(seeds)
        for b in seeds[i + 1 :]
    ]
    summary = {
        "between seeds": float(np.mean(between)) if between else np.nan,
        "spread of seeds": float(np.sqrt(wide.var(axis=1, ddof=1).mean())) if between else np.nan,
        "spread of models": float(wide.mean(axis=1).std(ddof=1)),
    }
    if published is not None:
        reported = -pd.Series(published).loc[ranks.index].rank()
        summary["with published"] = float(
            np.mean([_kendall(ranks[s].to_numpy(), reported.to_numpy()) for s in seeds])
        )
    return ranks, summary


def bootstrap_ranks(
    scores: pd.DataFrame, models: Sequence[str], metric: str, unit: str, n_boot: int = 1000, seed: int = 0
) -> pd.DataFrame:
    """Share of resamples of the independent unit in which each model has each rank, models x ranks."""
    boot = _Bootstrap(scores, unit, n_boot, seed)
    draws = np.column_stack([boot.metric(model, metric)[1] for model in models])
    sign = -1 if METRICS[metric][2] else 1
    ranks = np.argsort(np.argsort(sign * draws, axis=1, kind="stable"), axis=1, kind="stable")
    shares = [[(ranks[:, i] == r).mean() for r in range(len(models))] for i in range(len(models))]
    return pd.DataFrame(shares, index=list(models), columns=range(1, len(models) + 1))


class _Bootstrap:
    """Weighted means of all models under one set of resamples of the units."""

    def __init__(self, scores: pd.DataFrame, unit: str, n_boot: int, seed: int) -> None:
        if unit not in ("compound", "cell"):
            msg = f"unknown unit {unit!r}; one of compound, cell"
            raise DataError(msg)
        names = pd.Index(sorted(scores[unit].unique()))
        self.n_units, self.n_seeds = len(names), int(scores["seed"].nunique())
        if self.n_units < 2:
            msg = f"a bootstrap over {unit}s needs at least two; got {self.n_units}"
            raise DataError(msg)
        self.models = list(scores["model"].unique())
        rng = np.random.default_rng(seed)
        self._weights = rng.multinomial(self.n_units, np.full(self.n_units, 1 / self.n_units), n_boot)
        columns = sorted(
            {column for top, bottom, _ in METRICS.values() for column in (top, bottom) if column}
        )
        sums = scores.assign(rows=1.0).groupby(["model", unit], sort=False)[[*columns, "rows"]].sum()
        self._sums = {model: sums.loc[model].reindex(names, fill_value=0.0) for model in self.models}

    def metric(self, model: str, metric: str) -> tuple[float, np.ndarray]:
        """Return the estimate and its resamples."""
        if model not in self._sums:
            msg = f"no model {model!r} in the table; it has {self.models}"
            raise DataError(msg)
        top, bottom, _ = METRICS[metric]
        above, below = self._sums[model][top].to_numpy(), self._sums[model][bottom or "rows"].to_numpy()
        with np.errstate(invalid="ignore", divide="ignore"):
            return (
                float(np.divide(above.sum(), below.sum())),
                (self._weights @ above) / (self._weights @ below),
            )


def _interval(draws: np.ndarray) -> tuple[float, float]:
    if np.isnan(draws).all():
        return np.nan, np.nan
    low, high = np.nanquantile(draws, [0.025, 0.975])
    return float(low), float(high)


def _kendall(a: np.ndarray, b: np.ndarray) -> float:
    return float(kendalltau(a, b).statistic)
