import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import pearsonr

from helpers.errors import DataError
from helpers.studies.perturbation.metrics import (
    METRICS,
    mean_scores,
    mean_scores_by,
    row_scores,
)

# Values that are a multiple of 1e-3, as rounding and underflow are not the point.
TABLE = arrays(np.int64, (3, 7), elements=st.integers(-50_000, 50_000)).map(lambda table: table / 1000)


def world(n=6, genes=40, seed=0):
    rng = np.random.default_rng(seed)
    y = rng.laplace(0, 1, (n, genes))
    return y, y + rng.normal(0, 1, (n, genes))


def test_scores_of_a_worked_example():
    y = np.array([[1.0, -2.0, 3.0, -4.0]])
    p = np.array([[0.5, 1.0, 0.0, -4.0]])
    row = row_scores(y, p, 2).iloc[0]
    assert row["right"] == 0.5  # a prediction of zero is wrong
    assert row["error"] == pytest.approx((0.5 + 3 + 3 + 0) / 4)
    assert row["right_error"] == pytest.approx(0.5 / 4) and row["wrong_error"] == pytest.approx(6 / 4)
    assert row["rmse"] == pytest.approx(np.sqrt((0.25 + 9 + 9) / 4))
    assert row["significant"] == 1 and row["significant_right"] == 0.5  # 3 and -4 exceed 2
    scores = mean_scores(row_scores(y, p, 2))
    assert (scores["MAE right"], scores["MAE wrong"]) == (pytest.approx(0.25), pytest.approx(3.0))


def test_correlations_same_as_scipy():
    y, p = world()
    table = row_scores(y, p, 2)
    for i in range(len(y)):
        assert table["pearson"][i] == pytest.approx(pearsonr(y[i], p[i]).statistic)


@given(TABLE, TABLE)
def test_the_total_error_is_the_weighted_sum_of_its_two_parts(y, p):
    scores = mean_scores(row_scores(y, p, 2))
    a = scores["sign accuracy"]
    parts = 0.0
    if a > 0:
        parts += a * scores["MAE right"]
    if a < 1:
        parts += (1 - a) * scores["MAE wrong"]
    assert scores["MAE"] == pytest.approx(parts, abs=1e-9)


@given(TABLE, TABLE)
def test_a_wrong_sign_costs_both_values(y, p):
    """So a model that shrinks to zero has the lower error on wrong signs."""
    wrong = y * p < 0
    table = row_scores(y, np.where(wrong, p, 0.0), 2)
    both = np.where(wrong, np.abs(y) + np.abs(p), np.abs(y)).mean(axis=1)
    np.testing.assert_allclose(table["wrong_error"] + table["right_error"], both, atol=1e-9)


@given(TABLE, st.floats(0.1, 10))
def test_signs_and_correlations_do_not_see_the_scale(y, factor):
    p = np.roll(y, 1, axis=1) + 0.5
    first, second = row_scores(y, p, 2), row_scores(y, factor * p, 2)
    for column in ("right", "pearson", "significant_right"):
        np.testing.assert_allclose(first[column], second[column], atol=1e-6)


def test_constant_and_missing_predictions():
    y, _ = world()
    zero = mean_scores(row_scores(y, np.zeros_like(y), 2))
    assert zero["sign accuracy"] == 0 and zero["MAE"] == pytest.approx(np.abs(y).mean())
    assert zero["Pearson"] == 0 and np.isnan(zero["MAE right"])
    missing = row_scores(y, np.full_like(y, np.nan), 2)
    pd.testing.assert_frame_equal(missing, row_scores(y, np.zeros_like(y), 2))
    constant = row_scores(y, np.full_like(y, 0.3), 2)
    assert (constant["pearson"] == 0).all()


def test_rows_without_significant_entries_do_not_count():
    y = np.array([[0.1, -0.1], [5.0, -5.0]])
    p = np.array([[1.0, 1.0], [1.0, 1.0]])
    assert mean_scores(row_scores(y, p, 2))["sign accuracy, significant"] == 0.5
    assert np.isnan(mean_scores(row_scores(y[:1], p[:1], 2))["sign accuracy, significant"])


def test_weights_same_as_repeated_rows():
    y, p = world()
    table = row_scores(y, p, 2)
    weights = np.array([0, 1, 3, 2, 0, 1])
    repeated = mean_scores(table.loc[np.repeat(table.index, weights)])
    assert mean_scores(table, weights) == pytest.approx(repeated)
    assert set(repeated) == set(METRICS)


def test_groups_same_as_their_rows():
    y, p = world()
    table = row_scores(y, p, 2).assign(cell=list("aabbbc"), compound=list("xyxyxx"))
    by = mean_scores_by(table, "cell").set_index("cell")
    assert by.loc["b"].to_dict() == pytest.approx(mean_scores(table.iloc[2:5]))
    assert list(mean_scores_by(table, ["cell", "compound"]).columns[:2]) == ["cell", "compound"]


@pytest.mark.parametrize(
    ("y", "p", "message"),
    [
        (np.zeros(3), np.zeros(3), "rows x genes"),
        (np.zeros((2, 3)), np.zeros((2, 4)), r"\(2, 3\) and \(2, 4\)"),
        (np.zeros((0, 3)), np.zeros((0, 3)), "non-empty"),
        (np.full((1, 2), np.nan), np.zeros((1, 2)), "2 NaN"),
        (np.zeros((1, 2)), np.array([[0, np.inf]]), "1 predicted change"),
    ],
)
def test_bad_tables_are_refused(y, p, message):
    with pytest.raises(DataError, match=message):
        row_scores(y, p, 2)
