from __future__ import annotations

import doctest

import pytest

from helpers.claims import check, numbers


@pytest.mark.parametrize("module", [numbers, check])
def test_examples_in_docstrings_hold(module):
    outcome = doctest.testmod(module)
    assert outcome.attempted > 0
    assert outcome.failed == 0


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (float("nan"), "–"),
        (0.0, "0.000"),
        (0.00012, "0.00012"),
        (-0.5, "-0.500"),
        (12, "12"),
        (3072.0, "3,072"),
        (1234.6, "1,235"),
    ],
)
def test_numbers_are_written_for_readers(value, text):
    assert numbers.format_number(value) == text
