"""False alarms of the paper's test, in worlds that its printed table implies."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from helpers.errors import DataError
from helpers.studies.pertvae.null_test import (
    NullSetting,
    false_alarms,
    implied_difference_sd,
    implied_line_sd,
    null_rejections,
    null_worlds,
    visible_gain,
    worst_alarms,
)
from helpers.studies.pertvae.statistics import published_table

PAPER = "Mann-Whitney on splits (paper)"


@pytest.fixture(scope="module")
def printed(repository):
    entries = json.loads((repository / "data/pertvae/published.json").read_text(encoding="utf-8"))
    return published_table({entry["id"]: entry["mean"] for entry in entries})


def test_the_spread_behind_a_printed_p_is_found_again():
    """Draw the 50 splits of two groups of lines that differ by 0.03, print p, and ask for the spread."""
    rng, lines, sd, gain, found = np.random.default_rng(0), 55, 0.1, 0.03, []
    for _ in range(60):
        groups = [rng.normal(0, sd, lines), rng.normal(gain, sd, lines)]
        groups = [values - values.mean() + mean for values, mean in zip(groups, (0, gain), strict=True)]
        splits = [
            np.concatenate([rng.permutation(v).reshape(5, -1).mean(axis=1) for _ in range(10)])
            for v in groups
        ]
        p = stats.mannwhitneyu(splits[1], splits[0], alternative="greater", method="asymptotic").pvalue
        found.append(implied_line_sd(gain, p, lines))
    assert np.median(found) == pytest.approx(sd, rel=0.1)


def test_the_spread_of_differences_is_found_from_the_scatter_of_means():
    rng = np.random.default_rng(1)
    lines = np.tile([10, 20, 50], 200)
    table = pd.DataFrame({"lines": lines, "difference": rng.normal(0.01, 0.05 / np.sqrt(lines)), "p": 0.5})
    assert implied_difference_sd(table) == pytest.approx(0.05, rel=0.1)


def test_the_worlds_come_from_the_printed_table(printed):
    worlds = null_worlds(printed)
    clear = ["vorinostat", "bortezomib", "sn38", "temsirolimus", "selumetinib"]
    expected = [implied_line_sd(*printed.loc[drug, ["difference", "p", "lines"]]) for drug in clear]
    spreads = [world.line_sd for world in worlds.values()]
    assert spreads[0] == pytest.approx(min(expected))
    assert spreads[2] == pytest.approx(max(expected))
    assert {world.lines for world in worlds.values()} == {56, 19}
    with pytest.raises(DataError, match="names no drug with 50 lines"):
        null_worlds(printed[printed["lines"] < 50])


def test_the_visible_gain_is_found_in_four_of_five_runs(printed):
    sd, lines, rng = implied_difference_sd(printed), 56, np.random.default_rng(0)
    gain = visible_gain(printed, lines)
    draws = rng.normal(gain, sd, (4000, lines))
    z = draws.mean(axis=1) / (sd / np.sqrt(lines))
    assert (np.abs(z) > 1.96).mean() == pytest.approx(0.8, abs=0.03)
    assert visible_gain(printed, 14) == pytest.approx(2 * gain)


def test_the_null_simulation_shows_what_splits_do():
    alike = null_rejections(NullSetting(0.03, 0.06), runs=400).set_index(["test", "level"])
    differ = null_rejections(NullSetting(0.1, 0.02), runs=400).set_index(["test", "level"])
    assert alike.loc[(PAPER, 0.05), "share"] > 0.15
    assert alike.loc[(PAPER, 0.001), "share"] > 0.02
    assert differ.loc[(PAPER, 0.05), "share"] < 0.05
    for world in (alike, differ):
        row = world.loc[("signed-rank over lines", 0.05)]
        assert row["low"] < 0.05 < row["high"] + 0.02
    with pytest.raises(DataError, match="cannot make 5 folds"):
        null_rejections(NullSetting(0.1, 0.1, lines=4))


def test_the_worst_setting_of_each_test_is_taken():
    worlds = {"a": NullSetting(0.03, 0.06), "b": NullSetting(0.1, 0.02)}
    alarms = false_alarms(worlds, runs=50)
    assert set(alarms["world"]) == set(worlds)
    worst = worst_alarms(alarms)
    assert len(worst) == alarms[["test", "level"]].drop_duplicates().shape[0]
    row = worst.query("test == 'paired t on splits' and word == '5 in 100'").iloc[0]
    part = alarms.query("test == 'paired t on splits' and level == 0.05")
    assert row["value"] == part["share"].max()
    assert row["note"].removeprefix("simulation; ") in set(part.loc[part["share"] == row["value"], "world"])
