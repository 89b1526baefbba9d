"""Commands around the book: ``build``, ``record`` and the hidden ``check`` behind ``make lint``."""

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

    root = project_root()
    folder = chosen_run(root, run)
    start = time.monotonic()
    html = build_book(root, folder, out or root / "_build")
    seconds = time.monotonic() - start
    output.print(f"book of {short(folder)} in {seconds:.0f} s: {short(html / 'index.html')}", soft_wrap=True)


@app.command()
def record(run: RunFolder = None) -> None:
    """Keep a finished run on real data as the run of record (book/record), for a commit.

    The published site is built from it, and other runs are compared with it. Paths of this machine are
    taken out.
    """
    from helpers.run.of_record import keep_as_record

    root = project_root()
    folder = chosen_run(root, run)
    output.print(
        f"run of record: {short(keep_as_record(root, folder))}, from {short(folder)}", soft_wrap=True
    )


@app.command(hidden=True)
def check(
    write_pairs: Annotated[bool, typer.Option("--write-pairs", help="First write each .ipynb.")] = False,
) -> None:
    """Check the pairs of notebooks, that they hold no outputs, and the internal links."""
    from helpers.book import checks

    root = project_root()
    if write_pairs:
        for path in checks.write_pairs(root):
            output.print(f"wrote {short(path)}", soft_wrap=True)
    problems = [*checks.check_pairs(root), *checks.check_outputs(root), *checks.check_links(root)]
    for problem in problems:
        errors.print(escape(problem), soft_wrap=True)
    if problems:
        raise typer.Exit(1)
    output.print("pairs in sync, no outputs, internal links good")
