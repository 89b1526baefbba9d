"""Memory: what was used, what there is, and whether anybody was killed for it."""

from __future__ import annotations

import pytest

from helpers import memory


def test_peak_memory_grows_with_what_is_held():
    before = memory.peak_memory()
    block = bytearray(before + 2**26)
    block[::4096] = b"x" * len(block[::4096])
    assert memory.peak_memory() >= before + 2**25


@pytest.mark.parametrize("limit", ["1048576\n", "max\n", None])
def test_a_container_has_what_it_may_use(tmp_path, monkeypatch, limit):
    machine = memory.total_memory()
    monkeypatch.setattr(memory, "_LIMIT", tmp_path / "memory.max")
    if limit:
        (tmp_path / "memory.max").write_text(limit, encoding="ascii")
    assert memory.total_memory() == (2**20 if limit and limit[0] == "1" else machine)


def test_kills_are_counted_where_the_system_counts_them(tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "_EVENTS", tmp_path / "vmstat")
    assert memory.memory_kills() == 0
    (tmp_path / "vmstat").write_text("drop_pagecache 4\noom_kill 17\nhtlb 3\n", encoding="ascii")
    assert memory.memory_kills() == 17
