"""Make the copy of the tree that Sphinx builds."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nbformat
import vl_convert
import yaml

from helpers.atomic import write_text
from helpers.book import pages
from helpers.book.article import SUFFIX, fold_code, once_each, split_details
from helpers.book.chapters import BookPage, select_chapters, with_chips
from helpers.book.citation import citation_cell
from helpers.book.prose import add_cited
from helpers.book.sources import mark_cells, mark_numbers, sources_cell, sources_data
from helpers.claims.register import load_register
from helpers.claims.results import ChapterResults
from helpers.claims.verdict import ClaimVerdict, judge_run
from helpers.display.board import chips_html
from helpers.run.seal import check_seal, load_sealed
from helpers.run.state import RECORD, RunState, load_run


@dataclasses.dataclass(frozen=True)
class Material:
    """Everything that the generated pages are made of.

    Attributes
    ----------
    root, folder : Path
        Project and run folder.
    run : RunState
        ``run.json`` of the run.
    chapters : list of BookPage
        Every page, in order.
    results : dict of str to ChapterResults
        Results behind the shown chapters: of this run, else of the record.
    verdicts : list of ClaimVerdict
        Verdicts on those results.
    record : Path or None
        Folder of the run of record, when there is one.
    """

    root: Path
    folder: Path
    run: RunState
    chapters: list[BookPage]
    results: dict[str, ChapterResults]
    verdicts: list[ClaimVerdict]
    record: Path | None


def stage_book(root: Path, run: Path, stage: Path) -> Material:
    """Write the staged tree, replacing what is at ``stage``.

    Parameters
    ----------
    root : Path
        Project folder.
    run : Path
        Run folder.
    stage : Path
        Folder to write: ``_config.yml``, ``_toc.yml``, ``book/``, ``data/*/cards/`` as they are,
        ``notebooks/*.ipynb`` executed, and the generated pages.

    Returns
    -------
    Material
        What was staged.

    Raises
    ------
    RunError
        If ``run`` is no run folder, or not what its run wrote.
    ClaimError
        If the claim register is malformed.
    """
    material = collect(root, run)
    shutil.rmtree(stage, ignore_errors=True)
    stage.mkdir(parents=True)
    shutil.copy2(root / "_config.yml", stage / "_config.yml")
    toc = yaml.safe_load((root / "_toc.yml").read_text(encoding="utf-8"))
    shutil.copytree(root / "book", stage / "book", ignore=shutil.ignore_patterns("record*"))
    for cards in root.glob("data/*/cards"):
        shutil.copytree(cards, stage / cards.relative_to(root))
    details = _write_chapters(material, stage)
    write_text(stage / "_toc.yml", yaml.safe_dump(with_details(toc, details), sort_keys=False))
    # 0.9 MB that a page loads only where it has a chart; from here, since no page may ask another host.
    library = vl_convert.javascript_bundle()  # type: ignore[call-arg] # its stub lacks the default
    write_text(stage / "book" / "_static" / "vega.js", f"(() => {{\n{library}\n}})();\n")
    for path, text in pages.generated(material).items():
        write_text(stage / path, text)
    return material


def _write_chapters(material: Material, stage: Path) -> dict[str, str]:
    """Write every chapter, and its page of details where it has one; return the latter by the former."""
    places: dict[str, dict[int, str]] = {}
    written, details = [], {}
    for page in material.chapters:
        verdicts = [v for v in material.verdicts if v.claim.chapter == page.name]
        if verdicts:
            with_chips(page.notebook, page.name, chips_html(verdicts))
        add_cited(page.notebook, material.results.get(page.name), verdicts)
        article, rest = split_details(page.notebook, page.name, page.title)
        article.cells.append(citation_cell(material.root, page.title, page.name, page.entry))
        places[page.name] = {}
        for name, notebook in ((page.name, article), (f"{page.name}{SUFFIX}", rest)):
            if notebook is not None:
                fold_code(notebook)
                once_each(notebook)
                places[page.name] |= mark_cells(notebook, name)
                written.append((page.name, name, notebook))
        if rest is not None:
            details[page.page] = f"{page.page}{SUFFIX}"
    for chapter, name, notebook in written:
        references = mark_numbers(notebook, chapter, material.results)
        if references:
            notebook.cells.append(sources_cell(sources_data(references, material.results, places)))
        write_text(stage / "notebooks" / f"{name}.ipynb", nbformat.writes(notebook) + "\n")
    return details


def with_details(toc: dict[str, Any], details: Mapping[str, str]) -> dict[str, Any]:
    """Return a table of contents in which each page of details stands below its chapter."""

    def added(entry: Any) -> Any:
        if isinstance(entry, list):
            return [added(one) for one in entry]
        if not isinstance(entry, dict):
            return entry
        entry = {name: added(value) for name, value in entry.items()}
        if entry.get("file") in details:
            entry["sections"] = [{"file": details[entry["file"]]}, *entry.get("sections", [])]
        return entry

    return added(toc)


def collect(root: Path, run: Path) -> Material:
    """Read the run, the record, the claims and the chapters. Errors as for `stage_book`."""
    record = root / RECORD
    check_seal(run)
    chapters = select_chapters(root, run, record)
    has_record = (record / "run.json").is_file()
    if has_record:
        check_seal(record)
    results: dict[str, ChapterResults] = {}
    for shown, folder in (("run", run), ("record", record)):
        names = {page.name for page in chapters if page.shown == shown}
        if names:
            results |= {name: found for name, found in load_sealed(folder).items() if name in names}
    claims = root / "data"
    register = load_register(claims) if claims.is_dir() else {}
    verdicts = judge_run(register, results)
    return Material(
        root=root,
        folder=run,
        run=load_run(run),
        chapters=chapters,
        results=results,
        verdicts=verdicts,
        record=record if has_record else None,
    )
