"""The verdict board: claims x three parts, as HTML.

The HTML needs no script and no outside file. It names every outcome by colour, symbol and word,
follows the theme of the page, and turns into one card a claim on a narrow screen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from helpers.claims.register import PARTS
from helpers.claims.verdict import NOT_TESTABLE, ClaimVerdict, Verdict
from helpers.display.evidence import KEY, WHOSE, evidence_html
from helpers.display.evidence import STYLE as EVIDENCE_STYLE
from helpers.display.html import STYLE as BOX_STYLE
from helpers.display.html import Html
from helpers.display.tables import HEADINGS, SYMBOLS, groups, tier_text

QUESTIONS = {
    "repeated": "the paper's own comparison with the paper's own statistics",
    "sound": "the same question with corrected statistics, intervals and seeds",
    "survives": "still true against the strongest baseline that the paper left out",
}
_CLASSES = {
    "holds": "holds",
    "partly": "partly",
    "fails": "fails",
    "unresolved": "unresolved",
    NOT_TESTABLE: "untested",
    "not asked": "untested",
}

_SOUND = {
    "holds": "hold",
    "partly": "hold in part",
    "fails": "fail",
    "unresolved": "cannot be resolved",
    NOT_TESTABLE: "not testable on this input",
    "not asked": "not asked",
}

# Okabe-Ito hues as tints behind the page's own text colour, so contrast holds in either theme.
# Margins and display are repeated under the class names because notebook themes style bare tables.
STYLE = """<style>
.hv-board, .hv-chips {--hv-holds: 0,158,115; --hv-partly: 230,159,0; --hv-fails: 213,94,0;
 --hv-unresolved: 86,180,233; --hv-untested: 128,128,128;}
.hv-board table {width: 100%; border-collapse: collapse; margin: 0.5rem 0; font-size: 0.95rem;
 display: table;}
.hv-board th, .hv-board td {text-align: left; vertical-align: top; padding: 0.45rem 0.5rem;
 white-space: normal; border: 0; border-bottom: 1px solid rgba(128,128,128,0.35); background: transparent;
 color: inherit;}
.hv-board thead th {font-weight: 600;}
.hv-board tbody th {font-weight: 400; width: 55%;}
.hv-board tbody tr.hv-chapter th {font-weight: 600; padding-top: 1.1rem; width: auto;}
.hv-board table.hv-chapters {margin-bottom: 1.2rem;}
.hv-board table.hv-chapters td {white-space: nowrap;}
.hv-board details {font-size: 0.85rem; margin-top: 0.25rem;}
.hv-board summary {cursor: pointer; min-height: 1.5rem;}
.hv-board tr:has(+ .hv-more) > * {border-bottom: 0;}
.hv-board .hv-more > td {padding: 0 0.5rem 0.3rem;}
.hv-meta {font-size: 0.8rem; opacity: 0.8;}
.hv-chip {display: inline-block; padding: 0.15rem 0.5rem; border-radius: 0.8rem; border: 1.5px solid;
 line-height: 1.35;}
.hv-board a, .hv-board a:hover, .hv-chips a, .hv-chips a:hover {color: inherit;}
.hv-board a.hv-chip, .hv-chips a.hv-chip {text-decoration: none;}
.hv-board a.hv-chip:hover, .hv-board a.hv-chip:focus {text-decoration: underline;}
.hv-holds {background: rgba(var(--hv-holds),0.22); border-color: rgb(var(--hv-holds));}
.hv-partly {background: rgba(var(--hv-partly),0.22); border-color: rgb(var(--hv-partly));}
.hv-fails {background: rgba(var(--hv-fails),0.22); border-color: rgb(var(--hv-fails));}
.hv-unresolved {background: rgba(var(--hv-unresolved),0.22); border-color: rgb(var(--hv-unresolved));}
.hv-untested {background: rgba(var(--hv-untested),0.12); border-color: rgb(var(--hv-untested));
 border-style: dashed;}
.hv-hidden {position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%);
 white-space: nowrap;}
.hv-part {display: none; font-weight: 600;}
.hv-chips ul {list-style: none; margin: 0.3rem 0; padding: 0;}
.hv-chips li {margin: 0.35rem 0;}
.hv-chips .hv-chip {font-size: 0.85rem; margin: 0.1rem 0.25rem 0.1rem 0;}
@media (max-width: 640px) {
 .hv-board table, .hv-board tbody, .hv-board tr, .hv-board tbody th, .hv-board td {
  display: block; width: auto;}
 .hv-board thead {position: absolute; clip-path: inset(50%);}
 .hv-board tr {border: 1px solid rgba(128,128,128,0.45); border-radius: 0.5rem; margin: 0 0 0.7rem;
  padding: 0.2rem;}
 .hv-board tbody th, .hv-board td {border: 0; padding: 0.25rem 0.4rem;}
 .hv-part {display: inline-block; min-width: 5.5rem;}
}
</style>"""


def summary(verdicts: Sequence[ClaimVerdict]) -> str:
    """Count the verdicts in sentences, one for each group of claims that must not be mixed."""
    if not verdicts:
        return "No claims are registered."
    sentences = []
    for title, members in groups(verdicts).items():
        sound = [verdict.sound.outcome for verdict in members]
        counts = [f"{sound.count(outcome)} {words}" for outcome, words in _SOUND.items() if outcome in sound]
        survives = [verdict.survives.outcome for verdict in members]
        asked = len(survives) - survives.count("not asked") - survives.count(NOT_TESTABLE)
        text = f"Of {len(members)} {title}, with corrected statistics: {', '.join(counts)}"
        if asked:
            text += f"; {survives.count('holds')} of {asked} asked survive the strongest baseline left out"
        sentences.append(text + ".")
    return " ".join(sentences)


def board_html(
    verdicts: Sequence[ClaimVerdict],
    links: Mapping[str, str] | None = None,
    titles: Mapping[str, str] | None = None,
) -> str:
    """Return the verdict board as HTML.

    Parameters
    ----------
    verdicts : sequence of ClaimVerdict
    links : mapping of claim id to address, optional
        Where the chapter judges the claim; claims without an entry get no link.
    titles : mapping of chapter to title, optional
        Claims are then grouped by chapter, in the order of the verdicts, below a table that counts the
        outcomes of each chapter. Chapters without an entry go by their names.
    """
    links = links or {}
    head = "".join(
        f'<th scope="col" title="{escape(QUESTIONS[part])}">{HEADINGS[part]}</th>' for part in PARTS
    )
    groups: dict[str, list[ClaimVerdict]] = {}
    for verdict in verdicts:
        groups.setdefault(verdict.claim.chapter if titles is not None else "", []).append(verdict)
    bodies = ""
    for chapter, members in groups.items():
        heading = _chapter_row(chapter, titles.get(chapter, chapter)) if titles is not None else ""
        rows = "".join(_row(verdict, links.get(verdict.claim.id)) for verdict in members)
        bodies += f"<tbody>{heading}{rows}</tbody>"
    overview = _chapters(groups, titles, head) if titles else ""
    return (
        f'{STYLE}{EVIDENCE_STYLE}<div class="hv-board"><p>{escape(summary(verdicts))}</p>{overview}'
        f'<table><thead><tr><th scope="col">Claim</th>{head}</tr></thead>{bodies}</table>'
        f"{_key()}</div>"
    )


def chips_html(verdicts: Sequence[ClaimVerdict]) -> str:
    """Return a compact list of claims with their three verdicts, for the box that opens a chapter."""
    items = ""
    for verdict in verdicts:
        chips = "".join(_chip(part, f"#claim-{verdict.claim.id}", heading=True) for part in verdict)
        items += f"<li>{escape(verdict.claim.claim)}<br>{chips}</li>"
    return f'{STYLE}<div class="hv-chips"><ul>{items}</ul></div>'


def verdict_report(verdicts: Sequence[ClaimVerdict]) -> Html:
    """Show the board of a chapter; each claim unfolds to its evidence, at ``#claim-<id>``."""
    links = {verdict.claim.id: f"#claim-{verdict.claim.id}" for verdict in verdicts}
    return Html(BOX_STYLE + board_html(verdicts, links))


def _chapters(groups: Mapping[str, Sequence[ClaimVerdict]], titles: Mapping[str, str], head: str) -> str:
    """Count the outcomes chapter by chapter; the titles lead to the claims below."""
    rows = ""
    for chapter, members in groups.items():
        cells = "".join(
            f'<td><span class="hv-part" aria-hidden="true">{HEADINGS[part]}</span>'
            f"{_tally([v.outcomes[part] for v in members])}</td>"
            for part in PARTS
        )
        title = escape(titles.get(chapter, chapter))
        rows += f'<tr><th scope="row"><a href="#chapter-{escape(chapter)}">{title}</a></th>{cells}</tr>'
    return (
        f'<table class="hv-chapters"><thead><tr><th scope="col">Claims by chapter</th>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table>"
    )


def _tally(outcomes: Sequence[str]) -> str:
    counts = [(symbol, outcomes.count(outcome), outcome) for outcome, symbol in SYMBOLS.items()]
    return " ".join(f'<span title="{outcome}">{symbol} {n}</span>' for symbol, n, outcome in counts if n)


def _chapter_row(chapter: str, title: str) -> str:
    """Head the claims of a chapter with its title."""
    return (
        f'<tr class="hv-chapter" id="chapter-{escape(chapter)}">'
        f'<th scope="rowgroup" colspan="{1 + len(PARTS)}">'
        f"{escape(title)}</th></tr>"
    )


def _row(verdict: ClaimVerdict, href: str | None) -> str:
    claim = verdict.claim
    sentence = escape(claim.claim)
    if href:
        sentence = f'<a href="{escape(href)}">{sentence}</a>'
    meta = " · ".join(filter(None, (WHOSE[claim.whose], claim.source, tier_text(verdict.tiers))))
    cells = "".join(
        f'<td><span class="hv-part" aria-hidden="true">{HEADINGS[part.part]}</span>{_chip(part, href)}</td>'
        for part in verdict
    )
    facts = {
        "claim": claim.id,
        "chapter": claim.chapter,
        "whose": claim.whose,
        "polarity": claim.polarity,
        "input": ", ".join(sorted(set(verdict.tiers.values()))) or "none",
        **verdict.outcomes,
    }
    data = " ".join(f'data-{name}="{escape(value)}"' for name, value in facts.items())
    return (
        f'<tr {data}><th scope="row">{sentence}<div class="hv-meta">{escape(meta)}</div></th>{cells}</tr>'
        f'<tr class="hv-more"><td colspan="{1 + len(PARTS)}"><details id="claim-{escape(claim.id)}">'
        f"<summary>Evidence: {escape(claim.id)}</summary>{evidence_html(verdict)}</details></td></tr>"
    )


def _chip(verdict: Verdict, href: str | None = None, *, heading: bool = False) -> str:
    reason = escape(full_reason(verdict))
    # In a list of chips there is no column heading to tell the parts apart.
    part = HEADINGS[verdict.part]
    label = f"{part}: {escape(verdict.words)}" if heading else escape(verdict.words)
    prefix = "" if heading else f'<span class="hv-hidden">{part}: </span>'
    symbol = f'<span aria-hidden="true">{SYMBOLS[verdict.outcome]}</span>'
    body = f'{prefix}{symbol} <span class="hv-word">{label}</span>'
    attributes = f'class="hv-chip hv-{_CLASSES[verdict.outcome]}" title="{reason}"'
    return (
        f'<a {attributes} href="{escape(href)}">{body}</a>' if href else f"<span {attributes}>{body}</span>"
    )


def full_reason(verdict: Verdict) -> str:
    """Return the reason with the line on sensitivity."""
    return f"{verdict.reason} {verdict.sensitivity.sentence}".strip()


def _key() -> str:
    parts = "; ".join(f"<b>{HEADINGS[part]}</b>: {escape(QUESTIONS[part])}" for part in PARTS)
    symbols = " ".join(
        f'<span class="hv-chip hv-{_CLASSES[outcome]}">{symbol} {outcome}</span>'
        for outcome, symbol in SYMBOLS.items()
    )
    return f'<p class="hv-meta">{parts}.<br>{symbols}<br>{escape(KEY)}</p>'
