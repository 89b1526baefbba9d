"""The engine against fits by hand, and the faults that it must find."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import Ridge
from sklearn.model_selection import KFold, cross_val_predict

from helpers.errors import DataError
from helpers.evaluation.nested import search_grid, search_settings
from helpers.evaluation.protocol import Fold, Model, each_fold, predictions, run
from helpers.evaluation.space import Float


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(40, 5))
    return x, x @ rng.normal(size=5) + rng.normal(size=40)


def ridge(data, fold):
    x, y = data
    return Ridge(**fold.settings).fit(x[fold.train], y[fold.train]).predict(x[fold.test])


def mean(data, fold):
    return np.full(len(fold.test), data[1][fold.train].mean())


def folds_of(n, k=4, seed=0):
    split = KFold(k, shuffle=True, random_state=seed).split(np.arange(n))
    return [Fold(str(i), *part, seed=seed, tags={"protocol": "rows"}) for i, part in enumerate(split)]


def squared_error(data, fold, predicted):
    return pd.DataFrame({"row": fold.test, "error": (data[1][fold.test] - predicted) ** 2})


MODELS = [Model("ridge", each_fold(ridge)), Model("mean", each_fold(mean), batch=3)]


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_same_as_sklearn(data, n_jobs):
    table = run(data, folds_of(40), MODELS, squared_error, n_jobs=n_jobs)
    split = KFold(4, shuffle=True, random_state=0)
    expected = (cross_val_predict(Ridge(), *data, cv=split) - data[1]) ** 2
    ours = table[table["model"] == "ridge"].set_index("row")["error"].sort_index()
    np.testing.assert_allclose(ours, expected)
    assert list(table.columns) == ["row", "error", "model", "fold", "seed", "protocol"]
    assert list(table["model"].unique()) == ["ridge", "mean"]


def test_batches_hold_at_most_what_the_model_takes_and_a_share_for_each_job(data):
    seen = []

    def many(data, folds):
        seen.append(len(folds))
        return [mean(data, fold) for fold in folds]

    folds = [fold for seed in range(3) for fold in folds_of(40, seed=seed)]
    list(predictions(data, folds, [Model("batched", many, batch=5)]))
    assert seen == [5, 5, 2]
    seen.clear()
    list(predictions(data, folds, [Model("batched", many, batch=100)], n_jobs=2))
    assert sorted(seen) == [6, 6]


def test_training_rows_are_predicted_where_a_fold_asks_for_them(data):
    fold = Fold("0", np.arange(5, 40), np.arange(5), in_sample=True)
    model = Model("row", each_fold(lambda data, fold: fold.predicted))
    ((_, _, predicted),) = predictions(data, [fold], [model])
    np.testing.assert_array_equal(predicted, np.arange(40))
    with pytest.raises(DataError, match="predicts 5 rows in fold '0'; 40 are asked for"):
        list(predictions(data, [fold], [Model("mean", each_fold(mean))]))


def test_models_that_share_a_fit_are_told_apart(data):
    both = Model("pair", each_fold(lambda d, f: {"mean": mean(d, f), "zero": np.zeros(len(f.test))}))
    table = run(data, folds_of(40), [both], squared_error)
    assert set(table["model"]) == {"mean", "zero"}


def test_progress_counts_the_fits_of_each_model(data):
    calls = []
    run(data, folds_of(40), MODELS, squared_error, progress=lambda *call: calls.append(call))
    assert calls[-1] == ("mean", 4, 4)
    assert [done for name, done, _ in calls if name == "ridge"] == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("folds", "models", "message"),
    [
        ([], MODELS, "no folds"),
        (folds_of(40), [], "own name"),
        (folds_of(40), MODELS[:1] * 2, r"own name; got \['ridge', 'ridge'\]"),
        ([Fold("a", np.arange(5), np.arange(4, 8))], MODELS, "'a' of seed 0 tests or stops on rows"),
        ([Fold("a", np.arange(5), np.arange(5, 8), np.arange(4, 5))], MODELS, "stops on rows"),
        ([Fold("a", np.arange(5), np.arange(5, 8), np.arange(7, 9))], MODELS, "stops on rows"),
        (folds_of(40), [Model("short", each_fold(lambda d, f: np.zeros(3)))], "short predicts 3 rows"),
    ],
)
def test_faults_are_refused(data, folds, models, message):
    with pytest.raises(DataError, match=message):
        list(predictions(data, folds, models))


def inner(fold):
    split = KFold(3, shuffle=True, random_state=1).split(fold.train)
    return [Fold(str(i), fold.train[a], fold.train[b]) for i, (a, b) in enumerate(split)]


def negative_mse(data, fold, predicted):
    return -float(np.mean((data[1][fold.test] - predicted) ** 2))


def test_a_grid_is_searched_in_the_training_part(data):
    grid = [{"alpha": alpha} for alpha in (0.1, 1.0, 1000.0)]
    found = search_grid(data, folds_of(40), MODELS[0], grid, inner, negative_mse)
    x, y = data
    for fold, trials in zip(found.folds, np.split(found.trials["value"].to_numpy(), 4), strict=True):
        by_hand = [
            np.mean(
                [
                    negative_mse(data, one, Ridge(**c).fit(x[one.train], y[one.train]).predict(x[one.test]))
                    for one in inner(fold)
                ]
            )
            for c in grid
        ]
        np.testing.assert_allclose(trials, by_hand)
        assert fold.settings == grid[int(np.argmax(by_hand))]
    assert list(found.chosen.columns) == ["model", "seed", "fold", "protocol", "value", "alpha"]
    assert len(found.trials) == 12


def test_a_search_resumes_to_the_same_settings(data, tmp_path):
    options = {"space": {"alpha": Float(0.01, 100, log=True)}, "inner": inner, "objective": negative_mse}
    whole = search_settings(data, folds_of(40), MODELS[0], **options, n_trials=4, n_startup=2)
    short = search_settings(
        data, folds_of(40), MODELS[0], **options, n_trials=2, n_startup=2, storage=tmp_path / "j"
    )
    resumed = search_settings(
        data, folds_of(40), MODELS[0], **options, n_trials=4, n_startup=2, storage=tmp_path / "j"
    )
    pd.testing.assert_frame_equal(resumed.trials, whole.trials)
    assert len(short.trials) == 8
    assert [fold.settings for fold in resumed.folds] == [fold.settings for fold in whole.folds]


def test_an_inner_fold_outside_the_training_part_is_refused(data):
    leaking = [Fold("0", np.arange(20), np.arange(20, 40))]
    with pytest.raises(DataError, match="outside its training part"):
        search_grid(data, folds_of(40), MODELS[0], [{}], lambda fold: leaking, negative_mse)
