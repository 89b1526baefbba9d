"""Decoded copies of source files."""

from __future__ import annotations

import numpy as np
import pandas as pd

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
