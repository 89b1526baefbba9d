from __future__ import annotations

import json

import pytest

from helpers.claims import load_results, read_results
from helpers.errors import RunError

# A file as version 1 of the schema wrote it; today's reader must go on opening it.
VERSION_1 = {
    "schema": 1,
    "chapter": "01_demo",
    "title": "Demo",
    "profile": "quick",
    "parameters": {"seed": 0},
    "tiers": {"CCLE": "panel"},
    "inputs": [{"name": "ccle.csv", "sha256": "00"}],
    "commit": "abc",
    "source": "def",
    "versions": {"python": "3.11.0"},
    "device": "cpu",
    "threads": 2,
    "results": {
        "CCLE.cv.Net.AUCROC": {
            "value": 0.1 + 0.2,
            "low": None,
            "high": None,
            "p": None,
            "n": 5,
            "seeds": None,
            "unit": None,
            "dataset": "CCLE",
            "tier": "panel",
            "published": 0.95,
            "tolerance": None,
            "note": None,
        }
    },
    "figures": [{"name": "f", "file": "figures/01_f.png", "caption": "F."}],
    "times": {"started": "2025-01-01T00:00:00+00:00", "wall_seconds": 1.5, "peak_memory_bytes": 10},
}


def test_a_file_is_read_and_written_back_unchanged(tmp_path):
    text = json.dumps(VERSION_1, indent=1, sort_keys=True) + "\n"
    (tmp_path / "01_demo.json").write_text(text, encoding="utf-8")
    chapter = load_results(tmp_path)["01_demo"]
    assert chapter.results["CCLE.cv.Net.AUCROC"].value == 0.1 + 0.2
    assert chapter.to_json() == text


def test_a_run_folder_stands_for_its_results(tmp_path):
    (tmp_path / "results").mkdir()
    assert load_results(tmp_path) == {}
    (tmp_path / "results" / "01_demo.json").write_text(json.dumps(VERSION_1), encoding="utf-8")
    assert list(load_results(tmp_path)) == ["01_demo"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not valid JSON"),
        ("[]", "schema 'list'"),
        (json.dumps(VERSION_1 | {"schema": 2}), "has schema 2"),
        (json.dumps({k: v for k, v in VERSION_1.items() if k != "tiers"}), "tiers: Field required"),
        (json.dumps(VERSION_1 | {"chapter": "02_other"}), "holds the results of '02_other'"),
    ],
)
def test_a_malformed_file_is_refused(tmp_path, text, message):
    (tmp_path / "01_demo.json").write_text(text, encoding="utf-8")
    with pytest.raises(RunError, match=message):
        load_results(tmp_path)


def test_a_missing_folder_or_file_is_refused(tmp_path):
    with pytest.raises(RunError, match="not a folder"):
        load_results(tmp_path / "none")
    with pytest.raises(RunError, match="cannot read"):
        read_results(tmp_path / "none.json")


def test_data_of_a_method_check_are_no_input_of_the_chapter(tmp_path):
    content = {"schema": 1, "chapter": "01_demo", "title": "t", "profile": "quick", "parameters": {}}
    content |= {"tiers": {"CCLE": "panel", "planted": "simulated"}, "method_checks": ["planted"]}
    content |= {"inputs": [], "commit": "0", "source": "0", "versions": {}, "device": "cpu", "threads": 1}
    content |= {"results": {}, "figures": [], "times": {}}
    path = tmp_path / "01_demo.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    assert read_results(path).input_tiers == {"CCLE": "panel"}
