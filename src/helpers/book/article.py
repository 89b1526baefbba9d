"""An executed chapter as an article: code folded, and what only some readers want on a page of its own."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import nbformat
from nbformat import NotebookNode

from helpers.errors import RunError

#: Cell tag of a heading whose section, up to the next heading of its level or a higher one, moves.
DETAILS = "details"
#: Appended to the name of a chapter: the name of its page of details.
SUFFIX = "_details"
GLUE = re.compile(r"\{glue(?::\w+)?\}`([^`]*)`")
_HEADING = re.compile(r"^(#{1,6}) +(.+?)\s*$")
_POINTS = "→ On the page of details: "
_FENCE = re.compile(r"^\s*(`{3,}|~{3,}|:{3,})")


@dataclass
class _Piece:
    """A cell, or the part of a Markdown cell that begins with a heading."""

    cell: NotebookNode
    level: int = 0  # of its heading; 0 without one
    title: str = ""
    moves: bool = False


def split_details(notebook: NotebookNode, name: str, title: str) -> tuple[NotebookNode, NotebookNode | None]:
    """Move the tagged sections of a chapter to a page of details; links lead both ways.

    Parameters
    ----------
    notebook : NotebookNode
        Executed; not changed.
    name, title : str
        Of the chapter.

    Returns
    -------
    article : NotebookNode
        A link stands where a section was, and takes its permalink.
    details : NotebookNode or None
        None where nothing is tagged. Every value that the prose cites is there, whichever page computed it.

    Raises
    ------
    RunError
        If a tagged cell has no heading, or a section to be moved holds the board of claims, to which other
        pages link.
    """
    article: list[NotebookNode] = []
    moved: list[NotebookNode] = []
    inside, shift = 0, 0
    for piece in _pieces(notebook.cells):
        if piece.level and piece.level <= inside:
            inside = 0
        if piece.moves and not inside:
            inside, shift = piece.level, piece.level - 2
            label = f"{name}-{slug(piece.title)}"
            _point(article, label, piece.title)
            piece.cell.source = f"({label})=\n{piece.cell.source}"
            piece.cell.source += f"\n\n{{ref}}`↩ its place in the chapter <{label}-place>`"
        if inside:
            if any("claim-" in html and 'class="hv-board"' in html for html in _html(piece.cell)):
                msg = (
                    f"chapter {name!r}: the section with the board of claims cannot be on the page of details"
                )
                raise RunError(msg)
            piece.cell.source = _raised(piece.cell, shift)
            moved.append(piece.cell)
        else:
            article.append(piece.cell)
    if not moved:
        return copy.deepcopy(notebook), None
    lead = nbformat.v4.new_markdown_cell(
        f"# Details: {title}\n\nWhat the article [{title}]({name}.ipynb) leaves out: variants, sensitivity "
        "and checks, with all numbers.",
        id="details-lead",
    )
    pages = [article, [lead, *moved]]
    outputs = glued_outputs(notebook.cells)
    made = []
    for cells, other in zip(pages, reversed(pages), strict=True):
        wanted = cited_names(cells) & glued_outputs(other).keys() - glued_outputs(cells).keys()
        carrier = [outputs[key] for key in sorted(wanted)]
        page = nbformat.v4.new_notebook(cells=copy.deepcopy(cells), metadata=copy.deepcopy(notebook.metadata))
        if carrier:
            cell = nbformat.v4.new_code_cell(
                "", outputs=copy.deepcopy(carrier), id="values-of-the-other-page"
            )
            cell.metadata["tags"] = ["remove-cell"]
            page.cells.append(cell)
        made.append(page)
    return made[0], made[1]


def fold_code(notebook: NotebookNode) -> None:
    """Fold all code, and put cells that show nothing below the fold of the one that follows."""
    cells: list[NotebookNode] = []
    for cell in notebook.cells:
        if cell.cell_type == "code" and "remove-cell" not in cell.metadata.get("tags", []):
            before = cells[-1] if cells and cells[-1].cell_type == "code" else None
            if before is not None and not any(_shows(output) for output in before.outputs):
                cells.pop()
                cell.source = f"{before.source}\n\n{cell.source}"
                cell.outputs = [*before.outputs, *cell.outputs]
                earlier = before.metadata.get("counts", [])
            else:
                earlier = []
            cell.metadata["counts"] = [*earlier, cell.execution_count]
            cell.metadata["tags"] = [*cell.metadata.get("tags", []), "hide-input"]
        cells.append(cell)
    notebook.cells = cells


def once_each(notebook: NotebookNode) -> None:
    """Keep a style that many outputs bring along in the first of them only."""
    seen: set[str] = set()

    def first(match: re.Match[str]) -> str:
        if match[0] in seen:
            return ""
        seen.add(match[0])
        return match[0]

    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if html := output.get("data", {}).get("text/html"):
                output["data"]["text/html"] = re.sub(r"<style>.*?</style>", first, html, flags=re.DOTALL)


def slug(title: str) -> str:
    """Return the permalink that Sphinx makes of a heading.

    Examples
    --------
    >>> slug("What it took (table 2 of the report)")
    'what-it-took-table-2-of-the-report'
    """
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-").lstrip("-0123456789")


def _pieces(cells: Iterable[NotebookNode]) -> list[_Piece]:
    """Cut Markdown cells at their headings."""
    pieces = []
    for cell in cells:
        tagged = DETAILS in cell.metadata.get("tags", [])
        cut = _cut(cell) if cell.cell_type == "markdown" else [_Piece(copy.deepcopy(cell))]
        if tagged:
            first = next((piece for piece in cut if piece.level), None)
            if first is None or first.level == 1:
                msg = f"a cell is tagged {DETAILS!r} but begins no section: {cell.source[:60]!r}"
                raise RunError(msg)
            first.moves = True
        pieces += cut
    return pieces


def _cut(cell: NotebookNode) -> list[_Piece]:
    parts: list[tuple[int, str, list[str]]] = [(0, "", [])]
    fence = ""
    for line in cell.source.split("\n"):
        mark = _FENCE.match(line)
        if mark and (not fence or mark[1].startswith(fence)):
            fence = "" if fence else mark[1]
        heading = None if fence else _HEADING.match(line)
        if heading:
            parts.append((len(heading[1]), heading[2], []))
        parts[-1][2].append(line)
    cut = []
    for number, (level, title, lines) in enumerate(parts):
        source = "\n".join(lines).strip("\n")
        if source:
            part = copy.deepcopy(cell)
            part.source = source
            part["id"] = f"{cell.get('id', 'cell')[:58]}-{number}"
            cut.append(_Piece(part, level, title))
    return cut


def _point(article: list[NotebookNode], label: str, title: str) -> None:
    """Leave a link where a section was; those of neighbours share a line."""
    # The permalink of the section leads to the link.
    place = f'({label}-place)=\n```{{raw}} html\n<span id="{slug(title)}"></span>\n```'
    link = f"{{ref}}`{title} <{label}>`"
    before, found, links = article[-1].source.rpartition(_POINTS) if article else ("", "", "")
    if found:
        article[-1].source = f"{before}{place}\n\n{_POINTS}{links} · {link}"
    else:
        source = f"{place}\n\n{_POINTS}{link}"
        article.append(nbformat.v4.new_markdown_cell(source, id=slug(label)[-60:]))


def _raised(cell: NotebookNode, shift: int) -> str:
    """Raise the headings of a section that moves, so that it stands directly below the title."""
    if cell.cell_type != "markdown" or shift <= 0:
        return cell.source
    return re.sub(rf"^#{{{shift}}}(?=#+ )", "", cell.source, flags=re.MULTILINE)


def glued_outputs(cells: Iterable[NotebookNode]) -> dict[str, NotebookNode]:
    """Return the outputs that only prose shows, by name."""
    found = {}
    for cell in cells:
        for output in cell.get("outputs", []):
            name = output.get("metadata", {}).get("scrapbook", {}).get("name")
            if name:
                found[name] = output
    return found


def cited_names(cells: Sequence[NotebookNode]) -> set[str]:
    """Return the names that prose cites."""
    texts = [cell.source for cell in cells if cell.cell_type == "markdown"]
    found = (name.partition(":")[0] for text in texts for name in GLUE.findall(text))
    return {" ".join(name.split()) for name in found}  # a name may go on in the next line


def _shows(output: NotebookNode) -> bool:
    if output.output_type == "stream":
        return output.name == "stdout"  # the book leaves the error stream out
    return "scrapbook" not in output.get("metadata", {})


def _html(cell: NotebookNode) -> list[str]:
    return [output.get("data", {}).get("text/html", "") for output in cell.get("outputs", [])]
