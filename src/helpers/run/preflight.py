"""What must be true before a kernel starts: the folder, the data of the tier, the scheduler."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from helpers.data.download import fetch_all, needed
from helpers.data.registry import REGISTRIES, Registry
from helpers.errors import DownloadError, RunError
from helpers.run.plan import RunOptions, Task
from helpers.run.seal import check_seal
from helpers.run.state import RunState

_SOURCES = ("book", "data", "notebooks", "src", "tests")
_PATIENCE = "10s"  # for a scheduler to answer


def check_place(root: Path, folder: Path, example: str = "runs/mine") -> None:
    """Refuse a folder of a run or of pages that would overwrite the project; name one that would not.

    Raises
    ------
    RunError
        If it holds the project or lies among its sources.
    """
    root, folder = root.resolve(), folder.resolve()
    among = folder.is_relative_to(root) and folder.relative_to(root).parts[:1]
    if root.is_relative_to(folder) or (among and among[0] in _SOURCES):
        msg = f"{folder} holds sources of the project; choose another --out, for example {example}"
        raise RunError(msg)


def check_choices(folder: Path, tasks: Sequence[Task], state: RunState, options: RunOptions) -> None:
    """Refuse to replace results by those of another profile, data tier, seed or setting.

    Raises
    ------
    RunError
        If the folder holds a run of another profile, or (without ``force``) a finished notebook that was
        asked for with other choices.
    """
    if state.profile != options.profile:
        msg = f"{folder} holds a run of profile {state.profile!r}; choose another --out"
        raise RunError(msg)
    for task in tasks:
        entry = state.notebooks.get(task.source.chapter)
        if options.force or entry is None or entry.status != "done":
            continue
        if _counted(entry.chosen) != _counted(task.chosen):
            chosen = ", ".join(f"{name}={value}" for name, value in _counted(entry.chosen).items())
            msg = (
                f"{folder} holds {task.source.chapter} with {chosen or 'the choices of the profile'}; "
                "choose another --out, or replace it with --force"
            )
            raise RunError(msg)


def _counted(chosen: dict) -> dict:
    return {name: value for name, value in sorted(chosen.items()) if name != "jobs"}


def check_needs(root: Path, folder: Path, tasks: Sequence[Task], options: RunOptions) -> None:
    """Check that the notebooks that are about to run will find what was asked for.

    Missing files of a tier that was asked for are fetched.

    Raises
    ------
    DownloadError
        If files of the tier cannot be had; the message names them and the command that fetches them.
    RunError
        If the scheduler does not answer, or a notebook would read results that no run wrote.
    """
    if options.scheduler and tasks:
        check_scheduler(options.scheduler)
    registry = Registry.load(root / "data") if any(root.glob(f"data/{REGISTRIES}")) else Registry([])
    for task in tasks:
        tier, chapter = task.parameters["data"], task.source.chapter
        if tier in ("panel", "paper"):
            try:
                fetch_all(needed(registry.select(tier, chapter)))
            except DownloadError as error:
                fetch = f"helpers data fetch --tier {tier} --chapter {chapter[:2]}"
                msg = f"{chapter} needs data of tier {tier}. {error}\nTo fetch them: {fetch}"
                raise DownloadError(msg) from error
    if any(task.source.reads_results for task in tasks) and (folder / "run.json").is_file():
        check_seal(folder, frozenset(task.source.chapter for task in tasks))


def check_scheduler(address: str) -> None:
    """Refuse a Dask scheduler that does not answer or has no worker.

    Raises
    ------
    RunError
        With the address and what was wrong.
    """
    from distributed import Client

    try:
        with Client(address, timeout=_PATIENCE, set_as_default=False) as client:
            workers = client.scheduler_info()["workers"]
    except (OSError, ValueError) as error:
        msg = f"the scheduler {address} cannot be reached: {error}; start one with `dask scheduler`"
        raise RunError(msg) from error
    if not workers:
        msg = f"the scheduler {address} has no workers; start some with `dask worker {address}`"
        raise RunError(msg)
