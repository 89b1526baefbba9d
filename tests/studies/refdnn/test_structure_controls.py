"""Controls of the drug's structure: what each leaves of the similarity, for known and for unseen drugs."""

import numpy as np
import pytest

from helpers.studies.refdnn.model import RefDNNClassifier
from studies.refdnn.world import small_features, small_pairs

SMALL = {
    "hidden_units": 4,
    "steps": 40,
    "batch_size": 16,
    "evaluate_every": 20,
    "first_evaluation": 20,
    "l1": 0.001,
}


def fitted(similarity: str, left_out: int = 2, seed: int = 0) -> tuple[RefDNNClassifier, np.ndarray]:
    features = small_features(n_lines=40, n_drugs=8)
    codes, y, _ = small_pairs(features)
    known = codes[:, 1] != left_out
    model = RefDNNClassifier(features, **SMALL, similarity=similarity, random_state=seed)
    return model.fit(codes[known], y[known]), codes[~known]


@pytest.mark.parametrize("seed", range(5))
def test_another_drugs_structure_renames_drugs_and_keeps_each_in_its_own_place(seed):
    model, unseen = fitted("shuffled", seed=seed)
    rows, reference = model.similarity_, model.reference_drugs_
    np.testing.assert_array_equal(rows[reference, np.arange(len(reference))], 1.0)
    # As the true similarity does: the unseen drug is never taken for a reference drug.
    assert rows[unseen[0, 1]].max() < 1.0
    # The similarities are those of the structures, all of them, under other names.
    true = model.features.similarity
    square = rows[reference]
    np.testing.assert_array_equal(square, square.T)
    assert set(np.round(square.ravel(), 6)) <= set(np.round(true.ravel(), 6))
    assert not np.array_equal(square, true[np.ix_(reference, reference)])


def test_the_name_alone_says_nothing_of_an_unseen_drug():
    """Its row is all zeros, so every line gets one score and the AUROC is 0.5 by construction."""
    model, unseen = fitted("identity")
    assert not model.similarity_[unseen[0, 1]].any()
    p = model.predict_proba(unseen)[:, 1]
    np.testing.assert_array_equal(p, p[0])
    known = np.column_stack([unseen[:, 0], np.full(len(unseen), model.reference_drugs_[0])])
    assert np.ptp(model.predict_proba(known)[:, 1]) > 0
