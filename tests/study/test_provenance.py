from __future__ import annotations

import hashlib
import subprocess

from helpers.study import provenance


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
    (tmp_path / "a").write_text("1")
    git("add", "a")
    git("commit", "-qm", "a")
    clean = provenance.git_commit(tmp_path)
    assert len(clean) == 40
    (tmp_path / "untracked").write_text("1")
    assert provenance.git_commit(tmp_path) == clean
    (tmp_path / "a").write_text("2")
    assert provenance.git_commit(tmp_path) == f"{clean}+changes"


def test_outside_a_checkout_the_commit_is_unknown(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert provenance.git_commit(tmp_path) == "unknown"


def test_title_falls_back_to_the_name(tmp_path):
    path = tmp_path / "01_a.py"
    path.write_text("# %%\nx = 1\n")
    assert provenance.notebook_title(path) == "01_a"


def test_peak_memory_grows_with_what_is_held():
    before = provenance.peak_memory()
    block = bytearray(before + 2**26)
    block[::4096] = b"x" * len(block[::4096])
    assert provenance.peak_memory() >= before + 2**25
