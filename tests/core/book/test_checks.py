"""Checks of the source tree."""

from __future__ import annotations

import nbformat
import pytest

from helpers.book import checks


@pytest.fixture
def paired(toy):
    toy.notebook("01_first")
    checks.write_pairs(toy.root)
    return toy.root / "notebooks" / "01_first.ipynb"


def test_written_pairs_are_in_sync_and_stable(toy, paired):
    before = paired.read_bytes()
    assert checks.check_pairs(toy.root) == []
    assert checks.check_outputs(toy.root) == []
    assert checks.write_pairs(toy.root) == []
    paired.unlink()
    checks.write_pairs(toy.root)
    assert paired.read_bytes() == before


def _edit(path, change):
    notebook = nbformat.read(path, as_version=4)
    change(notebook)
    nbformat.write(notebook, path)


DRIFT = [
    ("source", lambda nb: nb.cells[-1].update(source="1 + 1")),
    ("tags", lambda nb: next(c for c in nb.cells if c.metadata.get("tags")).metadata.update(tags=[])),
    ("cell added", lambda nb: nb.cells.append(nbformat.v4.new_markdown_cell("new"))),
    ("cell removed", lambda nb: nb.cells.pop()),
    ("cell type", lambda nb: nb.cells[0].update(cell_type="raw")),
]


@pytest.mark.parametrize("change", [c[1] for c in DRIFT], ids=[c[0] for c in DRIFT])
def test_drift_is_found(toy, paired, change):
    _edit(paired, change)
    [problem] = checks.check_pairs(toy.root)
    assert "01_first.ipynb: differs from its script" in problem


def test_half_pairs_are_found(toy, paired):
    paired.rename(paired.with_name("02_other.ipynb"))
    missing, alone = checks.check_pairs(toy.root)
    assert "01_first.ipynb: missing" in missing
    assert "02_other.ipynb: has no script" in alone


OUTPUTS = [
    lambda cell: cell.update(outputs=[nbformat.v4.new_output("stream", text="1")]),
    lambda cell: cell.update(execution_count=3),
]


@pytest.mark.parametrize("change", OUTPUTS)
def test_outputs_are_found(toy, paired, change):
    _edit(paired, lambda nb: change(nb.cells[-1]))
    [problem] = checks.check_outputs(toy.root)
    assert "01_first.ipynb: holds outputs" in problem


LINKS = [
    ("[a](other.md)", True),
    ("[a](other.md#part)", True),
    ("[a](other)", True),
    ("[a](<other.md>)", True),
    ("[a](../notebooks/01_first)", True),
    ("[a](https://example.org/x)", True),
    ("[a](mailto:a@example.org)", True),
    ("[a](#here)", True),
    ("`[a](gone.md)`", True),
    ("```\n[a](gone.md)\n```", True),
    ("[a](gone.md)", False),
    ('[a](gone.md "title")', False),
    ("![a](gone.png)", False),
    ("[a]: gone.md", False),
    ("[a](../gone/)", False),
]


@pytest.mark.parametrize(("text", "good"), LINKS)
def test_links(toy, text, good):
    toy.notebook("01_first")
    (toy.root / "book").mkdir()
    (toy.root / "book" / "other.md").write_text("# Other\n", encoding="utf-8")
    (toy.root / "book" / "page.md").write_text(text, encoding="utf-8")
    problems = checks.check_links(toy.root)
    assert (problems == []) is good
    assert good or ("page.md" in problems[0] and "gone" in problems[0])


def test_links_of_notebooks_count_too(toy):
    toy.notebook("01_first", body="# %% [markdown]\n# See [there](gone.md).\n\n# %%\n")
    [problem] = checks.check_links(toy.root)
    assert "01_first.py: the link to gone.md leads nowhere" in problem


def test_the_repository_passes(repository):
    assert checks.check_pairs(repository) == []
    assert checks.check_outputs(repository) == []
    assert checks.check_links(repository) == []
