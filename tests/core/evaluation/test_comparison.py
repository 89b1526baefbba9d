"""Tables that compare models, against direct computation."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from helpers.errors import DataError
from helpers.evaluation.comparison import (
    bonferroni_family,
    compare_folds,
    compare_groups,
    published_family,
    summarise_folds,
    summarise_groups,
)


def metrics_of(values, metric="AUCROC"):
    """Long table from {model: array (seeds, folds)}."""
    rows = [
        (seed, str(fold), model, metric, value, 10)
        for model, table in values.items()
        for (seed, fold), value in np.ndenumerate(np.asarray(table, dtype=float))
    ]
    return pd.DataFrame(rows, columns=["seed", "fold", "model", "metric", "value", "n"])


@pytest.fixture
def values():
    rng = np.random.default_rng(0)
    base = rng.normal(0.8, 0.02, (2, 5))
    return {"Net": base + 0.03, "Forest": base, "Noise": rng.normal(0.8, 0.02, (2, 5))}


def test_fold_comparison_is_paired_and_the_welch_test_is_of_seed_0(values):
    row = compare_folds(metrics_of(values), "Net", 0.25).set_index("model").loc["Forest"]
    assert row["difference"] == pytest.approx(0.03)
    assert row["low"] == pytest.approx(0.03) == row["high"]
    direct = stats.ttest_ind(values["Net"][0], values["Forest"][0], equal_var=False)
    assert row["p_welch"] == pytest.approx(direct.pvalue)
    assert (row["n"], row["n_welch"]) == (10, 5)
    assert (row["welch_low"], row["welch_high"]) == pytest.approx(tuple(direct.confidence_interval()))


def test_adjustment_is_over_the_family_only(values):
    table = compare_folds(metrics_of(values), "Net", 0.25)
    family = published_family(table, ["Forest"], ["AUCROC"])
    assert len(family) == 1
    assert family["p_adjusted"].iloc[0] == pytest.approx(family["p_welch"].iloc[0])
    both = published_family(table, ["Forest", "Noise"], ["AUCROC"])
    assert (both["p_adjusted"] >= both["p_welch"]).all()


def test_intervals_of_bounded_metrics_keep_to_their_bounds():
    recall = {"Net": [[0.9, 1.0, 1.0, 0.7, 1.0]]}
    assert summarise_folds(metrics_of(recall, "Recall"), 0.25)["high"].item() == 1.0
    assert summarise_folds(metrics_of(recall, "MAE"), 0.25)["high"].item() > 1.0


def test_the_interval_of_a_median_is_the_medians_own():
    """By order statistics: with 11 values the second lowest and the second highest (Conover, table A3)."""
    values = np.array([0.1, 0.2, 0.3, 0.4, 0.9, 0.91, 0.92, 0.93, 0.94, 0.95, 0.96])
    row = summarise_groups(metrics_of({"Net": [values]})).iloc[0]
    assert (row["value"], row["low"], row["high"], row["n"]) == (0.91, 0.2, 0.95, 11)
    assert np.isnan(summarise_groups(metrics_of({"Net": [values[:5]]}))["low"].item())


def test_summary_keeps_models_metrics_and_counts(values):
    summary = summarise_folds(metrics_of(values), 0.25).set_index("model")
    assert summary.loc["Net", "value"] == pytest.approx(values["Net"].mean())
    assert summary.loc["Net", "sd"] == pytest.approx(values["Net"].std(ddof=1))
    assert (summary["n"] == 10).all() and (summary["seeds"] == 2).all()
    assert (summary["low"] < summary["value"]).all()


def test_group_comparison_averages_seeds_and_counts_wins():
    values = {"Net": [[0.9, 0.8, 0.7, np.nan], [0.7, 0.8, 0.7, np.nan]], "Rank": [[0.7, 0.8, 0.9, 0.6]] * 2}
    row = compare_groups(metrics_of(values), "Net").iloc[0]
    assert (row["wins"], row["ties"], row["losses"], row["n"]) == (1, 1, 1, 3)
    assert row["median_difference"] == pytest.approx(0.0)
    family = bonferroni_family(compare_groups(metrics_of(values), "Net"), ["Rank"], ["AUCROC"])
    assert family["p_adjusted"].iloc[0] == pytest.approx(row["p_published"])


def test_group_summary_is_a_median_over_groups_that_are_defined():
    summary = summarise_groups(metrics_of({"Net": [[0.5, 0.9, np.nan, 0.6]]})).iloc[0]
    assert (summary["value"], summary["n"]) == (0.6, 3)
    nothing = summarise_groups(metrics_of({"Net": [[np.nan, np.nan]]})).iloc[0]
    assert np.isnan(nothing["value"]) and nothing["n"] == 0


def test_values_of_groups_lie_in_their_intervals_however_skewed_they_are():
    skewed = 1 - np.random.default_rng(0).exponential(0.1, (1, 12)) ** 2
    metrics = metrics_of({"Net": skewed, "Rank": skewed**2})
    rows = summarise_groups(metrics)
    assert ((rows["low"] <= rows["value"]) & (rows["value"] <= rows["high"])).all()
    row = compare_groups(metrics, "Net").iloc[0]
    assert row["low"] <= row["difference"] <= row["high"]
    assert row["median_low"] <= row["median_difference"] <= row["median_high"]


def test_bad_requests_raise(values):
    metrics = metrics_of(values)
    with pytest.raises(DataError, match="reference 'Oracle'"):
        compare_folds(metrics, "Oracle", 0.25)
