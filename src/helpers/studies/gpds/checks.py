"""What the steps of the study refuse: tables, annotations and scores of lines, settings of draws."""

from __future__ import annotations

import pandas as pd

from helpers.bounds import check_number
from helpers.checks import check_columns, check_numbers, check_table, check_unique, refuse
from helpers.evaluation.statistics import check_level


def check_bulk(expression: pd.DataFrame, response: pd.Series | pd.DataFrame) -> None:
    """Refuse what are no tables of lines: expression, all finite, and response, NaN where not measured.

    Raises
    ------
    DataError
        With the table and what is wrong.
    """
    check_table(expression, "bulk lines", "expression")
    check_numbers(expression, "bulk lines", "expression")
    check_response(response)


def check_response(response: pd.Series | pd.DataFrame) -> None:
    """Refuse a response that is no Series or table of named lines; errors as :func:`check_bulk`."""
    table = response.to_frame("response") if isinstance(response, pd.Series) else response
    check_table(table, "bulk lines", "response")
    check_numbers(table, "bulk lines", "response", missing=True)


def check_lines(values: pd.Series, lines: pd.Index, what: str) -> pd.Series:
    """Return the values of lines, NaN where there is none.

    Raises
    ------
    DataError
        If it is no Series, names a line twice, or has none of the lines.
    """
    if not isinstance(values, pd.Series):
        refuse(what, f"must be a Series whose index names lines, got {type(values).__name__}")
    check_unique(values.index, what, "a line stands twice")
    found = values.reindex(lines)
    if found.isna().all():
        problem = f"none of the {len(lines)} lines is in the annotation, first {list(lines[:3])}"
        refuse(what, problem, "compare the ids")
    return found


def check_draws(n_boot: int, seed: int, level: float) -> None:
    """Refuse settings of a bootstrap that cannot be, with a DataError."""
    check_level(level)
    check_number("n_boot", n_boot, 1, whole=True)
    check_number("seed", seed, 0, whole=True)


def check_scores(lines: pd.DataFrame, response: pd.DataFrame) -> None:
    """Refuse scores of lines that cannot be compared with a response.

    Raises
    ------
    DataError
        If a column or a drug is missing, a line stands twice, a score is infinite, or no line has a response.
    """
    keys = ["list", "drug", "line"]
    check_columns(lines, (*keys, "es"), "scores of lines")
    check_response(response)
    if lines["es"].isna().all() or lines.duplicated(keys).any():
        refuse("scores of lines", "hold no score, or a line twice for a list and drug")
    check_numbers(lines[["es"]], "scores of lines", "the table", missing=True)
    check_columns(response, tuple(lines["drug"].unique()), "response")
    if not lines["line"].isin(response.index).any():
        refuse("scores of lines", "no line has a response", "compare the ids")
