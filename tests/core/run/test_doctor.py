"""What the doctor says of the environment."""

from __future__ import annotations

import importlib.metadata
import sys

from helpers.run.doctor import examine


def test_versions_are_compared_with_the_lock_of_the_environment(toy, monkeypatch, tmp_path):
    monkeypatch.chdir(toy.root)
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    (tmp_path / ".made-from").write_text("some-platform 12 34\n", encoding="utf-8")
    (toy.root / "requirements.lock").write_text("no-such-package==1\n", encoding="utf-8")
    (toy.root / "locks").mkdir()
    version = importlib.metadata.version("pytest")
    lock = toy.root / "locks" / "some-platform.txt"
    lock.write_text(f"pytest=={version}+build \\\n    --hash=sha256:0\n", encoding="utf-8")
    [found] = [finding for finding in examine() if finding.name == "lock"]
    assert found.text == "all 1 packages as in locks/some-platform.txt"
    lock.unlink()
    [found] = [finding for finding in examine() if finding.name == "lock"]
    assert not found.good
    assert "no-such-package absent" in found.text
