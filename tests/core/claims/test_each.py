from __future__ import annotations

import pytest

from helpers.claims import load_claims
from helpers.errors import ClaimError

PUBLISHED = {"CCLE.cv.Net.AUCROC"}


def _conditions(content):
    return content["claims"][0]["verdicts"]["repeated"]["conditions"]


def _load(content, folder):
    rule = load_claims("01_demo", folder, published=PUBLISHED).claims[0].verdicts.repeated
    return [(condition.result, condition.label) for condition in rule.conditions]


def test_each_stands_for_its_conditions_the_first_placeholder_slowest(content, write):
    conditions = _conditions(content)
    conditions[0]["label"] = "before"
    each = {"model": ["Random Forest", "Elastic Net"], "metric": {"AUCROC": "AUROC", "F1": "F1 score"}}
    many = {
        "result": "CCLE.cv.Net-{model}.{metric} (Welch)",
        "each": each,
        "p_below": 0.05,
        "sign": "positive",
    }
    conditions.append({**many, "label": "{metric} over {model}"})
    conditions.append({"result": "CCLE.units.{n}", "each": {"n": [5, 10]}, "above": 0})
    assert _load(content, write(content)) == [
        ("CCLE.cv.Net-Forest.AUCROC", "before"),
        ("CCLE.cv.Net-Random Forest.AUCROC (Welch)", "AUROC over Random Forest"),
        ("CCLE.cv.Net-Random Forest.F1 (Welch)", "F1 score over Random Forest"),
        ("CCLE.cv.Net-Elastic Net.AUCROC (Welch)", "AUROC over Elastic Net"),
        ("CCLE.cv.Net-Elastic Net.F1 (Welch)", "F1 score over Elastic Net"),
        ("CCLE.units.5", None),
        ("CCLE.units.10", None),
    ]
    loaded = load_claims("01_demo", write(content), published=PUBLISHED).claims[0].verdicts.repeated
    assert {(c.kind, c.p_below) for c in loaded.conditions[1:5]} == {("test", 0.05)}


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ({"result": "A.{model}.F1"}, r"result 'A.\{model\}.F1' names \{model\}; each has none"),
        (
            {"result": "A.{metric}", "each": {"model": ["x"]}},
            r"result 'A.\{metric\}' names \{metric\}; each has \{model\}",
        ),
        (
            {"result": "A.{model}", "label": "{metric} on A", "each": {"model": ["x"]}},
            r"label '\{metric\} on A' names \{metric\}",
        ),
        ({"result": "A.F1", "each": {"model": ["x"]}}, r"each gives \{model\}, which result 'A.F1'"),
        (
            {"result": "A.F1", "label": "{model}", "each": {"model": ["x"]}},
            r"each gives \{model\}, which result 'A.F1'",
        ),
        ({"result": "A.{model}", "each": ["x"]}, "each must map placeholders to their words"),
        ({"result": "A.{model}", "each": {}}, r"result 'A.\{model\}' names \{model\}|each must map"),
        ({"result": "A.{model}", "each": {"model": []}}, r"\{model\} needs a list of words"),
        ({"result": "A.{model}", "each": {"model": "x"}}, r"\{model\} needs a list of words"),
        ({"result": "A.{model}", "each": {"model": [True]}}, r"\{model\} needs a list of words"),
        ({"result": "A.{model}", "each": {"model": {"x": None}}}, r"\{model\} needs a list of words"),
        ({"result": "A.{model}", "each": {"model": ["x", "x"]}}, r"\{model\} has a word twice"),
    ],
)
def test_each_that_cannot_be_written_out_is_refused_with_file_and_place(content, write, condition, message):
    _conditions(content).append({"above": 0, **condition})
    folder = write(content)
    with pytest.raises(ClaimError, match=message) as caught:
        load_claims("01_demo", folder, published=PUBLISHED)
    assert "claims_01_demo.yml" in str(caught.value)
    assert "claims.0.verdicts.repeated.conditions" in str(caught.value)
