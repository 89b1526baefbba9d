"""Pairs of notebooks: in sync, and no edit of either side is lost."""

from __future__ import annotations

import subprocess

import nbformat
import pytest

from helpers.book.checks import check_outputs
from helpers.errors import RunError
from helpers.run.pairs import check_pairs, edited_pairs, take_over, write_pairs


@pytest.fixture
def paired(toy):
    toy.notebook("01_first")
    write_pairs(toy.root)
    return toy.root / "notebooks" / "01_first.ipynb"


def test_written_pairs_are_in_sync_and_stable(toy, paired):
    before = paired.read_bytes()
    assert check_pairs(toy.root) == []
    assert check_outputs(toy.root) == []
    assert write_pairs(toy.root) == []
    paired.unlink()
    write_pairs(toy.root)
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
    [problem] = check_pairs(toy.root)
    assert "01_first.ipynb was edited and differs from its script" in problem
    before = paired.read_bytes()
    with pytest.raises(RunError, match="helpers pairs --from-ipynb 01"):
        write_pairs(toy.root)
    assert paired.read_bytes() == before
    assert write_pairs(toy.root, discard=True) == [paired]
    assert check_pairs(toy.root) == []


def _in_script(toy, old, new):
    path = toy.root / "notebooks" / "01_first.py"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_an_edit_of_the_script_is_written_through(toy, paired):
    for old, new in (("seed = 0", "seed = 1"), ("seed = 1", "seed = 2")):  # twice, without a commit between
        _in_script(toy, old, new)
        assert edited_pairs(toy.root) == []
        assert "differs from its script; edit the script" in check_pairs(toy.root)[0]
        assert write_pairs(toy.root) == [paired]


def test_a_committed_pair_was_not_edited(toy, paired):
    def git(*arguments):
        command = ["git", "-c", "user.name=x", "-c", "user.email=x@x", *arguments]
        subprocess.run(command, cwd=toy.root, check=True)

    git("init", "-q")
    git("add", "--all")
    git("commit", "-qm", "a")
    (toy.root / "notebooks" / ".pairs.json").unlink()
    _in_script(toy, "seed = 0", "seed = 1")
    assert write_pairs(toy.root) == [paired]


def test_an_edit_of_the_notebook_is_taken_over(toy, paired):
    script = toy.root / "notebooks" / "01_first.py"
    before = script.read_text(encoding="utf-8")

    def edit(notebook):
        notebook.metadata.kernelspec = {"name": "mine", "display_name": "Mine"}
        for cell in notebook.cells:
            cell.source = cell.source.replace("seed = 0", "seed = 7")

    _edit(paired, edit)
    assert take_over(toy.root, "01_first") == script
    assert script.read_text(encoding="utf-8") == before.replace("seed = 0", "seed = 7")
    assert check_pairs(toy.root) == edited_pairs(toy.root) == []


def test_half_pairs_are_found(toy, paired):
    paired.rename(paired.with_name("02_other.ipynb"))
    missing, alone = check_pairs(toy.root)
    assert "01_first.ipynb: missing" in missing
    assert "02_other.ipynb: has no script" in alone
