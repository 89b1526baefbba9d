"""The command line: exit codes, messages, and what each command shows."""

from __future__ import annotations

import errno
import json
import shutil

import pytest
import yaml
from typer.testing import CliRunner

from helpers import __version__
from helpers.cli import app
from helpers.data.download import cache_folder
from helpers.data.registry import Registry


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


COMMANDS = [
    "run",
    "build",
    "claims",
    "compare",
    "explain",
    "status",
    "logs",
    "record",
    "pairs",
    "doctor",
    "new",
]
COMMANDS += ["open", "bench", "data list", "data fetch", "data verify"]


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
    (["compare", "a", "b"], "a is no run folder"),
    (["explain", "01"], "there is no run 01 yet; start with: helpers run 01"),
    (["logs", "01"], "there is no run yet; start with"),
    (["open", "01"], "there is no page"),
    (["run", "-p", "smoke", "--set", "level=abc"], "level of 01_first must be a number"),
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


def test_fetch_takes_an_alternative_that_is_there_and_says_what_was_not_checked(helpers, toy):
    entry = {
        "tier": "paper", "owner": "nobody", "licence": "none", "chapters": ["01_first"], "unpinned": True,
        "card": "toy/cards/cells.md", "obtain": "by hand", "title": "cells",
    }  # fmt: skip
    parts = {"key": "parts", "path": "parts.txt"} | entry
    whole = {"key": "whole", "path": "whole.h5ad", "instead_of": ["parts"]} | entry
    folder = toy.root / "data" / "toy"
    (folder / "cards").mkdir(parents=True)
    (folder / "cards" / "cells.md").write_text("# Cells\n", encoding="utf-8")
    (folder / "datasets.yml").write_text(yaml.safe_dump([parts, whole]), encoding="utf-8")
    code, said = helpers("data", "fetch", "--tier", "paper")
    assert (code, "parts" in said, "whole.h5ad" in said) == (1, True, False)
    place = cache_folder() / "whole" / "whole.h5ad"
    place.parent.mkdir(parents=True)
    place.write_bytes(b"cells")
    code, said = helpers("data", "fetch", "--tier", "paper")
    assert code == 0
    assert "1 files of tier paper are here, 0 of them match their hashes" in said
    assert "of 1 no hash is known" in said


def test_run_then_run_again(helpers, toy):
    toy.notebook("01_first")
    code, said = helpers("run", "-p", "smoke", "--seed", "3", "--set", "level=0.5")
    assert code == 0
    assert "+ 01_first: done in" in said
    toy.folder = toy.root / "runs" / "smoke-level=0.5-seed=3"
    assert toy.results("01_first")["toy.level"]["value"] == 3.5
    code, said = helpers("run", "1", "-p", "smoke", "--seed", "3", "--set", "level=0.5")
    assert code == 0
    assert "= 01_first: up to date" in said
    code, said = helpers("status")
    assert code == 0
    assert "01_first" in said
    assert "up to date" in said
    assert "simulated always" in said


def test_a_run_whose_data_are_not_at_hand_says_so_before_and_after(helpers, toy, monkeypatch):
    monkeypatch.delenv("HELPERS_DATA_MIRROR", raising=False)
    toy.profiles({"quick": {"common": {"data": "auto"}, "chapters": {}}})
    toy.notebook("01_first")
    toy.claim("01_first", above=1.0)
    toy.registered("01_first", key="pairs")
    card = toy.root / "data" / "toy" / "cards" / "pairs.md"
    card.parent.mkdir()
    card.write_text("# Pairs\n", encoding="utf-8")
    code, said = helpers("run")
    assert code == 0
    first, last = said.splitlines()[0], said.splitlines()[-1]
    assert first.startswith("01_first: not at hand, so what needs it is simulated: pairs; to fetch it: ")
    assert "helpers data fetch --chapter 01" in first
    assert last.startswith("This run is on simulated data")
    assert "failed" not in last
    assert helpers("data", "fetch")[0] == 1
    last = helpers("run")[1].splitlines()[-1]
    assert "The last `helpers data fetch` failed: `1 file(s) missing: pairs: no good copy in cache" in last
    place = cache_folder() / Registry.load(toy.root / "data")["pairs"].location
    place.parent.mkdir(parents=True)
    place.write_bytes(b"drug,line\n")
    assert "not at hand" not in helpers("run", "--dry-run")[1]
    assert helpers("data", "fetch")[0] == 0
    assert "failed" not in helpers("run")[1]


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (
            PermissionError(errno.EACCES, "Permission denied", "/a/[b]/file"),
            "error: /a/[b]/file: Permission denied",
        ),
        (OSError(errno.ENOSPC, "No space left on device"), "error: No space left on device"),
    ],
)
def test_what_the_machine_refuses_is_one_message(helpers, toy, monkeypatch, error, says):
    def refuse(*_: object) -> None:
        raise error

    monkeypatch.setattr("helpers.run.pairs.write_pairs", refuse)
    toy.notebook("01_first")
    code, said = helpers("pairs")
    assert (code, said.strip()) == (1, says)


def test_a_failed_notebook_says_cell_and_log(helpers, toy):
    toy.notebook("01_first", body='raise KeyError("Nilotinib")\n')
    code, said = helpers("run", "-p", "smoke")
    assert code == 1
    assert "x 01_first: failed after" in said
    assert "in cell 4: KeyError: 'Nilotinib'" in said
    assert str(toy.folder / "logs" / "01_first.log") in said.replace("\n", "")


def test_only_what_was_asked_for_decides_the_exit_code(helpers, toy):
    toy.notebook("01_first", body='raise KeyError("one\\ntwo")\n')
    toy.notebook("02_second")
    code, said = helpers("run", "-p", "smoke")
    assert code == 1
    assert "failed: 01_first" in said
    code, said = helpers("run", "02", "-p", "smoke")
    assert code == 0
    assert "not asked for now, failed earlier in this folder: 01_first" in said


def test_a_message_is_shown_whole(helpers, toy):
    toy.notebook("01_first", body='raise ValueError("3 file(s) missing:\\n  a.csv\\n  b.csv")\n')
    assert "3 file(s) missing:\n  a.csv\n  b.csv" in helpers("run", "-p", "smoke")[1]


def test_a_dry_run_runs_nothing(helpers, toy):
    toy.notebook("01_first")
    code, said = helpers("run", "-p", "smoke", "--seed", "1", "--dry-run")
    assert (code, said) == (
        0,
        "01_first: would run (not run yet)\nrun folder: runs/smoke-seed=1\n".replace(
            "runs/", f"{toy.root}/runs/"
        ),
    )
    assert not (toy.root / "runs").exists()


def test_status_and_compare_as_json(helpers, toy):
    toy.notebook("01_first")
    helpers("run", "-p", "smoke")
    [states] = json.loads(helpers("status", "--json")[1])["runs"].values()
    assert [(state["chapter"], state["stale"]) for state in states] == [("01_first", [])]
    compared = json.loads(helpers("compare", toy.folder, toy.folder, "--json")[1])
    assert (compared["chapters"], compared["moves"], compared["compared"]) == (["01_first"], [], 1)


def test_logs_shows_the_end(helpers, toy):
    toy.notebook("01_first", body='print("one")\n')
    helpers("run", "-p", "smoke")
    log = toy.folder / "logs" / "01_first.log"
    assert "one" in log.read_text(encoding="utf-8").splitlines()
    # A kernel that ends can add a line of its own libraries.
    log.write_text("one\ntwo\n", encoding="utf-8")
    code, said = helpers("logs", "1", "-n", "1")
    assert code == 0
    assert said.startswith("two\n")


def test_open_opens_the_page_of_a_chapter(helpers, toy, monkeypatch):
    toy.notebook("01_first")
    page = toy.root / "_build" / "html" / "notebooks" / "01_first.html"
    page.parent.mkdir(parents=True)
    page.touch()
    opened = []
    monkeypatch.setattr("helpers.cli.book.typer.launch", opened.append)
    assert helpers("open", "1") == (0, f"{page}\n")
    assert opened == [page.as_uri()]


def test_data_and_doctor_as_json(helpers, toy):
    toy.notebook("01_first")
    key = "a-key-of-more-than-thirty-letters"
    toy.registered("01_first", key=key)
    [file] = json.loads(helpers("data", "list", "--json")[1])
    assert (file["key"], file["where"]) == (key, "missing")
    assert {"python", "lock"} <= {line["name"] for line in json.loads(helpers("doctor", "--json")[1])}


def test_nothing_is_cut_that_one_copies_at_80_columns(helpers, toy, monkeypatch):
    monkeypatch.setattr("helpers.cli.console.output.width", 80)
    toy.notebook("01_first")
    key = "a-key-of-more-than-thirty-letters"
    toy.registered("01_first", key=key)
    said = helpers("data", "list")[1]
    assert key in said
    assert max(len(line) for line in said.splitlines()) <= 80


def test_explain_names_the_causes(helpers, toy):
    for folder, level in ((toy.root / "book" / "record", 2.0), (toy.folder, 3.0)):
        toy.notebook("01_first")
        toy.write_results(folder, "01_first", level={"value": level})
        if level == 3.0:
            path = folder / "results" / "01_first.json"
            text = path.read_text(encoding="utf-8").replace(
                '"parameters": {}', '"parameters": {"epochs": 40}'
            )
            path.write_text(text, encoding="utf-8")
        toy.seal(folder)
    code, said = helpers("explain", "01")
    assert code == 0
    assert "different: 1 parameter; equal: profile" in said
    assert "parameter epochs: None -> 40" in said
    assert json.loads(helpers("explain", "01", "--json")[1])["causes"][0]["name"] == "epochs"
    assert "2.000 -> 3.000" in said


def test_the_version(helpers):
    assert helpers("--version") == (0, f"helpers {__version__}\n")
    assert helpers("run", "-h")[0] == 0


@pytest.fixture
def judged(toy):
    """Give the toy project two claims, one of which holds."""
    for chapter, level in (("01_first", 2.0), ("02_second", 0.5)):
        toy.notebook(chapter)
        toy.claim(chapter, above=1.0)
        toy.write_results(toy.folder, chapter, level={"value": level})
    toy.seal()
    return toy


def test_claims_shows_every_claim_on_a_line(helpers, judged, monkeypatch):
    monkeypatch.setattr("helpers.cli.console.output.width", 80)
    code, said = helpers("claims", "--run", judged.folder)
    assert code == 0
    lines = [line for line in said.splitlines() if "toy-0" in line]
    assert [line.split("toy-")[1][:2] for line in lines] == ["01", "02"]
    assert [len(line.split()[:3]) for line in lines] == [3, 3]
    assert all(line.split()[3].startswith("toy-") and len(line) <= 80 for line in lines)
    assert "holds" in said
    assert helpers("claims")[1] == said


def test_a_claim_in_full(helpers, judged):
    said = helpers("claims", "toy-02")[1]
    for text in ("The level of 02_second is high", "toy: panel", "fails", "rule: the level is above 1.0"):
        assert text in said
    assert "toy-01" not in said
    code, said = helpers("claims", "toy-3")
    assert code == 1
    assert "unknown claim toy-3" in said


def test_claims_for_programs(helpers, judged):
    found = json.loads(helpers("claims", "--json")[1])
    assert [(claim["id"], claim["sound"]) for claim in found] == [("toy-01", "holds"), ("toy-02", "fails")]
    assert helpers("claims", "--csv")[1].splitlines()[1].startswith("toy-01,01_first,")


def test_a_terminal_without_the_signs_shows_others(helpers, judged, monkeypatch):
    monkeypatch.setattr("rich.console.Console.encoding", "ascii")
    code, said = helpers("claims", charset="ascii")
    assert code == 0
    assert "+ holds, ~ partly, x fails" in said
    assert said.isascii()


def test_compare_exits_1_only_when_a_verdict_flips(helpers, toy, tmp_path):
    toy.claim("01_first", above=1.0)
    for name, level in (("a", 2.0), ("b", 3.0), ("c", 0.5)):
        toy.write_results(tmp_path / name, "01_first", level={"value": level})
        toy.seal(tmp_path / name)
    code, said = helpers("compare", tmp_path / "a", tmp_path / "b")
    assert code == 0
    assert "toy.level" in said
    assert "2.000 -> 3.000" in said
    assert "no verdict flipped" in said
    assert helpers("compare", tmp_path / "a", tmp_path / "b", "--strict")[0] == 1
    assert helpers("compare", tmp_path / "a", tmp_path / "a", "--strict")[0] == 0
    code, said = helpers("compare", tmp_path / "a", tmp_path / "c")
    assert code == 1
    assert "verdict flipped: toy-01 (repeated): holds -> fails" in said


def test_record_check_says_what_differs(helpers, toy):
    toy.notebook("01_first")
    helpers("run", "-p", "smoke")
    shutil.copytree(toy.folder, toy.root / "book" / "record")
    assert helpers("record", "--check") == (0, "01_first: as recorded\n")
    toy.notebook("01_first", body="more = 1\n")
    assert helpers("record", "--check") == (1, "01_first: source changed\n")


def test_doctor_names_what_differs_from_the_lock(helpers, toy):
    (toy.root / "requirements.lock").write_text("pytest==0.1\nno-such-package==1\n", encoding="utf-8")
    code, said = helpers("doctor")
    assert code == 1
    assert "2 of 2 packages differ: pytest" in said
    assert "no-such-package absent" in said
    for line in ("python", "threads", "device", "data", "disk"):
        assert line in said


def test_doctor_knows_a_mirror_that_is_not_there(helpers, toy, monkeypatch):
    monkeypatch.setenv("HELPERS_DATA_MIRROR", "/nowhere/at/all")
    code, said = helpers("doctor")
    assert code == 1
    assert "/nowhere/at/all is no folder" in said


def test_check_finds_problems_and_mends_pairs(helpers, toy):
    toy.notebook("01_first")
    code, said = helpers("check")
    assert code == 1
    assert "01_first.ipynb: missing" in said
    assert helpers("pairs")[0] == 0
    assert helpers("check")[0] == 0


def test_a_book_on_simulated_data_ends_by_saying_so_and_what_mends_it(helpers, toy, monkeypatch):
    toy.claim("01_first", above=1.0)
    toy.write_results(toy.folder, "01_first", "simulated", level={"value": 2.0})
    toy.seal()
    monkeypatch.setattr("helpers.book.build_book", lambda root, run, out: out / "html")
    last = helpers("build")[1].splitlines()[-1]
    assert last.startswith("This book is on simulated data")
    assert "`helpers data fetch` fetches the panel and says what hinders it" in last
    toy.write_results(toy.folder, "01_first", "panel", level={"value": 2.0})
    toy.seal()
    assert "simulated data" not in helpers("build")[1]
