"""Compare models of expression changes: intervals over compounds or cells, differences, ranks over seeds.

All functions return tidy tables; where a table is recorded, its columns are the parts of the ids.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd

from helpers.bounds import check_number
from helpers.checks import check_names, check_records, refuse
from helpers.errors import DataError
from helpers.evaluation.protocol import Model
from helpers.evaluation.statistics import Comparison, check_level
from helpers.evaluation.strongest import against_strongest
from helpers.studies.perturbation.metrics import METRICS, SCORES, check_scores, means_of

#: Metrics that are recorded of every model, and further ones of the networks.
RECORDED = ("sign accuracy", "MAE", "MRRMSE", "three-class accuracy")
OF_NETWORKS = ("MAE right", "MAE wrong", "Pearson", "sign accuracy, significant")
#: Metrics in which networks are compared with one another, and with simple predictors.
BETWEEN_NETWORKS = ("sign accuracy", "MAE", "MAE right", "MAE wrong")
AGAINST_SIMPLE = ("sign accuracy", "MAE", "MRRMSE")
#: The networks from the best to the last of the paper's table IV.
PUBLISHED_ORDER = ("GRU3-ATTN", "GRU3", "GRU", "Transformer", "Autoencoder", "LSTM")
BEST_NETWORK, BEST_SIMPLE = "best network", "best simple"
#: Simple predictors that the best networks are compared with one by one.
YARDSTICKS = ("zero", "gene sign", "cell mean", "additive")


@dataclass(frozen=True)
class Contest:
    """Names of the models that are compared.

    Attributes
    ----------
    networks, controls, simple : tuple of str
        The networks that the paper ranks, further networks, and the simple predictors.
    reference : str
        The paper's best network. It is compared with the other networks, the controls,
        :data:`YARDSTICKS` and the best simple predictor.
    """

    networks: tuple[str, ...]
    controls: tuple[str, ...]
    simple: tuple[str, ...]
    reference: str = "GRU3-ATTN"

    @classmethod
    def of(cls, networks: Sequence[Model], controls: Sequence[Model], simple: Sequence[Model]) -> Contest:
        """Take the names of models."""
        names = [tuple(model.name for model in models) for models in (networks, controls, simple)]
        return cls(names[0], names[1], names[2])

    def recorded(self, summary: pd.DataFrame) -> pd.DataFrame:
        """Return the rows of a summary that are recorded: more metrics of networks than of others."""
        of_networks = summary["model"].isin([*self.networks, *self.controls])
        wanted = summary["metric"].isin(RECORDED) | (of_networks & summary["metric"].isin(OF_NETWORKS))
        return summary[wanted]


def by_protocol(
    scores: pd.DataFrame, measure: Callable[..., pd.DataFrame], units: Mapping[str, str] | None = None
) -> pd.DataFrame:
    """Measure every data set and protocol on its own and put the tables below each other.

    Parameters
    ----------
    scores : DataFrame
        :func:`helpers.studies.perturbation.protocol.run_protocol`, some of its rows, with the column
        ``data`` (data set).
    measure : callable
        ``measure(scores)`` gives a table; with ``units`` it is ``measure(scores, unit)``.
    units : mapping of data set to {"compound", "cell"}, optional
        What a bootstrap resamples.

    Returns
    -------
    DataFrame
        With the columns ``data`` and ``protocol``.

    Raises
    ------
    DataError
        If there is nothing to measure, or a data set has no unit.
    """
    check_records(scores, ("data", "protocol"), (), "scores")
    if units is not None and set(scores["data"]) - set(units):
        refuse("units", f"no unit for {sorted(set(scores['data']) - set(units))}", "say what is resampled")
    tables = [
        measure(part, *([] if units is None else [units[data]])).assign(data=data, protocol=protocol)
        for (data, protocol), part in scores.groupby(["data", "protocol"], sort=False)
    ]
    return pd.concat(tables, ignore_index=True)


def summarise_models(
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
    boot = Bootstrap(scores, unit, n_boot, seed)
    metrics = check_names(metrics, "metrics")
    by_seed = scores_by_seed(scores)
    spread = by_seed.groupby(["model", "metric"])["value"].std(ddof=1)
    rows = []
    for model in boot.models:
        for metric in metrics:
            value, draws = boot.metric(model, metric)
            low, high = interval(draws)
            low, high = min(low, value), max(high, value)
            rows.append((model, metric, value, low, high, spread[model, metric], boot.n_units, boot.n_seeds))
    columns = ["model", "metric", "value", "low", "high", "sd_seeds", "n", "seeds"]
    return pd.DataFrame(rows, columns=columns)


def compare_models(
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
        As in :func:`summarise_models`.
    pairs : sequence of (first, second)
        Names of models; the difference is first minus second.

    Returns
    -------
    DataFrame
        ``first``, ``second``, ``metric``, ``difference``, ``low``, ``high``, ``p`` (two-sided, by the share
        of resamples on either side of zero), ``n`` (units). For the error metrics a negative difference is
        in favour of the first.

    Raises
    ------
    DataError
        If a model is not in the table.
    """
    boot = Bootstrap(scores, unit, n_boot, seed)
    return pd.DataFrame([_row(boot, *pair, metric) for pair in pairs for metric in metrics])


def leaderboard(
    summary: pd.DataFrame, by: Sequence[str], metrics: Sequence[str], top: int | None = None
) -> pd.DataFrame:
    """Put the models of each group in the order of their sign accuracy, groups and models x metrics.

    Parameters
    ----------
    summary : DataFrame
        :func:`summarise_models`, with the columns ``by``.
    by, metrics : sequence of str
    top : int, optional
        Models shown of each group. Default: all.

    Raises
    ------
    DataError
        If a column or a metric is missing.
    """
    check_records(summary, (*by, "model", "metric"), (), "summary")
    if top is not None:
        check_number("top", top, 1, whole=True)
    missing = {*metrics, "sign accuracy"} - set(summary["metric"])
    if missing or not len(by):
        refuse("summary", f"no metric {sorted(missing)}" if missing else "by names no column")
    wide = summary.pivot_table(index=[*by, "model"], columns="metric", values="value", sort=False)
    ordered = wide[list(metrics)].sort_values("sign accuracy", ascending=False, kind="stable")
    groups = ordered.groupby(level=list(range(len(by))) if len(by) > 1 else 0, sort=True)
    return pd.concat([part.head(top) if top else part for _, part in groups])


def compare_contest(
    scores: pd.DataFrame, unit: str, contest: Contest, *, n_boot: int = 1000, seed: int = 0
) -> pd.DataFrame:
    """Compare the networks with one another, and the best one with simple predictors.

    Parameters
    ----------
    scores, unit, n_boot, seed
        As in :func:`summarise_models`.
    contest : Contest

    Returns
    -------
    DataFrame
        As :func:`compare_models`: the reference with the controls and every network with those that come
        after it in :data:`PUBLISHED_ORDER`, in :data:`BETWEEN_NETWORKS`; the reference and the best
        network with :data:`YARDSTICKS` and the best simple predictor, in :data:`AGAINST_SIMPLE`. ``first``
        and ``second`` are names, or ``"best network"`` and ``"best simple"``: chosen by the mean, named in
        ``note``, with limits corrected for the choice (:func:`best_against_best`).
    """
    boot = Bootstrap(scores, unit, n_boot, seed)
    reference = contest.reference
    ordered = [name for name in PUBLISHED_ORDER if name in contest.networks]
    pairs = [
        *itertools.combinations(ordered, 2),
        *((reference, name) for name in contest.controls if name in boot.models),
    ]
    rows = [_row(boot, *pair, metric) for pair in pairs for metric in BETWEEN_NETWORKS]
    simple = [name for name in contest.simple if name in boot.models]
    seconds = {name: [name] for name in YARDSTICKS if name in simple} | {BEST_SIMPLE: simple}
    for (first, firsts), (second, rivals), metric in itertools.product(
        ((reference, [reference]), (BEST_NETWORK, contest.networks)), seconds.items(), AGAINST_SIMPLE
    ):
        row = best_against_best(boot, firsts, rivals, metric)
        rows.append(row | {"first": first, "second": second, "metric": metric})
    return pd.DataFrame(rows)


def best_against_best(
    boot: Bootstrap, firsts: Sequence[str], rivals: Sequence[str], metric: str
) -> dict[str, object]:
    """Compare the best of some models with the strongest of others, with limits for both choices.

    To have one of k models better than all rivals is a union of k statements, so the limit on the claim's
    side is the best of k limits at level ``1 - 0.05 / k``, each against all rivals
    (:func:`helpers.evaluation.strongest.against_strongest`); to exclude it, all k must be excluded, so the
    other limit is the best of k plain ones.

    Returns
    -------
    dict
        ``difference`` (of the two that are best by their mean), ``low``, ``high``, ``p``, ``n``, ``note``.

    Raises
    ------
    DataError
        If one of the models, or every rival, is not in the table.
    """
    missing = sorted(set(firsts) - set(boot.models))
    if missing or not firsts or not set(rivals) & set(boot.models):
        refuse("scores", f"no model {missing or firsts or rivals} to compare; they have {boot.models}")
    boot.check_metric(metric)
    lower_is_better = not METRICS[metric][2]
    names = {*firsts, *rivals} & set(boot.models)
    means = {name: boot.metric(name, metric)[0] for name in names}

    def compare(first: str, rival: str, level: float) -> Comparison:
        plain = boot.compare(first, rival, metric, level)
        strict = boot.compare(first, rival, metric, 1 - (1 - level) / len(firsts))
        limits = (plain.low, strict.high) if lower_is_better else (strict.low, plain.high)
        return Comparison(plain.difference, *limits, plain.p, plain.n, plain.method)

    found = {
        first: against_strongest(means, partial(compare, first), rivals, lower_is_better=lower_is_better)
        for first in firsts
    }
    best = (min if lower_is_better else max)(firsts, key=lambda name: means[name])
    pick = min if lower_is_better else max
    low, high = (pick(getattr(c, side) for _, c in found.values()) for side in ("low", "high"))
    rival, chosen = found[best]
    parts = [("best network", best, firsts), ("best simple", rival, rivals)]
    note = "; ".join(f"{what}: {name}" for what, name, several in parts if len(several) > 1)
    limits = {"low": min(low, chosen.difference), "high": max(high, chosen.difference)}
    row = {"difference": chosen.difference, **limits, "p": chosen.p, "n": chosen.n}
    return row | {"note": note or None}


def scores_by_seed(scores: pd.DataFrame) -> pd.DataFrame:
    """Mean scores of each model and seed over all its rows: ``model``, ``seed``, ``metric``, ``value``."""
    check_scores(scores, ("model", "seed"))
    rows = [
        (model, seed, metric, value)
        for (model, seed), part in scores.groupby(["model", "seed"], sort=False)
        for metric, value in means_of(part).items()
    ]
    return pd.DataFrame(rows, columns=["model", "seed", "metric", "value"])


class Bootstrap:
    """Weighted means of all models under one set of resamples of the units."""

    def __init__(self, scores: pd.DataFrame, unit: str, n_boot: int, seed: int) -> None:
        if unit not in ("compound", "cell"):
            msg = f"unknown unit {unit!r}; one of compound, cell"
            raise DataError(msg)
        check_scores(scores, ("model", "seed", unit))
        check_number("n_boot", n_boot, 1, whole=True)
        check_number("seed", seed, 0, whole=True)
        names = pd.Index(sorted(scores[unit].unique()))
        self.n_units, self.n_seeds = len(names), int(scores["seed"].nunique())
        if self.n_units < 2:
            msg = f"a bootstrap over {unit}s needs at least two; got {self.n_units}"
            raise DataError(msg)
        self.models = list(scores["model"].unique())
        rng = np.random.default_rng(seed)
        self._weights = rng.multinomial(self.n_units, np.full(self.n_units, 1 / self.n_units), n_boot)
        sums = scores.assign(rows=1.0).groupby(["model", unit], sort=False)[[*SCORES, "rows"]].sum()
        self._sums = {model: sums.loc[model].reindex(names, fill_value=0.0) for model in self.models}
        self._found: dict[tuple[str, str], tuple[float, np.ndarray]] = {}

    @staticmethod
    def check_metric(metric: str) -> None:
        """Refuse an unknown metric."""
        if metric not in tuple(METRICS):
            refuse("scores", f"unknown metric {metric!r}; one of {', '.join(METRICS)}")

    def metric(self, model: str, metric: str) -> tuple[float, np.ndarray]:
        """Return the estimate and its resamples."""
        self.check_metric(metric)
        if model not in self._sums:
            msg = f"no model {model!r} in the table; it has {self.models}"
            raise DataError(msg)
        if (model, metric) not in self._found:
            top, bottom, _ = METRICS[metric]
            above, below = self._sums[model][top].to_numpy(), self._sums[model][bottom or "rows"].to_numpy()
            with np.errstate(invalid="ignore", divide="ignore"):
                estimate = float(np.divide(above.sum(), below.sum()))
                self._found[model, metric] = estimate, (self._weights @ above) / (self._weights @ below)
        return self._found[model, metric]

    def compare(self, first: str, second: str, metric: str, level: float = 0.95) -> Comparison:
        """Compare two models; ``p`` is two-sided, by the share of resamples on either side of zero."""
        (a, draws_a), (b, draws_b) = self.metric(first, metric), self.metric(second, metric)
        if not self._sums[first]["rows"].equals(self._sums[second]["rows"]):
            refuse(
                "scores",
                f"{first} and {second} were scored in different rows",
                "score both in the same folds",
            )
        return self.difference(a - b, draws_a - draws_b, level)

    def difference(self, estimate: float, draws: np.ndarray, level: float = 0.95) -> Comparison:
        """Make a comparison of a difference and its resamples."""
        low, high = interval(draws, level)
        tail = min((draws <= 0).sum(), (draws >= 0).sum())
        p = min(1.0, 2 * (tail + 1) / (len(draws) + 1))
        low, high = min(low, estimate), max(high, estimate)
        return Comparison(estimate, low, high, p, self.n_units, "bootstrap over units, percentile")


def _row(boot: Bootstrap, first: str, second: str, metric: str) -> dict[str, object]:
    """Return a row of :func:`compare_models`."""
    found = boot.compare(first, second, metric)
    shown = {name: getattr(found, name) for name in ("difference", "low", "high", "p", "n")}
    return {"first": first, "second": second, "metric": metric, **shown}


def interval(draws: np.ndarray, level: float = 0.95) -> tuple[float, float]:
    """Percentile limits of resamples; NaN where all are."""
    check_level(level)
    defined = draws[~np.isnan(draws)]
    if not len(defined):
        return np.nan, np.nan
    low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
