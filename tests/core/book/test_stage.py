"""What the staged book shows when chapters are done, failed, missing, older, or of record."""

from __future__ import annotations

import json
import re
from pathlib import Path

import nbformat
import pytest

import helpers
from helpers.book import stage_book
from helpers.book.chapters import with_chips
from helpers.errors import RunError
from helpers.run.notebooks import read_source
from helpers.run.state import Failure, NotebookState, RunState


@pytest.fixture
def book(toy):
    """Give the toy project a book with two chapters and a run folder without any."""
    root = toy.root
    (root / "book" / "record").mkdir(parents=True)
    (root / "book" / "index.md").write_text(
        "# Toy\n\n```{include} generated/board.md\n```\n", encoding="utf-8"
    )
    (root / "_config.yml").write_text("title: Toy\nonly_build_toc_files: true\n", encoding="utf-8")
    chapters = "- file: notebooks/01_first\n- file: notebooks/02_second\n"
    (root / "_toc.yml").write_text(
        f"format: jb-book\nroot: book/index\nchapters:\n{chapters}", encoding="utf-8"
    )
    text = "# %% [markdown]\n# The level is {glue}`toy.level`.\n\n# %%\n"
    for chapter in ("01_first", "02_second"):
        toy.notebook(chapter, body=text)
        toy.claim(chapter, above=1.0)
    execute(toy, toy.folder)
    return toy


def execute(toy, folder, **entries):
    """Write a run folder as if chapters had run; ``entries`` maps a chapter to changes of its record."""
    record = RunState(profile="smoke", commit="c0ffee")
    for chapter, changes in entries.items():
        source = read_source(toy.root, chapter)
        entry = {"status": "done", "started": "2020-01-01", "wall_seconds": 2.5}
        entry |= {"fingerprint": {"source": source.code}, "commit": "c0ffee"}
        record.notebooks[chapter] = NotebookState(**{**entry, **changes})
        notebook = nbformat.v4.new_notebook(
            cells=[
                nbformat.v4.new_markdown_cell(f"# {chapter}"),
                nbformat.v4.new_markdown_cell(f"Executed in {folder.name}."),
            ]
        )
        (folder / "notebooks").mkdir(parents=True, exist_ok=True)
        nbformat.write(notebook, folder / "notebooks" / f"{chapter}.ipynb")
    folder.mkdir(parents=True, exist_ok=True)
    record.save(folder)
    toy.seal(folder)


def stage(toy):
    """Seal the run and stage the book; return the text of both chapters and of the generated pages."""
    for folder in (toy.folder, toy.root / "book" / "record"):
        if (folder / "run.json").is_file():
            toy.seal(folder)
    target = toy.root / "_build" / "stage"
    stage_book(toy.root, toy.folder, target)
    chapters = {}
    for path in sorted((target / "notebooks").glob("*.ipynb")):
        cells = nbformat.read(path, as_version=4).cells
        assert "How to cite" in cells[-1].source
        chapters[path.stem] = "\n\n".join(cell.source for cell in cells[:-1])
    pages = {
        path.stem: path.read_text(encoding="utf-8") for path in (target / "book" / "generated").glob("*.md")
    }
    return chapters, pages


def test_executed_chapters_are_shown_as_they_are(book):
    execute(book, book.folder, **{"01_first": {}, "02_second": {}})
    chapters, pages = stage(book)
    assert chapters["01_first"] == "# 01_first\n\nExecuted in smoke."
    assert "<td>01_first</td><td>done</td><td>run</td><td>c0ffee</td><td>2.5</td>" in pages["build"]
    assert "c0ffee" in pages["build"]
    assert "There is no run of record yet" in pages["differences"]


def test_a_missing_chapter_is_its_source_and_says_so(book):
    chapters, pages = stage(book)
    assert "not executed in the run" in chapters["01_first"]
    # Sphinx rejects a reference to a value that no run has computed.
    assert "{glue}" not in chapters["01_first"]
    assert "The level is (not computed)." in chapters["01_first"]
    assert "<td>01_first</td><td>absent</td><td>source</td>" in pages["build"]


def test_a_missing_chapter_falls_back_on_the_record(book):
    record = book.root / "book" / "record"
    execute(book, record, **{"02_second": {}})
    execute(book, book.folder, **{"01_first": {}})
    book.write_results(record, "02_second", level={"value": 2.0})
    chapters, pages = stage(book)
    assert chapters["01_first"].endswith("Executed in smoke.")
    assert chapters["02_second"].endswith("Executed in record.")
    assert "What follows is the run of record: profile smoke" in chapters["02_second"]
    # The board judges what the chapter shows.
    assert 'data-claim="toy-02"' in pages["board"]
    assert "toy: panel" in pages["board"]
    assert not (book.root / "_build" / "stage" / "book" / "record").exists()


def test_a_failed_chapter_says_where(book):
    error = Failure(cell=7, name="ValueError", message="a < b", log="x.log")
    execute(book, book.folder, **{"01_first": {"status": "failed", "error": error}})
    chapters, _ = stage(book)
    assert "failed in the run" in chapters["01_first"]
    assert "in cell 7: ValueError: a &lt; b" in chapters["01_first"]
    assert "Executed in" not in chapters["01_first"]


def test_a_mended_sentence_stands_around_what_was_executed(book):
    execute(book, book.folder, **{"01_first": {}, "02_second": {}})
    executed = read_source(book.root, "01_first").notebook()
    nbformat.write(executed, book.folder / "notebooks" / "01_first.ipynb")
    path = book.root / "notebooks" / "01_first.py"
    text = path.read_text(encoding="utf-8").replace("The level is {glue}`toy.level`.", "A mended sentence.")
    path.write_text(text, encoding="utf-8")
    chapters, _ = stage(book)
    assert "A mended sentence." in chapters["01_first"]
    assert "older than its source" not in chapters["01_first"]


def test_a_page_older_than_its_source_says_so(book):
    execute(book, book.folder, **{"01_first": {"fingerprint": {"source": "0"}}, "02_second": {}})
    chapters, pages = stage(book)
    assert "older than its source" in chapters["01_first"]
    assert "older than its source" not in chapters["02_second"]
    assert "no, older" in pages["build"]
    assert "Changed after the execution that is shown: 01_first." in pages["board"]


def test_the_board_links_every_claim_and_warns_of_simulated_data(book):
    execute(book, book.folder, **{"01_first": {}, "02_second": {}})
    book.write_results(book.folder, "01_first", "simulated", level={"value": 2.0})
    book.write_results(book.folder, "02_second", "panel", level={"value": 2.0})
    board = stage(book)[1]["board"]
    for chapter in ("01_first", "02_second"):
        assert f'href="../notebooks/{chapter}.html#claim-toy-{chapter[:2]}"' in board
    assert "in part on simulated data, where no verdict binds: 01_first." in board
    book.write_results(book.folder, "02_second", "simulated", level={"value": 2.0})
    whole = stage(book)[1]["board"]
    assert "This book is on simulated data" in whole
    assert "Data at hand: simulated always. `helpers data fetch` fetches the panel" in whole
    for chapter in ("01_first", "02_second"):
        path = book.folder / "results" / f"{chapter}.json"
        asked = {**json.loads(path.read_text(encoding="utf-8")), "parameters": {"data": "simulated"}}
        path.write_text(json.dumps(asked), encoding="utf-8")
    whole = stage(book)[1]["board"]  # no data would have changed it
    assert "Simulated data were asked for: `helpers run --profile quick` takes real ones." in whole
    assert "helpers data fetch" not in whole
    claims = book.root / "data" / "toy" / "claims_01.yml"
    claims.write_text(claims.read_text(encoding="utf-8") + "simulated: [toy]\n", encoding="utf-8")
    book.write_results(book.folder, "02_second", "panel", level={"value": 2.0})
    assert "on simulated data" not in stage(book)[1]["board"]  # 01_first simulates by design
    for chapter in ("01_first", "02_second"):
        book.write_results(book.folder, chapter, "panel", level={"value": 2.0})
    assert "simulated" not in stage(book)[1]["board"].split('<div class="hv-board">')[0].split("</style>")[-1]


def test_differences_from_the_record(book):
    record = book.root / "book" / "record"
    for folder, value in ((record, 2.0), (book.folder, 0.5)):
        execute(book, folder, **{"01_first": {}})
        book.write_results(folder, "01_first", level={"value": value, "low": value - 1, "high": value + 1})
    page = stage(book)[1]["differences"]
    assert "1 of 1 results moved; 3 verdict parts differ" in page
    assert "<td>2.000</td><td>0.500</td><td>1.5</td>" in page
    assert "<td>toy-01</td><td>repeated</td><td>holds</td><td>fails</td>" in page


def test_the_build_says_how_many_values_equal_the_record_of_its_profile(book):
    assert "there is no record of this profile yet" in stage(book)[1]["build"]
    results = {"level": {"value": 0.5}, "exact": {"value": 2.0}}
    execute(book, book.folder, **{"01_first": {}})
    book.write_results(book.folder, "01_first", **results)
    record = book.root / "book" / "record-smoke"
    for tolerance, equal in ((0.1, 1), (0.3, 2)):
        recorded = results | {"level": {"value": 0.7, "tolerance": tolerance}}
        book.write_results(record, "01_first", **recorded)
        book.seal(record)
        assert f"{equal} of 2 values equal the record" in stage(book)[1]["build"]


def test_every_public_module_is_in_the_api(book):
    listed = stage(book)[1]["api"]
    folder = book.root / "_build" / "stage" / "book" / "api"
    texts = {path.stem: path.read_text(encoding="utf-8") for path in folder.glob("*.md")}
    assert all(f"](api/{name}.md)" in listed for name in texts)
    documented = re.findall(r"^\.\. automodule:: (\S+)", "\n".join(texts.values()), flags=re.MULTILINE)
    assert len(documented) == len(set(documented))
    package = Path(helpers.__file__).parent
    modules = {
        ".".join(("helpers", *path.relative_to(package).with_suffix("").parts)).removesuffix(".__init__")
        for path in package.rglob("*.py")
        if "skeleton" not in path.parts and "cli" not in path.parts
    }
    assert set(documented) == modules
    assert ".. automodule:: helpers.run.compare\n   :members:" in texts["run"]
    assert ".. automodule:: helpers.studies.refdnn.model.batched\n" in texts["studies.refdnn.model"]


def test_what_is_no_run_folder_is_refused(book):
    (book.folder / "run.json").unlink()
    with pytest.raises(RunError, match="is no run folder"):
        stage(book)


def test_a_damaged_notebook_is_named(book):
    execute(book, book.folder, **{"01_first": {}})
    (book.folder / "notebooks" / "01_first.ipynb").write_text(json.dumps({"cells": 3})[:-1], encoding="utf-8")
    with pytest.raises(RunError, match=r"notebooks/01_first\.ipynb was changed after it was written"):
        stage_book(book.root, book.folder, book.root / "_build" / "stage")


def test_a_later_failure_shows_the_good_page_and_says_so(book):
    error = Failure(cell=7, name="ValueError", message="a", log="x.log")
    later = NotebookState(status="failed", started="2020-01-02", error=error)
    execute(book, book.folder, **{"01_first": {"attempt": later}})
    chapters, pages = stage(book)
    assert "Executed in smoke." in chapters["01_first"]
    assert "failed in the run" in chapters["01_first"]
    assert "What follows is the execution before, of 2020-01-01." in chapters["01_first"]
    assert "<td>01_first</td><td>failed</td><td>run</td>" in pages["build"]


def test_chips_replace_the_bare_claims_of_the_opening_box():
    html = (
        '<div class="hs-box"><div data-claims="01_demo"><ol><li>It works.</li></ol></div><p>Seed 0</p></div>'
    )
    output = nbformat.v4.new_output("display_data", data={"text/html": html})
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("", outputs=[output])])
    with_chips(notebook, "02_other", "<b>no</b>")
    assert notebook.cells[0].outputs[0]["data"]["text/html"] == html
    with_chips(notebook, "01_demo", r"<b>\1 holds</b>")
    shown = notebook.cells[0].outputs[0]["data"]["text/html"]
    assert shown == r'<div class="hs-box"><b>\1 holds</b><p>Seed 0</p></div>'
