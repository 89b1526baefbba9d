"""Results that chapters share: found by another chapter, never by other code, and said to be taken over."""

from __future__ import annotations

import numpy as np
import pytest

from helpers.chapter import Chapter, checkpoints, provenance
from helpers.chapter.shelf import Shelf, taken_over
from helpers.evaluation import search


def test_another_chapter_finds_what_one_has_computed(tmp_path):
    first, second = (Shelf(tmp_path, name) for name in ("01_a", "02_b"))
    first.put("x", np.arange(3), 2.5)
    first.put("y", "text", 1.0)
    second.put("z", 0, 9.0)
    np.testing.assert_array_equal(second.get("x"), np.arange(3))
    assert (second.get("x") == first.get("x")).all()
    assert (second.get("y"), second.get("z"), second.get("w")) == ("text", 0, None)
    assert taken_over([second]) == {"taken_over": {"01_a": {"results": 2, "seconds": 3.5}}}
    assert taken_over([first]) == taken_over([]) == {}


def test_a_result_that_is_not_as_it_was_stored_is_not_read(tmp_path):
    shelf = Shelf(tmp_path, "01_a")
    shelf.put("x", 1, 1.0)
    [path] = tmp_path.glob("*.npz")
    path.write_bytes(path.read_bytes()[:-3] + b"abc")
    with pytest.warns(UserWarning, match="not as it was written"):
        assert shelf.get("x") is None


@pytest.mark.parametrize(
    ("changed", "found"), [("search.py", False), ("space.py", False), ("splits.py", True), ("", True)]
)
def test_changed_code_of_the_module_or_an_import_has_another_folder(
    project, tmp_path, monkeypatch, changed, found
):
    def folder():
        return checkpoints.module_folder(tmp_path, search, "cpu", project)

    before, code = folder(), provenance.executed_code
    monkeypatch.setattr(
        provenance, "executed_code", lambda path: code(path) + (b" " if path.name == changed else b"")
    )
    assert (folder() == before) is found


def test_other_versions_lock_and_device_have_another_folder(project, tmp_path, monkeypatch):
    def folder(device="cpu"):
        return checkpoints.module_folder(tmp_path, search, device, project)

    folders = [folder(), folder("cuda")]
    (project / "requirements.lock").write_text("a==1\n", encoding="utf-8")
    folders.append(folder())
    newer = provenance.versions() | {"torch": "99"}
    monkeypatch.setattr(checkpoints, "versions", lambda more: newer)
    folders.append(folder())
    assert len(set(folders)) == 4


def test_what_other_code_left_is_removed_when_a_chapter_ends(project, parameters):
    chapter = Chapter.begin("01_demo", parameters, root=project)
    shelf = chapter.shelf(search)
    shelf.put("x", 1, 1.0)
    old = shelf.folder.parent / "old"
    old.mkdir()
    chapter.finish()
    assert not old.exists()
    assert shelf.get("x") == 1


def test_a_chapter_says_what_it_took_over(project, parameters):
    (project / "notebooks" / "02_demo.py").write_text("# %% [markdown]\n# # Second\n", encoding="utf-8")
    Chapter.begin("01_demo", parameters, root=project).shelf(search).put("x", 1, 7.0)
    second = Chapter.begin("02_demo", parameters, root=project)
    assert "taken_over" not in second.snapshot().times
    assert second.shelf(search).get("x") == 1
    assert second.snapshot().times["taken_over"] == {"01_demo": {"results": 1, "seconds": 7.0}}
