"""Score predictions of the cells of held-out lines: errors with intervals over lines, and spreads."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from helpers.checks import as_numbers, check_columns, check_numbers, refuse
from helpers.errors import DataError
from helpers.studies.gpds.checks import check_draws
from helpers.studies.gpds.correlations import masked_spearman

#: What :func:`cell_metrics` reports.
CELL_METRICS = ("R2", "MSE/constant", "Spearman", "spread within lines", "spread between lines")
#: What a way of predicting is: drug, model, what is looked at, how it is binned and scaled.
KEYS = ["drug", "model", "source", "bins", "scale"]


def cell_metrics(lines: pd.DataFrame, n_boot: int = 2000, seed: int = 0, level: float = 0.95) -> pd.DataFrame:
    """Errors of the lines' median predictions, with intervals from a bootstrap over lines.

    Parameters
    ----------
    lines : DataFrame
        :attr:`~helpers.studies.gpds.heldout_cells.HeldOutCells.lines`.

    Returns
    -------
    DataFrame
        Keys (drug, model, source, bins, scale), ``metric``, ``value``, ``low``, ``high``, ``n`` lines. R2 is
        against the mean of the measured lines; "MSE/constant" divides the error by that of the training
        mean; "spread within lines" is the median over lines of the cells' SD and "spread between lines"
        the SD of the medians, both over the SD of the measured responses.

    Raises
    ------
    DataError
        If the table or a setting cannot be used.
    """
    _check_lines(lines, n_boot, seed, level)
    if lines.duplicated([*KEYS, "line"]).any():
        refuse("cell_metrics", "a line stands twice in one way of predicting")
    rows = []
    for key, part in lines.groupby(KEYS, sort=False):
        found = _bootstrapped(part, n_boot, seed)
        for metric in CELL_METRICS:
            rows.append((*key, metric, *_interval(found[metric], level), len(part)))
    return pd.DataFrame(rows, columns=[*KEYS, "metric", "value", "low", "high", "n"])


def name_ways(table: pd.DataFrame, ways: Mapping[str, tuple[str, str, str]]) -> pd.DataFrame:
    """Pick ways of looking at a line from :func:`cell_metrics` and name them.

    Parameters
    ----------
    table : DataFrame
    ways : mapping of name to (source, bins, scale)

    Returns
    -------
    DataFrame
        Rows of these ways with the column ``way``; undefined values are left out.

    Raises
    ------
    DataError
        If there is no way, or a column is missing.
    """
    check_columns(table, ("source", "bins", "scale", "value"), "name_ways")
    if not ways:
        refuse("name_ways", "there is no way to name")
    rows = table.dropna(subset="value")
    parts = [
        rows[(rows[["source", "bins", "scale"]] == way).all(axis=1)].assign(way=name)
        for name, way in ways.items()
    ]
    return pd.concat(parts, ignore_index=True)


def cell_differences(
    lines: pd.DataFrame,
    first: Mapping[str, str],
    second: Mapping[str, str],
    n_boot: int = 2000,
    seed: int = 0,
    level: float = 0.95,
) -> pd.DataFrame:
    """Differences of metrics between two ways of predicting the same lines, paired over lines.

    Parameters
    ----------
    lines : DataFrame
        :attr:`~helpers.studies.gpds.heldout_cells.HeldOutCells.lines`.
    first, second : mapping
        Values of key columns that select one row a line and drug, e.g. ``{"model": "network", "source":
        "pseudo-bulk", "bins": "cells-own", "scale": "bulk"}``.

    Returns
    -------
    DataFrame
        ``drug``, ``metric``, ``difference`` (first minus second), ``low``, ``high``, ``n`` lines.

    Raises
    ------
    DataError
        If the selections differ in their lines or hold a line twice, or the table or a setting cannot be
        used.
    """
    _check_lines(lines, n_boot, seed, level)
    for chosen in (first, second):
        check_columns(lines, tuple(chosen), "lines")
    rows = []
    for drug, of_drug in lines.groupby("drug", sort=False):
        parts = [_selected(of_drug, chosen) for chosen in (first, second)]
        if not parts[0].index.equals(parts[1].index):
            msg = f"{drug}: {dict(first)} and {dict(second)} do not have the same lines"
            raise DataError(msg)
        found = [_bootstrapped(part, n_boot, seed) for part in parts]
        for metric in CELL_METRICS:
            difference = found[0][metric] - found[1][metric]
            rows.append((drug, metric, *_interval(difference, level), len(parts[0])))
    return pd.DataFrame(rows, columns=["drug", "metric", "difference", "low", "high", "n"])


def spread_of_cells(cells: pd.DataFrame) -> pd.DataFrame:
    """Split the variance of cell predictions into lines and cells (one-way random effects).

    Parameters
    ----------
    cells : DataFrame
        :attr:`~helpers.studies.gpds.heldout_cells.HeldOutCells.cells`.

    Returns
    -------
    DataFrame
        Keys, ``sd_between`` (lines), ``sd_within`` (cells of a line), ``share_between`` (intraclass
        correlation), ``sd_measured`` (responses of the lines), ``cells``, ``lines``.

    Raises
    ------
    DataError
        If a column is missing, there is no cell, or a prediction is infinite.
    """
    _check_table(cells, ("line", "predicted", "measured"), "cells")
    rows = []
    for key, part in cells.groupby(KEYS, sort=False):
        groups = part.groupby("line")["predicted"]
        size, mean = groups.size().to_numpy(float), groups.mean().to_numpy()
        n, k = size.sum(), len(size)
        within = ((part["predicted"] - groups.transform("mean")) ** 2).sum() / max(n - k, 1)
        around = (size * (mean - part["predicted"].mean()) ** 2).sum() / max(k - 1, 1)
        typical = (n - (size**2).sum() / n) / max(k - 1, 1)
        between = max((around - within) / typical, 0.0) if k > 1 else np.nan
        total = between + within
        measured = part.groupby("line")["measured"].first().std(ddof=1)
        share = between / total if total > 0 else np.nan
        rows.append((*key, np.sqrt(between), np.sqrt(within), share, measured, int(n), k))
    columns = ["sd_between", "sd_within", "share_between", "sd_measured", "cells", "lines"]
    return pd.DataFrame(rows, columns=[*KEYS, *columns])


def _check_lines(lines: pd.DataFrame, n_boot: int, seed: int, level: float) -> None:
    check_draws(n_boot, seed, level)
    _check_table(lines, ("line", "measured", "median", "sd", "training_mean"), "lines")
    as_numbers(lines["measured"], "lines, measured", finite=True)


def _check_table(table: pd.DataFrame, columns: tuple[str, ...], what: str) -> None:
    """Refuse a table without rows or columns; numbers may be NaN, but not infinite."""
    check_columns(table, (*KEYS, *columns), what)
    if table.empty:
        refuse(what, "there is no row")
    check_numbers(table[list(columns[1:])], what, "the table", missing=True)


def _selected(lines: pd.DataFrame, chosen: Mapping[str, str]) -> pd.DataFrame:
    keep = np.ones(len(lines), bool)
    for column, value in chosen.items():
        keep &= (lines[column] == value).to_numpy()
    part = lines[keep].set_index("line").sort_index()
    if part.empty or part.index.has_duplicates:
        msg = f"{dict(chosen)} selects {len(part)} rows, expected one a line; name every key column"
        raise DataError(msg)
    return part


def _bootstrapped(part: pd.DataFrame, n_boot: int, seed: int) -> dict[str, np.ndarray]:
    """Metrics of the lines as they are (first) and of resamples of lines."""
    part = part.sort_values("line") if "line" in part.columns else part
    n = len(part)
    rows = np.vstack([np.arange(n), np.random.default_rng(seed).integers(0, n, (n_boot, n))]).T
    measured, median, sd, constant = (
        part[column].to_numpy(float)[rows] for column in ("measured", "median", "sd", "training_mean")
    )
    mse, variance = ((median - measured) ** 2).mean(axis=0), measured.var(axis=0)
    deviation = np.where(variance > 0, np.sqrt(variance), np.nan)
    return {
        "R2": 1 - mse / deviation**2,
        "MSE/constant": mse / ((constant - measured) ** 2).mean(axis=0),
        "Spearman": masked_spearman(median, measured),
        "spread within lines": np.median(sd, axis=0) / deviation,
        "spread between lines": median.std(axis=0) / deviation,
    }


def _interval(values: np.ndarray, level: float) -> tuple[float, float, float]:
    draws = values[1:][~np.isnan(values[1:])]
    if len(draws) < 2:
        return float(values[0]), np.nan, np.nan
    low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2])
    return float(values[0]), float(low), float(high)
