"""The text of a chapter as its source has it now, around what was executed."""

from __future__ import annotations

import copy
from collections.abc import Iterable

import nbformat
from nbformat import NotebookNode

from helpers.book.article import cited_names, glued_outputs
from helpers.claims.numbers import format_estimate, format_number
from helpers.claims.results import ChapterResults
from helpers.claims.verdict import ClaimVerdict
from helpers.display.cards import Glued
from helpers.errors import RunError
from helpers.run.notebooks import INJECTED, code_cells, executed_part

_MIME = "application/papermill.record/"


def with_present_text(executed: NotebookNode, source: NotebookNode) -> NotebookNode:
    """Return an executed notebook with the prose, comments and tags of its source.

    Parameters
    ----------
    executed : NotebookNode
        What a run wrote; it has the fingerprint of the source, or was carried over to it.
    source : NotebookNode
        The notebook as it is now, without outputs.

    Returns
    -------
    NotebookNode
        Outputs, execution counts and ids of code cells are those of the execution. A cell whose code differs,
        by a change of form over which the execution was carried, shows the code that made its outputs. Where
        the number of such cells differs, the executed notebook as it is: outputs have no place in the source.
    """
    before = code_cells(executed)
    if len(before) != len(code_cells(source)):
        return executed
    followers = _followers(executed)
    outputs = iter(before)
    cells = []
    for number, cell in enumerate(copy.deepcopy(source.cells)):
        if cell.cell_type == "code":
            old = next(outputs)
            kept = copy.deepcopy(old)
            if executed_part(old.source) == executed_part(cell.source):
                kept.source = cell.source
            kept.metadata["tags"] = cell.metadata.get("tags", [])
            cells += [kept, *followers.get(old.get("id", ""), [])]
        else:
            cell["id"] = f"text-{number}"  # the reader of the source makes one up at every reading
            cells.append(cell)
    return nbformat.v4.new_notebook(cells=cells, metadata=copy.deepcopy(executed.metadata))


def add_cited(
    notebook: NotebookNode, results: ChapterResults | None, verdicts: Iterable[ClaimVerdict]
) -> None:
    """Make what the prose cites available to it where the execution did not: prose may be younger.

    Parameters
    ----------
    notebook : NotebookNode
        Changed in place.
    results : ChapterResults or None
        What the execution recorded; without it the notebook stays as it is.
    verdicts : iterable of ClaimVerdict
        Of the chapter.

    Raises
    ------
    RunError
        If the prose cites what the execution did not record; the message names it.
    """
    missing = sorted(cited_names(notebook.cells) - glued_outputs(notebook.cells).keys())
    if results is None or not missing:
        return
    known = _values(results, verdicts)
    if unknown := [name for name in missing if name not in known]:
        msg = f"chapter {results.chapter!r} cites what its execution did not record: {', '.join(unknown)}"
        raise RunError(msg)
    outputs = [_output(name, known[name]) for name in missing]
    cell = nbformat.v4.new_code_cell("", outputs=outputs, id="values-cited-since")
    cell.metadata["tags"] = ["remove-cell"]
    notebook.cells.append(cell)


def _followers(executed: NotebookNode) -> dict[str, list[NotebookNode]]:
    """Return the cells that the execution added, by the id of the cell before."""
    found: dict[str, list[NotebookNode]] = {}
    last = ""
    for cell in executed.cells:
        if INJECTED in cell.metadata.get("tags", []):
            found.setdefault(last, []).append(copy.deepcopy(cell))
        elif cell.cell_type == "code":
            last = cell.get("id", "")
    return found


def _values(results: ChapterResults, verdicts: Iterable[ClaimVerdict]) -> dict[str, Glued]:
    """Return everything that prose may cite, by name."""
    words = {f"verdict.{one.claim.id}.{part.part}": part.words for one in verdicts for part in one}
    values = {name: Glued(text, text) for name, text in words.items()}
    for name, result in results.results.items():
        signed = result.unit == "difference"
        value, interval = format_estimate(result.value, result.low, result.high, signed=signed)
        interval = interval or "(no interval)"
        values[name] = Glued(result.value, value)
        values[f"{name}.interval"] = Glued(interval, interval)
        if result.published is not None:
            values[f"{name}.published"] = Glued(
                result.published, format_number(result.published, signed=signed)
            )
    return values


def _output(name: str, value: Glued) -> NotebookNode:
    data = {f"{_MIME}text/plain": repr(value), f"{_MIME}text/html": value._repr_html_()}
    metadata = {"scrapbook": {"name": name, "mime_prefix": _MIME}}
    return nbformat.v4.new_output("display_data", data=data, metadata=metadata)
