"""The evidence behind a verdict: each condition with its interval, what would matter, what could be seen."""

from __future__ import annotations

from html import escape

from helpers.claims.check import Check
from helpers.claims.numbers import format_bound, format_estimate, format_p
from helpers.claims.verdict import ClaimVerdict, Verdict
from helpers.display.tables import HEADINGS, SYMBOLS, check_name, tier_text

WHOSE = {
    "paper": "a finding of the paper",
    "announced": "announced by the paper, not tested there",
    "ours": "a test of ours",
}

STYLE = """<style>
.hv-evidence {overflow-x: auto;}
.hv-evidence p {margin: 0.4rem 0 0.1rem;}
.hv-plot {width: 13rem; height: 1.6rem; display: block; overflow: visible;}
.hv-plot .axis {stroke: currentColor; stroke-opacity: 0.5; stroke-width: 1;}
.hv-plot .interval {stroke: rgb(0,114,178); stroke-width: 2.5;}
.hv-plot .dot {fill: rgb(0,114,178);}
.hv-plot .matters {fill: rgb(0,158,115); fill-opacity: 0.22;}
.hv-plot .visible {stroke: rgb(213,94,0); stroke-width: 2; stroke-dasharray: 2 2;}
.hv-plot .published {fill: none; stroke: currentColor; stroke-width: 1.5;}
</style>"""

KEY = (
    "Blue: estimate with its 95 % interval. Grey line: the bound. Green: differences that would matter in "
    "the claim's favour. Dashed: the smallest difference that this design sees four times in five. "
    "Diamond: published."
)

_WIDTH, _HEIGHT, _EDGE = 200, 24, 6


def evidence_html(verdict: ClaimVerdict) -> str:
    """Return, part by part, the rule, each condition with a small plot, and how firm the outcome is."""
    claim = verdict.claim
    polarity = "that something works" if claim.polarity == "success" else "that something does not work"
    lead = (
        f"<p>Whose claim: {WHOSE[claim.whose]} ({polarity}). Compared: {escape(claim.compared)}. "
        f"Input: {escape(tier_text(verdict.tiers) or 'data not used')}.</p>"
    )
    return f'<div class="hv-evidence">{lead}{"".join(_part(part) for part in verdict)}</div>'


def _part(part: Verdict) -> str:
    head = f"<p><b>{HEADINGS[part.part]}: {SYMBOLS[part.outcome]} {escape(part.words)}.</b> "
    if part.outcome in ("not asked", "not testable here"):
        return f"{head}{escape(part.reason)}</p><p>{escape(part.rule or '')}</p>"
    body = "".join(_row(check) for check in part.checks)
    columns = (
        "Condition",
        "Ours [95 % interval]",
        "n",
        "Outcome",
        "Smallest visible: here",
        "in the paper",
        "",
    )
    table = "".join(f'<th scope="col">{column}</th>' for column in columns)
    notes = part.sensitivity.sentence
    if part.readings:
        readings = "; ".join(f"{name}: {outcome}" for name, outcome in part.readings.items())
        notes += f" Readings: {readings}."
    return (
        f"{head}{escape(part.rule or '')}</p>"
        f'<table class="hv-conditions"><thead><tr>{table}</tr></thead><tbody>{body}</tbody></table>'
        f"<p>{escape(notes)}</p>"
    )


def _row(check: Check) -> str:
    result = check.result
    assert result is not None  # a part with a missing result shows no table
    signed = check.condition.kind != "point" and check.condition.bound == 0
    ours, interval = format_estimate(result.value, result.low, result.high, signed=signed)
    p = f"p {format_p(result.p)}" if check.condition.kind == "test" else ""
    cells = (
        check_name(check),
        f"{ours} {interval} {p}".strip(),
        "–" if result.n is None else str(result.n),
        check.outcome or "–",
        _visible(check.visible),
        _visible(check.published.visible if check.published else None),
    )
    row = "".join(f"<td>{escape(cell)}</td>" for cell in cells)
    return f"<tr>{row}<td>{mini_plot(check)}</td></tr>"


def _visible(value: float | None) -> str:
    return "–" if value is None else format_bound(float(f"{value:.2g}"))


def mini_plot(check: Check) -> str:
    """Draw one condition on its own axis; empty where the result has no interval."""
    result, condition = check.result, check.condition
    if result is None or result.value is None or result.low is None or result.high is None:
        return ""
    bound, direction = condition.bound, condition.direction
    marks = [bound, result.value, result.low, result.high]
    edges = (
        [bound - check.margin, bound + check.margin] if not direction else [bound + direction * check.margin]
    )
    seen = None if check.visible is None or not direction else bound + direction * check.visible
    paper = None if check.published is None else check.published.difference
    # The zone of what matters is seen even where nothing reaches it.
    marks += [bound + 1.6 * (edge - bound) for edge in edges] + [x for x in (seen, paper) if x is not None]
    low, high = min(marks), max(marks)
    scale = (_WIDTH - 2 * _EDGE) / ((high - low) or 1.0)

    def x(value: float) -> str:
        return f"{_EDGE + (value - low) * scale:.1f}"

    middle = _HEIGHT / 2
    parts = []
    if condition.matters:
        first, last = edges if not direction else (edges[0], high if direction > 0 else low)
        left, right = sorted((float(x(first)), float(x(last))))
        parts.append(
            f'<rect class="matters" x="{left}" y="2" width="{right - left:.1f}" height="{_HEIGHT - 4}"/>'
        )
    parts.append(f'<line class="axis" x1="{x(bound)}" x2="{x(bound)}" y1="0" y2="{_HEIGHT}"/>')
    if seen is not None:
        parts.append(f'<line class="visible" x1="{x(seen)}" x2="{x(seen)}" y1="3" y2="{_HEIGHT - 3}"/>')
    parts.append(
        f'<line class="interval" x1="{x(result.low)}" x2="{x(result.high)}" y1="{middle}" y2="{middle}"/>'
        f'<circle class="dot" cx="{x(result.value)}" cy="{middle}" r="4"/>'
    )
    if paper is not None:
        at = float(x(paper))
        points = f"{at},{middle - 6} {at + 6},{middle} {at},{middle + 6} {at - 6},{middle}"
        parts.append(f'<polygon class="published" points="{points}"/>')
    return (
        f'<svg class="hv-plot" viewBox="0 0 {_WIDTH} {_HEIGHT}" preserveAspectRatio="none" role="img">'
        f"<title>{escape(check.sentence)}</title>{''.join(parts)}</svg>"
    )
