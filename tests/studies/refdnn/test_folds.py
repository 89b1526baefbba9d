"""Folds of the chapters: spread, repeated, varied, and never leaking."""

from dataclasses import replace

import numpy as np
import pytest

from helpers.studies.refdnn import folds
from helpers.studies.refdnn.pairs import PairTable
from helpers.studies.refdnn.twin import simulate_response, simulate_twin


def test_left_out_groups_are_all_or_evenly_spread():
    groups = np.repeat(list("abcdefghi"), 3)
    assert [fold.name for fold in folds.left_out_folds(groups)] == list("abcdefghi")
    assert [fold.name for fold in folds.left_out_folds(groups, 3)] == ["a", "e", "i"]
    assert len(folds.left_out_folds(groups, 40)) == 9


def test_a_left_out_group_takes_its_patients_out_of_training():
    groups = np.array(list("aabbcc"))
    patients = np.array(["p", "q", "q", "r", "s", "s"])  # q has lines of two types
    by_name = {fold.name: fold for fold in folds.left_out_folds(groups, patients=patients)}
    assert by_name["a"].train.tolist() == [3, 4, 5] and by_name["a"].test.tolist() == [0, 1]
    assert by_name["b"].train.tolist() == [0, 4, 5]
    assert by_name["c"].train.tolist() == [0, 1, 2, 3]


def test_repeated_folds_differ_by_their_seed():
    table = PairTable.from_data(simulate_response(seed=0)[0])
    parts = folds.repeated_pair_folds(table, 3, 2, seed=4)
    assert [len(part) for part in parts] == [3, 3]
    assert not np.array_equal(parts[0][0].test, parts[1][0].test)
    np.testing.assert_array_equal(folds.repeated_pair_folds(table, 3, 1, seed=5)[0][0].test, parts[1][0].test)


def test_pairs_of_drugs_with_one_class_are_marked():
    data = simulate_twin("CCLE", 1)
    kept = folds.two_class_pairs(PairTable.from_data(data))
    by_drug = data.response.assign(kept=kept).groupby("drug")
    assert (by_drug["kept"].first() == (by_drug["resistant"].nunique() == 2)).all()
    assert 0 < kept.sum() < len(kept)


@pytest.fixture(scope="module")
def world():
    data = {name: simulate_twin(name, 2) for name in ("CCLE", "GDSC")}
    tables = {name: PairTable.from_data(d) for name, d in data.items()}
    # Twenty lines of ten patients.
    siblings = np.where(tables["CCLE"].lines < 20, tables["CCLE"].lines // 2, tables["CCLE"].lines)
    tables["CCLE"] = replace(tables["CCLE"], patient=siblings.astype(str))
    return data, tables


def test_a_higher_cut_makes_fewer_pairs_resistant(world):
    data, tables = world
    same, higher = (folds.relabelled(data["GDSC"], tables["GDSC"], factor) for factor in (1.0, 2.0))
    np.testing.assert_array_equal(same.y, tables["GDSC"].y)
    assert (higher.y <= same.y).all() and higher.y.sum() < same.y.sum()


def test_varied_cases_do_what_their_names_say(world):
    data, tables = world
    cases = folds.varied_cases(tables, data["GDSC"], tables["GDSC"], n_outer=3, seed=0)
    assert len(cases) == 8
    for table, parts in cases.values():
        assert np.array_equal(np.sort(np.concatenate([fold.test for fold in parts])), np.arange(len(table)))
    for name in ("CCLE", "GDSC"):
        table, parts = cases[f"{name}.unseen_lines"]
        for fold in parts:
            assert not set(table.lines[fold.test]) & set(table.lines[fold.train])
            assert not set(table.patients[fold.test]) & set(table.patients[fold.train])
    table, parts = cases["CCLE.patients_together"]
    for fold in parts:
        keys = [
            {*zip(table.patients[rows], table.drugs[rows], strict=True)} for rows in (fold.test, fold.train)
        ]
        assert not keys[0] & keys[1]
        assert set(table.patients[fold.test]) & set(table.patients[fold.train])
    shared = {}
    for case in ("GDSC.repeats_split", "GDSC.repeats_together"):
        table, parts = cases[case]
        keys = [{tuple(key) for key in table.codes[rows]} for rows in (parts[0].test, parts[0].train)]
        shared[case] = len(keys[0] & keys[1])
    assert shared["GDSC.repeats_together"] == 0 < shared["GDSC.repeats_split"]
