"""Comparing two runs: what made them differ, what moved, what flipped, and nothing else."""

from __future__ import annotations

import json

import pytest

from helpers.errors import RunError
from helpers.run.compare import compare_runs, headline


@pytest.fixture
def two(toy, tmp_path):
    """Return a function that writes one result to run A and one to run B, and compares."""

    def compare(a, b, tier_b="panel"):
        for name, result, tier in (("a", a, "panel"), ("b", b, tier_b)):
            results = {} if result is None else {"level": result}
            toy.write_results(tmp_path / name, "01_first", tier, **results)
            toy.seal(tmp_path / name)
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
    ("all", {"value": 1, "low": 0.5, "high": 2}, {"value": 2, "low": 1.5, "high": 3}, ["value"]),
    ("p", {"value": 1, "p": 0.01}, {"value": 1, "p": 0.2}, ["p"]),
    ("p beside a tolerance", {"value": 1, "p": 0.01, "tolerance": 0.1}, {"value": 1, "p": 0.2}, []),
    ("undefined in B", {"value": 1}, {"value": None}, ["value"]),
    ("undefined in both", {"value": None}, {"value": None}, []),
]


@pytest.mark.parametrize(("a", "b", "fields"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_a_result_moves_once(two, a, b, fields):
    comparison = two(a, b)
    assert [move.field for move in comparison.moves] == fields
    assert comparison.compared == 1


def test_the_largest_move_over_its_interval_comes_first(toy, tmp_path):
    wide, narrow = {"low": -10.0, "high": 10.0}, {"low": -0.1, "high": 0.1}
    for folder, shift in (("a", 0.0), ("b", 0.05)):
        far = {"value": 100 * shift, **wide}
        near = {"value": shift, **narrow}
        toy.write_results(tmp_path / folder, "01_first", far=far, near=near, bare={"value": shift})
        toy.seal(tmp_path / folder)
    moves = compare_runs(tmp_path / "a", tmp_path / "b", toy.root).moves
    assert [move.result for move in moves] == ["toy.far", "toy.near", "toy.bare"]
    # 5 over a half-width of 10, 0.05 over one of 0.1: equal; then the name decides. No interval comes last.
    assert [move.size for move in moves] == [pytest.approx(0.5), pytest.approx(0.5), None]


def test_results_on_one_side_are_no_moves(two):
    comparison = two({"value": 1.0}, None)
    assert (comparison.only_a, comparison.only_b) == (("01_first: toy.level",), ())
    assert (comparison.moves, comparison.compared) == ((), 0)


def test_only_chapters_that_both_hold_are_compared(toy, tmp_path):
    for chapter in ("01_first", "02_second"):
        toy.claim(chapter, above=1.0)
    for folder, chapters in (("a", ["01_first", "02_second"]), ("b", ["02_second"])):
        for chapter in chapters:
            toy.write_results(tmp_path / folder, chapter, level={"value": 2.0})
        toy.seal(tmp_path / folder)
    comparison = compare_runs(tmp_path / "a", tmp_path / "b", toy.root)
    assert comparison.chapters == ("02_second",)
    assert comparison.only_a == ("01_first",)
    assert comparison.flips == comparison.moves == ()
    with pytest.raises(RunError, match="no chapter in both"):
        compare_runs(tmp_path / "a", tmp_path / "b", toy.root, ["01_first"])


def test_causes_are_named_first(toy, tmp_path):
    for name, changes in (
        ("a", {}),
        (
            "b",
            {
                "profile": "full",
                "parameters": {"profile": "full", "seed": 1, "epochs": 1000},
                "commit": "1+changes",
                "versions": {"torch": "2.1"},
                "inputs": [{"name": "pairs", "sha256": "b" * 64}],
                "threads": 2,
            },
        ),
    ):
        toy.write_results(tmp_path / name, "01_first", level={"value": 1.0})
        path = tmp_path / name / "results" / "01_first.json"
        path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | changes), encoding="utf-8")
        toy.seal(tmp_path / name)
    comparison = compare_runs(tmp_path / "a", tmp_path / "b", toy.root)
    assert [(cause.kind, cause.name, cause.a, cause.b) for cause in comparison.causes] == [
        ("profile", "", "smoke", "full"),
        ("parameter", "epochs", None, 1000),
        ("seed", "", None, 1),
        ("input", "pairs", None, "b" * 10),
        ("commit", "", "0", "1+changes"),
        ("version", "torch", None, "2.1"),
        ("threads", "", 1, 2),
    ]
    assert headline(comparison) == (
        "different: profile, 1 parameter, seed, 1 input, commit, 1 version, threads; "
        "equal: source, machine, device; 0 of 1 results moved; 0 verdict parts differ"
    )


def test_a_flip_is_found_even_inside_the_tolerance(two, toy):
    toy.claim("01_first", above=1.0)
    comparison = two({"value": 1.01, "tolerance": 0.1}, {"value": 0.99, "tolerance": 0.1})
    assert comparison.moves == ()
    assert {(flip.claim, flip.part, flip.a, flip.b) for flip in comparison.flips} == {
        ("toy-01", "repeated", "holds", "fails"),
        ("toy-01", "sound", "holds", "fails"),
        ("toy-01", "survives", "holds", "not asked"),
    }
    assert all(flip.tolerated for flip in comparison.flips)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ({"value": 1.01}, {"value": 0.99}),  # nothing has been learned
        ({"value": 1.01, "tolerance": 0.01}, {"value": 0.99, "tolerance": 0.01}),  # it moved further
    ],
)
def test_a_flip_beyond_tolerances_is_not_tolerated(two, toy, a, b):
    toy.claim("01_first", above=1.0)
    flips = two(a, b).flips
    assert flips and not any(flip.tolerated for flip in flips)


def test_a_move_without_a_flip(two, toy):
    toy.claim("01_first", above=1.0)
    comparison = two({"value": 2.0}, {"value": 3.0})
    assert len(comparison.moves) == 1
    assert comparison.flips == ()


def test_losing_the_binding_tier_is_a_flip(two, toy):
    toy.claim("01_first", above=1.0)
    flips = two({"value": 2.0}, {"value": 2.0}, tier_b="simulated").flips
    assert "not testable here" in {flip.b for flip in flips}
    assert not any(flip.tolerated for flip in flips)


def test_an_edited_number_is_not_compared(two, tmp_path, toy):
    two({"value": 2.0}, {"value": 2.0})
    path = tmp_path / "b" / "results" / "01_first.json"
    path.write_text(path.read_text(encoding="utf-8").replace("2.0", "3.0"), encoding="utf-8")
    with pytest.raises(RunError, match=r"01_first: results/01_first\.json was changed after it was written"):
        compare_runs(tmp_path / "a", tmp_path / "b", toy.root)


def test_a_folder_that_is_not_there(toy, tmp_path):
    with pytest.raises(RunError, match="is no run folder"):
        compare_runs(tmp_path / "none", tmp_path / "none", toy.root)
