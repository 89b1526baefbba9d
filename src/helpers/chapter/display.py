"""What a chapter shows in its notebook: boxes, banners and tables as small pieces of HTML."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape, unescape

from PIL import Image

from helpers.claims.board import HEADINGS, SYMBOLS, board_html, tier_text
from helpers.claims.numbers import format_interval, format_number
from helpers.claims.register import ChapterClaims, Deviation
from helpers.claims.results import ChapterResults, Result
from helpers.claims.verdict import ClaimVerdict, result_label

# Tints and inherited text colour: readable in the light and in the dark theme.
_STYLE = """<style>
.hs-box {border: 1px solid rgba(128,128,128,0.5); border-radius: 0.4rem; padding: 0.6rem 0.8rem;
 margin: 0.6rem 0; overflow-x: auto;}
.hs-box p, .hs-box ul, .hs-box ol {margin: 0.25rem 0;}
.hs-banner {border: 2px solid rgb(213,94,0); background: rgba(213,94,0,0.18); border-radius: 0.4rem;
 padding: 0.5rem 0.8rem; margin: 0.6rem 0; font-weight: 600;}
.hs-box table {border-collapse: collapse; margin: 0.3rem 0; font-size: 0.9rem;}
.hs-box th, .hs-box td {text-align: left; vertical-align: top; padding: 0.3rem 0.6rem; white-space: normal;
 border: 0; border-bottom: 1px solid rgba(128,128,128,0.35); background: transparent; color: inherit;}
.hs-box code {overflow-wrap: anywhere;}
.hs-figure {margin: 0.6rem 0;}
.hs-figure img {max-width: 100%; height: auto; background: white;}
.hs-figure figcaption {font-size: 0.9rem; margin-top: 0.3rem; color: inherit !important;
 font-weight: 400; text-align: left;}
/* The book's theme puts HTML outputs on a light ground in its dark mode; these follow the theme instead. */
html[data-theme="dark"] .cell_output .text_html:has(.hs-box, .hs-banner, .hs-figure) {
 background: transparent !important; color: var(--pst-color-text-base) !important;}
</style>"""


class Html:
    """A piece of HTML that a notebook shows; plain text where HTML is not shown."""

    def __init__(self, html: str) -> None:
        self.html = html

    def _repr_html_(self) -> str:
        return self.html

    def __repr__(self) -> str:
        without_style = re.sub(r"<style>.*?</style>", "", self.html, flags=re.DOTALL)
        text = unescape(re.sub(r"<[^>]+>", " ", without_style))
        return re.sub(r"\s+", " ", text).strip()


class Glued:
    """A number for prose.

    ``{glue}`id``` shows the rounded text, ``{glue:text}`id:.4f``` formats the full number.
    """

    def __init__(self, value: float | str, text: str) -> None:
        self.value = value
        self.text = text

    def _repr_html_(self) -> str:
        return f"<span>{escape(self.text)}</span>"

    def __repr__(self) -> str:
        return str(self.value)


def box(*parts: str) -> Html:
    """Put paragraphs into a box; parts are HTML."""
    return Html(_STYLE + f'<div class="hs-box">{"".join(parts)}</div>')


def paragraph(text: str) -> str:
    """Return a paragraph of plain text as HTML."""
    return f"<p>{escape(text)}</p>"


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table of plain texts as HTML."""
    head = "".join(f'<th scope="col">{escape(column)}</th>' for column in columns)
    body = "".join(f"<tr>{''.join(f'<td>{escape(str(cell))}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def data_card(name: str, tier: str, counts: str, notes: Sequence[str], *, method_check: bool) -> Html:
    """Show which data a chapter uses, with a banner where they are simulated in place of real ones."""
    banner = ""
    if tier == "simulated" and not method_check:
        banner = (
            '<div class="hs-banner" role="note">⚠ Simulated data: '
            f"{escape(name)} stands in for the real data set. Numbers below say nothing about drugs or "
            "cells, and no claim gets a verdict from them.</div>"
        )
    purpose = " (planted truth, for a method check)" if method_check else ""
    lead = f"<p><b>{escape(name)}</b> – tier <b>{escape(tier)}</b>{purpose}{escape(counts)}</p>"
    items = "".join(f"<li>{escape(note)}</li>" for note in notes)
    return Html(_STYLE + banner + f'<div class="hs-box">{lead}{f"<ul>{items}</ul>" if items else ""}</div>')


def header(chapter: ChapterClaims, facts: Sequence[tuple[str, str]]) -> Html:
    """Show the box that opens a chapter: the paper, its claims, and the facts of the run."""
    paper = chapter.paper
    title = f"<i>{escape(paper.title)}</i>"
    if paper.link:
        title = f'<a href="{escape(paper.link)}">{title}</a>'
    items = "".join(f"<li>{escape(claim.claim)} ({escape(claim.source)})</li>" for claim in chapter.claims)
    # The verdicts come at the end of the chapter; the book puts them here, by this name.
    claims = f'<div data-claims="{escape(chapter.chapter)}"><ol>{items}</ol></div>'
    lines = " · ".join(f"{escape(what)}: <b>{escape(value)}</b>" for what, value in facts)
    return box(
        f"<p><b>Paper.</b> {escape(paper.authors)} ({paper.year}). {title}.</p>",
        f"<p><b>Claims.</b></p>{claims}",
        f"<p>{lines}</p>",
    )


def verdict_report(verdicts: Sequence[ClaimVerdict]) -> Html:
    """Show the board of a chapter and, for each claim, the rules, conditions and sensitivity."""
    parts = [board_html(verdicts, {v.claim.id: f"#claim-{v.claim.id}" for v in verdicts})]
    for verdict in verdicts:
        rows = [
            (
                HEADINGS[part.part],
                f"{SYMBOLS[part.outcome]} {part.outcome}",
                part.rule or "–",
                part.reason,
                part.sensitivity.sentence or "–",
            )
            for part in verdict
        ]
        columns = ("Part", "Verdict", "Rule", "Conditions and numbers", "Sensitivity")
        tiers = tier_text(verdict.tiers) or "data not used"
        parts.append(
            f'<details class="hs-box" id="claim-{escape(verdict.claim.id)}"><summary>'
            f"{escape(verdict.claim.claim)}</summary>"
            f"<p>Compared: {escape(verdict.claim.compared)}. Input: {escape(tiers)}.</p>"
            f"{table(columns, rows)}</details>"
        )
    return Html(_STYLE + "".join(parts))


def deviations(rows: Sequence[Deviation], results: Mapping[str, Result]) -> Html:
    """Show where a re-execution departs from its paper or has to guess, with the result that tests it."""
    columns = ("Point", "What, and why it matters", "Choice here", "Tested")
    cells = [(row.point, f"{row.what}: {row.why}.", row.choice, _tested(row.tested, results)) for row in rows]
    return box(table(columns, cells))


def _tested(tested: str | None, results: Mapping[str, Result]) -> str:
    result = results.get(tested) if tested else None
    if result is None:
        return tested or "not tested"
    signed = result.unit == "difference"
    interval = format_interval(result.low, result.high, signed=signed)
    return f"{result_label(tested)} = {format_number(result.value, signed=signed)} {interval}".strip()


class FigureCard:
    """A figure with its caption, as a notebook shows it; the caption is its alternative text."""

    def __init__(self, body: str, caption: str) -> None:
        self.body = body
        self.caption = caption

    @classmethod
    def of_png(cls, png: bytes, caption: str) -> FigureCard:
        """Make a card of a drawn figure."""
        # A palette makes the page a third as heavy; a plot has few colours.
        picture = Image.open(io.BytesIO(png)).convert("RGB").quantize(128, dither=Image.Dither.NONE)
        stream = io.BytesIO()
        picture.save(stream, format="png", optimize=True)
        data = base64.b64encode(stream.getvalue()).decode()
        body = f'<img src="data:image/png;base64,{data}" alt="{escape(caption)}">'
        return cls(body, caption)

    def _repr_html_(self) -> str:
        return (
            f'{_STYLE}<figure class="hs-figure">{self.body}'
            f"<figcaption>{escape(self.caption)}</figcaption></figure>"
        )

    def __repr__(self) -> str:
        return f"Figure: {self.caption}"


def compute_card(run: ChapterResults, device: str) -> Html:
    """Show what a run took and what it was computed from."""
    times = run.times
    wall = f"{times['wall_seconds']:,.0f} s"
    if times["longest_wall_seconds"] > 1.5 * times["wall_seconds"]:
        wall += (
            f", with results that an execution of {times['longest_wall_seconds']:,.0f} s left as checkpoints"
        )
    facts = [
        ("Wall time", wall),
        ("Peak memory", f"{times['longest_peak_memory_bytes'] / 2**20:,.0f} MiB"),
        ("Device", device),
        ("Workers", f"{run.threads} x 1 thread"),
        ("Profile", run.profile),
        ("Data", tier_text(run.input_tiers) or "none"),
        ("Parameters", ", ".join(f"{key} = {value}" for key, value in run.parameters.items())),
        ("Commit", run.commit),
        ("Versions", ", ".join(f"{name} {version}" for name, version in run.versions.items())),
    ]
    inputs = ""
    if run.inputs:
        rows = [(file.name, file.sha256) for file in run.inputs]
        inputs = f"<details><summary>Input files</summary>{table(('File', 'sha256'), rows)}</details>"
    return box("<p><b>Compute card</b></p>", table(("What", "Value"), facts), inputs)
