"""Only a finished run on real data becomes the run of record, without paths of the machine."""

from __future__ import annotations

import json

import nbformat
import pytest

from helpers.errors import RunError
from helpers.run import NotebookState, RunState, read_source
from helpers.run.of_record import keep_as_record


@pytest.fixture
def finished(toy):
    """Give the toy project one chapter and a run folder in which it is done, on the panel."""
    toy.notebook("01_first")
    outputs = [
        nbformat.v4.new_output("stream", name="stdout", text="kept"),
        nbformat.v4.new_output("stream", name="stderr", text="Warning: dropped"),
    ]
    cell = nbformat.v4.new_code_cell(f'out = "{toy.folder}"', outputs=outputs)
    (toy.folder / "notebooks").mkdir(parents=True)
    (toy.folder / "results").mkdir()
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), toy.folder / "notebooks" / "01_first.ipynb")
    write_results(toy, "panel")
    entry = NotebookState(
        status="done",
        started="2020-01-01",
        parameters={"out": str(toy.folder)},
        fingerprint={"source": read_source(toy.root, "01_first").sha256},
    )
    RunState(profile="full", notebooks={"01_first": entry}).save(toy.folder)
    return toy


def write_results(toy, tier):
    result = {"value": 1.0, "tier": tier, "dataset": "CCLE", "published": 0.9}
    content = {"schema": 1, "chapter": "01_first", "title": "t", "profile": "full", "parameters": {}}
    content |= {"tiers": {"CCLE": tier}, "inputs": [], "commit": "0", "source": "0", "versions": {}}
    content |= {"device": "cpu", "threads": 1, "figures": [], "times": {}, "results": {"CCLE.a": result}}
    (toy.folder / "results" / "01_first.json").write_text(json.dumps(content), encoding="utf-8")


def test_the_record_holds_the_run_without_paths_and_messages(finished):
    target = keep_as_record(finished.root, finished.folder)
    assert target == finished.root / "book" / "record"
    names = {p.relative_to(target).as_posix() for p in target.rglob("*") if p.is_file()}
    assert names == {"run.json", "results/01_first.json", "notebooks/01_first.ipynb"}
    everything = "".join(p.read_text(encoding="utf-8") for p in target.rglob("*") if p.is_file())
    assert str(finished.root) not in everything
    assert 'out = \\"runs/smoke\\"' in everything
    assert "kept" in everything
    assert "dropped" not in everything
    assert RunState.load(target).notebooks["01_first"].status == "done"


def test_a_newer_record_replaces_the_older_one(finished):
    old = keep_as_record(finished.root, finished.folder) / "results" / "09_gone.json"
    old.write_text("{}", encoding="utf-8")
    keep_as_record(finished.root, finished.folder)
    assert not old.exists()


def test_an_unfinished_run_leaves_the_record_alone(finished):
    kept = keep_as_record(finished.root, finished.folder) / "run.json"
    finished.notebook("02_second")
    before = kept.read_text(encoding="utf-8")
    with pytest.raises(RunError, match="not finished in it: 02_second"):
        keep_as_record(finished.root, finished.folder)
    assert kept.read_text(encoding="utf-8") == before


def test_simulated_results_are_no_record(finished):
    write_results(finished, "simulated")
    with pytest.raises(RunError, match="simulated data stand in"):
        keep_as_record(finished.root, finished.folder)


def test_data_that_a_chapter_simulates_by_design_are_no_stand_in(finished):
    write_results(finished, "simulated")
    claims = finished.root / "data" / "toy"
    claims.mkdir(parents=True)
    part = {"not_applicable": "a toy"}
    chapter = {
        "chapter": "01_first",
        "paper": {"key": "a2020", "title": "T", "authors": "A", "year": 2020},
        "simulated": ["CCLE"],
        "claims": [
            {
                "id": "toy",
                "claim": "C.",
                "whose": "ours",
                "polarity": "success",
                "source": "S",
                "published": [],
                "compared": "c",
                "datasets": ["CCLE"],
            }
            | {"verdicts": {"repeated": part, "sound": part, "survives": part}}
        ],
    }
    (claims / "claims.yml").write_text(json.dumps(chapter), encoding="utf-8")
    assert keep_as_record(finished.root, finished.folder).is_dir()
