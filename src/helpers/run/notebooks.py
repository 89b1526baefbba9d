"""The source notebooks: percent scripts in ``notebooks/``, and the parameters that they declare."""

from __future__ import annotations

import ast
import dataclasses
import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import jupytext
from nbformat import NotebookNode

from helpers.errors import ParameterError, RunError

_NAME = re.compile(r"\d{2}_\w+")
PARAMETERS = "parameters"
READS_RESULTS = "reads-results"
"""Cell tag of a notebook whose content depends on the results of the others."""
INJECTED = "injected-parameters"
"""Tag of the cell that an execution adds, with the parameters that it was asked for."""


@dataclasses.dataclass(frozen=True)
class SourceNotebook:
    """One notebook as its percent script has it.

    Attributes
    ----------
    chapter : str
        File name without suffix, for example ``"01_refdnn_reproduction"``.
    path : Path
        The ``.py`` file.
    code : str
        Hash of what is executed of it (:func:`code_hash`).
    parameters : mapping
        Names assigned in the cell tagged ``parameters``, and their values; None where it is no literal.
    reads_results : bool
        Whether a cell carries the tag ``reads-results``: the notebook runs after the others, and again
        when their results change.
    """

    chapter: str
    path: Path
    code: str
    parameters: Mapping[str, Any]
    reads_results: bool

    def notebook(self) -> NotebookNode:
        """Return the notebook made from the script, without outputs."""
        return jupytext.read(self.path, fmt="py:percent")


def find_chapters(root: Path) -> list[str]:
    """Return the names of all notebooks ``NN_name.py`` in order."""
    return sorted(p.stem for p in (root / "notebooks").glob("*.py") if _NAME.fullmatch(p.stem))


def select_chapters(root: Path, names: Iterable[str]) -> list[str]:
    """Return the chapters meant by ``names``, in the order of the book; all of them when empty.

    A name may be complete (``01_refdnn_reproduction``), the number (``1`` or ``01``), or any beginning
    that fits one chapter.

    Raises
    ------
    ParameterError
        If a name fits no chapter or more than one.
    """
    chapters = find_chapters(root)
    if not chapters:
        msg = f"no notebook NN_name.py in {root / 'notebooks'}"
        raise ParameterError(msg)
    chosen = set()
    for name in names:
        wanted = f"{int(name):02d}_" if name.isdecimal() else name
        fits = [s for s in chapters if s == wanted] or [s for s in chapters if s.startswith(wanted)]
        if len(fits) != 1:
            problem = f"fits more than one chapter ({', '.join(fits)})" if fits else "is unknown"
            msg = f"chapter {name!r} {problem}; there are: {', '.join(chapters)}"
            raise ParameterError(msg)
        chosen.update(fits)
    return [s for s in chapters if s in chosen] if chosen else chapters


def read_source(root: Path, chapter: str) -> SourceNotebook:
    """Read one source notebook and the parameters that it declares.

    Raises
    ------
    RunError
        If the script cannot be read as a notebook or has no cell tagged ``parameters``.
    """
    path = root / "notebooks" / f"{chapter}.py"
    try:
        notebook = jupytext.read(path, fmt="py:percent")
    except (OSError, ValueError) as error:
        msg = f"cannot read {path} as a notebook: {error}"
        raise RunError(msg) from error
    tags = [set(cell.metadata.get("tags", [])) for cell in notebook.cells]
    cells = [cell for cell, has in zip(notebook.cells, tags, strict=True) if PARAMETERS in has]
    if len(cells) != 1:
        msg = f"{path} must have exactly one cell tagged 'parameters'; it has {len(cells)}"
        raise RunError(msg)
    try:
        parameters = dict(_assigned(cells[0].source))
    except SyntaxError as error:
        msg = f"{path}: the cell tagged 'parameters' is not valid Python: {error}"
        raise RunError(msg) from error
    return SourceNotebook(
        chapter=chapter,
        path=path,
        code=code_hash(notebook),
        parameters=parameters,
        reads_results=any(READS_RESULTS in has for has in tags),
    )


def code_hash(notebook: NotebookNode) -> str:
    """Return one sha256 over what is executed of a notebook, cell by cell.

    Prose, comments, layout and the tags that steer only the page are free: a sentence can be mended, or a
    section moved to the page of details, and what was executed still stands.
    """
    digest = hashlib.sha256()
    for cell in code_cells(notebook):
        steering = sorted({PARAMETERS, READS_RESULTS}.intersection(cell.metadata.get("tags", [])))
        digest.update(repr((steering, executed_part(cell.source))).encode())
    return digest.hexdigest()


def code_cells(notebook: NotebookNode) -> list[NotebookNode]:
    """Return the code cells of a notebook, executed or not, without the one that an execution adds."""
    return [
        cell
        for cell in notebook.cells
        if cell.cell_type == "code" and INJECTED not in cell.metadata.get("tags", [])
    ]


def executed_part(code: str) -> str:
    """Return the syntax tree of a cell's code; a semicolon at its end, which hides a value, counts."""
    try:
        return ast.dump(ast.parse(code)) + ";" * code.rstrip().endswith(";")
    except SyntaxError:  # magics
        return code


def _assigned(code: str) -> Iterator[tuple[str, Any]]:
    """Yield the plain names that a piece of code assigns at its top level, with their values."""
    for node in ast.parse(code).body:
        if not isinstance(node, ast.Assign | ast.AnnAssign):
            continue
        try:
            value = ast.literal_eval(node.value) if node.value else None
        except ValueError:
            value = None
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        yield from ((target.id, value) for target in targets if isinstance(target, ast.Name))
