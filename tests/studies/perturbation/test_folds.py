import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.errors import DataError
from helpers.studies.perturbation.folds import (
    competition,
    leave_cells_out,
    leave_compounds_out,
    random_rows,
    same_split,
)
from helpers.studies.perturbation.twin import simulate_changes


@pytest.fixture(scope="module")
def data():
    return simulate_changes(0, n_compounds=10, n_shared=4, n_genes=25)


@settings(max_examples=20)
@given(st.integers(2, 12), st.integers(2, 5), st.integers(0, 5))
def test_no_row_is_on_both_sides_of_any_protocol(n_compounds, n_splits, seed):
    rows = simulate_changes(seed, n_compounds=n_compounds, n_shared=min(2, n_compounds), n_genes=2).rows
    folds = random_rows(rows, [seed], n_splits) + leave_compounds_out(rows, [seed], n_splits)
    if n_compounds > 4:
        folds += competition(rows, [seed]) + leave_cells_out(rows, [seed])
    for fold in folds:
        assert not np.intersect1d(fold.train, fold.test).size and len(fold.train) and len(fold.test)
        assert (rows["split"].iloc[fold.train] == "train").all()


def test_random_rows_test_every_training_row_once_a_seed(data):
    folds = random_rows(data.rows, [3, 4])
    train = np.flatnonzero(data.rows["split"] == "train")
    for seed in (3, 4):
        tested = np.concatenate([f.test for f in folds if f.seed == seed])
        np.testing.assert_array_equal(np.sort(tested), train)
    assert not np.array_equal(folds[0].test, folds[5].test)
    single = random_rows(data.rows, [3], n_used=1)
    assert len(single) == 1 and len(single[0].test) == pytest.approx(0.2 * len(train), abs=1)


def test_the_competition_split_is_the_design(data):
    (fold,) = competition(data.rows, [0])
    assert set(data.rows["split"].iloc[fold.test]) == {"public", "private"}
    test = data.rows.iloc[fold.test]
    seen = data.rows.iloc[fold.train]
    assert set(test["compound"]) <= set(seen["compound"]) and set(test["cell"]) <= set(seen["cell"])


def test_left_out_compounds_are_unseen_in_every_cell(data):
    folds = leave_compounds_out(data.rows, [0], 5)
    assert len(folds) == 5
    for fold in folds:
        left_out = set(data.rows["compound"].iloc[fold.test])
        assert left_out.isdisjoint(data.rows["compound"].iloc[fold.train]) and len(left_out) == 2
    assert len(leave_compounds_out(data.rows, [0], 5, n_used=2)) == 2


def test_left_out_cells_keep_the_shared_compounds(data):
    folds = leave_cells_out(data.rows, [0])
    assert [f.name for f in folds] == ["NK cells", "T cells CD4+", "T cells CD8+", "T regulatory cells"]
    for fold in folds:
        train, test = data.rows.iloc[fold.train], data.rows.iloc[fold.test]
        assert set(test["cell"]) == {fold.name} and len(test) == 6
        assert set(train.loc[train["cell"] == fold.name, "compound"]) == {
            f"compound {i}" for i in range(1, 5)
        }
        assert set(test["compound"]) <= set(train["compound"])


def test_left_out_lines_keep_the_row_of_their_commonest_compound():
    pairs = [("a", "x"), ("a", "y"), ("b", "x"), ("b", "y"), ("b", "z"), ("c", "x"), ("d", "y"), ("d", "w")]
    rows = pd.DataFrame(pairs, columns=["cell", "compound"]).assign(split="train")
    folds = leave_cells_out(rows, [0], n_splits=3)
    assert sorted(rows["cell"].iloc[f.test].tolist() for f in folds if len(f.test)) == [["a"], ["b"]]
    for fold in folds:
        test, train = rows.iloc[fold.test], rows.iloc[fold.train]
        assert set(test["compound"]) <= set(train["compound"])  # z and w are in no other cell
        assert set(test["cell"]) <= set(train["cell"]) and "c" not in set(test["cell"])
        for cell in set(test["cell"]):
            kept = train.loc[train["cell"] == cell, "compound"].tolist()
            assert kept == ["x"]  # x and y are in three cells each; x comes first


def test_one_split_with_other_seeds(data):
    first = random_rows(data.rows, [0])[0]
    again = same_split(first, [5, 6])
    assert [(f.tags["protocol"], f.seed) for f in again] == [("same_split", 5), ("same_split", 6)]
    assert all(f.test is first.test for f in again)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda rows: random_rows(rows, [0], 999), "rows cannot make 999 folds"),
        (lambda rows: competition(rows[rows["split"] == "train"], [0]), "no competition split"),
        (lambda rows: leave_compounds_out(rows[rows["compound"] == "compound 1"], [0]), "1 compounds"),
        (lambda rows: leave_cells_out(rows[rows.index < 3], [0]), "0 cells with more"),
        (lambda rows: leave_cells_out(rows, [0], n_splits=9), "6 cells cannot make 9"),
        (lambda rows: leave_cells_out(rows[::7], [0]), "no compound was measured in every cell"),
    ],
)
def test_impossible_folds_are_refused(data, call, message):
    with pytest.raises(DataError, match=message):
        call(data.rows)


def blocked(n_compounds=12):
    """Six contexts (two doses at three times); doses of a compound and time share their controls."""
    pairs = [
        (f"{d}, {t} h", f"c{k}", f"c{k}, {t} h")
        for k in range(n_compounds)
        for t in (2, 8, 24)
        for d in ("Middle", "High")
    ]
    return pd.DataFrame(pairs, columns=["cell", "compound", "block"]).assign(split="train")


@pytest.mark.parametrize(
    "make",
    [
        lambda rows: random_rows(rows, [0, 1]),
        lambda rows: leave_cells_out(rows, [0], n_shared=3),
        lambda rows: leave_compounds_out(rows, [0]),
        lambda rows: leave_cells_out(rows, [0], n_splits=3),
    ],
    ids=["random rows", "new pairs", "unseen compounds", "dealt cells"],
)
def test_rows_that_share_controls_are_on_one_side(make):
    rows = blocked()
    rows = rows.assign(block=rows["block"].where(rows["compound"] != "c1", "c0, 24 h"))
    for fold in make(rows):
        assert not set(rows["block"].iloc[fold.train]) & set(rows["block"].iloc[fold.test])


def test_every_row_is_tested_once_with_blocks_too_and_the_leak_can_be_measured():
    rows = blocked()
    tested = np.concatenate([f.test for f in random_rows(rows, [4])])
    np.testing.assert_array_equal(np.sort(tested), np.arange(len(rows)))
    leaky = random_rows(rows, [4], together=False)
    assert {f.tags["protocol"] for f in leaky} == {"random_rows_leaky"}
    shared = [set(rows["block"].iloc[f.train]) & set(rows["block"].iloc[f.test]) for f in leaky]
    assert all(shared)


def test_new_pairs_keep_as_many_shared_compounds_as_asked():
    rows = blocked()
    folds = leave_cells_out(rows, [0], n_shared=3)
    assert len(folds) == 6
    for fold in folds:
        train, test = rows.iloc[fold.train], rows.iloc[fold.test]
        assert (train["cell"] == fold.name).sum() == 3 and len(test) == 9
        assert set(test["compound"]) <= set(train["compound"])
