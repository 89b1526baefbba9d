"""Compute verdicts from rules and results; no verdict is ever typed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from helpers.claims.check import Check, Outcome, check
from helpers.claims.conditions import PartRule, VerdictRules
from helpers.claims.published import Published, load_published
from helpers.claims.register import PARTS, ChapterClaims, Claim
from helpers.claims.results import ChapterResults, Result

OUTCOMES: tuple[Outcome, ...] = ("holds", "partly", "fails", "unresolved", "not testable here", "not asked")
NOT_TESTABLE: Outcome = "not testable here"
NOT_ASKED: Outcome = "not asked"


@dataclass(frozen=True)
class Sensitivity:
    """The outcome with what would matter (or the tolerance of bare values) halved and doubled.

    Both are None where nothing was judged or no condition has either.
    """

    half: Outcome | None
    double: Outcome | None
    sentence: str


@dataclass(frozen=True)
class Verdict:
    """One part of a verdict: outcome, reason with numbers, and how firm it is.

    Attributes
    ----------
    part : str
    outcome : Outcome
        *partly* only where named parts of the claim differ and one of them holds.
    reason : str
    rule : str or None
    checks : tuple of Check
    sensitivity : Sensitivity
    where : dict of str to Outcome
        Outcome of each named part of the claim; empty where none is named.
    readings : dict of str to Outcome
        Outcome under each reading of an under-specified point; empty where there is one only.
    """

    part: str
    outcome: Outcome
    reason: str
    rule: str | None
    checks: tuple[Check, ...]
    sensitivity: Sensitivity
    where: dict[str, Outcome] = field(default_factory=dict)
    readings: dict[str, Outcome] = field(default_factory=dict)

    @property
    def depends_on_reading(self) -> bool:
        """Whether two readings that were run disagree."""
        judged = {outcome for outcome in self.readings.values() if outcome not in (NOT_TESTABLE, NOT_ASKED)}
        return len(judged) > 1

    @property
    def words(self) -> str:
        """The outcome as written in a sentence, with its named parts where they differ."""
        if len(set(self.where.values())) < 2:
            return self.outcome
        named = "; ".join(f"{outcome} on {name}" for name, outcome in self.where.items())
        return f"{self.outcome} ({named})"


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


def judge(
    claim: Claim,
    results: Mapping[str, Result],
    tiers: Mapping[str, str],
    published: Mapping[str, Published] | None = None,
) -> ClaimVerdict:
    """Judge one claim.

    Parameters
    ----------
    claim : Claim
    results : mapping of result id to Result
        What was computed; ids that are missing lead to *not testable here*.
    tiers : mapping of data set to tier
        The data of the run.
    published : mapping of id to Published, optional
        For what the paper's own design could have seen; left out without it.

    Returns
    -------
    ClaimVerdict
        *not testable here* where a result is missing or lacks what the rule reads, or where the input
        does not bind; *survives* is *not asked* where *sound* fails.
    """
    unbound = _why_not_binding(claim, tiers)
    parts = _judge_rules(claim, claim.verdicts, results, unbound, published or {})
    if claim.alternatives:
        others = {
            name: _judge_rules(claim, rules, results, unbound, {})
            for name, rules in claim.alternatives.items()
        }
        for part, verdict in parts.items():
            readings = {claim.readings[0].name: verdict.outcome}
            readings |= {name: other[part].outcome for name, other in others.items()}
            parts[part] = replace(verdict, readings=readings, reason=verdict.reason + _on_readings(readings))
    used = {name: tiers[name] for name in claim.datasets if name in tiers}
    return ClaimVerdict(claim=claim, tiers=used, **parts)


def judge_run(
    register: Mapping[str, ChapterClaims],
    results: Mapping[str, ChapterResults],
    published: Mapping[str, Published] | None = None,
) -> list[ClaimVerdict]:
    """Judge every claim of the register with the results of a run.

    Claims of a chapter without results are *not testable here*. ``published`` defaults to the project's.
    """
    known = load_published() if published is None else published
    verdicts = []
    for name, chapter in register.items():
        run = results.get(name)
        for claim in chapter.claims:
            verdicts.append(judge(claim, run.results if run else {}, run.tiers if run else {}, known))
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


def _judge_rules(
    claim: Claim,
    rules: VerdictRules,
    results: Mapping[str, Result],
    unbound: str | None,
    published: Mapping[str, Published],
) -> dict[str, Verdict]:
    parts: dict[str, Verdict] = {}
    for part in PARTS:
        rule = getattr(rules, part)
        checks = tuple(
            check(
                condition,
                results.get(condition.result),
                claim.matters[condition.matters].difference if condition.matters else 0.0,
                published,
            )
            for condition in rule.conditions
        )
        if rule.not_applicable is not None:
            parts[part] = _unjudged(part, NOT_ASKED, f"Not asked: {rule.not_applicable}", rule, checks)
        elif part == "survives" and parts["sound"].outcome == "fails":
            reason = "Not asked: the claim fails before a further baseline is asked."
            parts[part] = _unjudged(part, NOT_ASKED, reason, rule, checks)
        elif obstacle := unbound or _why_missing(checks):
            parts[part] = _unjudged(part, NOT_TESTABLE, obstacle, rule, checks)
        else:
            parts[part] = _judged(part, rule, checks)
    return parts


def _unjudged(part: str, outcome: Outcome, reason: str, rule: PartRule, checks: tuple[Check, ...]) -> Verdict:
    return Verdict(part, outcome, reason, rule.rule, checks, Sensitivity(None, None, ""))


def _judged(part: str, rule: PartRule, checks: tuple[Check, ...]) -> Verdict:
    outcome, where = _combine(rule, checks)
    return Verdict(
        part,
        outcome,
        _reason(rule, checks, where),
        rule.rule,
        checks,
        _sensitivity(rule, checks, outcome),
        where,
    )


def _why_missing(checks: Iterable[Check]) -> str | None:
    absent, undefined, simulated = [], [], []
    for one in checks:
        if one.result is None:
            absent.append(one.condition.result)
        elif one.missing:
            undefined.append(f"{one.condition.result} ({', '.join(one.missing)})")
        elif one.result.tier == "simulated":
            simulated.append(one.condition.result)
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


def _reason(rule: PartRule, checks: tuple[Check, ...], where: Mapping[str, Outcome]) -> str:
    lead = "".join(f"{name}: {outcome}. " for name, outcome in where.items())
    if len(checks) > 1:
        counts = [(sum(one.outcome == outcome for one in checks), outcome) for outcome in OUTCOMES]
        counted = ", ".join(f"{n} {outcome}" for n, outcome in counts if n)
        lead += f"Of {len(checks)} conditions ({rule.require} required): {counted}. "
    return lead + "; ".join(one.sentence for one in checks) + "."


def _combine(
    rule: PartRule, checks: tuple[Check, ...], factor: float = 1.0
) -> tuple[Outcome, dict[str, Outcome]]:
    """Return the outcome of a part, and of each named part of the claim."""
    groups: dict[str | None, list[Outcome | None]] = {}
    for one in checks:
        groups.setdefault(one.condition.where, []).append(one.outcome_at(factor))
    found = {name: _required(rule.require, outcomes) for name, outcomes in groups.items()}
    where = {name: outcome for name, outcome in found.items() if name is not None}
    different = set(found.values())
    if len(different) == 1:
        return different.pop(), where
    return ("partly" if "holds" in different else "unresolved"), where


def _required(require: str, outcomes: list[Outcome | None]) -> Outcome:
    n, hold, fail = len(outcomes), outcomes.count("holds"), outcomes.count("fails")
    needed = {"all": n, "any": 1, "majority": n // 2 + 1}[require]
    if hold >= needed:
        return "holds"
    return "fails" if n - fail < needed else "unresolved"


def _sensitivity(rule: PartRule, checks: tuple[Check, ...], outcome: Outcome) -> Sensitivity:
    if all(one.margin == 0 and one.condition.tolerance == 0 for one in checks):
        return Sensitivity(None, None, "The rule has no tolerance.")
    half, double = _combine(rule, checks, 0.5)[0], _combine(rule, checks, 2.0)[0]
    moves = [
        f"turns to {moved} when what would matter is {how}"
        for moved, how in ((half, "halved"), (double, "doubled"))
        if moved != outcome
    ]
    sentence = " and ".join(moves) or "unchanged when what would matter is halved or doubled"
    return Sensitivity(half, double, sentence[0].upper() + sentence[1:] + ".")


def _on_readings(readings: Mapping[str, Outcome]) -> str:
    run = {name: outcome for name, outcome in readings.items() if outcome not in (NOT_TESTABLE, NOT_ASKED)}
    if not run:
        return ""
    left = [name for name in readings if name not in run]
    if len(set(run.values())) > 1:
        text = " Depends on the reading: " + ", ".join(
            f"{outcome} with {name}" for name, outcome in run.items()
        )
    elif len(run) > 1:
        text = " The same under every reading that was run: " + ", ".join(run)
    else:
        text = f" Judged under one reading: {next(iter(run))}"
    return text + (f" (not run, or not asked: {', '.join(left)})." if left else ".")
