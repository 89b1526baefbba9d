"""What there is: run folders with their stale notebooks, and the data at hand or simulated."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterable, Mapping
from pathlib import Path

from helpers.atomic import write_text
from helpers.claims.register import load_register, stand_ins
from helpers.claims.results import ChapterResults
from helpers.data.download import availability, locate, needed
from helpers.data.registry import REGISTRIES, Registry
from helpers.errors import HelpersError
from helpers.run.notebooks import find_chapters
from helpers.run.plan import RunOptions, Task, make_plan, stale_because
from helpers.run.state import NotebookState, load_run

_FETCH = Path("_build") / "fetch.log"


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


def absent_files(root: Path, tasks: Iterable[Task]) -> dict[str, list[str]]:
    """Return keys of panel files that are not at hand, by chapter whose data are ``auto``.

    What needs them would be simulated, and a chapter may take hours.
    """
    absent: dict[str, list[str]] = {}
    if not any(root.glob(f"data/{REGISTRIES}")):
        return absent
    registry = Registry.load(root / "data")
    for task in tasks:
        if task.parameters.get("data") == "auto":
            files = needed(registry.select("panel", task.source.chapter))
            absent[task.source.chapter] = [file.key for file in files if locate(file) is None]
    return {chapter: keys for chapter, keys in absent.items() if keys}


def note_fetch(root: Path, failure: str | None) -> None:
    """Keep what the last fetch of data failed with, for those who later wonder; None forgets it."""
    with contextlib.suppress(OSError):  # a note, no more
        if failure is None:
            (root / _FETCH).unlink(missing_ok=True)
        else:
            write_text(root / _FETCH, failure + "\n")


def _fetch_failure(root: Path) -> str:
    """Return a sentence on the last fetch of data, with its first file as example; else empty."""
    try:
        lines = (root / _FETCH).read_text(encoding="utf-8").split("\n")
    except OSError:
        return ""
    said = " ".join(line.strip() for line in lines[:2]).replace("`", "'")
    return f"The last `helpers data fetch` failed: `{said}`. "


def simulated_note(root: Path, results: Mapping[str, ChapterResults], what: str) -> str:
    """Say where simulated data stand in for real ones, what is at hand, and what mends it; else empty.

    Parameters
    ----------
    root : Path
    results : mapping of chapter to ChapterResults
    what : str
        What the sentence is about: ``"run"`` or ``"book"``.
    """
    tiers = {name: found.input_tiers for name, found in results.items()}
    if not any("simulated" in own.values() for own in tiers.values()):
        return ""
    simulated = stand_ins(load_register(root / "data"), tiers)
    if not simulated:
        return ""
    where = f"This {what} is in part on simulated data, where no verdict binds: {', '.join(simulated)}."
    if simulated == sorted(results):
        where = (
            f"This {what} is on simulated data: it shows how everything works, and no claim gets a binding "
            "verdict."
        )
    if all(results[name].parameters.get("data") == "simulated" for name in simulated):
        return f"{where} Simulated data were asked for: `helpers run --profile quick` takes real ones."
    mend = "`helpers data fetch` fetches the panel and says what hinders it; then run and build again."
    return f"{where} Data at hand: {describe_data(root)}. {_fetch_failure(root)}{mend}"
