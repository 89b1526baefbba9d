"""The examples in docstrings say what the code does; only modules that have some are imported."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src"
MODULES = [
    ".".join(path.relative_to(SOURCE).with_suffix("").parts)
    for path in sorted(SOURCE.rglob("*.py"))
    if ">>> " in path.read_text(encoding="utf-8")
]


@pytest.mark.parametrize("name", MODULES)
def test_examples_are_true(name):
    result = doctest.testmod(importlib.import_module(name), optionflags=doctest.FAIL_FAST)
    if not result.attempted:
        pytest.skip("all its examples are marked +SKIP")
    assert not result.failed, "the difference is on standard output"
