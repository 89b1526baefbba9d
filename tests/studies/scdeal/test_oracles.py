import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score, roc_auc_score

from helpers.errors import DataError
from helpers.studies.scdeal.oracles import (
    best_of_tosses,
    best_split,
    cluster_majority,
    cluster_means,
    few_shot,
    label_free_splits,
    two_state_metrics,
    two_states,
)


def two_blobs(n=80, n_genes=30, distance=6.0, seed=0):
    rng = np.random.default_rng(seed)
    y = np.repeat([0, 1], n // 2)
    return rng.standard_normal((n, n_genes)) + distance * y[:, None] * (np.arange(n_genes) < 5), y


def test_two_states_are_found_without_labels():
    x, y = two_blobs()
    assert adjusted_rand_score(y, two_states(x)) == pytest.approx(1)
    np.testing.assert_array_equal(two_states(x, seed=3), two_states(x, seed=3))


def test_an_outlying_cell_is_no_state():
    x, y = two_blobs()
    x[0] *= 30
    assert adjusted_rand_score(y, two_states(x)) > 0.9


def test_more_clusters_are_joined_to_two():
    rng = np.random.default_rng(0)
    centre = np.zeros((4, 30))
    centre[:, 0] = [-40, -40, 40, 40]
    centre[:, 1] = [-8, 8, -8, 8]
    part = np.repeat(np.arange(4), 25)
    groups = two_states(centre[part] + rng.standard_normal((100, 30)))
    assert adjusted_rand_score(part // 2, groups) == pytest.approx(1)


def test_a_coin_decides_between_zero_and_one():
    x, y = two_blobs()
    for labels in (y, 1 - y):  # two drugs with opposite labels on the same cells
        table = two_state_metrics(labels, two_states(x))
        assert sorted(table.loc[["one side", "other side"], "AUROC"]) == [0, 1]
        assert table.loc["random sign", "AUROC"] == 0.5
        assert table.loc["oracle sign", "AUROC"] == 1
        assert table.loc["oracle sign", "F1"] == 1


def test_no_cluster_level_score_beats_the_majority():
    rng = np.random.default_rng(1)
    y, clusters = rng.integers(0, 2, 200), rng.integers(0, 6, 200)
    bound = cluster_majority(y, clusters)
    best = roc_auc_score(y, bound["score"])
    accuracy = (bound["predicted"] == y).mean()
    for _ in range(200):
        other = rng.random(6)[clusters]
        assert roc_auc_score(y, other) <= best + 1e-12
        assert ((other > 0.5) == y).mean() <= accuracy + 1e-12


def test_cluster_means_keep_clusters_apart():
    np.testing.assert_allclose(
        cluster_means([0.0, 1.0, 0.4, 0.6, 0.9], [0, 0, 1, 1, 2]), [0.5, 0.5, 0.5, 0.5, 0.9]
    )


def test_few_shot_recognises_lines_but_not_unseen_ones():
    """Labels by line and no common signal: only cells of labelled lines are recognised."""
    rng = np.random.default_rng(0)
    lines = np.repeat(np.arange(20), 6)
    label = np.tile([0, 1], 10)
    x = 4 * rng.standard_normal((20, 40))[lines] + rng.standard_normal((120, 40))
    y = label[lines]
    seen = [few_shot(x, y, per_class=8, seed=seed)["AUROC"] for seed in range(12)]
    unseen = [few_shot(x, y, per_class=5, seed=seed, lines=lines)["AUROC"] for seed in range(12)]
    assert np.mean(seen) > 0.75
    assert abs(np.nanmean(unseen) - 0.5) < 0.15


def test_few_shot_finds_a_common_signal():
    x, y = two_blobs()
    assert np.mean([few_shot(x, y, seed=seed)["AUROC"] for seed in range(10)]) > 0.95


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: two_states(np.ones((2, 3))), r"of 3 row\(s\) at least"),
        (lambda: two_states(np.full((5, 3), np.nan)), r"5 row\(s\) hold NaN"),
        (lambda: few_shot(np.ones((5, 2)), np.array([0, 0, 0, 0, 1])), r"class 1 has 1 cell"),
        (lambda: few_shot(np.eye(8), np.tile([0, 1], 4), lines=np.zeros(8)), "no cell is left"),
    ],
)
def test_unusable_input(call, message):
    with pytest.raises(DataError, match=message):
        call()


def states_along(component, seed=0):
    """Cells whose two states lie along one of three directions of falling spread."""
    rng = np.random.default_rng(seed)
    y = np.arange(60) % 2
    z = np.column_stack([rng.normal(0, s, 60) for s in (9.0, 6.0, 4.0)])
    spread = z[:, component].std()
    z[:, component] = spread * (2 * y - 1) + rng.normal(0, spread / 20, 60)
    return z @ np.linalg.qr(rng.normal(size=(20, 3)))[0].T + rng.normal(0, 0.1, (60, 20)), y


@pytest.mark.parametrize("component", [0, 1, 2])
def test_a_split_that_sees_no_label_finds_states_of_any_direction(component):
    x, y = states_along(component)
    splits = label_free_splits(x)
    name, groups = best_split(y, splits)
    assert two_state_metrics(y, groups).loc["oracle sign", "F1"] > 0.95
    np.testing.assert_array_equal(groups, splits[name])
    assert all(set(np.unique(one)) == {0, 1} for one in splits.values())


def test_best_of_tosses_same_as_drawing_coins():
    y, groups = np.array([1, 1, 1, 0, 0, 0, 0, 1]), np.array([1, 1, 0, 0, 0, 0, 1, 1])
    sides = two_state_metrics(y, groups)["F1"].iloc[:2].to_numpy()
    drawn = np.random.default_rng(0).integers(0, 2, (20000, 3))
    assert best_of_tosses(y, groups, 3) == pytest.approx(sides[drawn].max(axis=1).mean(), abs=0.005)
    assert best_of_tosses(y, groups, 1) == pytest.approx(sides.mean())
    assert best_of_tosses(y, groups, 480) == pytest.approx(sides.max())
