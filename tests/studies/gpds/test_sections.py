"""Sections of the chapter: what they record, against direct calculations."""

from functools import partial

import numpy as np
import pandas as pd
import pytest
from scipy import integrate
from sklearn.base import clone
from sklearn.model_selection import KFold

from helpers.data.cells_twin import simulate_cells
from helpers.studies.gpds import bulk_sections as bulk
from helpers.studies.gpds.baselines import bulk_baselines, on_gene_sets
from helpers.studies.gpds.bulk import bulk_metrics, bulk_predictions
from helpers.studies.gpds.cell_sections import answer_reasons, report_four
from helpers.studies.gpds.folds import repeated_folds, smaller_training
from helpers.studies.gpds.model import GPDSRegressor, gpds_pipeline
from helpers.studies.gpds.results import central, named, results
from helpers.studies.gpds.targets import known_targets, target_places, target_recovery
from helpers.studies.gpds.tasks import TASKS, load_inputs
from helpers.studies.gpds.tuning import tuned_network, tuned_setting
from helpers.studies.gpds.variants import deeper_networks

PANEL, _, _ = simulate_cells(seed=0, n_lines=90, n_cells=160, n_genes=200)
DRUG = PANEL.response.columns[0]
GRID = {
    "h1": (8,),
    "h2": (4,),
    "activation": ("tanh",),
    "lr": (0.01, 1e18),
    "batch_size": (16,),
    "epochs": (5,),
}


def ids(found):
    return found.results.set_index("id")["value"]


def test_rows_become_results_with_their_fields():
    table = pd.DataFrame({"model": ["a", "b"], "difference": [0.5, -1.0], "low": [0.1, np.nan], "n": [3, 4]})
    one, other = named(table, "x.{model}", note="why")
    assert one == {"id": "x.a", "value": 0.5, "unit": "difference", "note": "why", "low": 0.1, "n": 3}
    assert "low" not in other
    assert isinstance(results([one, other])["n"][0], int)


def test_central_range_holds_its_mean():
    found = central(np.array([*np.zeros(99), 1e6, np.inf]))
    assert found["low"] <= found["value"] <= found["high"]
    assert found["n"] == 100


def test_smaller_training_sets_are_nested_and_test_the_same_lines():
    folds = {size: smaller_training(100, size) for size in (10, 30, None)}
    for small, larger, full, usual in zip(*folds.values(), repeated_folds(100, 5, 1), strict=True):
        assert len(small.train) == 10
        assert set(small.train) < set(larger.train) < set(full.train)
        assert np.array_equal(full.train, usual.train)
        assert np.array_equal(small.test, usual.test)


@pytest.fixture(scope="module")
def folds():
    base = bulk_baselines(PANEL.lines["lineage"], n_inner=3)
    models = {
        "network": gpds_pipeline(GPDSRegressor(hidden=(8, 4), epochs=5)),
        "training mean": base["training mean"],
        "Ridge": base["Ridge"],
        "lineage mean": base["lineage mean"],
    }
    models |= on_gene_sets(["Ridge"], ["all genes"])
    folds = partial(repeated_folds, n_splits=5, n_repeats=1)
    found = bulk_predictions(PANEL.expression, PANEL.response[DRUG], models, folds)
    tuned = tuned_network(PANEL.expression, PANEL.response[DRUG], folds, GRID, n_inner=2)
    return pd.concat([found, tuned.predictions], ignore_index=True), tuned


def test_tuning_never_takes_a_candidate_that_diverges_and_predicts_the_same_lines(folds):
    table, tuned = folds
    assert tuned.chosen["lr"].tolist() == [0.01] * 5
    lines = table.groupby("model")["line"].apply(lambda part: tuple(sorted(part)))
    assert lines["network, tuned"] == lines["Ridge"]


def test_tuned_network_does_not_see_its_test_lines(folds):
    table, tuned = folds
    test = table.query("model == 'Ridge' and fold == '0'")["line"]
    changed = PANEL.response[DRUG].copy()
    changed[test] = -changed[test]
    again = tuned_network(PANEL.expression, changed, partial(repeated_folds, n_repeats=1), GRID, n_inner=2)
    first, second = (
        part.query("fold == '0'")["predicted"].to_numpy() for part in (tuned.predictions, again.predictions)
    )
    assert first == pytest.approx(second)


def test_setting_of_a_list_is_chosen_on_measured_lines_and_all_genes():
    response = PANEL.response[DRUG].where(np.arange(90) > 5)
    setting, chosen = tuned_setting(PANEL.expression, response, GRID, n_inner=2)
    network = GPDSRegressor(**setting)
    assert (network.hidden, network.lr, network.epochs) == ((8, 4), 0.01, 5)
    lines = response.dropna().index
    errors = []
    for train, test in KFold(2, shuffle=True, random_state=0).split(lines):
        x, y = PANEL.expression.loc[lines], response[lines]
        model = gpds_pipeline(clone(network), gene_filter=False).fit(x.iloc[train], y.iloc[train])
        errors.append(((model.predict(x.iloc[test]) - y.iloc[test]) ** 2).mean())
    assert chosen["inner_mse"].item() == pytest.approx(np.mean(errors), rel=1e-4)


def test_strongest_baseline_has_the_least_mean_error(folds):
    table, _ = folds
    rows, best = bulk.against_strongest_baseline(table)
    errors = bulk_metrics(table).query("metric == 'MSE/Var'").groupby("model")["value"].mean()
    rivals = errors[["training mean", "Ridge", "lineage mean", "Ridge, all genes"]]
    assert best == rivals.idxmin()
    value = rows.set_index("id")["value"]["GDSC2.cv.network-strongest.MSE/Var"]
    assert value == pytest.approx(errors["network"] - rivals.min())


def test_comparisons_of_both_networks_are_recorded(folds):
    table, _ = folds
    found, versus = bulk.cross_validated(table, PANEL.response[DRUG])
    assert set(versus["reference"]) == {"network", "network, tuned"}
    means = ids(found)
    gap = means["GDSC2.cv.network, tuned.MSE/Var"] - means["GDSC2.cv.Ridge.MSE/Var"]
    assert means["GDSC2.cv.network, tuned-Ridge.MSE/Var"] == pytest.approx(gap)


def test_a_fold_in_which_training_diverged_is_left_out_and_not_counted(folds):
    table, _ = folds
    lost = table.assign(
        predicted=table["predicted"].mask((table["model"] == "network") & (table["fold"] == "0"))
    )
    found, versus = bulk.cross_validated(lost, PANEL.response[DRUG])
    n = found.results.set_index("id")["n"]
    assert n["GDSC2.cv.network.MSE/Var"] == n["GDSC2.cv.network-Ridge.MSE/Var"] == 4
    assert n["GDSC2.cv.Ridge.MSE/Var"] == n["GDSC2.cv.network, tuned-Ridge.MSE/Var"] == 5
    assert np.isfinite(ids(found).astype(float)).all() and np.isfinite(versus["difference"]).all()


def test_area_under_the_dose_curve_by_quadrature():
    ln_ic50 = pd.Series([-6.0, -1.0, 0.5, 9.0])
    found = bulk.auc_like(ln_ic50, 10.0)
    for value, x in zip(found, ln_ic50, strict=True):
        area, _ = integrate.quad(lambda c, x=x: 1 / (1 + np.exp(c - x)), np.log(0.01), np.log(10))
        assert value == pytest.approx(area / np.log(1000), abs=1e-6)
    assert found.is_monotonic_increasing and found.between(0, 1).all()


def test_report_lines_follow_from_the_published_numbers():
    true, pred = (0.37, 0.9, 0.75, 1.0), (0.39, 0.4, 0.4, 0.4)
    keys = ("mkn45", "ncih1435", "scc9", "skmel2")
    published = {f"gpds_sc_{k}_true": v for k, v in zip(keys, true, strict=True)}
    published |= {f"gpds_sc_{k}_pred": v for k, v in zip(keys, pred, strict=True)}
    found = ids(report_four(published))
    error = np.mean((np.array(true) - pred) ** 2)
    assert found["gpds_derived_fourline_r2"] == pytest.approx(1 - error / np.var(true))


CONDITIONS = [
    ("measured, training lines", 0.0, 1.0, np.nan),
    ("cells, as treated", 0.0, 0.2, 0.7),
    ("every gene in its lowest bin", 0.1, 0.0, 1.0),
    ("cells binned, not scaled", 0.0, 0.5, np.nan),
    ("cells neither binned nor scaled", 0.0, 0.02, np.nan),
    ("cells, genes in 20 other orders", 0.0, 0.2, 0.7),
    ("bulk profiles of held-out lines", 0.0, 0.6, 0.1),
]


def test_each_reason_is_answered_by_its_rule():
    table = pd.DataFrame(CONDITIONS, columns=["condition", "median", "sd", "lowest"])
    answers = answer_reasons(table).set_index("hypothesis")["answer"]
    assert answers.to_dict() == {"": "yes", "H1": "yes", "H2": "yes", "H3": "no", "H4": "no"}


def test_depths_have_the_layers_they_name():
    models = deeper_networks((1, 3))
    y = PANEL.response[DRUG].dropna()[:40]
    three = models["3 hidden layers"].fit(PANEL.expression.loc[y.index], y)["network"].network_
    assert [len(bias) for bias in three.biases] == [32, 16, 16, 1]
    assert len(three.losses) == 100
    assert list(models) == ["1 hidden layer", "3 hidden layers"]


def test_targets_are_exact_symbols_of_drugs_with_enough_lines():
    response = pd.DataFrame(np.zeros((4, 3)), columns=["a", "b", "c"])
    response.loc[1:, "c"] = np.nan
    targets = pd.Series({"a": "EGFR, ERBB2", "b": "Microtubule stabiliser", "c": "EGFR"})
    assert known_targets(targets, ["EGFR", "ERBB2"], response, 4) == [("a", "EGFR"), ("a", "ERBB2")]


def test_targets_count_by_gene_not_by_pair():
    genes = [f"G{i}" for i in range(101)]
    up = pd.DataFrame({drug: np.arange(101.0) for drug in "abc"}, index=genes)
    pairs = [("a", "G0"), ("b", "G0"), ("c", "G50")]
    places = target_places({"L7": up, "L1": up.iloc[::-1].set_axis(genes)}, pairs)
    assert places["L7"].tolist() == [0, 0, 50]
    found = ids(target_recovery(places, ["L7"], ["L1"]))
    assert found["GDSC2.targets.L7.percentile"] == 25  # of G0 and G50, not of three pairs
    assert found["GDSC2.targets.L7-L1.percentile"] == pytest.approx(((100 - 0) + (50 - 50)) / 2)
    assert found["GDSC2.targets.L7.found"] == pytest.approx(2 / 3)


def test_no_known_target_leaves_the_question_open():
    found = ids(
        target_recovery(target_places({"L7": pd.DataFrame(), "L1": pd.DataFrame()}, []), ["L7"], ["L1"])
    )
    assert found["GDSC2.targets.genes"] == 0
    assert np.isnan(found["GDSC2.targets.L7-strongest.percentile"])


def test_every_tier_has_a_task_and_cells_are_named_by_their_role():
    assert set(TASKS) == {"panel", "paper", "simulated"}
    inputs = load_inputs("simulated", 1)
    assert [getattr(data, "name", None) or data.uns["name"] for data in inputs.used] == [
        "GDSC2",
        "cells",
        "second set",
        "GDSC",
    ]
    assert "Data set: breast-atlas." in inputs.cells.uns["provenance"].notes
    assert inputs.task.drug in inputs.panel.response
    assert inputs.proliferation is None
    assert len(inputs.varied_drugs(3)) == 3
