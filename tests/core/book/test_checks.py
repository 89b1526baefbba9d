"""Checks of the source tree."""

from __future__ import annotations

import nbformat
import pytest

from helpers.book import checks
from helpers.run.pairs import check_pairs, write_pairs


@pytest.fixture
def paired(toy):
    toy.notebook("01_first")
    write_pairs(toy.root)
    return toy.root / "notebooks" / "01_first.ipynb"


def _edit(path, change):
    notebook = nbformat.read(path, as_version=4)
    change(notebook)
    nbformat.write(notebook, path)


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
    assert check_pairs(repository) == []
    assert checks.check_outputs(repository) == []
    assert checks.check_links(repository) == []
