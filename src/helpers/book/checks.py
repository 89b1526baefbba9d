"""Checks of the source tree: notebook pairs, outputs, links between files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import jupytext
import nbformat

from helpers.atomic import write_text
from helpers.run.notebooks import find_chapters

# [text](target) and the definition [name]: target; not images in code, which have no such form.
_LINK = re.compile(r"\[[^\]]*\]\(\s*<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\s*\)|^\[[^\]]+\]:\s*(\S+)", re.MULTILINE)
_CODE = re.compile(r"^(```+|~~~+).*?^\1|`[^`\n]+`", re.MULTILINE | re.DOTALL)
_OUTSIDE = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)


def check_pairs(root: Path) -> list[str]:
    """Return a message for every notebook whose ``.py`` and ``.ipynb`` do not say the same."""
    problems = []
    chapters = find_chapters(root)
    for chapter in chapters:
        path = root / "notebooks" / f"{chapter}.ipynb"
        if not path.is_file():
            problems.append(f"{path}: missing; make pairs writes it from the script")
        elif _content(nbformat.read(path, as_version=4)) != _content(_from_script(root, chapter)):
            problems.append(f"{path}: differs from its script; edit the script, then make pairs")
    alone = sorted(p for p in (root / "notebooks").glob("*.ipynb") if p.stem not in chapters)
    return [*problems, *(f"{path}: has no script {path.stem}.py beside it" for path in alone)]


def write_pairs(root: Path) -> list[Path]:
    """Write the ``.ipynb`` of every script that differs from it; return those written."""
    written = []
    for chapter in find_chapters(root):
        path = root / "notebooks" / f"{chapter}.ipynb"
        notebook = _from_script(root, chapter)
        if path.is_file() and _content(nbformat.read(path, as_version=4)) == _content(notebook):
            continue
        write_text(path, notebook_text(notebook))
        written.append(path)
    return written


def notebook_text(notebook: nbformat.NotebookNode) -> str:
    """Return the text of an ``.ipynb``; the same notebook always gives the same text."""
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{number}"  # random ids would change the file each time
    return nbformat.writes(notebook) + "\n"


def check_outputs(root: Path) -> list[str]:
    """Return a message for every source notebook that holds outputs or execution counts."""
    problems = []
    for path in sorted((root / "notebooks").glob("*.ipynb")):
        cells = nbformat.read(path, as_version=4).cells
        if any(cell.get("outputs") or cell.get("execution_count") for cell in cells):
            problems.append(f"{path}: holds outputs; make pairs writes it without")
    return problems


def check_links(root: Path) -> list[str]:
    """Return a message for every relative link in Markdown text that leads to no file of the tree."""
    problems = []
    for path, text in _texts(root):
        for match in _LINK.finditer(_CODE.sub("", text)):
            target = unquote((match[1] or match[2]).split("#")[0])
            if not target or _OUTSIDE.match(target) or _exists(path.parent / target):
                continue
            problems.append(f"{path}: the link to {target} leads nowhere")
    return problems


def _exists(path: Path) -> bool:
    # Chapters link to pages by their name in the book, so any suffix of a page will do.
    generated = path.parent.name == "generated"
    return generated or path.exists() or any(path.with_suffix(s).exists() for s in (".md", ".py"))


def _texts(root: Path) -> Iterator[tuple[Path, str]]:
    for pattern in ("*.md", "book/*.md", "data/*/cards/*.md"):
        for path in sorted(root.glob(pattern)):
            yield path, path.read_text(encoding="utf-8")
    for chapter in find_chapters(root):
        cells = _from_script(root, chapter).cells
        text = "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
        yield root / "notebooks" / f"{chapter}.py", text


def _from_script(root: Path, chapter: str) -> nbformat.NotebookNode:
    return jupytext.read(root / "notebooks" / f"{chapter}.py", fmt="py:percent")


def _content(notebook: nbformat.NotebookNode) -> list[tuple[str, str, list[str]]]:
    return [(cell.cell_type, cell.source, cell.metadata.get("tags", [])) for cell in notebook.cells]
