"""What a run wrote is what counts: files that are gone, changed or of no run are named."""

from __future__ import annotations

import json

import pytest

from helpers.errors import RunError
from helpers.run.execute import run_notebooks
from helpers.run.plan import RunOptions
from helpers.run.seal import check_seal, load_sealed

SMOKE = RunOptions(profile="smoke")


def flip(path):
    """Flip one bit in the middle of a file."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


DAMAGE = [
    ("gone", lambda path: path.unlink(), "is gone"),
    ("a flipped bit", flip, "was changed after it was written"),
    ("empty", lambda path: path.write_bytes(b""), "was changed after it was written"),
]


@pytest.mark.parametrize("damage", [d[1:] for d in DAMAGE], ids=[d[0] for d in DAMAGE])
def test_every_file_is_checked_and_computed_again(toy, damage):
    change, words = damage
    figure = """
folder = Path(os.environ["HELPERS_ATTEMPT"]) / "figures"
folder.mkdir()
(folder / "01_a.svg").write_text("<svg></svg>", encoding="utf-8")
"""
    toy.notebook("01_first", body=figure)
    run_notebooks(toy.root, SMOKE)
    check_seal(toy.folder)
    toy.calls()
    for name in ("results/01_first.json", "notebooks/01_first.ipynb", "figures/01_a.svg"):
        change(toy.folder / name)
        with pytest.raises(RunError, match=f"01_first: {name} {words}"):
            load_sealed(toy.folder)
        run_notebooks(toy.root, SMOKE)
        assert toy.calls() == ["01_first"]
        check_seal(toy.folder)


def test_no_flipped_bit_of_run_json_is_taken_for_what_was_written(toy):
    toy.notebook("01_first")
    run_notebooks(toy.root, SMOKE)
    path = toy.folder / "run.json"
    good = path.read_bytes()
    before = json.loads(good)
    for place in range(0, len(good), 3):
        damaged = bytearray(good)
        damaged[place] ^= 1
        path.write_bytes(damaged)
        try:
            load_sealed(toy.folder)
        except RunError:
            continue
        # Two bits apart in the layout alone, e.g. a blank for a line's end, the content is the same.
        assert {**json.loads(damaged), "sha256": ""} == {**before, "sha256": ""}


def test_results_of_no_run_are_named(toy):
    toy.notebook("01_first")
    run_notebooks(toy.root, SMOKE)
    toy.write_results(toy.folder, "09_gone", level={"value": 1.0})
    with pytest.raises(RunError, match=r"results/09_gone\.json: no notebook of this run wrote it"):
        load_sealed(toy.folder)


def test_figures_that_are_not_drawn_any_more_go(toy):
    body = """
folder = Path(os.environ["HELPERS_ATTEMPT"]) / "figures"
folder.mkdir()
(folder / "01_old.svg").write_text("<svg></svg>", encoding="utf-8")
"""
    path = toy.notebook("01_first", body=body)
    run_notebooks(toy.root, SMOKE)
    path.write_text(path.read_text(encoding="utf-8").replace("01_old", "01_new"), encoding="utf-8")
    run_notebooks(toy.root, SMOKE)
    assert [p.name for p in (toy.folder / "figures").iterdir()] == ["01_new.svg"]
    assert not (toy.folder / "attempts" / "01_first").exists()


def test_verdicts_are_not_computed_from_results_that_were_edited(toy):
    toy.notebook("01_first")
    toy.notebook("07_verdicts", tags=', "reads-results"')
    run_notebooks(toy.root, SMOKE)
    flip(toy.folder / "results" / "01_first.json")
    with pytest.raises(RunError, match=r"results/01_first\.json was changed"):
        run_notebooks(toy.root, RunOptions(profile="smoke", chapters=("07",), force=True))
    run_notebooks(toy.root, SMOKE)  # all of them: the damaged one is computed again first
    check_seal(toy.folder)


def test_a_run_of_an_earlier_version_is_run_again(toy):
    toy.notebook("01_first")
    run_notebooks(toy.root, SMOKE)
    content = toy.record()
    del content["sha256"], content["notebooks"]["01_first"]["outputs"]
    (toy.folder / "run.json").write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(RunError, match="holds no hash of its files"):
        load_sealed(toy.folder)
    toy.calls()
    run_notebooks(toy.root, SMOKE)
    assert toy.calls() == ["01_first"]
