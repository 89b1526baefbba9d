"""Decide, before anything starts, which notebooks run with which parameters, and which are up to date."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from helpers.chapter.settings import check_values
from helpers.claims.register import load_register, stand_ins
from helpers.claims.results import read_results
from helpers.data.download import availability
from helpers.data.registry import REGISTRIES, Registry
from helpers.errors import ParameterError
from helpers.memory import total_memory
from helpers.run.fingerprint import changes, fingerprint
from helpers.run.notebooks import SourceNotebook, read_source, select_chapters
from helpers.run.profiles import select_profile
from helpers.run.seal import broken
from helpers.run.state import RunState, folder_name

_MEMORY_EACH = 4 * 2**30  # bytes; no chapter uses more in any profile that was executed


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
        Threads that a notebook may use (default: its share of the cores).
    at_once : int
        Notebooks side by side. Those of one study still run one after another, since the later ones take
        over fits, and a notebook that reads results waits for all.
    seed : int, optional
        Seed of every random choice (default 0).
    out : Path, optional
        Run folder (default: see `run_folder`).
    parameters : mapping
        Further parameters, which win over the profile's.
    force : bool
        Run notebooks that are up to date too.
    scheduler : str, optional
        Address of a Dask scheduler that independent fits are sent to.
    recompute : bool
        Compute everything that runs anew, without its checkpoints.
    """

    profile: str = "quick"
    chapters: tuple[str, ...] = ()
    data: str | None = None
    device: str | None = None
    jobs: int | None = None
    at_once: int = 1
    seed: int | None = None
    out: Path | None = None
    parameters: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    force: bool = False
    scheduler: str | None = None
    recompute: bool = False

    def __post_init__(self) -> None:
        """Refuse a number of notebooks that cannot be."""
        if isinstance(self.at_once, bool) or not isinstance(self.at_once, int) or self.at_once < 1:
            msg = f"at_once must be a whole number of at least 1, got {self.at_once!r}"
            raise ParameterError(msg)


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
        For an unknown chapter, profile, data tier, device or parameter, or a value of the wrong type:
        before anything starts.
    """
    profile = select_profile(root, options.profile)
    chosen = _chosen(options)
    place = {"profile": options.profile, "out": str(run_folder(root, options))}
    select_chapters(root, profile.chapters)
    tasks = []
    chapters = select_chapters(root, options.chapters)
    for chapter in chapters:
        source = read_source(root, chapter)
        usual = {**_defaults(min(options.at_once, len(chapters))), **profile.parameters(chapter)}
        parameters = {**usual, **chosen, **place}
        unknown = sorted(parameters.keys() - source.parameters.keys())
        if unknown:
            msg = (
                f"unknown parameter for {chapter} in profile {options.profile!r}: {', '.join(unknown)}. "
                f"Its 'parameters' cell declares: {', '.join(sorted(source.parameters))}"
            )
            raise ParameterError(msg)
        check_values(parameters)
        for name, value in parameters.items():
            _check_type(chapter, name, value, source.parameters[name])
        tasks.append(Task(source, parameters, _apart(chosen, usual)))
    # The page of verdicts has the number 07; it must see the chapters that were added after it.
    return sorted(tasks, key=lambda task: task.source.reads_results)


def _defaults(at_once: int = 1) -> dict[str, Any]:
    return {"data": "auto", "device": "auto", "jobs": max(1, cores() // at_once), "seed": 0}


def _chosen(options: RunOptions) -> dict[str, Any]:
    """Return the parameters that the caller named."""
    given = {name: getattr(options, name) for name in _defaults()}
    return {**options.parameters, **{name: value for name, value in given.items() if value is not None}}


def _apart(chosen: Mapping[str, Any], usual: Mapping[str, Any]) -> dict[str, Any]:
    """Return the choices that differ from what the profile says anyway."""
    return {name: value for name, value in chosen.items() if name not in usual or usual[name] != value}


_TYPES = {
    bool: (bool, "true or false"),
    int: (int, "a whole number"),
    float: (int | float, "a number"),
    str: (str, "text"),
}


def _check_type(chapter: str, name: str, value: Any, declared: Any) -> None:
    """Check a value against the one that the notebook declares; None there admits everything."""
    if type(declared) not in _TYPES:
        return
    kind, words = _TYPES[type(declared)]
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        quoted = f"; write {name}='\"{value}\"'" if kind is str else ""
        msg = f"{name} of {chapter} must be {words}, as its default {declared!r} is, got {value!r}{quoted}"
        raise ParameterError(msg)


def run_folder(root: Path, options: RunOptions) -> Path:
    """Return the absolute run folder that the options mean.

    Without ``out`` it is ``runs/<profile>``; other data, another device or seed, or other settings than the
    profile's have a folder of their own, e.g. ``runs/quick-seed=1``, so that they replace nothing.

    Raises
    ------
    ParameterError
        For an unknown profile or chapter.
    """
    if options.out is not None:
        return options.out.absolute()
    profile = select_profile(root, options.profile)
    own: dict[str, Any] = {}
    for chapter in select_chapters(root, options.chapters):
        own |= _apart(_chosen(options), {**_defaults(), **profile.parameters(chapter)})
    own.pop("jobs", None)  # changes no number
    name = "-".join([options.profile, *(f"{name}={value}" for name, value in sorted(own.items()))])
    return (root / "runs" / folder_name(name)).absolute()


def side_by_side(device: str | None) -> int:
    """Return how many notebooks this machine executes well at a time: a core and 4 GB each, one on a GPU."""
    if device == "cuda":
        return 1
    memory = total_memory()
    return max(1, min(cores(), memory // _MEMORY_EACH if memory else cores()))


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
    if entry.latest.status == "running":  # in another process, or it was killed
        return ["has not ended"]
    if entry.latest.status != "done":
        return [f"last time: {entry.latest.status}"]
    if damage := broken(folder, entry):
        return damage
    changed = changes(entry.fingerprint, fingerprint(root, task.source, task.parameters, folder))
    if changed:
        return [f"{name} changed" for name in changed]
    if task.parameters["data"] == "auto" and _better_data_now(root, folder, chapter):
        return ["the panel data have arrived"]
    return []


def _better_data_now(root: Path, folder: Path, chapter: str) -> bool:
    """Say whether a chapter that fell back on simulated data would find its panel data now."""
    path, data = folder / "results" / f"{chapter}.json", root / "data"
    if not path.is_file() or not any(data.glob(REGISTRIES)):
        return False
    # What a chapter simulates by design stands in for nothing.
    if not stand_ins(load_register(data), {chapter: read_results(path).input_tiers}):
        return False
    panel = availability(Registry.load(data), "panel", chapter)
    return bool(panel.states) and panel.complete
