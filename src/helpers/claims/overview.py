"""Tables of the chapter that puts all verdicts side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from helpers.claims.board import HEADINGS, tier_text
from helpers.claims.numbers import format_interval
from helpers.claims.results import ChapterResults
from helpers.claims.verdict import ClaimVerdict

_DIGITS = 4  # as the papers print them


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
    """Return one row a part of a claim: the outcome, and with the tolerance halved and doubled."""
    rows = [
        {
            "claim": verdict.claim.id,
            "part": HEADINGS[part.part],
            "verdict": part.outcome,
            "tolerance halved": part.sensitivity.half or "–",
            "tolerance doubled": part.sensitivity.double or "–",
            "reason": part.reason,
        }
        for verdict in verdicts
        for part in verdict
    ]
    columns = ["claim", "part", "verdict", "tolerance halved", "tolerance doubled", "reason"]
    return pd.DataFrame(rows, columns=columns)


def published_and_ours(results: Mapping[str, ChapterResults]) -> pd.DataFrame:
    """Return one row a value that has a published counterpart.

    Columns: chapter, value (its id), published, ours, difference (ours - published), interval, n, input.
    """
    rows = []
    for name, chapter in results.items():
        for id, result in chapter.results.items():
            if result.published is None or result.value is None:
                continue
            rows.append(
                {
                    "chapter": name,
                    "value": id,
                    "published": round(result.published, _DIGITS),
                    "ours": round(result.value, _DIGITS),
                    "difference": round(result.value - result.published, _DIGITS),
                    "interval": format_interval(result.low, result.high) or "–",
                    "n": result.n,
                    "input": result.tier,
                }
            )
    columns = ["chapter", "value", "published", "ours", "difference", "interval", "n", "input"]
    return pd.DataFrame(rows, columns=columns).astype({"n": "Int64"})
