"""Building a toy book: pages in place, and the last good ones kept when a build fails."""

from __future__ import annotations

import json
from html.parser import HTMLParser

import nbformat
import pandas as pd
import pytest
import yaml
from pandas.io.formats.style import Styler

from helpers.book import build_book
from helpers.display.frames import house_style, use_house_tables
from helpers.errors import RunError
from helpers.run.notebooks import read_source
from helpers.run.state import RunState

pytestmark = [pytest.mark.book, pytest.mark.slow]


@pytest.fixture
def book(toy):
    (toy.root / "book").mkdir()
    (toy.root / "book" / "index.md").write_text(
        "# Toy\n\n```{include} generated/board.md\n```\n", encoding="utf-8"
    )
    (toy.root / "_config.yml").write_text(
        "title: Toy\nonly_build_toc_files: true\nexecute: {execute_notebooks: 'off'}\n", encoding="utf-8"
    )
    (toy.root / "_toc.yml").write_text(
        "format: jb-book\nroot: book/index\nchapters:\n- file: notebooks/01_first\n", encoding="utf-8"
    )
    toy.notebook("01_first")
    toy.claim("01_first", above=1.0)
    toy.folder.mkdir(parents=True)
    RunState(profile="smoke").save(toy.folder)
    return toy


def test_build_then_a_broken_build_keeps_the_last_good_pages(book):
    out = book.root / "_build"
    html = build_book(book.root, book.folder, out)
    assert html == out / "html"
    assert 'data-claim="toy-01"' in (html / "book" / "index.html").read_text(encoding="utf-8")
    assert "not executed in the run" in (html / "notebooks" / "01_first.html").read_text(encoding="utf-8")

    index = book.root / "book" / "index.md"
    index.write_text(
        index.read_text(encoding="utf-8") + "\nSee [there](gone.md) and {term}`nowhere`.\n", encoding="utf-8"
    )
    with pytest.raises(RunError, match=r"(?s)the book was not built: .*build\.log.*book/index\.md.*nowhere"):
        build_book(book.root, book.folder, out)
    assert "gone" not in (html / "book" / "index.html").read_text(encoding="utf-8")
    assert "nowhere" in (out / "build.log").read_text(encoding="utf-8")


@pytest.mark.parametrize("where", ["book", "src/mine", "."])
def test_pages_do_not_go_among_the_sources(book, where):
    before = sorted(book.root.rglob("*"))
    with pytest.raises(
        RunError, match="holds sources of the project; choose another --out, for example _build"
    ):
        build_book(book.root, book.folder, book.root / where)
    assert sorted(book.root.rglob("*")) == before


def test_a_folder_that_is_not_of_a_build_is_not_replaced(book, tmp_path):
    mine = tmp_path / "mine" / "html" / "page.html"
    mine.parent.mkdir(parents=True)
    mine.write_text("mine", encoding="utf-8")
    with pytest.raises(RunError, match="holds html, which no build made"):
        build_book(book.root, book.folder, tmp_path / "mine")
    assert mine.read_text(encoding="utf-8") == "mine"


LABEL = "<script>alert(1)</script><img src=x onerror=alert(1)> **bold** [link](javascript:alert(1)) | a"
BAD = LABEL + " {term}`x`"


class Hostile(HTMLParser):
    """Collects what would run, or would be laid out, if a name were taken for a part of the page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.text = ""
        self._within = ""

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self._within = tag if given.get("type") != "application/json" else ""
        for name, value in attrs:
            if (name.startswith("on") or name in ("href", "src")) and "alert(1)" in (value or ""):
                self.found.append(f"{tag} {name}")

    def handle_data(self, data):
        if (self._within == "script" and "alert(1)" in data) or (self._within == "strong" and data == "bold"):
            self.found.append(f"{self._within}: {data[:60]}")
        self.text += data


def test_hostile_names_in_data_profiles_and_results_are_text_on_every_page(book, monkeypatch):
    for name in ("template_html_table", "template_html_style"):
        monkeypatch.setattr(Styler, name, getattr(Styler, name))  # as they were, after this test
    use_house_tables()
    book.profiles({BAD: {"common": {"data": "simulated", "jobs": 1}, "chapters": {}}})
    claims = book.root / "data" / "toy" / "claims_01.yml"
    content = yaml.safe_load(claims.read_text(encoding="utf-8"))
    [claim] = content["claims"]
    claim |= {"claim": BAD, "quote": BAD, "source": BAD, "compared": BAD}
    condition = {"result": "toy.level", "above": 1.0, "point": BAD, "label": LABEL}
    for part in claim["verdicts"].values():
        part |= {"rule": BAD, "conditions": [condition]}
    content["paper"] |= {"title": BAD, "authors": BAD}
    claims.write_text(yaml.safe_dump(content), encoding="utf-8")
    book.write_results(book.folder, "01_first", level={"value": 2.0, "note": BAD}, **{BAD: {"value": 1.0}})
    path = book.folder / "results" / "01_first.json"
    results = json.loads(path.read_text(encoding="utf-8"))
    results |= {"title": BAD, "profile": BAD, "parameters": {BAD: BAD}}
    path.write_text(json.dumps(results), encoding="utf-8")
    executed = read_source(book.root, "01_first").notebook()
    table = house_style(pd.DataFrame({BAD: [BAD, "b"], "value": [1.5, 2.0]}, [BAD, "a"]), BAD).to_html()
    [cell, *_] = [cell for cell in executed.cells if cell.cell_type == "code"]
    cell.outputs = [nbformat.v4.new_output("display_data", data={"text/html": table, "text/plain": BAD})]
    (book.folder / "notebooks").mkdir()
    nbformat.write(executed, book.folder / "notebooks" / "01_first.ipynb")
    RunState(profile=BAD, device=BAD).save(book.folder)
    book.seal(fingerprint={"source": read_source(book.root, "01_first").code})

    html = build_book(book.root, book.folder, book.root / "_build")
    shown = ""
    for page in sorted(html.rglob("*.html")):
        parser = Hostile()
        parser.feed(page.read_text(encoding="utf-8"))
        assert not parser.found, page.relative_to(html)
        shown += parser.text
    assert shown.count("<script>alert(1)</script><img src=x onerror=alert(1)> **bold**") > 5
