"""Verdicts as plain data, for other programs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from helpers.claims.check import Check
from helpers.claims.verdict import ClaimVerdict, Verdict


def claims_data(verdicts: Sequence[ClaimVerdict]) -> list[dict[str, Any]]:
    """Return one mapping a claim: what it says, how it was judged, and every number behind the verdict.

    Returns
    -------
    list of dict
        Texts, numbers, lists and dicts only. ``parts`` maps repeated, sound and survives to outcome,
        reason, rule, outcomes under each reading and of each named part, and ``conditions`` with estimate,
        limits, n, what would matter and the smallest visible differences here and in the paper.
    """
    return [_claim(verdict) for verdict in verdicts]


def _claim(verdict: ClaimVerdict) -> dict[str, Any]:
    claim = verdict.claim
    return {
        "id": claim.id,
        "chapter": claim.chapter,
        "claim": claim.claim,
        "whose": claim.whose,
        "polarity": claim.polarity,
        "quote": claim.quote,
        "source": claim.source,
        "compared": claim.compared,
        "input": verdict.tiers,
        "parts": {part.part: _part(part) for part in verdict},
    }


def _part(part: Verdict) -> dict[str, Any]:
    return {
        "outcome": part.outcome,
        "words": part.words,
        "reason": part.reason,
        "rule": part.rule,
        "where": part.where,
        "readings": part.readings,
        "matters_halved": part.sensitivity.half,
        "matters_doubled": part.sensitivity.double,
        "conditions": [_condition(check) for check in part.checks],
    }


def _condition(check: Check) -> dict[str, Any]:
    condition, result, paper = check.condition, check.result, check.published
    return {
        "result": condition.result,
        "kind": condition.kind,
        "bound": condition.p_below if condition.kind == "test" else condition.bound,
        "direction": condition.direction,
        "matters": check.margin,
        "outcome": check.outcome,
        "value": result.value if result else None,
        "low": result.low if result else None,
        "high": result.high if result else None,
        "p": result.p if result else None,
        "n": result.n if result else None,
        "smallest_visible": check.visible,
        "published_difference": paper.difference if paper else None,
        "published_smallest_visible": paper.visible if paper else None,
    }
