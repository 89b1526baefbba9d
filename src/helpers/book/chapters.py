"""Which copy of a chapter the book shows: executed in this run, of record, or the bare source."""

from __future__ import annotations

import copy
import dataclasses
import re
from html import escape
from pathlib import Path
from typing import Literal

import nbformat
from nbformat import NotebookNode

from helpers.book.prose import with_present_text
from helpers.book.sources import raw_cell
from helpers.errors import RunError
from helpers.run.notebooks import SourceNotebook, find_chapters, read_source
from helpers.run.state import NotebookState, RunState

Shown = Literal["run", "record", "source"]
_GLUE = re.compile(r"\{glue(?::\w+)?\}`[^`]*`")


@dataclasses.dataclass(frozen=True)
class BookPage:
    """One chapter as the book shows it.

    Attributes
    ----------
    source : SourceNotebook
        The percent script as it is now.
    shown : {"run", "record", "source"}
        Where the shown copy is from.
    entry : NotebookState or None
        What the run (or the record) says of that copy.
    status : str
        Status in this run: ``done``, ``failed``, ``interrupted``, ``running`` or ``absent``.
    notes : tuple of str
        What a reader must know of the page; shown below its title.
    notebook : NotebookNode
        Ready for Sphinx.
    """

    source: SourceNotebook
    shown: Shown
    entry: NotebookState | None
    status: str
    notes: tuple[str, ...]
    notebook: NotebookNode

    @property
    def older(self) -> bool:
        """Whether the notebook was changed after it was executed."""
        return self.entry is not None and self.entry.fingerprint.get("source") != self.source.code

    @property
    def name(self) -> str:
        """Name of the chapter."""
        return self.source.chapter

    @property
    def title(self) -> str:
        """First heading of the chapter."""
        for cell in self.notebook.cells:
            if cell.cell_type == "markdown" and (found := re.search(r"^# +(.+)$", cell.source, re.MULTILINE)):
                return found[1].strip()
        return self.name

    @property
    def page(self) -> str:
        """Path of the page below the root of the site, without suffix."""
        return f"notebooks/{self.name}"


def with_chips(notebook: NotebookNode, chapter: str, chips: str) -> None:
    """Put the chips of the verdicts in place of the bare claims in the box that opens a chapter."""
    place = re.compile(rf'<div data-claims="{re.escape(chapter)}">.*?</div>', flags=re.DOTALL)
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            html = output.get("data", {}).get("text/html")
            if html and place.search(html):
                output["data"]["text/html"] = place.sub(lambda _: chips, html, count=1)
                return


def select_chapters(root: Path, run: Path, record: Path) -> list[BookPage]:
    """Choose the copy of every chapter.

    Parameters
    ----------
    root : Path
        Project folder.
    run : Path
        Run folder that the book is built from.
    record : Path
        Folder of the run of record; need not exist.
    """
    this, official = RunState.load(run), RunState.load(record)
    return [_chapter(root, chapter, (run, this), (record, official)) for chapter in find_chapters(root)]


def _chapter(
    root: Path,
    chapter: str,
    run: tuple[Path, RunState | None],
    record: tuple[Path, RunState | None],
) -> BookPage:
    source = read_source(root, chapter)
    notes = []
    entry = run[1].notebooks.get(chapter) if run[1] else None
    status = entry.latest.status if entry else "absent"
    shown: Shown = "run"
    notebook = _executed(*run, chapter)
    if notebook is None:
        notes.append(_why_not(entry))
        shown, notebook = "record", _executed(*record, chapter)
        entry = record[1].notebooks.get(chapter) if record[1] else None
        if notebook is not None and record[1] is not None and entry is not None:
            notes.append(
                f"What follows is the run of record: profile {record[1].profile}, "
                f"executed {entry.started}, commit {entry.commit or 'unknown'}."
            )
    if notebook is None or entry is None:
        shown, entry, notebook = "source", None, _without_numbers(source.notebook())
        notes.append("What follows is its source, without any number.")
    elif entry.attempt is not None:
        notes.append(f"{_why_not(entry.attempt)} What follows is the execution before, of {entry.started}.")
    elif entry.fingerprint.get("source") != source.code:
        notes.append(
            "This page is older than its source: the notebook was changed after it was executed. "
            f"Execute it again with: helpers run {chapter[:2]}"
        )
    else:
        notebook = with_present_text(notebook, source.notebook())
    return BookPage(source, shown, entry, status, tuple(notes), _prepared(notebook, notes))


def _executed(folder: Path, state: RunState | None, chapter: str) -> NotebookNode | None:
    entry = state.notebooks.get(chapter) if state else None
    path = folder / "notebooks" / f"{chapter}.ipynb"
    if entry is None or entry.status != "done" or not path.is_file():
        return None
    try:
        return nbformat.read(path, as_version=4)
    except (OSError, ValueError) as error:
        msg = f"{path} cannot be read as a notebook ({error}); run the chapter again with --force"
        raise RunError(msg) from error


def _why_not(entry: NotebookState | None) -> str:
    if entry is None:
        return "This chapter was not executed in the run that this book is built from."
    if entry.error is not None:
        where = f" in cell {entry.error.cell}" if entry.error.cell else ""
        return (
            "This chapter failed in the run that this book is built from"
            f"{where}: {entry.error.name}: {entry.error.message}"
        )
    return f"This chapter was not finished in the run that this book is built from ({entry.status})."


def _without_numbers(notebook: NotebookNode) -> NotebookNode:
    """Replace references to values that no run has computed; Sphinx would reject them."""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = _GLUE.sub("(not computed)", cell.source)
    return notebook


def _prepared(notebook: NotebookNode, notes: list[str]) -> NotebookNode:
    """Add the notes below the title."""
    notebook = copy.deepcopy(notebook)
    if notes:
        text = "\n".join(f"<p>{escape(note, quote=False)}</p>" for note in notes)
        banner = raw_cell(_BANNER.format(text=text), "notes")
        first = next((i for i, cell in enumerate(notebook.cells) if cell.cell_type == "markdown"), 0)
        notebook.cells.insert(first + 1, banner)
    return notebook


_BANNER = (
    '<div class="hb-banner" role="note" style="border:2px solid rgb(213,94,0);'
    'background:rgba(213,94,0,0.15);border-radius:0.4rem;padding:0.3rem 0.8rem;margin:0.6rem 0">{text}</div>'
)
