"""Commands that set runs side by side: ``compare`` and ``explain``."""

from __future__ import annotations

import dataclasses
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from helpers.cli.console import AsJson, output, print_json, short
from helpers.cli.run import RunFolder, chosen_run
from helpers.project import project_root

if TYPE_CHECKING:
    from helpers.run.compare import Comparison

app = typer.Typer()
Limit = Annotated[int, typer.Option(help="Numbers to show; 0 for all.")]


@app.command()
def compare(
    run_a: Annotated[Path, typer.Argument(metavar="RUN_A", help="Run folder, or book/record.")],
    run_b: Annotated[Path, typer.Argument(metavar="RUN_B", help="Run folder.")],
    chapter: Annotated[
        list[str] | None, typer.Option(help="Only this one (name or number); may be repeated.")
    ] = None,
    limit: Limit = 20,
    as_json: AsJson = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit code 1 also when a number moved, or RUN_B lacks one.")
    ] = False,
) -> None:
    """Compare what two runs both hold: what made them differ, then the verdicts, then the numbers.

    A number may move by the tolerance that the record holds for it. Exit code 1 when a verdict flips, unless
    all that it rests on stayed within tolerances that a record has learned from repetitions.
    """
    from helpers.run.compare import compare_runs
    from helpers.run.notebooks import select_chapters

    root = project_root()
    chapters = select_chapters(root, chapter) if chapter else []
    comparison = compare_runs(run_a, run_b, root, chapters)
    if as_json:
        print_json(dataclasses.asdict(comparison))
    else:
        _show(comparison, limit)
    flipped = any(not flip.tolerated for flip in comparison.flips)
    if flipped or (strict and (comparison.moves or comparison.only_a)):
        raise typer.Exit(1)


@app.command()
def explain(
    chapter: Annotated[str, typer.Argument(help="Name or number, e.g. 05.")],
    run: RunFolder = None,
    limit: Limit = 10,
    as_json: AsJson = False,
) -> None:
    """Say why the numbers of a chapter differ from the published page: the record (A) against a run (B)."""
    from helpers.run.compare import compare_runs
    from helpers.run.notebooks import select_chapters
    from helpers.run.state import RECORD

    root = project_root()
    [name] = select_chapters(root, [chapter])
    folder = chosen_run(root, run, name)
    comparison = compare_runs(root / RECORD, folder, root, [name])
    if as_json:
        print_json(dataclasses.asdict(comparison))
        return
    output.print(f"A: {short(root / RECORD)}, B: {short(folder)}", soft_wrap=True)
    _show(comparison, limit)


def _show(comparison: Comparison, limit: int) -> None:
    from helpers.claims.numbers import format_number
    from helpers.run.compare import headline

    output.print(f"[bold]{escape(headline(comparison))}[/]", soft_wrap=True)
    for side, names in (("A", comparison.only_a), ("B", comparison.only_b)):
        if names:
            output.print(f"[dim]only in {side}, not compared: {_some(names, 4)}[/]", soft_wrap=True)
    # A cause that is the same in several chapters is said once.
    same = groupby(comparison.causes, key=lambda cause: (cause.kind, cause.name))
    for (kind, name), group in same:
        causes = list(group)
        values = sorted({f"{cause.a} -> {cause.b}" for cause in causes})
        where = "" if len(causes) == len(comparison.chapters) else f" ({_some(_numbers(causes), 8)})"
        output.print(f"  {kind} {name}".rstrip() + f": {escape(_some(values, 2))}{where}", soft_wrap=True)
    for flip in comparison.flips:
        said = "[dim]verdict flipped within tolerances:[/]" if flip.tolerated else "[red]verdict flipped:[/]"
        output.print(f"{said} {flip.claim} ({flip.part}): {flip.a} -> {flip.b}", soft_wrap=True)
    if not comparison.flips:
        output.print("no verdict flipped")
    shown = comparison.moves[: limit or None]
    if shown:
        output.print("numbers, the largest move first, in half-widths of its interval:")
    for move in shown:
        size = "no interval" if move.size is None else f"{move.size:.2g}"
        field = "" if move.field == "value" else f" ({move.field})"
        output.print(
            f"  {size:>11}  {move.chapter[:2]} {escape(move.result)}{field}: "
            f"{format_number(move.a)} -> {format_number(move.b)}",
            soft_wrap=True,
            highlight=False,
        )
    if len(shown) < len(comparison.moves):
        output.print(f"... and {len(comparison.moves) - len(shown)} more (--limit 0 shows all)")


def _numbers(causes: list) -> list[str]:
    return sorted({cause.chapter[:2] for cause in causes})


def _some(names: list[str] | tuple[str, ...], most: int) -> str:
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")
