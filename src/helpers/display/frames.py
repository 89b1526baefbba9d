"""The one table of the book: every table of pandas, bare or styled, in notebooks and on pages.

pandas lays a table out; here are its formats by quantity, its words for people, and its HTML. On a page,
``tables.js`` sorts it, filters it where it is long, and offers it as CSV.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any

import numpy as np
import pandas as pd
from jinja2 import Environment
from pandas.io.formats.style import Styler

from helpers.claims.numbers import DIGITS, decimals_for, format_interval
from helpers.display.html import STYLE, has_interval, table_element

_ROWS = 1000  # of one table in a page
_UNDEFINED = {"nan", "None", "NaN", "NaT", "<NA>", "inf", "-inf", "", "= –"}

# pandas' own hook for another layout: a template that gets the cells as it has formatted them. Texts are
# escaped where a cell is written.
_LAYOUT = Environment(autoescape=False)


def use_house_tables() -> None:
    """Show every DataFrame, Series and Styler of this session as a house table."""
    _LAYOUT.filters["house_table"] = _styled
    Styler.template_html_table = _LAYOUT.from_string(
        "{{ head | house_table(body, caption, table_attributes) }}"
    )
    Styler.template_html_style = _LAYOUT.from_string("")

    from IPython import get_ipython

    shell = get_ipython()
    if shell is not None:
        formatter = shell.display_formatter.formatters["text/html"]
        formatter.for_type(pd.DataFrame, lambda frame: house_style(frame).to_html())
        formatter.for_type(pd.Series, lambda series: house_style(series.to_frame()).to_html())


def house_style(frame: pd.DataFrame, caption: str = "") -> Styler:
    """Style a table with formats by quantity.

    Whole numbers have separators of thousands, p-values two digits, settings as many digits as they have, all
    else three decimals in the whole column; columns ``low`` and ``high`` become one interval.

    Parameters
    ----------
    frame : DataFrame
        Up to 1,000 rows are shown.
    caption : str
    """
    more = f" The first {_ROWS:,} of {len(frame):,} rows." if len(frame) > _ROWS else ""
    shown = _with_interval(frame.head(_ROWS))
    if not (shown.index.is_unique and shown.columns.is_unique):  # pandas styles no other
        shown = shown.reset_index()
    formats = {
        name: column_format(shown[name], str(name)) for name in shown.select_dtypes("number", exclude="bool")
    }
    styler = shown.style.format(formats, na_rep="–")
    for level in range(shown.index.nlevels):
        values = shown.index.get_level_values(level)
        if pd.api.types.is_float_dtype(values):
            styler.format_index(column_format(values.to_series(), ""), level=level)
    if isinstance(shown.index, pd.RangeIndex):
        styler.hide(axis="index")
    return styler.set_caption(f"{caption}{more}") if caption or more else styler


def column_format(values: pd.Series, name: str) -> Callable[[float], str]:
    """Return how the numbers of a column are written, all in one way.

    Examples
    --------
    >>> write = column_format(pd.Series([0.604, -3.33e-07]), "difference")
    >>> write(0.604), write(-3.33e-07)
    ('0.604', '0.000')
    >>> column_format(pd.Series([1e-4, 0.05]), "lr")(1e-4)
    '0.0001'
    >>> column_format(pd.Series([10.0, 21.0]), "n")(10.0)
    '10'
    """
    numbers = values.dropna().astype(float)
    numbers = numbers[np.isfinite(numbers)]
    if re.search(r"(^|[ _])p($|[ _(])", name) and numbers.between(0, 1).all():
        return lambda p: "–" if pd.isna(p) else "< 0.0001" if p < 1e-4 else f"{p:.2g}"
    if (numbers == numbers.round()).all():
        return lambda x: "–" if pd.isna(x) else f"{x:,.0f}"
    texts = [np.format_float_positional(x, trim="-") for x in numbers]
    if all(len(text.strip("-0.").replace(".", "")) <= 2 for text in texts):  # chosen by hand, not computed
        return lambda x: "–" if pd.isna(x) else np.format_float_positional(x, trim="-")
    decimals = decimals_for(numbers)
    return lambda x: "–" if pd.isna(x) else _plain(f"{x:,.{decimals}f}")


def _with_interval(frame: pd.DataFrame) -> pd.DataFrame:
    """Put two columns ``low`` and ``high``, or ``<name>_low`` and ``<name>_high``, into one."""
    if not frame.columns.is_unique:
        return frame
    out = frame
    for low in [name for name in frame.columns if isinstance(name, str) and re.search(r"(^|[_ ])low$", name)]:
        high = f"{low.removesuffix('low')}high"
        if high not in frame.columns:
            continue
        texts = [
            format_interval(*(None if pd.isna(x) else float(x) for x in pair)) or "–"
            for pair in zip(frame[low], frame[high], strict=True)
        ]
        named = out.assign(**{low: texts}).drop(columns=high)
        out = named.rename(columns={low: f"{low.removesuffix('low')}interval"})
    return out


def _styled(
    head: Sequence[Sequence[Mapping[str, Any]]],
    body: Sequence[Sequence[Mapping[str, Any]]],
    caption: str | None,
    attributes: str | None,
) -> str:
    """Write the cells that pandas has laid out as a house table."""
    rows = [[cell for cell in row if cell["is_visible"] is not False] for row in head]
    if len(rows) > 1 and any("index_name" in cell["class"] for cell in rows[-1]):
        # The names of the index stand in the row of their own above which nothing stands.
        names = [cell for cell in rows.pop() if "index_name" in cell["class"]]
        blanks = [
            i for i, cell in enumerate(rows[-1]) if "blank" in cell["class"] or "index_name" in cell["class"]
        ]
        for i, cell in zip(blanks, names, strict=False):
            rows[-1][i] = cell
    labels = _labels(rows[-1]) if rows else []
    lines, numeric = "", set()
    for row in body:
        cells = [cell for cell in row if cell["is_visible"] is not False]
        # A label of the index that holds for several rows stands in the first of them only.
        ahead = labels[len(labels) - len(cells) :] if len(cells) <= len(labels) else [""] * len(cells)
        texts = [_cell(cell, "row", label) for cell, label in zip(cells, ahead, strict=True)]
        if len(cells) == len(labels):
            numeric |= {i for i, text in enumerate(texts) if 'class="n"' in text.partition(">")[0]}
        lines += f"<tr>{''.join(texts)}</tr>"
    header = ""
    for row in rows:
        headings = [_cell(cell, "col", words=True) for cell in row]
        if row is rows[-1] and len(headings) == len(labels):  # a heading stands above its numbers
            headings = [
                t.replace("<th", '<th class="n"', 1) if i in numeric else t for i, t in enumerate(headings)
            ]
        header += f"<tr>{''.join(headings)}</tr>"
    return STYLE + table_element(header, lines, caption or "", attributes or "", cards=has_interval(labels))


def _labels(row: Sequence[Mapping[str, Any]]) -> list[str]:
    found: list[str] = []
    for cell in row:
        span = re.search(r'colspan="(\d+)"', cell.get("attributes") or "")
        found += [people(str(cell["display_value"]))] * (int(span[1]) if span else 1)
    return found


def _cell(cell: Mapping[str, Any], scope: str, label: str = "", *, words: bool = False) -> str:
    text = _plain(str(cell["display_value"]))
    text = people(text) if words else text
    kind, value = cell["type"], cell["value"]
    attributes = f" {cell['attributes']}" if cell.get("attributes") else ""
    if kind == "th" and text and text != "&nbsp;":
        attributes += f' scope="{scope}"'
    if kind == "th" and isinstance(value, float) and text == f"{value:.6f}":  # what pandas writes unasked
        text = np.format_float_positional(value, trim="-")
    if isinstance(value, int | float | np.number) and not isinstance(value, bool):
        number = "" if pd.isna(value) else f' data-v="{float(value):.10g}"'
        text = _decimal(text, float(value))
        attributes += f'{number} class="n"'
    elif kind == "td" and (text == "–" or re.fullmatch(r"[-+<\d][\d., ]*%?", text)):
        attributes += ' class="n"'  # a number that is formatted already
    if label and kind == "td":
        attributes += f' data-label="{escape(label)}"'
    content = "" if text == "&nbsp;" else escape(text, quote=False)
    return f"<{kind}{attributes}>{content}</{kind}>"


def _plain(text: str) -> str:
    """Write what is undefined as a dash, and no minus before a zero."""
    return "–" if text in _UNDEFINED else re.sub(r"^-(?=[0.,]+$)", "", text)


def _decimal(text: str, value: float) -> str:
    """Write a number without an exponent, which does not stand beside decimals."""
    if re.fullmatch(r"[-+]?\d+(\.\d+)?e[-+]?\d+", text):
        return np.format_float_positional(value, precision=DIGITS, unique=True, fractional=False, trim="-")
    return text


def people(name: str) -> str:
    """Write the name of a column for people: no underscores."""
    return name.replace("_", " ") if re.fullmatch(r"[A-Za-z0-9_]+", name) else name
