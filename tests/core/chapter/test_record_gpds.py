"""Recording of cells and gene lists: every id that a rule of chapter 03 may name."""

import numpy as np
import pandas as pd
import pytest

from helpers.chapter import Chapter
from helpers.studies.gpds.record import record_cell_metrics, record_gains


@pytest.fixture
def in_use(parameters, project, panel):
    chapter = Chapter.begin("01_demo", parameters, project)
    chapter.use(panel)
    return chapter


def test_cells_are_recorded_for_the_ways_asked_for(in_use):
    rows = [
        (model, *way, metric, value + (model == "Ridge"), 0.1, 0.9, 26)
        for model in ("network", "Ridge")
        for way in (("bulk", "", ""), ("cells", "cells-own", "bulk"), ("cells", "per-cell", "bulk"))
        for metric, value in (("R2", -0.5), ("Spearman", 0.3), ("MSE", 2.0), ("spread within lines", np.nan))
    ]
    columns = ["model", "source", "bins", "scale", "metric", "value", "low", "high", "n"]
    ways = {"cells": ("cells", "cells-own", "bulk"), "bulk": ("bulk", "", "")}
    record_cell_metrics(
        in_use, pd.DataFrame(rows, columns=columns), ways, model="network", name="networks", prefix="CCLE"
    )
    result = in_use.result("CCLE.cells.networks.R2")
    assert (result.value, result.low, result.high, result.n) == (-0.5, 0.1, 0.9, 26)
    assert set(in_use.results) == {f"CCLE.{w}.networks.{m}" for w in ways for m in ("R2", "Spearman")}


def test_gains_are_differences_with_the_adjusted_p(in_use):
    gains = pd.DataFrame(
        [("L7", "L6", -0.1, -0.2, 0.0, 0.01, 0.03, 0.4, 20)],
        columns=["first", "second", "gain", "low", "high", "p", "p_holm", "wins", "n_drugs"],
    )
    record_gains(in_use, "CCLE.dreep", gains)
    record_gains(in_use, "CCLE.dreep", gains, name="strongest linear")
    plain = in_use.result("CCLE.dreep.L7-L6.Spearman")
    assert (plain.value, plain.low, plain.high, plain.p, plain.n) == (-0.1, -0.2, 0.0, 0.03, 20)
    assert plain.unit == "difference"
    assert in_use.result("CCLE.dreep.L7-strongest linear.Spearman").note == "strongest linear: L6"
