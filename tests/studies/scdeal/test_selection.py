import numpy as np
import pandas as pd
import pytest

from helpers.errors import DataError
from helpers.studies.scdeal.selection import (
    RULES,
    over_sets,
    seed_summary,
    select_once,
    select_runs,
    selection_gain,
)

TASKS = {"A x": "A", "B y": "B", "B z": "B", "C w": "C"}


def make_runs(seed=0, settings=6, seeds=5, *, useful=False):
    """AUROC of a random sign; with ``useful`` the bulk loss falls as the AUROC rises."""
    rng = np.random.default_rng(seed)
    rows = [
        {"task": task, "cell_set": cells, "setting": f"s{s}", "seed": r}
        for task, cells in TASKS.items()
        for s in range(settings)
        for r in range(seeds)
    ]
    runs = pd.DataFrame(rows)
    runs["AUROC"] = rng.uniform(0, 1, len(runs))
    runs["F1"] = runs["AUROC"]
    runs["bulk_loss"] = 1 - runs["AUROC"] if useful else rng.uniform(0, 1, len(runs))
    runs["transfer_loss"] = rng.uniform(0, 1, len(runs))
    return runs


def test_each_rule_takes_the_best_of_what_it_looks_at():
    runs = make_runs()
    for rule, column, best in [
        ("bulk_selected", "bulk_loss", "min"),
        ("loss_selected", "transfer_loss", "min"),
        ("target_selected", "F1", "max"),
    ]:
        chosen = select_runs(runs, rule)
        expected = runs.groupby(["task", "seed"])[column].agg(best)
        found = chosen.set_index(["task", "seed"])[column]
        pd.testing.assert_series_equal(found.sort_index(), expected.sort_index())
    assert len(select_runs(runs, "unselected")) == len(runs)


def test_selection_makes_a_score_out_of_a_coin():
    """Six settings of a uniform AUROC: the best has 6/7 on average, an honest choice one half."""
    runs = make_runs(seeds=60)
    assert over_sets(select_runs(runs, "bulk_selected"), "AUROC").difference == pytest.approx(0.5, abs=0.06)
    assert over_sets(select_runs(runs, "target_selected"), "AUROC").difference == pytest.approx(
        6 / 7, abs=0.04
    )
    gain = selection_gain(runs, "AUROC")
    assert gain.difference == pytest.approx(6 / 7 - 0.5, abs=0.07)
    assert gain.low > 0
    assert gain.n == 3


def test_no_gain_where_bulk_validation_knows_the_same():
    gain = selection_gain(make_runs(useful=True), "AUROC")
    assert gain.difference == pytest.approx(0)


def test_other_sets_never_see_the_own_labels():
    """Scores of a set can change at will; what is chosen for it stays."""
    runs = make_runs()
    before = select_runs(runs, "others_selected").query("cell_set == 'B'")["setting"].unique()
    changed = runs.assign(
        F1=runs["F1"].where(runs["cell_set"] != "B", np.random.default_rng(9).random(len(runs)))
    )
    after = select_runs(changed, "others_selected").query("cell_set == 'B'")["setting"].unique()
    assert list(before) == list(after)
    assert len(before) == 1  # both tasks on the cells of B get the same setting


def test_label_free_rules_ignore_every_score_of_the_cells():
    runs = make_runs()
    rng = np.random.default_rng(5)
    changed = runs.assign(F1=rng.random(len(runs)), AUROC=rng.random(len(runs)))
    for rule in ("bulk_selected", "loss_selected"):
        assert select_runs(runs, rule).index.equals(select_runs(changed, rule).index)


def test_chosen_once_is_scored_at_other_seeds():
    runs = make_runs()
    rows = select_once(runs)
    assert 0 not in set(rows["seed"])
    assert len(rows[["task", "setting"]].drop_duplicates()) == len(TASKS)
    best = runs[runs["seed"] == 0].groupby("task").apply(lambda g: g.loc[g["F1"].idxmax(), "setting"])
    assert rows.groupby("task")["setting"].first().to_dict() == best.to_dict()


def test_sets_of_cells_are_the_units():
    """Two tasks on the same cells with opposite labels count as one set at one half."""
    rows = pd.DataFrame(
        {
            "task": ["a", "a", "b1", "b2", "c"],
            "cell_set": ["A", "A", "B", "B", "C"],
            "AUROC": [0.6, 0.8, 1.0, 0.0, 0.6],
        }
    )
    c = over_sets(rows, "AUROC")
    assert c.n == 3
    assert c.difference == pytest.approx((0.7 + 0.5 + 0.6) / 3)
    assert over_sets(rows.query("task == 'a'"), "AUROC").n == 1


def test_seed_summary():
    rows = pd.DataFrame({"task": "a", "cell_set": "A", "AUROC": [0.2, 0.4, 0.9, 0.9]})
    row = seed_summary(rows).iloc[0]
    assert row["value"] == pytest.approx(0.6)
    assert row["below half"] == 0.5
    assert row["SD"] == pytest.approx(np.std([0.2, 0.4, 0.9, 0.9], ddof=1))
    assert row["low"] < 0.6 < row["high"]


def test_every_rule_but_one_takes_a_single_set():
    one_set = make_runs().query("cell_set == 'A'")
    assert all(len(select_runs(one_set, rule)) for rule in RULES if rule != "others_selected")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda r: select_runs(r, "best"), "unknown rule"),
        (lambda r: select_runs(r.drop(columns="bulk_loss"), "bulk_selected"), "bulk_loss"),
        (lambda r: select_runs(r.iloc[1:], "bulk_selected"), "each setting at each seed"),
        (lambda r: select_runs(r.query("cell_set == 'A'"), "others_selected"), "two sets"),
        (lambda r: select_once(r.query("seed == 0")), "two seeds"),
    ],
)
def test_unusable_runs(call, message):
    with pytest.raises(DataError, match=message):
        call(make_runs())
