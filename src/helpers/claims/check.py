"""Hold one condition against one result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from helpers.claims.conditions import Condition
from helpers.claims.numbers import format_bound, format_estimate, format_number, format_p
from helpers.claims.power import PublishedDifference, published_difference, smallest_visible
from helpers.claims.published import Published
from helpers.claims.results import Result

Outcome = Literal["holds", "partly", "fails", "unresolved", "not testable here", "not asked"]

#: What a condition of each kind reads of its result.
NEEDS = {
    "estimate": ("value", "low", "high"),
    "equivalence": ("value", "low", "high"),
    "test": ("value", "p"),
    "point": ("value",),
}


@dataclass(frozen=True)
class Check:
    """One condition with the result that it was held against.

    Attributes
    ----------
    condition : Condition
    result : Result or None
        None where it was not computed.
    margin : float
        The smallest difference that would matter; 0 where the condition names none.
    outcome : {"holds", "fails", "unresolved"} or None
        None where the result is missing or lacks what the condition reads.
    visible : float or None
        Smallest difference that this design sees with 80 % power; None without an interval.
    published : PublishedDifference or None
        What the paper found, and could have seen.
    sentence : str
    """

    condition: Condition
    result: Result | None
    margin: float
    outcome: Outcome | None
    visible: float | None
    published: PublishedDifference | None
    sentence: str

    @property
    def missing(self) -> tuple[str, ...]:
        """Fields that the condition reads and the result lacks."""
        if self.result is None:
            return ()
        return tuple(name for name in NEEDS[self.condition.kind] if getattr(self.result, name) is None)

    def outcome_at(self, factor: float) -> Outcome | None:
        """Return the outcome with ``factor`` times the margin, or the tolerance of a point."""
        if self.result is None or self.missing:
            return None
        return judge_condition(self.condition, self.result, factor * self.margin, factor)


def judge_condition(
    condition: Condition, result: Result, margin: float = 0.0, tolerance_factor: float = 1.0
) -> Outcome:
    """Judge one condition.

    Parameters
    ----------
    condition : Condition
    result : Result
        With all that the condition reads.
    margin : float
        The smallest difference that would matter.
    tolerance_factor : float
        Times the tolerance of a point.

    Returns
    -------
    Outcome
        Of an estimate: *holds* where the interval lies on the claim's side of the bound, *fails* where it
        excludes every difference that would matter in the claim's favour, else *unresolved*. Of an
        equivalence: *holds* where the interval lies within the margin around the bound, *fails* where it
        lies outside. Of a test: *holds* where it rejects in the claim's favour, *fails* where it rejects
        against it or the interval excludes what would matter. A point holds or fails.
    """
    value = result.value
    assert value is not None  # the caller has looked at Check.missing
    if condition.kind == "point":
        limit = condition.bound + tolerance_factor * condition.tolerance
        return "holds" if condition.direction * (value - limit) > 0 else "fails"
    if condition.kind == "test":
        assert result.p is not None and condition.p_below is not None
        if result.p < condition.p_below:
            return "holds" if condition.direction * value > 0 else "fails"
        if condition.matters is None or result.low is None or result.high is None:
            return "unresolved"
        _, best = _towards(condition, result.low, result.high)
        return "fails" if best < margin else "unresolved"
    assert result.low is not None and result.high is not None
    if condition.kind == "equivalence":
        low, high = result.low - condition.bound, result.high - condition.bound
        if -margin < low and high < margin:
            return "holds"
        return "fails" if low > margin or high < -margin else "unresolved"
    worst, best = _towards(condition, result.low, result.high)
    if worst > 0:
        return "holds"
    return "fails" if best < margin else "unresolved"


def check(
    condition: Condition,
    result: Result | None,
    margin: float,
    published: Mapping[str, Published],
) -> Check:
    """Hold a condition against a result, and say what either side could have seen."""
    missing = result is None or any(getattr(result, name) is None for name in NEEDS[condition.kind])
    outcome = None if missing or result is None else judge_condition(condition, result, margin)
    visible = None
    if result is not None and result.low is not None and result.high is not None:
        visible = smallest_visible(result.low, result.high, result.n)
    paper = None
    if condition.published and all(id in published for id in condition.published):
        paper = published_difference(*(published[id] for id in condition.published))
    sentence = _sentence(condition, result, margin, outcome, visible, paper)
    return Check(condition, result, margin, outcome, visible, paper, sentence)


def _towards(condition: Condition, low: float, high: float) -> tuple[float, float]:
    """Return the least and the most favourable limit, measured from the bound in the claim's direction."""
    limits = (condition.direction * (low - condition.bound), condition.direction * (high - condition.bound))
    return min(limits), max(limits)


def _sentence(
    condition: Condition,
    result: Result | None,
    margin: float,
    outcome: Outcome | None,
    visible: float | None,
    paper: PublishedDifference | None,
) -> str:
    name = condition.label or result_label(condition.result)
    needs = _needs(condition, margin)
    if result is None or outcome is None:
        return f"{name}: {needs} (no result)"
    # Held against zero, or recorded as a difference: read with its sign.
    signed = condition.kind != "point" and (condition.bound == 0 or result.unit == "difference")
    value, interval = format_estimate(result.value, result.low, result.high, signed=signed)
    text = f"{name} = {value} {interval}".rstrip()
    if result.p is not None:
        text += f", p {format_p(result.p)}"
    if result.n is not None:
        text += f", n = {result.n}"
    text += f", {needs}: {outcome}"
    if outcome == "holds" and condition.kind == "estimate" and result.low is not None:
        assert result.high is not None
        if _towards(condition, result.low, result.high)[1] < margin:
            text += ", though the difference is smaller than would matter"
    seen = [] if visible is None else [f"here {format_bound(_round(visible))}"]
    if paper is not None and paper.visible is not None:
        seen.append(f"in the paper {format_bound(_round(paper.visible))}")
    if seen:
        text += f"; smallest visible difference: {', '.join(seen)}"
    if paper is not None:
        text += f" (published {format_number(paper.difference, signed=True)})"
    return text


def _needs(condition: Condition, margin: float) -> str:
    if condition.kind == "test":
        return f"needs p < {format_bound(condition.p_below or 0)} and a {condition.sign} value"
    if condition.kind == "equivalence":
        return f"needs {format_bound(condition.bound)} ± {format_bound(margin)}"
    sign = ">" if condition.direction > 0 else "<"
    if condition.kind == "point":
        return f"needs {sign} {format_bound(condition.bound + condition.tolerance)}"
    matter = f" (matters from {format_bound(margin)})" if margin else ""
    return f"needs {sign} {format_bound(condition.bound)}{matter}"


def _round(value: float) -> float:
    return float(f"{value:.2g}")


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
