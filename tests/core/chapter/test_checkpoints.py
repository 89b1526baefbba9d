"""Checkpoints: read when they are as they were stored, computed again otherwise."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from helpers.chapter import checkpoints
from helpers.chapter.provenance import versions

calls = []


def compute(n):
    calls.append(n)
    return {"x": np.arange(float(n)), "note": "a"}


@pytest.fixture
def run(tmp_path):
    """Return the function as a chapter would call it, through checkpoints."""
    calls.clear()
    return checkpoints.open_memory(tmp_path).cache(compute)


def stored(folder):
    [path] = folder.rglob("output.pkl")
    return path


def test_a_stored_result_is_read(run):
    first, second = run(3), run(3)
    assert calls == [3]
    np.testing.assert_array_equal(first["x"], second["x"])


@pytest.mark.parametrize("position", [0, 0.25, 0.5, 0.75, 0.99])
def test_a_flipped_bit_is_computed_again_and_said(run, tmp_path, position):
    run(300)
    content = bytearray(stored(tmp_path).read_bytes())
    content[int(position * len(content))] ^= 4
    stored(tmp_path).write_bytes(content)
    with pytest.warns(UserWarning, match="is not as it was stored; it is computed again"):
        again = run(300)
    assert calls == [300, 300]
    np.testing.assert_array_equal(again["x"], np.arange(300.0))
    run(300)
    assert calls == [300, 300]


class Bomb:
    def __reduce__(self):
        return calls.append, ("bomb",)


@pytest.mark.parametrize("seal", [None, b"", b"0" * 64])
def test_what_was_planted_is_not_executed(run, tmp_path, seal):
    run(3)
    path = stored(tmp_path)
    path.write_bytes(pickle.dumps(Bomb()))
    path.with_suffix(".sha256").unlink()
    if seal is not None:
        path.with_suffix(".sha256").write_bytes(seal)
    with pytest.warns(UserWarning, match="computed again"):
        run(3)
    assert calls == [3, 3]


def test_other_code_versions_lock_and_device_have_another_folder(project, tmp_path, monkeypatch):
    source = project / "notebooks" / "01_demo.py"

    def key(device="cpu"):
        return checkpoints.checkpoint_folder(tmp_path, source, device, project)

    keys = [key(), key(device="cuda")]
    (project / "requirements.lock").write_text("a==1\n", encoding="utf-8")
    keys.append(key())
    newer = versions() | {"torch": "99"}
    monkeypatch.setattr(checkpoints, "versions", lambda more: newer)
    keys.append(key())
    assert len(set(keys)) == 4
    assert key() == keys[-1]


def test_what_other_code_left_is_removed(tmp_path):
    for name in ("old", "new"):
        (tmp_path / name / "deep").mkdir(parents=True)
    checkpoints.finish(tmp_path / "new", {"wall_seconds": 1.0})
    assert [path.name for path in tmp_path.iterdir()] == ["new"]
