"""The command line: exit codes, messages, and what each command shows."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from helpers.cli import app
from helpers.run import RunState


@pytest.fixture
def helpers(monkeypatch):
    """Return a function that runs the command, 200 columns wide, and returns exit code and output."""
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr("helpers.cli.console.output.width", 200)
    monkeypatch.setattr("helpers.cli.console.errors.width", 200)

    def call(*arguments, charset="utf-8"):
        result = CliRunner(charset=charset).invoke(app, [str(argument) for argument in arguments])
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result.exit_code, result.output

    return call


COMMANDS = ["run", "build", "claims", "compare", "status", "doctor", "new"]
COMMANDS += ["data list", "data fetch", "data verify"]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(helpers, command):
    code, said = helpers(*command.split(), "--help")
    assert code == 0
    assert "Usage: helpers" in said.replace("root ", "helpers ")
    *group, name = command.split()
    assert name in helpers(*group, "--help")[1]


BAD = [
    (["run", "03", "-p", "smoke"], "chapter '03' is unknown; there are: 01_first"),
    (["run", "--profile", "fast"], "unknown profile 'fast'"),
    (["run", "-p", "smoke", "--device", "tpu"], "unknown device 'tpu'"),
    (["run", "-p", "smoke", "--data", "real"], "unknown data tier 'real'"),
    (["run", "-p", "smoke", "--set", "fold=2"], "unknown parameter for 01_first"),
    (["run", "-p", "smoke", "--set", "fold"], "--set needs NAME=VALUE, got 'fold'"),
    (["run", "-p", "smoke", "--set", "level=[1"], "--set level: the value '[1' cannot be read"),
    (["run", "-p", "smoke", "--jobs", "0"], "jobs must be a whole number of at least 1"),
    (["claims"], "there is no run yet; start with"),
    (["build"], "there is no run yet; start with"),
    (["build", "--run", "elsewhere"], "elsewhere is no run folder"),
    (["compare", "a", "b"], "no results at a"),
    (["data", "list"], "no data registry"),
    (["data", "fetch", "--tier", "simulated"], "unknown data tier 'simulated'"),
]


@pytest.mark.parametrize(("arguments", "message"), BAD, ids=[" ".join(case[0]) for case in BAD])
def test_expected_errors_are_one_message_and_exit_code_1(helpers, toy, arguments, message):
    toy.notebook("01_first")
    if arguments[:2] == ["data", "fetch"]:
        (toy.root / "data" / "toy").mkdir(parents=True)
        (toy.root / "data" / "toy" / "datasets.yml").write_text("[{}]", encoding="utf-8")
        message = "datasets.yml"
    code, said = helpers(*arguments)
    assert code == 1
    assert said.startswith("error: ")
    assert message in said
    assert "Traceback" not in said
    assert not (toy.root / "runs").exists()


def test_run_then_run_again(helpers, toy):
    toy.notebook("01_first")
    code, said = helpers("run", "-p", "smoke", "--seed", "3", "--set", "level=0.5")
    assert code == 0
    assert "+ 01_first: done in" in said
    assert toy.results("01_first")["toy.level"]["value"] == 3.5
    code, said = helpers("run", "1", "-p", "smoke", "--seed", "3", "--set", "level=0.5")
    assert code == 0
    assert "= 01_first: up to date" in said
    code, said = helpers("status")
    assert code == 0
    assert "01_first" in said
    assert "up to date" in said
    assert "simulated always" in said


def test_a_failed_notebook_says_cell_and_log(helpers, toy):
    toy.notebook("01_first", body='raise KeyError("Nilotinib")\n')
    code, said = helpers("run", "-p", "smoke")
    assert code == 1
    assert "x 01_first: failed after" in said
    assert "in cell 4: KeyError: 'Nilotinib'" in said
    assert str(toy.folder / "logs" / "01_first.log") in said.replace("\n", "")


def test_claims_shows_every_claim(helpers, toy):
    for chapter, level in (("01_first", 2.0), ("02_second", 0.5)):
        toy.notebook(chapter)
        toy.claim(chapter, above=1.0)
        toy.write_results(toy.folder, chapter, level={"value": level})
    RunState(profile="smoke").save(toy.folder)
    code, said = helpers("claims", "--run", toy.folder)
    assert code == 0
    for text in (
        "toy-01",
        "toy-02",
        "holds",
        "fails",
        "not asked",
        "The level of 02_second is high",
        "toy: panel",
    ):
        assert text in said
    assert helpers("claims")[1] == said


def test_a_terminal_without_the_signs_shows_the_words(helpers, toy):
    toy.claim("01_first", above=1.0)
    toy.write_results(toy.folder, "01_first", level={"value": 2.0})
    RunState(profile="smoke").save(toy.folder)
    code, said = helpers("claims", "--run", toy.folder, charset="ascii")
    assert code == 0
    assert "? holds" in said


def test_compare_exits_1_only_when_a_verdict_flips(helpers, toy, tmp_path):
    toy.claim("01_first", above=1.0)
    for name, level in (("a", 2.0), ("b", 3.0), ("c", 0.5)):
        toy.write_results(tmp_path / name, "01_first", level={"value": level})
    code, said = helpers("compare", tmp_path / "a", tmp_path / "b")
    assert code == 0
    assert "toy.level" in said
    assert "+1.000" in said
    assert "no verdict flipped" in said
    code, said = helpers("compare", tmp_path / "a", tmp_path / "c")
    assert code == 1
    assert "verdict flipped: toy-01 (repeated): holds -> fails" in said


def test_doctor_names_what_differs_from_the_lock(helpers, toy):
    (toy.root / "requirements.lock").write_text("pytest==0.1\nno-such-package==1\n", encoding="utf-8")
    code, said = helpers("doctor")
    assert code == 1
    assert "2 of 2 packages differ: pytest" in said
    assert "no-such-package absent" in said
    for line in ("python", "threads", "device", "data", "disk"):
        assert line in said


def test_check_finds_problems_and_mends_pairs(helpers, toy):
    toy.notebook("01_first")
    code, said = helpers("check")
    assert code == 1
    assert "01_first.ipynb: missing" in said
    assert helpers("check", "--write-pairs")[0] == 0
    assert helpers("check")[0] == 0
