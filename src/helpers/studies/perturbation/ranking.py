"""How far a ranking of models is the same from seed to seed, in resamples, and as published."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy.stats import kendalltau

from helpers.checks import as_numbers, check_names, check_unique, refuse
from helpers.errors import DataError
from helpers.studies.perturbation.comparison import Bootstrap, scores_by_seed
from helpers.studies.perturbation.metrics import METRICS, check_scores

#: What :func:`rank_agreement` says.
FACTS = (
    "rank agreement between seeds",
    "rank agreement with the paper",
    "spread of seeds",
    "spread of models",
)


def ranks_by_seed(scores: pd.DataFrame, metric: str = "sign accuracy") -> pd.DataFrame:
    """Rank models in each seed.

    Parameters
    ----------
    scores : DataFrame
        :func:`helpers.studies.perturbation.protocol.run_protocol`, rows of the models to be ranked.
    metric : str

    Returns
    -------
    DataFrame, models x seeds
        1 is best; ties share their mean rank.

    Raises
    ------
    DataError
        If the metric is unknown.
    """
    return _wide(scores, metric).rank(ascending=not METRICS[metric][2])


def rank_agreement(
    scores: pd.DataFrame, published: Mapping[str, float], metric: str = "sign accuracy"
) -> pd.DataFrame:
    """Compare the rankings of the seeds with one another and with the published one.

    Parameters
    ----------
    scores : DataFrame
        :func:`helpers.studies.perturbation.protocol.run_protocol`, some of its rows.
    published : mapping of model to published value
        The models that are ranked; higher is better.
    metric : str

    Returns
    -------
    DataFrame
        ``what``, ``value``, ``n`` (models), ``seeds``. Rank agreement is Kendall's correlation: between
        seeds the mean over pairs of seeds (NaN with one seed), with the paper the mean over seeds. The
        spreads are standard deviations: of a model over seeds (pooled), and of the models' means.

    Raises
    ------
    DataError
        If the metric is unknown, fewer than two models are ranked, or one of them has no score or no number.
    """
    if not isinstance(published, Mapping) or len(published) < 2:
        refuse("published", "a ranking needs the values of two models at least, by name")
    as_numbers(list(published.values()), "published", finite=True)
    check_scores(scores, ("model", "seed"), published)
    scores = scores[scores["model"].isin(published)]
    wide, ranks = _wide(scores, metric), ranks_by_seed(scores, metric)
    of_seeds = [ranks[seed].to_numpy() for seed in ranks]
    reported = -pd.Series(published).loc[ranks.index].rank().to_numpy()
    between = [_kendall(a, b) for i, a in enumerate(of_seeds) for b in of_seeds[i + 1 :]]
    found = [
        np.mean(between) if between else np.nan,
        np.mean([_kendall(rank, reported) for rank in of_seeds]),
        np.sqrt(wide.var(axis=1, ddof=1).mean()) if between else np.nan,
        wide.mean(axis=1).std(ddof=1),
    ]
    table = pd.DataFrame({"what": FACTS, "value": found})
    return table.assign(n=len(published), seeds=len(of_seeds))


def bootstrap_ranks(
    scores: pd.DataFrame, models: Sequence[str], metric: str, unit: str, n_boot: int = 1000, seed: int = 0
) -> pd.DataFrame:
    """Share of resamples of the independent unit in which each model has each rank, models x ranks."""
    boot = Bootstrap(scores, unit, n_boot, seed)
    models = check_names(models, "models")
    check_unique(pd.Index(models), "models", "a model is ranked twice")
    check_scores(scores, (), models)
    if not models:
        refuse("models", "there are none to rank")
    draws = np.column_stack([boot.metric(model, metric)[1] for model in models])
    sign = -1 if METRICS[metric][2] else 1
    ranks = np.argsort(np.argsort(sign * draws, axis=1, kind="stable"), axis=1, kind="stable")
    shares = [[(ranks[:, i] == r).mean() for r in range(len(models))] for i in range(len(models))]
    return pd.DataFrame(shares, index=list(models), columns=range(1, len(models) + 1))


def _wide(scores: pd.DataFrame, metric: str) -> pd.DataFrame:
    if metric not in METRICS:
        msg = f"unknown metric {metric!r}; one of {', '.join(METRICS)}"
        raise DataError(msg)
    table = scores_by_seed(scores).query("metric == @metric")
    return table.pivot_table(index="model", columns="seed", values="value", sort=False)


def _kendall(a: np.ndarray, b: np.ndarray) -> float:
    return float(kendalltau(a, b).statistic)
