"""The table of published and recomputed values."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import pandas as pd
from pandas.io.formats.style import Styler

from helpers.claims.board import tier_text
from helpers.claims.numbers import format_interval, format_number
from helpers.claims.results import Result

COLUMNS = ("published", "ours", "difference", "interval", "n")


def comparison(results: Mapping[str, Result], caption: str) -> Styler:
    """Put published and recomputed values side by side.

    Parameters
    ----------
    results : mapping of row label to Result
    caption : str
        What the table shows; the tier of each data set is added.

    Returns
    -------
    Styler
        Columns published, ours, difference (ours - published), interval, n, as text; without the
        first and third where nothing was published.
    """
    rows = [_row(result) for result in results.values()]
    columns, rule = list(COLUMNS), " Difference = ours - published."
    if all(result.published is None for result in results.values()):
        columns, rule = ["ours", "interval", "n"], ""
    frame = pd.DataFrame(rows, index=list(results))[columns]
    tiers = tier_text({result.dataset or "all data": result.tier for result in results.values()})
    # A fixed uuid keeps the executed notebooks of two runs equal.
    uuid = hashlib.sha256("|".join([caption, *results]).encode()).hexdigest()[:8]
    # The style names no colour, and the class is the one that themes know, so the table follows the
    # light and the dark theme of the page.
    caption_style = "text-align: left; caption-side: top; color: inherit;"
    return (
        Styler(frame, uuid=uuid, cell_ids=False)
        .set_caption(f"{caption} Input: {tiers}.{rule}")
        .set_table_attributes('class="dataframe"')
        .set_properties(**{"text-align": "right", "white-space": "nowrap", "padding": "0.25rem 0.6rem"})
        .set_table_styles([{"selector": "caption", "props": caption_style}])
    )


def _row(result: Result) -> dict[str, str]:
    undefined = result.value is None or result.published is None
    return {
        "published": format_number(result.published),
        "ours": format_number(result.value),
        "difference": format_number(None if undefined else result.value - result.published, signed=True),
        "interval": format_interval(result.low, result.high) or "–",
        "n": "–" if result.n is None else str(result.n),
    }
