"""`helpers new` writes a study that runs and is clean, or nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest
import yaml
from typer.testing import CliRunner

from helpers.book.checks import check_links, check_outputs
from helpers.claims.register import load_claims
from helpers.cli import app
from helpers.errors import ParameterError
from helpers.new import study, write_study
from helpers.run.execute import run_notebooks
from helpers.run.pairs import check_pairs
from helpers.run.plan import RunOptions

NAMES = ["ab", "a_name_of_20_letters"]  # the shortest and the longest: lines break alike


@pytest.fixture
def checkout(repository, tmp_path):
    """Return a copy of what a new study is added to, as a repository of its own."""
    root = tmp_path / "checkout"
    for name in ("notebooks", "src", "data"):
        leave = shutil.ignore_patterns("__pycache__", "cache")
        shutil.copytree(repository / name, root / name, ignore=leave)
    for name in ("_toc.yml", "pyproject.toml", "requirements.lock"):
        shutil.copy2(repository / name, root / name)
    git(root, "init", "--quiet")
    git(root, "add", ".")
    git(root, "-c", "user.name=a", "-c", "user.email=a@b", "commit", "--quiet", "--message", "all")
    return root


def git(root, *arguments):
    done = subprocess.run(["git", "-C", root, *arguments], check=True, capture_output=True, encoding="utf-8")
    return done.stdout


@pytest.mark.parametrize("name", NAMES)
def test_the_written_files_are_clean(checkout, name):
    before = yaml.safe_load((checkout / "notebooks" / "profiles.yml").read_text(encoding="utf-8"))
    new = write_study(checkout, name, "A title: of (some) paper & more")
    assert new.chapter.endswith(f"_{name}")
    status = git(checkout, "status", "--porcelain", "--untracked-files=all").splitlines()
    assert sorted(line[3:] for line in status) == sorted(map(str, [*new.files, *new.changed]))
    written = [path for path in new.files if path.suffix in (".py", ".ipynb")]
    for command in (["check"], ["format", "--check"]):
        ruff = [sys.executable, "-m", "ruff", *command, "--no-cache", *written]
        subprocess.run(ruff, cwd=checkout, check=True)
    problems = [*check_pairs(checkout), *check_outputs(checkout), *check_links(checkout)]
    assert [problem for problem in problems if new.chapter in problem or f"/{name}/" in problem] == []
    assert load_claims(new.chapter, checkout / "data").paper.title == "A title: of (some) paper & more"
    after = yaml.safe_load((checkout / "notebooks" / "profiles.yml").read_text(encoding="utf-8"))
    assert all(new.chapter in profile["chapters"] for profile in after.values())
    for profile in after.values():
        del profile["chapters"][new.chapter]
    assert after == before
    parts = yaml.safe_load((checkout / "_toc.yml").read_text(encoding="utf-8"))["parts"]
    chapters = [entry["file"] for entry in parts[0]["chapters"]]
    assert chapters.index(f"notebooks/{new.chapter}") == chapters.index("notebooks/07_verdicts") - 1


@pytest.mark.book
@pytest.mark.slow
def test_its_tests_pass_and_its_notebook_runs(checkout, repository, monkeypatch):
    write_study(checkout, "mine")
    source = str(checkout / "src")
    environment = {**os.environ, "PYTHONPATH": source}
    shutil.copytree(repository / "tests", checkout / "tests", dirs_exist_ok=True)
    command = [sys.executable, "-m", "pytest", "--quiet", "-p", "no:cacheprovider", "tests/studies/mine"]
    done = subprocess.run(command, cwd=checkout, env=environment, capture_output=True, encoding="utf-8")
    assert done.returncode == 0, done.stdout
    monkeypatch.setenv("PYTHONPATH", source)
    record = run_notebooks(checkout, RunOptions(profile="smoke", chapters=("08",)))
    assert record.notebooks["08_mine"].error is None


BAD_NAMES = ["", "A", "a", "Mine", "9lives", "my-study", "mine_", "class", "shared", "../mine", "a" * 21]


@pytest.mark.parametrize("name", BAD_NAMES)
def test_bad_names_are_refused(checkout, name):
    with pytest.raises(ParameterError, match="cannot name a study"):
        write_study(checkout, name)
    assert git(checkout, "status", "--porcelain") == ""


@pytest.mark.parametrize("title", ['a "quoted" word', "two\nlines", "$name", "x" * 61])
def test_bad_titles_are_refused(checkout, title):
    with pytest.raises(ParameterError, match="cannot be a title"):
        write_study(checkout, "mine", title)
    assert git(checkout, "status", "--porcelain") == ""


def test_a_name_that_is_taken_is_refused(checkout):
    with pytest.raises(ParameterError, match=r"there is a study 'pertvae' already: .*studies/pertvae"):
        write_study(checkout, "pertvae")
    (checkout / "data" / "mine").mkdir()
    with pytest.raises(ParameterError, match="there is a study 'mine' already: data/mine"):
        write_study(checkout, "mine")
    assert git(checkout, "status", "--porcelain") == ""


@pytest.mark.parametrize("name", ["_toc.yml", "notebooks/profiles.yml"])
def test_uncommitted_changes_are_not_mixed_in(checkout, name):
    with (checkout / name).open("a", encoding="utf-8") as stream:
        stream.write("# a change\n")
    with pytest.raises(ParameterError, match=r"uncommitted changes in .*commit or undo them first"):
        write_study(checkout, "mine")
    assert len(git(checkout, "status", "--porcelain").splitlines()) == 1


def test_lists_in_an_unexpected_form_are_left_alone(toy):
    (toy.root / "src" / "helpers" / "studies").mkdir(parents=True)
    toy.notebook("01_first")
    (toy.root / "_toc.yml").write_text("parts: []\n", encoding="utf-8")
    with pytest.raises(ParameterError, match="names no chapter; add by hand"):
        write_study(toy.root, "mine")
    (toy.root / "_toc.yml").write_text("chapters:\n  - file: notebooks/01_first\n", encoding="utf-8")
    with pytest.raises(ParameterError, match="written in an unexpected way"):
        write_study(toy.root, "mine")
    assert not (toy.root / "data").exists()


def test_a_write_that_fails_leaves_nothing(checkout, monkeypatch):
    write_text, written = study.write_text, []

    def fail_at_last(path, text):
        if path.name == "profiles.yml" and not any(p.name == "profiles.yml" for p in written):
            written.append(path)
            raise OSError(28, "No space left on device")
        written.append(path)
        write_text(path, text)

    monkeypatch.setattr(study, "write_text", fail_at_last)
    with pytest.raises(OSError, match="No space left"):
        write_study(checkout, "mine")
    assert len(written) > 10
    assert git(checkout, "status", "--porcelain", "--ignored") == ""


def test_the_command_names_what_it_wrote(checkout, monkeypatch):
    monkeypatch.setenv("HELPERS_PROJECT", str(checkout))
    result = CliRunner().invoke(app, ["new", "mine", "--title", "Mine"])
    assert result.exit_code == 0
    assert "wrote notebooks/08_mine.py" in result.output
    assert "added 08_mine to _toc.yml" in result.output
    again = CliRunner().invoke(app, ["new", "mine"])
    assert again.exit_code == 1
