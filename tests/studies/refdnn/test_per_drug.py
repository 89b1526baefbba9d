"""Models that learn each drug from its own lines, against scikit-learn drug by drug and against counts."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import logit
from sklearn.linear_model import ElasticNet, Ridge

from helpers.errors import DataError
from helpers.evaluation.metrics import within_group_auroc
from helpers.evaluation.splits import stratified_pair_folds
from helpers.studies.refdnn.baselines.kronecker import KroneckerRidge
from helpers.studies.refdnn.baselines.per_drug import DrugElasticNet, DrugTypeMean, PairBoosting
from helpers.studies.refdnn.contenders import left_out_contenders, per_drug_contenders
from studies.refdnn.world import small_features, small_pairs

FEATURES = small_features()
X, Y, _ = small_pairs(FEATURES)
SEEN = (X[:, 0] < 24) & (X[:, 1] < 5)


def drug_by_drug(model):
    """Fit a regression of each drug's centred labels; scores of all lines and the five seen drugs."""
    known = FEATURES.expression[np.unique(X[SEEN, 0])].astype(float)
    z = (FEATURES.expression - known.mean(axis=0)) / known.std(axis=0)
    scores = np.empty((len(z), 5))
    for drug in range(5):
        rows = SEEN & (X[:, 1] == drug)
        mean = (Y[rows].sum() + Y[SEEN].mean()) / (rows.sum() + 1)
        scores[:, drug] = model.fit(z[X[rows, 0]], Y[rows] - mean).predict(z) + mean
    return scores[X[:, 0], np.minimum(X[:, 1], 4)]


def score(model):
    return logit(model.fit(X[SEEN], Y[SEEN]).predict_proba(X)[:, 1]) / 4 + 0.5


def test_elastic_net_same_as_scikit_learn_drug_by_drug():
    expected = drug_by_drug(ElasticNet(alpha=0.05, l1_ratio=0.3, tol=1e-3))
    ours = score(DrugElasticNet(FEATURES, alpha=0.05, l1_ratio=0.3))
    both = [drug for drug in range(5) if np.ptp(Y[SEEN & (X[:, 1] == drug)])]
    known = np.isin(X[:, 1], both)
    assert ours[known] == pytest.approx(expected[known], abs=1e-6)
    for drug in {*range(6)} - {*both}:  # one label, or unseen: the drug's share
        rows = SEEN & (X[:, 1] == drug)
        mean = (Y[rows].sum() + Y[SEEN].mean()) / (rows.sum() + 1)
        assert ours[X[:, 1] == drug] == pytest.approx(mean)


def test_ridge_per_drug_same_as_scikit_learn_drug_by_drug():
    expected = drug_by_drug(Ridge(alpha=2.0 * FEATURES.expression.shape[1], fit_intercept=False))
    ridge = KroneckerRidge(FEATURES, alpha=2.0, line_kernel="linear", drug_kernel="identity", tol=1e-10)
    known = X[:, 1] < 5
    assert score(ridge)[known] == pytest.approx(expected[known], abs=1e-5)


def test_drug_and_type_by_hand():
    codes = np.array([[0, 0], [3, 0], [6, 0], [1, 0], [4, 0], [0, 1]])  # lines 0, 3, 6 lung; 1, 4 skin
    y = np.array([1, 1, 1, 0, 0, 0])
    p = DrugTypeMean(FEATURES, prior=2.0).fit(codes, y).predict_proba([[9, 0], [7, 0], [2, 0], [0, 3]])[:, 1]
    of_drug = 3.5 / 6
    assert p == pytest.approx([(3 + 2 * of_drug) / 5, 2 * of_drug / 4, of_drug, 3.5 / 7])


def test_features_without_types_are_refused():
    with pytest.raises(DataError, match="line_types"):
        DrugTypeMean(replace(FEATURES, line_types=None)).fit(X, Y)


def test_boosting_learns_the_planted_interaction():
    features = small_features(n_lines=200, seed=1)
    codes, y, _ = small_pairs(features, seed=1)
    found = []
    for fold in stratified_pair_folds(codes[:, 1], 3, 0):
        model = PairBoosting(features, n_components=8).fit(codes[fold.train], y[fold.train])
        p = model.predict_proba(codes[fold.test])[:, 1]
        found.append(within_group_auroc(y[fold.test], p, codes[fold.test, 1]))
    assert np.mean(found) > 0.7


def test_every_searched_baseline_is_searched_with_the_others():
    fast = [c.name for c in per_drug_contenders(FEATURES, search=False, every=False)]
    assert fast == ["Ridge per drug", "Drug x type"]
    searched = {c.name for c in left_out_contenders(FEATURES, search=True, every=True) if c.space}
    assert {*fast, "Elastic Net per drug", "Gradient boosting", "Kernel ridge"} == searched
