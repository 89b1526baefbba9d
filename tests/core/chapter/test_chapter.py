from __future__ import annotations

import json
import os
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from matplotlib import pyplot as plt

from helpers.chapter import Chapter
from helpers.chapter.records import glued_names
from helpers.claims import load_results
from helpers.data.types import Provenance
from helpers.errors import ClaimError, ParameterError
from helpers.plots import SvgChart

DIFFERENCE = "CCLE.cv.Net-Forest.AUCROC"


@pytest.fixture
def chapter(project, parameters, panel):
    chapter = Chapter.begin("01_demo", parameters, root=project)
    chapter.use(panel)
    return chapter


# Parameters, device, seeds


def test_begin_takes_title_and_settings(chapter, parameters):
    assert chapter.title == "[Re] A demo"
    assert (chapter.profile, chapter.data, chapter.device, chapter.jobs, chapter.seed) == (
        "quick",
        "auto",
        "cpu",
        2,
        3,
    )
    assert chapter.out == Path(parameters["out"])


def test_a_session_by_hand_writes_beside_the_runs(project, parameters):
    chapter = Chapter.begin("01_demo", parameters | {"out": ""}, root=project)
    assert chapter.out == project / "runs" / "interactive"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"device": "tpu"}, "unknown device 'tpu'; one of auto, cpu, cuda"),
        ({"data": "real"}, "unknown data tier 'real'"),
        ({"jobs": 0}, "jobs must be a whole number of at least 1, got 0"),
        ({"jobs": 1.5}, "jobs must be"),
        ({"jobs": True}, "jobs must be"),
        ({"seed": -1}, "seed must be"),
        ({"profile": ""}, "profile must be a name"),
    ],
)
def test_unusable_parameters_are_refused(project, parameters, change, message):
    with pytest.raises(ParameterError, match=message):
        Chapter.begin("01_demo", parameters | change, root=project)


def test_missing_parameter_and_unknown_chapter_are_refused(project, parameters):
    with pytest.raises(ParameterError, match=r"no chapter '09_none'.*known chapters: 01_demo"):
        Chapter.begin("09_none", parameters, root=project)
    del parameters["seed"]
    with pytest.raises(ParameterError, match=r"parameters lack \['seed'\]"):
        Chapter.begin("01_demo", parameters, root=project)


def test_cuda_is_refused_where_there_is_none(project, parameters, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ParameterError, match="sees no CUDA device"):
        Chapter.begin("01_demo", parameters | {"device": "cuda"}, root=project)
    assert Chapter.begin("01_demo", parameters | {"device": "auto"}, root=project).device == "cpu"


def test_begin_seeds_and_limits_threads(project, parameters):
    draws = []
    for _ in range(2):
        Chapter.begin("01_demo", parameters, root=project)
        draws.append((np.random.rand(), torch.rand(1).item()))  # noqa: NPY002 - the global state is tested
    assert draws[0] == draws[1]
    assert torch.get_num_threads() == 1
    assert os.environ["OMP_NUM_THREADS"] == "1"


# Data


def test_use_shows_counts_tier_and_notes(project, parameters, response_data, panel):
    chapter = Chapter.begin("01_demo", parameters, root=project)
    html = chapter.use(response_data)._repr_html_()
    assert "3 lines, 2 drugs, 3 pairs, 4 genes" in html
    assert "panel" in html
    assert "Simulated" not in html
    assert "2 lines dropped: no &lt;expression&gt;." in chapter.use(panel)._repr_html_()


def test_simulated_data_show_a_banner_unless_simulated_on_purpose(chapter, simulated):
    assert "Simulated data" not in repr(chapter.use(simulated, method_check=True))
    assert "⚠ Simulated data: GDSC stands in" in repr(chapter.use(simulated))


def test_one_data_set_on_two_tiers_is_refused(chapter, simulated):
    simulated.name = "CCLE"
    with pytest.raises(ParameterError, match="CCLE is in use on the panel tier"):
        chapter.use(simulated)


# Results


def test_record_fills_published_data_set_and_tier(chapter):
    chapter.record("CCLE.cv.Net.AUCROC", np.float64(0.94), low=np.float32(0.5), high=1, n=np.int64(5))
    result = chapter.result("CCLE.cv.Net.AUCROC")
    assert (result.value, result.low, result.high, result.n) == (0.94, 0.5, 1.0, 5)
    assert (result.published, result.dataset, result.tier) == (0.95, "CCLE", "panel")
    assert type(result.value) is float
    assert chapter.record("CCLE.cv.Net.F1", float("nan")).value is None
    assert chapter.record("other", 3).published is None


def test_the_median_is_compared_with_the_published_median(chapter):
    assert chapter.record("CCLE.cv.Net.AUCROC", 0.9, published_field="median").published == 0.96
    with pytest.raises(ParameterError, match="no 'median'"):
        chapter.record("CCLE.cv.Net.F1", 0.9, published_field="median")


def test_a_result_without_data_set_carries_the_least_real_tier(chapter, simulated):
    chapter.use(simulated, method_check=True)
    assert chapter.record("a", 1.0).tier == "panel"
    assert chapter.record("GDSC.check", 1.0).tier == "simulated"
    chapter.use(type(simulated)("OTHER", simulated.provenance))
    assert chapter.record("b", 1.0).tier == "simulated"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"value": "0.9"}, "value must be one number, got str"),
        ({"value": np.zeros(2)}, "value must be one number, got ndarray"),
        ({"value": 1, "low": 2, "high": 1}, "low 2.0 exceeds high 1.0"),
        ({"value": 1, "p": 1.2}, "p = 1.2 is not a probability"),
        ({"value": 1, "tolerance": -1}, "tolerance -1.0 is negative"),
        ({"value": 1, "dataset": "NONE"}, "data set 'NONE' is not in use"),
    ],
)
def test_contradictory_records_are_refused(chapter, arguments, message):
    with pytest.raises(ParameterError, match=message):
        chapter.record("x", **arguments)
    assert "x" not in chapter.results


def test_ids_are_unique_and_unknown_ids_are_refused(chapter, project, parameters):
    chapter.record("CCLE.cv.Net.AUCROC", 1)
    with pytest.raises(ParameterError, match="recorded already"):
        chapter.record("CCLE.cv.Net.AUCROC", 1)
    with pytest.raises(ParameterError, match=r"no result 'CCLE.cv.Net.F1'.*CCLE.cv.Net.AUCROC"):
        chapter.result("CCLE.cv.Net.F1")
    with pytest.raises(ParameterError, match="no data are in use"):
        Chapter.begin("01_demo", parameters, root=project).record("x", 1)


def test_compare_table_shows_published_ours_difference_and_tier(chapter):
    chapter.record("CCLE.cv.Net.AUCROC", 0.94, low=0.9, high=0.98, n=5)
    chapter.record("extra", 0.5)
    table = chapter.compare_table({"Network": "CCLE.cv.Net.AUCROC", "Extra": "extra"}, "Figure 1.")
    assert list(table.data.loc["Network"]) == ["0.950", "0.940", "-0.010", "[0.900, 0.980]", "5"]
    assert list(table.data.loc["Extra"]) == ["–", "0.500", "–", "–", "–"]
    html = table.to_html()
    assert "CCLE: panel" in html
    assert (
        html
        == chapter.compare_table({"Network": "CCLE.cv.Net.AUCROC", "Extra": "extra"}, "Figure 1.").to_html()
    )
    assert list(chapter.compare_table(["extra"], "x").data.index) == ["extra"]


# Figures, checkpoints, progress


def test_a_figure_is_saved_closed_and_captioned(chapter):
    figure, axes = plt.subplots()
    axes.plot([0, 1])
    axes.set(title="Error falls", xlabel="epoch", ylabel="MSE")
    card = chapter.figure(figure, "line", "A line.", table=pd.DataFrame({"epoch": [0, 1]}))
    folder = chapter.out / "figures"
    assert sorted(path.name for path in folder.iterdir()) == ["01_line.csv", "01_line.svg"]
    assert (folder / "01_line.csv").read_text(encoding="utf-8").split() == ["epoch", "0", "1"]
    assert card.caption == "A line. Input: CCLE (panel)."
    assert 'aria-label="Error falls. Across: epoch, from 0.0 to 1.0. Upwards: MSE' in card._repr_html_()
    assert not plt.fignum_exists(figure.number)
    chart = SvgChart('<svg xmlns="http://www.w3.org/2000/svg"></svg>')
    chapter.figure(chart, "chart", "A chart.")
    assert (folder / "01_chart.svg").read_text(encoding="utf-8") == chart.svg
    assert [figure.file for figure in chapter.snapshot().figures] == [
        "figures/01_line.svg",
        "figures/01_chart.svg",
    ]


def test_a_caption_names_the_inputs_of_its_figure_only(chapter):
    chapter.use(SimpleNamespace(name="GDSC", provenance=Provenance(tier="panel")))
    chapter.use(SimpleNamespace(name="planted", provenance=Provenance(tier="simulated")), method_check=True)
    chart = SvgChart("<svg></svg>")
    inputs = {
        name: chapter.figure(chart, name, caption, **options).caption.partition("Input: ")[2]
        for name, caption, options in (
            ("a", "Drugs of GDSC.", {}),
            ("b", "All of them; CCLE2 is none.", {}),
            ("c", "The planted truth.", {}),
            ("d", "GDSC.", {"inputs": ["CCLE"]}),
        )
    }
    assert inputs == {
        "a": "GDSC (panel).",
        "b": "CCLE (panel); GDSC (panel).",
        "c": "planted (simulated).",
        "d": "CCLE (panel).",
    }
    with pytest.raises(ParameterError, match=r"'gone'.* not in use"):
        chapter.figure(chart, "e", "x", inputs=["gone"])


def test_equal_figures_are_equal_files(chapter):
    texts = []
    for _ in range(2):
        figure, axes = plt.subplots()
        axes.plot([0, 1])
        chapter.figure(figure, "line", "A line.")
        texts.append((chapter.out / "figures" / "01_line.svg").read_bytes())
    assert texts[0] == texts[1]


@pytest.mark.parametrize("name", ["../x", "a b", ""])
def test_names_that_leave_the_folder_are_refused(chapter, name):
    with pytest.raises(ParameterError, match="must be letters"):
        chapter.figure(SvgChart("<svg/>"), name, "x")


def test_memory_and_checkpoints_outlive_a_killed_run(chapter, project, parameters):
    calls = []

    def slow(x):
        calls.append(x)
        return 2 * x

    assert chapter.memory.cache(slow)(2) == 4
    again = Chapter.begin("01_demo", parameters, root=project)
    assert again.memory.cache(slow)(2) == 4
    assert calls == [2]


def test_progress_goes_to_the_error_stream_only(chapter, capsys):
    assert list(chapter.progress(range(3), "fits")) == [0, 1, 2]
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "fits:   0%" in captured.err
    assert "0/3" in captured.err


def test_report_draws_a_bar_for_each_thing_reported(chapter, capsys):
    for done in (1, 2, 4):
        chapter.report("search", done, 4)
    chapter.report("fits", 1, 2)
    chapter.report("fits", 2, 2)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "search:   0%" in captured.err
    assert "fits:   0%" in captured.err
    assert captured.err.endswith("\r")  # the last bar has wiped itself out


# Verdicts and displays


def test_header_names_paper_claims_and_profile_before_there_are_results(chapter):
    text = repr(chapter.header())
    assert "A. Author (2020). A <title>" in text
    assert "The network beats the forest." in text
    assert "Profile: quick" in text


@pytest.mark.parametrize(
    ("id", "value", "limits", "message"),
    [
        ("CCLE.cv.Net.MAE", 0.80, (0.669, 0.771), "outside its interval, high = 0.771"),
        ("CCLE.cv.Net.MAE", 0.60, (0.669, 0.771), "outside its interval, low = 0.669"),
        ("CCLE.cv.Net.Recall", 0.98, (0.9, 1.085), r"high = 1.085 leaves \[0, 1\]"),
        ("CCLE.cv.Net.rho", -0.9, (-1.2, -0.5), r"low = -1.2 leaves \[-1, 1\]"),
    ],
)
def test_an_interval_holds_its_value_and_keeps_to_its_bounds(chapter, id, value, limits, message):
    with pytest.raises(ParameterError, match=message):
        chapter.record(id, value, low=limits[0], high=limits[1])
    chapter.record(f"{id} error", value, low=value, high=value)
    chapter.record("CCLE.cv.Net-Forest.Recall", 0.1, low=-1.2, high=1.4, unit="difference")


@pytest.mark.parametrize(
    ("value", "outcome"), [(0.5, "holds"), (0.001, "fails"), (None, "not testable here")]
)
def test_verdicts_follow_from_what_is_recorded(chapter, value, outcome):
    if value is not None:
        chapter.record(DIFFERENCE, value)
    assert chapter.judge()[0].repeated.outcome == outcome
    html = chapter.verdicts()._repr_html_()
    assert f'data-repeated="{outcome}"' in html
    assert 'id="claim-demo-1"' in html
    assert "Better by the tolerance." in html


def test_deviations_show_the_result_that_tests_them(chapter):
    assert "7 split: leak. kept CCLE.cv.Net.AUCROC 8 seed: noise. fixed not tested" in repr(
        chapter.deviations()
    )
    chapter.record("CCLE.cv.Net.AUCROC", 0.94, low=0.9, high=0.98)
    assert "Net AUCROC (CCLE, cv) = 0.940 [0.900, 0.980]" in repr(chapter.deviations())


def test_a_chapter_without_claims_says_so(chapter, project):
    (project / "data/demo/claims.yml").unlink()
    with pytest.raises(ClaimError, match="no claims of chapter '01_demo'"):
        chapter.header()


# The file of results


def test_an_execution_by_the_command_writes_to_its_attempt(project, parameters, panel, tmp_path, monkeypatch):
    monkeypatch.setenv("HELPERS_ATTEMPT", str(tmp_path / "attempt"))
    chapter = Chapter.begin("01_demo", parameters, root=project)
    chapter.use(panel)
    chapter.figure(plt.figure(), "a", "A.")
    chapter.finish()
    written = {p.relative_to(tmp_path / "attempt").as_posix() for p in (tmp_path / "attempt").rglob("*.*")}
    assert written == {"results/01_demo.json", "figures/01_a.svg"}
    assert not (chapter.out / "results").exists()


def test_finish_writes_what_the_readers_read(chapter):
    chapter.record("CCLE.cv.Net.AUCROC", 0.1 + 0.2, n=5)
    card = repr(chapter.finish())
    run = load_results(chapter.out)["01_demo"]
    assert run.results == chapter.results
    assert run.tiers == {"CCLE": "panel"}
    assert [(file.name, file.sha256) for file in run.inputs] == [("ccle.csv", "ab" * 32)]
    assert run.parameters["folds"] == 5
    assert "out" not in run.parameters
    assert run.times["wall_seconds"] > 0
    assert "2 x 1 thread" in card
    assert "ccle.csv" in card


def test_two_equal_runs_differ_only_in_times(project, parameters, panel, tmp_path):
    contents = []
    for out in ("one", "two"):
        chapter = Chapter.begin("01_demo", parameters | {"out": str(tmp_path / out)}, root=project)
        chapter.use(panel)
        chapter.record("b", 1 / 3)
        chapter.record("a", np.random.rand())  # noqa: NPY002 - the global state is what begin seeds
        chapter.finish()
        content = json.loads((tmp_path / out / "results" / "01_demo.json").read_text(encoding="utf-8"))
        contents.append({key: value for key, value in content.items() if key != "times"})
    assert contents[0] == contents[1]


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_an_earlier_file_survives_a_full_disk_and_an_interrupt(chapter, monkeypatch, error):
    chapter.record("a", 1)
    chapter.finish()
    path = chapter.out / "results" / "01_demo.json"
    before = path.read_bytes()

    def refuse(_):
        raise error

    chapter.record("b", 2)
    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(type(error)):
        chapter.finish()
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == ["01_demo.json"]


def test_only_what_the_prose_cites_becomes_an_output():
    script = "# %% [markdown]\n# {glue}`a.b` and {glue:text}`c of\n# d.interval:.2f`\n\n# %%\nx = 1\n"
    assert glued_names(script) == {"a.b", "c of d.interval"}
