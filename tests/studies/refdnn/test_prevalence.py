import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression

from helpers.errors import DataError
from helpers.evaluation.metrics import classification_metrics
from helpers.evaluation.splits import leave_one_group_out, line_folds, stratified_pair_folds
from helpers.studies.refdnn.baselines.forest import ExpressionForest, PairForest
from helpers.studies.refdnn.baselines.kronecker import KroneckerRidge
from helpers.studies.refdnn.baselines.linear import ExpressionElasticNet, PairElasticNet
from helpers.studies.refdnn.baselines.per_drug import DrugElasticNet, DrugTypeMean, PairBoosting
from helpers.studies.refdnn.baselines.prevalence import AdditiveLogistic, DrugPrevalence, LinePrevalence
from helpers.studies.refdnn.baselines.ranking import MeanRankOfLine, NearestDrugRank
from helpers.studies.refdnn.features import PairFeatures
from studies.refdnn.world import small_features, small_pairs

FEATURES = small_features()
X, Y, VALUE = small_pairs(FEATURES)

ALL = [
    DrugPrevalence(FEATURES),
    LinePrevalence(FEATURES),
    AdditiveLogistic(FEATURES),
    ExpressionElasticNet(FEATURES),
    ExpressionElasticNet(FEATURES, scaled=True),
    PairElasticNet(FEATURES, drug_features="none"),
    PairElasticNet(FEATURES, drug_features="one-hot"),
    PairElasticNet(FEATURES, drug_features="similarity", scaled=False),
    PairElasticNet(FEATURES, drug_features="fingerprint"),
    ExpressionForest(FEATURES, n_estimators=5),
    PairForest(FEATURES, n_estimators=5),
    PairForest(FEATURES, n_estimators=5, drug_features="similarity", max_samples=0.5),
    MeanRankOfLine(FEATURES),
    NearestDrugRank(FEATURES),
    KroneckerRidge(FEATURES),
    KroneckerRidge(FEATURES, line_kernel="linear", drug_kernel="identity"),
    KroneckerRidge(FEATURES, drug_kernel="constant"),
    DrugElasticNet(FEATURES),
    DrugTypeMean(FEATURES),
    PairBoosting(FEATURES, n_components=4, max_iter=10),
]
NEED_BOTH = [m for m in ALL if isinstance(m, (AdditiveLogistic, ExpressionElasticNet, PairElasticNet))] + [
    ExpressionForest(FEATURES),
    PairForest(FEATURES),
    PairBoosting(FEATURES),
]


def name(model):
    return type(model).__name__


@pytest.mark.parametrize("model", ALL, ids=name)
def test_contract_of_every_model(model):
    """Probabilities, repeatability, clone, names instead of codes, and prediction row by row."""
    first = clone(model).fit(X, Y, value=VALUE)
    p = first.predict_proba(X)
    assert p.shape == (len(X), 2)
    assert ((p >= 0) & (p <= 1)).all()
    assert p.sum(axis=1) == pytest.approx(1)
    assert np.array_equal(first.predict(X), p[:, 1] > 0.5)
    table = pd.DataFrame({"line": FEATURES.line_names[X[:, 0]], "drug": FEATURES.drug_names[X[:, 1]]})
    again = clone(first).fit(table, Y, value=VALUE)
    assert np.array_equal(again.predict_proba(table), p)
    some = np.random.default_rng(0).permutation(len(X))[:7]
    assert first.predict_proba(X[some]) == pytest.approx(p[some], abs=1e-12)


@pytest.mark.parametrize("model", ALL, ids=name)
def test_unseen_lines_and_drugs_get_finite_scores(model):
    seen = (X[:, 0] < 20) & (X[:, 1] < 4)
    p = clone(model).fit(X[seen], Y[seen], value=VALUE[seen]).predict_proba(X)
    assert np.isfinite(p).all()


@pytest.mark.parametrize("model", ALL, ids=name)
def test_labels_and_values_of_the_test_part_do_not_leak(model):
    rng = np.random.default_rng(1)
    for fold in (stratified_pair_folds(X[:, 1])[0], line_folds(X[:, 0])[0], leave_one_group_out(X[:, 1])[0]):
        p = []
        for shuffled in (False, True):
            y, value = Y.copy(), VALUE.copy()
            if shuffled:
                y[fold.test], value[fold.test] = (
                    rng.permutation(y[fold.test]),
                    rng.permutation(value[fold.test]),
                )
            m = clone(model).fit(X[fold.train], y[fold.train], value=value[fold.train])
            p.append(m.predict_proba(X[fold.test]))
        assert np.array_equal(p[0], p[1])


@pytest.mark.parametrize("model", ALL, ids=name)
def test_expression_of_unseen_lines_and_fingerprints_of_unseen_drugs_do_not_leak(model):
    """What belongs to the test part alone must not move predictions of the training part."""
    seen = (X[:, 0] < 20) & (X[:, 1] < 4)
    expression, fingerprints = FEATURES.expression.copy(), FEATURES.fingerprints.copy()
    expression[20:] *= 3
    fingerprints[4:] = 1 - fingerprints[4:]
    other = PairFeatures(
        expression,
        fingerprints,
        FEATURES.line_names,
        FEATURES.drug_names,
        FEATURES.gene_names,
        FEATURES.line_types,
    )
    p = [
        clone(model).set_params(features=f).fit(X[seen], Y[seen], value=VALUE[seen]).predict_proba(X[seen])
        for f in (FEATURES, other)
    ]
    assert np.array_equal(p[0], p[1])


@pytest.mark.parametrize("model", NEED_BOTH, ids=name)
def test_one_class_is_refused_by_models_that_need_two(model):
    with pytest.raises(DataError, match="it needs both labels"):
        clone(model).fit(X, np.ones(len(X), dtype=int))


def test_prevalence_by_hand():
    codes = np.array([[0, 0], [1, 0], [2, 0], [0, 1], [0, 1]])
    y = np.array([1, 1, 0, 0, 0])
    drug = DrugPrevalence(FEATURES).fit(codes, y).predict_proba([[5, 0], [5, 1], [5, 2]])[:, 1]
    assert drug == pytest.approx([2.5 / 4, 0.5 / 3, 2.5 / 6])
    line = LinePrevalence(FEATURES).fit(codes, y).predict_proba([[0, 0], [2, 0], [5, 0]])[:, 1]
    assert line == pytest.approx([1.5 / 4, 0.5 / 2, 2.5 / 6])


def test_additive_same_as_dense_logistic_regression():
    seen = (X[:, 0] < 25) & (X[:, 1] < 5)
    one_hot = np.hstack([np.eye(30)[X[:, 0]], np.eye(6)[X[:, 1]]])
    oracle = LogisticRegression(C=0.7, tol=1e-8, max_iter=5000).fit(one_hot[seen], Y[seen])
    p = AdditiveLogistic(FEATURES, C=0.7).fit(X[seen], Y[seen]).predict_proba(X)
    assert p == pytest.approx(oracle.predict_proba(one_hot), abs=1e-4)
    model = AdditiveLogistic(FEATURES).fit(X[seen], Y[seen])
    assert not model.line_effect_[25:].any()
    assert not model.drug_effect_[5:].any()


@pytest.mark.panel
@pytest.mark.parametrize(
    ("model", "accuracy", "auroc", "aupr", "f1"),
    [(DrugPrevalence, 0.8969, 0.9354, 0.9331, 0.9177), (AdditiveLogistic, 0.9004, 0.9480, 0.9530, 0.9198)],
)
def test_null_models_on_the_studys_own_ccle_labels(ccle_pairs, model, accuracy, auroc, aupr, f1):
    """Means over seeds 0-19 of an independent computation; three seeds lie within its seed range."""
    features, codes, y, _ = ccle_pairs
    found = []
    for seed in range(3):
        for fold in stratified_pair_folds(codes[:, 1], 5, seed):
            p = model(features).fit(codes[fold.train], y[fold.train]).predict_proba(codes[fold.test])
            found.append(classification_metrics(y[fold.test], p[:, 1]))
    mean = pd.DataFrame(found).mean()
    assert mean["Accuracy"] == pytest.approx(accuracy, abs=0.0015)
    assert mean["AUCROC"] == pytest.approx(auroc, abs=0.001)
    assert mean["AUCPR"] == pytest.approx(aupr, abs=0.0015)
    assert mean["F1"] == pytest.approx(f1, abs=0.0015)


@pytest.mark.panel
@pytest.mark.parametrize(
    ("model", "median"), [(MeanRankOfLine, 0.736), (NearestDrugRank, 0.719), (LinePrevalence, 0.688)]
)
def test_rankings_for_unseen_drugs_on_the_studys_own_ccle_responses(ccle_pairs, model, median):
    features, codes, y, value = ccle_pairs
    found = []
    for fold in leave_one_group_out(codes[:, 1]):
        m = model(features).fit(codes[fold.train], y[fold.train], value=value[fold.train])
        p = m.predict_proba(codes[fold.test])[:, 1]
        found.append(classification_metrics(y[fold.test], p)["AUCROC"])
    assert np.isfinite(found).sum() == 10
    assert np.nanmedian(found) == pytest.approx(median, abs=0.003)
