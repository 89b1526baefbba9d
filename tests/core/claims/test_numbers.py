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


@pytest.mark.parametrize(
    ("value", "low", "high", "signed", "text"),
    [
        (0.5, None, None, False, "0.500 "),
        (None, 0.1, 0.2, False, "– [0.100, 0.200]"),
        (float("nan"), float("nan"), float("nan"), False, "– [–, –]"),
        (12, 3.0, 20.5, False, "12 [3.000, 20.500]"),
        (1234.5, 900.0, 1500.2, False, "1,234 [900, 1,500]"),
        (0.0, -3e-7, 2e-7, True, "0.000 [0.000, 0.000]"),
        (-0.012, -0.025, 0.000704, True, "-0.0120 [-0.0250, +0.0007]"),
        (0.00004, -0.00001, 0.00012, False, "0.00004 [-0.00001, 0.00012]"),
        (0.1, 0.0, 0.2, True, "+0.100 [0.000, +0.200]"),
    ],
)
def test_an_estimate_and_its_interval_have_the_same_decimals(value, low, high, signed, text):
    assert " ".join(numbers.format_estimate(value, low, high, signed=signed)) == text
