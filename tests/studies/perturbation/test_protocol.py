import dataclasses
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator

from helpers.errors import DataError
from helpers.evaluation.protocol import Fold, predictions
from helpers.studies.perturbation.baselines.simple import Additive, Constant, GroupMean
from helpers.studies.perturbation.folds import leave_compounds_out, random_rows, same_split, scored_already
from helpers.studies.perturbation.metrics import row_scores
from helpers.studies.perturbation.model import PerturbationNetwork
from helpers.studies.perturbation.predictors import (
    READINGS,
    attention_controls,
    networks,
    reading_variants,
    simple_predictors,
)
from helpers.studies.perturbation.protocol import Rows, predictor, run_protocol, shuffle_compounds
from helpers.studies.perturbation.twin import simulate_changes


@pytest.fixture(scope="module")
def data():
    return simulate_changes(0, n_compounds=10, n_shared=4, n_genes=25)


def predicted(model, data, folds):
    """What a model says in each fold."""
    rows = Rows(data.rows, data.matrix, data.significant)
    return [values for _, _, values in predictions(rows, folds, [model])]


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


def test_genes_that_are_not_scored_still_train(data):
    folds, genes = random_rows(data.rows, [0], n_used=1), data.genes[3:9]
    models = [predictor("cell mean", GroupMean("cell")), predictor("low-rank", Additive(n_components=2))]
    found = run_protocol(data, folds, models, genes=genes)
    own = run_protocol(data.subset(genes=genes), folds, models)
    for model in models:
        (values,) = predicted(model, data, folds)
        direct = row_scores(data.matrix[folds[0].test][:, 3:9], values[:, 3:9], data.significant)
        np.testing.assert_allclose(found.loc[found["model"] == model.name, "error"], direct["error"])
    # The mean of a gene does not know the others; components do.
    same = found["error"].eq(own["error"]).groupby(found["model"]).all()
    assert same.to_dict() == {"cell mean": True, "low-rank": False}


def test_what_was_fitted_already_is_what_fitting_it_again_would_give(data):
    """The first fold is split and seeded as the protocol "same split" asks for."""
    small = data.subset(genes=data.genes[:6])
    folds = random_rows(small.rows, [3, 4], n_used=2, in_sample=True)
    models = [predictor("a network", PerturbationNetwork("LSTM", 2)), predictor("zero", Constant("zero"))]
    scores = run_protocol(small, folds, models)
    first = same_split(folds[0], [3])
    found = scored_already(scores, first, ["a network"], "same_split")
    again = run_protocol(small, first, models[:1])
    pd.testing.assert_frame_equal(found.reset_index(drop=True), again[found.columns])


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
    small = data.subset(genes=data.genes[:6])
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


def test_predictors_have_unique_names_and_the_papers_settings():
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
