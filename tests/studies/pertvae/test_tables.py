"""Tidy tables of the chapter: what becomes a result, row by row."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from helpers.data.pairs_twin import simulate_pairs
from helpers.studies.pertvae import tables
from helpers.studies.pertvae.baselines import Identity, MeanPost, MeanShift
from helpers.studies.pertvae.comparison import compare_all_drugs, compare_over_lines
from helpers.studies.pertvae.metrics import identity_scores, replicate_ceiling, shared_effect
from helpers.studies.pertvae.models import pertvae_model, simple_models
from helpers.studies.pertvae.protocol import cross_validate_drugs


@pytest.fixture(scope="module")
def twin():
    return simulate_pairs(effects={"none": 11, "shift": 12}, n_lines=14, n_genes=40, replicates=2)[0]


@pytest.fixture(scope="module")
def scores(twin):
    predictors = {"Identity": Identity(), "Mean shift": MeanShift(), "Mean post": MeanPost()}
    return cross_validate_drugs(twin, ["none", "shift"], [simple_models(predictors)], n_repeats=2)


def test_profiles_before_and_after_by_line_and_replicates_by_condition(twin):
    alike = tables.before_and_after(twin, 50, 0).set_index("what")
    by_line = identity_scores(twin)["raw"].groupby(twin.pairs["line"]).mean()
    assert alike.loc["log2 values", "value"] == pytest.approx(by_line.mean())
    assert alike.loc["log2 values", "n"] == twin.pairs["line"].nunique()
    ceilings = tables.ceilings([twin]).set_index("kind")
    found = replicate_ceiling(twin)
    assert ceilings.loc["change", "value"] == pytest.approx(found["change"].mean())
    assert (ceilings["n"] == len(found)).all()


def test_both_tests_become_two_results_a_drug(scores):
    table = tables.both_tests(scores, "Mean shift", "Identity")
    results = tables.results_of_tests(table).set_index(["drug", "test"])
    splits, lines = results.loc[("shift", "Mann-Whitney")], results.loc[("shift", "Holm")]
    assert (splits["difference"], splits["p"], splits["n"]) == tuple(
        table.loc["shift", ["difference", "p", "splits"]]
    )
    assert (splits["low"], splits["high"]) == tuple(table.loc["shift", ["split_low", "split_high"]])
    expected = compare_over_lines(scores, "Mean shift", ["Identity"]).set_index("drug").loc["shift"]
    assert list(lines[["difference", "low", "high", "p", "n"]]) == list(
        expected[["difference", "low", "high", "p_holm", "n"]]
    )


def test_differences_over_all_drugs_and_by_drug(scores):
    both = tables.differences(scores, "Mean shift", ["Identity", "Mean post"], ["rho", "change"])
    assert set(both["scope"]) == {"all drugs", "none", "shift"}
    assert len(both) == 2 * 2 * 3
    row = both.query("scope == 'all drugs' and model == 'Identity' and metric == 'rho'").iloc[0]
    assert row["difference"] == compare_all_drugs(scores, "Mean shift", ["Identity"])["difference"].iloc[0]
    alone = tables.differences(scores, "Mean shift", ["Identity"], ["rho"], by_drug=False, scope="variants")
    assert alone["scope"].to_list() == ["variants"]


def test_the_strongest_rival_is_named_and_beating_it_is_beating_all(scores):
    rivals = ["Identity", "Mean post"]
    best = tables.against_simple(scores, "Mean shift", rivals, ["rho"], n_boot=400).iloc[0]
    assert (best["model"], best["rival"], best["metric"]) == ("strongest", "Identity", "rho")
    plain = tables.differences(scores, "Mean shift", rivals, ["rho"], by_drug=False, n_boot=400)
    assert best["difference"] == pytest.approx(plain.set_index("model").loc["Identity", "difference"])
    assert best["low"] == pytest.approx(plain["low"].min())
    assert best["high"] >= plain.set_index("model").loc["Identity", "high"]


def test_the_steps_of_a_prediction_add_up(twin):
    settings = {"hidden": (16,), "latent": 4, "context": 4, "flow_hidden": 8, "epochs": 3, "first_stop": 1}
    models = [pertvae_model(settings | {"draws": 2}), simple_models({"Identity": Identity()})]
    scores = cross_validate_drugs(twin, ["shift"], models, n_repeats=1, at_most=2)
    steps = tables.decomposition(scores, n_boot=50).set_index("step")["difference"]
    assert steps[["decoder", "mean latent shift", "W"]].sum() == pytest.approx(steps["sum"])
    means = scores.query("metric == 'rho'").groupby(["model", "line"])["value"].mean().groupby("model").mean()
    assert steps["left to the answer"] == pytest.approx(means["PertVAE of the answer"] - means["PertVAE"])


def test_a_shared_effect_is_what_lines_have_in_common(twin):
    table = tables.shared_effects([twin], 50, 0).set_index("drug")
    assert table.loc["shift", "value"] > 0.5
    assert abs(table.loc["none", "value"]) < 0.2
    part = twin.of_drug("shift")
    change = part.change.groupby(part.pairs["line"]).mean()
    line = change.index[0]
    others = change.drop(line).mean()
    by_line = shared_effect(twin).set_index(["drug", "line"])["value"]
    assert by_line["shift", line] == pytest.approx(others.corr(change.loc[line], method="spearman"))


def test_every_stopping_rule_has_its_own_reference(scores):
    renamed = {"Mean shift": "A", "Mean post": "A reconstruction"}
    table = scores.assign(model=scores["model"].replace(renamed))
    found = tables.readings_of_stopping(table, {"A": "error"}, n_boot=50)
    assert set(found["stops"]) == {"error"}
    row = found.query("scope == 'shift' and model == 'A reconstruction' and metric == 'rho'").iloc[0]
    own = tables.differences(scores, "Mean shift", ["Mean post"], ["rho"], n_boot=50)
    assert row["difference"] == own.query("scope == 'shift'")["difference"].iloc[0]


def test_tests_of_models_count_the_splits_that_a_model_was_run_in(scores):
    renamed = {"Mean shift": "A", "Identity": "A reconstruction"}
    first = scores.assign(model=scores["model"].replace(renamed))
    renamed = {"Mean shift": "B", "Identity": "B reconstruction"}
    second = scores[scores["repeat"] == 0]
    second = second.assign(model=second["model"].replace(renamed))
    found = tables.tests_of_models(pd.concat([first, second]), ["A", "B"])
    splits = found[found["test"] == "Mann-Whitney"].set_index(["first", "drug"])["n"]
    assert splits.to_dict() == {("A", "none"): 10, ("A", "shift"): 10, ("B", "none"): 5, ("B", "shift"): 5}
    both = tables.in_folds_of(first, second)
    assert set(both.loc[both["model"] == "A", "repeat"]) == {0}


def test_titles_count_what_the_intervals_show():
    table = pd.DataFrame({"low": [0.2, 0.05, -0.3], "high": [0.4, 0.3, -0.1]})
    assert tables.shared_title(table).startswith("1 of 3 drugs")
    assert tables.gain_title(table, "x") == "x: above zero in 2,\nbelow in 1 of 3 comparisons"


def test_the_curve_over_singletons_by_hand():
    rows = [("PertVAE, 0 singletons", "a", 0.1), ("PertVAE, 0 singletons", "b", 0.3), ("PertVAE", "a", 0.9)]
    scores = pd.DataFrame(rows, columns=["model", "line", "value"]).assign(drug="d", metric="rho", repeat=0)
    curve = tables.singleton_curve(scores)
    assert curve[["model", "size", "value", "n"]].to_numpy().tolist() == [["PertVAE", 0, 0.2, 2]]


def test_printed_numbers_stand_beside_the_papers_drugs_only():
    summary = pd.DataFrame(
        {"drug": ["SN-38", "SN-38", "other"], "model": ["PertVAE", "Identity", "PertVAE"], "metric": "rho"}
    )
    printed = tables.with_printed(summary, {"pertvae.t1.sn38.rho_pred": 0.4})["published"]
    assert printed.iloc[0] == 0.4
    assert printed.iloc[1:].isna().all()


def test_printed_counts():
    printed = pd.DataFrame(
        {
            "lines": [60, 55, 10],
            "p": [0.5, 0.5, 0.5],
            "difference": [0.1, -0.2, 0.3],
            "passes": [True, False, True],
            "passes_holm": [False, False, True],
        }
    )
    counts = tables.printed_counts(printed).set_index("what")["value"]
    assert counts.to_list()[:4] == [1, 0, 0.1, 2]
    assert counts["visible gain with 19 lines"] > counts["visible gain with 56 lines"] > 0


def test_gaps_of_latent_sizes():
    lines, rng = [f"l{i}" for i in range(8)], np.random.default_rng(0)
    models = [("VAE", 10), ("VAE", 100), ("PCA", 10), ("PCA", 100), ("Factor analysis", 10)]
    by_size = pd.concat(
        [
            pd.DataFrame({"model": m, "size": s, "line": lines, "metric": "rho", "value": rng.normal(size=8)})
            for m, s in models
        ]
    )
    gaps = tables.size_gaps(by_size, [10, 100], [10]).set_index(["models", "what"])
    assert len(gaps) == 4
    wide = by_size.pivot_table("value", "line", ["model", "size"])
    expected = (wide["VAE", 10] - wide["PCA", 10]).mean()
    assert gaps.loc[("VAE-PCA", "rho at 10"), "difference"] == pytest.approx(expected)
