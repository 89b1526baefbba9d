import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.errors import DataError
from helpers.evaluation.splits import (
    Fold,
    check_two_classes,
    leave_one_group_out,
    line_folds,
    stratified_pair_folds,
)


@st.composite
def pairs(draw):
    """A random table of pairs, some measured twice."""
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    n = draw(st.integers(30, 120))
    return pd.DataFrame({"line": rng.integers(0, 12, n), "drug": rng.integers(0, 3, n)})


def assert_partition(folds, n):
    for fold in folds:
        assert np.array_equal(np.sort(np.concatenate([fold.train, fold.test])), np.arange(n))
        assert len(fold.train) and len(fold.test)
    tested = np.concatenate([fold.test for fold in folds])
    assert np.array_equal(np.sort(tested), np.arange(n))


def same(one, other):
    return all(np.array_equal(a.test, b.test) and a.name == b.name for a, b in zip(one, other, strict=True))


@settings(max_examples=25)
@given(pairs(), st.integers(2, 5), st.integers(0, 5))
def test_pair_folds_partition_repeat_and_stratify(table, k, seed):
    folds = stratified_pair_folds(table["drug"], k, seed)
    assert_partition(folds, len(table))
    assert same(folds, stratified_pair_folds(table["drug"], k, seed))
    counts = np.array([np.bincount(table["drug"].iloc[f.test], minlength=3) for f in folds])
    assert (np.ptp(counts, axis=0) <= 1).all()
    assert [f.name for f in folds] == [str(i) for i in range(k)]


@settings(max_examples=25)
@given(pairs(), st.integers(2, 4), st.integers(0, 5))
def test_grouped_pair_folds_never_split_a_repeated_pair(table, k, seed):
    folds = stratified_pair_folds(table["drug"], k, seed, groups=table[["line", "drug"]])
    assert_partition(folds, len(table))
    keys = pd.MultiIndex.from_frame(table)
    distinct = table.drop_duplicates()
    for fold in folds:
        assert not set(keys[fold.train]) & set(keys[fold.test])
        # stratified in keys: every drug's keys are spread evenly
        tested = table.iloc[fold.test].drop_duplicates()["drug"].value_counts()
        expected = distinct["drug"].value_counts() / k
        assert ((tested.reindex(expected.index, fill_value=0) - expected).abs() < 1).all()


@settings(max_examples=25)
@given(pairs(), st.integers(2, 5), st.integers(0, 5))
def test_line_folds_leave_whole_lines_out(table, k, seed):
    folds = line_folds(table["line"], k, seed)
    assert_partition(folds, len(table))
    assert same(folds, line_folds(table["line"], k, seed))
    for fold in folds:
        assert not set(table["line"].iloc[fold.train]) & set(table["line"].iloc[fold.test])


def test_leave_one_group_out_keeps_names():
    groups = np.array(["lung", "breast", "lung", "others"], dtype=object)
    folds = leave_one_group_out(groups)
    assert [f.name for f in folds] == ["breast", "lung", "others"]
    assert [f.test.tolist() for f in folds] == [[1], [0, 2], [3]]
    assert_partition(folds, 4)


def test_seeds_give_different_folds():
    drug = np.repeat([0, 1], 30)
    assert not same(stratified_pair_folds(drug, 5, 0), stratified_pair_folds(drug, 5, 1))
    assert not same(line_folds(np.arange(60), 5, 0), line_folds(np.arange(60), 5, 1))


def test_published_sizes_of_the_ccle_folds():
    """12 drugs with the CCLE counts: test parts of 1,145, the last 1,144."""
    counts = [490, 491, 407, 491, 491, 490, 483, 490, 421, 490, 490, 490]
    drug = np.repeat(np.arange(12), counts)
    folds = stratified_pair_folds(drug, 5, 0)
    assert [len(f.test) for f in folds] == [1145] * 4 + [1144]


def test_rare_drug_is_allowed():
    folds = stratified_pair_folds(np.array([0] * 20 + [1] * 2), 5, 0)
    assert_partition(folds, 22)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: stratified_pair_folds(np.zeros(3), 5), "3 pairs cannot make 5 folds"),
        (lambda: stratified_pair_folds(np.zeros(8), 1), "the number of folds must be a whole number from 2"),
        (lambda: stratified_pair_folds(np.arange(8), 5), "no drug has 5 pairs"),
        (lambda: stratified_pair_folds([], 5), "non-empty"),
        (lambda: stratified_pair_folds(np.array(["a", None], dtype=object), 2), "1 missing"),
        (lambda: stratified_pair_folds([0, 1, 1, 0], 2, groups=[7, 7, 8, 9]), "two strata"),
        (lambda: stratified_pair_folds([0, 1, 1, 0], 2, groups=[7, 8]), "4 pairs, 2 keys"),
        (lambda: stratified_pair_folds([0] * 6, 5, groups=[1, 1, 1, 2, 2, 2]), "2 groups cannot"),
        (lambda: line_folds([1, 1, 2, 2], 3), "2 lines cannot make 3 folds"),
        (lambda: leave_one_group_out(["a", "a"]), "1 groups cannot"),
    ],
)
def test_impossible_splits_are_refused(call, message):
    with pytest.raises(DataError, match=message):
        call()


def test_one_class_in_training_is_named():
    fold = Fold("ACC", train=np.array([0, 1]), test=np.array([2]))
    check_two_classes([0, 1, 1], fold)
    with pytest.raises(DataError, match=r"'ACC': all 2 training pairs have label \[1\]"):
        check_two_classes([1, 1, 0], fold)
