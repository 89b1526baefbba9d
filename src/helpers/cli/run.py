"""Commands around runs: ``run``, ``status``, ``logs``, ``doctor``."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
import yaml
from rich.markup import escape
from rich.table import Table

from helpers.cli.console import AsJson, errors, output, print_json, short
from helpers.errors import ParameterError
from helpers.project import project_root

if TYPE_CHECKING:
    from helpers.run.plan import RunOptions

RunFolder = Annotated[
    Path | None, typer.Option("--run", metavar="DIR", help="Run folder; default: the latest below runs/.")
]


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
            help="smoke (simulated), quick (reduced), full (papers' protocols), exhaustive (unreduced).",
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
            "--jobs", "-j", help="Threads inside a notebook. Default: the profile's, else its share of cores."
        ),
    ] = None,
    at_once: Annotated[
        int | None,
        typer.Option(
            help="Notebooks side by side. Default: one a core and 4 GB of memory; one with --device cuda."
        ),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of every random choice. Default: 0.")] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            help="Run folder. Default: runs/<profile>, with other choices runs/<profile>-NAME=VALUE.",
        ),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="Any other parameter that the notebook declares."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Also run what is up to date.")] = False,
    recompute: Annotated[
        bool, typer.Option("--recompute", help="Also compute anew what checkpoints hold.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would run, why, and where.")
    ] = False,
    scheduler: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="Dask scheduler for independent fits, e.g. tcp://host:8786."),
    ] = None,
) -> None:
    """Execute notebooks into a run folder.

    Notebooks of one study run one after another, others side by side. One that is up to date (same source,
    package, parameters, data, claims and lock file, its files as it wrote them) is skipped. One that fails
    leaves its partial output, a log, and what an earlier one wrote; the others go on, and the exit code is
    1. After Ctrl-C (exit code 130) the same command resumes.
    """
    from helpers.claims.results import load_results
    from helpers.run.execute import run_notebooks
    from helpers.run.pairs import edited_pairs
    from helpers.run.plan import RunOptions, make_plan, run_folder, side_by_side
    from helpers.run.progress import Reporter
    from helpers.run.status import absent_files, simulated_note

    root = project_root()
    options = RunOptions(
        profile=profile,
        chapters=tuple(chapters or ()),
        data=data,
        device=device,
        jobs=jobs,
        at_once=side_by_side(device) if at_once is None else at_once,
        seed=seed,
        out=out,
        parameters=_settings(settings or []),
        force=force or recompute,
        scheduler=scheduler,
        recompute=recompute,
    )
    folder = run_folder(root, options)
    plan = make_plan(root, options)
    asked = [task.source.chapter for task in plan]
    notes = edited_pairs(root, asked)
    for chapter, keys in absent_files(root, plan).items():
        named = ", ".join(keys[:3]) + (f" and {len(keys) - 3} more" if len(keys) > 3 else "")
        what = f"{chapter}: not at hand, so what needs it is simulated: {named}"
        notes.append(f"{what}; to fetch it: helpers data fetch --chapter {chapter[:2]}")
    for message in notes:
        errors.print(f"[yellow]{escape(message)}[/]", soft_wrap=True)
    if dry_run:
        _dry_run(root, folder, options)
        return
    try:
        with Reporter(output) as reporter:
            state = run_notebooks(root, options, reporter)
    except KeyboardInterrupt:
        output.print(
            f"[yellow]interrupted[/]; what is finished is kept in {short(folder)}; run again to resume",
            soft_wrap=True,
        )
        raise typer.Exit(130) from None
    failed = {name for name, entry in state.notebooks.items() if entry.latest.status == "failed"}
    if others := sorted(failed.difference(asked)):
        output.print(f"[dim]not asked for now, failed earlier in this folder: {', '.join(others)}[/]")
    output.print(f"run folder: {short(folder)}", soft_wrap=True)
    results = {name: found for name, found in load_results(folder).items() if name in asked}
    real = {name: r for name, r in results.items() if r.parameters.get("data") != "simulated"}
    if note := simulated_note(root, real, "run"):
        output.print(f"[yellow]{escape(note)}[/]", soft_wrap=True)
    if mine := sorted(failed.intersection(asked)):
        output.print(f"[red]failed:[/] {', '.join(mine)}")
        raise typer.Exit(1)


def _dry_run(root: Path, folder: Path, options: RunOptions) -> None:
    from helpers.run.plan import make_plan, stale_because
    from helpers.run.state import RunState

    state = RunState.load(folder)
    for task in make_plan(root, options):
        reasons = stale_because(root, folder, task, state) or (["--force"] if options.force else [])
        what = f"would run ({escape(', '.join(reasons))})" if reasons else "up to date"
        output.print(f"{task.source.chapter}: {what}", soft_wrap=True)
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


def chosen_run(root: Path, folder: Path | None, chapter: str | None = None) -> Path:
    """Return the run folder named, or the latest (:func:`helpers.run.status.latest_run`).

    Raises
    ------
    RunError
        If it is no run folder, or there is none.
    """
    from helpers.errors import RunError
    from helpers.run.state import load_run
    from helpers.run.status import latest_run

    if folder is None:
        folder = latest_run(root, chapter)
        if folder is None:
            what = f"run {chapter[:2]}" if chapter else "run"
            msg = f"there is no {what} yet; start with: helpers {what} --profile quick"
            raise RunError(msg)
    load_run(folder)
    return folder.absolute()


@app.command()
def status(as_json: AsJson = False) -> None:
    """Show the run folders, which notebooks are stale and why, and the data at hand."""
    from helpers.errors import HelpersError
    from helpers.run.pairs import edited_pairs
    from helpers.run.status import describe_data, run_folders, run_status

    root = project_root()
    found: dict[str, Any] = {}
    for folder in run_folders(root):
        try:
            states = run_status(root, folder)
        except HelpersError as error:
            found[short(folder)] = str(error)
            continue
        found[short(folder)] = [dataclasses.asdict(state) for state in states]
    edited = edited_pairs(root)
    if as_json:
        print_json({"runs": found, "data": describe_data(root), "edited": edited})
        return
    for name, states in found.items():
        if isinstance(states, str):
            output.print(f"[bold]{name}[/]: {escape(states)}", soft_wrap=True)
            continue
        table = Table("notebook", "status", "seconds", "next run", title=name, title_justify="left")
        for state in states:
            seconds = "" if state["wall_seconds"] is None else f"{state['wall_seconds']:.0f}"
            stale = state["stale"]
            due = f"[yellow]{escape(', '.join(stale))}[/]" if stale else "[green]up to date[/]"
            table.add_row(state["chapter"], state["status"], seconds, due)
        output.print(table)
    if not found:
        output.print("no run yet; start with: helpers run --profile quick")
    for message in edited:
        output.print(f"[yellow]{escape(message)}[/]", soft_wrap=True)
    output.print(f"data: {describe_data(root)}")


@app.command()
def logs(
    chapter: Annotated[str, typer.Argument(help="Name or number, e.g. 01.")],
    run: RunFolder = None,
    lines: Annotated[int, typer.Option("--lines", "-n", help="How many of the last; 0 for all.")] = 40,
) -> None:
    """Show the end of the log of a chapter."""
    from helpers.errors import RunError
    from helpers.run.notebooks import select_chapters

    root = project_root()
    [name] = select_chapters(root, [chapter])
    path = chosen_run(root, run) / "logs" / f"{name}.log"
    if not path.is_file():
        msg = f"there is no log {short(path)}; `helpers status` lists what ran"
        raise RunError(msg)
    output.out(
        "\n".join(path.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:]), highlight=False
    )
    output.print(f"[dim]{short(path)}[/]", soft_wrap=True)


@app.command()
def doctor(as_json: AsJson = False) -> None:
    """Show versions, threads, devices and data: paste this into a bug report."""
    from helpers.run.doctor import examine

    found = examine()
    if as_json:
        print_json([dataclasses.asdict(line) for line in found])
    else:
        table = Table(show_header=False, box=None)
        for line in found:
            sign = "[green]ok[/]" if line.good else "[red]!![/]"
            table.add_row(sign, line.name, escape(line.text))
        output.print(table)
    if not all(line.good for line in found):
        raise typer.Exit(1)
