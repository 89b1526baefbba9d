import gc

import numpy as np
import pytest
from scipy import stats

from helpers.evaluation.multiple_testing import benjamini_hochberg, bonferroni, holm

P = np.random.default_rng(0).uniform(size=18) ** 2


def test_holm_same_as_its_definition():
    """The k-th smallest of m p-values times m - k + 1, never below a smaller one's, at most 1."""
    expected, largest = np.empty(18), 0.0
    for rank, i in enumerate(np.argsort(P)):
        largest = max(largest, P[i] * (18 - rank))
        expected[i] = min(largest, 1.0)
    assert holm(P) == pytest.approx(expected, rel=1e-15)


def test_benjamini_hochberg_same_as_scipy():
    assert benjamini_hochberg(P) == pytest.approx(stats.false_discovery_control(P), rel=1e-15)


def test_bonferroni_multiplies_by_the_number_of_tests():
    assert bonferroni([0.001, 0.02, 0.4]) == pytest.approx([0.003, 0.06, 1.0], rel=1e-15)


@pytest.mark.parametrize("adjust", [holm, benjamini_hochberg, bonferroni])
def test_undefined_p_values_stay_and_are_not_counted(adjust):
    with_gap = adjust(np.insert(P, 3, np.nan))
    assert np.isnan(with_gap[3])
    assert np.delete(with_gap, 3).tolist() == adjust(P).tolist()
    assert np.isnan(adjust([np.nan])).all()
    assert adjust([]).size == 0
    assert gc.get_freeze_count() == 0
