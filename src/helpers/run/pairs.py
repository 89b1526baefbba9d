"""Pairs of notebooks: the percent script is the source, and the ``.ipynb`` beside it is written from it."""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Iterable
from pathlib import Path

import jupytext
import nbformat

from helpers.atomic import write_text
from helpers.errors import RunError
from helpers.run.notebooks import find_chapters

# What each .ipynb held when it was last written from its script, as hashes; not under version control.
_WRITTEN = Path("notebooks") / ".pairs.json"


def check_pairs(root: Path) -> list[str]:
    """Return a message for every notebook whose ``.py`` and ``.ipynb`` do not say the same."""
    problems = []
    chapters = find_chapters(root)
    for chapter in chapters:
        path = _pair(root, chapter)
        if not path.is_file():
            problems.append(f"{path}: missing; make pairs writes it from the script")
        elif edited := edited_pairs(root, [chapter]):
            problems += edited
        elif not _in_sync(root, chapter):
            problems.append(f"{path}: differs from its script; edit the script, then make pairs")
    alone = sorted(p for p in (root / "notebooks").glob("*.ipynb") if p.stem not in chapters)
    return [*problems, *(f"{path}: has no script {path.stem}.py beside it" for path in alone)]


def edited_pairs(root: Path, chapters: Iterable[str] | None = None) -> list[str]:
    """Return a message for every ``.ipynb`` that was edited and differs from its script.

    One that holds what was last written from the script, or what is committed, was not edited: there the
    script is ahead.
    """
    written = _written(root)
    found = []
    for chapter in find_chapters(root) if chapters is None else chapters:
        path = _pair(root, chapter)
        if not path.is_file() or _in_sync(root, chapter):
            continue
        text = path.read_text(encoding="utf-8")
        if _hash(text) not in {written.get(chapter), _committed(root, chapter)}:
            found.append(
                f"{path.relative_to(root)} was edited and differs from its script, which is what runs. "
                f"Take the edit over: helpers pairs --from-ipynb {chapter[:2]}; throw it away: "
                "helpers pairs --discard"
            )
    return found


def write_pairs(root: Path, discard: bool = False) -> list[Path]:
    """Write the ``.ipynb`` of every script that differs from it; return those written.

    Raises
    ------
    RunError
        If one was edited, unless ``discard`` is true; nothing is written then.
    """
    if not discard and (edited := edited_pairs(root)):
        raise RunError("\n".join(edited))
    written, hashes = [], _written(root)
    for chapter in find_chapters(root):
        path = _pair(root, chapter)
        if not path.is_file() or not _in_sync(root, chapter):
            write_text(path, notebook_text(_from_script(root, chapter)))
            written.append(path)
        hashes[chapter] = _hash(path.read_text(encoding="utf-8"))
    write_text(root / _WRITTEN, json.dumps(hashes, indent=1) + "\n")
    return written


def take_over(root: Path, chapter: str) -> Path:
    """Write the percent script of a chapter from its edited ``.ipynb``; return the script.

    Raises
    ------
    RunError
        If there is no such ``.ipynb``, or it cannot be read.
    """
    path, script = _pair(root, chapter), root / "notebooks" / f"{chapter}.py"
    try:
        notebook = nbformat.read(path, as_version=4)
    except (OSError, ValueError) as error:
        msg = f"{path} cannot be read as a notebook: {error}"
        raise RunError(msg) from error
    text, cell = script.read_text(encoding="utf-8"), "# %%"
    header = text[: text.index(cell)]  # not the notebook's: Jupyter notes the kernel of this machine there
    written = jupytext.writes(notebook, fmt="py:percent")
    write_text(script, header + written[written.index(cell) :])
    write_pairs(root, discard=True)
    return script


def notebook_text(notebook: nbformat.NotebookNode) -> str:
    """Return the text of an ``.ipynb``; the same notebook always gives the same text."""
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{number}"  # random ids would change the file each time
    return nbformat.writes(notebook) + "\n"


def _pair(root: Path, chapter: str) -> Path:
    return root / "notebooks" / f"{chapter}.ipynb"


def _from_script(root: Path, chapter: str) -> nbformat.NotebookNode:
    return jupytext.read(root / "notebooks" / f"{chapter}.py", fmt="py:percent")


def _in_sync(root: Path, chapter: str) -> bool:
    try:
        notebook = nbformat.read(_pair(root, chapter), as_version=4)
    except ValueError:
        return False
    return _content(notebook) == _content(_from_script(root, chapter))


def _content(notebook: nbformat.NotebookNode) -> list[tuple[str, str, list[str]]]:
    return [(cell.cell_type, cell.source, cell.metadata.get("tags", [])) for cell in notebook.cells]


def _written(root: Path) -> dict[str, str]:
    try:
        return json.loads((root / _WRITTEN).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def _committed(root: Path, chapter: str) -> str | None:
    """Return the hash of the ``.ipynb`` in the latest commit; None where there is none."""
    command = ["git", "show", f"HEAD:./notebooks/{chapter}.ipynb"]
    try:
        shown = subprocess.run(
            command, cwd=root, capture_output=True, encoding="utf-8", check=True, timeout=30
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return _hash(shown.stdout)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
