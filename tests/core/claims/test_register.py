from __future__ import annotations

import copy
import json

import pytest
import yaml

from helpers.claims import load_claims, load_published, load_register
from helpers.errors import ClaimError

PUBLISHED = {"CCLE.cv.Net.AUCROC"}


def test_reads_a_file_as_written(content, write):
    chapter = load_claims("01_demo", write(content), published=PUBLISHED)
    claim = chapter.claims[0]
    assert (chapter.chapter, claim.chapter, claim.id) == ("01_demo", "01_demo", "demo-1")
    assert chapter.paper.link == "https://doi.org/10.1/x"
    condition = claim.verdicts.repeated.conditions[0]
    assert (condition.kind, condition.above, condition.below, condition.tolerance) == ("point", 0, None, 0.01)
    assert claim.verdicts.sound.conditions[0].kind == "estimate"
    assert claim.matters["AUROC"].difference == 0.01
    assert claim.verdicts.sound.require == "all"
    assert claim.verdicts.survives.not_applicable == "the paper left out no baseline"
    assert [row.tested for row in chapter.deviations] == ["CCLE.cv.Net-Forest.AUCROC", None]


def test_register_is_sorted_by_chapter(content, write):
    other = copy.deepcopy(content)
    other["chapter"], other["claims"][0]["id"] = "00_first", "first-1"
    write(content)
    folder = write(other, "00_first")
    assert list(load_register(folder, published=PUBLISHED)) == ["00_first", "01_demo"]


def _set(path, value):
    def change(content):
        for key in path[:-1]:
            content = content[key]
        content[path[-1]] = value

    return change


def _drop(*path):
    def change(content):
        for key in path[:-1]:
            content = content[key]
        del content[path[-1]]

    return change


RULES = ("claims", 0, "verdicts")
CONDITION = (*RULES, "repeated", "conditions", 0)
SOUND = (*RULES, "sound", "conditions", 0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_set((*CONDITION, "beyond"), 1), r"conditions\.0\.beyond.*Extra inputs"),
        (_set(("colour",), "red"), "colour: Extra inputs"),
        (_drop(*CONDITION, "above"), "exactly one of above, below, near, p_below; it has none"),
        (_set((*CONDITION, "below"), 1), r"exactly one of .* it has \['above', 'below'\]"),
        (_set((*SOUND, "p_below"), 0.05), "exactly one of"),
        (_set((*SOUND,), {"result": "x", "p_below": 0.05}), "p_below and sign together"),
        (_set((*SOUND,), {"result": "x", "near": 0}), "says near, so it needs matters"),
        (_set((*SOUND, "tolerance"), 0.1), "tolerance and point are for bare values"),
        (_drop(*SOUND, "matters"), "sound: the condition on .* is judged without an interval"),
        (_set((*SOUND, "matters"), "hours"), r"sound: matters 'hours' is not among .*\['AUROC'\]"),
        (_set((*SOUND, "published"), ["CCLE.cv.Net.AUCROC", "CCLE.cv.None.F1"]), "demo-1.*CCLE.cv.None.F1"),
        (_set(("claims", 0, "whose"), "nobody"), "whose: Input should be 'paper', 'announced' or 'ours'"),
        (_drop("claims", 0, "polarity"), "polarity: Field required"),
        (_set(("claims", 0, "readings"), [{"name": "a", "words": {"m": "x"}}]), r"no result .* names \{m\}"),
        (_set(("gains",), [{"result": "x", "above": 0, "matters": "AUROC"}]), "gains: 'x' needs .* a label"),
        (_set(("gains",), [{"result": "x", "above": 0, "label": "L", "matters": "F1"}]), "gains: 'x' needs"),
        (_set(("matters", "AUROC", "difference"), -1), "greater than or equal to 0"),
        (_drop(*RULES, "sound"), r"verdicts\.sound: Field required"),
        (_set((*RULES, "sound", "conditions"), []), r"verdicts\.sound: .*at least one condition"),
        (_set((*RULES, "sound", "not_applicable"), "x"), "not_applicable excludes conditions"),
        (_drop(*RULES, "sound", "rule"), r"verdicts\.sound: .*needs a rule"),
        (_set((*RULES, "sound", "require"), "most"), "require: Input should be 'all', 'any' or 'majority'"),
        (_set(("claims", 0, "needs"), ["simulated"]), "Input should be 'panel' or 'paper'"),
        (_set(("claims", 0, "id"), "no spaces"), r"claims\.0\.id: String should match"),
        (_set(("claims", 0, "published"), ["CCLE.cv.None.F1"]), "demo-1.*CCLE.cv.None.F1"),
        (_set(("claims", 0, "chapter"), "02_other"), "a claim names another one"),
        (_drop("paper", "title"), r"paper\.title: Field required"),
    ],
)
def test_malformed_claims_are_refused(content, write, change, message):
    change(content)
    with pytest.raises(ClaimError, match=message):
        load_claims("01_demo", write(content), published=PUBLISHED)


def test_duplicate_ids_are_refused_within_a_file_and_between_files(content, write, tmp_path):
    other = copy.deepcopy(content)
    other["chapter"] = "02_other"
    write(content)
    with pytest.raises(ClaimError, match="'demo-1' occurs twice"):
        load_register(write(other, "02_other"), published=PUBLISHED)
    content["claims"].append(content["claims"][0])
    with pytest.raises(ClaimError, match="'demo-1' occurs twice"):
        load_claims("01_demo", write(yaml.safe_load(yaml.safe_dump(content))), published=PUBLISHED)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("chapter: [", "not valid YAML"),
        ("chapter: 01_demo\nchapter: 01_demo\n", "key 'chapter' stands twice"),
        ("- 1\n", "not a valid claims file"),
        ("", "not a valid claims file"),
    ],
)
def test_text_that_is_no_claims_file_is_refused(write, text, message):
    with pytest.raises(ClaimError, match=message):
        load_claims("01_demo", write(text), published=PUBLISHED)


def test_unknown_chapter_lists_the_known(content, write):
    with pytest.raises(ClaimError, match=r"no claims of chapter '09_none'.*01_demo"):
        load_claims("09_none", write(content), published=PUBLISHED)


def test_published_register_reads_all_files_and_ignores_further_columns(tmp_path):
    rows = [{"id": "a", "mean": 1, "median": 0.5, "source": "table 1", "colour": "red"}]
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    (tmp_path / "one" / "published.json").write_text(json.dumps(rows), encoding="utf-8")
    (tmp_path / "two" / "published.json").write_text(
        json.dumps([{"id": "b", "mean": None, "source": "table 2"}]), encoding="utf-8"
    )
    register = load_published(tmp_path)
    assert (register["a"].mean, register["a"].median, register["b"].mean) == (1.0, 0.5, None)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not valid JSON"),
        ("{}", "must hold a list"),
        ('[{"id": "a"}]', "entry 0, source: Field required"),
        ('[{"id": "a", "source": "t"}, {"id": "a", "source": "t"}]', "'a' occurs twice"),
    ],
)
def test_malformed_published_files_are_refused(tmp_path, text, message):
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "published.json").write_text(text, encoding="utf-8")
    with pytest.raises(ClaimError, match=message):
        load_published(tmp_path)


def test_the_projects_own_registers_load():
    published = load_published()
    assert published["CCLE.nested_cv.RefDNN.AUCROC"].mean == pytest.approx(0.954252)
    assert published["GDSC.lodocv.RefDNN.AUCROC"].median == pytest.approx(0.72892)
    load_register()
