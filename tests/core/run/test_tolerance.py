"""How far a number of a record may move, learned from repetitions."""

from __future__ import annotations

import pytest

from helpers.claims.results import ChapterResults, Result
from helpers.run.tolerance import UNBOUNDED, with_tolerances


def results(**fields) -> ChapterResults:
    return ChapterResults(
        **{"schema_": 1, "chapter": "01_first", "title": "First", "profile": "quick", "parameters": {}},
        **{"tiers": {}, "inputs": [], "commit": "0", "source": "0", "versions": {}, "device": "cpu"},
        **{"threads": 1, "figures": [], "times": {}},
        results={"a": Result(**{"tier": "panel", **fields})},
    )


@pytest.mark.parametrize(
    ("own", "others", "tolerance"),
    [
        ({"value": 2.0}, [{"value": 2.0}, {"value": 2.0 + 1e-7}], 2e-6),  # single precision
        ({"value": 1.0}, [{"value": 1.1}, {"value": 0.7}], 2 * 0.3),
        ({"value": 1.0}, [{"value": 1.0}, {"value": 1.1}], 10 * 0.1),  # one distance says little
        ({"value": 1.0, "low": 0.0, "high": 2.0}, [{"value": 1.0, "low": 0.5, "high": 2.1}] * 2, 2 * 0.5),
        ({"value": 1.0}, [{"value": None}, {"value": 1.0}], UNBOUNDED),
        ({"value": None}, [{"value": None}], 0.0),
        ({"value": None}, [{"value": 1.0}], UNBOUNDED),
    ],
)
def test_it_grows_with_the_distances_to_the_repetitions(own, others, tolerance):
    found = with_tolerances(results(**own), [results(**other) for other in others])
    assert found.results["a"].tolerance == pytest.approx(tolerance)


def test_what_a_repetition_lacks_says_nothing():
    other = results(value=9.0)
    other.results.clear()
    assert with_tolerances(results(value=1.0), [other]).results["a"].tolerance == pytest.approx(1e-6)
