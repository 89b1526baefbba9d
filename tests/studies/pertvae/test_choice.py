"""Settings are chosen inside the training and validation lines of a fold."""

from __future__ import annotations

import numpy as np

from helpers.data.pairs_twin import simulate_pairs
from helpers.studies.pertvae.choice import known_part, score_choices
from helpers.studies.pertvae.models import STOPS
from helpers.studies.pertvae.protocol import line_folds

TINY = {
    "hidden": (16,),
    "latent": 4,
    "context": 4,
    "flow_hidden": 8,
    "epochs": 3,
    "first_stop": 1,
    "draws": 5,
}


def test_the_test_lines_of_the_fold_are_gone_with_their_singletons():
    data, _ = simulate_pairs(effects={"shift": 15}, n_lines=15, n_genes=20, n_singletons=4)
    lines = data.pairs["line"].to_numpy(str)
    test = set(lines[line_folds(lines, n_repeats=1, seed=3, few=0)[0].test])
    known = known_part(data, "shift", seed=3)
    assert set(known.pairs["line"]) == set(lines) - test
    assert not set(known.singleton_lines) & test


def test_every_rate_meets_every_stopping_rule():
    data, _ = simulate_pairs(effects={"linear": 15}, n_lines=15, n_genes=20, n_singletons=4)
    table = score_choices(data, "linear", TINY, rates=(1e-3, 1e-2), n_repeats=1, at_most=1)
    assert set(zip(table["rate"], table["stops"], strict=True)) == {
        (r, s) for r in (1e-3, 1e-2) for s in STOPS
    }
    assert set(table["metric"]) == {"rho", "change"}
    assert np.isfinite(table["value"]).all()
    assert (table["n"] == table["n"].iloc[0]).all()
