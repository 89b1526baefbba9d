from functools import partial

import numpy as np
import pandas as pd
import pytest
from scipy.stats import kendalltau

from helpers.errors import DataError
from helpers.studies.perturbation.comparison import (
    Bootstrap,
    Contest,
    best_against_best,
    by_protocol,
    compare_contest,
    compare_models,
    leaderboard,
    summarise_models,
)
from helpers.studies.perturbation.in_cells import compare_in_cells
from helpers.studies.perturbation.metrics import mean_scores
from helpers.studies.perturbation.ranking import bootstrap_ranks, rank_agreement, ranks_by_seed


def score_table(values, seeds=(0,), unit="cell"):
    """Right-sign shares by model: one row a unit and seed."""
    parts = []
    for model, shares in values.items():
        for seed in seeds:
            noise = np.random.default_rng(seed).normal(0, 1e-3, len(shares)) if len(seeds) > 1 else 0
            right = np.asarray(shares, dtype=float) + noise
            table = pd.DataFrame({"right": right, "wrong": 1 - right, "error": 2 - right})
            table = table.assign(right_error=0.1 * right, wrong_error=2 - 1.1 * right, rmse=1 - right)
            table = table.assign(
                pearson=right,
                significant=1.0,
                significant_right=right,
                three_right=right,
                model=model,
                seed=seed,
            )
            parts.append(table.assign(**{unit: [f"u{i}" for i in range(len(shares))], "part": "test"}))
    return pd.concat(parts, ignore_index=True).assign(fold="0")


def test_summary_same_as_the_mean_and_its_interval_as_the_known_spread():
    shares = np.random.default_rng(0).uniform(0.4, 0.8, 200)
    table = summarise_models(score_table({"a": shares}), "cell", n_boot=1000).set_index("metric")
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
    first, second = (summarise_models(t, "cell", 300, metrics=("MAE",)).iloc[0] for t in (once, ten))
    assert (first["low"], first["high"]) == pytest.approx((second["low"], second["high"]))


def test_paired_difference_is_surer_than_the_two_intervals():
    shares = np.random.default_rng(2).uniform(0.3, 0.9, 40)
    table = score_table({"a": shares + 0.02, "b": shares})
    row = compare_models(table, [("a", "b")], "cell", 500, metrics=("sign accuracy",)).iloc[0]
    assert row["difference"] == pytest.approx(0.02) and row["low"] == pytest.approx(0.02)
    assert row["p"] == pytest.approx(2 / 501)
    alone = summarise_models(table, "cell", 500, metrics=("sign accuracy",))
    assert alone["low"].max() < alone["value"].min()


CONTEST = Contest(("GRU3-ATTN", "GRU"), ("no attention",), ("zero", "additive", "cell mean"))


def contest_table():
    rng = np.random.default_rng(5)
    networks = {"GRU3-ATTN": 0.6, "GRU": 0.7, "no attention": 0.5}
    shares = {**networks, "zero": 0.1, "additive": 0.65, "cell mean": 0.4}
    return score_table({model: share + rng.normal(0, 0.05, 30) for model, share in shares.items()})


def test_a_contest_compares_networks_in_the_published_order_and_with_simple_predictors():
    table = contest_table()
    found = compare_contest(table, "cell", CONTEST, n_boot=100).set_index(["first", "second", "metric"])
    yardsticks = ("zero", "additive", "cell mean", "best simple")
    assert {pair[:2] for pair in found.index} == {
        (first, second) for first in ("GRU3-ATTN", "best network") for second in yardsticks
    } | {("GRU3-ATTN", "GRU"), ("GRU3-ATTN", "no attention")}
    row = found.loc[("best network", "best simple", "MAE")]
    assert row["note"] == "best network: GRU; best simple: additive"
    direct = compare_models(table, [("GRU", "additive")], "cell", 100, metrics=("MAE",)).iloc[0]
    for name in ("difference", "p", "n"):
        assert row[name] == direct[name]
    assert row["low"] <= direct["low"] and row["high"] >= direct["high"]
    assert pd.isna(found.loc[("GRU3-ATTN", "GRU", "MAE"), "note"])
    wrong = compare_models(table, [("GRU3-ATTN", "GRU")], "cell", 100, metrics=("MAE wrong",)).iloc[0]
    assert found.loc[("GRU3-ATTN", "GRU", "MAE wrong"), "high"] == wrong["high"]


def test_limits_cover_the_choice_of_both_sides():
    """Twelve equal rivals and six equal networks: the chosen difference looks good, the truth is 0."""
    inside = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        names = [f"n{i}" for i in range(6)], [f"s{i}" for i in range(12)]
        shares = {name: rng.normal(0.6, 0.1, 40) for part in names for name in part}
        found = best_against_best(Bootstrap(score_table(shares), "cell", 200, 0), *names, "sign accuracy")
        assert found["low"] <= found["difference"] <= found["high"]
        inside += found["low"] <= 0
    assert inside >= 57


def test_more_metrics_are_recorded_of_networks_than_of_simple_predictors():
    summary = summarise_models(contest_table(), "cell", 10)
    kept = CONTEST.recorded(summary).groupby("model")["metric"].nunique()
    assert kept.to_dict() == dict.fromkeys(("GRU3-ATTN", "GRU", "no attention"), 8) | dict.fromkeys(
        ("zero", "additive", "cell mean"), 4
    )


def test_every_data_set_and_protocol_is_measured_on_its_own():
    table = pd.concat(
        [
            score_table({"a": [0.4, 0.6]}).assign(data="x", protocol="p"),
            score_table({"a": [0.8, 0.9]}).assign(data="x", protocol="q"),
            score_table({"a": [0.1, 0.2, 0.3]}, unit="compound").assign(data="y", protocol="p"),
        ]
    )
    found = by_protocol(table, partial(summarise_models, n_boot=5), {"x": "cell", "y": "compound"})
    found = found[found["metric"] == "sign accuracy"].set_index(["data", "protocol"])
    assert found["value"].to_dict() == pytest.approx({("x", "p"): 0.5, ("x", "q"): 0.85, ("y", "p"): 0.2})
    assert found["n"].to_list() == [2, 2, 3]


def test_the_leaderboard_orders_models_within_groups():
    summary = summarise_models(contest_table(), "cell", 10)
    both = pd.concat([summary.assign(data="x"), summary.assign(data="y", value=-summary["value"])])
    board = leaderboard(both, ["data"], ["sign accuracy", "MAE"], top=2)
    assert list(board.index) == [("x", "GRU"), ("x", "additive"), ("y", "zero"), ("y", "cell mean")]
    assert list(board.columns) == ["sign accuracy", "MAE"]


def test_a_model_in_cells_against_all_rows_and_against_the_mean_of_others_there():
    shares = {"a": [0.9, 0.7, 0.5, 0.3], "b": [0.5] * 4, "c": [0.2, 0.4, 0.6, 0.6]}
    table = score_table(shares, unit="compound")
    table["cell"] = ["x", "x", "y", "y"] * 3
    rivals = {"all": (), "b": ["b"], "others": ["b", "c"]}
    found = compare_in_cells(table, "compound", "a", rivals, "sign accuracy", n_boot=50).set_index("what")
    assert found["value"].to_dict() == pytest.approx(
        {"a.sign accuracy in x minus all": 0.2, "a-b.sign accuracy in x": 0.3}
        | {"a-others.sign accuracy in x": 0.4, "a.sign accuracy in y minus all": -0.2}
        | {"a-b.sign accuracy in y": -0.1, "a-others.sign accuracy in y": -0.15}
    )
    assert (found["n"] == 2).all() and (found["low"] <= found["high"]).all()
    with pytest.raises(DataError, match="no model 'a in z'"):
        compare_in_cells(table, "compound", "a", rivals, "MAE", cells=["z"], n_boot=5)


def test_in_a_cell_with_all_units_the_interval_is_that_of_the_two_models():
    rng = np.random.default_rng(6)
    table = score_table({"a": rng.uniform(0.4, 0.8, 30), "b": rng.uniform(0.4, 0.8, 30)}).assign(compound="d")
    direct = compare_models(table, [("a", "b")], "cell", 200, metrics=("MAE",)).iloc[0]
    table = table.rename(columns={"cell": "compound", "compound": "cell"})
    found = compare_in_cells(table, "compound", "a", {"b": ["b"]}, "MAE", n_boot=200).iloc[0]
    for name, same in (("value", "difference"), ("low", "low"), ("high", "high"), ("p", "p"), ("n", "n")):
        assert found[name] == pytest.approx(direct[same])


def test_stable_and_unstable_rankings():
    steady = score_table({"a": [0.7] * 5, "b": [0.6] * 5, "c": [0.5] * 5}, seeds=(0, 1, 2))
    ranks = ranks_by_seed(steady)
    assert (ranks.to_numpy() == np.array([[1, 1, 1], [2, 2, 2], [3, 3, 3]])).all()
    pd.testing.assert_frame_equal(ranks, ranks_by_seed(steady, "MAE"))  # lower is better: the same order
    found = rank_agreement(steady, {"a": 3, "b": 2, "c": 1})
    assert set(found["n"]) == set(found["seeds"]) == {3}
    found = found.set_index("what")["value"]
    assert found["rank agreement between seeds"] == found["rank agreement with the paper"] == 1
    assert found["spread of models"] == pytest.approx(0.1, abs=0.01)
    assert found["spread of seeds"] < 0.01


def test_rank_agreement_same_as_scipy_and_undefined_for_one_seed():
    first, second = (
        score_table(dict(zip("abc", ([value] * 3 for value in values), strict=True))).assign(seed=seed)
        for seed, values in enumerate([[0.9, 0.8, 0.7], [0.7, 0.9, 0.8]])
    )
    published = {"a": 3, "b": 2, "c": 1}
    found = rank_agreement(pd.concat([first, second]), published).set_index("what")["value"]
    tau = kendalltau([1, 2, 3], [3, 1, 2]).statistic
    assert found["rank agreement between seeds"] == pytest.approx(tau)
    assert found["rank agreement with the paper"] == pytest.approx((1 + tau) / 2)
    assert np.isnan(rank_agreement(first, published).set_index("what")["value"]["spread of seeds"])


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
        (lambda t: summarise_models(t, "gene"), "unknown unit 'gene'"),
        (lambda t: summarise_models(t[t["cell"] == "u0"], "cell"), "at least two; got 1"),
        (lambda t: compare_models(t, [("a", "z")], "cell", 10), "no model 'z'"),
        (lambda t: rank_agreement(t, {"a": 1, "b": 2}, "accuracy"), "unknown metric 'accuracy'"),
    ],
)
def test_bad_comparisons_are_refused(call, message):
    with pytest.raises(DataError, match=message):
        call(score_table({"a": [0.5, 0.6], "b": [0.5, 0.4]}))
