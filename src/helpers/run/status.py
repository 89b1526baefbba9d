"""What there is: run folders with their stale notebooks, and the data at hand."""

from __future__ import annotations

import contextlib
import dataclasses
from pathlib import Path

from helpers.data.download import availability
from helpers.data.registry import REGISTRIES, Registry
from helpers.errors import HelpersError
from helpers.run.notebooks import find_chapters
from helpers.run.plan import RunOptions, make_plan, stale_because
from helpers.run.state import NotebookState, load_run


@dataclasses.dataclass(frozen=True)
class NotebookStatus:
    """State of one notebook of a run folder.

    Attributes
    ----------
    chapter : str
        Name.
    status : str
        ``done``, ``failed``, ``interrupted``, ``running`` or ``absent``; ``done, later failed`` where what
        an earlier execution wrote is kept.
    wall_seconds : float or None
        How long it took, with executions before it that did not end.
    stale : tuple of str
        Why the next run would execute it again; empty when it is up to date.
    """

    chapter: str
    status: str
    wall_seconds: float | None
    stale: tuple[str, ...]


def run_folders(root: Path) -> list[Path]:
    """Return the run folders below ``runs/``, by name."""
    return sorted(path.parent for path in (root / "runs").glob("*/run.json"))


def latest_run(root: Path, chapter: str | None = None) -> Path | None:
    """Return the run folder written last; one without a finished notebook, or simulated, comes after.

    With ``chapter`` only folders count in which it is finished. None where there is no folder.
    """
    states = {}
    for folder in run_folders(root):
        with contextlib.suppress(HelpersError):
            state = load_run(folder)
            entry = state.notebooks.get(chapter or "")
            if chapter is None or (entry and entry.status == "done"):
                states[folder] = state

    def rank(folder: Path) -> tuple[bool, bool, float]:
        entries = states[folder].notebooks.values()
        done = any(entry.status == "done" for entry in entries)
        real = any(entry.parameters.get("data") != "simulated" for entry in entries)
        return done, real, (folder / "run.json").stat().st_mtime

    return max(states, key=rank, default=None)


def run_status(root: Path, folder: Path) -> list[NotebookStatus]:
    """Return the state of every notebook against its current source and the parameters that it had.

    Raises
    ------
    HelpersError
        If ``run.json`` cannot be read, or its profile is gone.
    """
    state = load_run(folder)
    states = []
    for chapter in find_chapters(root):
        entry = state.notebooks.get(chapter)
        # What the run was asked for (seed, tier ...) in place of the profile's is not stale.
        chosen = entry.chosen if entry else {}
        options = RunOptions(profile=state.profile, chapters=(chapter,), out=folder, parameters=chosen)
        [task] = make_plan(root, options)
        states.append(
            NotebookStatus(
                chapter=chapter,
                status=_status(entry) if entry else "absent",
                wall_seconds=entry.total_seconds if entry else None,
                stale=tuple(stale_because(root, folder, task, state)),
            )
        )
    return states


def _status(entry: NotebookState) -> str:
    return f"{entry.status}, later {entry.attempt.status}" if entry.attempt else entry.status


def describe_data(root: Path) -> str:
    """Return one line on the files at hand, tier by tier, whatever state the registry is in."""
    parts = []
    if any(root.glob(f"data/{REGISTRIES}")):
        try:
            registry = Registry.load(root / "data")
        except HelpersError as error:
            return f"registry unreadable: {error}"
        for tier in sorted({file.tier for file in registry}):
            found = availability(registry, tier)
            here = len(found.states) - len(found.missing)
            parts.append(f"{tier} {here} of {len(found.states)} files")
    return "; ".join([*parts, "simulated always"])
