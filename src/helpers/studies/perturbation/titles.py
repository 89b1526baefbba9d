"""Titles of figures that say what was found, computed from the table that is drawn."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from helpers.studies.perturbation.comparison import BEST_NETWORK, BEST_SIMPLE
from helpers.studies.perturbation.metrics import METRICS


def spread(summary: pd.DataFrame, networks: Sequence[str], data: str) -> str:
    """Say how far apart the networks' sign accuracies are, beside their intervals."""
    own = _signs(summary[summary["data"] == data]).loc[list(networks)]
    width = (own["high"] - own["low"]).mean()
    between = own["value"].max() - own["value"].min()
    return f"{data}: six networks within {_points(between)},\nintervals {_points(width)} wide"


def lowest_errors(summary: pd.DataFrame) -> str:
    """Name the models with the lowest errors on right and on wrong signs."""
    wide = summary.pivot_table(index="model", columns="metric", values="value")
    right, wrong = wide["MAE right"].idxmin(), wide["MAE wrong"].idxmin()
    return f"lowest error on\nright signs: {right}, on wrong: {wrong}"


def error_and_size(errors: pd.DataFrame, model: str = "GRU3-ATTN") -> str:
    """Say how far errors by compound follow the size of its changes."""
    correlation = errors[model].corr(errors["mean |change|"], "spearman")
    return f"error and size\nof changes correlate at {correlation:.2f} (Spearman)"


def range_in_cells(ranges: pd.DataFrame) -> str:
    """Say how far the errors of rows of one cell differ."""
    return f"within a cell,\nerrors of rows differ {(ranges['high'] / ranges['low']).median():.0f}-fold"


def wins(versus: pd.DataFrame, metric: str) -> str:
    """Count the data sets in which the best network surely beats the best simple predictor."""
    own = versus[versus["metric"] == metric]
    own = own[own[["first", "second"]].eq([BEST_NETWORK, BEST_SIMPLE]).all(axis=1)]
    better = own["low"] > 0 if METRICS[metric][2] else own["high"] < 0
    found = f"in {better.sum()} of {len(own)} data sets ({metric})"
    return f"The best network surely beats the best simple predictor\n{found}"


def by_protocol(summary: pd.DataFrame, networks: Sequence[str]) -> str:
    """Say what the best network gets on known and on unseen compounds."""
    signs = summary[(summary["metric"] == "sign accuracy") & summary["model"].isin(networks)]
    best = signs.groupby("protocol")["value"].max()
    known, unseen = best["random_rows"], best["unseen_compounds"]
    return f"best network\n{known:.1%} on random rows, {unseen:.1%} on unseen compounds"


def gain(versus: pd.DataFrame, data: str, first: str, second: str) -> str:
    """Say how many more signs one model gets right than another."""
    own = versus[
        versus[["data", "first", "second", "metric"]].eq([data, first, second, "sign accuracy"]).all(axis=1)
    ]
    return f"{data}: {first} minus {second}: {_points(own['difference'].item(), '+')}"


def _signs(summary: pd.DataFrame) -> pd.DataFrame:
    return summary[summary["metric"] == "sign accuracy"].set_index("model")


def _points(share: float, sign: str = "") -> str:
    return f"{100 * share:{sign}.1f} points"
