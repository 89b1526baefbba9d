from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from matplotlib import pyplot as plt

from helpers.claims import load_results
from helpers.errors import ClaimError, ParameterError
from helpers.plots import SvgChart
from helpers.study import Study
from helpers.study.records import glued_names

DIFFERENCE = "CCLE.cv.Net-Forest.AUCROC"


@pytest.fixture
def study(project, parameters, panel):
    study = Study.begin("01_demo", parameters, root=project)
    study.use(panel)
    return study


# Parameters, device, seeds


def test_begin_takes_title_and_settings(study, parameters):
    assert study.title == "[Re] A demo"
    assert (study.profile, study.data, study.device, study.jobs, study.seed) == ("quick", "auto", "cpu", 2, 3)
    assert study.out == Path(parameters["out"])


def test_an_empty_out_means_the_profiles_run_folder(project, parameters):
    study = Study.begin("01_demo", parameters | {"out": ""}, root=project)
    assert study.out == project / "runs" / "quick"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"device": "tpu"}, "unknown device 'tpu'; one of auto, cpu, cuda"),
        ({"data": "real"}, "unknown data 'real'"),
        ({"jobs": 0}, "jobs must be a whole number of at least 1, got 0"),
        ({"jobs": 1.5}, "jobs must be"),
        ({"jobs": True}, "jobs must be"),
        ({"seed": -1}, "seed must be"),
        ({"profile": ""}, "profile must be a name"),
    ],
)
def test_unusable_parameters_are_refused(project, parameters, change, message):
    with pytest.raises(ParameterError, match=message):
        Study.begin("01_demo", parameters | change, root=project)


def test_missing_parameter_and_unknown_study_are_refused(project, parameters):
    with pytest.raises(ParameterError, match=r"no study '09_none'.*known studies: 01_demo"):
        Study.begin("09_none", parameters, root=project)
    del parameters["seed"]
    with pytest.raises(ParameterError, match=r"parameters lack \['seed'\]"):
        Study.begin("01_demo", parameters, root=project)


def test_cuda_is_refused_where_there_is_none(project, parameters, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ParameterError, match="sees no CUDA device"):
        Study.begin("01_demo", parameters | {"device": "cuda"}, root=project)
    assert Study.begin("01_demo", parameters | {"device": "auto"}, root=project).device == "cpu"


def test_begin_seeds_and_limits_threads(project, parameters):
    draws = []
    for _ in range(2):
        Study.begin("01_demo", parameters, root=project)
        draws.append((np.random.rand(), torch.rand(1).item()))  # noqa: NPY002 - the global state is tested
    assert draws[0] == draws[1]
    assert torch.get_num_threads() == 1
    assert os.environ["OMP_NUM_THREADS"] == "1"


# Data


def test_use_shows_counts_tier_and_notes(project, parameters, response_data, panel):
    study = Study.begin("01_demo", parameters, root=project)
    html = study.use(response_data)._repr_html_()
    assert "3 lines, 2 drugs, 3 pairs, 4 genes" in html
    assert "panel" in html
    assert "Simulated" not in html
    assert "2 lines dropped: no &lt;expression&gt;." in study.use(panel)._repr_html_()


def test_simulated_data_show_a_banner_unless_simulated_on_purpose(study, simulated):
    assert "Simulated data" not in repr(study.use(simulated, method_check=True))
    assert "⚠ Simulated data: GDSC stands in" in repr(study.use(simulated))


def test_one_data_set_on_two_tiers_is_refused(study, simulated):
    simulated.name = "CCLE"
    with pytest.raises(ParameterError, match="CCLE is in use on the panel tier"):
        study.use(simulated)


# Results


def test_record_fills_published_data_set_and_tier(study):
    study.record("CCLE.cv.Net.AUCROC", np.float64(0.94), low=np.float32(0.5), high=1, n=np.int64(5))
    result = study.result("CCLE.cv.Net.AUCROC")
    assert (result.value, result.low, result.high, result.n) == (0.94, 0.5, 1.0, 5)
    assert (result.published, result.dataset, result.tier) == (0.95, "CCLE", "panel")
    assert type(result.value) is float
    assert study.record("CCLE.cv.Net.F1", float("nan")).value is None
    assert study.record("other", 3).published is None


def test_the_median_is_compared_with_the_published_median(study):
    assert study.record("CCLE.cv.Net.AUCROC", 0.9, published_field="median").published == 0.96
    with pytest.raises(ParameterError, match="no 'median'"):
        study.record("CCLE.cv.Net.F1", 0.9, published_field="median")


def test_a_result_without_data_set_carries_the_least_real_tier(study, simulated):
    study.use(simulated, method_check=True)
    assert study.record("a", 1.0).tier == "panel"
    assert study.record("GDSC.check", 1.0).tier == "simulated"
    study.use(type(simulated)("OTHER", simulated.provenance))
    assert study.record("b", 1.0).tier == "simulated"


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
def test_contradictory_records_are_refused(study, arguments, message):
    with pytest.raises(ParameterError, match=message):
        study.record("x", **arguments)
    assert "x" not in study.results


def test_ids_are_unique_and_unknown_ids_are_refused(study, project, parameters):
    study.record("CCLE.cv.Net.AUCROC", 1)
    with pytest.raises(ParameterError, match="recorded already"):
        study.record("CCLE.cv.Net.AUCROC", 1)
    with pytest.raises(ParameterError, match=r"no result 'CCLE.cv.Net.F1'.*CCLE.cv.Net.AUCROC"):
        study.result("CCLE.cv.Net.F1")
    with pytest.raises(ParameterError, match="no data are in use"):
        Study.begin("01_demo", parameters, root=project).record("x", 1)


def test_compare_table_shows_published_ours_difference_and_tier(study):
    study.record("CCLE.cv.Net.AUCROC", 0.94, low=0.9, high=0.98, n=5)
    study.record("extra", 0.5)
    table = study.compare_table({"Network": "CCLE.cv.Net.AUCROC", "Extra": "extra"}, "Figure 1.")
    assert list(table.data.loc["Network"]) == ["0.950", "0.940", "-0.010", "[0.900, 0.980]", "5"]
    assert list(table.data.loc["Extra"]) == ["–", "0.500", "–", "–", "–"]
    html = table.to_html()
    assert "CCLE: panel" in html
    assert (
        html
        == study.compare_table({"Network": "CCLE.cv.Net.AUCROC", "Extra": "extra"}, "Figure 1.").to_html()
    )
    assert list(study.compare_table(["extra"], "x").data.index) == ["extra"]


# Figures, checkpoints, progress


def test_a_figure_is_saved_closed_and_captioned(study):
    figure, axes = plt.subplots()
    axes.plot([0, 1])
    card = study.figure(figure, "line", "A line.")
    folder = study.out / "figures"
    assert sorted(path.name for path in folder.iterdir()) == ["01_line.png", "01_line.svg"]
    assert card.caption == "A line. Input: CCLE (panel)."
    assert 'alt="A line. Input: CCLE (panel)."' in card._repr_html_()
    assert not plt.fignum_exists(figure.number)
    chart = SvgChart('<svg xmlns="http://www.w3.org/2000/svg"></svg>')
    study.figure(chart, "chart", "A chart.")
    assert (folder / "01_chart.svg").read_text(encoding="utf-8") == chart.svg
    assert [figure.file for figure in study.snapshot().figures] == [
        "figures/01_line.png",
        "figures/01_chart.svg",
    ]


def test_equal_figures_are_equal_files(study):
    texts = []
    for _ in range(2):
        figure, axes = plt.subplots()
        axes.plot([0, 1])
        study.figure(figure, "line", "A line.")
        texts.append((study.out / "figures" / "01_line.svg").read_bytes())
    assert texts[0] == texts[1]


@pytest.mark.parametrize("name", ["../x", "a b", ""])
def test_names_that_leave_the_folder_are_refused(study, name):
    with pytest.raises(ParameterError, match="must be letters"):
        study.checkpoint(name)
    with pytest.raises(ParameterError, match="must be letters"):
        study.figure(SvgChart("<svg/>"), name, "x")


def test_memory_and_checkpoints_outlive_a_killed_run(study, project, parameters):
    calls = []

    def slow(x):
        calls.append(x)
        return 2 * x

    study.checkpoint("search").write_text("half done", encoding="utf-8")
    assert study.memory.cache(slow)(2) == 4
    again = Study.begin("01_demo", parameters, root=project)
    assert again.checkpoint("search").read_text(encoding="utf-8") == "half done"
    assert again.memory.cache(slow)(2) == 4
    assert calls == [2]


def test_progress_goes_to_the_error_stream_only(study, capsys):
    assert list(study.progress(range(3), "fits")) == [0, 1, 2]
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "fits:   0%" in captured.err
    assert "0/3" in captured.err


def test_report_draws_a_bar_for_each_thing_reported(study, capsys):
    for done in (1, 2, 4):
        study.report("search", done, 4)
    study.report("fits", 1, 2)
    study.report("fits", 2, 2)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "search:   0%" in captured.err
    assert "fits:   0%" in captured.err
    assert captured.err.endswith("\r")  # the last bar has wiped itself out


# Verdicts and displays


def test_header_names_paper_claims_and_profile_before_there_are_results(study):
    text = repr(study.header())
    assert "A. Author (2020). A <title>" in text
    assert "The network beats the forest." in text
    assert "Profile: quick" in text


@pytest.mark.parametrize(
    ("value", "outcome"), [(0.5, "holds"), (0.001, "fails"), (None, "not testable here")]
)
def test_verdicts_follow_from_what_is_recorded(study, value, outcome):
    if value is not None:
        study.record(DIFFERENCE, value)
    assert study.judge()[0].repeated.outcome == outcome
    html = study.verdicts()._repr_html_()
    assert f"Repeated: {outcome}" in html
    assert 'id="claim-demo-1"' in html
    assert "Better by the tolerance." in html


def test_deviations_show_the_result_that_tests_them(study):
    assert "7 split: leak. kept CCLE.cv.Net.AUCROC 8 seed: noise. fixed not tested" in repr(
        study.deviations()
    )
    study.record("CCLE.cv.Net.AUCROC", 0.94, low=0.9, high=0.98)
    assert "Net AUCROC (CCLE, cv) = 0.940 [0.900, 0.980]" in repr(study.deviations())


def test_a_study_without_claims_says_so(study, project):
    (project / "data/claims/01_demo.yml").unlink()
    with pytest.raises(ClaimError, match="no claims of study '01_demo'"):
        study.header()


# The file of results


def test_finish_writes_what_the_readers_read(study):
    study.record("CCLE.cv.Net.AUCROC", 0.1 + 0.2, n=5)
    card = repr(study.finish())
    run = load_results(study.out)["01_demo"]
    assert run.results == study.results
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
        study = Study.begin("01_demo", parameters | {"out": str(tmp_path / out)}, root=project)
        study.use(panel)
        study.record("b", 1 / 3)
        study.record("a", np.random.rand())  # noqa: NPY002 - the global state is what begin seeds
        study.finish()
        content = json.loads((tmp_path / out / "results" / "01_demo.json").read_text(encoding="utf-8"))
        contents.append({key: value for key, value in content.items() if key != "times"})
    assert contents[0] == contents[1]


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_an_earlier_file_survives_a_full_disk_and_an_interrupt(study, monkeypatch, error):
    study.record("a", 1)
    study.finish()
    path = study.out / "results" / "01_demo.json"
    before = path.read_bytes()

    def refuse(_):
        raise error

    study.record("b", 2)
    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(type(error)):
        study.finish()
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == ["01_demo.json"]


def test_only_what_the_prose_cites_becomes_an_output():
    script = "# %% [markdown]\n# {glue}`a.b` and {glue:text}`c of\n# d.interval:.2f`\n\n# %%\nx = 1\n"
    assert glued_names(script) == {"a.b", "c of d.interval"}
