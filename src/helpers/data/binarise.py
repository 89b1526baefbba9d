"""Rules that call lines resistant or sensitive, drug by drug."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from helpers.checks import check_numbers, check_table
from helpers.errors import DataError

_LINEAR = 0.95  # correlation with the rank above which a waterfall is taken for a straight line
_FEWEST = 3  # measured lines that a drug needs


def binarise(values: pd.DataFrame, rule: str = "waterfall") -> pd.DataFrame:
    """Call lines resistant (1) or sensitive (0) by a threshold for each drug.

    Parameters
    ----------
    values : DataFrame, lines x drugs
        Response where low means sensitive (ln IC50, AUC); NaN where not measured.
    rule : {"waterfall", "median", "third", "thirds"}
        ``"waterfall"``: sort the values; if they rise in a straight line (Pearson correlation with
        the rank above 0.95) cut at the median, else at the point farthest from the line between
        first and last value. The rule of Barretina et al. 2012 without its band of intermediate
        lines. ``"median"``: the lower half is sensitive. ``"third"``: the lowest third is
        sensitive, the others resistant. ``"thirds"``: lowest against highest third, the middle is
        NaN.

    Returns
    -------
    DataFrame
        Same shape; NaN where not measured, not called, or where a drug has fewer than three
        measured lines.

    Raises
    ------
    DataError
        If the rule is unknown, or values are text, infinite or named twice.
    """
    if rule not in RULES:
        msg = f"unknown rule {rule!r}; one of {', '.join(RULES)}"
        raise DataError(msg)
    check_table(values, "response", "lines x drugs")
    check_numbers(values, "response", "lines x drugs", missing=True)
    resistant = np.full(values.shape, np.nan)
    for column, value in enumerate(values.to_numpy(float).T):
        measured = np.flatnonzero(~np.isnan(value))
        if len(measured) >= _FEWEST:
            resistant[measured, column] = RULES[rule](value[measured])
    return pd.DataFrame(resistant, index=values.index, columns=values.columns)


def straight_waterfalls(values: pd.DataFrame) -> pd.Series:
    """Drugs whose waterfall is a straight line, which the waterfall rule therefore cuts at the median.

    Parameters
    ----------
    values : DataFrame, lines x drugs

    Returns
    -------
    Series of bool
        By drug; False for a drug with fewer than three measured lines, which is not called at all.
    """
    measured = {drug: column.dropna().to_numpy(float) for drug, column in values.items()}
    return pd.Series({drug: len(v) >= _FEWEST and _straight(np.sort(v)) for drug, v in measured.items()})


def _straight(ordered: np.ndarray) -> bool:
    rank = np.arange(len(ordered))
    return bool(ordered[0] == ordered[-1] or np.corrcoef(rank, ordered)[0, 1] > _LINEAR)


def _waterfall(value: np.ndarray) -> np.ndarray:
    ordered = np.sort(value)
    if _straight(ordered):
        return _median(value)
    rank = np.arange(len(ordered))
    chord = ordered[0] + (ordered[-1] - ordered[0]) * rank / rank[-1]
    return (value > ordered[np.argmax(np.abs(ordered - chord))]).astype(float)


def _median(value: np.ndarray) -> np.ndarray:
    return (value > np.median(value)).astype(float)


def _third(value: np.ndarray) -> np.ndarray:
    return (value > np.quantile(value, 1 / 3)).astype(float)


def _thirds(value: np.ndarray) -> np.ndarray:
    low, high = np.quantile(value, (1 / 3, 2 / 3))
    return np.where(value <= low, 0.0, np.where(value >= high, 1.0, np.nan))


RULES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "waterfall": _waterfall,
    "median": _median,
    "third": _third,
    "thirds": _thirds,
}
