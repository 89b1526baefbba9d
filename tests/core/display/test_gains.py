"""The common figure of all papers: gains in units of what would matter."""

from __future__ import annotations

import copy

import pytest

from helpers.claims import ChapterClaims, ChapterResults, Result
from helpers.claims.gains import judge_gains
from helpers.display.gains import findings, gains_html

RESULT = "CCLE.cv.Net-strongest"
GAINS = [
    {"result": f"{RESULT}.AUROC", "above": 0, "matters": "AUROC", "label": "CCLE, AUROC"},
    {"result": f"{RESULT}.MAE", "below": 0, "matters": "MAE", "label": "CCLE, error"},
    {"result": f"{RESULT}.absent", "above": 0, "matters": "AUROC", "label": "not computed"},
]


@pytest.fixture
def judged(content):
    content["matters"]["MAE"] = {"difference": 0.1, "reason": "r"}
    register = {"01_demo": ChapterClaims.model_validate(content | {"gains": copy.deepcopy(GAINS)})}

    def _judge(**results):
        found = {f"CCLE.cv.Net-strongest.{name}": result for name, result in results.items()}
        empty = {name: {} for name in ("parameters", "tiers", "versions", "times")}
        empty |= {name: [] for name in ("inputs", "figures")}
        facts = dict.fromkeys(("title", "profile", "commit", "source", "device"), "x") | {"threads": 1}
        run = ChapterResults(schema_=1, chapter="01_demo", results=found, **empty, **facts)
        return judge_gains(register, {"01_demo": run}, {})

    return _judge


def test_gains_are_in_units_of_what_matters_and_point_towards_the_network(judged):
    auroc = Result(value=0.02, low=0.01, high=0.03, n=5, tier="panel")
    mae = Result(value=-0.05, low=-0.2, high=0.1, n=5, tier="panel")
    first, second = judged(AUROC=auroc, MAE=mae)
    assert first.scaled == pytest.approx((2, 1, 3))
    assert second.scaled == pytest.approx((0.5, -1, 2))
    assert (first.check.outcome, second.check.outcome) == ("holds", "unresolved")
    html = gains_html([first, second], {"01_demo": "A <title>"}).html
    assert "ahead of the strongest simple model in 1 of 2 comparisons" in html
    assert "A &lt;title&gt;" in html
    assert html.count("<svg") == 2


def test_what_cannot_be_drawn_is_left_out(judged):
    simulated = Result(value=0.02, low=0.01, high=0.03, tier="simulated")
    bare = Result(value=-0.05, tier="panel")
    assert judged(AUROC=simulated, MAE=bare) == []
    assert "No comparison" in gains_html([], {}).html


def test_findings_say_what_could_have_been_seen(judged):
    sharp = Result(value=0.0, low=-0.002, high=0.002, tier="panel")
    blunt = Result(value=0.0, low=-1.0, high=1.0, tier="panel")
    gains = judged(AUROC=sharp, MAE=blunt)
    assert [gain.check.outcome for gain in gains] == ["fails", "unresolved"]
    assert (
        "could have seen a gain of the size that would matter in 1 of 2 comparisons" in findings([], gains)[1]
    )
    assert findings([], []) == []
