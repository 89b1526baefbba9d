from __future__ import annotations

import pytest

from helpers.claims import Claim, Result, judge, judge_run
from helpers.claims.register import load_register

RESULT = "CCLE.cv.Net-Forest.AUCROC"
PANEL = {"CCLE": "panel"}


def make_claim(content, **repeated):
    raw = content["claims"][0]
    raw["verdicts"]["repeated"] |= repeated
    return Claim(**raw, chapter="01_demo")


def result(value, tier="panel", **more):
    return Result(value=value, tier=tier, **more)


@pytest.mark.parametrize(
    ("bounds", "require", "outcome"),
    [
        # Which of the conditions 0.5 > bound are met, what is required, what follows.
        ([0.1, 0.2, 0.3], "all", "holds"),
        ([0.1, 0.2, 0.9], "all", "partly"),
        ([0.8, 0.9, 0.9], "all", "fails"),
        ([0.1, 0.9, 0.9], "any", "holds"),
        ([0.8, 0.9, 0.9], "any", "fails"),
        ([0.1, 0.2, 0.9], "majority", "holds"),
        ([0.1, 0.9, 0.9], "majority", "partly"),
        ([0.1, 0.9], "majority", "partly"),
        ([0.8, 0.9, 0.9], "majority", "fails"),
        ([0.5], "all", "fails"),  # equal is not above
    ],
)
def test_outcome_follows_from_how_many_conditions_are_met(content, bounds, require, outcome):
    conditions = [{"result": "x", "above": bound} for bound in bounds]
    claim = make_claim(content, conditions=conditions, require=require)
    assert judge(claim, {"x": result(0.5)}, PANEL).repeated.outcome == outcome


@pytest.mark.parametrize(
    ("condition", "number", "outcome"),
    [
        ({"above": 0, "tolerance": 0.01}, 0.009, "fails"),
        ({"above": 0, "tolerance": 0.01}, 0.011, "holds"),
        ({"above": 0, "tolerance": -0.01}, -0.009, "holds"),
        ({"below": 0, "tolerance": -0.01}, -0.009, "fails"),
        ({"below": 0, "tolerance": -0.01}, -0.011, "holds"),
        ({"below": 0.05}, 0.04, "holds"),
    ],
)
def test_the_tolerance_is_added_to_the_bound(content, condition, number, outcome):
    claim = make_claim(content, conditions=[{"result": "x", **condition}])
    assert judge(claim, {"x": result(number)}, PANEL).repeated.outcome == outcome


def test_a_small_p_counts_only_on_the_right_side(content):
    claim = make_claim(
        content, conditions=[{"result": "x", "field": "p", "below": 0, "tolerance": 0.05, "sign": "positive"}]
    )
    assert judge(claim, {"x": result(0.1, p=0.01)}, PANEL).repeated.outcome == "holds"
    wrong = judge(claim, {"x": result(-0.1, p=0.01)}, PANEL).repeated
    assert (wrong.outcome, wrong.sensitivity.double) == ("fails", "fails")
    assert "a positive value (not met)" in wrong.reason


@pytest.mark.parametrize(
    ("value", "outcome", "half", "double", "sentence"),
    [
        (0.05, "holds", "holds", "holds", "Unchanged when the tolerance is halved or doubled."),
        (0.015, "holds", "holds", "fails", "Turns to fails when the tolerance is doubled."),
        (0.007, "fails", "holds", "fails", "Turns to holds when the tolerance is halved."),
        (0.001, "fails", "fails", "fails", "Unchanged when the tolerance is halved or doubled."),
    ],
)
def test_sensitivity_names_the_outcome_at_half_and_double_tolerance(
    content, value, outcome, half, double, sentence
):
    verdict = judge(make_claim(content), {RESULT: result(value, low=0, p=0.2)}, PANEL)
    moved = verdict.repeated.sensitivity
    assert (verdict.repeated.outcome, moved.half, moved.double) == (outcome, half, double)
    assert moved.sentence == sentence
    assert verdict.sound.sensitivity.sentence == "The rule has no tolerance."


def test_the_reason_carries_the_numbers(content):
    verdict = judge(make_claim(content), {RESULT: result(0.006, low=0.001, high=0.011, p=0.03)}, PANEL)
    assert verdict.repeated.reason == (
        "Net-Forest AUCROC (CCLE, cv) = +0.006 [+0.001, +0.011], p = 0.03, needs > 0.01 (not met)."
    )
    assert verdict.sound.outcome == "holds"
    assert verdict.sound.reason.startswith("2 of 2 conditions met (all required). ")
    assert "lower limit needs > 0 (met)" in verdict.sound.reason
    assert "p needs < 0.05 (met)" in verdict.sound.reason
    assert [check.number for check in verdict.sound.checks] == [0.001, 0.03]


@pytest.mark.parametrize(
    ("results", "tiers", "reason"),
    [
        ({}, PANEL, f"Not computed in this run: {RESULT}."),
        ({RESULT: result(None)}, PANEL, f"Undefined in this run: {RESULT} (value)."),
        ({RESULT: result(float("nan"))}, PANEL, f"Undefined in this run: {RESULT} (value)."),
        ({RESULT: result(0.5)}, {"CCLE": "simulated"}, "simulated input binds nothing"),
        ({RESULT: result(0.5, tier="simulated")}, PANEL, "simulated input, which binds nothing"),
        ({RESULT: result(0.5)}, {}, "CCLE was not used in this run."),
    ],
)
def test_what_cannot_be_judged_is_not_testable_and_says_why(content, results, tiers, reason):
    verdict = judge(make_claim(content), results, tiers).repeated
    assert verdict.outcome == "not testable here"
    assert reason in verdict.reason
    assert (verdict.sensitivity.half, verdict.sensitivity.double) == (None, None)


def test_a_claim_that_needs_the_papers_input_is_not_judged_on_the_panel(content):
    content["claims"][0]["needs"] = ["paper"]
    claim, results = make_claim(content), {RESULT: result(0.5)}
    assert "can only be judged on: paper" in judge(claim, results, PANEL).repeated.reason
    assert judge(claim, results, {"CCLE": "paper"}).repeated.outcome == "holds"


def test_a_part_that_does_not_apply_gives_its_reason(content):
    verdict = judge(make_claim(content), {}, PANEL).survives
    assert verdict.outcome == "not testable here"
    assert verdict.reason == "Not applicable: the paper left out no baseline"


def test_a_run_without_the_chapter_leaves_its_claims_untested(content, write):
    register = load_register(write(content), published={"CCLE.cv.Net.AUCROC"})
    verdicts = judge_run(register, {})
    assert [v.claim.id for v in verdicts] == ["demo-1"]
    assert set(verdicts[0].outcomes.values()) == {"not testable here"}
