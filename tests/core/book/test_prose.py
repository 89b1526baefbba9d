"""Prose that is younger than what was executed: shown with its outputs, and with values cited since."""

from __future__ import annotations

import nbformat
import pytest

from helpers.book.article import glued_outputs
from helpers.book.prose import add_cited, with_present_text
from helpers.claims.results import ChapterResults, Result
from helpers.errors import RunError
from helpers.run.notebooks import code_hash

V4 = nbformat.v4


def source(text="As it was.", code="a = 1", tags=(), last="a"):
    cells = [
        V4.new_code_cell("x = 0", metadata={"tags": ["parameters"]}),
        V4.new_markdown_cell(f"# Title\n\n{text}", metadata={"tags": list(tags)}),
        V4.new_code_cell(code),
        V4.new_code_cell(last),
    ]
    return V4.new_notebook(cells=cells)


def executed(**changes):
    notebook = source(**changes)
    injected = V4.new_code_cell("x = 5", metadata={"tags": ["injected-parameters"]}, execution_count=2)
    notebook.cells.insert(1, injected)
    for count, cell in enumerate((cell for cell in notebook.cells if cell.cell_type == "code"), start=1):
        cell.execution_count = count
    notebook.cells[-1].outputs = [V4.new_output("execute_result", data={"text/plain": "1"})]
    return notebook


def test_new_prose_stands_around_old_outputs():
    old = executed()
    page = with_present_text(old, source("Mended.", code="a = 1  # one", tags=["details"]))
    kinds = [(cell.cell_type, cell.get("execution_count")) for cell in page.cells]
    assert kinds == [("code", 1), ("code", 2), ("markdown", None), ("code", 3), ("code", 4)]
    assert page.cells[1].source == "x = 5"
    assert page.cells[2].source == "# Title\n\nMended."
    assert page.cells[2].metadata.tags == ["details"]
    assert page.cells[3].source == "a = 1  # one"
    assert page.cells[4].outputs == old.cells[-1].outputs
    nbformat.validate(page)


def test_prose_may_gain_and_lose_cells():
    now = source()
    now.cells.insert(2, V4.new_markdown_cell("## New"))
    page = with_present_text(executed(), now)
    assert [cell.source for cell in page.cells if cell.cell_type == "markdown"] == [
        "# Title\n\nAs it was.",
        "## New",
    ]


@pytest.mark.parametrize(("place", "change"), [(3, {"code": "a = 2"}), (4, {"last": "a;"})])
def test_a_cell_that_was_carried_over_shows_the_code_that_made_its_outputs(place, change):
    old = executed()
    page = with_present_text(old, source("Mended.", tags=["details"], **change))
    assert [cell.source for cell in page.cells] == ["x = 0", "x = 5", "# Title\n\nMended.", "a = 1", "a"]
    assert page.cells[place].execution_count == place
    assert page.cells[2].metadata.tags == ["details"]
    assert page.cells[4].outputs == old.cells[-1].outputs


def test_outputs_that_have_no_place_in_the_source_keep_their_own_text():
    old, now = executed(), source("Mended.")
    now.cells.append(V4.new_code_cell("b = 2"))
    assert with_present_text(old, now) is old


@pytest.mark.parametrize("code", ["%matplotlib inline", "a = 1\n\n# done"])
def test_what_is_no_python_counts_as_it_stands_and_comments_are_free(code):
    assert (
        with_present_text(executed(code=code), source("Mended.", code=code))
        .cells[2]
        .source.endswith("Mended.")
    )


def test_what_is_executed_counts_and_nothing_else():
    same = [source("Mended."), source(tags=["details"]), source(code="a = (1)  # one"), executed()]
    other = [source(code="a = 2"), source(last="a;"), source(last="a\na")]
    untagged = source()
    untagged.cells[0].metadata["tags"] = ["hide-input"]
    assert {code_hash(notebook) for notebook in same} == {code_hash(source())}
    assert len({code_hash(notebook) for notebook in [source(), *other, untagged]}) == 5


@pytest.fixture
def results():
    found = {
        "rho": Result(value=0.123456, low=0.1, high=0.2, tier="panel", unit="difference", published=0.5),
        "n": Result(value=7, tier="panel"),
    }
    return ChapterResults(
        schema_=1, chapter="01_first", title="", profile="full", parameters={}, tiers={}, inputs=[],
        commit="0", source="0", versions={}, device="cpu", threads=1, results=found, figures=[], times={},
    )  # fmt: skip


def test_a_value_cited_since_comes_from_the_results(results):
    page = executed(text="{glue}`rho` {glue}`rho.interval` {glue}`rho.published` {glue:text}`n:.1f`")
    add_cited(page, results, [])
    outputs = glued_outputs(page.cells)
    prefix = "application/papermill.record/text"
    shown = {name: found.data[f"{prefix}/html"] for name, found in outputs.items()}
    assert shown == {
        "n": "<span>7</span>",
        "rho": "<span>+0.123</span>",
        "rho.interval": "<span>[+0.100, +0.200]</span>",
        "rho.published": "<span>+0.500</span>",
    }
    assert float(outputs["rho"].data[f"{prefix}/plain"]) == 0.123456
    assert page.cells[-1].metadata.tags == ["remove-cell"]


def test_what_was_not_recorded_cannot_be_cited(results):
    with pytest.raises(RunError, match="'01_first' cites what its execution did not record: sigma"):
        add_cited(executed(text="{glue}`sigma` {glue}`n`"), results, [])


def test_a_name_that_goes_on_in_the_next_line_is_the_same_name(results):
    results.results["rho of all"] = results.results["rho"]
    page = executed(text="{glue}`rho of\n all`")
    add_cited(page, results, [])
    assert list(glued_outputs(page.cells)) == ["rho of all"]


def test_without_results_nothing_is_added():
    page = executed(text="{glue}`sigma`")
    add_cited(page, None, [])
    assert len(page.cells) == 5
