"""Checks of the chapter on simulated lines and cells."""

import json
from functools import partial

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from helpers.data.cells_twin import simulate_cells
from helpers.studies.scdeal.baselines import BulkLogistic
from helpers.studies.scdeal.cells import load_cells
from helpers.studies.scdeal.checks import (
    CONTROLS,
    bulk_prediction,
    mislabelled,
    one_bit,
    opposite_pair,
    scores_by_line,
    sharing_cells,
    twin_findings,
    twin_task,
    with_fewer_lines,
    with_permuted_names,
)
from helpers.studies.scdeal.comparison import loss
from helpers.studies.scdeal.findings import (
    of_changes,
    of_curve,
    of_funnel,
    of_labels,
    of_rivals,
    of_transfer,
)
from helpers.studies.scdeal.genes import follows_prediction
from helpers.studies.scdeal.lines import load_lines
from helpers.studies.scdeal.model.pipeline import line_split
from helpers.studies.scdeal.plots import funnel, learning_curve, rule_spread, task_maps
from helpers.studies.scdeal.protocol import TransferRuns, run_by_set, run_scdeal
from helpers.studies.scdeal.published import grid_findings, published_grid
from helpers.studies.scdeal.selection import over_sets
from helpers.studies.scdeal.simple import run_simple
from helpers.studies.scdeal.tasks import describe, make_tasks, prepare_sets

TINY = {"encoder": (16, 8), "predictor": (8, 4), "bottleneck": 4, "epochs": 2}
SETS = {
    "SCAD-Gefitinib": (["Gefitinib"], "SCAD"),
    "SCAD-Vorinostat": (["Vorinostat"], "SCAD"),
    "breast-atlas": (["Docetaxel"], "breast lines"),
}


@pytest.fixture(scope="module")
def lines():
    return load_lines("simulated")


@pytest.fixture(scope="module")
def made(lines):
    loaded = {name: load_cells(name, "simulated") for name in SETS}
    cells = prepare_sets(loaded, lines.panel.expression.columns, top_genes=50, max_cells=72, seed=0)
    return cells, make_tasks(lines, cells, SETS)


@pytest.fixture(scope="module")
def runs(made):
    run = partial(run_scdeal, device="cpu")
    return run_by_set(made[1], {"s": TINY}, [0, 1], "runs", run=run)


def test_tasks_are_described(made):
    table = describe(made[1])
    assert table.index.tolist() == [f"{name} {drugs[0]}" for name, (drugs, _) in SETS.items()]
    assert table["lines"].tolist()[:2] == [1, 1]
    assert table["shared genes"].min() > 0
    assert table["sensitive"].iloc[:2].sum() == pytest.approx(1)  # the two tables have opposite labels


def test_sets_are_run_one_after_the_other(made, runs):
    seen = []
    parts = run_by_set(
        made[1],
        {"s": TINY},
        [0],
        "label",
        run=lambda tasks, settings, seeds: TransferRuns(
            pd.DataFrame({"task": [t.name for t in tasks], "set": tasks[0].cell_set, "setting": "s"})
        ),
        progress=lambda sets, label: seen.extend([*sets, label]) or sets,
    )
    assert seen == ["SCAD", "breast lines", "label"]
    assert parts.table["set"].tolist() == ["SCAD", "SCAD", "breast lines"]
    together = run_scdeal(made[1], {"s": TINY}, [0, 1], device="cpu")
    pd.testing.assert_frame_equal(runs.table, together.table)


def test_wrong_responses_of_the_lines(made, lines):
    task = made[1][0]
    permuted = mislabelled(task, "permuted labels", lines, "authors", 0)
    assert permuted.bulk_sensitive.sum() == task.bulk_sensitive.sum()
    assert not np.array_equal(permuted.bulk_sensitive, task.bulk_sensitive)
    other = mislabelled(task, "another drug", lines, "prevalence", 0)
    expected = 1 - lines.resistant("Palbociclib", "prevalence")[other.bulk_x.index]
    np.testing.assert_array_equal(other.bulk_sensitive, expected)
    assert list(CONTROLS) == ["permuted labels", "another drug"]


def test_permuted_names_cannot_be_noticed_by_the_faithful_reading(made):
    task = made[1][0]
    other = with_permuted_names(task, 0)
    assert other.shared == task.shared
    assert set(other.cells_x.columns) == set(task.cells_x.columns)
    first, second = (run_scdeal([one], {"s": TINY}, [0], device="cpu") for one in (task, other))
    pd.testing.assert_frame_equal(first.table, second.table)
    shared = {"s": TINY | {"genes": "shared"}}
    first, second = (run_scdeal([one], shared, [0], device="cpu") for one in (task, other))
    assert not first.table["AUROC"].equals(second.table["AUROC"])


def test_fewer_lines_keep_the_share_of_classes(made):
    task = made[1][0]
    few = with_fewer_lines(task, 60, 0)
    assert len(few.bulk_x) == len(few.bulk_sensitive) == 60
    assert few.bulk_sensitive.mean() == pytest.approx(task.bulk_sensitive.mean(), abs=0.02)
    known = pd.Series(task.bulk_sensitive, task.bulk_x.index)[few.bulk_x.index]
    np.testing.assert_array_equal(few.bulk_sensitive, known)
    assert with_fewer_lines(task, 10_000, 0) is task


def test_bulk_prediction_is_scored_on_the_lines_that_scdeal_holds_out(made):
    task = made[1][0]
    table = bulk_prediction(task, [0, 1])
    parts = line_split(len(task.bulk_sensitive), 1)
    assert not set(parts.test) & (set(parts.train) | set(parts.validation))
    train = np.concatenate([parts.train, parts.validation])
    model = BulkLogistic("bulk").fit(task.bulk_x.iloc[train], task.bulk_sensitive[train])
    score = model.predict_proba(task.bulk_x.iloc[parts.test])[:, 1]
    expected = roc_auc_score(task.bulk_sensitive[parts.test], score)
    assert table["bulk_auroc"].tolist()[1] == pytest.approx(expected)


def test_opposite_labels_sum_to_one(made, runs):
    pair = made[1][:2]
    states, found = opposite_pair(pair, runs.table, seed=0)
    value = found.set_index("what")["value"]
    assert value["opposite labels"] == 1
    assert value["Gefitinib.AUROC"] + value["Vorinostat.AUROC"] == pytest.approx(1)
    own = runs.table[runs.table["cell_set"] == pair[0].cell_set]
    assert value["sum of AUROC"] == pytest.approx(own.groupby("drug")["AUROC"].mean().sum())
    assert len(states) == len(pair[0].cells_sensitive)


def test_lines_are_units_where_labels_come_from_lines(made, runs):
    table = scores_by_line(made[1], runs, runs.table, 30, 0)
    assert table["task"].tolist() == ["breast-atlas Docetaxel"]
    assert table["value"].item() == pytest.approx(
        runs.table.query("task == 'breast-atlas Docetaxel'")["AUROC"].mean()
    )
    assert table["n"].item() == len(set(made[1][2].lines))
    assert scores_by_line(made[1][:2], runs, runs.table, 30, 0).empty


def test_findings_on_a_planted_truth():
    panel, cells, truth = simulate_cells(n_lines=60, n_cells=60, n_genes=60, n_cell_lines=1, state_gap=3.0)
    task = twin_task(panel, cells, truth)
    settings = {"described": TINY | {"reading": "described"}}
    runs = run_scdeal([task], settings, [0, 1], device="cpu").table
    simple = run_simple(task, [0])
    found = twin_findings(task, truth, runs, simple, settings, seeds=[0, 1], steps=4, device="cpu")
    value = found.set_index(["model", "metric"])["value"]
    assert value["described", "AUROC"] == pytest.approx(runs["AUROC"].mean())
    assert value["described", "below half"] == (runs["AUROC"] < 0.5).mean()
    assert 0 <= value["described", "planted genes"] <= 1
    assert value["CORAL", "AUROC"] == simple.set_index("setting").loc["CORAL", "AUROC"]


def test_losses_are_those_of_the_same_task():
    whole = pd.DataFrame({"task": ["a", "a", "b"], "cell_set": ["A", "A", "B"], "AUROC": [0.5, 0.9, 0.6]})
    found = loss(whole, whole.iloc[::-1].assign(AUROC=[0.5, 0.6, 0.6])).set_index("task")["AUROC"]
    assert found.to_dict() == pytest.approx({"a": 0.1, "b": 0.1})


def test_module_checks_that_follow_the_prediction():
    checks = pd.DataFrame({"correlation": [0.1, 0.5, 0.9, np.nan], "AUROC": [0.4, 0.6, 0.8, 0.1]})
    table = follows_prediction({"rule": checks, "few": checks.iloc[2:]}).set_index("model")
    assert table.loc["rule", "value"] == pytest.approx(1)
    assert table["n"].tolist() == [3, 1]
    assert pd.isna(table.loc["few", "value"])


def test_findings_of_the_published_grid(repository):
    records = json.loads((repository / "data" / "scdeal" / "published.json").read_text(encoding="utf-8"))
    found = grid_findings(published_grid({r["id"]: r["mean"] for r in records})).set_index("id")
    assert found.loc["scdeal_f1grid_max_mean6", "value"] == pytest.approx(0.8908, abs=1e-3)
    assert found.loc["published.grid.upper quartile below constant", "n"] == 5


def test_figures_of_runs(made, runs):
    task = made[1][0]
    figure = task_maps(task, runs, {"setting": "s", "seed": 1}, "pca", 0)
    # Where a title stands depends on the style in use.
    titles = [axes.get_title(where) for axes in figure.axes for where in ("left", "center")]
    assert {"label", "score of sensitive", "answer", "Leiden cluster"} <= set(titles)
    figure = rule_spread(runs.table, {"first": runs.table.query("seed == 0")}, "AUROC", 0.5, "finding")
    assert figure.axes[0].get_xlabel() == "AUROC"


def test_one_bit_is_the_best_split_with_its_side(made):
    table = one_bit(made[1], 480, seed=0).set_index("task")
    each = table[
        [name for name in table if (name.startswith("F1 ") and " of " not in name) or "median" in name]
    ]
    np.testing.assert_allclose(table["F1"], each.max(axis=1))
    assert (table["F1 of tosses"] <= table["F1"] + 1e-12).all()
    assert (table["AUROC"] >= 0.5).all()
    first, second = table.iloc[0], table.iloc[1]  # the same cells with opposite labels
    assert first["F1"] == pytest.approx(second["F1"])


def test_tables_that_hold_the_same_cells(made):
    assert [task.drug for task in sharing_cells(made[1])] == ["Gefitinib", "Vorinostat"]
    assert sharing_cells(made[1][1:]) == []


def test_figures_say_what_they_show(runs):
    table = runs.table.assign(bulk_auroc=0.75)
    assert (
        of_funnel(table)
        == f"AUROC 0.75 on held-out bulk lines, {over_sets(table, 'AUROC').difference:.2f} on cells"
    )
    figure = funnel(table, title=of_funnel(table))
    assert figure.get_suptitle().endswith("(n = 3 tasks)")
    assert [len(line.get_xdata()) for line in figure.axes[0].lines[:3]] == [3, 3, 3]
    curve = {"60": table.assign(bulk_auroc=0.5), "all": table}
    assert of_curve(curve) == "More bulk lines: +0.25 AUROC on bulk lines, +0.00 on cells"
    assert [t.get_text() for t in learning_curve(curve, title="").axes[0].get_xticklabels()] == ["60", "all"]
    arrows = pd.DataFrame({"before": [0.1, 0.5], "after": [0.2, 0.4]})
    assert of_transfer(arrows) == "Transfer raises the AUROC in 1 of 2 runs"
    gaps = pd.DataFrame(
        {"model": ["a", "b"], "difference": [0.2, -0.3], "low": [0.1, -0.4], "high": [0.3, 0.1]}
    )
    assert of_changes(gaps, "parts") == "1 of 2 parts differ clearly; the largest difference is 0.30"
    assert of_rivals(gaps, ("a",)) == "scDEAL is ahead of 1 of 1 simple models on average"
    assert of_labels(gaps) == "scDEAL is above chance under 1 of 2 rules for the bulk labels"
