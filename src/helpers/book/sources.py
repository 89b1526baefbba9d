"""Where the numbers of a page come from: result, cell, parameters, inputs, commit."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from html import escape, unescape
from typing import Any

import nbformat
from nbformat import NotebookNode

from helpers.book.article import GLUE
from helpers.claims.numbers import format_estimate
from helpers.claims.results import ChapterResults

_TABLE = re.compile(r'data-results="([^"]*)"')
_PARTS = (".interval", ".published")
Reference = tuple[str, str]  # chapter and id of a result


def mark_numbers(
    notebook: NotebookNode, chapter: str, results: Mapping[str, ChapterResults]
) -> set[Reference]:
    """Mark every cited number of the prose with the result that it is; return these and those of tables."""
    known = results[chapter].results if chapter in results else {}
    found: set[Reference] = set()

    def marked(match: re.Match[str]) -> str:
        name = " ".join(match[1].partition(":")[0].split())
        id = next((cut for part in _PARTS if (cut := name.removesuffix(part)) in known), None)
        heading = match.string[match.string.rfind("\n", 0, match.start()) + 1 :].startswith("#")
        if id is None or heading:
            return match[0]
        found.add((chapter, id))
        return (
            f'<span class="hp-number" data-chapter="{chapter}" data-result="{escape(id)}">{match[0]}</span>'
        )

    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = GLUE.sub(marked, cell.source)
        for output in cell.get("outputs", []):
            for rows in _TABLE.findall(output.get("data", {}).get("text/html", "")):
                found |= {(chapter, id) for chapter, id in json.loads(unescape(rows))}
    return {(name, id) for name, id in found if name in results and id in results[name].results}


def mark_cells(notebook: NotebookNode, page: str) -> dict[int, str]:
    """Give every code cell an anchor; return the address of each by its execution count."""
    places: dict[int, str] = {}
    cells = []
    for cell in notebook.cells:
        counts = [count for count in cell.metadata.get("counts", []) if count is not None]
        if counts:
            anchors = "".join(f'<span id="cell-{count}"></span>' for count in counts)
            cells.append(raw_cell(anchors, f"anchor-{counts[-1]}"))
            places |= {count: f"{page}.html#cell-{count}" for count in counts}
        cells.append(cell)
    notebook.cells = cells
    return places


def sources_data(
    references: Iterable[Reference],
    results: Mapping[str, ChapterResults],
    places: Mapping[str, Mapping[int, str]],
) -> dict[str, Any]:
    """Return what a page says of its numbers.

    Parameters
    ----------
    references : iterable of (chapter, id)
    results : mapping of chapter to ChapterResults
    places : mapping of chapter to addresses of its cells by execution count

    Returns
    -------
    dict
        ``chapters``: title, profile, commit, parameters, inputs; ``results``: by chapter and id, what is
        known of each number.
    """
    chosen = sorted(references)
    data: dict[str, Any] = {"chapters": {}, "results": {}}
    for name in sorted({chapter for chapter, _ in chosen}):
        chapter = results[name]
        data["chapters"][name] = {
            "title": chapter.title,
            "profile": chapter.profile,
            "commit": chapter.commit,
            "parameters": chapter.parameters,
            "inputs": {file.name: file.sha256 for file in chapter.inputs},
        }
        data["results"][name] = {}
    for name, id in chosen:
        result, cell = results[name].results[id], results[name].cells.get(id)
        signed = result.unit == "difference"
        value, interval = format_estimate(result.value, result.low, result.high, signed=signed)
        facts: dict[str, Any] = {
            "value": result.value,
            "text": value,
            "interval": interval or None,
            "p": result.p,
            "n": result.n,
            "seeds": result.seeds,
            "published": result.published,
            "data": f"{result.dataset or 'all data'} ({result.tier})",
            "note": result.note,
            "cell": cell,
            "place": places.get(name, {}).get(cell) if cell is not None else None,
        }
        data["results"][name][id] = {what: fact for what, fact in facts.items() if fact is not None}
    return data


def sources_cell(data: Mapping[str, Any]) -> NotebookNode:
    """Return the cell that puts the data into the page, so that it works from a folder as well."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("</", "<\\/")
    return raw_cell(f'<script type="application/json" id="hp-data">{text}</script>', "sources")


def raw_cell(html: str, id: str) -> NotebookNode:
    """Return a cell of HTML that is shown as it is."""
    return nbformat.v4.new_markdown_cell(f"````{{raw}} html\n{html}\n````", id=id)
