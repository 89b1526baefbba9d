"""The difference to the strongest of several rivals, in simulated truth."""

import numpy as np
import pytest

from helpers.errors import DataError
from helpers.evaluation.statistics import mean_interval
from helpers.evaluation.strongest import against_strongest, strongest_row


def compared(scores, *, lower_is_better=False):
    """Scores (models, n); the first row is the reference."""
    rivals = [f"rival {i}" for i in range(1, len(scores))]
    means = {name: scores[i + 1].mean() for i, name in enumerate(rivals)}

    def compare(name, level):
        return mean_interval(scores[0] - scores[rivals.index(name) + 1], level)

    return against_strongest(means, compare, rivals, lower_is_better=lower_is_better)


def test_one_rival_is_an_ordinary_comparison():
    scores = np.random.default_rng(0).normal(size=(2, 20))
    best, found = compared(scores)
    direct = mean_interval(scores[0] - scores[1])
    assert (best, found.difference, found.low, found.high) == (
        "rival 1",
        direct.difference,
        direct.low,
        direct.high,
    )


def test_the_best_mean_is_chosen_in_the_direction_of_the_metric():
    scores = np.array([[0.5, 0.6, 0.7], [0.9, 0.8, 0.75], [0.2, 0.3, 0.25]])
    assert compared(scores)[0] == "rival 1"
    best, found = compared(scores, lower_is_better=True)
    assert best == "rival 2"
    assert found.low <= found.difference <= found.high


def test_choosing_the_luckiest_of_many_equals_refutes_no_more_often_than_stated():
    """All models are equal: the naive interval of the luckiest rival excludes zero far too often."""
    rng = np.random.default_rng(0)
    naive, corrected, n = 0, 0, 400
    for _ in range(n):
        scores = rng.normal(size=(11, 15))
        best, found = compared(scores)
        chosen = mean_interval(scores[0] - scores[int(best.split()[1])])
        naive += chosen.high < 0
        corrected += found.high < 0
        assert found.low <= found.difference <= found.high
    assert naive / n > 0.1
    assert corrected / n < 0.05


def test_the_choice_is_named():
    best, found = compared(np.random.default_rng(0).normal(size=(4, 20)))
    [row] = strongest_row(best, found, 3).to_dict("records")
    assert row["rival"] == best
    assert row["note"].startswith(f"strongest of 3 by mean: {best}")


def test_nobody_to_choose_from():
    with pytest.raises(DataError, match="none of"):
        against_strongest({"a": np.nan}, lambda *_: None, ["a", "b"])
