"""Make the copy of the tree that Sphinx builds."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import nbformat

from helpers.atomic import write_text
from helpers.book import pages
from helpers.book.chapters import Chapter, select_chapters, with_chips
from helpers.claims.board import chips_html
from helpers.claims.register import load_register
from helpers.claims.results import StudyResults
from helpers.claims.verdict import ClaimVerdict, judge_run
from helpers.run.compare import run_results
from helpers.run.of_record import RECORD
from helpers.run.record import RunRecord, load_run


@dataclasses.dataclass(frozen=True)
class Material:
    """Everything that the generated pages are made of.

    Attributes
    ----------
    root, folder : Path
        Project and run folder.
    run : RunRecord
        ``run.json`` of the run.
    chapters : list of Chapter
        Every chapter, in order.
    results : dict of str to StudyResults
        Results behind the shown chapters: of this run, else of the record.
    verdicts : list of ClaimVerdict
        Verdicts on those results.
    record : Path or None
        Folder of the run of record, when there is one.
    """

    root: Path
    folder: Path
    run: RunRecord
    chapters: list[Chapter]
    results: dict[str, StudyResults]
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
        Folder to write: ``_config.yml``, ``_toc.yml``, ``book/``, ``data/cards/`` as they are,
        ``notebooks/*.ipynb`` executed, and the generated pages.

    Returns
    -------
    Material
        What was staged.

    Raises
    ------
    RunError
        If ``run`` is no run folder, or one of its files cannot be read.
    ClaimError
        If the claim register is malformed.
    """
    material = collect(root, run)
    shutil.rmtree(stage, ignore_errors=True)
    stage.mkdir(parents=True)
    for name in ("_config.yml", "_toc.yml"):
        shutil.copy2(root / name, stage / name)
    shutil.copytree(root / "book", stage / "book", ignore=shutil.ignore_patterns("record"))
    cards = root / "data" / "cards"
    if cards.is_dir():
        shutil.copytree(cards, stage / "data" / "cards")
    for chapter in material.chapters:
        verdicts = [v for v in material.verdicts if v.claim.study == chapter.study]
        if verdicts:
            with_chips(chapter.notebook, chapter.study, chips_html(verdicts))
        write_text(stage / f"{chapter.page}.ipynb", nbformat.writes(chapter.notebook) + "\n")
    for path, text in pages.generated(material).items():
        write_text(stage / path, text)
    return material


def collect(root: Path, run: Path) -> Material:
    """Read the run, the record, the claims and the chapters. Errors as for `stage_book`."""
    record = root / RECORD
    chapters = select_chapters(root, run, record)
    has_record = (record / "run.json").is_file()
    results = {}
    for shown, folder in (("run", run), ("record", record)):
        studies = {chapter.study for chapter in chapters if chapter.shown == shown}
        if studies:
            results |= {name: study for name, study in run_results(folder).items() if name in studies}
    claims = root / "data" / "claims"
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
