import numpy as np
import pytest
from scipy.special import logit
from sklearn.kernel_ridge import KernelRidge
from sklearn.metrics.pairwise import rbf_kernel

from helpers.errors import ParameterError
from helpers.evaluation.metrics import within_group_auroc
from helpers.evaluation.splits import stratified_pair_folds
from helpers.studies.refdnn.baselines.kronecker import KroneckerRidge
from studies.refdnn.world import small_features, small_pairs

FEATURES = small_features()
X, Y, _ = small_pairs(FEATURES)
SEEN = (X[:, 0] < 24) & (X[:, 1] < 5)


def pair_kernel(line_kernel, drug_kernel, gamma):
    """Kernel of all pairs by its definition; scaling learnt on the training lines."""
    known = FEATURES.expression[np.unique(X[SEEN, 0])].astype(float)
    z = (FEATURES.expression - known.mean(axis=0)) / known.std(axis=0)
    line = z @ z.T / z.shape[1] if line_kernel == "linear" else rbf_kernel(z, gamma=gamma / z.shape[1])
    drug = {"tanimoto": FEATURES.similarity, "identity": np.eye(6), "constant": np.ones((6, 6))}[drug_kernel]
    return line[np.ix_(X[:, 0], X[:, 0])] * drug[np.ix_(X[:, 1], X[:, 1])]


@pytest.mark.parametrize("line_kernel", ["rbf", "linear"])
@pytest.mark.parametrize("drug_kernel", ["tanimoto", "identity", "constant"])
def test_same_as_dense_kernel_ridge(line_kernel, drug_kernel):
    n = np.bincount(X[SEEN, 1], minlength=6)
    mean = (np.bincount(X[SEEN, 1], weights=Y[SEEN], minlength=6) + Y[SEEN].mean()) / (n + 1)
    kernel = pair_kernel(line_kernel, drug_kernel, gamma=0.3)
    oracle = KernelRidge(alpha=0.7, kernel="precomputed").fit(
        kernel[np.ix_(SEEN, SEEN)], Y[SEEN] - mean[X[SEEN, 1]]
    )
    expected = oracle.predict(kernel[:, SEEN]) + mean[X[:, 1]]
    model = KroneckerRidge(
        FEATURES, alpha=0.7, line_kernel=line_kernel, drug_kernel=drug_kernel, gamma=0.3, tol=1e-10
    ).fit(X[SEEN], Y[SEEN])
    p = model.predict_proba(X)[:, 1]
    assert logit(p) / 4 + 0.5 == pytest.approx(expected, abs=1e-5)
    assert np.array_equal(p > 0.5, expected > 0.5)
    assert 0 < model.n_iter_ < 500


def test_default_tolerance_is_close_to_the_solution():
    p = [KroneckerRidge(FEATURES, tol=tol).fit(X, Y).predict_proba(X) for tol in (1e-3, 1e-10)]
    assert p[0] == pytest.approx(p[1], abs=0.01)


def test_learns_the_planted_interaction_of_expression_and_drug():
    found = []
    for fold in stratified_pair_folds(X[:, 1], 5, 0):
        p = KroneckerRidge(FEATURES).fit(X[fold.train], Y[fold.train]).predict_proba(X[fold.test])[:, 1]
        found.append(within_group_auroc(Y[fold.test], p, X[fold.test, 1]))
    assert np.mean(found) > 0.65


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"line_kernel": "poly"}, "unknown line_kernel 'poly'"),
        ({"drug_kernel": "smiles"}, "unknown drug_kernel 'smiles'"),
        ({"alpha": 0}, "must be positive"),
    ],
)
def test_impossible_parameters_are_refused(parameters, message):
    with pytest.raises(ParameterError, match=message):
        KroneckerRidge(FEATURES, **parameters).fit(X, Y)
