import numpy as np
import pytest
from scipy import stats
from sklearn.ensemble import RandomForestClassifier

from helpers.studies.refdnn.baselines.design import drug_matrix
from helpers.studies.refdnn.baselines.forest import FOREST_FIXED, FOREST_SPACE, ExpressionForest, PairForest
from studies.refdnn.world import small_features, small_pairs

FEATURES = small_features(n_lines=16, n_genes=5)
X, Y, _ = small_pairs(FEATURES)


def test_expression_forest_is_in_distribution_a_forest_on_repeated_rows():
    """One tree at a time, many seeds: mean and spread of each line's score agree, and so do sizes."""
    x = FEATURES.expression
    runs, depth = 400, 3
    ours, reference = np.empty((runs, 16)), np.empty((runs, 16))
    nodes = np.empty((runs, 2))
    pairs = np.column_stack([np.arange(16), np.zeros(16, int)])
    for seed in range(runs):
        model = ExpressionForest(FEATURES, n_estimators=1, max_depth=depth, random_state=seed).fit(X, Y)
        oracle = RandomForestClassifier(n_estimators=1, max_depth=depth, random_state=seed).fit(x[X[:, 0]], Y)
        ours[seed] = model.predict_proba(pairs)[:, 1]
        reference[seed] = oracle.predict_proba(x)[:, 1]
        nodes[seed] = model.trees_[0].tree_.node_count, oracle.estimators_[0].tree_.node_count
    p = [stats.ks_2samp(ours[:, i], reference[:, i]).pvalue for i in range(16)]
    assert min(p) > 0.001
    error = np.sqrt((ours.var(axis=0) + reference.var(axis=0)) / runs)
    assert (np.abs(ours.mean(axis=0) - reference.mean(axis=0)) < 4 * error).all()
    assert stats.ks_2samp(*nodes.T).pvalue > 0.001


def test_expression_forest_averages_its_trees_and_knows_lines_only():
    model = ExpressionForest(FEATURES, n_estimators=7, max_depth=4).fit(X, Y)
    assert len(model.trees_) == 7
    assert max(tree.get_depth() for tree in model.trees_) <= 4
    p = model.predict_proba([[3, 0], [3, 5]])[:, 1]
    assert p[0] == p[1]
    assert p[0] == pytest.approx(
        np.mean([tree.predict_proba(FEATURES.expression[[3]])[0, 1] for tree in model.trees_])
    )
    other = ExpressionForest(FEATURES, n_estimators=7, max_depth=4, random_state=1).fit(X, Y)
    assert not np.array_equal(other.predict_proba(X), model.predict_proba(X))


@pytest.mark.parametrize("kind", ["one-hot", "similarity", "fingerprint"])
def test_pair_forest_same_as_sklearn_on_the_full_design(kind):
    drug = drug_matrix(FEATURES, kind, X[:, 1])
    design = np.hstack([FEATURES.expression[X[:, 0]], drug[X[:, 1]]]).astype(np.float32)
    oracle = RandomForestClassifier(n_estimators=8, max_depth=4, max_samples=0.6, random_state=3)
    model = PairForest(
        FEATURES, n_estimators=8, max_depth=4, drug_features=kind, max_samples=0.6, random_state=3
    )
    p = model.fit(X, Y).predict_proba(X)[:, 1]
    assert np.array_equal(p, oracle.fit(design, Y).predict_proba(design)[:, 1])


def test_published_settings_are_in_the_published_space():
    for fixed in FOREST_FIXED.values():
        for name, axis in FOREST_SPACE.items():
            assert axis.low <= fixed[name] <= axis.high
