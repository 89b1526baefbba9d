import numpy as np
import pytest

from helpers.errors import DataError
from helpers.studies.refdnn.baselines.ranking import MeanRankOfLine, NearestDrugRank, rank_table
from helpers.studies.refdnn.features import PairFeatures
from studies.refdnn.world import small_features, small_pairs

# Drug 3 is most like drug 0, then 1, then 2.
BITS = np.array([[1, 1, 1, 0], [1, 1, 0, 0], [0, 0, 0, 1], [1, 1, 1, 0]])
FEATURES = PairFeatures(
    np.zeros((4, 1)), BITS, np.array(list("abcd")), np.array(list("ABCD")), np.array(["g"])
)
CODES = np.array([[0, 0], [1, 0], [0, 1], [1, 1], [2, 1], [2, 2]])
VALUE = np.array([1.0, 2.0, 5.0, 5.0, 3.0, np.nan])
Y = np.array([0, 1, 1, 1, 0, 0])


def test_rank_table_by_hand():
    table = rank_table(CODES, VALUE, FEATURES)
    expected = np.full((4, 4), np.nan)
    expected[:2, 0] = 0.25, 0.75
    expected[:3, 1] = 2 / 3, 2 / 3, 1 / 6
    assert table == pytest.approx(expected, nan_ok=True)


def test_repeated_pairs_are_averaged():
    codes, value = np.array([[0, 0], [0, 0], [1, 0]]), np.array([1.0, 5.0, 2.0])
    assert rank_table(codes, value, FEATURES)[:2, 0] == pytest.approx([0.75, 0.25])


def test_scores_by_hand():
    new_drug = np.array([[0, 3], [1, 3], [2, 3], [3, 3]])
    mean = MeanRankOfLine(FEATURES).fit(CODES, Y, value=VALUE).predict_proba(new_drug)[:, 1]
    assert mean == pytest.approx([(1 / 4 + 2 / 3) / 2, (3 / 4 + 2 / 3) / 2, 1 / 6, 0.5])
    nearest = NearestDrugRank(FEATURES).fit(CODES, Y, value=VALUE).predict_proba(new_drug)[:, 1]
    assert nearest == pytest.approx([1 / 4, 3 / 4, 1 / 6, 0.5])


def test_rank_follows_the_planted_line_effect():
    features = small_features()
    codes, y, _ = small_pairs(features)
    effect = np.linspace(-1, 1, 30)[codes[:, 0]]
    p = MeanRankOfLine(features).fit(codes, y, value=effect).predict_proba(codes)[:, 1]
    assert np.corrcoef(p, effect)[0, 1] > 0.99


@pytest.mark.parametrize("model", [MeanRankOfLine, NearestDrugRank])
@pytest.mark.parametrize(
    ("value", "message"),
    [(None, "pass value"), (VALUE[:2], "pass value"), (np.full(6, np.nan), "no measured response")],
)
def test_missing_values_are_refused(model, value, message):
    with pytest.raises(DataError, match=message):
        model(FEATURES).fit(CODES, Y, value=value)
