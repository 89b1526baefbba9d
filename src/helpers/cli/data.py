"""Commands around data: ``data list``, ``data fetch``, ``data verify``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn
from rich.table import Table

from helpers.cli.console import AsJson, errors, output, print_json
from helpers.errors import DownloadError, ParameterError, RegistryError

if TYPE_CHECKING:
    from helpers.data.registry import DataFile, Registry

app = typer.Typer(
    no_args_is_help=True,
    help=(
        "List, fetch and verify the registered data files (data/*/datasets.yml).\n\n"
        "HELPERS_DATA_MIRROR (a folder or an address) takes the place of raw.githubusercontent.com; "
        "HELPERS_CACHE is where files are kept (default data/cache); HELPERS_OFFLINE=1 forbids the network."
    ),
)

Tier = Annotated[str | None, typer.Option(help="panel or paper; default: both.")]
Chapter = Annotated[str | None, typer.Option(help="Only the files of one chapter (name or number).")]


@app.command("list")
def list_files(tier: Tier = None, chapter: Chapter = None, as_json: AsJson = False) -> None:
    """List the registered files, their size, and where they are; with --json all that is registered."""
    from helpers.data.download import availability

    registry, chapter = _registry(), _chapter(chapter)
    files = [file for name in _tiers(tier) for file in registry.select(name, chapter)]
    states: dict[str, str] = {}
    for name in _tiers(tier):
        states |= availability(registry, name, chapter).states
    if as_json:
        print_json([file.model_dump(mode="json") | {"where": states[file.key]} for file in files])
        return
    table = Table("file", "tier", "size", "where", "licence", box=None)
    for column in table.columns[:-1]:
        column.no_wrap = True  # a key that is cut cannot be copied
    for file in files:
        size = f"{file.bytes / 1e6:.1f} MB" if file.bytes else "unknown"
        colour = "green" if states[file.key] in ("cached", "mirror") else "yellow"
        table.add_row(file.key, file.tier, size, f"[{colour}]{states[file.key]}[/]", escape(file.licence))
    output.print(table)


@app.command()
def fetch(
    tier: Annotated[str, typer.Option(help="panel or paper.")] = "panel",
    chapter: Chapter = None,
) -> None:
    """Fetch files into the cache; every file is checked against its hash.

    Files that are there already are not fetched again, so the same command resumes.
    """
    from helpers.data.download import fetch_all, needed
    from helpers.project import project_root
    from helpers.run.status import note_fetch

    registry = _registry()
    files = needed(registry.select(_tiers(tier)[0], _chapter(chapter)))
    cardless = registry.without_card(files)
    if cardless:
        msg = f"data cards that are not there: {'; '.join(cardless)}; write each below {registry.source}"
        raise RegistryError(msg)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    with Progress(*columns, console=errors, transient=True, disable=not errors.is_terminal) as progress:
        tasks = {}

        def show(file: DataFile, done: int, total: int | None) -> None:
            if file.key not in tasks:
                tasks[file.key] = progress.add_task(file.key, total=total)
            progress.update(tasks[file.key], completed=done)

        try:
            paths = fetch_all(files, show)
        except DownloadError as error:
            note_fetch(project_root(), str(error))
            raise
    note_fetch(project_root(), None)
    unknown = sum(file.unpinned for file in files)
    output.print(
        f"{len(paths)} files of tier {tier} are here, {len(paths) - unknown} of them match their hashes"
    )
    if unknown:
        output.print(f"of {unknown} no hash is known: their content was not checked")


@app.command()
def verify(tier: Tier = None, chapter: Chapter = None) -> None:
    """Check every file that is here against its hash; missing files are listed, and are no error."""
    from helpers.data.download import availability

    registry, chapter = _registry(), _chapter(chapter)
    states = {}
    for name in _tiers(tier):
        states.update(availability(registry, name, chapter).states)
    good = [key for key, state in states.items() if state in ("cached", "mirror")]
    missing = [key for key, state in states.items() if state == "missing"]
    damaged = [key for key, state in states.items() if state == "damaged"]
    output.print(f"{len(good)} good, {len(missing)} not here, {len(damaged)} damaged")
    if missing:
        output.print(f"[dim]not here: {escape(', '.join(missing))}[/]")
    if damaged:
        msg = f"damaged: {', '.join(damaged)}; `helpers data fetch` replaces them"
        raise DownloadError(msg)


def _registry() -> Registry:
    from helpers.data.registry import Registry

    return Registry.load()


def _tiers(tier: str | None) -> list[str]:
    known = ["panel", "paper"]
    if tier is not None and tier not in known:
        msg = f"unknown data tier {tier!r}; registered files are of tier {' or '.join(known)}"
        raise ParameterError(msg)
    return [tier] if tier else known


def _chapter(name: str | None) -> str | None:
    """Complete the name of a chapter."""
    if name is None:
        return None
    from helpers.project import project_root
    from helpers.run.notebooks import select_chapters

    return select_chapters(project_root(), [name])[0]
