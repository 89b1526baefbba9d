import numpy as np
import pytest
from scipy.optimize import minimize
from sklearn.linear_model import LogisticRegression, SGDClassifier

from helpers.errors import ParameterError
from helpers.studies.refdnn.baselines.design import drug_matrix, weighted_lines
from helpers.studies.refdnn.baselines.elastic_net import solve_pair_elastic_net
from helpers.studies.refdnn.baselines.linear import (
    ELASTIC_NET_FIXED,
    ELASTIC_NET_SPACE,
    ExpressionElasticNet,
    PairElasticNet,
)
from studies.refdnn.world import small_features, small_pairs

FEATURES = small_features()
X, Y, _ = small_pairs(FEATURES)


def materialised(kind, scaled=False):
    drug = drug_matrix(FEATURES, kind, X[:, 1])
    design = np.hstack([FEATURES.expression[X[:, 0]], drug[X[:, 1]]]).astype(float)
    return (design - design.mean(axis=0)) / design.std(axis=0) if scaled else design


def objective(design, y, coef, intercept, alpha, l1_ratio, weight=None):
    margin = np.where(y == 1, 1, -1) * (design @ coef + intercept)
    penalty = l1_ratio * np.abs(coef).sum() + (1 - l1_ratio) / 2 * (coef**2).sum()
    return np.average(np.logaddexp(0, -margin), weights=weight) + alpha * penalty


@pytest.mark.parametrize("kind", ["none", "one-hot", "similarity", "fingerprint"])
@pytest.mark.parametrize(("alpha", "l1_ratio"), [(1e-3, 0.5), (3e-2, 0.9), (3e-2, 0.0)])
@pytest.mark.parametrize("scaled", [False, True])
def test_pair_elastic_net_same_as_saga_on_the_full_design(kind, alpha, l1_ratio, scaled):
    design = materialised(kind, scaled)
    # saga converges on centred columns only; the free intercept makes that the same problem.
    centred = design - design.mean(axis=0)
    oracle = LogisticRegression(
        C=1 / (alpha * len(Y)), l1_ratio=l1_ratio, solver="saga", tol=1e-7, max_iter=20_000, random_state=0
    ).fit(centred, Y)
    model = PairElasticNet(
        FEATURES, alpha, l1_ratio, drug_features=kind, scaled=scaled, tol=1e-7, max_iter=20_000
    ).fit(X, Y)
    assert model.residual_ <= 1e-7
    assert model.predict_proba(X) == pytest.approx(oracle.predict_proba(centred), abs=1e-3)
    raw = materialised(kind)
    coef = np.concatenate([model.coef_, model.drug_coef_])
    logit = raw @ coef + model.intercept_
    assert model.predict_proba(X)[:, 1] == pytest.approx(1 / (1 + np.exp(-logit)), abs=1e-6)
    scale = raw.std(axis=0) if scaled else 1.0
    found = objective(design, Y, coef * scale, np.average(logit - design @ (coef * scale)), alpha, l1_ratio)
    best = objective(centred, Y, oracle.coef_[0], oracle.intercept_[0], alpha, l1_ratio)
    assert found <= best + 1e-6


def test_solver_stops_at_max_iter_and_says_how_far_it_is():
    model = PairElasticNet(FEATURES, alpha=1e-4, max_iter=3).fit(X, Y)
    assert model.n_iter_ == 3
    assert model.residual_ > model.tol


def test_strong_penalty_leaves_the_mean():
    model = PairElasticNet(FEATURES, alpha=10.0, l1_ratio=1.0).fit(X, Y)
    assert not model.coef_.any()
    assert model.predict_proba(X)[:, 1] == pytest.approx(Y.mean(), abs=1e-4)


def test_constant_features_do_no_harm():
    line = np.column_stack([FEATURES.expression[:, 0], np.full(30, 7.3)])
    total = np.ones((30, 6))
    resistant = (np.random.default_rng(0).random((30, 6)) < 0.5).astype(float)
    settings = {"alpha": 1e-3, "l1_ratio": 0.5, "tol": 1e-6, "max_iter": 2000}
    both = solve_pair_elastic_net(line, np.zeros((6, 0)), total, resistant, **settings)
    one = solve_pair_elastic_net(line[:, :1], np.zeros((6, 0)), total, resistant, **settings)
    assert both.line_coef == pytest.approx([*one.line_coef, 0.0], abs=1e-5)


def test_weighted_lines_have_the_objective_and_the_optimum_of_repeated_rows():
    """The convex problem of the published elastic net is the same on distinct weighted rows."""
    line, label, count = weighted_lines(X[:, 0], Y)
    assert len(line) < len(Y) and count.sum() == len(Y)
    repeated, distinct = FEATURES.expression[X[:, 0]] - 6.0, FEATURES.expression[line] - 6.0
    rng = np.random.default_rng(0)
    for _ in range(5):
        coef, intercept = rng.normal(size=8), rng.normal()
        assert objective(repeated, Y, coef, intercept, 0.01, 0.3) == pytest.approx(
            objective(distinct, label, coef, intercept, 0.01, 0.3, weight=count)
        )

    def optimum(design, y, weight):
        def loss(w):
            return objective(design, y, w[:-1], w[-1], 0.01, 0.0, weight)

        return minimize(loss, np.zeros(9), method="BFGS", options={"gtol": 1e-7}).x

    assert optimum(repeated, Y, None) == pytest.approx(optimum(distinct, label, count), abs=1e-3)


def test_long_descent_on_weighted_lines_and_repeated_rows_reaches_one_optimum():
    """Without early stopping both stochastic paths end at the optimum of the convex problem."""
    line, label, count = weighted_lines(X[:, 0], Y)
    x = (FEATURES.expression - 6.0).astype(float)
    optimum = LogisticRegression(
        C=1 / (0.1 * len(Y)), l1_ratio=0.2, solver="saga", tol=1e-7, max_iter=20_000, random_state=0
    ).fit(x[X[:, 0]], Y)
    settings = {"loss": "log_loss", "penalty": "elasticnet", "alpha": 0.1, "l1_ratio": 0.2, "tol": None}
    for rows, y, weight in ((X[:, 0], Y, None), (line, label, count * (len(count) / count.sum()))):
        descent = SGDClassifier(**settings, max_iter=1000, random_state=0)
        descent.fit(x[rows], y, sample_weight=weight)
        assert descent.predict_proba(x) == pytest.approx(optimum.predict_proba(x), abs=0.01)


def test_published_elastic_net_knows_lines_only_and_ignores_eta0():
    model = ExpressionElasticNet(FEATURES, alpha=0.01).fit(X, Y)
    p = model.predict_proba([[3, 0], [3, 5], [4, 0]])[:, 1]
    assert p[0] == p[1] != p[2]
    other = ExpressionElasticNet(FEATURES, alpha=0.01, eta0=1e-5).fit(X, Y)
    assert np.array_equal(other.coef_, model.coef_)
    assert not np.array_equal(ExpressionElasticNet(FEATURES, random_state=1).fit(X, Y).coef_, model.coef_)


def test_scaled_elastic_net_ignores_units():
    tenfold = small_features()
    object.__setattr__(tenfold, "expression", FEATURES.expression * 10)
    p = [
        ExpressionElasticNet(f, alpha=0.01, scaled=True).fit(X, Y).predict_proba(X)
        for f in (FEATURES, tenfold)
    ]
    assert p[0] == pytest.approx(p[1], abs=1e-4)


def test_published_settings_are_in_the_published_space():
    for fixed in ELASTIC_NET_FIXED.values():
        for name, axis in ELASTIC_NET_SPACE.items():
            assert axis.low <= fixed[name] <= axis.high


def test_drug_features():
    known = np.array([4, 1, 1])
    one_hot = drug_matrix(FEATURES, "one-hot", known)
    assert one_hot.tolist() == [[0, 0], [1, 0], [0, 0], [0, 0], [0, 1], [0, 0]]
    similarity = drug_matrix(FEATURES, "similarity", known)
    assert similarity == pytest.approx(FEATURES.similarity[:, [1, 4]])
    bits = drug_matrix(FEATURES, "fingerprint", known)
    differ = FEATURES.fingerprints[1] != FEATURES.fingerprints[4]
    assert bits.shape == (6, differ.sum()) and np.array_equal(bits, FEATURES.fingerprints[:, differ])
    assert drug_matrix(FEATURES, "none", known).shape == (6, 0)
    with pytest.raises(ParameterError, match="unknown drug features 'smiles'"):
        PairElasticNet(FEATURES, drug_features="smiles").fit(X, Y)
