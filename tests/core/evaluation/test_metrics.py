import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from helpers.errors import DataError
from helpers.evaluation.metrics import (
    METRICS,
    classification_metrics,
    group_auroc,
    joint_code,
    weighted_group_wins,
    weighted_metric,
    within_group_auroc,
)


@st.composite
def scored(draw):
    """Labels, scores with ties, and groups."""
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    n = draw(st.integers(4, 80))
    y = rng.integers(0, 2, n)
    y[:2] = 0, 1
    return y, rng.integers(0, 11, n) / 10, rng.integers(0, 5, n)


def brute_force_auroc(y, p):
    wins = [(a > b) + (a == b) / 2 for a, b in itertools.product(p[y == 1], p[y == 0])]
    return np.mean(wins) if wins else np.nan


@settings(max_examples=40)
@given(scored())
def test_metrics_same_as_sklearn(data):
    y, p, _ = data
    c = p > 0.5
    expected = {
        "Accuracy": sk.accuracy_score(y, c),
        "AUCROC": brute_force_auroc(y, p),
        "Precision": sk.precision_score(y, c, zero_division=0),
        "Recall": sk.recall_score(y, c, zero_division=0),
        "F1": sk.f1_score(y, c, zero_division=0),
        "AUCPR": sk.average_precision_score(y, p),
    }
    assert classification_metrics(y, p) == pytest.approx(expected, abs=1e-12)
    assert tuple(classification_metrics(y, p)) == METRICS


@settings(max_examples=40)
@given(scored())
def test_group_auroc_same_as_brute_force(data):
    y, p, groups = data
    table = group_auroc(y, p, groups).set_index("group")
    assert list(table.index) == sorted(set(groups))
    for g in table.index:
        inside = groups == g
        assert table.loc[g, "auroc"] == pytest.approx(brute_force_auroc(y[inside], p[inside]), nan_ok=True)
        assert table.loc[g, "n"] == inside.sum()
        assert table.loc[g, "n_minority"] == min(y[inside].sum(), (1 - y[inside]).sum())


@settings(max_examples=40)
@given(scored(), st.integers(0, 100))
def test_weighted_metrics_same_as_repeated_rows(data, seed):
    y, p, groups = data
    w = np.random.default_rng(seed).integers(0, 4, len(y))
    w[:2] = 1, 1
    repeated = classification_metrics(np.repeat(y, w), np.repeat(p, w))
    for name in METRICS:
        assert weighted_metric(name, y, p)(w) == pytest.approx(repeated[name], abs=1e-12)
    within = within_group_auroc(np.repeat(y, w), np.repeat(p, w), np.repeat(groups, w))
    assert weighted_metric("AUCROC", y, p, groups=groups)(w) == pytest.approx(within, nan_ok=True)


@pytest.mark.parametrize("label", [0, 1])
def test_one_class_leaves_ranking_metrics_undefined(label):
    y, p = np.full(4, label), np.array([0.1, 0.2, 0.3, 0.4])
    m = classification_metrics(y, p)
    assert np.isnan(m["AUCROC"]) and np.isnan(m["AUCPR"])
    assert m["Accuracy"] == 1 - label
    assert m["Precision"] == m["Recall"] == m["F1"] == 0
    for name in ("AUCROC", "AUCPR"):
        assert np.isnan(weighted_metric(name, y, p)(np.ones(4)))
    assert np.isnan(within_group_auroc(y, p, np.zeros(4)))


def test_threshold_is_exclusive():
    m = classification_metrics([1, 0], [0.5, 0.4], threshold=0.5)
    assert m["Recall"] == 0
    assert classification_metrics([1, 0], [0.5, 0.4], threshold=0.4)["Recall"] == 1


def test_within_group_auroc_gives_no_credit_for_group_means():
    y = np.array([1, 1, 1, 0, 1, 0, 0, 0])
    groups = np.repeat(["a", "b"], 4)
    p = np.repeat([0.75, 0.25], 4)
    assert classification_metrics(y, p)["AUCROC"] > 0.7
    assert within_group_auroc(y, p, groups) == 0.5


def test_groups_with_few_minority_pairs_are_left_out():
    y = np.array([1, 0, 1, 1, 0, 0])
    p = np.array([0.1, 0.9, 0.9, 0.8, 0.1, 0.2])
    groups = np.array(["a", "a", "b", "b", "b", "b"])
    assert within_group_auroc(y, p, groups) == 0.5
    assert within_group_auroc(y, p, groups, min_minority=2) == 1.0
    assert np.isnan(within_group_auroc(y, p, groups, min_minority=3))


@pytest.mark.parametrize(
    ("y", "p", "message"),
    [
        ([], [], "non-empty"),
        ([0, 1], [0.5], "one length"),
        ([0, 2], [0.5, 0.5], "labels must be 0"),
        ([0, 1], [0.5, np.nan], "1 NaN of 2"),
    ],
)
def test_unusable_scores_are_refused(y, p, message):
    for call in (classification_metrics, lambda y, p: group_auroc(y, p, np.zeros(len(y)))):
        with pytest.raises(DataError, match=message):
            call(y, p)


def test_unknown_weighted_metric_is_refused():
    with pytest.raises(DataError, match="unknown metric 'AUC'"):
        weighted_metric("AUC", [0, 1], [0, 1])
    with pytest.raises(DataError, match="AUCROC only"):
        weighted_metric("F1", [0, 1], [0, 1], groups=[0, 0])
    with pytest.raises(DataError, match="column of 2"):
        group_auroc([0, 1], [0, 1], [0])


def test_stratified_auroc_gives_no_credit_and_no_blame_for_the_scale_of_a_fit():
    """A left-out type whose lines resist more than the others lowers the prevalence of the rest."""
    rng = np.random.default_rng(0)
    types, drugs = np.repeat(np.arange(6), 40), np.tile([0, 1], 120)
    y = (rng.random(240) < np.linspace(0.1, 0.9, 6)[types]).astype(int)
    prevalence = np.array([y[(types != t) & (drugs == d)].mean() for t, d in zip(types, drugs, strict=True)])
    assert (group_auroc(y, prevalence, drugs)["auroc"] < 0.35).all()
    assert (group_auroc(y, prevalence, drugs, types)["auroc"] == 0.5).all()


@settings(max_examples=40)
@given(scored(), st.integers(0, 100))
def test_stratified_auroc_same_as_brute_force(data, seed):
    y, p, groups = data
    strata = np.random.default_rng(seed).integers(0, 3, len(y))
    found = group_auroc(y, p, groups, strata).set_index("group")["auroc"]
    for group in np.unique(groups):
        wins = [
            (p[i] > p[j]) + 0.5 * (p[i] == p[j])
            for i in np.flatnonzero((groups == group) & (y == 1))
            for j in np.flatnonzero((groups == group) & (y == 0))
            if strata[i] == strata[j]
        ]
        expected = np.mean(wins) if wins else np.nan
        np.testing.assert_allclose(found[group], expected)


@settings(max_examples=40)
@given(scored(), st.integers(0, 100))
def test_weighted_wins_of_groups_same_as_repeated_rows(data, seed):
    y, p, groups = data
    weights = np.random.default_rng(seed).integers(0, 3, len(y))
    repeated = np.repeat(np.arange(len(y)), weights)
    wins, pairs = weighted_group_wins(y, p, groups)(weights)
    if len(repeated):
        direct = group_auroc(y[repeated], p[repeated], groups[repeated])
        found = dict(zip(np.unique(groups), zip(wins, pairs, strict=True), strict=True))
        for row in direct.dropna().itertuples():
            np.testing.assert_allclose(found[row.group][0] / found[row.group][1], row.auroc)
        assert pairs.sum() == sum(found[g][1] for g in direct.dropna()["group"])


def test_rows_of_several_columns_are_numbered_as_unique_does():
    rng = np.random.default_rng(0)
    a, b, c = rng.integers(0, 3, 60), rng.integers(0, 4, 60), rng.integers(0, 5, 60)
    expected = np.unique(np.column_stack([a, b, c]), axis=0, return_inverse=True)[1]
    np.testing.assert_array_equal(joint_code(a, b, c), expected)
    words = np.array(["b", "a", "c"])[a]
    np.testing.assert_array_equal(joint_code(words), np.unique(words, return_inverse=True)[1])
