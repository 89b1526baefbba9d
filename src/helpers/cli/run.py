"""Commands around runs: ``run``, ``compare``, ``claims``, ``status``, ``doctor``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
import yaml
from rich.markup import escape
from rich.table import Table

from helpers.cli.console import output, short
from helpers.errors import ParameterError
from helpers.project import project_root

RunFolder = Annotated[
    Path | None, typer.Option("--run", metavar="DIR", help="Run folder; default: the latest below runs/.")
]


COLOURS = {
    "holds": "green",
    "partly": "yellow",
    "fails": "red",
    "unresolved": "cyan",
    "not testable here": "dim",
    "not asked": "dim",
}


app = typer.Typer()


@app.command()
def run(
    chapters: Annotated[
        list[str] | None,
        typer.Argument(metavar="[CHAPTER]...", help="Name or number, e.g. 01; default: all, in order."),
    ] = None,
    profile: Annotated[
        str,
        typer.Option(
            "--profile",
            "-p",
            help="smoke (simulated, a minute), quick (minutes), full (papers' protocols).",
        ),
    ] = "quick",
    data: Annotated[
        str | None,
        typer.Option(help="auto (panel, else simulated), panel, paper or simulated. Default: the profile's."),
    ] = None,
    device: Annotated[
        str | None, typer.Option(help="auto, cpu or cuda. Default: the profile's, else auto.")
    ] = None,
    jobs: Annotated[
        int | None,
        typer.Option(
            "--jobs", "-j", help="Threads inside a notebook. Default: the profile's, else all cores."
        ),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of every random choice. Default: 0.")] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Run folder. Default: runs/<profile>.")
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="Any other parameter that the notebook declares."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Also run what is up to date.")] = False,
    scheduler: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="Dask scheduler for independent fits, e.g. tcp://host:8786."),
    ] = None,
) -> None:
    """Execute notebooks into a run folder.

    Notebooks run one after another. One that is up to date (same source, package, parameters, data and
    lock file) is skipped. One that fails leaves its partial output and a log; the others go on, and the
    exit code is 1. After Ctrl-C (exit code 130) the same command resumes.
    """
    from helpers.run import RunOptions, run_notebooks
    from helpers.run.plan import run_folder
    from helpers.run.progress import Reporter

    root = project_root()
    options = RunOptions(
        profile=profile,
        chapters=tuple(chapters or ()),
        data=data,
        device=device,
        jobs=jobs,
        seed=seed,
        out=out,
        parameters=_settings(settings or []),
        force=force,
        scheduler=scheduler,
    )
    folder = run_folder(root, options)
    try:
        with Reporter(output) as reporter:
            state = run_notebooks(root, options, reporter)
    except KeyboardInterrupt:
        output.print(
            f"[yellow]interrupted[/]; what is finished is kept in {short(folder)}; run again to resume",
            soft_wrap=True,
        )
        raise typer.Exit(130) from None
    failed = [chapter for chapter, entry in state.notebooks.items() if entry.status == "failed"]
    if failed:
        output.print(f"[red]failed:[/] {', '.join(failed)}")
        raise typer.Exit(1)
    output.print(f"run folder: {short(folder)}", soft_wrap=True)


def _settings(pairs: list[str]) -> dict[str, Any]:
    """Parse ``NAME=VALUE``; values are read as YAML, so numbers, lists and true/false work."""
    parsed = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name.isidentifier():
            msg = f"--set needs NAME=VALUE, got {pair!r}"
            raise ParameterError(msg)
        try:
            parsed[name] = yaml.safe_load(value)
        except yaml.YAMLError as error:
            msg = f"--set {name}: the value {value!r} cannot be read: {error}"
            raise ParameterError(msg) from error
    return parsed


@app.command()
def claims(run: RunFolder = None) -> None:
    """Show the verdict board of a run: every claim, repeated, sound, survives."""
    from helpers.claims.register import PARTS, load_register
    from helpers.claims.results import load_results
    from helpers.claims.verdict import judge_run
    from helpers.display.board import summary
    from helpers.display.tables import SYMBOLS, tier_text

    root = project_root()
    folder = chosen_run(root, run)
    verdicts = judge_run(load_register(root / "data"), load_results(folder))
    table = Table("claim", *PARTS, "input", title=short(folder), title_justify="left", show_lines=True)
    for verdict in verdicts:
        cells = [
            f"[{COLOURS[outcome]}]{SYMBOLS[outcome]} {outcome}[/]" for outcome in verdict.outcomes.values()
        ]
        name = f"[bold]{escape(verdict.claim.id)}[/]\n{escape(verdict.claim.claim)}"
        table.add_row(name, *cells, tier_text(verdict.tiers))
    output.print(table)
    output.print(escape(summary(verdicts)))


def chosen_run(root: Path, folder: Path | None) -> Path:
    """Return the run folder named, or the one that was written last.

    Raises
    ------
    RunError
        If it is no run folder, or there is none.
    """
    from helpers.errors import RunError
    from helpers.run.state import load_run
    from helpers.run.status import run_folders

    if folder is None:
        folders = run_folders(root)
        if not folders:
            msg = "there is no run yet; start with: helpers run --profile quick"
            raise RunError(msg)
        folder = max(folders, key=lambda path: (path / "run.json").stat().st_mtime)
    load_run(folder)
    return folder.absolute()


@app.command()
def compare(
    run_a: Annotated[Path, typer.Argument(metavar="RUN_A", help="Run folder, or book/record.")],
    run_b: Annotated[Path, typer.Argument(metavar="RUN_B", help="Run folder.")],
    limit: Annotated[int, typer.Option(help="Rows to show; 0 for all.")] = 60,
) -> None:
    """List every value that moved beyond its tolerance between two runs.

    Exit code 1 when a verdict flips; values alone do not change it.
    """
    from helpers.claims.numbers import format_number
    from helpers.run import compare_runs

    comparison = compare_runs(run_a, run_b, project_root())
    if comparison.moves:
        table = Table("chapter", "result", "field", "A", "B", "B - A", "tolerance")
        shown = comparison.moves[: limit or None]
        for move in shown:
            gap = None if move.a is None or move.b is None else move.b - move.a
            a = "missing" if move.where == "only B" else format_number(move.a)
            b = "missing" if move.where == "only A" else format_number(move.b)
            row = (move.chapter, move.result, move.field, a, b, format_number(gap, signed=True))
            table.add_row(*row, f"{move.tolerance:g}")
        output.print(table)
        if len(shown) < len(comparison.moves):
            output.print(f"... and {len(comparison.moves) - len(shown)} more (--limit 0 shows all)")
    output.print(f"{len(comparison.moves)} of {comparison.compared} values moved or are on one side only")
    for flip in comparison.flips:
        output.print(f"[red]verdict flipped:[/] {flip.claim} ({flip.part}): {flip.a} -> {flip.b}")
    if comparison.flips:
        raise typer.Exit(1)
    output.print("no verdict flipped")


@app.command()
def status() -> None:
    """Show the run folders, which notebooks are stale and why, and the data at hand."""
    from helpers.errors import HelpersError
    from helpers.run.status import describe_data, run_folders, run_status

    root = project_root()
    for folder in run_folders(root):
        table = Table("notebook", "status", "seconds", "next run", title=short(folder), title_justify="left")
        try:
            states = run_status(root, folder)
        except HelpersError as error:
            output.print(f"[bold]{short(folder)}[/]: {escape(str(error))}", soft_wrap=True)
            continue
        for state in states:
            seconds = "" if state.wall_seconds is None else f"{state.wall_seconds:.0f}"
            stale = f"[yellow]{escape(', '.join(state.stale))}[/]" if state.stale else "[green]up to date[/]"
            table.add_row(state.chapter, state.status, seconds, stale)
        output.print(table)
    if not run_folders(root):
        output.print("no run yet; start with: helpers run --profile quick")
    output.print(f"data: {describe_data(root)}")


@app.command()
def doctor() -> None:
    """Show versions, threads, devices and data: paste this into a bug report."""
    from helpers.run.doctor import examine

    table = Table(show_header=False, box=None)
    healthy = True
    for line in examine():
        healthy &= line.good
        sign = "[green]ok[/]" if line.good else "[red]!![/]"
        table.add_row(sign, line.name, escape(line.text))
    output.print(table)
    if not healthy:
        raise typer.Exit(1)
