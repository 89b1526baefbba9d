import dataclasses
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kendalltau
from sklearn.base import BaseEstimator

from helpers.errors import DataError
from helpers.evaluation.protocol import Fold, predictions
from helpers.studies.perturbation.baselines.simple import Additive, Constant, GroupMean
from helpers.studies.perturbation.comparison import (
    bootstrap_ranks,
    compare_changes,
    part_difference,
    rank_stability,
    scores_by_seed,
    summarise_changes,
)
from helpers.studies.perturbation.contenders import (
    READINGS,
    attention_controls,
    networks,
    reading_variants,
    simple_predictors,
)
from helpers.studies.perturbation.folds import (
    competition,
    leave_cells_out,
    leave_compounds_out,
    random_rows,
    same_split,
)
from helpers.studies.perturbation.insight import (
    attention_weights,
    dot_attention,
    evenness,
    learned_additivity,
    oracle_scores,
)
from helpers.studies.perturbation.metrics import additive_share, base_rates, mean_scores, row_scores
from helpers.studies.perturbation.model import PerturbationNetwork
from helpers.studies.perturbation.protocol import (
    Rows,
    predictor,
    run_protocol,
    shuffle_compounds,
)
from helpers.studies.perturbation.twin import simulate_changes


@pytest.fixture(scope="module")
def data():
    return simulate_changes(0, n_compounds=10, n_shared=4, n_genes=25)[0]


# Folds ---------------------------------------------------------------------------------------


@settings(max_examples=20)
@given(st.integers(2, 12), st.integers(2, 5), st.integers(0, 5))
def test_no_row_is_on_both_sides_of_any_protocol(n_compounds, n_splits, seed):
    rows = simulate_changes(seed, n_compounds=n_compounds, n_shared=min(2, n_compounds), n_genes=2)[0].rows
    folds = random_rows(rows, [seed], n_splits) + leave_compounds_out(rows, [seed], n_splits)
    if n_compounds > 4:
        folds += competition(rows, [seed]) + leave_cells_out(rows, [seed])
    for fold in folds:
        assert not np.intersect1d(fold.train, fold.test).size and len(fold.train) and len(fold.test)
        assert (rows["split"].iloc[fold.train] == "train").all()


def test_random_rows_test_every_training_row_once_a_seed(data):
    folds = random_rows(data.rows, [3, 4])
    train = np.flatnonzero(data.rows["split"] == "train")
    for seed in (3, 4):
        tested = np.concatenate([f.test for f in folds if f.seed == seed])
        np.testing.assert_array_equal(np.sort(tested), train)
    assert not np.array_equal(folds[0].test, folds[5].test)
    single = random_rows(data.rows, [3], n_used=1)
    assert len(single) == 1 and len(single[0].test) == pytest.approx(0.2 * len(train), abs=1)


def test_the_competition_split_is_the_design(data):
    (fold,) = competition(data.rows, [0])
    assert set(data.rows["split"].iloc[fold.test]) == {"public", "private"}
    test = data.rows.iloc[fold.test]
    seen = data.rows.iloc[fold.train]
    assert set(test["compound"]) <= set(seen["compound"]) and set(test["cell"]) <= set(seen["cell"])


def test_left_out_compounds_are_unseen_in_every_cell(data):
    folds = leave_compounds_out(data.rows, [0], 5)
    assert len(folds) == 5
    for fold in folds:
        left_out = set(data.rows["compound"].iloc[fold.test])
        assert left_out.isdisjoint(data.rows["compound"].iloc[fold.train]) and len(left_out) == 2
    assert len(leave_compounds_out(data.rows, [0], 5, n_used=2)) == 2


def test_left_out_cells_keep_the_shared_compounds(data):
    folds = leave_cells_out(data.rows, [0])
    assert [f.name for f in folds] == ["NK cells", "T cells CD4+", "T cells CD8+", "T regulatory cells"]
    for fold in folds:
        train, test = data.rows.iloc[fold.train], data.rows.iloc[fold.test]
        assert set(test["cell"]) == {fold.name} and len(test) == 6
        assert set(train.loc[train["cell"] == fold.name, "compound"]) == {
            f"compound {i}" for i in range(1, 5)
        }
        assert set(test["compound"]) <= set(train["compound"])


def test_left_out_lines_keep_the_row_of_their_commonest_compound():
    pairs = [("a", "x"), ("a", "y"), ("b", "x"), ("b", "y"), ("b", "z"), ("c", "x"), ("d", "y"), ("d", "w")]
    rows = pd.DataFrame(pairs, columns=["cell", "compound"]).assign(split="train")
    folds = leave_cells_out(rows, [0], n_splits=3)
    assert sorted(rows["cell"].iloc[f.test].tolist() for f in folds if len(f.test)) == [["a"], ["b"]]
    for fold in folds:
        test, train = rows.iloc[fold.test], rows.iloc[fold.train]
        assert set(test["compound"]) <= set(train["compound"])  # z and w are in no other cell
        assert set(test["cell"]) <= set(train["cell"]) and "c" not in set(test["cell"])
        for cell in set(test["cell"]):
            kept = train.loc[train["cell"] == cell, "compound"].tolist()
            assert kept == ["x"]  # x and y are in three cells each; x comes first


def test_one_split_with_other_seeds(data):
    first = random_rows(data.rows, [0])[0]
    again = same_split(first, [5, 6])
    assert [(f.tags["protocol"], f.seed) for f in again] == [("same_split", 5), ("same_split", 6)]
    assert all(f.test is first.test for f in again)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda rows: random_rows(rows, [0], 999), "rows cannot make 999 folds"),
        (lambda rows: competition(rows[rows["split"] == "train"], [0]), "no competition split"),
        (lambda rows: leave_compounds_out(rows[rows["compound"] == "compound 1"], [0]), "1 compounds"),
        (lambda rows: leave_cells_out(rows[rows.index < 3], [0]), "0 cells with more"),
        (lambda rows: leave_cells_out(rows, [0], n_splits=9), "6 cells cannot make 9"),
        (lambda rows: leave_cells_out(rows[::7], [0]), "no compound was measured in every cell"),
    ],
)
def test_impossible_folds_are_refused(data, call, message):
    with pytest.raises(DataError, match=message):
        call(data.rows)


# Running -------------------------------------------------------------------------------------


def predicted(model, data, folds):
    """What a model says in each fold."""
    return [values for _, _, values in predictions(Rows.of(data), folds, [model])]


def test_scores_same_as_a_direct_fit(data):
    folds = random_rows(data.rows, [0], n_used=2, in_sample=True)
    models = [predictor("cell mean", GroupMean("cell")), predictor("zero", Constant("zero"))]
    scores = run_protocol(data, folds, models)
    fold = folds[1]
    fitted = GroupMean("cell").fit(data.rows.iloc[fold.train], data.matrix[fold.train])
    for part, positions in (("test", fold.test), ("train", fold.train)):
        direct = row_scores(data.matrix[positions], fitted.predict(data.rows.iloc[positions]), 2.0)
        chosen = (scores["model"] == "cell mean") & (scores["fold"] == "1") & (scores["part"] == part)
        found = scores[chosen]
        np.testing.assert_array_equal(found["row"], positions)
        np.testing.assert_allclose(found["error"], direct["error"])
    pd.testing.assert_frame_equal(scores, run_protocol(data, folds, models, n_jobs=2))


def test_test_rows_cannot_influence_what_is_predicted_for_them(data):
    """Leakage: every model but a network (whose module has its own test) sees training rows only."""
    fold = leave_compounds_out(data.rows, [0])[0]
    changed = data.values.copy()
    changed.iloc[fold.test] += 100
    for model in simple_predictors():
        (first,), (second,) = (
            predicted(model, dataclasses.replace(data, values=values), [fold])
            for values in (data.values, changed)
        )
        np.testing.assert_array_equal(first, second, err_msg=model.name)


def test_a_network_takes_part_like_any_other_and_its_training_rows_are_scored(data):
    small = data.subset(genes=data.values.columns[:6])
    folds = random_rows(small.rows, [0], n_used=1, in_sample=True)
    folds += same_split(folds[0], [1])
    network = predictor("a network", PerturbationNetwork("Autoencoder", 2))
    models = [network, predictor("zero", Constant("zero"))]
    scores = run_protocol(small, folds, models)
    assert set(scores["model"]) == {"a network", "zero"}
    assert set(scores.query("part == 'train'")["protocol"]) == {"random_rows"}
    assert np.isfinite(scores["error"]).all()


def test_shuffling_keeps_cells_and_moves_whole_compounds(data):
    shuffled = shuffle_compounds(data.rows, 0)
    pd.testing.assert_series_equal(shuffled["cell"], data.rows["cell"])
    assert (shuffled["compound"] != data.rows["compound"]).mean() > 0.7
    for cell, part in shuffled.groupby("cell"):
        assert sorted(part["compound"]) == sorted(data.rows.loc[data.rows["cell"] == cell, "compound"])
    assert shuffled.groupby("compound")["smiles"].nunique().max() == 1
    pd.testing.assert_frame_equal(shuffled, shuffle_compounds(data.rows, 0))


class Spy(BaseEstimator):
    """A predictor that says nothing and remembers what it was given."""

    seen: ClassVar[list] = []

    def __init__(self, random_state=0):
        self.random_state = random_state

    def fit(self, rows, values):
        self.genes_ = values.shape[1]
        self.seen.append((self.random_state, rows, values))
        return self

    def predict(self, rows):
        self.seen.append(rows)
        return np.zeros((len(rows), self.genes_))


def test_a_shuffled_model_trains_and_predicts_on_its_own_copy(data):
    Spy.seen.clear()
    folds = random_rows(data.rows, [0, 7], n_used=1)
    predicted(predictor("shuffled", Spy(), shuffled=True), data, folds)
    for fold, (seed, rows, values), wanted in zip(folds, Spy.seen[::2], Spy.seen[1::2], strict=True):
        expected = shuffle_compounds(data.rows, fold.seed)
        pd.testing.assert_frame_equal(rows, expected.iloc[fold.train])
        pd.testing.assert_frame_equal(wanted, expected.iloc[fold.test])
        np.testing.assert_array_equal(values, data.matrix[fold.train])
        assert seed == fold.seed


@pytest.mark.parametrize(
    ("folds", "models", "message"),
    [
        ([], [predictor("a", Constant())], "no folds"),
        (None, [predictor("a", Constant()), predictor("a", Constant())], "its own name"),
        (
            [Fold("0", np.arange(5), np.arange(4, 8), seed=1)],
            [predictor("a", Constant())],
            "fold '0' of seed 1 tests or stops on rows that it trains on",
        ),
    ],
)
def test_bad_runs_are_refused(data, folds, models, message):
    folds = random_rows(data.rows, [0]) if folds is None else folds
    with pytest.raises(DataError, match=message):
        run_protocol(data, folds, models)


def test_contenders_have_unique_names_and_the_papers_settings():
    names = [m.name for m in (*networks(), *attention_controls(), *reading_variants(), *simple_predictors())]
    assert len(set(names)) == len(names) and set(READINGS) <= set(names)

    def epochs(model):
        return model.predict.keywords["estimator"].settings()["epochs"]

    assert {m.name: epochs(m) for m in networks()} == {
        "LSTM": 300,
        "GRU": 300,
        "GRU3": 300,
        "GRU3-ATTN": 300,
        "Transformer": 400,
        "Autoencoder": 500,
    }
    assert {epochs(m) for m in networks(0.001)} == {1}
    without, shuffled = attention_controls()
    assert without.predict.keywords["estimator"].attention == "none"
    assert shuffled.predict.keywords["shuffled"]


# Comparing -----------------------------------------------------------------------------------


def score_table(values, seeds=(0,), unit="cell"):
    """Right-sign shares by model: one row a unit and seed."""
    parts = []
    for model, shares in values.items():
        for seed in seeds:
            noise = np.random.default_rng(seed).normal(0, 1e-3, len(shares)) if len(seeds) > 1 else 0
            right = np.asarray(shares, dtype=float) + noise
            table = pd.DataFrame({"right": right, "wrong": 1 - right, "error": 2 - right})
            table = table.assign(right_error=0.1 * right, wrong_error=2 - 1.1 * right, rmse=1 - right)
            table = table.assign(pearson=right, spearman=right, cosine=right, size=1.0)
            table = table.assign(significant=1.0, significant_right=right, model=model, seed=seed)
            parts.append(table.assign(**{unit: [f"u{i}" for i in range(len(shares))], "part": "test"}))
    return pd.concat(parts, ignore_index=True).assign(fold="0")


def test_summary_same_as_the_mean_and_its_interval_as_the_known_spread():
    shares = np.random.default_rng(0).uniform(0.4, 0.8, 200)
    table = summarise_changes(score_table({"a": shares}), "cell", n_boot=1000).set_index("metric")
    row = table.loc["sign accuracy"]
    assert row["value"] == pytest.approx(shares.mean())
    assert (row["high"] - row["low"]) / 2 == pytest.approx(1.96 * shares.std() / np.sqrt(200), rel=0.1)
    assert (row["n"], row["seeds"]) == (200, 1) and np.isnan(row["sd_seeds"])
    same = mean_scores(score_table({"a": shares}))
    for metric, value in same.items():
        assert table.loc[metric, "value"] == pytest.approx(value)


def test_rows_of_one_unit_are_resampled_together():
    """Ten copies of every row add no information."""
    shares = np.random.default_rng(1).uniform(0.4, 0.8, 30)
    once = score_table({"a": shares})
    ten = pd.concat([once] * 10, ignore_index=True)
    first, second = (summarise_changes(t, "cell", 300, metrics=("MAE",)).iloc[0] for t in (once, ten))
    assert (first["low"], first["high"]) == pytest.approx((second["low"], second["high"]))


def test_paired_difference_is_surer_than_the_two_intervals():
    shares = np.random.default_rng(2).uniform(0.3, 0.9, 40)
    table = score_table({"a": shares + 0.02, "b": shares})
    row = compare_changes(table, [("a", "b")], "cell", 500, metrics=("sign accuracy",)).iloc[0]
    assert row["difference"] == pytest.approx(0.02) and row["low"] == pytest.approx(0.02)
    assert row["p"] == pytest.approx(2 / 501) == row["p_holm"]
    alone = summarise_changes(table, "cell", 500, metrics=("sign accuracy",))
    assert alone["low"].max() < alone["value"].min()


def test_holm_over_the_family():
    rng = np.random.default_rng(3)
    shares = rng.uniform(0.4, 0.6, 60)
    table = score_table({"a": shares, **{f"b{i}": shares + rng.normal(0, 0.05, 60) for i in range(5)}})
    family = compare_changes(table, [("a", f"b{i}") for i in range(5)], "cell", 400, metrics=("MAE",))
    order = family.sort_values("p", kind="stable")
    running = np.maximum.accumulate(order["p"].to_numpy() * np.arange(5, 0, -1)).clip(max=1)
    np.testing.assert_allclose(order["p_holm"], running)


def test_a_cell_against_all_rows():
    table = score_table({"a": [0.9, 0.5, 0.5, 0.5]}, unit="compound").assign(cell=["x", "y", "y", "y"])
    table = pd.concat([table, table.assign(cell="y", compound="u9")], ignore_index=True)
    result = part_difference(table, "a", "y", "sign accuracy", "compound", 200)
    assert result.difference == pytest.approx(table.loc[table["cell"] == "y", "right"].mean() - 0.6)
    with pytest.raises(DataError, match="no row of 'a' in 'z'"):
        part_difference(table, "a", "z", "MAE", "compound")


def test_stable_and_unstable_rankings():
    steady = score_table({"a": [0.7] * 5, "b": [0.6] * 5, "c": [0.5] * 5}, seeds=(0, 1, 2))
    ranks, found = rank_stability(scores_by_seed(steady), "sign accuracy", {"a": 3, "b": 2, "c": 1})
    assert (ranks.to_numpy() == np.array([[1, 1, 1], [2, 2, 2], [3, 3, 3]])).all()
    assert found["between seeds"] == 1 and found["with published"] == 1
    assert found["spread of models"] == pytest.approx(0.1, abs=0.01)
    assert found["spread of seeds"] < 0.01
    errors, _ = rank_stability(scores_by_seed(steady), "MAE")  # lower is better: the same order
    pd.testing.assert_frame_equal(ranks, errors)
    wide = pd.DataFrame(
        [
            (m, s, "MAE", v)
            for s, row in enumerate([[1, 2, 3], [3, 1, 2]])
            for m, v in zip("abc", row, strict=True)
        ],
        columns=["model", "seed", "metric", "value"],
    )
    _, found = rank_stability(wide, "MAE", {"a": 1, "b": 2, "c": 3})
    assert found["between seeds"] == pytest.approx(kendalltau([1, 2, 3], [3, 1, 2]).statistic)


def test_bootstrap_ranks_are_sure_of_a_gap_and_unsure_of_a_tie():
    rng = np.random.default_rng(4)
    shares = rng.uniform(0.4, 0.6, 50)
    table = score_table({"top": shares + 0.2, "x": shares + rng.normal(0, 0.05, 50), "y": shares})
    chance = bootstrap_ranks(table, ["top", "x", "y"], "sign accuracy", "cell", 400)
    assert chance.loc["top", 1] == 1 and (chance.sum() == 1).all() and (chance.sum(axis=1) == 1).all()
    assert 0.02 < chance.loc["x", 2] < 0.98


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda t: summarise_changes(t, "gene"), "unknown unit 'gene'"),
        (lambda t: summarise_changes(t[t["cell"] == "u0"], "cell"), "at least two; got 1"),
        (lambda t: compare_changes(t, [("a", "z")], "cell", 10), "no model 'z'"),
        (lambda t: rank_stability(scores_by_seed(t), "accuracy"), "unknown metric 'accuracy'"),
    ],
)
def test_bad_comparisons_are_refused(call, message):
    with pytest.raises(DataError, match=message):
        call(score_table({"a": [0.5, 0.6], "b": [0.5, 0.4]}))


# Insight -------------------------------------------------------------------------------------


def test_base_rates_of_a_table_with_a_habit():
    values = np.array([[1.0, -3], [2, -1], [1, 1]])
    rates = base_rates(values, np.array(["x", "x", "y"]), 2.0)
    assert rates["up"] == pytest.approx(4 / 6) and rates["sign per gene"] == pytest.approx(5 / 6)
    assert rates["sign per gene and cell"] == 1 and rates["no response"] == pytest.approx(5 / 6)
    assert 0.6 < rates["sign per gene, noise"] < 0.9


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
    data, truth = simulate_changes(1, n_compounds=12, n_shared=12, n_full=6, n_genes=60, interaction=1)
    folds = random_rows(data.rows, [0])
    oracle = oracle_scores(data, truth, folds)
    scores = run_protocol(data, folds, simple_predictors())
    for model, part in scores.groupby("model"):
        assert mean_scores(part)["MRRMSE"] > oracle["MRRMSE"], model
        assert mean_scores(part)["sign accuracy"] < oracle["sign accuracy"], model
