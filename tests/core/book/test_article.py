"""A chapter as an article with a page of details, folded code, and numbers that know where they come from."""

from __future__ import annotations

import json
import re

import nbformat
import pytest

from helpers.book.article import fold_code, once_each, split_details
from helpers.book.sources import mark_cells, mark_numbers, sources_cell, sources_data
from helpers.book.stage import with_details
from helpers.claims.results import ChapterResults, Result
from helpers.errors import RunError


def code(source, *outputs, count=None):
    return nbformat.v4.new_code_cell(source, outputs=list(outputs), execution_count=count)


def markdown(source, *tags):
    return nbformat.v4.new_markdown_cell(source, metadata={"tags": list(tags)} if tags else {})


def glued(name, text):
    data = {"application/papermill.record/text/html": text}
    return nbformat.v4.new_output("display_data", data=data, metadata={"scrapbook": {"name": name}})


def shown(html):
    return nbformat.v4.new_output("display_data", data={"text/html": html})


def notebook():
    return nbformat.v4.new_notebook(
        cells=[
            markdown("# Title\n\nValue {glue}`inside` and {glue:text}`plain:.2f`.\n\n## Kept"),
            code("a = 1", glued("outside", "1"), glued("plain", "2"), glued("unused", "3")),
            markdown("### Moved part\n\nCited: {glue}`outside`.\n\n```\n# no heading\n```", "details"),
            code("b = 2", glued("inside", "2"), shown("<b>table</b>")),
            markdown("#### Deeper\n\ntext\n\n### Stays\n\nof the article"),
            markdown("## Gone", "details"),
            markdown("### Below it"),
            markdown("## End"),
        ]
    )


def headings(page):
    text = "\n".join(cell.source for cell in page.cells if cell.cell_type == "markdown")
    return re.findall(r"^#+ .*$", re.sub(r"```.*?```", "", text, flags=re.DOTALL), re.MULTILINE)


def test_tagged_sections_move_with_all_below_them_and_stand_below_the_title():
    article, details = split_details(notebook(), "01_demo", "Title")
    assert headings(article) == ["# Title", "## Kept", "### Stays", "## End"]
    assert headings(details) == ["# Details: Title", "## Moved part", "### Deeper", "## Gone", "### Below it"]
    assert next(cell.source for cell in article.cells if cell.cell_type == "code") == "a = 1"
    assert "b = 2" in [cell.source for cell in details.cells]
    nbformat.validate(article)
    nbformat.validate(details)


def test_links_lead_both_ways_and_the_old_permalink_stays():
    article, details = split_details(notebook(), "01_demo", "Title")
    there = "\n".join(cell.source for cell in article.cells)
    back = "\n".join(cell.source for cell in details.cells)
    for slug in ("moved-part", "gone"):
        assert f"<01_demo-{slug}>`" in there
        assert f"(01_demo-{slug})=\n##" in back
        assert f"<01_demo-{slug}-place>`" in back
        assert f"(01_demo-{slug}-place)=\n" in there
        assert f'<span id="{slug}"></span>' in there
    assert "[Title](01_demo.ipynb)" in back


def test_links_to_neighbouring_sections_share_a_line():
    cells = [
        markdown("# T"),
        markdown("## One", "details"),
        markdown("## Two", "details"),
        markdown("## End"),
    ]
    article, _ = split_details(nbformat.v4.new_notebook(cells=cells), "01_demo", "T")
    assert len(article.cells) == 3
    lines = article.cells[1].source.split("\n")
    assert lines[-1].startswith("→ ")
    assert lines[-1].endswith("{ref}`One <01_demo-one>` · {ref}`Two <01_demo-two>`")
    assert [line for line in lines if line.endswith("-place)=")] == [
        "(01_demo-one-place)=",
        "(01_demo-two-place)=",
    ]


def names(page):
    return {
        o.metadata.scrapbook.name
        for c in page.cells
        for o in c.get("outputs", [])
        if "scrapbook" in o.metadata
    }


def test_every_cited_value_is_on_the_page_that_cites_it_and_no_other_is_copied():
    article, details = split_details(notebook(), "01_demo", "Title")
    assert names(article) == {"outside", "plain", "unused", "inside"}
    assert names(details) == {"inside", "outside"}
    assert article.cells[-1].metadata.tags == ["remove-cell"]


def test_a_chapter_without_a_tag_is_left_as_it_is():
    given = nbformat.v4.new_notebook(cells=[markdown("# T\n\n## A"), markdown("## B")])
    assert split_details(given, "01_demo", "T") == (given, None)


@pytest.mark.parametrize(
    "cell", [markdown("no heading", "details"), markdown("# Title", "details"), code("1")]
)
def test_a_tag_without_a_section_is_an_error(cell):
    cell.metadata["tags"] = ["details"]
    with pytest.raises(RunError, match="tagged 'details' but begins no section"):
        split_details(nbformat.v4.new_notebook(cells=[cell]), "01_demo", "T")


def test_the_board_of_claims_does_not_move():
    cells = [
        markdown("# T"),
        markdown("## V", "details"),
        code("v", shown('<div class="hv-board" id="claim-a">')),
    ]
    with pytest.raises(RunError, match=r"'01_demo'.*board of claims"):
        split_details(nbformat.v4.new_notebook(cells=cells), "01_demo", "T")


def test_cells_that_show_nothing_fold_into_the_next():
    cells = [
        code("p = 1", count=1),
        code("import x", glued("v", "1"), count=2),
        code("show", shown("x"), count=3),
        code("more", count=4),
        markdown("text"),
        code("last", count=5),
    ]
    page = nbformat.v4.new_notebook(cells=cells)
    fold_code(page)
    assert [cell.source for cell in page.cells] == ["p = 1\n\nimport x\n\nshow", "more", "text", "last"]
    assert names(page) == {"v"}
    assert all("hide-input" in cell.metadata.tags for cell in page.cells if cell.cell_type == "code")
    places = mark_cells(page, "01_demo")
    assert places == {n: f"01_demo.html#cell-{n}" for n in range(1, 6)}
    assert (
        '<span id="cell-1"></span><span id="cell-2"></span><span id="cell-3"></span>' in page.cells[0].source
    )


def test_a_style_that_many_outputs_bring_stands_once():
    style = "<style>\na {}</style>"
    page = nbformat.v4.new_notebook(cells=[code("", shown(f"{style}A"), shown(f"{style}B"))])
    once_each(page)
    assert [o.data["text/html"] for o in page.cells[0].outputs] == [f"{style}A", "B"]


@pytest.fixture
def results():
    found = {
        "a.b": Result(
            value=0.5, low=0.25, high=0.75, n=5, tier="panel", unit="difference", note="a </script>"
        ),
        "other": Result(value=None, tier="panel"),
    }
    return {
        "01_demo": ChapterResults(
            schema_=1, chapter="01_demo", title="T", profile="full", parameters={"seed": 0}, tiers={},
            inputs=[{"name": "x.csv", "sha256": "ab" * 32}], commit="c0ffee", source="s", versions={},
            device="cpu", threads=1, results=found, cells={"a.b": 7}, figures=[], times={},
        )
    }  # fmt: skip


def test_numbers_of_prose_and_tables_know_their_results(results):
    table = shown(
        '<table data-results="[[&quot;01_demo&quot;, &quot;other&quot;], [&quot;gone&quot;, &quot;x&quot;]]">'
    )
    page = nbformat.v4.new_notebook(
        cells=[
            markdown(
                "# About {glue}`a.b`\n\n{glue}`a.b` {glue:text}`a.b:.1%` {glue}`a.b.interval` {glue}`a\nb`"
            ),
            code("t", table),
        ]
    )
    references = mark_numbers(page, "01_demo", results)
    assert references == {("01_demo", "a.b"), ("01_demo", "other")}
    marked = re.findall(r'data-result="([^"]+)">(\{[^<]+)</span>', page.cells[0].source)
    assert marked == [
        ("a.b", "{glue}`a.b`"),
        ("a.b", "{glue:text}`a.b:.1%`"),
        ("a.b", "{glue}`a.b.interval`"),
    ]
    assert page.cells[0].source.startswith("# About {glue}`a.b`\n")


def test_a_page_says_of_its_numbers_what_a_reader_asks(results):
    data = sources_data(
        {("01_demo", "a.b"), ("01_demo", "other")}, results, {"01_demo": {7: "p.html#cell-7"}}
    )
    fact = data["results"]["01_demo"]["a.b"]
    assert (fact["text"], fact["interval"], fact["place"]) == ("+0.500", "[+0.250, +0.750]", "p.html#cell-7")
    assert data["chapters"]["01_demo"]["inputs"] == {"x.csv": "ab" * 32}
    assert data["chapters"]["01_demo"]["commit"] == "c0ffee"
    source = sources_cell(data).source
    text = re.search(r'<script type="application/json" id="hp-data">(.*)</script>', source)[1]
    assert json.loads(text) == data
    assert "a </script>" not in source


def test_details_stand_below_their_chapter_in_the_table_of_contents():
    toc = {
        "format": "jb-book",
        "parts": [{"chapters": [{"file": "notebooks/01_demo"}, {"file": "b", "sections": [{"glob": "x"}]}]}],
    }
    found = with_details(toc, {"notebooks/01_demo": "notebooks/01_demo_details", "b": "c"})
    assert found["parts"][0]["chapters"] == [
        {"file": "notebooks/01_demo", "sections": [{"file": "notebooks/01_demo_details"}]},
        {"file": "b", "sections": [{"file": "c"}, {"glob": "x"}]},
    ]
