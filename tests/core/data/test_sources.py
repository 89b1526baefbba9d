"""Decoded copies of source files."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from helpers.data.sources import Sources


def test_the_first_reader_gets_what_later_ones_get(tmp_path):
    source = tmp_path / "source"
    source.write_bytes(b"R")
    missing_in_r = np.array([0x7FF00000000007A2, 0], dtype=np.uint64).view(float)
    calls = []

    def decode(path):
        calls.append(path)
        return pd.DataFrame({"a": missing_in_r})

    sources = Sources({"key": source})
    first, second = (sources.decoded("key", decode)["a"].to_numpy() for _ in range(2))
    assert calls == [source]
    np.testing.assert_array_equal(first.view(np.uint64), second.view(np.uint64))
    assert np.isnan(first[0])
    assert first.sum() != 0  # quietly: warnings are errors here


def test_no_flipped_bit_of_a_copy_changes_a_number(tmp_path):
    source = tmp_path / "source"
    source.write_bytes(b"R")
    table = pd.DataFrame({"a": np.linspace(0, 1, 50), "line": [f"l{i}" for i in range(50)]})
    sources = Sources({"key": source})
    sources.decoded("key", lambda _: table)
    [copy] = (path for path in tmp_path.rglob("decoded/*") if path.is_file())
    good = copy.read_bytes()
    for place in range(0, len(good), 97):
        damaged = bytearray(good)
        damaged[place] ^= 4
        copy.write_bytes(damaged)
        with pytest.warns(UserWarning, match="made again"):
            pd.testing.assert_frame_equal(sources.decoded("key", lambda _: table), table, check_exact=True)
