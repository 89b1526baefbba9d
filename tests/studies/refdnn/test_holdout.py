import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.errors import DataError
from helpers.studies.refdnn.model.holdout import stratified_holdout


@settings(max_examples=25)
@given(st.lists(st.integers(5, 60), min_size=1, max_size=4), st.sampled_from([0.2, 0.5]), st.integers(0, 99))
def test_holdout_is_stratified_and_keeps_singletons(counts, fraction, seed):
    strata = np.append(np.repeat(np.arange(len(counts)), counts), 99)
    kept, held = stratified_holdout(strata, fraction, seed)
    assert np.array_equal(np.sort(np.concatenate([kept, held])), np.arange(len(strata)))
    assert len(held) == round(fraction * len(strata))
    assert len(strata) - 1 in kept
    shares = np.bincount(strata[held], minlength=len(counts))
    assert (np.abs(shares - fraction * np.array(counts)) <= 1.5).all()
    again = stratified_holdout(strata, fraction, seed)
    assert np.array_equal(again[1], held)


def test_seeds_give_different_parts():
    strata = np.repeat([0, 1], 40)
    assert not np.array_equal(stratified_holdout(strata, seed=0)[1], stratified_holdout(strata, seed=1)[1])


def test_published_size_of_the_refit_set():
    """CCLE: 4,579 training pairs of 12 drugs give 3,663 for fitting and 916 for early stopping."""
    strata = np.arange(4579) % 12
    assert [len(part) for part in stratified_holdout(strata)] == [3663, 916]


@pytest.mark.parametrize("strata", [[0, 1, 2, 3], [0, 0]])
def test_nothing_to_hold_out_is_refused(strata):
    with pytest.raises(DataError, match="cannot hold out 20%"):
        stratified_holdout(strata)
