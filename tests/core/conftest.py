from __future__ import annotations

import copy

import pytest
import yaml

CLAIMS = {
    "chapter": "01_demo",
    "paper": {"key": "a2020", "title": "A title", "authors": "A. Author", "year": 2020, "doi": "10.1/x"},
    "matters": {"AUROC": {"difference": 0.01, "reason": "half the gap between two seeds"}},
    "claims": [
        {
            "id": "demo-1",
            "claim": "The network beats the forest.",
            "whose": "paper",
            "polarity": "success",
            "source": "A 2020, figure 1",
            "published": ["CCLE.cv.Net.AUCROC"],
            "compared": "network with forest in the same folds",
            "datasets": ["CCLE"],
            "needs": ["panel", "paper"],
            "verdicts": {
                "repeated": {
                    "rule": "The mean difference exceeds the tolerance.",
                    "conditions": [{"result": "CCLE.cv.Net-Forest.AUCROC", "above": 0, "tolerance": 0.01}],
                },
                "sound": {
                    "rule": "The interval lies above zero.",
                    "conditions": [
                        {"result": "CCLE.cv.Net-Forest.AUCROC", "above": 0, "matters": "AUROC"},
                    ],
                },
                "survives": {"not_applicable": "the paper left out no baseline"},
            },
        }
    ],
    "deviations": [
        {"point": "1", "what": "w", "why": "y", "choice": "c", "tested": "CCLE.cv.Net-Forest.AUCROC"},
        {"point": "2", "what": "w2", "why": "y2", "choice": "c2"},
    ],
}


@pytest.fixture
def content():
    """A valid claims file, free to change."""
    return copy.deepcopy(CLAIMS)


@pytest.fixture
def write(tmp_path):
    """Write a claims file and return its folder."""

    def _write(content, name="01_demo"):
        text = content if isinstance(content, str) else yaml.safe_dump(content, sort_keys=False)
        (tmp_path / "demo").mkdir(exist_ok=True)
        (tmp_path / "demo" / f"claims_{name}.yml").write_text(text, encoding="utf-8")
        return tmp_path

    return _write
