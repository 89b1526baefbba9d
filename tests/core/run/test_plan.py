"""When a notebook counts as up to date although nothing in the project changed."""

from __future__ import annotations

import pytest

from helpers.run.fingerprint import fingerprint
from helpers.run.plan import RunOptions, make_plan, stale_because
from helpers.run.profiles import load_profiles
from helpers.run.state import RunState
from helpers.run.status import describe_data, run_status

CONTENT = b"drug,line\n"


@pytest.fixture
def finished(toy):
    """Return a function that makes a finished run of one notebook on data of a tier."""
    toy.profiles({"smoke": {"common": {"data": "auto"}}})
    toy.notebook("01_first")
    toy.registered("01_first", CONTENT)

    def make(tier):
        [task] = make_plan(toy.root, RunOptions(profile="smoke"))
        toy.write_results(toy.folder, "01_first", tier, level={"value": 1.0})
        (toy.folder / "notebooks").mkdir()
        (toy.folder / "notebooks" / "01_first.ipynb").write_text("{}", encoding="utf-8")
        prints = fingerprint(toy.root, task.source, task.parameters, toy.folder)
        toy.seal(wall_seconds=3, parameters=task.parameters, fingerprint=prints)
        record = RunState.load(toy.folder)
        return task, record

    return make


def fetch(cache):
    path = cache / "o" / "r" / ("0" * 40) / "pairs.csv"
    path.parent.mkdir(parents=True)
    path.write_bytes(CONTENT)


def test_a_simulated_run_is_stale_once_the_panel_is_there(toy, finished, tmp_path):
    task, record = finished("simulated")
    assert stale_because(toy.root, toy.folder, task, record) == []
    assert describe_data(toy.root) == "panel 0 of 1 files; simulated always"
    fetch(tmp_path / "cache")
    assert stale_because(toy.root, toy.folder, task, record) == ["the panel data have arrived"]
    assert describe_data(toy.root) == "panel 1 of 1 files; simulated always"


def test_a_panel_run_stays_up_to_date_without_the_files(toy, finished):
    task, record = finished("panel")
    assert stale_because(toy.root, toy.folder, task, record) == []


@pytest.mark.parametrize(
    ("status", "why"),
    [
        ("failed", "last time: failed"),
        ("interrupted", "last time: interrupted"),
        ("running", "has not ended"),
    ],
)
def test_an_unfinished_notebook_is_stale(toy, finished, status, why):
    task, record = finished("panel")
    record.notebooks["01_first"].status = status
    assert stale_because(toy.root, toy.folder, task, record) == [why]


def test_a_deleted_notebook_is_stale(toy, finished):
    task, record = finished("panel")
    (toy.folder / "notebooks" / "01_first.ipynb").unlink()
    assert stale_because(toy.root, toy.folder, task, record) == ["notebooks/01_first.ipynb is gone"]


def test_status_of_a_run_folder(toy, finished):
    finished("panel")
    [state] = run_status(toy.root, toy.folder)
    assert (state.chapter, state.status, state.wall_seconds, state.stale) == ("01_first", "done", 3, ())
    toy.notebook("02_second")
    assert [s.stale for s in run_status(toy.root, toy.folder)] == [(), ("not run yet",)]


def test_a_file_that_is_registered_later_changes_nothing(toy, finished):
    task, record = finished("panel")
    toy.registered("01_first", b"new", key="later")
    assert stale_because(toy.root, toy.folder, task, record) == []
    toy.registered("01_first", b"other")
    assert stale_because(toy.root, toy.folder, task, record) == ["file pairs changed"]


def test_data_that_a_chapter_simulates_by_design_do_not_wait_for_the_panel(toy, finished, tmp_path):
    toy.claim("01_first", above=1.0)
    path = toy.root / "data" / "toy" / "claims_01.yml"
    path.write_text(path.read_text(encoding="utf-8") + "simulated: [toy]\n", encoding="utf-8")
    task, record = finished("simulated")
    fetch(tmp_path / "cache")
    assert stale_because(toy.root, toy.folder, task, record) == []


def test_the_profiles_of_the_book_have_the_types_of_its_notebooks(repository):
    for profile in load_profiles(repository):
        assert make_plan(repository, RunOptions(profile=profile))


def test_notebooks_that_read_results_run_last(toy):
    toy.notebook("01_first")
    toy.notebook("02_verdicts", tags=', "reads-results"')
    toy.notebook("03_added_later")
    tasks = make_plan(toy.root, RunOptions(profile="smoke"))
    assert [task.source.chapter for task in tasks] == ["01_first", "03_added_later", "02_verdicts"]
