"""Tables of values and verdicts: published next to ours, inputs, sensitivity."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from html import escape

import pandas as pd
from pandas.io.formats.style import Styler

from helpers.claims.check import Check, Outcome, result_label
from helpers.claims.numbers import estimate_decimals
from helpers.claims.results import ChapterResults, Result
from helpers.claims.verdict import ClaimVerdict

HEADINGS = {"repeated": "Repeated", "sound": "Sound", "survives": "Survives"}
SYMBOLS: dict[Outcome, str] = {
    "holds": "✔",
    "partly": "◐",
    "fails": "✘",
    "unresolved": "≈",
    "not testable here": "–",
    "not asked": "·",
}

#: Claims are counted within these groups only: whose they are, and whether they say that something works.
GROUPS = {
    ("paper", "success"): "findings of the papers that something works",
    ("paper", "failure"): "findings of the papers that something does not work",
    ("announced", "success"): "announcements of the papers that something works",
    ("announced", "failure"): "announcements of the papers that something does not work",
    ("ours", "success"): "tests of ours that something works",
    ("ours", "failure"): "tests of ours that something does not work",
}


def tier_text(tiers: Mapping[str, str]) -> str:
    """Write tiers for a reader, e.g. ``"CCLE: panel, GDSC: panel"``."""
    return ", ".join(f"{name}: {tier}" for name, tier in tiers.items())


def input_table(results: Mapping[str, ChapterResults]) -> pd.DataFrame:
    """Return one row a chapter: title, profile, data tiers, number of values."""
    rows = [
        {
            "chapter": name,
            "title": chapter.title,
            "profile": chapter.profile,
            "input": tier_text(chapter.input_tiers),
            "values": len(chapter.results),
        }
        for name, chapter in results.items()
    ]
    return pd.DataFrame(rows, columns=["chapter", "title", "profile", "input", "values"])


def sensitivity(verdicts: Sequence[ClaimVerdict]) -> pd.DataFrame:
    """Return one row a part of a claim: the outcome, and with what would matter halved and doubled."""
    rows = [
        {
            "claim": verdict.claim.id,
            "part": HEADINGS[part.part],
            "verdict": part.words,
            "halved": part.sensitivity.half or "–",
            "doubled": part.sensitivity.double or "–",
            "readings": "; ".join(f"{name}: {outcome}" for name, outcome in part.readings.items()) or "–",
            "reason": part.reason,
        }
        for verdict in verdicts
        for part in verdict
    ]
    columns = ["claim", "part", "verdict", "halved", "doubled", "readings", "reason"]
    return pd.DataFrame(rows, columns=columns)


def groups(verdicts: Sequence[ClaimVerdict]) -> dict[str, list[ClaimVerdict]]:
    """Return the verdicts by whose claims they are and by polarity; counts never mix them."""
    found: dict[str, list[ClaimVerdict]] = {}
    for key, title in GROUPS.items():
        members = [v for v in verdicts if (v.claim.whose, v.claim.polarity) == key]
        if members:
            found[title] = members
    return found


def check_name(check: Check) -> str:
    """Name a condition for a reader, with the part of the claim that it is about."""
    name = check.condition.label or result_label(check.condition.result)
    where = check.condition.where
    return name if where is None or where in name else f"{where}: {name}"


def published_and_ours(results: Mapping[str, ChapterResults]) -> Styler:
    """Show one row a value that has a published counterpart.

    Columns: chapter, value, published, ours, difference (ours - published), interval, n, input.
    """
    rows, ids = [], []
    for name, chapter in results.items():
        for id, result in chapter.results.items():
            if result.published is None or result.value is None:
                continue
            ids.append((name, id))
            rows.append(
                {"chapter": name[:2], "value": result_label(id).replace("_", " ")}
                | _row(result)
                | {"input": result.tier}
            )
    columns = ["chapter", "value", *_COLUMNS, "input"]
    frame = pd.DataFrame(rows, columns=columns)
    return frame.style.hide(axis="index").set_table_attributes(table_results(ids))


_COLUMNS = ("published", "ours", "difference", "interval", "n")


def comparison(results: Mapping[str, tuple[str, Result]], caption: str, chapter: str) -> Styler:
    """Put published and recomputed values side by side.

    Parameters
    ----------
    results : mapping of row label to (id, Result)
    caption : str
        What the table shows; the tier of each data set is added.
    chapter : str
        Whose results they are.

    Returns
    -------
    Styler
        Columns published, ours, difference (ours - published), interval, n, as text; without the
        first and third where nothing was published.
    """
    rows = [_row(result) for _, result in results.values()]
    columns, rule = list(_COLUMNS), " Difference = ours - published."
    if all(result.published is None for _, result in results.values()):
        columns, rule = ["ours", "interval", "n"], ""
    frame = pd.DataFrame(rows, index=list(results))[columns]
    tiers = tier_text({result.dataset or "all data": result.tier for _, result in results.values()})
    return frame.style.set_caption(f"{caption} Input: {tiers}.{rule}").set_table_attributes(
        table_results([(chapter, id) for id, _ in results.values()])
    )


def table_results(rows: Sequence[tuple[str, str]]) -> str:
    """Return the attribute by which a page knows the result (chapter, id) behind each row of a table."""
    return f'data-results="{escape(json.dumps(rows))}"'


def _row(result: Result) -> dict[str, str]:
    """Write the numbers of one result, all with the same decimals."""
    numbers = (result.low, result.high, result.value, result.published)
    decimals = 0 if isinstance(result.value, int) else estimate_decimals(*numbers)

    def text(number: float | None, sign: str = "") -> str:
        return "–" if number is None else re.sub(r"^[-+](?=[0.]+$)", "", f"{number:{sign},.{decimals}f}")

    difference = None if result.value is None or result.published is None else result.value - result.published
    limits = (result.low, result.high)
    return {
        "published": text(result.published),
        "ours": text(result.value),
        "difference": text(difference, "+"),
        "interval": "–" if limits == (None, None) else f"[{', '.join(map(text, limits))}]",
        "n": "–" if result.n is None else f"{result.n:,}",
    }
