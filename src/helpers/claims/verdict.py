"""Compute verdicts from rules and results; no verdict is ever typed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from helpers.claims.numbers import format_bound, format_interval, format_number, format_p
from helpers.claims.register import PARTS, ChapterClaims, Claim, Condition, PartRule
from helpers.claims.results import ChapterResults, Result

Outcome = Literal["holds", "partly", "fails", "not testable here"]
OUTCOMES: tuple[Outcome, ...] = ("holds", "partly", "fails", "not testable here")
NOT_TESTABLE: Outcome = "not testable here"


@dataclass(frozen=True)
class Check:
    """One condition with the number that it was held against.

    Attributes
    ----------
    condition : Condition
    number : float or None
        The number compared; None where the result is missing or null.
    met : bool or None
        None where there is no number.
    sentence : str
    right_sign : bool
        Whether the value has the sign that the condition asks for.
    """

    condition: Condition
    number: float | None
    met: bool | None
    sentence: str
    right_sign: bool = True

    def met_at(self, factor: float) -> bool:
        """Whether the condition is met with ``factor`` times its tolerance."""
        return self.number is not None and self.right_sign and self.condition.met(self.number, factor)


@dataclass(frozen=True)
class Sensitivity:
    """The outcome with the tolerance halved and doubled.

    Both are None where the part is not testable or no condition has a tolerance.
    """

    half: Outcome | None
    double: Outcome | None
    sentence: str


@dataclass(frozen=True)
class Verdict:
    """One part of a verdict: outcome, reason with numbers, and how firm it is."""

    part: str
    outcome: Outcome
    reason: str
    rule: str | None
    checks: tuple[Check, ...]
    sensitivity: Sensitivity


@dataclass(frozen=True)
class ClaimVerdict:
    """The three-part verdict on one claim.

    Attributes
    ----------
    claim : Claim
    repeated, sound, survives : Verdict
    tiers : dict of str to str
        Tier of each data set of the claim that was used.
    """

    claim: Claim
    repeated: Verdict
    sound: Verdict
    survives: Verdict
    tiers: dict[str, str]

    def __iter__(self) -> Iterator[Verdict]:
        return iter(getattr(self, part) for part in PARTS)

    @property
    def outcomes(self) -> dict[str, Outcome]:
        """Outcome of each part."""
        return {verdict.part: verdict.outcome for verdict in self}


def judge(claim: Claim, results: Mapping[str, Result], tiers: Mapping[str, str]) -> ClaimVerdict:
    """Judge one claim.

    Parameters
    ----------
    claim : Claim
    results : mapping of result id to Result
        What was computed; ids that are missing lead to *not testable here*.
    tiers : mapping of data set to tier
        The data of the run.

    Returns
    -------
    ClaimVerdict
        *holds* where the rule's requirement is met, *fails* where no condition is met, *partly*
        in between, *not testable here* where a result is missing or null or where the input does
        not bind.
    """
    unbound = _why_not_binding(claim, tiers)
    parts = {part: _judge_part(part, getattr(claim.verdicts, part), results, unbound) for part in PARTS}
    used = {name: tiers[name] for name in claim.datasets if name in tiers}
    return ClaimVerdict(claim=claim, tiers=used, **parts)


def judge_run(
    register: Mapping[str, ChapterClaims], results: Mapping[str, ChapterResults]
) -> list[ClaimVerdict]:
    """Judge every claim of the register with the results of a run.

    Claims of a chapter without results are *not testable here*.
    """
    verdicts = []
    for name, chapter in register.items():
        run = results.get(name)
        for claim in chapter.claims:
            verdicts.append(judge(claim, run.results if run else {}, run.tiers if run else {}))
    return verdicts


def _why_not_binding(claim: Claim, tiers: Mapping[str, str]) -> str | None:
    missing = [name for name in claim.datasets if name not in tiers]
    if missing:
        return f"{', '.join(missing)} was not used in this run."
    simulated = [name for name in claim.datasets if tiers[name] == "simulated"]
    if simulated:
        return f"{', '.join(simulated)} is simulated here; simulated input binds nothing."
    unfit = [
        f"{name} is on the {tiers[name]} tier" for name in claim.datasets if tiers[name] not in claim.needs
    ]
    if unfit:
        return f"{', '.join(unfit)}; this claim can only be judged on: {', '.join(claim.needs)}."
    return None


def _judge_part(part: str, rule: PartRule, results: Mapping[str, Result], unbound: str | None) -> Verdict:
    checks = tuple(_check(condition, results) for condition in rule.conditions)
    outcome, reason = NOT_TESTABLE, None
    if rule.not_applicable is not None:
        reason = f"Not applicable: {rule.not_applicable}"
    elif unbound is not None:
        reason = unbound
    else:
        reason = _why_missing(rule, results)
    if reason is not None:
        return Verdict(part, outcome, reason, rule.rule, checks, Sensitivity(None, None, ""))
    outcome = _outcome(rule, checks)
    met = sum(bool(check.met) for check in checks)
    lead = "" if len(checks) == 1 else f"{met} of {len(checks)} conditions met ({rule.require} required). "
    reason = lead + "; ".join(check.sentence for check in checks) + "."
    return Verdict(part, outcome, reason, rule.rule, checks, _sensitivity(rule, checks, outcome))


def _why_missing(rule: PartRule, results: Mapping[str, Result]) -> str | None:
    absent, undefined, simulated = [], [], []
    for condition in rule.conditions:
        result = results.get(condition.result)
        if result is None:
            absent.append(condition.result)
        elif getattr(result, condition.field) is None:
            undefined.append(f"{condition.result} ({condition.field})")
        elif result.tier == "simulated":
            simulated.append(condition.result)
    sentences = [
        f"{text}: {', '.join(dict.fromkeys(ids))}."
        for text, ids in (
            ("Not computed in this run", absent),
            ("Undefined in this run", undefined),
            ("Computed on simulated input, which binds nothing", simulated),
        )
        if ids
    ]
    return " ".join(sentences) or None


def _check(condition: Condition, results: Mapping[str, Result]) -> Check:
    result = results.get(condition.result)
    number = None if result is None else getattr(result, condition.field)
    right_sign = result is not None and condition.right_sign(result.value)
    met = None if number is None else right_sign and condition.met(number)
    return Check(condition, number, met, _sentence(condition, result, met), right_sign)


def _sentence(condition: Condition, result: Result | None, met: bool | None) -> str:
    name = condition.label or result_label(condition.result)
    needs = f"needs {'>' if condition.above is not None else '<'} {format_bound(condition.threshold())}"
    if condition.sign:
        needs += f" and a {condition.sign} value"
    if result is None:
        return f"{name}: not computed, {needs}"
    # A number held against zero is a difference, and a difference is read with its sign.
    bound = condition.above if condition.above is not None else condition.below
    signed = condition.field != "p" and (bound == 0 or result.unit == "difference")
    text = f"{name} = {format_number(result.value, signed=signed)}"
    interval = format_interval(result.low, result.high, signed=signed)
    if interval:
        text += f" {interval}"
    if condition.field == "p" or result.p is not None:
        text += f", p {format_p(result.p)}"
    subject = {"value": "", "low": "lower limit ", "high": "upper limit ", "p": "p "}[condition.field]
    return f"{text}, {subject}{needs}" + ("" if met is None else f" ({'met' if met else 'not met'})")


def result_label(result_id: str) -> str:
    """Make a readable name of a result id.

    Examples
    --------
    >>> result_label("CCLE.nested_cv.RefDNN-Additive.AUCROC")
    'RefDNN-Additive AUCROC (CCLE, nested_cv)'
    >>> result_label("n_parameters")
    'n_parameters'
    """
    parts = result_id.split(".")
    if len(parts) != 4:
        return result_id
    dataset, protocol, model, metric = parts
    return f"{model} {metric} ({dataset}, {protocol})"


def _outcome(rule: PartRule, checks: tuple[Check, ...], factor: float = 1.0) -> Outcome:
    met = sum(check.met_at(factor) for check in checks)
    required = {"all": len(checks), "any": 1, "majority": len(checks) // 2 + 1}[rule.require]
    if met >= required:
        return "holds"
    return "partly" if met else "fails"


def _sensitivity(rule: PartRule, checks: tuple[Check, ...], outcome: Outcome) -> Sensitivity:
    if all(check.condition.tolerance == 0 for check in checks):
        return Sensitivity(None, None, "The rule has no tolerance.")
    half, double = _outcome(rule, checks, 0.5), _outcome(rule, checks, 2.0)
    moves = [
        f"turns to {moved} when the tolerance is {how}"
        for moved, how in ((half, "halved"), (double, "doubled"))
        if moved != outcome
    ]
    sentence = " and ".join(moves) or "unchanged when the tolerance is halved or doubled"
    return Sensitivity(half, double, sentence[0].upper() + sentence[1:] + ".")
