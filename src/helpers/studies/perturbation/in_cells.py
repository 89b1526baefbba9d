"""Scores of models in single cells: against all rows, against a rival, against the mean of others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from helpers.errors import DataError
from helpers.evaluation.statistics import Comparison, cluster_bootstrap
from helpers.studies.perturbation.comparison import Bootstrap, compare_models, interval, summarise_models
from helpers.studies.perturbation.metrics import mean_scores


def compare_in_cells(
    scores: pd.DataFrame,
    unit: str,
    cells: Sequence[str],
    *,
    reference: str = "GRU3-ATTN",
    rival: str = "cell mean",
    n_boot: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """Sign accuracy of a network in single cells, against all rows and against a rival.

    Parameters
    ----------
    scores, unit, n_boot, seed
        As in :func:`summarise_models`.
    cells : sequence of str
    reference, rival : str
        Models.

    Returns
    -------
    DataFrame
        Three rows a cell: ``who`` (the reference, or reference-rival), ``cell``, ``suffix``
        (``" minus all"`` for the difference from all rows), ``value``, ``low``, ``high``, ``p``, ``n``,
        ``seeds``, ``unit``.
    """
    metric, rows = "sign accuracy", []
    for cell in cells:
        part = scores[scores["cell"] == cell]
        own = summarise_models(part[part["model"] == reference], unit, n_boot, seed, (metric,)).iloc[0]
        all_rows = part_difference(scores, reference, cell, metric, unit, n_boot, seed)
        versus = compare_models(part, [(reference, rival)], unit, n_boot, seed, (metric,)).iloc[0]
        shown = {name: own[name] for name in ("value", "low", "high", "n", "seeds")}
        rows.append({"who": reference, "cell": cell, "suffix": "", **shown})
        for who, suffix, found in (
            (reference, " minus all", all_rows),
            (f"{reference}-{rival}", "", versus),
        ):
            shown = {name: getattr(found, name) for name in ("low", "high", "p", "n")}
            row = {"who": who, "cell": cell, "suffix": suffix, "value": found.difference, **shown}
            rows.append({**row, "unit": "difference"})
    return pd.DataFrame(rows)


def errors_in_cells(
    scores: pd.DataFrame,
    unit: str,
    model: str,
    others: Mapping[str, Sequence[str]],
    *,
    metric: str = "MAE",
    n_boot: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """Compare a model's score in every cell with the mean score of some others there.

    Parameters
    ----------
    scores, unit, n_boot, seed
        As in :func:`summarise_models`.
    model : str
    others : mapping of a name to models
    metric : str

    Returns
    -------
    DataFrame
        ``first`` (the model), ``second`` (the name), ``cell``, ``metric``, ``difference``, ``low``, ``high``,
        ``n``.
    """
    rows = []
    for cell, part in scores.groupby("cell"):
        boot = Bootstrap(part, unit, n_boot, seed)
        value, draws = boot.metric(model, metric)
        for name, models in others.items():
            rivals = [boot.metric(rival, metric) for rival in models]
            difference = value - float(np.mean([v for v, _ in rivals]))
            low, high = interval(draws - np.mean([d for _, d in rivals], axis=0))
            limits = {"low": min(low, difference), "high": max(high, difference), "n": boot.n_units}
            row = {"first": model, "second": name, "cell": cell, "metric": metric}
            rows.append({**row, "difference": difference, **limits})
    return pd.DataFrame(rows)


def part_difference(
    scores: pd.DataFrame, model: str, cell: str, metric: str, unit: str, n_boot: int = 1000, seed: int = 0
) -> Comparison:
    """Score of a model in one cell minus its score over all rows, bootstrap over the unit.

    Parameters
    ----------
    scores, unit, n_boot, seed
        As in :func:`summarise_models`.
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
