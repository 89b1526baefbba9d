"""Real pairs for the tests that are marked ``panel``."""

import numpy as np
import pytest

from helpers.data.download import locate
from helpers.data.registry import Registry
from helpers.studies.refdnn.features import PairFeatures
from helpers.studies.refdnn.files import read_fingerprints, read_response


@pytest.fixture
def ccle_pairs(panel):
    """All 5,724 labelled CCLE pairs of the study: features without expression, codes, labels, values."""
    registry = Registry.load()
    response = read_response(locate(registry["refdnn-response-ccle"]))
    fingerprints = read_fingerprints(locate(registry["refdnn-fingerprint-ccle"])).sort_index()
    lines = np.unique(response["line"].to_numpy(str))
    features = PairFeatures(
        np.zeros((len(lines), 1)),
        fingerprints.to_numpy(),
        lines,
        fingerprints.index.to_numpy(str),
        np.array(["none"]),
    )
    codes = features.encode(response)
    return features, codes, response["resistant"].to_numpy(int), response["value"].to_numpy(float)
