"""The record stands for code that was changed in form, where a smaller profile gives every number anew."""

from __future__ import annotations

import json
import subprocess

import nbformat
import pytest

from helpers.errors import RunError
from helpers.run.carry import carry_record
from helpers.run.fingerprint import fingerprint
from helpers.run.of_record import check_record, keep_as_record
from helpers.run.plan import RunOptions, make_plan
from helpers.run.state import RunState

NAME = "01_first"


@pytest.fixture
def commit(toy):
    """Return a function that commits everything and returns the commit."""

    def call():
        for arguments in (["add", "--all"], ["commit", "-qm", "x", "--allow-empty"]):
            subprocess.run(["git", *who, *arguments], cwd=toy.root, check=True, capture_output=True)
        done = subprocess.run(["git", "rev-parse", "HEAD"], cwd=toy.root, check=True, capture_output=True)
        return done.stdout.decode().strip()

    who = ["-c", "user.name=x", "-c", "user.email=x@x"]
    toy.notebook(NAME, body="from helpers.models import net\n")
    toy.profiles({"full": {"common": {"level": 5}}, "quick": {"common": {"level": 1}}})
    (toy.root / ".gitignore").write_text("runs/\n_build/\n", encoding="utf-8")
    subprocess.run(["git", "init", "-q"], cwd=toy.root, check=True)
    return call


@pytest.fixture
def execute(toy, commit):
    """Return a function that writes a run as if it had been executed now, at a commit."""

    def write(profile, value=1.0, chosen=None):
        toy.folder = toy.root / "runs" / profile
        at = commit()
        [task] = make_plan(toy.root, RunOptions(profile=profile, out=toy.folder))
        toy.write_results(toy.folder, NAME, "panel", a={"value": value, "dataset": "toy"})
        path = toy.folder / "results" / f"{NAME}.json"
        content = json.loads(path.read_text(encoding="utf-8")) | {"profile": profile, "commit": at}
        path.write_text(json.dumps(content), encoding="utf-8")
        (toy.folder / "notebooks").mkdir(exist_ok=True)
        page = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# First")])
        nbformat.write(page, toy.folder / "notebooks" / f"{NAME}.ipynb")
        RunState(profile=profile).save(toy.folder)
        parts = fingerprint(toy.root, task.source, task.parameters, toy.folder)
        toy.seal(commit=at, fingerprint=parts, parameters=task.parameters, chosen=chosen or {})
        return toy.folder

    return write


@pytest.fixture
def recorded(toy, execute):
    """Record both profiles, then change the form of a module."""
    for profile in ("full", "quick"):
        keep_as_record(toy.root, execute(profile))
    toy.module("models/net.py", "layers = 1 + 1")
    assert check_record(toy.root) == {NAME: ("package changed",)}


def test_where_no_number_moves_the_record_stands_for_the_code_as_it_is(toy, recorded, execute, commit):
    executed = RunState.load(toy.root / "book" / "record").notebooks[NAME].commit
    assert carry_record(toy.root, execute("quick")) == {NAME: ""}
    assert check_record(toy.root) == {NAME: ()}
    entry = RunState.load(toy.root / "book" / "record").notebooks[NAME]
    [carried] = entry.carried
    assert (carried.profile, carried.values) == ("quick", 1)
    assert entry.commit == executed != carried.commit
    # The smaller record is of the new code, so that the next change of form is carried too.
    commit()
    toy.module("models/net.py", "layers = 3 - 1")
    assert carry_record(toy.root, execute("quick")) == {NAME: ""}
    assert len(RunState.load(toy.root / "book" / "record").notebooks[NAME].carried) == 2
    assert carry_record(toy.root, execute("quick")) == {}


def reason(toy, run):
    before = (toy.root / "book" / "record" / "run.json").read_bytes()
    [found] = carry_record(toy.root, run).values()
    assert (toy.root / "book" / "record" / "run.json").read_bytes() == before
    return found


def test_a_number_that_moves_in_the_last_bit_needs_an_execution(toy, recorded, execute):
    assert reason(toy, execute("quick", value=1.0 + 2**-52)) == "1 of 1 numbers differ, first toy.a"


def test_a_change_of_more_than_form_needs_an_execution(toy, recorded, execute):
    toy.profiles({"full": {"common": {"level": 6}}, "quick": {"common": {"level": 1}}})
    assert reason(toy, execute("quick")) == "more than form was changed: parameters"


def test_the_smaller_runs_have_to_be_of_the_code_of_the_record_and_of_the_code_now(toy, recorded, execute):
    run = execute("quick")
    toy.module("models/net.py", "layers = 4 - 2")
    assert reason(toy, run) == "the run is of other code than this: package"
    keep_as_record(toy.root, execute("quick"))
    assert reason(toy, run) == "the record of the other profile is of other code than this: package"


def test_a_run_that_was_asked_for_otherwise_or_lacks_the_chapter_carries_nothing(toy, recorded, execute):
    assert "it was asked for with seed=1" in reason(toy, execute("quick", chosen={"seed": 1}))
    run = execute("quick")
    RunState(profile="quick").save(run)
    (run / "results" / f"{NAME}.json").unlink()
    assert reason(toy, run) == "the run does not have it"


def test_a_full_run_or_a_missing_record_is_one_error(toy, recorded, execute):
    with pytest.raises(RunError, match="is a run of profile full"):
        carry_record(toy.root, execute("full"))
    toy.profiles({"full": {"common": {"level": 5}}, "small": {"common": {"level": 1}}})
    with pytest.raises(RunError, match="record-small is no run folder"):
        carry_record(toy.root, execute("small"))


def test_changes_that_are_in_no_commit_are_an_error_before_anything_is_written(toy, recorded, execute):
    run = execute("quick")
    record = toy.root / "book" / "record"
    before = {path: path.read_bytes() for path in record.rglob("*") if path.is_file()}
    with (toy.root / ".gitignore").open("a", encoding="utf-8") as stream:
        stream.write("other/\n")
    with pytest.raises(RunError, match="the checkout has changes that are in no commit"):
        carry_record(toy.root, run)
    assert {path: path.read_bytes() for path in record.rglob("*") if path.is_file()} == before
