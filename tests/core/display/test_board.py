from __future__ import annotations

import copy
from html.parser import HTMLParser

import pytest

from helpers.claims import Claim, Result, judge
from helpers.display.board import board_html, chips_html, summary, verdict_report


class Page(HTMLParser):
    """Collect what a reader of the board relies on, and check that tags are closed in order."""

    def __init__(self, html):
        super().__init__()
        self.open, self.tags, self.text = [], [], []
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in {"br", "img"}:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.text.append(data)


@pytest.fixture
def verdicts(content):
    made = []
    for number, value in enumerate((0.5, 0.001, None)):
        raw = copy.deepcopy(content["claims"][0])
        raw |= {"id": f"demo-{number}", "claim": f"Claim <{number}> & more.", "matters": content["matters"]}
        limits = {} if value is None else {"low": value - 0.02, "high": value + 0.02}
        one = Result(value=value, tier="panel", **limits)
        results = {} if value is None else {"CCLE.cv.Net-Forest.AUCROC": one}
        made.append(judge(Claim(**raw, chapter="01_demo"), results, {"CCLE": "panel"}))
    return made


def test_html_shows_every_claim_with_word_symbol_reason_and_link(verdicts):
    page = Page(board_html(verdicts, {"demo-0": "01.html#a&b"}))
    assert [v.outcomes["repeated"] for v in verdicts] == ["holds", "fails", "not testable here"]
    rows = [attrs["data-claim"] for tag, attrs in page.tags if tag == "tr" and "data-claim" in attrs]
    assert rows == ["demo-0", "demo-1", "demo-2"]
    assert "Claim <0> & more." in page.text
    chips = [
        attrs for _, attrs in page.tags if attrs.get("class", "").startswith("hv-chip") and "title" in attrs
    ]
    assert len(chips) == 9
    assert chips[0]["title"].startswith(verdicts[0].repeated.reason)
    assert chips[0]["href"] == "01.html#a&b"
    assert "href" not in chips[3]
    text = "".join(page.text)
    for symbol, word in (("✔", "holds"), ("✘", "fails"), ("–", "not testable here")):
        assert f"{symbol} {word}" in text
    # The numbers are text too, for a screen reader and for a touch screen.
    assert "+0.001 [-0.019, +0.021]" in text


def test_html_groups_claims_by_chapter_below_their_counts(verdicts):
    page = Page(board_html(verdicts, titles={"01_demo": "A chapter <1>"}))
    rows = [attrs for tag, attrs in page.tags if tag == "tr"]
    ids = [row.get("id") or row.get("data-claim") for row in rows]
    assert [id for id in ids if id] == ["chapter-01_demo", "demo-0", "demo-1", "demo-2"]
    assert "#chapter-01_demo" in [attrs.get("href") for _, attrs in page.tags]
    text = "".join(page.text)
    assert "A chapter <1>Repeated✔ 1 ✘ 1 – 1Sound✔ 1 ≈ 1 – 1Survives· 3" in text


@pytest.mark.parametrize("make", [board_html, chips_html])
def test_html_needs_no_script_and_nothing_from_outside(verdicts, make):
    html = make(verdicts)
    page = Page(html)
    assert not {tag for tag, _ in page.tags} & {"script", "link", "iframe", "img", "object"}
    assert not [name for _, attrs in page.tags for name in attrs if name.startswith("on")]
    assert "url(" not in html
    assert "@import" not in html


def test_summary_counts_outcomes_apart_and_never_mixes_claims(verdicts, content):
    assert summary(verdicts) == (
        "Of 3 findings of the papers that something works, with corrected statistics: 1 hold, 1 cannot be "
        "resolved, 1 not testable on this input."
    )
    ours = copy.deepcopy(content["claims"][0]) | {"whose": "ours", "polarity": "failure"}
    claim = Claim(**ours, matters=content["matters"], chapter="01_demo")
    mixed = summary([*verdicts, judge(claim, {}, {"CCLE": "panel"})])
    assert mixed.startswith(summary(verdicts))
    assert "Of 1 tests of ours that something does not work" in mixed
    assert summary([]) == "No claims are registered."


def test_evidence_draws_every_condition_that_has_an_interval(verdicts):
    page = Page(verdict_report(verdicts).html)
    plots = [attrs for tag, attrs in page.tags if tag == "svg"]
    assert len(plots) == 4  # repeated and sound of the two claims with a result
    text = "".join(page.text)
    assert "Smallest visible: here" in text
    assert "a finding of the paper (that something works)" in text


def test_chips_name_the_part(verdicts):
    text = "".join(Page(chips_html(verdicts[:1])).text)
    assert "✔ Repeated: holds" in text
    assert "· Survives: not asked" in text
