from functools import partial

import numpy as np
import pandas as pd
import pytest

from helpers.data.cells_twin import simulate_cells
from helpers.errors import DataError
from helpers.studies.scdeal.comparison import (
    SHOWN,
    at_tasks,
    board,
    difference,
    gain_of_transfer,
    over_chance,
    over_strongest,
    ranking,
    share_below_half,
    spread_against_coin,
    tidy,
)
from helpers.studies.scdeal.genes import attributed, critical_gene_check, module_checks
from helpers.studies.scdeal.protocol import run_scdeal
from helpers.studies.scdeal.selection import over_sets
from helpers.studies.scdeal.tasks import prepare_cells, transfer_task

SETTING = {"encoder": (16, 8), "predictor": (8, 4), "bottleneck": 4, "epochs": 20}


def rows(values, setting="m", metric="AUROC"):
    """One row a value; a task is named by its set and a letter."""
    table = [
        {"task": task, "cell_set": task[0], "setting": setting, metric: v}
        for task, vs in values.items()
        for v in vs
    ]
    return pd.DataFrame(table)


def test_difference_over_sets():
    first = rows({"A1": [0.8, 0.6], "A2": [0.5], "B1": [0.9]})
    second = rows({"B1": [0.5], "A2": [0.5], "A1": [0.5]})
    c = difference(first, second, "AUROC")
    assert c.difference == pytest.approx(((0.2 + 0.0) / 2 + 0.4) / 2)
    assert c.n == 2
    with pytest.raises(DataError, match="not the same tasks"):
        difference(first, second.iloc[1:], "AUROC")


def test_tables_have_one_row_a_group_and_metric():
    one, other = rows({"A1": [0.8, 0.6], "B1": [0.9]}), rows({"A1": [0.5], "B1": [0.5]})
    table = tidy({"x": one, "y": other}, ["AUROC"], partial(difference, one))
    assert table["model"].tolist() == ["x", "y"]
    assert table["difference"].tolist() == pytest.approx([0, (0.2 + 0.4) / 2])
    assert table["n"].tolist() == [2, 2]
    means = tidy({"x": one}, ["AUROC"], over_sets, "value")
    assert means["value"].item() == pytest.approx((0.7 + 0.9) / 2)


def test_gain_and_signs():
    table = rows({"A1": [0.6, 0.2], "B1": [0.9, 0.8]}).assign(**{"before AUROC": 0.5})
    assert gain_of_transfer(table, "AUROC").difference == pytest.approx((-0.1 + 0.35) / 2)
    assert share_below_half(table).difference == pytest.approx(0.25)


def test_the_strongest_is_the_same_for_all_tasks_and_its_limits_are_corrected():
    simple = pd.concat([rows({"A1": [0.9], "B1": [0.5]}, "x"), rows({"A1": [0.6], "B1": [0.6]}, "y")])
    own = rows({"A1": [0.8], "B1": [0.7], "C1": [0.1]})
    row = over_strongest(own, simple, ["x", "y"], ["AUROC"]).iloc[0]
    assert row["rival"] == "x"
    assert row["difference"] == pytest.approx(0.05)
    plain = [difference(at_tasks(own, simple), simple[simple["setting"] == s], "AUROC") for s in "xy"]
    assert row["low"] == pytest.approx(min(c.low for c in plain))
    assert row["n"] == 2
    other = over_strongest(own, simple, ["y"], ["AUROC"]).iloc[0]
    assert (other["low"], other["high"]) == pytest.approx((plain[1].low, plain[1].high))
    assert ranking(simple, ["AUROC"]).index.tolist() == ["x", "y"]


def test_the_board_says_who_saw_labels():
    others = {name: 0.5 for name in SHOWN if name != "AUROC"}
    simple = pd.concat([rows({"A1": [0.6]}, "linear"), rows({"A1": [0.9]}, "few-shot")]).assign(**others)
    own = rows({"A1": [0.7]}, "s").assign(**others)
    table = board({"blind": own}, {"told": own}, simple, ["few-shot"])
    assert table.index[0] == "few-shot"
    seen = table["sees labels of the cells"]
    assert seen.to_dict() == {"few-shot": "yes", "told": "yes", "blind": "", "linear": ""}


def test_a_coin_has_the_spread_of_a_coin():
    rng = np.random.default_rng(0)
    told = rows({"A1": [0.9], "B1": [0.7]})
    coin = rows(
        {
            name: [v if s else 1 - v for s in rng.integers(0, 2, 4000)]
            for name, v in (("A1", 0.9), ("B1", 0.7))
        }
    )
    assert spread_against_coin(coin, told=told).difference == pytest.approx(0, abs=0.01)
    assert spread_against_coin(
        rows({"A1": [0.9] * 5, "B1": [0.7] * 5}), told=told
    ).difference == pytest.approx(-0.3)


@pytest.fixture(scope="module")
def task():
    panel, cells, truth = simulate_cells(n_lines=60, n_cells=60, n_genes=60, n_cell_lines=1, state_gap=2.0)
    return transfer_task(panel, prepare_cells(cells, panel.expression.columns, min_genes=5), truth.state_drug)


def test_chance_is_that_of_the_task(task):
    constant = pd.DataFrame(
        [{"task": task.name, "cell_set": task.cell_set, "AUROC": 0.6, "AP": 0.5, "F1": 1 / 3}]
    )
    assert over_chance(constant, "AUROC", tasks=[task]).difference == pytest.approx(0.1)
    assert over_chance(constant, "AP", tasks=[task]).difference == pytest.approx(0)
    assert over_chance(constant, "F1", tasks=[task]).difference == pytest.approx(0)


def test_genes_of_a_run(task):
    attributions, predicted = attributed(task, SETTING, 0, steps=10, device="cpu")
    assert attributions.shape == task.cells_x.shape
    assert len(predicted) == len(task.cells_sensitive)
    check = critical_gene_check(task, SETTING, 0, n=5, steps=10, device="cpu")
    assert check["task"] == task.name
    if check["critical"]:
        assert 0 <= check["share"] <= 1
        assert 0 < check["chance"] < 1
    else:
        assert np.isnan(check["two clusters"])


def test_modules_of_chosen_runs(task):
    runs = run_scdeal([task], {"s": SETTING}, [0, 1], device="cpu")
    table = module_checks(task, runs, runs.table.iloc[1:], n_null=10)
    assert table["seed"].tolist() == [1]
    assert table["AUROC"].item() == runs.table["AUROC"].iloc[1]
