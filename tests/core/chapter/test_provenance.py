from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from unittest.mock import Mock

import pytest

from helpers.chapter import provenance
from helpers.sealed import write_sealed


def test_source_hash_does_not_depend_on_line_ends(tmp_path):
    path = tmp_path / "01_a.py"
    path.write_bytes(b"a\r\nb\r\n")
    assert provenance.source_hash(path) == hashlib.sha256(b"a\nb\n").hexdigest()


def test_commit_says_when_tracked_files_were_changed(tmp_path):
    def git(*arguments):
        subprocess.run(
            ["git", "-c", "user.name=x", "-c", "user.email=x@x", *arguments], cwd=tmp_path, check=True
        )

    git("init", "-q")
    (tmp_path / "a").write_text("1", encoding="utf-8")
    git("add", "a")
    git("commit", "-qm", "a")
    clean = provenance.git_commit(tmp_path)
    assert len(clean) == 40
    (tmp_path / "untracked").write_text("1", encoding="utf-8")
    assert provenance.git_commit(tmp_path) == clean
    (tmp_path / "a").write_text("2", encoding="utf-8")
    assert provenance.git_commit(tmp_path) == f"{clean}+changes"


def test_outside_a_checkout_the_commit_is_unknown(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert provenance.git_commit(tmp_path) == "unknown"


def test_title_falls_back_to_the_name(tmp_path):
    path = tmp_path / "01_a.py"
    path.write_text("# %%\nx = 1\n", encoding="utf-8")
    assert provenance.notebook_title(path) == "01_a"


def test_execution_times_remember_the_longest(tmp_path, monkeypatch):
    file = tmp_path / "times.json"
    started = datetime(2024, 1, 1, tzinfo=UTC)
    clock = Mock()
    clock.now.side_effect = [started + timedelta(seconds=seconds) for seconds in (100, 7)]
    monkeypatch.setattr(provenance, "datetime", clock)
    first = provenance.execution_times(started, file)
    assert first["longest_wall_seconds"] == first["wall_seconds"] == 100
    write_sealed(file, json.dumps(first).encode())
    second = provenance.execution_times(started, file)
    assert second["wall_seconds"] == 7
    assert second["longest_wall_seconds"] == 100


def test_the_computing_code_has_one_hash_in_every_process(tmp_path):
    source = tmp_path / "01_a.py"
    source.write_text("from helpers.studies.refdnn.protocol import cross_validate\n", encoding="utf-8")
    code = (
        "import sys; from pathlib import Path; from helpers.chapter.provenance import computation_hash; "
        "print(computation_hash(Path(sys.argv[1])))"
    )
    other = subprocess.run(
        [sys.executable, "-c", code, source], capture_output=True, encoding="utf-8", check=True
    )
    assert other.stdout.strip() == provenance.computation_hash(source)


def test_comments_and_docstrings_are_not_code(tmp_path):
    before, after = tmp_path / "a.py", tmp_path / "b.py"
    before.write_text('"""Old."""\n\n\ndef f(x):\n    """Old."""\n    return x + 1\n', encoding="utf-8")
    after.write_text('"""New."""\n# A comment.\ndef f(x):\n    return (x + 1)\n', encoding="utf-8")
    assert provenance.executed_code(before) == provenance.executed_code(after)
    after.write_text("def f(x):\n    return x + 2\n", encoding="utf-8")
    assert provenance.executed_code(before) != provenance.executed_code(after)


@pytest.mark.parametrize("content", ["", "{", '{"longest_wall_seconds": 9}'])
def test_damaged_times_are_forgotten(tmp_path, content):
    file = tmp_path / "times.json"
    file.write_text(content, encoding="utf-8")
    with pytest.warns(UserWarning, match="made again"):
        times = provenance.execution_times(datetime.now(UTC), file)
    assert times["longest_wall_seconds"] == times["wall_seconds"]
