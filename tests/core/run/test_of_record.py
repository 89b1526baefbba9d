"""Only complete runs of clean commits on real data become of record, without paths of the machine."""

from __future__ import annotations

import json
import shutil
import subprocess

import nbformat
import pytest

from helpers.errors import RunError
from helpers.run.compare import equality
from helpers.run.execute import run_notebooks
from helpers.run.notebooks import read_source
from helpers.run.of_record import check_record, keep_as_record
from helpers.run.plan import RunOptions
from helpers.run.seal import check_seal, load_sealed
from helpers.run.state import RunState


@pytest.fixture
def git(toy):
    """Return a function that calls git in the toy project, which has one commit."""

    def call(*arguments):
        command = ["git", "-c", "user.name=x", "-c", "user.email=x@x", *arguments]
        done = subprocess.run(command, cwd=toy.root, check=True, capture_output=True, encoding="utf-8")
        return done.stdout.strip()

    toy.notebook("01_first")
    toy.profiles({"full": {"common": {"data": "simulated", "jobs": 1}}})
    (toy.root / ".gitignore").write_text("runs/\n_build/\n", encoding="utf-8")
    call("init", "-q")
    call("add", "--all")
    call("commit", "-qm", "a")
    return call


@pytest.fixture
def finish(toy, git):
    """Return a function that writes a finished chapter into the run folder, as if executed on the panel."""

    def write(chapter="01_first", tier="panel", commit=None, value=1.0, profile="full", **entry):
        commit = commit or git("rev-parse", "HEAD")
        toy.write_results(toy.folder, chapter, tier, a={"value": value, "dataset": "toy"})
        path = toy.folder / "results" / f"{chapter}.json"
        content = json.loads(path.read_text(encoding="utf-8")) | {"profile": profile, "commit": commit}
        path.write_text(json.dumps(content), encoding="utf-8")
        outputs = [
            nbformat.v4.new_output("stream", name="stdout", text="kept"),
            nbformat.v4.new_output("stream", name="stderr", text="Warning: dropped"),
        ]
        cell = nbformat.v4.new_code_cell(f'out = "{toy.folder}"', outputs=outputs)
        (toy.folder / "notebooks").mkdir(exist_ok=True)
        nbformat.write(nbformat.v4.new_notebook(cells=[cell]), toy.folder / "notebooks" / f"{chapter}.ipynb")
        state = RunState.load(toy.folder) or RunState(profile=profile)
        state.notebooks.pop(chapter, None)
        state.save(toy.folder)
        source = read_source(toy.root, chapter).code
        toy.seal(
            commit=commit,
            parameters={"out": str(toy.folder)},
            fingerprint={"source": source},
            **entry,
        )

    return write


def test_the_record_holds_the_run_without_paths_and_messages(toy, finish):
    finish()
    target = keep_as_record(toy.root, toy.folder)
    assert target == toy.root / "book" / "record"
    names = {p.relative_to(target).as_posix() for p in target.rglob("*") if p.is_file()}
    assert names == {"run.json", "results/01_first.json", "notebooks/01_first.ipynb"}
    everything = "".join(p.read_text(encoding="utf-8") for p in target.rglob("*") if p.is_file())
    assert str(toy.root) not in everything
    assert 'out = \\"runs/smoke\\"' in everything
    assert "kept" in everything
    assert "dropped" not in everything
    assert RunState.load(target).notebooks["01_first"].status == "done"


def test_a_newer_record_replaces_the_older_one(toy, finish):
    finish()
    old = keep_as_record(toy.root, toy.folder) / "results" / "09_gone.json"
    old.write_text("{}", encoding="utf-8")
    keep_as_record(toy.root, toy.folder)
    assert not old.exists()


def test_chapters_of_several_commits_are_kept_one_by_one(toy, git, finish):
    finish()
    first = git("rev-parse", "HEAD")
    keep_as_record(toy.root, toy.folder)
    toy.notebook("02_second")
    git("add", "notebooks")
    git("commit", "-qm", "b")
    finish("02_second")
    with pytest.raises(RunError, match=r"executed at 2 commits; .*helpers record 01 02"):
        keep_as_record(toy.root, toy.folder)
    state = RunState.load(keep_as_record(toy.root, toy.folder, ["02"]))
    commits = {name: entry.commit for name, entry in state.notebooks.items()}
    assert commits == {"01_first": first, "02_second": git("rev-parse", "HEAD")}
    assert state.commit is None


def test_the_page_of_verdicts_follows_the_record(toy, git, finish):
    read = 'print((Path(out) / "results" / "01_first.json").read_text())\n'
    toy.notebook("07_verdicts", body=read, tags=', "reads-results"')
    git("add", "notebooks")
    git("commit", "-qm", "b")
    finish(value=0.125)
    target = keep_as_record(toy.root, toy.folder)
    page = (target / "notebooks" / "07_verdicts.ipynb").read_text(encoding="utf-8")
    assert "0.125" in page
    assert str(toy.root) not in page
    assert {path.name for path in target.iterdir()} == {"run.json", "notebooks", "results"}


BAD = [
    ({"tier": "simulated"}, "01_first: simulated data stand in for real ones"),
    ({"commit": "0" * 40}, "01_first: its commit 0000000000 is not in the history"),
    ({"commit": "abc+changes"}, r"01_first: it was executed at abc\+changes, outside a commit"),
    ({"commit": "unknown"}, "01_first: it was executed at unknown"),
    ({"chosen": {"seed": 1, "jobs": 2}}, "01_first: it was asked for with seed=1$"),
]


@pytest.mark.parametrize(("changes", "message"), BAD)
def test_what_is_no_run_of_a_commit_leaves_the_record_alone(toy, finish, changes, message):
    finish()
    kept = keep_as_record(toy.root, toy.folder) / "run.json"
    before = kept.read_bytes()
    finish(**changes)
    with pytest.raises(RunError, match=message):
        keep_as_record(toy.root, toy.folder)
    assert kept.read_bytes() == before


def test_an_unfinished_run_is_refused(toy, git, finish):
    toy.notebook("02_second")
    git("add", "notebooks")
    git("commit", "-qm", "b")
    finish()
    with pytest.raises(RunError, match="02_second: not finished"):
        keep_as_record(toy.root, toy.folder)


def test_a_changed_source_is_refused(toy, git, finish):
    finish()
    toy.notebook("01_first", body="level = 2.0\n")
    with pytest.raises(RunError, match="the checkout has changes that are in no commit"):
        keep_as_record(toy.root, toy.folder)
    git("commit", "-qam", "b")
    with pytest.raises(RunError, match="01_first: its source was changed since"):
        keep_as_record(toy.root, toy.folder)


def test_a_number_that_no_run_wrote_is_refused(toy, finish):
    finish()
    path = toy.folder / "results" / "01_first.json"
    path.write_text(path.read_text(encoding="utf-8").replace("1.0", "2.0"), encoding="utf-8")
    with pytest.raises(RunError, match=r"results/01_first\.json was changed after it was written"):
        keep_as_record(toy.root, toy.folder)


def test_data_that_a_chapter_simulates_by_design_are_no_stand_in(toy, git, finish):
    toy.claim("01_first", above=0.0)
    path = toy.root / "data" / "toy" / "claims_01.yml"
    path.write_text(path.read_text(encoding="utf-8") + "simulated: [toy]\n", encoding="utf-8")
    git("add", "data")
    git("commit", "-qm", "b")
    finish(tier="simulated")
    assert keep_as_record(toy.root, toy.folder).is_dir()


def test_of_another_profile_the_results_alone_are_kept_beside_the_record(toy, git, finish):
    finish()
    full = keep_as_record(toy.root, toy.folder)
    before = (full / "run.json").read_bytes()
    toy.folder = toy.root / "runs" / "quick"
    finish(profile="quick", value=3.0)
    quick = keep_as_record(toy.root, toy.folder)
    assert quick == toy.root / "book" / "record-quick"
    names = {p.relative_to(quick).as_posix() for p in quick.rglob("*") if p.is_file()}
    assert names == {"run.json", "results/01_first.json"}
    assert (full / "run.json").read_bytes() == before
    check_seal(quick)


@pytest.fixture
def repeats(toy, finish):
    """Return the run folder and two repetitions, in which the number is .1 and .3 higher."""
    folders = []
    for name, value in (("quick", 1.0), ("quick-seed=1", 1.1), ("quick-seed=2", 1.3)):
        toy.folder = toy.root / "runs" / name
        finish(profile="quick", value=value, chosen={"seed": 1} if "seed" in name else {})
        folders.append(toy.folder)
    return folders


def test_tolerances_come_from_repetitions_and_are_used(toy, finish, repeats):
    run, *others = repeats
    record = keep_as_record(toy.root, run, repeats=others)
    result = load_sealed(record)["01_first"].results["toy.a"]
    assert result.tolerance == pytest.approx(2 * 0.3)
    for value, equal in ((1.59, 1), (1.61, 0), (0.41, 1), (0.39, 0)):
        toy.folder = toy.root / "runs" / "later"
        finish(profile="quick", value=value)
        assert equality(toy.root, toy.folder) == f"{equal} of 1 values equal the record"
    # Recorded again without repetitions, the tolerance goes on.
    keep_as_record(toy.root, run)
    assert load_sealed(record)["01_first"].results["toy.a"].tolerance == pytest.approx(2 * 0.3)


def test_a_repetition_is_of_the_same_code_and_another_run(toy, repeats):
    run, other, _ = repeats
    with pytest.raises(RunError, match="is the run itself"):
        keep_as_record(toy.root, run, repeats=[run])
    state = RunState.load(other)
    code = state.notebooks["01_first"].fingerprint
    state.notebooks["01_first"].fingerprint = code | {"source": "other"}
    state.save(other)
    with pytest.raises(RunError, match="01_first has other code or another profile"):
        keep_as_record(toy.root, run, repeats=[other])
    assert not (toy.root / "book").exists()
    state.notebooks["01_first"].fingerprint = code
    state.save(other)
    path = other / "results" / "01_first.json"  # the hash of the whole text: its prose differs
    path.write_text(
        path.read_text(encoding="utf-8").replace('"source": "0"', '"source": "1"'), encoding="utf-8"
    )
    toy.seal(other)
    keep_as_record(toy.root, run, repeats=[other])


def test_what_differs_from_the_record_is_said_part_by_part(toy, git):
    """Executed for true, so that the fingerprint is that of a run."""
    toy.profiles({"full": {"common": {"data": "simulated", "jobs": 1}}})
    toy.notebook("01_first", body="if False:\n    from helpers.models import net\n")
    record = toy.root / "book" / "record"
    run_notebooks(toy.root, RunOptions(profile="full"))
    shutil.copytree(toy.root / "runs" / "full", record)
    assert check_record(toy.root) == {"01_first": ()}
    toy.module("models/net.py", '"""A docstring."""\n\nlayers = 2  # as before')
    assert check_record(toy.root) == {"01_first": ()}
    toy.module("models/net.py", "layers = 3")
    assert check_record(toy.root) == {"01_first": ("package changed",)}
    toy.profiles({"full": {"common": {"data": "simulated", "jobs": 4, "level": 2.0}}})
    assert check_record(toy.root) == {"01_first": ("package changed", "parameters changed")}
    (toy.root / "requirements.lock").write_text("a==2\n", encoding="utf-8")
    toy.notebook("02_second")
    assert check_record(toy.root) == {
        "01_first": ("lock changed", "package changed", "parameters changed"),
        "02_second": ("not run yet",),
    }
    result = record / "results" / "01_first.json"
    result.write_text(result.read_text(encoding="utf-8").replace("1.0", "2.0"), encoding="utf-8")
    assert check_record(toy.root)["01_first"] == ("results/01_first.json was changed after it was written",)


def test_without_a_record_there_is_nothing_to_check(toy, git):
    with pytest.raises(RunError, match="no run folder"):
        check_record(toy.root)
