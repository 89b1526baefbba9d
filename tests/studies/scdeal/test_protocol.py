import json

import numpy as np
import pandas as pd
import pytest

from helpers.data.bulk import load_bulk
from helpers.data.cells_twin import simulate_cells
from helpers.errors import DataError
from helpers.studies.scdeal.cells import load_cells
from helpers.studies.scdeal.metrics import CELL_METRICS
from helpers.studies.scdeal.model import pipeline
from helpers.studies.scdeal.protocol import (
    Part,
    TransferRuns,
    averaged_in_clusters,
    grid_settings,
    run_scdeal,
    run_together,
)
from helpers.studies.scdeal.published import published_grid
from helpers.studies.scdeal.simple import CONSTANTS, DEPTH, LABEL_FREE, ORACLES, run_simple
from helpers.studies.scdeal.tasks import prepare_cells, transfer_task

TINY = {"encoder": (16, 8), "predictor": (8, 4), "bottleneck": 4, "epochs": 2}
SETTINGS = {"a": TINY, "b": TINY | {"sampling": "up"}}


@pytest.fixture(scope="module")
def panel():
    return load_bulk("GDSC2", "simulated")


@pytest.fixture(scope="module")
def prepared(panel):
    genes = panel.expression.columns
    names = ("A375", "SCAD-Gefitinib", "SCAD-Vorinostat", "breast-atlas")
    sets = {name: load_cells(name, "simulated") for name in names}
    return {
        name: prepare_cells(cells, genes, top_genes=50, max_cells=96, min_genes=5)
        for name, cells in sets.items()
    }


@pytest.fixture(scope="module")
def task():
    """One line in two states; small, since boosting takes its time."""
    panel, cells, truth = simulate_cells(n_lines=60, n_cells=60, n_genes=60, n_cell_lines=1, state_gap=2.0)
    return transfer_task(panel, prepare_cells(cells, panel.expression.columns, min_genes=5), truth.state_drug)


@pytest.fixture(scope="module")
def runs(task):
    return run_scdeal([task], SETTINGS, [0, 1], device="cpu")


def test_parts_run_together_are_what_each_is_alone(task, runs, monkeypatch):
    """Equal numbers, each part at its own seeds, and fewer autoencoders than one by one."""
    trained = []
    train = pipeline.train_autoencoder
    monkeypatch.setattr(pipeline, "train_autoencoder", lambda *a: trained.append(1) or train(*a))
    parts = {
        "grid": Part([task], SETTINGS, [0, 1]),
        "removed": Part([task], {"no MMD": TINY | {"mmd_weight": 0.0}}, [1]),
        "nothing": Part([task], {"c": TINY}, [2]),
    }
    found = run_together(parts, "runs")
    # Seed 0: bulk lines twice (as they are, resampled) and cells; the same at seed 1; one of each at seed 2.
    assert len(trained) == 3 + 3 + 2
    keys = ["setting", "seed"]
    for name, expected in (("grid", runs), ("removed", run_scdeal([task], parts["removed"].settings, [1]))):
        one, other = (each.table.sort_values(keys).set_index(keys) for each in (found[name], expected))
        pd.testing.assert_frame_equal(one, other)
        assert found[name].scores.keys() == expected.scores.keys()


def test_no_line_is_in_bulk_and_in_cells(panel, prepared):
    for name, drug in (("A375", "PLX-4720"), ("breast-atlas", "Docetaxel")):
        made = transfer_task(panel, prepared[name], drug)
        cells_of = set(prepared[name].obs["model_id"])
        assert cells_of & set(panel.expression.index)
        assert not cells_of & set(made.bulk_x.index)
        assert len(made.bulk_x) == len(made.bulk_sensitive)


def test_labels_by_line_are_those_of_the_panel(panel, prepared):
    made = transfer_task(panel, prepared["breast-atlas"], "Docetaxel")
    assert made.by_line
    by_name = panel.lines.set_index("name").index
    lookup = pd.Series(panel.resistant["Docetaxel"].to_numpy(), by_name)
    np.testing.assert_array_equal(made.cells_sensitive, 1 - lookup[made.lines].to_numpy())
    assert made.depth.shape == (len(made.cells_sensitive), 2)


def test_cells_are_thinned_evenly_over_lines(prepared):
    counts = prepared["breast-atlas"].obs["line"].value_counts()
    assert counts.max() - counts.min() <= 1
    assert counts.sum() <= 110


def test_own_labels_do_not_come_from_the_panel(panel, prepared):
    made = transfer_task(panel, prepared["A375"], "PLX-4720")
    assert not made.by_line
    assert made.depth is None
    np.testing.assert_array_equal(made.cells_sensitive, 1 - prepared["A375"].obs["resistant"])


def test_other_bulk_labels_leave_the_cells_alone(panel, prepared):
    task = transfer_task(panel, prepared["A375"], "PLX-4720")
    permuted = panel.resistant["PLX-4720"].sample(frac=1, random_state=0).set_axis(panel.resistant.index)
    other = transfer_task(panel, prepared["A375"], "PLX-4720", bulk_resistant=permuted)
    np.testing.assert_array_equal(other.cells_sensitive, task.cells_sensitive)
    assert not np.array_equal(
        pd.Series(other.bulk_sensitive, other.bulk_x.index).reindex(task.bulk_x.index).to_numpy(),
        task.bulk_sensitive,
    )


def test_runs_have_scores_before_and_after(runs, task):
    assert len(runs.table) == 4
    assert {f"before {m}" for m in CELL_METRICS} | set(CELL_METRICS) <= set(runs.table)
    assert runs.scores[task.name, "a", 1].shape == (len(task.cells_sensitive), 2)
    assert runs.pick(["b"]).table["setting"].unique().tolist() == ["b"]
    joined = TransferRuns.join([runs.pick(["a"]), runs.pick(["b"])])
    assert len(joined.table) == 4
    assert joined.scores.keys() == runs.scores.keys()


def test_equal_seeds_equal_runs(runs, task):
    again = run_scdeal([task], SETTINGS, [0, 1], device="cpu")
    pd.testing.assert_frame_equal(again.table, runs.table)


def test_no_label_of_a_cell_reaches_a_fit(task, runs):
    """With other labels of the cells every score of a cell stays; only its marks change."""
    flipped = type(task)(**{**vars(task), "cells_sensitive": 1 - task.cells_sensitive})
    again = run_scdeal([flipped], SETTINGS, [0, 1], device="cpu")
    for key, scores in runs.scores.items():
        np.testing.assert_array_equal(again.scores[key], scores)
    np.testing.assert_allclose(again.table["AUROC"], 1 - runs.table["AUROC"])
    simple, other = (run_simple(t, [0]).set_index("setting")["AUROC"] for t in (task, flipped))
    free = simple.index.difference(ORACLES)
    np.testing.assert_allclose(other[free], 1 - simple[free])


def test_simple_models_and_yardsticks(task):
    table = run_simple(task, [0, 1]).groupby("setting")["AUROC"].mean()
    assert table["all sensitive"] == 0.5
    assert table["best split, side tossed"] == 0.5
    assert table["best split, side told"] >= 0.5
    assert table["cluster majority"] >= 0.5
    assert table["few-shot"] > 0.7
    assert {*LABEL_FREE, *CONSTANTS, *DEPTH, *ORACLES} == set(table.index)


def test_z_scores_have_no_depth(panel, prepared):
    genes = panel.expression.columns[:20]
    made = transfer_task(panel, prepared["A375"][:, genes].copy(), "PLX-4720")
    assert not {*DEPTH} & set(run_simple(made, [0])["setting"])


def test_two_drugs_on_the_same_cells_with_opposite_labels(panel, prepared):
    one, other = (
        transfer_task(panel, prepared[f"SCAD-{drug}"], drug, cell_set="SCAD 66")
        for drug in ("Gefitinib", "Vorinostat")
    )
    np.testing.assert_array_equal(one.cells_sensitive, 1 - other.cells_sensitive)
    np.testing.assert_array_equal(one.cells_x, other.cells_x)
    assert one.cell_set == other.cell_set


def test_averages_within_clusters_are_constant_within_them(task, runs):
    smooth = averaged_in_clusters(task, runs)
    assert len(smooth) == len(runs.table)
    assert set(smooth.columns) == set(runs.table.columns)


def test_grid_names_settings():
    base = {"dropout": 0.3, "encoder": (256, 128), "predictor": (128, 64)}
    grid = grid_settings("32,128", "none,SMOTE", base)
    assert list(grid) == ["32, none", "32, SMOTE", "128, none", "128, SMOTE"]
    assert grid["128, SMOTE"] == {**base, "bottleneck": 128, "sampling": "SMOTE"}
    whole = grid_settings("32,64,128,256,512", "none,up,down,SMOTE", base, whole=True)
    assert len(whole) == 160
    assert len({str(sorted(setting.items(), key=str)) for setting in whole.values()}) == 160


def test_published_grid_is_the_best_of_many(repository):
    records = json.loads((repository / "data" / "scdeal" / "published.json").read_text(encoding="utf-8"))
    table = published_grid({r["id"]: r["mean"] for r in records})
    assert table["best F1"].mean() == pytest.approx(0.8908, abs=1e-3)
    assert table.loc["gse112274", "constant F1"] == pytest.approx(0.892, abs=1e-3)
    assert table["constant F1"].isna().sum() == 1  # the class share after filtering is not known
    with pytest.raises(DataError, match="missing"):
        published_grid({})


def test_unusable_tasks(panel, prepared, runs):
    cells = prepared["A375"]
    one_class = cells[cells.obs["resistant"] == 1].copy()
    constant = pd.Series(1.0, panel.resistant.index)
    for call, message in [
        (lambda: transfer_task(panel, cells, "PLX4720"), "no drug"),
        (lambda: transfer_task(panel, one_class, "PLX-4720"), "cells of A375 .* one class"),
        (lambda: transfer_task(panel, cells, "PLX-4720", bulk_resistant=constant), "bulk lines .* one class"),
        (lambda: prepare_cells(prepared["breast-atlas"], panel.expression.columns), "needs counts"),
        (lambda: grid_settings("33", "none", {}), "published grid"),
        (lambda: runs.pick(["c"]), "no run"),
    ]:
        with pytest.raises(DataError, match=message):
            call()
