"""Turn what a notebook computed into a checked result."""

from __future__ import annotations

import math
import numbers
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

import pandas as pd

from helpers.bounds import BOUNDS
from helpers.claims.numbers import format_estimate, format_number
from helpers.claims.published import Published
from helpers.claims.results import Result, Tier
from helpers.claims.verdict import ClaimVerdict
from helpers.display.cards import Glued
from helpers.errors import ParameterError

#: How far rounding may put a value outside its own interval.
_ROUNDING = 1e-9

# From the least to the most like the paper's own input.
_TIER_ORDER = ("simulated", "own", "panel", "paper")


def plain_number(name: str, what: str, value: object) -> int | float | None:
    """Return a plain int or float; None for None, NaN and infinity.

    Raises
    ------
    ParameterError
        If the value is not a number.
    """
    if value is None:
        return None
    if hasattr(value, "item") and getattr(value, "size", 1) == 1:
        value = value.item()  # numpy scalars and torch tensors of one element
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Real):
        return float(value) if math.isfinite(value) else None
    msg = f"result {name!r}: {what} must be one number, got {type(value).__name__}"
    raise ParameterError(msg)


#: Columns of a table that go into its results as they are.
FIELDS = ("low", "high", "p", "n", "seeds", "published", "unit", "note")


def table_rows(table: pd.DataFrame, pattern: str, names: Mapping[str, object]) -> Iterator[dict[str, Any]]:
    """Yield the arguments of :meth:`Chapter.record` for each row of a table.

    Raises
    ------
    ParameterError
        If the pattern names something unknown, or the table has neither ``value`` nor ``difference``.
    """
    kind = next((name for name in ("value", "difference") if name in table.columns), None)
    if kind is None:
        msg = f"a table of results needs a column value or difference; it has {list(table.columns)}"
        raise ParameterError(msg)
    unit = {"unit": "difference"} if kind == "difference" else {}
    for row in table.to_dict("records"):
        try:
            id = pattern.format(**{**row, **names})
        except KeyError as error:
            msg = f"the pattern {pattern!r} names {error}; there are {[*table.columns, *names]}"
            raise ParameterError(msg) from None
        given = {name: row[name] for name in FIELDS if name in row and not _missing(row[name])}
        yield {"id": id, "value": row[kind], **unit, **given}


def _missing(value: object) -> bool:
    return value is None or value != value  # NaN, NaT and pandas' NA differ from themselves


def published_number(name: str, published: Mapping[str, Published], field: str) -> float | None:
    """Look up the published number of a result; None where the paper has none.

    Raises
    ------
    ParameterError
        If the number is published but has no such field, e.g. no median.
    """
    entry = published.get(name)
    if entry is None:
        return None
    value = getattr(entry, field, None)
    if value is None:
        msg = f"result {name!r}: the published number has no {field!r}; use mean or median, as published"
        raise ParameterError(msg)
    return value


def result_tier(name: str, dataset: str | None, tiers: Mapping[str, Tier]) -> Tier:
    """Return the tier of a result's data set, or of the least real data in use.

    Raises
    ------
    ParameterError
        If the data set is not in use, or no data are.
    """
    if dataset is not None:
        if dataset not in tiers:
            msg = f"result {name!r}: data set {dataset!r} is not in use; call chapter.use(...) with it first"
            raise ParameterError(msg)
        return tiers[dataset]
    if not tiers:
        msg = f"result {name!r}: no data are in use; call chapter.use(...) first"
        raise ParameterError(msg)
    return min(tiers.values(), key=_TIER_ORDER.index)


def check_result(name: str, result: Result) -> None:
    """Refuse numbers that contradict each other.

    Raises
    ------
    ParameterError
        If low exceeds high, the value lies outside its own interval, the interval of a bounded metric
        leaves its bounds, p is outside 0..1, or tolerance is negative.
    """
    if result.low is not None and result.high is not None and result.low > result.high:
        msg = f"result {name!r}: low {result.low} exceeds high {result.high}"
        raise ParameterError(msg)
    _check_interval(name, result)
    if result.p is not None and not 0 <= result.p <= 1:
        msg = f"result {name!r}: p = {result.p} is not a probability"
        raise ParameterError(msg)
    if result.tolerance is not None and result.tolerance < 0:
        msg = f"result {name!r}: tolerance {result.tolerance} is negative"
        raise ParameterError(msg)


def _check_interval(name: str, result: Result) -> None:
    lowest, highest = BOUNDS.get(name.rsplit(".", 1)[-1], (-math.inf, math.inf))
    if result.unit == "difference":
        lowest, highest = -math.inf, math.inf
    for what, limit, side in (("low", result.low, 1), ("high", result.high, -1)):
        if limit is None:
            continue
        slack = _ROUNDING * max(1.0, abs(limit))
        if result.value is not None and side * (result.value - limit) < -slack:
            msg = (
                f"result {name!r}: the value {result.value} lies outside its interval, {what} = {limit}; "
                "record the estimate that the interval belongs to"
            )
            raise ParameterError(msg)
        if not lowest - slack <= limit <= highest + slack:
            msg = f"result {name!r}: {what} = {limit} leaves [{lowest:g}, {highest:g}]; see helpers.bounds"
            raise ParameterError(msg)


def make_result(name: str, numbers: Mapping[str, object], words: Mapping[str, Any]) -> Result:
    """Return a checked result.

    Raises
    ------
    ParameterError
        If one of the numbers is none, or they contradict each other.
    """
    plain: dict[str, Any] = {what: plain_number(name, what, value) for what, value in numbers.items()}
    result = Result(**plain, **words)
    check_result(name, result)
    return result


def present_cell(name: str) -> dict[str, int]:
    """Return the execution count of the cell that records a result, by its name; empty outside a notebook."""
    from IPython import get_ipython

    shell = get_ipython()
    return {} if shell is None else {name: shell.execution_count}


def glued_names(source: str) -> set[str]:
    """Return the names that the prose of a percent script refers to with ``{glue}``."""
    text = re.sub(r"\n# ?", " ", source)  # a reference may go on in the next line of a comment
    return {found.partition(":")[0] for found in re.findall(r"\{glue(?::\w+)?\}`([^`]*)`", text)}


def glue_result(name: str, result: Result, wanted: Collection[str]) -> None:
    """Make a result available to the prose that wants it; does nothing outside a notebook.

    ``{glue}`name``` is the value, ``{glue}`name.interval``` its interval and
    ``{glue}`name.published``` the paper's number. A chapter has thousands of results and cites some
    dozens: an output for each of them would make the notebook slow to write and to build.
    """
    if not {name, f"{name}.interval", f"{name}.published"}.intersection(wanted):
        return
    signed = result.unit == "difference"
    value, interval = format_estimate(result.value, result.low, result.high, signed=signed)
    # The interval is always there, so that a page builds on any input: a reduced run may lack it.
    interval = interval or "(no interval)"
    texts: dict[str, tuple[float | str | None, str]] = {
        name: (result.value, value),
        f"{name}.interval": (interval, interval),
    }
    if result.published is not None:
        texts[f"{name}.published"] = (result.published, format_number(result.published, signed=signed))
    _glue(texts)


def glue_verdicts(verdicts: Iterable[ClaimVerdict], wanted: Collection[str]) -> None:
    """Make outcomes available to the prose that wants them, as ``verdict.<claim id>.<part>``."""
    words = {f"verdict.{one.claim.id}.{part.part}": part.words for one in verdicts for part in one}
    _glue({key: (text, text) for key, text in words.items() if key in wanted})


def _glue(texts: Mapping[str, tuple[float | str | None, str]]) -> None:
    from IPython import get_ipython

    if not texts or get_ipython() is None:
        return
    from myst_nb import glue

    for key, (value, text) in texts.items():
        glue(key, Glued(value, text), display=False)
