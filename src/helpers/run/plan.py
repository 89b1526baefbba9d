"""Decide, before anything starts, which notebooks run with which parameters, and which are up to date."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from helpers.chapter.settings import check_values
from helpers.claims.results import read_results
from helpers.data.download import availability
from helpers.data.registry import Registry
from helpers.errors import ParameterError, RegistryError
from helpers.run.fingerprint import changes, fingerprint
from helpers.run.notebooks import SourceNotebook, read_source, select_chapters
from helpers.run.profiles import select_profile
from helpers.run.state import RunState


@dataclasses.dataclass(frozen=True)
class RunOptions:
    """What to run and how; None means: as the profile says, else the default.

    Parameters
    ----------
    profile : str
        Name in ``notebooks/profiles.yml``.
    chapters : tuple of str
        Names, numbers or beginnings of names; empty for all.
    data : {"auto", "panel", "paper", "simulated"}, optional
        Data tier.
    device : str, optional
        ``"auto"``, ``"cpu"`` or ``"cuda"``.
    jobs : int, optional
        Threads that a notebook may use (default: all cores). Notebooks run one after another.
    seed : int, optional
        Seed of every random choice (default 0).
    out : Path, optional
        Run folder (default ``runs/<profile>``).
    parameters : mapping
        Further parameters, which win over the profile's.
    force : bool
        Run notebooks that are up to date too.
    scheduler : str, optional
        Address of a Dask scheduler that independent fits are sent to.
    """

    profile: str = "quick"
    chapters: tuple[str, ...] = ()
    data: str | None = None
    device: str | None = None
    jobs: int | None = None
    seed: int | None = None
    out: Path | None = None
    parameters: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    force: bool = False
    scheduler: str | None = None


@dataclasses.dataclass(frozen=True)
class Task:
    """One notebook, the parameters that it will get, and those of them that the caller chose."""

    source: SourceNotebook
    parameters: dict[str, Any]
    chosen: dict[str, Any]


def make_plan(root: Path, options: RunOptions) -> list[Task]:
    """Return the notebooks of a run with their parameters; those that read results of others come last.

    Raises
    ------
    ParameterError
        For an unknown chapter, profile, data tier, device or parameter: before anything starts.
    """
    profile = select_profile(root, options.profile)
    folder = run_folder(root, options)
    given = {
        "data": options.data,
        "device": options.device,
        "jobs": options.jobs,
        "seed": options.seed,
    }
    chosen = {**options.parameters, **{key: value for key, value in given.items() if value is not None}}
    defaults = {"data": "auto", "device": "auto", "jobs": cores(), "seed": 0}
    place = {"profile": options.profile, "out": str(folder)}
    select_chapters(root, profile.chapters)
    tasks = []
    for chapter in select_chapters(root, options.chapters):
        source = read_source(root, chapter)
        parameters = {**defaults, **profile.parameters(chapter), **chosen, **place}
        unknown = sorted(parameters.keys() - source.parameters)
        if unknown:
            msg = (
                f"unknown parameter for {chapter} in profile {options.profile!r}: {', '.join(unknown)}. "
                f"Its 'parameters' cell declares: {', '.join(sorted(source.parameters))}"
            )
            raise ParameterError(msg)
        check_values(parameters)
        tasks.append(Task(source, parameters, chosen))
    # The page of verdicts has the number 07; it must see the chapters that were added after it.
    return sorted(tasks, key=lambda task: task.source.reads_results)


def run_folder(root: Path, options: RunOptions) -> Path:
    """Return the absolute run folder that the options mean."""
    return (options.out or root / "runs" / options.profile).absolute()


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def stale_because(root: Path, folder: Path, task: Task, state: RunState | None) -> list[str]:
    """Return why a notebook must run (again); empty when it is up to date.

    Parameters
    ----------
    root, folder : Path
        Project folder and run folder.
    task : Task
        Notebook and parameters.
    state : RunState or None
        What the run folder says of itself.
    """
    chapter = task.source.chapter
    entry = state.notebooks.get(chapter) if state else None
    if entry is None:
        return ["not run yet"]
    if entry.status != "done":
        return [f"last time: {entry.status}"]
    if not (folder / "notebooks" / f"{chapter}.ipynb").is_file():
        return ["its executed notebook is gone"]
    changed = changes(entry.fingerprint, fingerprint(root, task.source, task.parameters, folder))
    if changed:
        return [f"{name} changed" for name in changed]
    if task.parameters["data"] == "auto" and _better_data_now(root, folder, chapter):
        return ["the panel data have arrived"]
    return []


def _better_data_now(root: Path, folder: Path, chapter: str) -> bool:
    """Say whether a chapter that fell back on simulated data would find its panel data now."""
    results = folder / "results" / f"{chapter}.json"
    if not results.is_file():
        return False
    if "simulated" not in read_results(results).input_tiers.values():
        return False
    try:
        registry = Registry.load(root / "data")
    except RegistryError:
        return False
    panel = availability(registry, "panel", chapter)
    return bool(panel.states) and panel.complete
