"""Tables of a pair protocol: models by drug, differences over lines, the paper's table 1."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from helpers.checks import check_columns, check_names
from helpers.errors import DataError
from helpers.evaluation.multiple_testing import holm
from helpers.studies.pertvae.protocol import line_scores, split_scores
from helpers.studies.pertvae.statistics import (
    bootstrap_mean,
    line_test,
    one_sided_mann_whitney,
)


def summarise_lines(scores: pd.DataFrame, n_boot: int = 2000, seed: int = 0) -> pd.DataFrame:
    """Mean over lines of each drug, model and metric, with a bootstrap interval over lines.

    Returns
    -------
    DataFrame
        ``drug``, ``model``, ``metric``, ``value``, ``low``, ``high``, ``n`` (lines), ``seeds`` (repeats).
    """
    check_columns(scores, ("drug", "repeat"), "scores")
    rows = []
    repeats = scores.groupby("drug")["repeat"].nunique()
    for (drug, model, metric), part in line_scores(scores).groupby(["drug", "model", "metric"], sort=False):
        mean = bootstrap_mean(part["value"].to_numpy(), n_boot, seed)
        rows.append((drug, model, metric, mean.difference, mean.low, mean.high, mean.n, repeats[drug]))
    return pd.DataFrame(rows, columns=["drug", "model", "metric", "value", "low", "high", "n", "seeds"])


def compare_over_lines(
    scores: pd.DataFrame,
    first: str,
    others: Sequence[str],
    metric: str = "rho",
    n_boot: int = 2000,
    seed: int = 0,
) -> pd.DataFrame:
    """Compare one model with others, drug by drug, over cell lines.

    Parameters
    ----------
    scores : DataFrame
        :func:`helpers.studies.pertvae.protocol.cross_validate_pairs`.
    first : str
        The model that the others are subtracted from.
    others : sequence of str
    metric : str
    n_boot, seed : int

    Returns
    -------
    DataFrame
        One row a drug and other model: ``drug``, ``model``, ``difference`` (mean over lines), ``low``,
        ``high`` (bootstrap over lines), ``p`` (two-sided signed-rank), ``p_flip`` (sign-flip),
        ``p_holm`` (signed-rank, Holm over the drugs, for each other model), ``wins``, ``n`` lines.

    Raises
    ------
    DataError
        If a model is not in the table.
    """
    gaps = _gaps(scores, first, others, metric)
    tables = [
        _tests(part.droplevel("drug"), n_boot, seed).assign(drug=drug)
        for drug, part in gaps.groupby(level="drug", sort=False)
    ]
    # Model by model, drugs in their order.
    table = pd.concat(tables).sort_values("model", key=lambda m: m.map(list(others).index), kind="stable")
    table["p_holm"] = table.groupby("model", sort=False)["p"].transform(lambda p: holm(p.to_numpy()))
    columns = ["drug", "model", "difference", "low", "high", "p", "p_flip", "p_holm", "wins", "n"]
    return table[columns].reset_index(drop=True)


def compare_all_drugs(
    scores: pd.DataFrame,
    first: str,
    others: Sequence[str],
    metric: str = "rho",
    n_boot: int = 2000,
    seed: int = 0,
) -> pd.DataFrame:
    """Compare over all drugs: every line's differences are averaged over its drugs, then over lines.

    A line that was treated with several drugs counts once.

    Returns
    -------
    DataFrame
        ``model``, ``difference``, ``low``, ``high``, ``p``, ``p_flip``, ``wins``, ``n`` lines.
    """
    return _tests(_gaps(scores, first, others, metric).groupby(level="line").mean(), n_boot, seed)


def table_1(scores: pd.DataFrame, prediction: str, reconstruction: str, metric: str = "rho") -> pd.DataFrame:
    """Compute the paper's table 1: means over splits and its one-sided test.

    Returns
    -------
    DataFrame
        Index = drug; ``lines``, ``splits``, ``rho_rec``, ``rho_pred``, ``difference``, ``split_low``,
        ``split_high`` (interval of the test), ``p``.

    Raises
    ------
    DataError
        If a model or the metric is not in the table.
    """
    check_models(scores, prediction, [reconstruction])
    wide = split_scores(scores, metric)
    lines = scores.groupby("drug")["line"].nunique()
    rows = {}
    for drug, part in wide.groupby(level="drug", sort=False):
        test = one_sided_mann_whitney(part[prediction].to_numpy(), part[reconstruction].to_numpy())
        rows[drug] = {
            "lines": lines[drug],
            "splits": len(part),
            "rho_rec": part[reconstruction].mean(),
            "rho_pred": part[prediction].mean(),
            "difference": test.difference,
            "split_low": test.low,
            "split_high": test.high,
            "p": test.p,
        }
    return pd.DataFrame.from_dict(rows, orient="index").astype({"lines": int, "splits": int})


def check_models(scores: pd.DataFrame, first: str, others: Sequence[str]) -> None:
    """Refuse a table of scores without one of the models, or no other model at all."""
    check_columns(scores, ("model",), "scores")
    missing = sorted({first, *check_names(others, "other models")} - set(scores["model"]))
    if missing or not len(others):
        msg = f"no scores of {missing or 'another model'}; there are {sorted(map(str, set(scores['model'])))}"
        raise DataError(msg)
    once = ["drug", "model", "metric", "repeat", "fold", "pair"]
    own = scores[scores["model"].isin([first, *others])]
    if set(once) <= set(own.columns) and own.duplicated(once).any():
        msg = f"scores hold a pair twice, first {own.loc[own.duplicated(once), once].iloc[0].to_dict()}"
        raise DataError(msg)


def _gaps(scores: pd.DataFrame, first: str, others: Sequence[str], metric: str) -> pd.DataFrame:
    """First minus each other model: index (drug, line), one column a model."""
    check_models(scores, first, others)
    lines = line_scores(scores, [metric])
    if lines.empty:
        msg = f"no scores of the metric {metric!r}"
        raise DataError(msg)
    wide = lines.pivot_table(index=["drug", "line"], columns="model", values="value", sort=False)
    return wide[list(others)].rsub(wide[first], axis=0)


def _tests(gaps: pd.DataFrame, n_boot: int, seed: int) -> pd.DataFrame:
    """Test each column over its rows, the lines."""
    rows = []
    for model in gaps:
        test = line_test(gaps[model].to_numpy(), n_boot, seed)
        c = test.comparison
        rows.append((model, c.difference, c.low, c.high, c.p, test.p_flip, test.wins, c.n))
    return pd.DataFrame(rows, columns=["model", "difference", "low", "high", "p", "p_flip", "wins", "n"])
