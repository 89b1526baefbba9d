"""A comparison becomes a result, with its interval, p-value and n."""

import numpy as np
import pytest

from helpers.chapter import Chapter
from helpers.chapter.record_tables import record_comparison
from helpers.evaluation.statistics import Comparison


@pytest.fixture
def in_use(parameters, project, panel):
    chapter = Chapter.begin("01_demo", parameters, project)
    chapter.use(panel)
    return chapter


def test_one_comparison(in_use):
    record_comparison(in_use, "CCLE.gap", Comparison(0.1, -0.1, np.nan, 0.3, 7, "t"), note="why")
    result = in_use.result("CCLE.gap")
    assert (result.value, result.low, result.high, result.p, result.n) == (0.1, -0.1, None, 0.3, 7)
