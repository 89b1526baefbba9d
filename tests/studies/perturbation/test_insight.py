import dataclasses

import numpy as np
import pandas as pd
import pytest

from helpers.studies.perturbation import insight
from helpers.studies.perturbation.baselines.simple import Additive, Constant
from helpers.studies.perturbation.comparison import summarise_models
from helpers.studies.perturbation.folds import random_rows
from helpers.studies.perturbation.insight import (
    attention_weights,
    dot_attention,
    evenness,
    learned_additivity,
    oracle_scores,
)
from helpers.studies.perturbation.metrics import additive_share, mean_scores
from helpers.studies.perturbation.predictors import simple_predictors
from helpers.studies.perturbation.protocol import predictor, run_protocol
from helpers.studies.perturbation.twin import simulate_changes
from helpers.studies.perturbation.types import ExpressionChanges


@pytest.fixture(scope="module")
def data():
    return simulate_changes(0, n_compounds=10, n_shared=4, n_genes=25)


def test_additive_share_of_known_tables():
    rng = np.random.default_rng(0)
    cell, compound = rng.normal(size=(4, 1, 6)), rng.normal(size=(1, 5, 6))
    assert additive_share(cell + compound) == pytest.approx(1)
    rest = rng.normal(size=(4, 5, 6))
    rest -= rest.mean(axis=0)
    rest -= rest.mean(axis=1)[:, None]
    assert additive_share(rest) == pytest.approx(0, abs=1e-12)
    total = (cell + compound) - (cell + compound).mean(axis=(0, 1))
    expected = (total**2).sum() / ((total**2).sum() + (rest**2).sum())
    assert additive_share(cell + compound + rest) == pytest.approx(expected)
    assert np.isnan(additive_share(np.ones((3, 3, 2))))


def test_an_additive_model_learns_an_additive_table(data):
    found = learned_additivity(data, [predictor("additive", Additive())])
    assert found["value"].iloc[0] == pytest.approx(1, abs=1e-6) and found["n"].iloc[0] == 60


def test_dot_attention_same_as_keras():
    import keras

    states = np.random.default_rng(0).normal(size=(2, 3, 4)).astype(np.float32)
    _, expected = keras.layers.Attention()([states, states], return_attention_scores=True)
    np.testing.assert_allclose(dot_attention(states), keras.ops.convert_to_numpy(expected), rtol=1e-4)


def test_attention_weights_of_a_network_add_up_per_step(data):
    weights = attention_weights(data.subset(genes=data.values.columns[:4]), epochs=1, seed=3)
    assert list(weights) == list(weights.index) == ["cell", "compound", "lincs_id", "smiles", "length"]
    np.testing.assert_allclose(weights.sum(axis=1), 1, rtol=1e-5)
    assert 0.9 < evenness(weights) <= 1  # hardly trained: no preference yet


def test_evenness_of_known_weights():
    even = pd.DataFrame(np.full((5, 5), 0.2))
    assert evenness(even) == pytest.approx(1)
    assert evenness(pd.DataFrame(np.eye(5))) == pytest.approx(0, abs=1e-9)


def test_no_predictor_beats_the_oracle():
    data = simulate_changes(1, n_compounds=12, n_shared=12, n_full=6, n_genes=60, interaction=1)
    folds = random_rows(data.rows, [0])
    oracle = oracle_scores(data, folds)
    scores = run_protocol(data, folds, simple_predictors())
    assert set(oracle["n"]) == {72}
    best = oracle.set_index("metric")["value"]
    for model, part in scores.groupby("model"):
        assert mean_scores(part)["MRRMSE"] > best["MRRMSE"], model
        assert mean_scores(part)["sign accuracy"] < best["sign accuracy"], model


@pytest.fixture(scope="module")
def scores(data):
    models = [predictor("zero", Constant("zero")), predictor("additive", Additive())]
    return run_protocol(data, random_rows(data.rows, [0]), models).assign(data="x")


def test_the_identity_of_errors_holds_for_every_model(scores):
    gap = insight.largest_identity_gap(summarise_models(scores, "cell", 5).assign(data="x", protocol="p"))
    assert gap["value"].iloc[0] < 1e-9 and gap["n"].iloc[0] == 2


def test_errors_by_compound_and_cell_same_as_by_hand(scores):
    by = insight.errors_by_compound(scores, ["additive"])
    own = scores[(scores["model"] == "additive") & (scores["compound"] == "compound 3")]
    expected = own["right_error"].sum() / own["right"].sum()
    assert by.loc["compound 3", "additive"] == pytest.approx(expected)
    zero = scores[(scores["model"] == "zero") & (scores["compound"] == "compound 3")]
    assert by.loc["compound 3", "mean |change|"] == pytest.approx(zero["error"].mean())
    ranges = insight.error_ranges(scores, ["additive"]).set_index(["model", "group"])
    own = scores[(scores["model"] == "additive") & (scores["cell"] == "B cells")]["error"]
    assert ranges.loc[("additive", "B cells")].to_list() == pytest.approx([own.min(), own.mean(), own.max()])


def test_the_error_of_zero_follows_the_size_of_the_changes(scores):
    found = insight.error_follows_size(scores, [("x", "compound"), ("x", "cell")], "zero")
    assert found["value"].to_list() == pytest.approx([1, 1]) and found["n"].to_list() == [10, 6]


def test_share_of_the_gain_over_a_coin():
    rows = [("x", "GRU", 0.7), ("x", "LSTM", 0.6), ("x", "gene sign", 0.65), ("x", "additive", 0.9)]
    summary = pd.DataFrame(rows, columns=["data", "model", "value"]).assign(metric="sign accuracy")
    row = insight.gain_over_coin(summary, ["GRU", "LSTM"]).iloc[0]
    assert row["best"] == 0.7 and row["share"] == pytest.approx(0.75) and "GRU" in row["note"]


def test_without_planted_changes_there_is_no_oracle(data):
    measured = dataclasses.replace(data, planted=None)
    assert oracle_scores(measured, random_rows(data.rows, [0])).empty


def test_rows_that_share_controls_correlate():
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({"cell": np.repeat(["x", "y"], 6), "compound": list("abcdef") * 2})
    rows = rows.assign(lincs_id=rows["compound"], smiles=rows["compound"], control=False, split="train")
    rows["block"] = rows["cell"] + np.tile(["v", "v", "w", "w", "u", "t"], 2)
    noise = rng.normal(size=(8, 2000))[pd.factorize(rows["block"])[0]]
    values = pd.DataFrame(noise + rng.normal(size=(12, 2000)))
    found = insight.shared_control_correlation(ExpressionChanges("x", rows, values, "log2 change"), 20)
    found = found.set_index("controls")
    assert found.loc["shared", "value"] == pytest.approx(0.5, abs=0.06) and found.loc["shared", "n"] == 4
    assert abs(found.loc["other", "value"]) < 0.05 and found.loc["other", "n"] == 26


def test_tuning_scores_the_winner_where_it_was_not_tuned(data):
    small = data.subset(genes=data.values.columns[:3])
    fold = random_rows(small.rows, [0])[0]
    found = insight.tune_networks(small, fold, 0.004).set_index("model")
    assert list(found.index) == ["LSTM", "GRU", "GRU3", "GRU3-ATTN", "Transformer", "Autoencoder"]
    assert set(found["learning rate"].round(6)) <= {0.3, 1.0, 3.0} and set(found["n"]) == {len(fold.test)}
    assert (found["worst"] <= found["published"]).all() and (found["published"] <= found["best"]).all()


def test_the_share_of_groups_with_the_smaller_error(scores):
    both = insight.share_of_groups(scores, [("additive", "zero"), ("zero", "additive")], "compound", "MAE")
    errors = scores.pivot_table(index="compound", columns="model", values="error")
    assert both["value"].iloc[0] == pytest.approx((errors["additive"] < errors["zero"]).mean())
    assert both["value"].sum() == pytest.approx(1) and (both["low"] <= both["value"]).all()
