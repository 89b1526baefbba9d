"""How a chapter is cited."""

from __future__ import annotations

from html import escape
from pathlib import Path

import yaml
from nbformat import NotebookNode

import helpers
from helpers.book.sources import raw_cell
from helpers.run.state import NotebookState


def citation_cell(root: Path, title: str, page: str, entry: NotebookState | None) -> NotebookNode:
    """Return the box that says how to cite a chapter: title, book, version, date of what it shows.

    Parameters
    ----------
    root : Path
        Project; its ``_config.yml`` names the book and its authors.
    title, page : str
    entry : NotebookState or None
        The execution that the page shows.
    """
    config = yaml.safe_load((root / "_config.yml").read_text(encoding="utf-8"))
    author, book = config.get("author", "The authors"), config["title"]
    shown = "not executed" if entry is None else f"executed {entry.started[:10]}"
    commit = f", commit {entry.commit[:10]}" if entry is not None and entry.commit else ""
    text = f"{author}. “{title}”. In: {book}, version {helpers.__version__} ({shown}{commit})."
    address = config.get("repository", {}).get("url")
    link = f' <a href="{escape(address)}">{escape(address)}</a>' if address else ""
    return raw_cell(
        f'<div class="hb-cite"><p><b>How to cite.</b> {escape(text)}{link}</p></div>', f"cite-{page}"[:60]
    )
