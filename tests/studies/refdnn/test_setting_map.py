"""The map of settings, and the tables that stand beside those of the report."""

import numpy as np
import pytest

from helpers.evaluation.splits import stratified_pair_folds
from helpers.evaluation.statistics import corrected_resampled_t
from helpers.studies.refdnn import report_tables
from helpers.studies.refdnn.contenders import simple_contenders
from helpers.studies.refdnn.model.published import REFDNN_SPACE
from helpers.studies.refdnn.pairs import PairTable
from helpers.studies.refdnn.protocol import cross_validate
from helpers.studies.refdnn.setting_map import map_contenders, map_table
from helpers.studies.refdnn.twin import simulate_response


@pytest.fixture(scope="module")
def table():
    return PairTable.from_data(simulate_response(n_lines=40, n_drugs=6, n_genes=20, seed=1)[0])


def test_every_case_differs_from_the_constants_in_what_its_name_says(table):
    cases = {c.name: c for c in map_contenders(table.features, "GDSC", [100, 200], device="cpu")}
    assert len(cases) == 3 * 2 * 2 + 2
    drawn, sorted_rows = (
        cases[f"scale-matched, {order}, 200 steps"] for order in ("drawn order", "table order")
    )
    assert (drawn.table_order, sorted_rows.table_order) == (False, True)
    assert drawn.estimator.get_params()["lr_ftrl"] == pytest.approx(7.94581e-6 * 17_780 / 20)
    assert drawn.estimator.get_params()["steps"] == 200
    standardised = cases["scale-matched, standardised genes, drawn order, 100 steps"].estimator
    assert standardised.get_params()["standardise"]
    assert cases["study's constants, drawn order, 100 steps"].estimator.get_params()["lr_ftrl"] == 7.94581e-6


def test_the_map_subtracts_the_rivals_in_the_same_folds(table):
    folds = stratified_pair_folds(table.drugs, 3, 0)
    models = map_contenders(table.features, "GDSC", [100], orders=["drawn order"], device="cpu")
    result = cross_validate(table, [folds], models)
    found = map_table({"GDSC": result}, 0.5).set_index(["case", "metric", "model"])
    case = "scale-matched, drawn order, 100 steps"
    scores = result.metrics([case, "Additive"]).query("metric == 'AUCROC'")
    wide = scores.pivot_table(index="fold", columns="model", values="value")
    direct = corrected_resampled_t((wide[case] - wide["Additive"]).to_numpy(), 0.5)
    row = found.loc[(case, "AUCROC", "RefDNN-Additive")]
    assert (row["value"], row["low"]) == pytest.approx((direct.difference, direct.low))
    assert found.loc[(case, "AUCROC", "RefDNN"), "high"] <= 1


def test_tables_of_the_report_stand_beside_ours(table):
    sizes = report_tables.data_table({"GDSC": table})
    assert sizes["GDSC", "published"]["pairs"] == 190_036
    assert sizes["GDSC", "here"]["pairs"] == len(table)
    assert sizes["GDSC", "here"]["resistant"] == table.y.sum()
    folds = stratified_pair_folds(table.drugs, 3, 0)
    result = cross_validate(table, [folds], simple_contenders(table.features))
    protocols = {p: {"CCLE": result, "GDSC": result} for p, _ in report_tables.PUBLISHED_TIMES}
    times = report_tables.time_table(protocols)
    assert times.loc[("unseen drugs", "GDSC", "Kernel ridge"), "here (min)"] == pytest.approx(
        result.seconds["Kernel ridge"] / 60
    )


def test_search_spaces_show_their_ends_and_what_was_found(table):
    models = map_contenders(table.features, "CCLE", [40], orders=["drawn order"], device="cpu")[:1]
    settings = {"evaluate_every": 20, "first_evaluation": 20, "batch_size": 16}
    models[0].estimator.set_params(**settings)
    searched = [type(models[0])("RefDNN", models[0].estimator, REFDNN_SPACE)]
    folds = stratified_pair_folds(table.drugs, 3, 0)
    result = cross_validate(table, [folds], searched, n_trials=2, n_startup=1, n_inner=2)
    shown = report_tables.space_table(REFDNN_SPACE, {"CCLE": result})
    chosen = result.chosen
    assert shown.loc["lr_ftrl", ["lowest", "highest", "scale"]].tolist() == [1e-6, 1e-1, "log"]
    np.testing.assert_allclose(
        shown["CCLE, seed 0, fold 1"], chosen.iloc[1][list(REFDNN_SPACE)].astype(float)
    )
