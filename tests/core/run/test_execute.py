"""Running notebooks: what is executed, skipped, kept, and said."""

from __future__ import annotations

import dataclasses
import datetime
import errno
import json
import os
import re
from pathlib import Path

import filelock
import nbformat
import pytest

from helpers.errors import DownloadError, ParameterError, RunError
from helpers.run.execute import run_notebooks
from helpers.run.plan import RunOptions, run_folder
from helpers.run.progress import Reporter
from helpers.run.seal import load_sealed
from helpers.run.state import NotebookState, RunState

SMOKE = RunOptions(profile="smoke")


class Spy(Reporter):
    def __init__(self):
        super().__init__()
        self.events = []

    def skipped(self, chapter):
        super().skipped(chapter)
        self.events.append(("skipped", chapter))

    def began(self, chapter, reasons):
        super().began(chapter, reasons)
        self.events.append(("began", chapter, *reasons))

    def cell(self, chapter, number, of):
        super().cell(chapter, number, of)
        self.events.append(("cell", number, of))

    def line(self, chapter, text):
        super().line(chapter, text)
        self.events.append(("line", text))


def test_run_executes_in_order_and_skips_what_is_up_to_date(toy):
    toy.notebook("02_second")
    toy.notebook("01_first", body='print("half way")\n')
    spy = Spy()
    record = run_notebooks(toy.root, SMOKE, spy)
    assert toy.calls() == ["01_first", "02_second"]
    assert {entry.status for entry in record.notebooks.values()} == {"done"}
    executed = nbformat.read(toy.folder / "notebooks" / "01_first.ipynb", as_version=4)
    assert executed.cells[-1].execution_count
    assert "half way" in (toy.folder / "logs" / "01_first.log").read_text(encoding="utf-8")
    assert ("line", "half way") in spy.events
    cells = [event for event in spy.events if event[0] == "cell"]
    assert cells[0][1] == 1
    assert cells[-1][1] == cells[-1][2]
    written = toy.record()
    assert written["profile"] == "smoke"
    assert written["notebooks"]["01_first"]["wall_seconds"] > 0
    assert written["versions"]["python"].startswith("3.11")

    spy = Spy()
    run_notebooks(toy.root, SMOKE, spy)
    assert toy.calls() == []
    assert spy.events == [("skipped", "01_first"), ("skipped", "02_second")]


def test_only_what_changed_runs_again(toy):
    first = toy.notebook("01_first")
    toy.notebook("02_second")
    toy.notebook("07_verdicts", tags=', "reads-results"')
    (toy.root / "requirements.lock").write_text("a==1\n", encoding="utf-8")
    run_notebooks(toy.root, SMOKE)
    toy.calls()

    first.write_text(
        first.read_text(encoding="utf-8").replace("level = 1.0", "level = 2.0"), encoding="utf-8"
    )
    run_notebooks(toy.root, SMOKE)
    # The notebook that reads results follows, because the first one's result moved.
    assert toy.calls() == ["01_first", "07_verdicts"]

    remark = "\n# a remark\n\n# %% [markdown]\n# A sentence.\n"
    first.write_text(first.read_text(encoding="utf-8") + remark, encoding="utf-8")
    run_notebooks(toy.root, SMOKE)
    assert toy.calls() == []

    (toy.root / "requirements.lock").write_text("a==2\n", encoding="utf-8")
    run_notebooks(toy.root, RunOptions(profile="smoke", chapters=("01_first",)))
    assert toy.calls() == ["01_first"]

    first.write_text(
        first.read_text(encoding="utf-8") + "\nif False:\n    from helpers.models import net\n",
        encoding="utf-8",
    )
    run_notebooks(toy.root, RunOptions(profile="smoke", chapters=("01",)))
    assert toy.calls() == ["01_first"]
    for unused in ("cli/run.py", "models/other.py"):
        toy.module(unused, "unrelated = True")
        run_notebooks(toy.root, RunOptions(profile="smoke", chapters=("01",)))
        assert toy.calls() == []
    toy.module("models/net.py", "layers = 3")
    run_notebooks(toy.root, RunOptions(profile="smoke", chapters=("01",)))
    assert toy.calls() == ["01_first"]

    run_notebooks(toy.root, RunOptions(profile="smoke", chapters=("02",)))
    (toy.root / "data" / "toy").mkdir(parents=True)
    (toy.root / "data" / "toy" / "claims.yml").write_text("chapter: 01_first\n", encoding="utf-8")
    (toy.root / "data" / "other").mkdir()
    (toy.root / "data" / "other" / "claims.yml").write_text("chapter: 09_other\n", encoding="utf-8")
    spy = Spy()
    run_notebooks(toy.root, RunOptions(profile="smoke", chapters=("01", "02")), spy)
    assert spy.events[0] == ("began", "01_first", "claims changed")
    assert spy.events[-1] == ("skipped", "02_second")
    toy.calls()

    run_notebooks(toy.root, RunOptions(profile="smoke", chapters=("01",), force=True))
    assert toy.calls() == ["01_first"]


def attempt(toy, chapter):
    """Read what a notebook that did not finish has left."""
    path = toy.folder / "attempts" / chapter / "notebooks" / f"{chapter}.ipynb"
    return nbformat.read(path, as_version=4)


def test_a_failure_keeps_what_an_earlier_run_wrote(toy):
    first = toy.notebook("01_first")
    run_notebooks(toy.root, SMOKE)
    kept = {
        path: path.read_bytes() for name in ("results", "notebooks") for path in (toy.folder / name).iterdir()
    }
    good = first.read_text(encoding="utf-8")
    first.write_text(good + '\nraise ValueError("half way")\n', encoding="utf-8")
    entry = run_notebooks(toy.root, SMOKE).notebooks["01_first"]
    assert (entry.status, entry.attempt.status, entry.attempt.error.message) == ("done", "failed", "half way")
    assert {path: path.read_bytes() for path in kept} == kept
    first.write_text(good, encoding="utf-8")
    assert run_notebooks(toy.root, SMOKE).notebooks["01_first"].attempt is None


def test_other_choices_have_a_folder_of_their_own(toy):
    toy.notebook("01_first")
    run_notebooks(toy.root, SMOKE)
    usual = {"data": "simulated", "seed": 0, "jobs": 1}
    run_notebooks(toy.root, RunOptions(profile="smoke", **usual))  # what the profile says anyway
    assert len(toy.calls()) == 1
    run_notebooks(toy.root, RunOptions(profile="smoke", seed=1, parameters={"level": 5.0}))
    assert {path.name for path in (toy.root / "runs").iterdir()} == {"smoke", "smoke-level=5.0-seed=1"}
    assert toy.results("01_first")["toy.level"]["value"] == 1.0

    with pytest.raises(
        RunError, match="holds 01_first with the choices of the profile; choose another --out"
    ):
        run_notebooks(toy.root, RunOptions(profile="smoke", seed=1, out=toy.folder))
    run_notebooks(toy.root, RunOptions(profile="smoke", seed=1, out=toy.folder, force=True))
    assert toy.results("01_first")["toy.level"]["value"] == 2.0


def test_a_folder_name_holds_no_sign_that_a_shell_minds(toy):
    toy.notebook("01_first")
    names = {
        run_folder(toy.root, RunOptions(profile="smoke", parameters={"level": value})).name
        for value in ("a b", "a/b", "../../a", "x" * 200)
    }
    assert len(names) == 4
    assert all(re.fullmatch(r"[\w.=+-]{1,95}", name) for name in names)


@pytest.mark.parametrize("place", [".", "notebooks", "book/record", "src/mine", ".."])
def test_sources_are_never_overwritten(toy, place):
    toy.notebook("01_first")
    with pytest.raises(RunError, match="holds sources of the project"):
        run_notebooks(toy.root, RunOptions(profile="smoke", out=toy.root / place))
    assert not (toy.root / "runs").exists()


def test_recompute_removes_the_checkpoints(toy):
    toy.notebook("01_first")
    run_notebooks(toy.root, SMOKE)
    places = ("01_first", "helpers.shared")
    kept, shared = (toy.folder / "checkpoints" / place / "a" for place in places)
    kept.mkdir(parents=True)
    shared.mkdir(parents=True)
    run_notebooks(toy.root, RunOptions(profile="smoke", force=True))
    assert kept.is_dir()
    assert shared.is_dir()
    run_notebooks(toy.root, RunOptions(profile="smoke", force=True, recompute=True))
    assert not kept.exists()
    assert not shared.exists()


def test_data_that_cannot_be_had_end_the_run_before_a_kernel_starts(toy):
    toy.notebook("01_first")
    toy.registered("01_first")
    with pytest.raises(DownloadError, match=r"(?s)01_first needs data of tier panel.*pairs:.*--chapter 01"):
        run_notebooks(toy.root, RunOptions(profile="smoke", data="panel"))
    assert not (toy.root / "runs").exists()


def test_a_scheduler_that_does_not_answer_ends_the_run(toy, monkeypatch):
    monkeypatch.setattr("helpers.run.preflight._PATIENCE", "0.2s")
    toy.notebook("01_first")
    with pytest.raises(RunError, match=r"the scheduler tcp://127\.0\.0\.1:9 cannot be reached"):
        run_notebooks(toy.root, RunOptions(profile="smoke", scheduler="tcp://127.0.0.1:9"))
    assert not (toy.root / "runs").exists()


def test_what_libraries_say_of_themselves_goes_to_the_log(toy, capfd):
    toy.notebook("01_first", body='os.write(2, b"banner\\n")\n')
    run_notebooks(toy.root, SMOKE)
    assert "banner" not in capfd.readouterr().err
    assert "banner" in (toy.folder / "logs" / "01_first.log").read_text(encoding="utf-8")


def test_a_stale_ipynb_cannot_run(toy):
    toy.notebook("01_first", body='print("from the script")\n')
    cell = nbformat.v4.new_code_cell('print("left behind")')
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), toy.root / "notebooks" / "01_first.ipynb")
    run_notebooks(toy.root, SMOKE)
    log = (toy.folder / "logs" / "01_first.log").read_text(encoding="utf-8")
    assert log.startswith("from the script\n")  # a kernel that ends can add a line of its libraries
    assert "left behind" not in log


def test_a_failure_leaves_partial_output_and_the_others_go_on(toy):
    first = toy.notebook("01_first", body='print("before")\n\n# %%\nraise ValueError("no such drug")\n')
    toy.notebook("02_second")
    record = run_notebooks(toy.root, SMOKE)
    assert toy.calls() == ["01_first", "02_second"]
    failed = record.notebooks["01_first"]
    assert (failed.status, record.notebooks["02_second"].status) == ("failed", "done")
    assert (failed.error.name, failed.error.message) == ("ValueError", "no such drug")
    partial = attempt(toy, "01_first")
    outputs = json.dumps([cell.get("outputs", []) for cell in partial.cells])
    assert "before" in outputs
    assert "no such drug" in outputs
    assert "no such drug" in (toy.folder / "logs" / "01_first.log").read_text(encoding="utf-8")
    assert not (toy.folder / "results" / "01_first.json").exists()

    # Mended, only the failed one runs.
    first.write_text(first.read_text(encoding="utf-8").replace("raise ValueError", "print"), encoding="utf-8")
    run_notebooks(toy.root, SMOKE)
    assert toy.calls() == ["01_first"]


MEMORY = [
    ([0, 1], 1, "probably for want of memory: the system has killed a process for it meanwhile"),
    ([1, 1], 70, "probably for want of memory: at most 70.0 of 100.0 GB were in use"),
    ([0, 0], 30, "probably not for want of memory: at most 30.0 of 100.0 GB were in use"),
]


@pytest.mark.parametrize(("kills", "used", "message"), MEMORY)
def test_a_dead_kernel_is_a_failure_of_one_notebook(toy, monkeypatch, kills, used, message):
    known = iter([*kills, *[kills[1]] * 2])
    monkeypatch.setattr("helpers.run.execute.memory_kills", lambda: next(known))
    monkeypatch.setattr("helpers.run.execute.peak_memory", lambda: used * 2**30)
    monkeypatch.setattr("helpers.run.execute.total_memory", lambda: 100 * 2**30)
    toy.notebook("01_first", body="import os\n\nos._exit(3)\n")
    toy.notebook("02_second")
    record = run_notebooks(toy.root, SMOKE)
    assert [entry.status for entry in record.notebooks.values()] == ["failed", "done"]
    error = record.notebooks["01_first"].error
    assert error.name == "DeadKernelError"
    assert message in error.message
    toy.notebook("01_first", body="import os\n\nraise RuntimeError\n")
    ordinary = run_notebooks(toy.root, SMOKE).notebooks["01_first"].error
    assert (ordinary.name, ordinary.cell) == ("RuntimeError", error.cell)


def test_a_folder_that_cannot_be_written_is_one_error_and_loses_nothing(toy, monkeypatch):
    toy.notebook("01_first")
    run_notebooks(toy.root, SMOKE)
    kept = toy.results("01_first")

    def refuse(*_):
        raise PermissionError(errno.EROFS, "Read-only file system")

    with monkeypatch.context() as patch:
        patch.setattr("helpers.run.execute.put_in_place", refuse)
        with pytest.raises(RunError, match="cannot be used: Read-only file system"):
            run_notebooks(toy.root, RunOptions(profile="smoke", force=True))
    assert RunState.load(toy.folder).notebooks["01_first"].latest.status == "failed"
    assert toy.results("01_first") == kept
    load_sealed(toy.folder)
    run_notebooks(toy.root, SMOKE)
    assert RunState.load(toy.folder).notebooks["01_first"].attempt is None


def test_a_place_that_cannot_be_made_is_one_error(toy):
    toy.notebook("01_first")
    with pytest.raises(RunError, match=r"the run folder /proc/none/run cannot be used"):
        run_notebooks(toy.root, RunOptions(profile="smoke", out=Path("/proc/none/run")))


def test_no_home_is_needed(toy, monkeypatch):
    monkeypatch.setenv("HOME", "/proc/none")  # nobody can write there, root neither
    for name in (
        "IPYTHONDIR",
        "JUPYTER_RUNTIME_DIR",
        "JUPYTER_DATA_DIR",
        "XDG_CACHE_HOME",
        "XDG_CONFIG_HOME",
    ):
        monkeypatch.delenv(name, raising=False)
    toy.notebook("01_first", body="import helpers.compiled\n")
    assert run_notebooks(toy.root, SMOKE).notebooks["01_first"].error is None


def test_a_cell_that_never_ends_is_stopped(toy, monkeypatch):
    monkeypatch.setattr("helpers.run.engine._LONGEST_CELL", 1)
    toy.notebook("01_first", body="import time\n\ntime.sleep(600)\n")
    error = run_notebooks(toy.root, SMOKE).notebooks["01_first"].error
    assert error.name == "CellTimeoutError"
    assert "timed out" in error.message


def test_what_a_kill_leaves_is_resumed_and_the_earlier_result_stays_readable(toy):
    toy.notebook("01_first")
    state = run_notebooks(toy.root, SMOKE)
    toy.calls()
    known = state.notebooks["01_first"].fingerprint
    killed = {"status": "running", "started": "2020-01-01T00:00:00+00:00", "earlier_seconds": 100.0}
    state.begin("01_first", NotebookState(**killed, fingerprint=known))
    state.save(toy.folder)
    hour = datetime.datetime.fromisoformat(killed["started"]).timestamp() + 3600
    os.utime(toy.folder / "logs" / "01_first.log", (hour, hour))
    (toy.folder / "attempts" / ".ipython-left").mkdir(parents=True)
    half = toy.folder / "attempts" / "01_first" / "results" / "01_first.json"
    half.parent.mkdir(parents=True)
    half.write_text("{", encoding="utf-8")
    assert load_sealed(toy.folder)["01_first"].results["toy.level"].value == 1.0
    spy = Spy()
    run_notebooks(toy.root, SMOKE, spy)
    assert spy.events[0] == ("began", "01_first", "has not ended")
    assert not (toy.folder / "attempts").exists()
    # What it took counts from the first of the executions that left their checkpoints to the next.
    entry = RunState.load(toy.folder).notebooks["01_first"]
    assert entry.earlier_seconds == 3700
    assert entry.total_seconds == 3700 + entry.wall_seconds


def test_time_before_does_not_count_where_nothing_of_it_is_read(toy):
    toy.notebook("01_first")
    state = run_notebooks(toy.root, SMOKE)
    left = {"status": "interrupted", "started": "2020-01-01", "wall_seconds": 50.0}
    for known, options in (
        ({"package": "other code"}, SMOKE),
        ({}, dataclasses.replace(SMOKE, recompute=True)),
    ):
        old = state.notebooks["01_first"].fingerprint | known
        state.notebooks["01_first"].attempt = NotebookState(**left, fingerprint=old)
        state.save(toy.folder)
        state = run_notebooks(toy.root, options)
        assert state.notebooks["01_first"].earlier_seconds == 0


def test_ctrl_c_keeps_what_is_finished_and_the_next_run_resumes(toy):
    toy.notebook("01_first")
    second = toy.notebook("02_second", body='import time\n\nprint("long fit")\ntime.sleep(600)\n')
    log = toy.folder / "logs" / "02_second.log"
    code, said = toy.interrupted(
        ["--at-once", "1"], lambda: log.is_file() and "long fit" in log.read_text(encoding="utf-8")
    )
    assert code == 130
    assert "run again to resume" in said
    assert "Traceback" not in said
    assert toy.calls() == ["01_first", "02_second"]
    statuses = {chapter: entry["status"] for chapter, entry in toy.record()["notebooks"].items()}
    assert statuses == {"01_first": "done", "02_second": "interrupted"}
    interrupted = toy.record()["notebooks"]["02_second"]["wall_seconds"]
    # The notebook is written now and then; what the interrupted one has printed is in it all the same.
    partial = attempt(toy, "02_second")
    assert "long fit\n" in [
        output.get("text") for cell in partial.cells for output in cell.get("outputs", [])
    ]

    second.write_text(second.read_text(encoding="utf-8").replace("time.sleep(600)", ""), encoding="utf-8")
    state = run_notebooks(toy.root, SMOKE)
    assert toy.calls() == ["02_second"]
    assert state.notebooks["02_second"].earlier_seconds == interrupted


def test_a_full_disk_is_one_clear_error_and_loses_nothing(toy, monkeypatch):
    toy.notebook("01_first")
    run_notebooks(toy.root, SMOKE)
    before = (toy.folder / "run.json").read_text(encoding="utf-8")

    def full(path, text):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("helpers.atomic.write_text", full)
        with pytest.raises(RunError, match=r"cannot write .*run\.json: No space left.*are kept"):
            run_notebooks(toy.root, RunOptions(profile="smoke", force=True))
    assert (toy.folder / "run.json").read_text(encoding="utf-8") == before


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a file that is always full")
def test_a_log_that_cannot_be_written_ends_no_notebook(toy):
    toy.notebook("01_first", body='print("a line\\n" * 10_000, flush=True)\n')
    (toy.folder / "logs").mkdir(parents=True)
    (toy.folder / "logs" / "01_first.log").symlink_to("/dev/full")
    assert run_notebooks(toy.root, SMOKE).notebooks["01_first"].status == "done"


def test_two_runs_in_one_folder_exclude_each_other(toy):
    toy.notebook("01_first")
    toy.folder.mkdir(parents=True)
    with filelock.FileLock(toy.folder / ".lock"), pytest.raises(RunError, match="another run works in"):
        run_notebooks(toy.root, SMOKE)
    assert toy.calls() == []


def test_the_kernel_gets_threads_and_a_fixed_hash_seed_and_no_startup_files(toy, monkeypatch, tmp_path):
    startup = tmp_path / "ipython" / "profile_default" / "startup"
    startup.mkdir(parents=True)
    (startup / "00.py").write_text("import os\nos.environ['TOUCHED'] = '1'\n", encoding="utf-8")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    names = ["OMP_NUM_THREADS", "NUMBA_NUM_THREADS", "PYTHONHASHSEED", "TOUCHED"]
    toy.notebook("01_first", body=f"import os\n\nprint(*[os.environ.get(n) for n in {names}])\n")
    run_notebooks(toy.root, RunOptions(profile="smoke", jobs=2))
    log = (toy.folder / "logs" / "01_first.log").read_text(encoding="utf-8")
    assert log.startswith("2 2 0 None\n")  # a kernel that ends can add a line of its libraries


BAD = [
    ({"chapters": ("03_third",)}, "chapter '03_third' is unknown; there are: 01_first, 02_second"),
    ({"chapters": ("0",)}, "chapter '0' is unknown"),
    ({"chapters": ("0", "01")}, "is unknown"),
    ({"chapters": ("", "01")}, "fits more than one chapter"),
    ({"profile": "fast"}, "unknown profile 'fast'; notebooks/profiles.yml has: other, smoke"),
    ({"profile": "other"}, r"unknown parameter for 01_first .*'other': folds"),
    ({"parameters": {"levle": 2}}, "unknown parameter for 01_first .*levle.*declares: .*level"),
    ({"data": "real"}, "unknown data tier 'real'"),
    ({"device": "tpu"}, "unknown device 'tpu'"),
    ({"at_once": 0}, "at_once must be a whole number of at least 1, got 0"),
    ({"jobs": 0}, "jobs must be a whole number of at least 1, got 0"),
    (
        {"parameters": {"level": "abc"}},
        "level of 01_first must be a number, as its default 1.0 is, got 'abc'",
    ),
    ({"parameters": {"level": True}}, "level of 01_first must be a number"),
    ({"seed": -1}, "seed must be a whole number of at least 0, got -1"),
]


@pytest.mark.parametrize(("options", "message"), BAD)
def test_bad_requests_end_before_anything_starts(toy, options, message):
    toy.notebook("01_first")
    toy.notebook("02_second")
    toy.profiles({"smoke": {}, "other": {"common": {"folds": 3}}})
    with pytest.raises(ParameterError, match=message):
        run_notebooks(toy.root, RunOptions(**{"profile": "smoke", **options}))
    assert not (toy.root / "runs").exists()


BAD_PROJECTS = [
    ("smoke: {common: {}, chapter: {}}", ParameterError, "smoke.chapter: Extra inputs are not permitted"),
    ("smoke: {chapters: {09_gone: {}}}", ParameterError, "chapter '09_gone' is unknown"),
    ("[1, 2]", ParameterError, "must map names of profiles"),
    ("smoke: {", ParameterError, "cannot read the profiles"),
]


@pytest.mark.parametrize(("profiles", "error", "message"), BAD_PROJECTS)
def test_malformed_profiles(toy, profiles, error, message):
    toy.notebook("01_first")
    (toy.root / "notebooks" / "profiles.yml").write_text(profiles, encoding="utf-8")
    with pytest.raises(error, match=message):
        run_notebooks(toy.root, SMOKE)


def test_a_notebook_without_parameters_cell_is_refused(toy):
    path = toy.notebook("01_first")
    path.write_text(path.read_text(encoding="utf-8").replace('tags=["parameters"]', ""), encoding="utf-8")
    with pytest.raises(RunError, match="exactly one cell tagged 'parameters'; it has 0"):
        run_notebooks(toy.root, SMOKE)


def test_a_damaged_record_says_what_to_do(toy):
    toy.notebook("01_first")
    toy.folder.mkdir(parents=True)
    (toy.folder / "run.json").write_text('{"schema": 1', encoding="utf-8")
    with pytest.raises(RunError, match="Remove it to start the run again"):
        run_notebooks(toy.root, SMOKE)


def test_a_folder_of_another_profile_is_refused(toy):
    toy.notebook("01_first")
    toy.profiles({"smoke": {}, "quick": {}})
    toy.folder.mkdir(parents=True)
    RunState(profile="smoke").save(toy.folder)
    with pytest.raises(RunError, match="holds a run of profile 'smoke'"):
        run_notebooks(toy.root, RunOptions(profile="quick", out=toy.folder))
