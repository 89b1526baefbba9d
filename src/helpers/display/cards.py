"""What a chapter shows in its notebook: the box that opens it, data, figures, and what it took."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from helpers.claims.check import result_label
from helpers.claims.numbers import format_estimate
from helpers.claims.register import ChapterClaims, Deviation
from helpers.claims.results import ChapterResults, Result
from helpers.display.html import STYLE, Html, box, table
from helpers.display.tables import tier_text


class Glued:
    """A number for prose.

    ``{glue}`id``` shows the rounded text, ``{glue:text}`id:.4f``` formats the full number.
    """

    def __init__(self, value: float | str | None, text: str) -> None:
        self.value = value
        self.text = text

    def _repr_html_(self) -> str:
        return f"<span>{escape(self.text)}</span>"

    def __repr__(self) -> str:
        return str(self.value)


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
    return Html(STYLE + banner + f'<div class="hs-box">{lead}{f"<ul>{items}</ul>" if items else ""}</div>')


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


def deviations(rows: Sequence[Deviation], results: Mapping[str, Result]) -> Html:
    """Show where a re-execution departs from the paper or has to guess, with the value that tests it."""
    columns = ("Point", "What, and why it matters", "Choice here", "Tested")
    cells = [
        (
            row.point,
            f"{row.what}: {row.why}.",
            row.choice + (f" (changed on {row.date})" if row.date else ""),
            _tested(row.tested, results),
        )
        for row in rows
    ]
    return box(table(columns, cells))


def _tested(id: str | None, results: Mapping[str, Result]) -> str:
    if id is None:
        return "not tested"
    result = results.get(id)
    if result is None:
        return id
    signed = result.unit == "difference"
    value, interval = format_estimate(result.value, result.low, result.high, signed=signed)
    return f"{result_label(id)} = {value} {interval}".strip()


def compute_card(run: ChapterResults, device: str) -> Html:
    """Show what a run took and what it was computed from."""
    times = run.times
    wall = f"{times['wall_seconds']:,.0f} s"
    if times["longest_wall_seconds"] > 1.5 * times["wall_seconds"]:
        wall += (
            f", with results that an execution of {times['longest_wall_seconds']:,.0f} s left as checkpoints"
        )
    taken = [
        f"{found['results']:,} results of {chapter}, which took {found['seconds']:,.0f} s there"
        for chapter, found in times.get("taken_over", {}).items()
    ]
    facts = [
        ("Wall time", wall),
        *([("Taken over", "; ".join(taken))] if taken else []),
        ("Peak memory", f"{times['longest_peak_memory_bytes'] / 2**20:,.0f} MiB"),
        ("Device", device),
        ("Workers", times.get("cluster_workers") or f"{run.threads} x 1 thread"),
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
