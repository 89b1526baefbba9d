"""Checks of the source tree: outputs of notebooks, links between files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import jupytext
import nbformat

from helpers.run.notebooks import find_chapters

# [text](target) and the definition [name]: target; not images in code, which have no such form.
_LINK = re.compile(r"\[[^\]]*\]\(\s*<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\s*\)|^\[[^\]]+\]:\s*(\S+)", re.MULTILINE)
_CODE = re.compile(r"^(```+|~~~+).*?^\1|`[^`\n]+`", re.MULTILINE | re.DOTALL)
_OUTSIDE = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)


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
        path = root / "notebooks" / f"{chapter}.py"
        cells = jupytext.read(path, fmt="py:percent").cells
        yield path, "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
