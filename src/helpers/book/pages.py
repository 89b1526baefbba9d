"""The pages and parts of pages that the machine writes: board, build, differences, data table."""

from __future__ import annotations

import datetime
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

from helpers.book.publication import published_files
from helpers.book.reference import reference_list, reference_pages
from helpers.claims.gains import judge_gains
from helpers.claims.numbers import format_number
from helpers.claims.published import load_published
from helpers.claims.register import load_register
from helpers.claims.verdict import judge_run
from helpers.data.registry import REGISTRIES, Registry
from helpers.display import html
from helpers.display.board import board_html, summary
from helpers.display.export import claims_data
from helpers.display.gains import findings, gains_html
from helpers.errors import RunError
from helpers.run.compare import compare_runs, equality, headline
from helpers.run.seal import load_sealed
from helpers.run.status import simulated_note

if TYPE_CHECKING:
    from helpers.book.stage import Material

_FOLDER = Path("book") / "generated"
_ROWS = 400  # of one table; the JSON files have the rest


def generated(material: Material) -> dict[Path, str]:
    """Return the text of every generated file by its path in the staged tree."""
    files = {
        _FOLDER / "board.md": board_page(material),
        Path("book") / "extra" / "claims.json": json.dumps(claims_data(material.verdicts), indent=1),
        _FOLDER / "build.md": build_page(material),
        _FOLDER / "differences.md": differences_page(material),
        _FOLDER / "data.md": data_page(material.root),
        _FOLDER / "api.md": reference_list(),
    }
    api = {Path("book") / "api" / f"{name}.md": text for name, text in reference_pages().items()}
    return files | api | published_files(material)


def board_page(material: Material) -> str:
    """Return the verdict board, below a banner when a stand-in for real data is in it."""
    banner = simulated_note(material.root, material.results, "book")
    links = {
        verdict.claim.id: f"../notebooks/{verdict.claim.chapter}.html#claim-{verdict.claim.id}"
        for verdict in material.verdicts
        if any(page.name == verdict.claim.chapter for page in material.chapters)
    }
    warning = f":::{{warning}}\n{banner}\n:::\n\n" if banner else ""
    titles = {chapter: results.title.removeprefix("[Re] ") for chapter, results in material.results.items()}
    gains = judge_gains(
        load_register(material.root / "data"), material.results, load_published(material.root / "data")
    )
    found = "\n".join(f"1. {sentence}" for sentence in findings(material.verdicts, gains))
    figure = _raw(gains_html(gains, titles).html)
    board = _raw(board_html(material.verdicts, links, titles))
    return f"{warning}{_older(material)}{_reduced(material)}{found}\n\n{figure}\n{board}{_facts(material)}"


def build_page(material: Material) -> str:
    """Return the facts of this build: notebooks with status and time, versions, device, commit."""
    run = material.run
    rows = []
    for page in material.chapters:
        entry = page.entry
        seconds = f"{entry.total_seconds:.1f}" if entry and entry.total_seconds is not None else "–"
        fresh = "–"
        if entry:
            fresh = "no, older" if page.older else "yes"
        results = material.results.get(page.name)
        tiers = ", ".join(sorted(set(results.input_tiers.values()))) if results else "–"
        peak = results.times.get("peak_memory_bytes") if results else None
        memory = f"{peak / 2**30:.1f} GB" if peak else "–"
        commit = (page.entry.commit or "unknown")[:10] if page.entry else "–"
        if page.entry and "+" in (page.entry.commit or ""):
            commit += ", with changes"
        if page.entry and page.entry.carried:
            last = page.entry.carried[-1]
            commit += f"; {last.commit[:10]} gives the same {last.values:,} numbers in profile {last.profile}"
        rows.append([page.name, page.status, page.shown, commit, seconds, memory, tiers, fresh])
    head = ["notebook", "in this run", "shown", "commit", "seconds", "peak memory", "input"]
    head.append("matches its source")
    facts = [
        ["profile", run.profile],
        ["commit of the latest start", run.commit or "unknown"],
        ["run started", run.started or "–"],
        ["run finished", run.finished or "–"],
        ["book built", datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")],
        ["device", run.device],
        ["threads", str(run.threads)],
        ["compared with the record", equality(material.root, material.folder)],
    ]
    versions = [[name, version] for name, version in run.versions.items()]
    return "\n".join(
        [
            _table(head, rows),
            "## Facts\n",
            _table(["what", "value"], facts),
            "## Versions\n",
            _table(["package", "version"], versions),
        ]
    )


def differences_page(material: Material) -> str:
    """Return what moved between the run of record and this run."""
    if material.record is None:
        return (
            "There is no run of record yet (`book/record/` is empty), so there is nothing to compare "
            f"this run (profile {_plain(material.run.profile)}) with.\n"
        )
    if material.folder.samefile(material.record):
        return "This book was built from the run of record itself, so nothing differs from it.\n"
    try:
        comparison = compare_runs(material.record, material.folder, material.root)
    except RunError:  # both are sealed: see `collect`
        return "No chapter is in both this run and the run of record, so nothing is compared.\n"
    parts = [
        f"{headline(comparison).capitalize()}. The profile of this run is {_plain(material.run.profile)}: "
        "a smaller profile gives other numbers, so what matters is whether a verdict flips.\n"
    ]
    if comparison.causes:
        rows = [
            [cause.chapter, f"{cause.kind} {cause.name}", str(cause.a), str(cause.b)]
            for cause in comparison.causes
        ]
        parts += ["## What was different\n", _table(["chapter", "what", "record", "this run"], rows)]
    if comparison.flips:
        head = ["claim", "part", "record", "this run", "within tolerances"]
        rows = [
            [flip.claim, flip.part, flip.a, flip.b, "yes" if flip.tolerated else "no"]
            for flip in comparison.flips
        ]
        parts += ["## Verdicts that flip\n", _table(head, rows)]
    else:
        parts.append("No verdict flips.\n")
    if comparison.moves:
        head = ["chapter", "result", "field", "record", "this run", "move in half-widths of its interval"]
        rows = [
            [
                *(move.chapter, move.result, move.field, format_number(move.a), format_number(move.b)),
                "–" if move.size is None else f"{move.size:.2g}",
            ]
            for move in comparison.moves[:_ROWS]
        ]
        parts += ["## Values that moved\n", _table(head, rows)]
        if len(comparison.moves) > _ROWS:
            more = len(comparison.moves) - _ROWS
            parts.append(f"{more} more are listed by `helpers compare book/record RUN --limit 0`.\n")
    return "\n".join(parts)


def data_page(root: Path) -> str:
    """Return a table of the registered files."""
    if not any(root.glob(f"data/{REGISTRIES}")):
        return "No data file is registered.\n"
    rows = []
    for file in Registry.load(root / "data"):
        size = f"{file.bytes / 1e6:.1f} MB" if file.bytes else "unknown"
        rows.append([file.key, file.title, file.tier, size, file.owner, file.licence])
    return _table(["file", "what", "tier", "size", "owner", "licence"], rows)


def _older(material: Material) -> str:
    """Say which chapters have numbers that are older than what is now asked of them."""
    names = [page.name for page in material.chapters if page.older]
    if not names:
        return ""
    text = (
        f"Changed after the execution that is shown: {', '.join(names)}. Numbers are those of the older "
        "version there, and a claim whose numbers it did not compute counts as not testable."
    )
    return f":::{{warning}}\n{text} [How this build was made](build.md) has the commits.\n:::\n\n"


def _reduced(material: Material) -> str:
    """Say that a reduced profile is no basis for a verdict, and what the record says."""
    if material.run.profile == "full":
        return ""
    text = (
        f"Built from a reduced run (profile {_plain(material.run.profile)}): fewer folds, candidates and "
        "groups than the papers used, so these verdicts are indicative."
    )
    if material.record is not None:
        register = load_register(material.root / "data")
        official = judge_run(register, load_sealed(material.record))
        text += f" In the run of record: {summary(official)} [What differs](differences.md)."
    return f":::{{note}}\n{text}\n:::\n\n"


def _facts(material: Material) -> str:
    """Return one line on the run below the board."""
    tiers = sorted({tier for results in material.results.values() for tier in results.input_tiers.values()})
    commits = {page.entry.commit or "unknown" for page in material.chapters if page.entry}
    commit = "`, `".join(sorted(commit[:10] for commit in commits)) or "unknown"
    source = ", ".join(tiers) or "none"
    return (
        f"\nRun: profile **{_plain(material.run.profile)}**, input tier **{source}**, commit `{commit}` "
        "(the page of the build names that of each chapter).\n"
    )


def _table(head: list[str], rows: list[list[str]]) -> str:
    """Return an HTML table: unlike a Markdown one it takes any text as it is."""
    return _raw(html.STYLE + html.table(head, rows))


def _raw(text: str) -> str:
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(4, longest + 1)
    return f"{fence}{{raw}} html\n{text}\n{fence}\n"


def _plain(text: str) -> str:
    """Return Markdown that shows a text as it is: any sign of ASCII may be escaped there."""
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", text)
