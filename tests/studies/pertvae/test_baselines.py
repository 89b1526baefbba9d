"""Simple predictors of post-treatment profiles: oracles from scikit-learn, by hand, and bad inputs."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.cross_decomposition import PLSRegression
from sklearn.decomposition import PCA
from sklearn.linear_model import Ridge

from helpers.data.pairs_twin import simulate_pairs
from helpers.errors import DataError
from helpers.studies.pertvae.baselines import (
    Identity,
    MeanPost,
    MeanShift,
    NearestLines,
    PCAShift,
    PLSPairs,
    RidgePairs,
    ScaledShift,
    inner_folds,
    line_weights,
    pair_baselines,
)


@pytest.fixture
def world():
    """Profiles of 20 lines, 30 genes; the shift is a linear map of the profile plus a constant."""
    rng = np.random.default_rng(0)
    pre = rng.normal(size=(20, 30))
    shift = 0.5 + pre[:, :3] @ rng.normal(size=(3, 30))
    return pre, pre + shift + 0.05 * rng.normal(size=pre.shape), rng.normal(size=(6, 30))


def test_identity_and_means_by_hand():
    pre = np.array([[0.0, 0.0], [2.0, 2.0], [4.0, 0.0]])
    post = np.array([[1.0, 0.0], [3.0, 2.0], [4.0, 3.0]])
    lines = np.array(["a", "a", "b"])  # a has two replicates and counts once
    test = np.array([[10.0, 10.0]])
    assert Identity().fit(pre, post, lines).predict(test).tolist() == [[10, 10]]
    # Line a: mean post (2, 1), mean shift (1, 0); line b: post (4, 3), shift (0, 3).
    assert MeanPost().fit(pre, post, lines).predict(test).tolist() == [[3, 2]]
    assert MeanShift().fit(pre, post, lines).predict(test).tolist() == [[10.5, 11.5]]
    assert MeanShift().fit(pre, post).predict(test)[0] == pytest.approx([10 + 2 / 3, 11])


def test_a_line_weighs_the_same_however_many_replicates():
    assert line_weights(np.array(["a", "a", "a", "b"])) == pytest.approx([1 / 6, 1 / 6, 1 / 6, 1 / 2])


def test_scaled_shift_trusts_a_common_shift_and_not_noise():
    rng = np.random.default_rng(1)
    pre = rng.normal(size=(10, 200))
    common = ScaledShift().fit(pre, pre + 1.0)
    assert common.scale_ == pytest.approx(1)
    noise = ScaledShift().fit(pre, pre + rng.normal(size=pre.shape))
    assert noise.scale_ < 0.2
    # By hand: shifts 1 and 3, each predicted by the other: a = (3*1 + 1*3) / (9 + 1).
    model = ScaledShift().fit(np.zeros((2, 1)), np.array([[1.0], [3.0]]))
    assert model.scale_ == pytest.approx(0.6)
    assert model.predict(np.zeros((1, 1)))[0, 0] == pytest.approx(1.2)


def test_pca_shift_is_reconstruction_plus_shift(world):
    pre, post, test = world
    model = PCAShift(3).fit(pre, post)
    pca = PCA(3, svd_solver="full").fit(np.concatenate([pre, post]))
    expected = pca.inverse_transform(pca.transform(test)) + (post - pre).mean(axis=0)
    assert np.allclose(model.predict(test), expected)


def test_pca_shift_learns_its_components_from_singletons_too(world):
    """Few pairs span few directions: what 3 pairs cannot rebuild, many singletons can."""
    pre, post, test = world
    rng = np.random.default_rng(3)
    loadings = rng.normal(size=(5, 30))
    pre, test, alone = (rng.normal(size=(rows, 5)) @ loadings for rows in (3, 6, 40))
    post = pre + 0.5
    without = PCAShift(5).fit(pre, post).predict(test)
    with_them = PCAShift(5).fit(pre, post, singletons=alone).predict(test)
    assert np.allclose(with_them, test + 0.5, atol=0.2)
    assert ((without - test - 0.5) ** 2).mean() > 100 * ((with_them - test - 0.5) ** 2).mean()
    pca = PCA(5, svd_solver="full").fit(np.concatenate([pre, post, alone]))
    assert np.allclose(with_them, pca.inverse_transform(pca.transform(test)) + 0.5)


@pytest.mark.parametrize("singletons", [np.ones((2, 5)), np.full((2, 30), np.nan), np.ones(30)])
def test_bad_singletons_are_refused(world, singletons):
    with pytest.raises(DataError, match=r"singletons (holds|has|must be)"):
        PCAShift(3).fit(world[0], world[1], singletons=singletons)


@pytest.mark.parametrize("target", ["shift", "post"])
def test_ridge_equals_scikit_learn_at_the_chosen_penalty(world, target):
    pre, post, test = world
    model = RidgePairs(target=target).fit(pre, post)
    oracle = Ridge(alpha=model.chosen_ * pre.shape[1]).fit(pre, post - pre if target == "shift" else post)
    expected = oracle.predict(test) + (test if target == "shift" else 0)
    assert np.allclose(model.predict(test), expected)


@pytest.mark.parametrize("k", [1, 2, 3])
def test_pls_in_the_row_space_equals_scikit_learn(world, k):
    pre, post, test = world
    model = PLSPairs(components=(k,)).fit(pre, post)
    oracle = PLSRegression(k, scale=False, tol=1e-12, max_iter=5000).fit(pre, post - pre)
    assert np.allclose(model.predict(test), test + oracle.predict(test), atol=1e-4)


def test_nearest_lines_by_brute_force(world):
    pre, post, test = world
    model = NearestLines(neighbours=(3,)).fit(pre, post)
    for profile, predicted in zip(test, model.predict(test), strict=True):
        correlation = [np.corrcoef(profile, other)[0, 1] for other in pre]
        nearest = np.argsort(correlation)[-3:]
        assert np.allclose(predicted, profile + (post - pre)[nearest].mean(axis=0))


def test_a_shift_that_depends_on_the_line_is_found_by_ridge_and_pls():
    data, _ = simulate_pairs(effects={"linear": 24}, n_genes=60, latent=3, n_singletons=0)
    pre, post = data.pre.to_numpy(), data.post.to_numpy()
    error = {
        name: ((model.fit(pre[:18], post[:18]).predict(pre[18:]) - post[18:]) ** 2).mean()
        for name, model in pair_baselines().items()
    }
    assert error["Ridge"] < 0.5 * error["Mean shift"]
    assert error["PLS"] < 0.5 * error["Mean shift"]
    assert error["Nearest lines"] < error["Mean shift"]


def test_the_setting_is_chosen_on_left_out_lines_not_rows():
    """Replicates of a line are copies: one neighbour is perfect within a line, useless across."""
    rng = np.random.default_rng(2)
    base, shift = rng.normal(size=(8, 50)), rng.normal(size=(8, 50))
    lines = np.repeat([f"l{i}" for i in range(8)], 3)
    pre, post = np.repeat(base, 3, axis=0), np.repeat(base + shift, 3, axis=0)
    assert NearestLines(neighbours=(15, 1)).fit(pre, post, lines).chosen_ == 15
    assert NearestLines(neighbours=(15, 1)).fit(pre, post).chosen_ == 1


def test_inner_folds_hold_whole_lines():
    lines = np.array(["b", "a", "b", "c", "a", "d", "e", "f", "g"])
    seen = []
    for train, test in inner_folds(lines):
        assert not set(lines[train]) & set(lines[test])
        seen += list(test)
    assert sorted(seen) == list(range(9))
    assert list(inner_folds(np.array(["a", "a"]))) == []


@pytest.mark.parametrize("name", pair_baselines())
def test_every_predictor_has_one_contract(world, name):
    pre, post, test = world
    model = clone(pair_baselines()[name])
    predicted = model.fit(pre, post).predict(test)
    assert predicted.shape == test.shape
    assert np.array_equal(predicted, clone(model).fit(pre, post).predict(test))  # no hidden chance
    # A prediction depends on its own row only.
    assert np.allclose(predicted[2], model.predict(test[2:3])[0])
    # Two lines are enough.
    assert np.isfinite(clone(model).fit(pre[:2], post[:2]).predict(test)).all()


BAD = {
    "unequal pairs": (np.ones((3, 2)), np.ones((2, 2)), None, "3 pre, 2 post"),
    "unequal genes": (np.ones((3, 2)), np.ones((3, 1)), None, "post has 1 genes, expected 2"),
    "nothing": (np.ones((0, 2)), np.ones((0, 2)), None, "with at least one row"),
    "NaN": (np.array([[np.nan, 1.0]]), np.ones((1, 2)), None, "holds NaN"),
    "groups": (np.ones((3, 2)), np.ones((3, 2)), np.array(["a"]), "a line for each of 3 pairs"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_training_pairs_are_refused(case):
    pre, post, groups, message = BAD[case]
    with pytest.raises(DataError, match=message):
        MeanShift().fit(pre, post, groups)


def test_bad_profiles_and_targets_are_refused(world):
    pre, post, test = world
    model = MeanShift().fit(pre, post)
    with pytest.raises(DataError, match="pre has 5 genes, expected 30"):
        model.predict(test[:, :5])
    with pytest.raises(DataError, match="pre holds NaN"):
        model.predict(np.full((1, 30), np.nan))
    with pytest.raises(DataError, match="unknown target 'both'"):
        RidgePairs(target="both").fit(pre, post)
