"""A tidy table becomes one result a row."""

import numpy as np
import pandas as pd
import pytest

from helpers.chapter import Chapter
from helpers.errors import ParameterError


@pytest.fixture
def chapter(parameters, project, panel):
    chapter = Chapter.begin("01_demo", parameters, project)
    chapter.use(panel)
    return chapter


def test_columns_become_fields_and_names(chapter):
    table = pd.DataFrame(
        {
            "model": ["Net", "Mean"],
            "metric": "AUROC",
            "value": [0.8, 0.5],
            "low": [0.7, np.nan],
            "high": [0.9, np.nan],
            "n": [5, 5],
            "note": ["own", None],
            "fitted in": "seconds",
        }
    )
    shown = chapter.record_table(table, "{dataset}.folds.{model}.{metric}", dataset="CCLE", note="shared")
    assert shown is table
    net, mean = (chapter.result(f"CCLE.folds.{model}.AUROC") for model in ("Net", "Mean"))
    assert (net.value, net.low, net.high, net.n, net.note) == (0.8, 0.7, 0.9, 5, "own")
    assert (mean.low, mean.high, mean.note, mean.unit) == (None, None, "shared", None)
    assert net.dataset == "CCLE"


def test_a_difference_is_marked_as_one_and_constants_name_it(chapter):
    table = pd.DataFrame({"model": ["Mean"], "difference": [0.3], "p": [0.01], "n": np.array([5])})
    chapter.record_table(table, "CCLE.folds.{first}-{model}.AUROC", first="Net")
    result = chapter.result("CCLE.folds.Net-Mean.AUROC")
    assert (result.value, result.p, result.n, result.unit) == (0.3, 0.01, 5, "difference")


@pytest.mark.parametrize(
    ("table", "pattern", "message"),
    [
        ({"model": ["a"]}, "CCLE.{model}", r"needs a column value or difference; it has \['model'\]"),
        ({"value": [1.0]}, "CCLE.{model}", r"names 'model'; there are \['value', 'first'\]"),
        ({"value": [1.0, 2.0]}, "CCLE.same", "recorded already"),
    ],
)
def test_tables_that_name_nothing_are_refused(chapter, table, pattern, message):
    with pytest.raises(ParameterError, match=message):
        chapter.record_table(pd.DataFrame(table), pattern, first="a")


def test_an_empty_table_records_nothing(chapter):
    chapter.record_table(pd.DataFrame({"value": []}), "CCLE.{model}")
    assert not chapter.results
