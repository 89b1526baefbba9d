"""Recording whole protocols: every id that a rule may name is there, with the numbers of the tables."""

import numpy as np
import pandas as pd
import pytest

from helpers.chapter import Chapter
from helpers.chapter.record_tables import Family, record_comparison, record_folds, record_groups
from helpers.evaluation.multiple_testing import benjamini_hochberg
from helpers.evaluation.published_tests import welch_t
from helpers.evaluation.statistics import Comparison


def metrics(seed=0, groups=5):
    rng = np.random.default_rng(seed)
    rows = [
        (s, str(g), model, metric, level + rng.normal(0, 0.01), 10)
        for s in range(2)
        for g in range(groups)
        for model, level in (("RefDNN", 0.8), ("Forest", 0.7), ("Additive", 0.82), ("Rank", 0.75))
        for metric in ("AUCROC", "AUCPR", "AUCROC within drug")
    ]
    return pd.DataFrame(rows, columns=["seed", "fold", "model", "metric", "value", "n"])


@pytest.fixture
def in_use(parameters, project, panel):
    chapter = Chapter.begin("01_demo", parameters, project)
    chapter.use(panel)
    return chapter


def test_folds_are_recorded_with_the_chapters_test_and_the_strongest_rival(in_use):
    table = metrics()
    summary, versus = record_folds(
        in_use,
        "CCLE.cv",
        table,
        0.25,
        family=Family(["Forest"], ["AUCROC", "AUCPR"]),
        rivals=["Additive", "Rank"],
    )
    row = summary.query("model == 'RefDNN' and metric == 'AUCROC'").iloc[0]
    result = in_use.result("CCLE.cv.RefDNN.AUCROC")
    assert (result.value, result.n, result.seeds) == (row["value"], 10, 2)

    wide = table[table["seed"] == 0].pivot_table(index="fold", columns=["model", "metric"], values="value")
    raw = [welch_t(wide["RefDNN", m], wide["Forest", m]).p for m in ("AUCROC", "AUCPR")]
    published = [in_use.result(f"CCLE.cv.RefDNN-Forest.{m} (Welch)") for m in ("AUCROC", "AUCPR")]
    np.testing.assert_allclose([r.p for r in published], benjamini_hochberg(raw))
    assert published[0].low is None

    strongest = in_use.result("CCLE.cv.RefDNN-strongest.AUCROC")
    assert strongest.value == in_use.result("CCLE.cv.RefDNN-Additive.AUCROC").value
    assert "Additive" in strongest.note
    assert len(versus) == 9


def test_groups_are_recorded_as_medians_over_groups(in_use):
    record_groups(
        in_use, "CCLE.logo", metrics(groups=8), family=Family(["Forest"], ["AUCROC"]), rivals=["Rank"]
    )
    assert in_use.result("CCLE.logo.RefDNN.AUCROC").n == 8
    adjusted = in_use.result("CCLE.logo.RefDNN-Forest.AUCROC (Wilcoxon)")
    assert adjusted.p < 0.05
    assert in_use.result("CCLE.logo.RefDNN-strongest.AUCPR").unit == "difference"


def test_one_comparison(in_use):
    record_comparison(in_use, "CCLE.gap", Comparison(0.1, -0.1, np.nan, 0.3, 7, "t"), note="why")
    result = in_use.result("CCLE.gap")
    assert (result.value, result.low, result.high, result.p, result.n) == (0.1, -0.1, None, 0.3, 7)
