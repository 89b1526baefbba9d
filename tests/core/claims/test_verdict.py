from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from helpers.claims import Claim, Published, Result, judge, judge_run
from helpers.claims.check import judge_condition
from helpers.claims.conditions import Condition
from helpers.claims.power import published_difference, smallest_visible
from helpers.claims.register import load_register

RESULT = "CCLE.cv.Net-Forest.AUCROC"
PANEL = {"CCLE": "panel"}
MATTERS = {"AUROC": {"difference": 0.01, "reason": "so we say"}}


def make_claim(content, part="repeated", more=None, **rule):
    raw = content["claims"][0] | (more or {})
    raw["verdicts"][part] |= rule
    return Claim(**raw, chapter="01_demo", matters=MATTERS)


def result(value, tier="panel", **more):
    return Result(value=value, tier=tier, **more)


def interval(low, high, **more):
    return result((low + high) / 2, low=low, high=high, **more)


@pytest.mark.parametrize(
    ("low", "high", "above", "below", "near"),
    [
        # Interval of a difference, and what follows for > 0, < 0 and = 0 where 0.01 matters.
        (0.002, 0.030, "holds", "fails", "unresolved"),
        (0.002, 0.006, "holds", "fails", "holds"),  # real, and smaller than would matter
        (-0.004, 0.006, "fails", "fails", "holds"),
        (-0.004, 0.015, "unresolved", "fails", "unresolved"),
        (-0.020, 0.015, "unresolved", "unresolved", "unresolved"),
        (-0.030, -0.012, "fails", "holds", "fails"),
        (0.011, 0.030, "holds", "fails", "fails"),
    ],
)
def test_an_interval_holds_fails_or_resolves_nothing(low, high, above, below, near):
    one = interval(low, high)
    for key, outcome in (("above", above), ("below", below), ("near", near)):
        condition = Condition(result="x", matters="AUROC", **{key: 0.0})
        assert judge_condition(condition, one, 0.01) == outcome


@pytest.mark.parametrize(
    ("p", "value", "matters", "outcome"),
    [
        (0.01, 0.1, None, "holds"),
        (0.01, -0.1, None, "fails"),
        (0.30, 0.1, None, "unresolved"),
        (0.30, 0.001, "AUROC", "fails"),  # the interval excludes 0.01
        (0.30, 0.1, "AUROC", "unresolved"),
    ],
)
def test_a_test_of_the_paper_counts_on_the_right_side_only(p, value, matters, outcome):
    condition = Condition(result="x", p_below=0.05, sign="positive", matters=matters)
    one = result(value, p=p, low=value - 0.005, high=value + 0.005)
    assert judge_condition(condition, one, 0.01) == outcome


@pytest.mark.parametrize(
    ("condition", "number", "outcome"),
    [
        ({"above": 0, "tolerance": 0.01}, 0.009, "fails"),
        ({"above": 0, "tolerance": 0.01}, 0.011, "holds"),
        ({"below": 0, "tolerance": -0.01}, -0.009, "fails"),
        ({"below": 0, "tolerance": -0.01}, -0.011, "holds"),
        ({"above": 0.5}, 0.5, "fails"),  # equal is not above
    ],
)
def test_a_bare_value_is_held_against_bound_and_tolerance(condition, number, outcome):
    assert judge_condition(Condition(result="x", **condition), result(number)) == outcome


HOLDS, FAILS, OPEN = (0.02, 0.03), (-0.03, -0.02), (-0.02, 0.03)


@pytest.mark.parametrize(
    ("intervals", "require", "outcome"),
    [
        ([HOLDS, HOLDS, HOLDS], "all", "holds"),
        ([HOLDS, HOLDS, OPEN], "all", "unresolved"),
        ([HOLDS, HOLDS, FAILS], "all", "fails"),
        ([HOLDS, OPEN, FAILS], "any", "holds"),
        ([OPEN, FAILS, FAILS], "any", "unresolved"),
        ([FAILS, FAILS, FAILS], "any", "fails"),
        ([HOLDS, HOLDS, FAILS], "majority", "holds"),
        ([HOLDS, OPEN, FAILS], "majority", "unresolved"),
        ([HOLDS, FAILS, FAILS], "majority", "fails"),
        ([HOLDS, FAILS], "majority", "fails"),
    ],
)
def test_one_condition_of_many_makes_nothing_partly_true(content, intervals, require, outcome):
    conditions = [{"result": f"x{i}", "above": 0, "matters": "AUROC"} for i in range(len(intervals))]
    results = {f"x{i}": interval(*limits) for i, limits in enumerate(intervals)}
    claim = make_claim(content, conditions=conditions, require=require)
    assert judge(claim, results, PANEL).repeated.outcome == outcome


@pytest.mark.parametrize(
    ("ccle", "gdsc", "outcome", "words"),
    [
        (HOLDS, FAILS, "partly", "partly (holds on CCLE; fails on GDSC)"),
        (HOLDS, OPEN, "partly", "partly (holds on CCLE; unresolved on GDSC)"),
        (OPEN, FAILS, "unresolved", "unresolved (unresolved on CCLE; fails on GDSC)"),
        (HOLDS, HOLDS, "holds", "holds"),
        (FAILS, FAILS, "fails", "fails"),
    ],
)
def test_named_parts_are_shown_as_such(content, ccle, gdsc, outcome, words):
    conditions = [
        {"result": name, "above": 0, "matters": "AUROC", "where": name} for name in ("CCLE", "GDSC")
    ]
    claim = make_claim(content, conditions=conditions)
    verdict = judge(claim, {"CCLE": interval(*ccle), "GDSC": interval(*gdsc)}, PANEL).repeated
    assert (verdict.outcome, verdict.words) == (outcome, words)


def test_survives_is_asked_unless_sound_fails(content):
    claim = make_claim(
        content,
        "survives",
        more={"verdicts": {**content["claims"][0]["verdicts"], "survives": {}}},
        rule="beats the strongest",
        conditions=[{"result": "strongest", "above": 0, "matters": "AUROC"}],
    )
    strongest = {"strongest": interval(*HOLDS)}
    for limits, asked in ((HOLDS, "holds"), (OPEN, "holds"), (FAILS, "not asked")):
        assert judge(claim, {RESULT: interval(*limits), **strongest}, PANEL).survives.outcome == asked


def test_the_verdict_says_whether_it_depends_on_the_reading(content):
    readings = [
        {"name": "as printed", "words": {"bins": "edge"}},
        {"name": "as coded", "words": {"bins": "middle"}},
        {"name": "third", "words": {"bins": "none"}},
    ]
    condition = {"result": "cv {bins}.{m}", "each": {"m": ["F1", "AP"]}, "above": 0, "matters": "AUROC"}
    claim = make_claim(content, more={"readings": readings}, conditions=[condition])
    assert [c.result for c in claim.verdicts.repeated.conditions] == ["cv edge.F1", "cv edge.AP"]
    results = {f"cv {bins}.{m}": interval(*HOLDS) for bins in ("edge", "middle") for m in ("F1", "AP")}
    verdict = judge(claim, results, PANEL).repeated
    assert verdict.readings == {"as printed": "holds", "as coded": "holds", "third": "not testable here"}
    assert not verdict.depends_on_reading
    assert "The same under every reading that was run: as printed, as coded (not run" in verdict.reason
    verdict = judge(claim, {**results, "cv middle.F1": interval(*FAILS)}, PANEL).repeated
    assert (verdict.outcome, verdict.depends_on_reading) == ("holds", True)
    assert "Depends on the reading: holds with as printed, fails with as coded" in verdict.reason


def test_the_smallest_visible_difference_is_found_four_times_in_five():
    """Against a simulation of the t-test whose interval it is computed from."""
    rng, n = np.random.default_rng(0), 12
    widths = [np.diff(stats.t.interval(0.95, n - 1, 0, stats.sem(rng.normal(size=n)))) for _ in range(4000)]
    visible = smallest_visible(0, float(np.mean(widths)), n)
    samples = rng.normal(visible, 1, size=(20000, n))
    found = (stats.ttest_1samp(samples, 0, axis=1).pvalue < 0.05).mean()
    assert found == pytest.approx(0.8, abs=0.03)
    assert smallest_visible(-1, 1) == pytest.approx((stats.norm.ppf(0.975) + stats.norm.ppf(0.8)) / 1.959964)


def test_what_the_paper_could_have_seen():
    """Two means of 40 values with SD 2 and 1, against a simulation of Welch's test."""
    first = Published(id="a", mean=5, sd=2, n=40, source="t")
    second = Published(id="b", mean=4, sd=1, n=40, source="t")
    found = published_difference(first, second)
    assert found.difference == 1
    rng = np.random.default_rng(0)
    a, b = rng.normal(found.visible, 2, (20000, 40)), rng.normal(0, 1, (20000, 40))
    assert (stats.ttest_ind(a, b, axis=1, equal_var=False).pvalue < 0.05).mean() == pytest.approx(
        0.8, abs=0.02
    )
    quartiles = Published(id="c", median=4, q25=4 - 0.6745, q75=4 + 0.6745, n=40, source="t")
    assert published_difference(first, quartiles).visible == pytest.approx(found.visible, rel=1e-3)
    assert published_difference(first, Published(id="d", mean=4, source="t")).visible is None
    assert published_difference(first, Published(id="e", source="t")) is None


@pytest.mark.parametrize(
    ("limits", "outcome", "half", "double", "sentence"),
    [
        ((0.001, 0.02), "holds", "holds", "holds", "Unchanged when what would matter is halved or doubled."),
        (
            (-0.01, 0.015),
            "unresolved",
            "unresolved",
            "fails",
            "Turns to fails when what would matter is doubled.",
        ),
        (
            (-0.01, 0.007),
            "fails",
            "unresolved",
            "fails",
            "Turns to unresolved when what would matter is halved.",
        ),
    ],
)
def test_sensitivity_names_the_outcome_at_half_and_double(content, limits, outcome, half, double, sentence):
    verdict = judge(make_claim(content), {RESULT: interval(*limits)}, PANEL).sound
    moved = verdict.sensitivity
    assert (verdict.outcome, moved.half, moved.double) == (outcome, half, double)
    assert moved.sentence == sentence


def test_the_reason_carries_the_numbers_and_what_either_side_could_see(content):
    pair = ["net", "forest"]
    conditions = [{"result": RESULT, "above": 0, "matters": "AUROC", "published": pair}]
    claim = make_claim(content, "sound", conditions=conditions)
    published = {
        name: Published(id=name, mean=mean, sd=0.02, n=10, source="t")
        for name, mean in zip(pair, (0.95, 0.94), strict=True)
    }
    results = {RESULT: result(0.006, low=0.001, high=0.009, n=5)}
    verdict = judge(claim, results, PANEL, published).sound
    assert verdict.reason == (
        "Net-Forest AUCROC (CCLE, cv) = +0.006 [+0.001, +0.009], n = 5, needs > 0 (matters from 0.01): "
        "holds, though the difference is smaller than would matter; smallest visible difference: here "
        "0.0054, in the paper 0.027 (published +0.010)."
    )
    [check] = verdict.checks
    assert check.published.difference == pytest.approx(0.01)


@pytest.mark.parametrize(
    ("results", "tiers", "reason"),
    [
        ({}, PANEL, f"Not computed in this run: {RESULT}."),
        ({RESULT: result(None)}, PANEL, f"Undefined in this run: {RESULT} (value, low, high)."),
        ({RESULT: result(0.5)}, PANEL, f"Undefined in this run: {RESULT} (low, high)."),
        ({RESULT: interval(0, 1)}, {"CCLE": "simulated"}, "simulated input binds nothing"),
        ({RESULT: interval(0, 1, tier="simulated")}, PANEL, "simulated input, which binds nothing"),
        ({RESULT: interval(0, 1)}, {}, "CCLE was not used in this run."),
    ],
)
def test_what_cannot_be_judged_is_not_testable_and_says_why(content, results, tiers, reason):
    verdict = judge(make_claim(content), results, tiers).sound
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
    assert verdict.outcome == "not asked"
    assert verdict.reason == "Not asked: the paper left out no baseline"


def test_a_run_without_the_chapter_leaves_its_claims_untested(content, write):
    register = load_register(write(content), published={"CCLE.cv.Net.AUCROC"})
    verdicts = judge_run(register, {}, {})
    assert [v.claim.id for v in verdicts] == ["demo-1"]
    assert list(verdicts[0].outcomes.values()) == ["not testable here", "not testable here", "not asked"]
