"""Protocols of pairs: leakage, metrics by hand, tests over lines, null simulation, the paper's table."""

from __future__ import annotations

import json
from dataclasses import replace

import joblib
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from helpers.data.pairs_twin import simulate_pairs
from helpers.errors import DataError
from helpers.evaluation.multiple_testing import holm
from helpers.evaluation.protocol import Model, each_fold
from helpers.studies.pertvae.baselines import Identity, MeanShift
from helpers.studies.pertvae.comparison import (
    compare_all_drugs,
    compare_over_lines,
    summarise_lines,
    table_1,
)
from helpers.studies.pertvae.latent import (
    ProfileSet,
    compare_sizes,
    reconstruct_by_size,
    recover_effect,
    recover_weights,
)
from helpers.studies.pertvae.metrics import (
    change_correlation,
    identity_scores,
    replicate_ceiling,
    spearman_rows,
)
from helpers.studies.pertvae.models import pertvae_model, simple_models, singleton_models
from helpers.studies.pertvae.protocol import (
    cross_validate_drugs,
    line_folds,
    line_scores,
    make_task,
    split_scores,
)
from helpers.studies.pertvae.statistics import (
    bootstrap_mean,
    line_test,
    one_sided_mann_whitney,
    published_table,
    sign_flip_test,
)

TINY = {
    "hidden": (16,),
    "latent": 4,
    "context": 4,
    "flow_hidden": 8,
    "epochs": 3,
    "first_stop": 1,
    "draws": 5,
}


TWO = [simple_models({"Identity": Identity(), "Mean shift": MeanShift()})]


@pytest.fixture(scope="module")
def twin():
    return simulate_pairs(
        effects={"none": 12, "shift": 12, "linear": 6}, n_lines=14, n_genes=40, replicates=2, n_singletons=6
    )


@pytest.fixture(scope="module")
def scores(twin):
    return cross_validate_drugs(twin[0], ["none", "shift", "linear"], TWO, n_repeats=2)


# Folds ------------------------------------------------------------------------------------------


@settings(max_examples=30)
@given(st.lists(st.integers(0, 14), min_size=12, max_size=40), st.integers(0, 5))
def test_no_line_is_in_two_parts_and_every_pair_is_tested_once_a_repeat(codes, seed):
    lines = np.array([f"line {code}" for code in codes])
    if len(set(codes)) < 5:
        return
    folds = line_folds(lines, n_repeats=2, seed=seed)
    for fold in folds:
        parts = [set(lines[rows]) for rows in (fold.train, fold.validation, fold.test)]
        assert all(parts)
        assert not (parts[0] & parts[1] or parts[0] & parts[2] or parts[1] & parts[2])
        assert len(fold.train) + len(fold.validation) + len(fold.test) == len(lines)
    for repeat in (0, 1):
        tested = np.concatenate([fold.test for fold in folds if fold.tags["repeat"] == repeat])
        assert sorted(tested) == list(range(len(lines)))


def test_sixty_twenty_twenty_and_each_line_in_turn():
    lines = np.repeat([f"l{i}" for i in range(20)], 2)
    fold = line_folds(lines, n_repeats=1)[0]
    assert [len(rows) for rows in (fold.train, fold.validation, fold.test)] == [24, 8, 8]
    few = line_folds(lines[:12], n_repeats=1)
    assert sorted(fold.name for fold in few) == sorted(set(lines[:12]))
    assert all(len(set(lines[fold.test])) == 1 for fold in few)


def test_repeats_are_shuffled_plainly():
    """Lines with many replicates do not stick to a fold, as they do with renamed groups in GroupKFold."""
    lines = np.array(["big"] * 15 + [f"l{i}" for i in range(10)])
    together = [
        frozenset(lines[fold.test])
        for fold in line_folds(lines, n_repeats=20, seed=1)
        if "big" in lines[fold.test]
    ]
    assert len(set(together)) > 10


@pytest.mark.parametrize(
    ("lines", "arguments"),
    [(["a", "b"], {}), (["a", "b", "c"], {"few": 0}), (["a", "b", "c"], {"n_repeats": 0})],
)
def test_too_few_lines_are_refused(lines, arguments):
    with pytest.raises(DataError, match="lines"):
        line_folds(np.array(lines), **arguments)


# Tasks ------------------------------------------------------------------------------------------


def test_a_task_holds_nothing_of_the_test_lines(twin):
    data = twin[0].of_drug("shift")
    lines = data.pairs["line"].to_numpy(str)
    # Singletons of lines that have pairs too.
    names = pd.Index(np.unique(lines)[: len(data.singletons)])
    alone = data.singletons.set_axis(names + " basal")
    known = pd.Series(names, alone.index)
    data = replace(data, singletons=alone, singleton_lines=known)
    for fold in line_folds(lines, n_repeats=1):
        task = make_task(data, fold)
        held_out = set(lines[fold.test]) | set(lines[fold.validation])
        assert not set(task.train[2]) & held_out
        assert not set(task.singleton_lines) & held_out
        assert set(task.singleton_lines) == set(known) - held_out


def test_scaling_learns_from_the_training_part_alone(twin):
    data = twin[0].of_drug("linear")
    fold = line_folds(data.pairs["line"].to_numpy(str), n_repeats=1)[0]
    task = make_task(data, fold)
    scaler = task.scaler
    changed = data.post.copy()
    changed.iloc[fold.test] = 14.0
    other = make_task(replace(data, post=changed), fold)
    assert np.array_equal(task.train[1], other.train[1])
    assert np.array_equal(scaler.centre, other.scaler.centre)
    both = np.concatenate(task.train[:2])
    assert np.allclose(both.mean(axis=0), 0, atol=1e-6)
    assert np.allclose(both.std(axis=0), 1, atol=1e-6)
    # Pre and post share a scale: a change stays a change.
    raw = data.change.to_numpy()[fold.train]
    assert np.allclose((task.train[1] - task.train[0]) * scaler.spread, raw, atol=1e-5)


# Metrics ----------------------------------------------------------------------------------------


def test_spearman_equals_scipy_and_a_constant_scores_zero():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(4, 30)).round(1), rng.normal(size=(4, 30)).round(1)  # with ties
    expected = [stats.spearmanr(x, y).statistic for x, y in zip(a, b, strict=True)]
    assert np.allclose(spearman_rows(a, b), expected)
    assert spearman_rows(np.ones((1, 5)), b[:1, :5])[0] == 0
    with pytest.raises(DataError, match="one shape"):
        spearman_rows(a, b[:2])
    with pytest.raises(DataError, match="NaN"):
        spearman_rows(a * np.nan, b)


def test_change_metric_gives_no_credit_for_the_profile():
    rng = np.random.default_rng(0)
    pre = rng.normal(size=(3, 200)) * 5
    post = pre + rng.normal(size=pre.shape)
    assert (spearman_rows(pre, post) > 0.9).all()
    assert (change_correlation(pre, pre, post) == 0).all()
    assert np.allclose(change_correlation(post, pre, post), 1)
    # Only the genes that changed most: right there, wrong elsewhere.
    wrong = pre - (post - pre)
    top = np.argsort(-np.abs(post - pre), axis=1)[:, :50]
    np.put_along_axis(wrong, top, np.take_along_axis(post, top, axis=1), axis=1)
    assert np.allclose(change_correlation(wrong, pre, post, 50), 1)
    assert (change_correlation(wrong, pre, post) < 0.9).all()


def test_replicates_of_a_real_effect_agree_in_their_change(twin):
    ceiling = replicate_ceiling(twin[0]).groupby("drug")[["replicates", "post", "change"]].mean()
    assert (ceiling["replicates"] == 2).all()
    assert ceiling.loc["shift", "change"] > 0.7
    assert abs(ceiling.loc["none", "change"]) < 0.1
    alone, _ = simulate_pairs(effects={"shift": 4}, n_lines=4, n_genes=20)
    assert replicate_ceiling(alone).empty
    before = identity_scores(twin[0])
    assert before["raw"].mean() > before["average"].mean()


# Protocol ---------------------------------------------------------------------------------------


def test_scores_have_every_pair_once_a_repeat(scores, twin):
    part = scores.query("model == 'Identity' and metric == 'rho'")
    counts = part.groupby(["drug", "repeat"])["pair"].agg(["size", "nunique"])
    assert (counts["size"] == counts["nunique"]).all()
    assert counts.loc["none", 0]["size"] == 24
    assert (scores.query("model == 'Identity' and metric == 'change'")["value"] == 0).all()


def test_the_planted_shift_is_seen_and_only_there(scores):
    gain = compare_over_lines(scores, "Mean shift", ["Identity"]).set_index("drug")
    assert gain.loc["shift", "low"] > 0
    assert gain.loc["shift", "p_holm"] < 0.05
    assert abs(gain.loc["none", "difference"]) < 0.05
    assert gain.loc["linear", "n"] == 6


def test_at_most_runs_the_same_folds_and_jobs_do_not_matter(twin, scores):
    drugs = ["none", "shift", "linear"]
    part = cross_validate_drugs(twin[0], drugs, TWO, n_repeats=2, at_most=2, n_jobs=2)
    keys = ["drug", "repeat", "fold", "pair", "model", "metric"]
    assert 0 < len(part) < len(scores)
    both = part.merge(scores, on=keys)
    assert len(both) == len(part)
    assert (both["value_x"] == both["value_y"]).all()


def test_averages_go_from_replicates_to_repeats_to_lines(scores):
    rows = scores.query("drug == 'none' and model == 'Mean shift' and metric == 'rho'")
    line = rows["line"].iloc[0]
    expected = rows[rows["line"] == line].groupby("repeat")["value"].mean().mean()
    lines = line_scores(rows)
    assert lines.set_index("line")["value"][line] == pytest.approx(expected)
    summary = summarise_lines(scores)
    row = summary.query("drug == 'none' and model == 'Mean shift' and metric == 'rho'").iloc[0]
    assert row["value"] == pytest.approx(lines["value"].mean())
    assert row["n"] == 12
    assert len(split_scores(scores).loc["none"]) == 10


def test_over_all_drugs_a_line_counts_once(scores):
    table = compare_all_drugs(scores, "Mean shift", ["Identity"])
    assert table["n"].iloc[0] == scores["line"].nunique()
    with pytest.raises(DataError, match=r"no scores of \['Oracle'\]"):
        compare_all_drugs(scores, "Mean shift", ["Oracle"])


def test_table_1_is_the_papers_test(scores):
    table = table_1(scores, "Mean shift", "Identity")
    wide = split_scores(scores).loc["shift"]
    oracle = stats.mannwhitneyu(
        wide["Mean shift"], wide["Identity"], alternative="greater", method="asymptotic"
    )
    assert table.loc["shift", "p"] == oracle.pvalue
    assert table.loc["shift", ["lines", "splits"]].to_list() == [12, 10]


def test_simple_models_see_the_singletons_that_pertvae_sees(twin):
    seen = []

    class Spy(Identity):
        def _fit(self, pre, post, groups):
            seen.append(self.singletons_)

    data = twin[0].of_drug("shift")
    lines = data.pairs["line"].to_numpy(str)
    fold = line_folds(lines, n_repeats=1)[0]
    next(iter(simple_models({"Spy": Spy()}).predict(data, [fold])))
    assert np.array_equal(seen[0], make_task(data, fold).singletons)
    assert len(seen[0]) == 6


def test_some_of_the_singletons_are_drawn_from_those_of_the_fold(twin):
    data = twin[0].of_drug("shift")
    fold = line_folds(data.pairs["line"].to_numpy(str), n_repeats=1)[0]
    task = make_task(data, fold)
    assert task.with_singletons(None, 0) is task.with_singletons(99, 0) is task
    four = task.with_singletons(4, 1)
    rows = [list(task.singleton_lines).index(line) for line in four.singleton_lines]
    assert len(set(rows)) == 4
    assert np.array_equal(four.singletons, task.singletons[rows])
    drawn = {tuple(task.with_singletons(4, seed).singleton_lines) for seed in range(10)}
    assert len(drawn) > 3
    assert len(task.with_singletons(0, 0).singletons) == 0


def test_a_curve_over_singletons_runs_network_and_linear_model(twin):
    data = twin[0].of_drug("linear")
    models = singleton_models(TINY, [0, 3])
    found = cross_validate_drugs(data, ["linear"], models, n_repeats=1, at_most=1)
    names = {f"{model}, {count} singletons" for model in ("PertVAE", "PCA + shift") for count in (0, 3)}
    assert names < set(found["model"])


def test_a_prediction_with_nan_is_refused(twin):
    broken = Model("Broken", each_fold(lambda data, fold: np.full((len(fold.test), 40), np.nan)))
    with pytest.raises(DataError, match=r"predictions for fold 0 have shape .* or hold NaN"):
        cross_validate_drugs(twin[0], ["none"], [broken], n_repeats=1)


def test_a_run_resumes_at_the_drug(twin, scores, tmp_path):
    memory = joblib.Memory(tmp_path, verbose=0)
    drugs = ["none", "shift", "linear"]
    assert cross_validate_drugs(twin[0], drugs[:2], TWO, n_repeats=2, memory=memory).equals(
        scores[scores["drug"] != "linear"]
    )
    again = [simple_models({"Identity": Identity(), "Mean shift": MeanShift()})]
    calls = []
    kept = cross_validate_drugs(
        twin[0], drugs, again, n_repeats=2, memory=memory, progress=lambda *done: calls.append(done)
    )
    assert kept.equals(scores)
    assert max(total for _, _, total in calls) == 12, "only the third drug, of six lines, was computed"


def test_pertvae_takes_part_and_repeats(twin):
    data = twin[0].of_drug("linear")
    runs = [
        cross_validate_drugs(data, ["linear"], [pertvae_model(TINY)], n_repeats=1, at_most=1)
        for _ in range(2)
    ]
    assert runs[0].equals(runs[1])
    assert set(runs[0]["model"]) == {
        "PertVAE",
        "PertVAE reconstruction",
        "PertVAE latent shift",
        "PertVAE change on x1",
        "PertVAE of the answer",
    }
    bare = pertvae_model(TINY, singletons=0, by_products=False)
    other = cross_validate_drugs(data, ["linear"], [bare], n_repeats=1, at_most=1)
    assert set(other["model"]) == {"PertVAE", "PertVAE reconstruction"}
    assert not other["value"].equals(runs[0].query("model in ['PertVAE', 'PertVAE reconstruction']")["value"])


def test_reconstruction_by_size(twin):
    profiles = ProfileSet.of(twin[0])
    assert len(np.unique(profiles.levels, axis=0)) == len(profiles.levels)
    small = {key: value for key, value in TINY.items() if key != "latent"}
    table = reconstruct_by_size(profiles, [1, 6], small, at_most=2, factor_sizes=[1])
    assert set(table.query("model == 'Factor analysis'")["size"]) == {1}
    means = table.query("metric == 'rho'").groupby(["model", "size"])["value"].mean()
    assert means["PCA", 6] > means["PCA", 1]  # six latent dimensions were planted
    gap = compare_sizes(table, ("PCA", 6), ("PCA", 1))
    assert gap.low > 0
    with pytest.raises(DataError, match="no reconstruction by"):
        compare_sizes(table, ("PCA", 7), ("PCA", 1))


def test_recovered_effects_are_held_against_the_planted_ones():
    data, truth = simulate_pairs(n_lines=30, n_genes=40, latent=3, n_singletons=0)
    linear = recover_effect(data, truth, "linear", TINY).set_index(["model", "part"])["value"]
    assert linear["Mean shift", "mean"] > 0.9
    assert linear["Mean shift", "line"] == 0  # it treats all lines alike
    assert linear["Ridge", "line"] > 0.6


def test_planted_weights_are_found_where_there_are_many_lines():
    data, truth = simulate_pairs(effects={"linear": 60}, n_lines=60, n_genes=30, latent=2, n_singletons=0)
    longer = {"hidden": (32,), "epochs": 120, "first_stop": 60, "learning_rate": 5e-3, "watch": "correlation"}
    found = recover_weights(data, truth, "linear", TINY | longer)
    value = found.set_index("what")["value"]
    assert value["explained"] > 0.9
    assert value["W"] > 0.5


# Statistics -------------------------------------------------------------------------------------


def test_sign_flips_by_hand_and_by_chance():
    # 2^3 patterns of 1, 2, 3: only +++ and --- reach the sum of 6.
    assert sign_flip_test(np.array([1.0, 2.0, 3.0])) == pytest.approx(2 / 8)
    d = np.random.default_rng(0).normal(0.3, 1, 40)
    assert sign_flip_test(d) == pytest.approx(stats.ttest_1samp(d, 0).pvalue, abs=0.02)
    assert np.isnan(sign_flip_test(np.array([])))


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
@settings(max_examples=40)
def test_holm_by_its_definition(p):
    p = np.array(p)
    order = np.argsort(p, kind="stable")
    expected, running = np.empty(len(p)), 0.0
    for place, at in enumerate(order):
        running = max(running, p[at] * (len(p) - place))
        expected[at] = min(running, 1.0)
    assert np.allclose(holm(p), expected)


def test_holm_leaves_nan_out():
    assert holm(np.array([0.01, np.nan, 0.04]))[[0, 2]] == pytest.approx([0.02, 0.04])


def test_line_test_and_one_sided_test():
    test = line_test(np.array([0.1, 0.2, 0.15, 0.3, 0.05, 0.25]))
    assert test.comparison.low > 0
    assert test.wins == 6
    assert test.comparison.p == pytest.approx(2 / 2**6)
    assert np.isnan(bootstrap_mean(np.array([1.0, 2.0])).low)
    worse = one_sided_mann_whitney(np.arange(10.0), np.arange(10.0) + 20)
    assert worse.p > 0.999  # one-sided: worse is no finding
    assert worse.high < 0
    # The interval by hand: both samples have variance 55 / 6.
    assert worse.high - worse.difference == pytest.approx(1.959964 * np.sqrt(2 * 55 / 6 / 10))


def test_the_printed_table_and_its_cut(repository):
    entries = json.loads((repository / "data/pertvae/published.json").read_text(encoding="utf-8"))
    table = published_table({entry["id"]: entry["mean"] for entry in entries})
    assert len(table) == 19
    many = table[table["lines"] >= 50]
    assert list(many.index[many["passes"]]) == ["vorinostat", "bortezomib", "sn38", "temsirolimus"]
    assert not table.loc["selumetinib", "passes_holm"]
    assert table["difference"].median() == pytest.approx(-0.002)
    with pytest.raises(DataError, match="n_lines, rho_rec, rho_pred and p"):
        published_table({"pertvae.t1.x.p": 0.5})
