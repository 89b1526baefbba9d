"""Tables of a protocol: every id that a rule may name is there, with the numbers of the core's tables."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from helpers.evaluation.comparison import compare_groups, summarise_folds
from helpers.evaluation.metrics import classification_metrics
from helpers.evaluation.multiple_testing import benjamini_hochberg
from helpers.evaluation.published_tests import welch_t
from helpers.studies.refdnn import comparisons
from helpers.studies.refdnn.comparisons import Family
from helpers.studies.refdnn.contenders import SCALE_MATCHED
from helpers.studies.refdnn.out_of_fold import OutOfFold


def metrics(groups=5):
    rng = np.random.default_rng(0)
    rows = [
        (data, s, str(g), model, metric, level + rng.normal(0, 0.01), 10)
        for data in ("CCLE", "GDSC")
        for s in range(2)
        for g in range(groups)
        for model, level in (("RefDNN", 0.8), ("Forest", 0.7), ("Additive", 0.82), ("Rank", 0.75))
        for metric in ("AUCROC", "AUCPR", "AUCROC within drug")
    ]
    return pd.DataFrame(rows, columns=["data", "seed", "fold", "model", "metric", "value", "n"])


def test_folds_are_compared_with_the_papers_test_and_the_strongest_rival():
    table = metrics()
    found = comparisons.compare_over_folds(
        table, 0.25, family=Family(["Forest"], ["AUCROC", "AUCPR"]), rivals=["Additive", "Rank"]
    )
    gdsc = table[table["data"] == "GDSC"]
    columns = ["model", "metric", "value", "low", "high", "n", "seeds"]
    pd.testing.assert_frame_equal(
        found.summary.query("data == 'GDSC'")[columns].reset_index(drop=True),
        summarise_folds(gdsc, 0.25)[columns],
    )
    wide = gdsc[gdsc["seed"] == 0].pivot_table(index="fold", columns=["model", "metric"], values="value")
    raw = [welch_t(wide["RefDNN", m], wide["Forest", m]).p for m in ("AUCROC", "AUCPR")]
    tested = found.differences.query("data == 'GDSC' and test == ' (Welch)'")
    np.testing.assert_allclose(tested["p"], benjamini_hochberg(raw))
    assert (tested["low"] < tested["difference"]).all() and (tested["difference"] < tested["high"]).all()
    assert (tested["n"] == 5).all(), "the test is of the folds of one seed"

    differences = found.differences.query("data == 'CCLE' and test == ''").set_index(["model", "metric"])
    strongest = differences.loc[("strongest", "AUCROC")]
    assert strongest["difference"] == differences.loc[("Additive", "AUCROC"), "difference"]
    assert strongest["note"].startswith("strongest of 2 by mean: Additive")
    assert strongest["low"] == differences.loc[("Additive", "AUCROC"), "low"]
    assert strongest["high"] > differences.loc[("Additive", "AUCROC"), "high"], "corrected for the choice"
    assert len(found.against("AUCROC")) == 6, "three models of two data sets, no role among them"


def test_groups_are_compared_by_medians_and_the_papers_test():
    table = metrics(groups=8)
    found = comparisons.compare_over_groups(table, family=Family(["Forest"], ["AUCROC"]), rivals=["Rank"])
    ccle = table[table["data"] == "CCLE"]
    direct = compare_groups(ccle, "RefDNN").query("model == 'Forest' and metric == 'AUCROC'").iloc[0]
    tested = found.differences.query("data == 'CCLE' and test == ' (Wilcoxon)'").iloc[0]
    assert tested["difference"] == direct["median_difference"]
    assert tested["p"] == pytest.approx(direct["p_published"])
    assert tested["low"] <= tested["difference"] <= tested["high"]
    assert set(found.summary["n"]) == {8}
    assert set(found.differences["model"]) == {"Forest", "Additive", "Rank", "strongest"}


def test_the_strongest_rival_over_groups_is_the_one_of_the_best_mean():
    """The steady rival has the better median, the solid one the better mean."""
    rng = np.random.default_rng(0)
    groups = 12
    steady = np.where(np.arange(groups) < 4, 0.5, 0.95)
    values = {"RefDNN": rng.normal(0.9, 0.01, groups), "Steady": steady, "Solid": np.full(groups, 0.9)}
    rows = [
        ("CCLE", 0, str(g), model, metric, value[g], 10)
        for g in range(groups)
        for model, value in values.items()
        for metric in ("AUCROC", "AUCPR")
    ]
    table = pd.DataFrame(rows, columns=["data", "seed", "fold", "model", "metric", "value", "n"])
    found = comparisons.compare_over_groups(table, rivals=["Steady", "Solid"]).differences
    row = found.query("model == 'strongest' and metric == 'AUCROC'").iloc[0]
    assert "Solid" in row["note"]
    assert row["low"] <= found.query("model == 'Steady' and metric == 'AUCROC'")["low"].item()


def test_ranking_puts_the_best_auroc_of_each_data_set_first():
    found = comparisons.compare_over_folds(metrics(), 0.25)
    table = found.ranking(["AUCROC", "AUCPR"])
    for data in ("CCLE", "GDSC"):
        part = table.loc[data]
        assert part["AUCROC"].is_monotonic_decreasing
        assert set(part.index) == {"RefDNN", "Forest", "Additive", "Rank"}


@pytest.fixture
def result():
    rng = np.random.default_rng(1)
    lines, drugs = (a.ravel() for a in np.meshgrid(np.arange(20), np.arange(4), indexing="ij"))
    y = (rng.random(80) < 0.5).astype(int)
    scores = {"RefDNN": y + rng.normal(0, 0.8, 80), "Other": rng.random(80)}
    scores = {model: p[None].astype(np.float32) for model, p in scores.items()}
    names = np.array(["a", "b", "c", "d"])
    return OutOfFold(y, lines, drugs, names, ["0", "1"], (lines % 2)[None], scores)


def test_metric_table_selects_models_and_metrics(result):
    table = comparisons.metric_table({"CCLE": result, "GDSC.x": result}, ["Other"], ["AUCROC"])
    assert set(table["data"]) == {"CCLE", "GDSC.x"}
    assert set(table["model"]) == {"Other"}
    first = result.folds[0] == 0
    direct = classification_metrics(result.y[first], result.scores["Other"][0, first])["AUCROC"]
    assert table["value"].iloc[0] == pytest.approx(direct)


def test_line_bootstrap_is_centred_on_the_pooled_difference(result):
    table = comparisons.line_bootstrap({"CCLE": result}, "Other", n_boot=50)
    pooled = [classification_metrics(result.y, result.scores[m][0])["AUCROC"] for m in ("RefDNN", "Other")]
    assert table["difference"].iloc[0] == pytest.approx(pooled[0] - pooled[1])
    assert table["n"].iloc[0] == 20
    same = replace(result, scores={"RefDNN": result.scores["Other"], "Other": result.scores["Other"]})
    assert comparisons.line_bootstrap({"CCLE": same}, "Other", n_boot=20)["difference"].iloc[0] == 0


def test_median_gaps_subtract_the_medians_of_two_protocols():
    first, second = (comparisons.compare_over_groups(metrics(n)) for n in (5, 8))
    gaps = comparisons.median_gaps(first, second).set_index("data")["difference"]
    medians = [
        metrics(n).query("data == 'GDSC' and model == 'RefDNN' and metric == 'AUCROC'") for n in (5, 8)
    ]
    expected = [m.groupby("fold")["value"].mean().median() for m in medians]
    assert gaps["GDSC"] == pytest.approx(expected[0] - expected[1])


def test_result_ids_name_every_result():
    assert comparisons.result_ids(["CCLE"], "lococv", ["RefDNN"], ["F1"]) == {
        "CCLE, RefDNN, F1": "CCLE.lococv.RefDNN.F1"
    }


def test_weighed_by_pairs_a_large_group_counts_for_more():
    rows = [
        ("CCLE", 0, fold, model, "AUCROC", value, n)
        for fold, n, gap in (("small", 1, 0.5), ("large", 99, 0.1))
        for model, value in (("RefDNN", 0.5 + gap), ("Other", 0.5))
    ]
    table = pd.DataFrame(rows, columns=["data", "seed", "fold", "model", "metric", "value", "n"])
    row = comparisons.weighted_over_groups(table, ["Other"], "AUCROC", 50).iloc[0]
    assert row["difference"] == pytest.approx(0.01 * 0.5 + 0.99 * 0.1)
    assert row["low"] <= row["difference"] <= row["high"]


def test_level_gap_is_the_median_over_groups_minus_the_mean_over_folds():
    groups = comparisons.compare_over_groups(metrics(8))
    folds = comparisons.compare_over_folds(metrics(5), 0.25)
    gap = comparisons.level_gaps(groups, folds).set_index("data").loc["CCLE"]
    own = "data == 'CCLE' and model == 'RefDNN' and metric == 'AUCROC'"
    median, mean = (one.summary.query(own)["value"].item() for one in (groups, folds))
    assert gap["difference"] == pytest.approx(median - mean)
    assert gap["low"] <= gap["difference"] <= gap["high"]
    assert gap["n"] == 8


def test_titles_say_what_the_tables_hold():
    family = Family(["Forest"], ["AUCROC", "AUCPR"])
    found = comparisons.compare_over_folds(metrics(), 0.25, family=family, rivals=["Additive", "Rank"])
    assert found.tests_won("CCLE", ["Forest"]) == "RefDNN wins 2 of 2 tests and loses 0"
    title = found.finding("CCLE", "AUCROC")
    assert title.startswith("CCLE: AUCROC of RefDNN minus\nAdditive -0.02")


def test_both_settings_have_the_same_rivals(result):
    scores = result.scores | {SCALE_MATCHED: result.scores["Other"]}
    both = comparisons.both_settings({"CCLE": replace(result, scores=scores)})
    assert list(both) == ["", "_matched"]
    assert set(both["_matched"]["CCLE"].models) == {"RefDNN", "Other"}
    np.testing.assert_array_equal(both["_matched"]["CCLE"].scores["RefDNN"], result.scores["Other"])


def test_the_first_model_of_a_pair_is_compared_with_the_second():
    table = metrics()
    found = comparisons.paired_over_folds(table, [("Rank", "Forest"), ("Forest", "RefDNN")], 0.25)
    wide = table[table["data"] == "GDSC"].pivot_table(
        index=["seed", "fold"], columns=["model", "metric"], values="value"
    )
    rows = found.query("data == 'GDSC' and metric == 'AUCPR'").set_index(["first", "model"])
    for pair in (("Rank", "Forest"), ("Forest", "RefDNN")):
        gap = wide[pair[0]]["AUCPR"] - wide[pair[1]]["AUCPR"]
        assert rows.loc[pair, "difference"] == pytest.approx(gap.mean())
        assert rows.loc[pair, "low"] < gap.mean() < rows.loc[pair, "high"]
    assert len(found) == 2 * 2 * 3


def test_both_settings_of_refdnn_are_compared_with_the_same_others():
    table = metrics().replace({"model": {"Rank": SCALE_MATCHED}})
    family = Family(["Forest"], ["AUCROC"])
    found = comparisons.compare_settings(table, family=family, rivals=["Additive"])
    levels = {
        setting: one.summary.query("data == 'CCLE' and metric == 'AUCROC'").set_index("model")["value"]
        for setting, one in found.items()
    }
    assert levels["_matched"]["RefDNN"] == levels[""][SCALE_MATCHED] != levels[""]["RefDNN"]
    assert set(levels["_matched"].index) == {"RefDNN", "Forest", "Additive"}
    title = found["_matched"].finding("CCLE", "AUCROC", "Forest")
    assert title.startswith("CCLE: AUCROC of RefDNN minus\nForest +0.0")
    assert "minus\nAdditive -0.0" in found["_matched"].finding("CCLE", "AUCROC")
