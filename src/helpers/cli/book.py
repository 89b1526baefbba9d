"""Commands around the book: build, open, record, pairs, and the hidden check of ``make lint``."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from helpers.cli.console import errors, output, short
from helpers.cli.run import RunFolder, chosen_run
from helpers.project import project_root

app = typer.Typer()


@app.command()
def build(
    run: RunFolder = None,
    out: Annotated[Path | None, typer.Option(help="Build folder. Default: _build.")] = None,
) -> None:
    """Build the book from a run folder into _build/html.

    Warnings are errors. A build that fails leaves the last good book, and the log in _build/build.log.
    """
    from helpers.book import build_book
    from helpers.claims.results import load_results
    from helpers.run.status import simulated_note

    root = project_root()
    folder = chosen_run(root, run)
    start = time.monotonic()
    html = build_book(root, folder, out or root / "_build")
    seconds = time.monotonic() - start
    output.print(f"book of {short(folder)} in {seconds:.0f} s: {short(html / 'index.html')}", soft_wrap=True)
    if note := simulated_note(root, load_results(folder), "book"):
        output.print(f"[yellow]{escape(note)}[/]", soft_wrap=True)


@app.command("open")
def open_page(
    chapter: Annotated[
        str | None, typer.Argument(help="Name or number, e.g. 03. Default: the front page.")
    ] = None,
) -> None:
    """Open the built book in a browser, and print where it lies."""
    from helpers.errors import RunError
    from helpers.run.notebooks import select_chapters

    root = project_root()
    name = f"notebooks/{select_chapters(root, [chapter])[0]}" if chapter else "book/index"
    page = root / "_build" / "html" / f"{name}.html"
    if not page.is_file():
        msg = f"there is no page {short(page)}; build the book with: helpers build"
        raise RunError(msg)
    output.print(short(page), soft_wrap=True)
    typer.launch(page.as_uri())


@app.command()
def record(
    chapters: Annotated[
        list[str] | None,
        typer.Argument(metavar="[CHAPTER]...", help="Keep only these, each with its commit; default: all."),
    ] = None,
    run: RunFolder = None,
    repeat: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="DIR",
            help="This run with another seed or machine: tolerances come from it; may be repeated.",
        ),
    ] = None,
    check: Annotated[
        bool,
        typer.Option("--check", help="Only say whether code, data and claims are as recorded."),
    ] = False,
    carry: Annotated[
        bool,
        typer.Option(
            "--carry", help="After a change of form: this run gives the numbers of its record anew."
        ),
    ] = False,
) -> None:
    """Keep a run on real data as the run of record of its profile, for a commit.

    The published site is built from that of profile full (book/record); of another profile the results alone
    are kept (book/record-quick). Other runs are compared with them. Without chapters, all of them must be
    executed at one clean commit; with chapters, these replace those of the record. The page of verdicts is
    executed anew on what the record then holds. Paths of this machine are taken out.

    With --carry a run of profile quick shows that code was changed in form only: where it gives every number
    of book/record-quick to the last bit, the chapters of book/record stand for the code as it is.
    """
    from helpers.run.carry import carry_record
    from helpers.run.of_record import check_record, keep_as_record

    root = project_root()
    if check:
        found = check_record(root)
        for chapter, stale in found.items():
            output.print(f"{chapter}: {escape(', '.join(stale)) or 'as recorded'}", soft_wrap=True)
        if any(found.values()):
            raise typer.Exit(1)
        return
    folder = chosen_run(root, run)
    if carry:
        reasons = carry_record(root, folder)
        for chapter, reason in reasons.items():
            output.print(f"{chapter}: {escape(reason) or 'carried'}", soft_wrap=True)
        if any(reasons.values()):
            raise typer.Exit(1)
        return
    kept = keep_as_record(root, folder, tuple(chapters or ()), tuple(repeat or ()))
    output.print(f"run of record: {short(kept)}, from {short(folder)}", soft_wrap=True)


@app.command()
def pairs(
    from_ipynb: Annotated[
        str | None,
        typer.Option(metavar="CHAPTER", help="First write this chapter's script from its edited .ipynb."),
    ] = None,
    discard: Annotated[bool, typer.Option("--discard", help="Throw away edits of an .ipynb.")] = False,
) -> None:
    """Write every notebooks/*.ipynb from its script; one that was edited is not overwritten unasked."""
    from helpers.run.notebooks import select_chapters
    from helpers.run.pairs import take_over, write_pairs

    root = project_root()
    if from_ipynb:
        [chapter] = select_chapters(root, [from_ipynb])
        output.print(f"wrote {short(take_over(root, chapter))}", soft_wrap=True)
    for path in write_pairs(root, discard):
        output.print(f"wrote {short(path)}", soft_wrap=True)


@app.command(hidden=True)
def check() -> None:
    """Check the pairs of notebooks, that they hold no outputs, and the internal links."""
    from helpers.book.checks import check_links, check_outputs
    from helpers.run.pairs import check_pairs

    root = project_root()
    problems = [*check_pairs(root), *check_outputs(root), *check_links(root)]
    for problem in problems:
        errors.print(escape(problem), soft_wrap=True)
    if problems:
        raise typer.Exit(1)
    output.print("pairs in sync, no outputs, internal links good")
