"""One figure for all papers: what the network gains over the strongest simple model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from helpers.claims.gains import Gain
from helpers.claims.numbers import format_bound, format_estimate
from helpers.claims.verdict import ClaimVerdict
from helpers.display.board import summary
from helpers.display.html import Html

STYLE = """<style>
.hg-gains table {width: 100%; border-collapse: collapse; font-size: 0.9rem; display: table;}
.hg-gains th, .hg-gains td {text-align: left; padding: 0.2rem 0.5rem; border: 0; background: transparent;
 color: inherit; white-space: normal; vertical-align: middle;}
.hg-gains tbody tr.hg-chapter th {font-weight: 600; padding-top: 0.7rem;}
.hg-gains tbody th {font-weight: 400;}
.hg-gains svg {width: 100%; min-width: 7rem; height: 1.7rem; display: block;}
.hg-gains .zero {stroke: currentColor; stroke-width: 1;}
.hg-gains .band {fill: currentColor; fill-opacity: 0.09;}
.hg-gains .line {stroke: currentColor; stroke-width: 2; vector-effect: non-scaling-stroke;}
.hg-gains .seen {stroke: rgb(213,94,0); stroke-width: 1.5; stroke-dasharray: 2 2;
 vector-effect: non-scaling-stroke;}
.hg-gains .holds {fill: rgb(0,158,115);} .hg-gains .fails {fill: rgb(213,94,0);}
.hg-gains .unresolved {fill: rgb(86,180,233);}
.hg-gains caption {text-align: left; caption-side: top; color: inherit; font-weight: 600;}
.hg-note {font-size: 0.85rem; opacity: 0.85;}
</style>"""

_WORDS = {"holds": "ahead", "fails": "not ahead", "unresolved": "unresolved"}
_SHAPES = {
    "holds": '<circle class="holds" cx="{x}" cy="12" r="5"/>',
    "fails": '<rect class="fails" x="{left}" y="8" width="8" height="8"/>',
    "unresolved": '<polygon class="unresolved" points="{left},17 {x},6 {right},17"/>',
}
_REACH = 8.0  # units of what matters on either side; what lies beyond ends in an arrow
_WIDTH = 320


def gains_title(gains: Sequence[Gain]) -> str:
    """State what the figure shows: how often the network is ahead."""
    outcomes = [gain.check.outcome for gain in gains]
    return (
        f"The network is ahead of the strongest simple model in {outcomes.count('holds')} of {len(gains)} "
        f"comparisons, not ahead by anything that matters in {outcomes.count('fails')}, and "
        f"{outcomes.count('unresolved')} cannot be resolved"
    )


def findings(verdicts: Sequence[ClaimVerdict], gains: Sequence[Gain]) -> list[str]:
    """Return what was found over all papers in three sentences, computed from verdicts and gains."""
    own = [v for v in verdicts if (v.claim.whose, v.claim.polarity) == ("paper", "success")]
    sentences = [summary(own)] if own else []
    if gains:
        seen = sum(gain.visible <= 1 for gain in gains)
        sentences += [
            f"{gains_title(gains)}.",
            f"The designs here could have seen a gain of the size that would matter in {seen} of "
            f"{len(gains)} comparisons, four times in five; where they could not, a null result says little.",
        ]
    return sentences


def gains_html(gains: Sequence[Gain], titles: Mapping[str, str]) -> Html:
    """Draw every gain in units of the smallest difference that would matter, chapter by chapter.

    Parameters
    ----------
    gains : sequence of Gain
    titles : mapping of chapter to title
    """
    if not gains:
        return Html("<p>No comparison with the strongest simple model was computed in this run.</p>")
    body, previous = "", None
    for gain in gains:
        if gain.chapter != previous:
            title = escape(titles.get(gain.chapter, gain.chapter))
            body += f'<tr class="hg-chapter"><th colspan="3" scope="rowgroup">{title}</th></tr>'
            previous = gain.chapter
        body += _row(gain)
    note = (
        "One unit is the smallest difference that would matter, declared per metric with its reason; the "
        "grey band is one unit on either side of zero, right is in the network's favour. Circle: ahead. "
        "Square: every gain that would matter is excluded. Triangle: unresolved. Dashed: the smallest "
        "gain that the design sees four times in five. Limits are corrected for the choice of the strongest."
    )
    return Html(
        f'{STYLE}<div class="hg-gains"><table><caption>{escape(gains_title(gains))}.</caption>'
        f"<tbody>{body}</tbody></table>"
        f'<p class="hg-note">{escape(note)}</p></div>'
    )


def _row(gain: Gain) -> str:
    check = gain.check
    result = check.result
    assert result is not None and check.outcome is not None
    text = " ".join(format_estimate(result.value, result.low, result.high, signed=True))
    unit = f"n = {result.n}; " if result.n is not None else ""
    return (
        f'<tr><th scope="row">{escape(check.condition.label or "")}</th><td>{_plot(gain)}</td>'
        f"<td>{escape(text)}<br><small>{unit}matters from {format_bound(check.margin)}: "
        f"{_WORDS[check.outcome]}</small></td></tr>"
    )


def _plot(gain: Gain) -> str:
    value, low, high = gain.scaled

    def x(number: float) -> float:
        clipped = max(-_REACH, min(_REACH, number))
        return round(_WIDTH / 2 + clipped / _REACH * (_WIDTH / 2 - 8), 1)

    outcome = gain.check.outcome
    assert outcome is not None
    at = x(value)
    parts = [
        f'<rect class="band" x="{x(-1)}" y="0" width="{x(1) - x(-1):.1f}" height="24"/>',
        f'<line class="zero" x1="{x(0)}" x2="{x(0)}" y1="0" y2="24"/>',
        f'<line class="line" x1="{x(low)}" x2="{x(high)}" y1="12" y2="12"/>',
    ]
    if gain.visible <= _REACH:
        parts.append(f'<line class="seen" x1="{x(gain.visible)}" x2="{x(gain.visible)}" y1="2" y2="22"/>')
    for limit, tip, base in ((low, x(low), 7), (high, x(high), -7)):
        if abs(limit) > _REACH:
            parts.append(f'<polygon points="{tip},12 {tip + base},7 {tip + base},17" fill="currentColor"/>')
    parts.append(_SHAPES[outcome].format(x=at, left=round(at - 4, 1), right=round(at + 4, 1)))
    title = f"{value:+.1f} [{low:+.1f}, {high:+.1f}] units; smallest visible {gain.visible:.1f}"
    return f'<svg viewBox="0 0 {_WIDTH} 24" role="img"><title>{escape(title)}</title>{"".join(parts)}</svg>'
