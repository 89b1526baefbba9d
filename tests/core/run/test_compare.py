"""Comparing two runs: what counts as moved, missing, flipped."""

from __future__ import annotations

import pytest

from helpers.errors import RunError
from helpers.run import compare_runs


@pytest.fixture
def two(toy, tmp_path):
    """Return a function that writes one result to run A and one to run B, and compares."""

    def compare(a, b, tier_b="panel"):
        for name, result, tier in (("a", a, "panel"), ("b", b, tier_b)):
            results = {} if result is None else {"level": result}
            toy.write_results(tmp_path / name, "01_first", tier, **results)
        return compare_runs(tmp_path / "a", tmp_path / "b", toy.root)

    return compare


CASES = [
    ("equal", {"value": 1.0}, {"value": 1.0}, []),
    ("rounding", {"value": 1.0}, {"value": 1.0 + 1e-12}, []),
    ("no tolerance", {"value": 1.0}, {"value": 1.0 + 1e-6}, ["value"]),
    ("within tolerance", {"value": 1.0, "tolerance": 0.1}, {"value": 1.09, "tolerance": 0.1}, []),
    ("beyond tolerance", {"value": 1.0, "tolerance": 0.1}, {"value": 1.11, "tolerance": 0.1}, ["value"]),
    ("larger tolerance counts", {"value": 1.0, "tolerance": 0.1}, {"value": 1.3, "tolerance": 0.5}, []),
    ("interval", {"value": 1, "low": 0.5, "high": 2}, {"value": 1, "low": 0.6, "high": 2}, ["low"]),
    ("p", {"value": 1, "p": 0.01}, {"value": 1, "p": 0.2}, ["p"]),
    ("undefined in B", {"value": 1}, {"value": None}, ["value"]),
    ("undefined in both", {"value": None}, {"value": None}, []),
]


@pytest.mark.parametrize(("a", "b", "fields"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_moves(two, a, b, fields):
    comparison = two(a, b)
    assert [move.field for move in comparison.moves] == fields
    assert {move.where for move in comparison.moves} <= {"both"}
    assert comparison.compared == 4


def test_results_on_one_side(two):
    assert [move.where for move in two({"value": 1.0}, None).moves] == ["only A"]
    assert [move.where for move in two(None, {"value": 1.0}).moves] == ["only B"]


def test_a_flip_is_found_even_inside_the_tolerance(two, toy):
    toy.claim("01_first", above=1.0)
    comparison = two({"value": 1.01, "tolerance": 0.1}, {"value": 0.99, "tolerance": 0.1})
    assert comparison.moves == ()
    assert {(flip.claim, flip.part, flip.a, flip.b) for flip in comparison.flips} == {
        ("toy-01", "repeated", "holds", "fails"),
        ("toy-01", "sound", "holds", "fails"),
        ("toy-01", "survives", "holds", "not asked"),
    }


def test_a_move_without_a_flip(two, toy):
    toy.claim("01_first", above=1.0)
    comparison = two({"value": 2.0}, {"value": 3.0})
    assert len(comparison.moves) == 1
    assert comparison.flips == ()


def test_losing_the_binding_tier_is_a_flip(two, toy):
    toy.claim("01_first", above=1.0)
    flips = two({"value": 2.0}, {"value": 2.0}, tier_b="simulated").flips
    assert {flip.b for flip in flips} == {"not testable here"}


def test_a_folder_that_is_not_there(toy, tmp_path):
    with pytest.raises(RunError, match="no results at"):
        compare_runs(tmp_path / "none", tmp_path / "none", toy.root)
