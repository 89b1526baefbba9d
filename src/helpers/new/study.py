"""Write all files of a new study, or none."""

from __future__ import annotations

import keyword
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from string import Template

import jupytext

from helpers.atomic import write_text
from helpers.errors import ParameterError
from helpers.new.lists import PROFILES, TOC, with_chapter, with_profiles
from helpers.run.notebooks import find_chapters
from helpers.run.pairs import notebook_text

SKELETON = Path(__file__).parent / "skeleton"

# Longer names would break lines of the skeleton in other places than the formatter does.
_NAME = re.compile(r"[a-z][a-z0-9_]{1,19}")
_TITLE = re.compile(r"[\w ,.:;()'+/&-]{1,60}")
_RESERVED = ("shared", "cache")  # folders of data/ that are no study


@dataclass(frozen=True)
class NewStudy:
    """What is written for a new study.

    Attributes
    ----------
    chapter : str
        Name of the notebook, e.g. ``"08_mine"``.
    files : list of Path
        New files, relative to the project.
    changed : list of Path
        Files that were there and name the chapter now.
    """

    chapter: str
    files: list[Path]
    changed: list[Path]


def write_study(root: Path, name: str, title: str | None = None) -> NewStudy:
    """Write the skeleton of a study, and name its chapter in the table of contents and in the profiles.

    Parameters
    ----------
    root : Path
        Project folder.
    name : str
        2 to 20 lower-case letters, digits and underscores; the study's name in all four places.
    title : str, optional
        At most 60 characters; default made from the name.

    Raises
    ------
    ParameterError
        If the name or the title cannot be used, something of that name is there, or git has uncommitted
        changes in the files that would be changed. Then nothing is written; nor is anything left of a
        write that fails.
    """
    title = title or name.replace("_", " ").capitalize()
    _check_names(name, title)
    number = max((int(chapter[:2]) for chapter in find_chapters(root)), default=0) + 1
    chapter = f"{number:02d}_{name}"
    words = {
        "name": name,
        "title": title,
        "chapter": chapter,
        "number": f"{number:02d}",
        "slug": name.replace("_", "-").strip("-"),
    }
    new = _filled(chapter, words)
    _check_place(root, name, list(new))
    profiles = (SKELETON / "profiles.yml").read_text(encoding="utf-8")
    changed = {
        TOC: with_chapter((root / TOC).read_text(encoding="utf-8"), root, chapter),
        PROFILES: with_profiles((root / PROFILES).read_text(encoding="utf-8"), chapter, profiles),
    }
    _write_all(root, new, changed)
    return NewStudy(chapter, sorted(new), sorted(changed))


def _check_names(name: str, title: str) -> None:
    if not _NAME.fullmatch(name) or name.endswith("_") or keyword.iskeyword(name) or name in _RESERVED:
        msg = (
            f"{name!r} cannot name a study: 2 to 20 lower-case letters, digits and underscores, a letter"
            f" first, no underscore last, no word of Python, and none of {', '.join(_RESERVED)}"
        )
        raise ParameterError(msg)
    if not _TITLE.fullmatch(title):
        msg = f"{title!r} cannot be a title: at most 60 letters, digits, blanks and , . : ; ( ) ' + / & -"
        raise ParameterError(msg)


def _filled(chapter: str, words: dict[str, str]) -> dict[Path, str]:
    """Return the text of every new file by its path in the project."""
    files = {}
    for path in sorted(SKELETON.rglob("*.tmpl")):
        place = path.relative_to(SKELETON).as_posix().removesuffix(".tmpl")
        target = Path(place.replace("NN_NAME", chapter).replace("NAME", words["name"]))
        files[target] = Template(path.read_text(encoding="utf-8")).substitute(words)
    script = Path("notebooks") / f"{chapter}.py"
    files[script.with_suffix(".ipynb")] = notebook_text(jupytext.reads(files[script], fmt="py:percent"))
    return files


def _check_place(root: Path, name: str, files: list[Path]) -> None:
    folders = {root / "src" / "helpers" / "studies", root / "data", root / "tests" / "studies"}
    taken = [folder / name for folder in sorted(folders) if (folder / name).exists()]
    taken += [root / file for file in files if (root / file).exists()]
    taken += [root / "notebooks" / f"{other}.py" for other in find_chapters(root) if other[3:] == name]
    if taken:
        msg = f"there is a study {name!r} already: {', '.join(str(path.relative_to(root)) for path in taken)}"
        raise ParameterError(msg)
    missing = [path for path in (Path("src/helpers/studies"), TOC, PROFILES) if not (root / path).exists()]
    if missing:
        msg = f"{root} is no checkout of the project: it lacks {', '.join(map(str, missing))}"
        raise ParameterError(msg)
    changed = _uncommitted(root, [TOC, PROFILES])
    if changed:
        msg = (
            f"uncommitted changes in {', '.join(changed)}: commit or undo them first, so that git can tell "
            "what the new study changes"
        )
        raise ParameterError(msg)


def _uncommitted(root: Path, files: list[Path]) -> list[str]:
    """Return those of the files that git sees as changed; none outside a repository."""
    command = ["git", "-C", str(root), "status", "--porcelain", "--", *map(str, files)]
    try:
        found = subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace", check=True)
    except (OSError, subprocess.CalledProcessError):
        return []
    return [line[3:] for line in found.stdout.splitlines()]


def _write_all(root: Path, new: dict[Path, str], changed: dict[Path, str]) -> None:
    """Write new and changed files; on any error take back what was written."""
    before = {path: (root / path).read_text(encoding="utf-8") for path in changed}
    folders = {root / parent for path in new for parent in path.parents if not (root / parent).exists()}
    try:
        for path, text in {**new, **changed}.items():
            write_text(root / path, text)
    except BaseException:
        for path in new:
            (root / path).unlink(missing_ok=True)
        for folder in sorted(folders, reverse=True):  # the innermost first
            if folder.is_dir():
                folder.rmdir()
        for path, text in before.items():
            if (root / path).read_text(encoding="utf-8") != text:
                write_text(root / path, text)
        raise
