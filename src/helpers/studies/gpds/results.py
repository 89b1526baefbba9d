"""What a part of the chapter found: results by id, as they are recorded, and the table that is shown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from helpers.chapter import Chapter
from helpers.checks import as_numbers
from helpers.evaluation.statistics import check_level

#: Columns of a result, beside its id and value.
FIELDS = ("low", "high", "p", "n", "seeds", "unit", "note")


@dataclass(frozen=True, eq=False)
class Found:
    """Results of a part of the chapter.

    Attributes
    ----------
    results : DataFrame
        One row a result: ``id``, ``value`` and those of :data:`FIELDS` that it has.
    table : DataFrame
        What the reader sees.
    """

    results: pd.DataFrame
    table: pd.DataFrame


def recorder(chapter: Chapter) -> Callable[[Found], Found]:
    """Return a function that records what a part found, and gives it back to be shown."""

    def take(found: Found) -> Found:
        chapter.record_table(found.results, "{id}")
        return found

    return take


def result(id: str, value: float, **fields: Any) -> dict[str, Any]:
    """Return one result by id."""
    return {"id": id, "value": value, **fields}


def results(rows: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """Put results into a table; whole numbers stay whole where others are missing."""
    return pd.DataFrame(list(rows), dtype=object)


def named(table: pd.DataFrame, pattern: str, **fields: Any) -> list[dict[str, Any]]:
    """Name the rows of a tidy table.

    Parameters
    ----------
    table : DataFrame
        ``value`` or ``difference``, columns of :data:`FIELDS`, and what the pattern names.
    pattern : str
        Of the ids, e.g. ``"GDSC2.cv.{model}.{metric}"``.
    **fields
        The same for all rows, e.g. ``note``.
    """
    kind = "difference" if "difference" in table.columns else "value"
    unit = {"unit": "difference"} if kind == "difference" else {}
    rows = []
    for row in table.to_dict("records"):
        given = {name: row[name] for name in FIELDS if name in row and not pd.isna(row[name])}
        rows.append(result(pattern.format(**row), row[kind], **{**unit, **fields, **given}))
    return rows


def central(values: np.ndarray, level: float = 0.95) -> dict[str, Any]:
    """Mean of the finite values with their central range: ``value``, ``low``, ``high``, ``n``."""
    check_level(level)
    values = as_numbers(values, "values")
    values = values[np.isfinite(values)]
    found = {"value": float(values.mean()) if len(values) else np.nan, "n": len(values)}
    if len(values) > 1:
        low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
        # A mean beyond its central range (a few outliers) has no interval that holds it.
        found |= {"low": min(low, found["value"]), "high": max(high, found["value"])}
    return found
