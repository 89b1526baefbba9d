"""Checkpoints: read when they are as they were stored, computed again otherwise."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest

from helpers.chapter import checkpoints
from helpers.chapter.checkpoints import Memory
from helpers.chapter.provenance import versions
from helpers.sealed import write_sealed

calls = []


def compute(n, *, n_jobs=1):
    calls.append(n)
    return {"x": np.arange(float(n)), "table": pd.DataFrame({"name": ["a", "b"], "n": [n, 0.1]})}


@pytest.fixture
def run(tmp_path):
    """Return the function as a chapter would call it, through checkpoints."""
    calls.clear()
    return Memory(tmp_path).cache(compute, ignore=["n_jobs"])


def stored(folder):
    [path] = folder.rglob("*.npz")
    return path


def test_a_stored_result_is_read(run):
    first, second = run(3), run(n=3, n_jobs=2)
    assert calls == [3]
    np.testing.assert_array_equal(first["x"], second["x"])
    assert first["table"].equals(second["table"])


def test_other_arguments_and_other_code_have_other_results(run, tmp_path):
    run(3)
    assert len(run(4)["x"]) == 4

    def compute(n, *, n_jobs=1):
        return n + 1

    compute.__module__ = run.__module__
    assert Memory(tmp_path).cache(compute, ignore=["n_jobs"])(3) == 4
    assert calls == [3, 4]


def test_every_flipped_bit_is_computed_again_and_said(run, tmp_path):
    run(3)
    path = stored(tmp_path)
    good = path.read_bytes()
    for place in range(0, len(good), 7):
        damaged = bytearray(good)
        damaged[place] ^= 1 << place % 8
        path.write_bytes(damaged)
        calls.clear()
        with pytest.warns(UserWarning, match="is not as it was written; made again"):
            again = run(3)
        assert calls == [3]
        np.testing.assert_array_equal(again["x"], np.arange(3.0))
        assert path.read_bytes() == good


class Bomb:
    def __reduce__(self):
        return calls.append, ("bomb",)


@pytest.mark.parametrize("sealed", [True, False])
def test_what_was_planted_is_not_executed(run, tmp_path, sealed):
    run(3)
    planted = pickle.dumps(Bomb())
    if sealed:  # whoever plants a file can compute its hash
        write_sealed(stored(tmp_path), planted)
    else:
        stored(tmp_path).write_bytes(planted)
    with pytest.warns(UserWarning, match="again"):
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


def test_what_this_execution_did_not_use_is_removed(tmp_path):
    calls.clear()
    (tmp_path / "old" / "deep").mkdir(parents=True)
    half = tmp_path / "new" / "results" / "module" / ".compute-1.npz.half"
    half.parent.mkdir(parents=True)
    half.touch()
    for numbers in ((1, 2), (2, 3)):
        memory = Memory(tmp_path / "new")
        for n in numbers:
            memory.cache(compute)(n)
        checkpoints.finish(memory, {"wall_seconds": 1.0})
    assert [path.name for path in tmp_path.iterdir()] == ["new"]
    assert calls == [1, 2, 3]
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 3  # two results and the times


def test_a_folder_that_cannot_be_written_costs_time_alone(run, tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("helpers.atomic.tempfile.mkstemp", refuse)
    for _ in range(2):
        with pytest.warns(UserWarning, match="is not kept: Permission denied"):
            assert len(run(3)["x"]) == 3
    assert calls == [3, 3]
