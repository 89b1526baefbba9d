"""The seal of a run: the hash of every file that it wrote, and what no longer matches it."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Mapping
from pathlib import Path

from helpers.claims.results import ChapterResults, load_results
from helpers.data.hashes import sha256
from helpers.errors import RunError
from helpers.run.state import NotebookState, load_run


def attempt_folder(folder: Path, chapter: str) -> Path:
    """Return where an execution writes until it has succeeded; what a failed one wrote stays there."""
    return folder / "attempts" / chapter


def put_in_place(folder: Path, chapter: str, earlier: Mapping[str, str]) -> dict[str, str]:
    """Move what a successful execution wrote into the run folder.

    Parameters
    ----------
    folder : Path
        Run folder.
    chapter : str
        Whose attempt.
    earlier : mapping
        Files of the execution before, by their path in the run folder; those that were not written again
        are removed.

    Returns
    -------
    dict
        sha256 of each file by its path in the run folder.
    """
    attempt = attempt_folder(folder, chapter)
    written = hash_tree(attempt)
    for name in written:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (attempt / name).replace(folder / name)
    for name in earlier.keys() - written.keys():
        (folder / name).unlink(missing_ok=True)
    shutil.rmtree(attempt)
    with contextlib.suppress(OSError):  # others are still there
        attempt.parent.rmdir()
    return written


def hash_tree(folder: Path) -> dict[str, str]:
    """Return the sha256 of each file below a folder by its relative path."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): sha256(path) for path in files}


def broken(folder: Path, entry: NotebookState) -> list[str]:
    """Say which files of an executed notebook are gone, or are not what it wrote."""
    if not entry.outputs:
        return ["run.json holds no hash of its files"]
    found = []
    for name, expected in entry.outputs.items():
        if not (folder / name).is_file():
            found.append(f"{name} is gone")
        elif sha256(folder / name) != expected:
            found.append(f"{name} was changed after it was written")
    return found


def check_seal(folder: Path, without: frozenset[str] = frozenset()) -> None:
    """Check that a run folder holds what its run wrote, and no other results.

    Parameters
    ----------
    folder : Path
        Run folder.
    without : set of str
        Chapters that are not checked.

    Raises
    ------
    RunError
        If it is no run folder, or a file is gone, changed, or of no run; the message names each.
    """
    state = load_run(folder)
    done = {name: entry for name, entry in state.notebooks.items() if entry.status == "done"}
    problems = [
        f"{chapter}: {what}"
        for chapter, entry in done.items()
        if chapter not in without
        for what in broken(folder, entry)
    ]
    known = {name for entry in done.values() for name in entry.outputs} | {
        f"results/{chapter}.json" for chapter in without | done.keys()
    }
    for path in sorted((folder / "results").glob("*.json")):
        if f"results/{path.name}" not in known:
            problems.append(f"results/{path.name}: no notebook of this run wrote it; remove it")
    if problems:
        msg = (
            f"{folder} does not hold what its run wrote:\n  " + "\n  ".join(problems) + "\n"
            f"Chapters run again with: helpers run --profile {state.profile} --out {folder}"
        )
        raise RunError(msg)


def load_sealed(folder: Path) -> dict[str, ChapterResults]:
    """Read all results of a run once its seal has been checked; errors as for `check_seal`."""
    check_seal(folder)
    return load_results(folder)
