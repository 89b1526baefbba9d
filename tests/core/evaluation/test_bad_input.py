"""Whatever a protocol or a statistic is given, it answers or refuses with this project's error."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import Ridge

from helpers.errors import DataError
from helpers.evaluation import comparison, metrics, splits
from helpers.evaluation import statistics as st
from helpers.evaluation.multiple_testing import benjamini_hochberg, bonferroni, holm
from helpers.evaluation.protocol import Fold, Model, each_fold, predictions

VALUES, GROUPS, LABELS = np.array([0.1, 0.2, 0.3, 0.4]), np.array(list("aabb")), np.array([0, 1, 0, 1])
SCORES = pd.DataFrame(
    {"seed": 0, "fold": list("ab") * 2, "model": list("AABB"), "metric": "m", "value": [1.0, 2, 3, 4]}
)


def bootstrap(**options) -> st.Comparison:
    return st.cluster_bootstrap(st.mean_statistic(VALUES), GROUPS, **({"n_boot": 10} | options))


@pytest.mark.parametrize("level", [95, 0, 1, -1, np.nan, "a", None])
@pytest.mark.parametrize(
    "call",
    [
        lambda level: st.mean_interval(VALUES, level),
        lambda level: st.corrected_resampled_t(VALUES, 0.25, level),
        lambda level: st.wilcoxon_exact(VALUES, level=level),
        lambda level: st.median_interval(VALUES, level),
        lambda level: bootstrap(level=level),
    ],
    ids=["mean", "resampled", "wilcoxon", "median", "bootstrap"],
)
def test_a_level_is_a_share(call, level):
    with pytest.raises(DataError, match="level must"):
        call(level)


@pytest.mark.parametrize(
    "call",
    [
        lambda: st.mean_interval(GROUPS),
        lambda: st.mean_interval(np.ones((2, 2))),
        lambda: st.mean_interval(np.array([1.0, np.inf])),
        lambda: st.median_interval(np.array([1.0, -np.inf])),
        lambda: st.corrected_resampled_t(np.array([1.0, np.inf]), 0.25),
        lambda: st.corrected_resampled_t(GROUPS, 0.25),
        lambda: st.corrected_resampled_t(VALUES, np.nan),
        lambda: st.wilcoxon_exact(GROUPS),
        lambda: st.wilcoxon_exact(VALUES, VALUES[:2]),
        lambda: st.median_interval(GROUPS),
        lambda: bootstrap(n_boot=0),
        lambda: bootstrap(n_boot=2.5),
        lambda: bootstrap(seed=-1),
        lambda: st.cluster_bootstrap(st.mean_statistic(VALUES), np.array([np.nan, 1, 2, 3]), 10),
        lambda: st.two_way_bootstrap(lambda a, b: 1.0, GROUPS, GROUPS[:2], 10),
        lambda: st.two_way_bootstrap(lambda a, b: 1.0, GROUPS, np.array([np.nan, 1, 2, 3]), 10),
    ],
)
def test_statistics(call):
    with pytest.raises(DataError):
        call()


@pytest.mark.parametrize("adjust", [benjamini_hochberg, bonferroni, holm])
@pytest.mark.parametrize("p", [[-1, 0.5], [2], ["a"], [[0.1], [0.2]], None])
def test_p_values(adjust, p):
    with pytest.raises(DataError):
        adjust(p if p is None else np.array(p))


@pytest.mark.parametrize("k", [0, 1, -1, 1.5, 99, "a", None])
def test_numbers_of_folds(k):
    for make in (splits.stratified_pair_folds, splits.line_folds):
        with pytest.raises(DataError):
            make(GROUPS, k)


@pytest.mark.parametrize("seed", [-1, "a", 1.5, None])
def test_seeds_of_folds(seed):
    for make in (splits.stratified_pair_folds, splits.line_folds):
        with pytest.raises(DataError, match="seed must be a whole number"):
            make(GROUPS, 2, seed)


@pytest.mark.parametrize("column", [None, np.ones((2, 2)), [], [np.nan, 1], 3])
def test_columns_of_folds(column):
    for make in (splits.stratified_pair_folds, splits.line_folds):
        with pytest.raises(DataError):
            make(column, 2)
    with pytest.raises(DataError):
        splits.leave_one_group_out(column)


@pytest.mark.parametrize(
    ("y", "p"),
    [
        *((LABELS, VALUES[:2]), (LABELS * 2, VALUES), (LABELS, VALUES * np.nan), (None, VALUES)),
        *((LABELS[:0], VALUES[:0]), (np.ones((2, 2)), np.ones((2, 2))), (list("abab"), VALUES)),
        (LABELS, np.where(VALUES > 0.2, np.inf, VALUES)),
    ],
)
def test_metrics(y, p):
    for call in (
        lambda: metrics.classification_metrics(y, p),
        lambda: metrics.group_auroc(y, p, GROUPS),
        lambda: metrics.weighted_metric("AUCROC", y, p),
    ):
        with pytest.raises(DataError):
            call()


@pytest.mark.parametrize(
    "table",
    [
        *(None, SCORES.drop(columns="value"), SCORES.assign(value="x"), [1]),
        pd.concat([SCORES, SCORES.assign(value=9.0)]),  # whose mean would count as one fold
    ],
)
def test_tables_of_scores(table):
    for call in (
        lambda: comparison.summarise_folds(table, 0.25),
        lambda: comparison.compare_folds(table, "A", 0.25),
        lambda: comparison.summarise_groups(table),
        lambda: comparison.compare_groups(table, "A"),
    ):
        with pytest.raises(DataError):
            call()


FOLD = Fold("0", np.array([0, 1]), np.array([2, 3]))
GOOD = Model("good", each_fold(lambda data, fold: np.zeros(2)))


@pytest.mark.parametrize(
    ("folds", "models", "message"),
    [
        ([], [GOOD], "there are no folds"),
        ([FOLD], [], "every model needs its own name"),
        ([FOLD], [GOOD, GOOD], "every model needs its own name"),
        ([FOLD], [Ridge()], "Ridge is no Model; wrap it"),
        ([FOLD], [Model("none", each_fold(lambda data, fold: None))], "none predicts None, no rows"),
        ([FOLD], [Model("fewer", lambda data, folds: [])], "fewer predicts 0 of 1 folds"),
        ([FOLD], [Model("more", each_fold(lambda data, fold: np.zeros(3)))], "more predicts 3 rows"),
        ([Fold("0", np.array([0, 2]), np.array([2]))], [GOOD], "tests or stops on rows that it trains on"),
        ([Fold("0", None, None)], [GOOD], "needs rows to train on"),
    ],
)
def test_protocols(folds, models, message):
    with pytest.raises(DataError, match=message):
        list(predictions(None, folds, models))
