"""Several notebooks at a time: which wait, what a failure and Ctrl-C leave, and that nothing else differs."""

from __future__ import annotations

from pathlib import Path

import pytest

from helpers.run.execute import run_notebooks
from helpers.run.plan import RunOptions, make_plan, side_by_side
from helpers.run.progress import Reporter

TWO = RunOptions(profile="smoke", at_once=2)
#: Ends only while another notebook that does the same is executed too.
MEET = """
import time

(Path(out) / "here-{own}").touch()
deadline = time.monotonic() + 100
while not (Path(out) / "here-{other}").exists():
    assert time.monotonic() < deadline, "alone"
    time.sleep(0.05)
"""
#: A notebook of the study ``one``; toy kernels have the installed package, which has no such study.
OF_STUDY = "\nif level < 0:\n    import helpers.studies.one\n"


class Order(Reporter):
    """Remembers when notebooks began and ended."""

    def __init__(self):
        super().__init__()
        self.events = []

    def began(self, chapter, reasons):
        super().began(chapter, reasons)
        self.events.append(f"+{chapter[:2]}")

    def ended(self, chapter, entry):
        super().ended(chapter, entry)
        self.events.append(f"-{chapter[:2]}")


def test_two_notebooks_work_at_the_same_time_and_give_what_they_give_alone(toy):
    toy.notebook("01_first", body=MEET.format(own=1, other=2))
    toy.notebook("02_second", body=MEET.format(own=2, other=1))
    order = Order()
    state = run_notebooks(toy.root, TWO, order)
    assert {name: entry.status for name, entry in state.notebooks.items()} == {
        "01_first": "done",
        "02_second": "done",
    }
    assert order.events[:2] == ["+01", "+02"]
    together = {name: toy.results(name)["toy.level"] for name in ("01_first", "02_second")}
    assert not list(toy.folder.rglob(".ipython-*"))
    assert run_notebooks(toy.root, RunOptions(profile="smoke")).notebooks == state.notebooks
    run_notebooks(toy.root, RunOptions(profile="smoke", force=True))
    assert {name: toy.results(name)["toy.level"] for name in together} == together


def test_chapters_of_one_study_and_the_page_that_reads_results_wait(toy):
    toy.module("studies/one/__init__.py", "")
    toy.notebook("01_first", body=OF_STUDY)
    toy.notebook("02_second", body=OF_STUDY)
    toy.notebook("03_reads", tags=', "reads-results"')
    toy.notebook("04_fourth")
    order = Order()
    run_notebooks(toy.root, RunOptions(profile="smoke", at_once=4), order)
    when = {event: i for i, event in enumerate(order.events)}
    assert when["-01"] < when["+02"]
    assert when["+04"] < when["-01"] or when["+04"] < when["+02"]
    assert max(when["-01"], when["-02"], when["-04"]) < when["+03"]


def test_the_study_that_took_longest_begins(toy):
    toy.module("studies/one/__init__.py", "")
    toy.notebook("01_first")
    toy.notebook("02_second", body=OF_STUDY)
    toy.notebook("03_third", body=OF_STUDY)
    toy.notebook("04_reads", tags=', "reads-results"')
    state = run_notebooks(toy.root, RunOptions(profile="smoke"))
    for name, seconds in {"01_first": 50.0, "02_second": 1.0, "03_third": 60.0, "04_reads": 900.0}.items():
        state.notebooks[name].wall_seconds = seconds
    state.save(toy.folder)
    order = Order()
    run_notebooks(toy.root, RunOptions(profile="smoke", at_once=2, force=True), order)
    assert order.events[:2] == ["+02", "+01"]
    assert order.events.index("+03") > order.events.index("-02")
    assert order.events[-2:] == ["+04", "-04"]


def test_a_notebook_that_is_alone_has_all_cores(toy, monkeypatch):
    toy.notebook("01_first")
    toy.notebook("02_second")
    toy.profiles({"smoke": {"common": {"data": "simulated"}, "chapters": {}}})
    monkeypatch.setattr("helpers.run.plan.cores", lambda: 8)
    for chapters, jobs in {(): 4, ("01",): 8}.items():
        plan = make_plan(toy.root, RunOptions(profile="smoke", chapters=chapters, at_once=2))
        assert {task.parameters["jobs"] for task in plan} == {jobs}


def test_one_that_fails_stops_no_other(toy):
    toy.notebook("01_first", body='raise ValueError("not today")\n')
    toy.notebook("02_second")
    state = run_notebooks(toy.root, TWO)
    assert state.notebooks["01_first"].status == "failed"
    assert state.notebooks["01_first"].error.message == "not today"
    assert state.notebooks["02_second"].status == "done"
    assert (toy.folder / "results" / "02_second.json").is_file()


def test_ctrl_c_ends_all_kernels_and_says_so(toy):
    body = '\nimport time\n\nprint("process", os.getpid())\ntime.sleep(600)\n'
    toy.notebook("01_first", body=body)
    toy.notebook("02_second", body=body)
    logs = [toy.folder / "logs" / f"{name}.log" for name in ("01_first", "02_second")]
    code, said = toy.interrupted(
        ["--at-once", "2"],
        lambda: all(log.is_file() and "process" in log.read_text(encoding="utf-8") for log in logs),
    )
    assert code == 130
    assert "Traceback" not in said
    assert {entry["status"] for entry in toy.record()["notebooks"].values()} == {"interrupted"}
    for log in logs:
        kernel = int(log.read_text(encoding="utf-8").split("process")[1].split()[0])
        assert not Path(f"/proc/{kernel}").exists()


@pytest.mark.parametrize(("cores", "memory", "n"), [(8, 16, 4), (2, 64, 2), (4, 2, 1), (4, None, 4)])
def test_as_many_as_cores_and_memory_admit(monkeypatch, cores, memory, n):
    monkeypatch.setattr("helpers.run.plan.cores", lambda: cores)
    monkeypatch.setattr("helpers.run.plan.total_memory", lambda: memory and memory * 2**30)
    assert side_by_side(None) == n
    assert side_by_side("cuda") == 1
