import itertools

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from helpers.errors import DataError
from helpers.studies.perturbation.baselines.neighbours import CompoundNeighbours, NearestCellCopy
from helpers.studies.perturbation.baselines.simple import (
    Additive,
    Constant,
    GroupMean,
    OneHotRidge,
    SimplePredictor,
    group_means,
    principal_axes,
)
from helpers.studies.perturbation.baselines.trees import TreePredictor
from helpers.studies.perturbation.twin import simulate_changes

ALL = [
    Constant("zero"),
    Constant("always up"),
    Constant("gene mean"),
    Constant("gene median"),
    Constant("gene sign"),
    GroupMean("cell"),
    GroupMean("compound"),
    Additive(),
    Additive(n_components=5),
    OneHotRidge(),
    CompoundNeighbours(by="response"),
    CompoundNeighbours(by="structure"),
    NearestCellCopy(),
    TreePredictor("extra trees", n_trees=5),
    TreePredictor("boosting", n_components=3, n_trees=5),
]


def rows_of(pairs, smiles=None):
    table = pd.DataFrame(pairs, columns=["cell", "compound"])
    structure = smiles or {}
    table["smiles"] = [structure.get(d, "C" * (2 + i)) for i, d in enumerate(table["compound"])]
    return table.assign(lincs_id=table["compound"])


@pytest.fixture(scope="module")
def world():
    data = simulate_changes(0, n_compounds=12, n_shared=5, n_genes=30)
    train = (data.rows["split"] == "train").to_numpy()
    return data.rows, data.values.to_numpy(), train


@pytest.mark.parametrize("model", ALL, ids=lambda m: str(m)[:40])
def test_contract(world, model: SimplePredictor):
    """Same input, same bits; the shape of the rows asked for; no memory of the rows' order."""
    rows, values, train = world
    first = clone(model).fit(rows[train], values[train]).predict(rows[~train])
    assert first.shape == ((~train).sum(), 30) and np.isfinite(first).all()
    again = clone(model).fit(rows[train], values[train]).predict(rows[~train])
    np.testing.assert_array_equal(first, again)
    one = clone(model).fit(rows[train], values[train]).predict(rows[~train].iloc[[3]])
    np.testing.assert_allclose(one[0], first[3], atol=1e-6)


@pytest.mark.parametrize("model", ALL, ids=lambda m: str(m)[:40])
def test_unseen_cells_and_compounds_get_a_finite_answer(world, model):
    rows, values, train = world
    fitted = clone(model).fit(rows[train], values[train])
    new = rows_of([("new cell", "compound 1"), ("NK cells", "new"), ("new cell", "new")])
    assert np.isfinite(fitted.predict(new)).all()


def test_constants():
    rows = rows_of([("a", "x"), ("a", "y"), ("b", "x")])
    values = np.array([[1.0, -3.0], [2.0, -1.0], [6.0, 2.0]])
    answers = {
        "zero": [0, 0],
        "always up": [2.5, 2.5],
        "gene mean": [3, -2 / 3],
        "gene median": [2, -1],
        "gene sign": [2, -2],
    }
    for rule, answer in answers.items():
        predicted = Constant(rule).fit(rows, values).predict(rows)
        np.testing.assert_allclose(predicted, np.tile(answer, (3, 1)), rtol=1e-6)


def test_group_means_same_as_pandas_and_fall_back_to_the_gene_mean():
    rows = rows_of([("a", "x"), ("a", "y"), ("b", "x")])
    values = np.array([[1.0, -3.0], [2.0, -1.0], [6.0, 2.0]])
    by_cell = GroupMean("cell").fit(rows, values).predict(rows_of([("a", "q"), ("z", "x")]))
    np.testing.assert_allclose(by_cell, [[1.5, -2], [3, -2 / 3]], rtol=1e-6)
    by_compound = GroupMean("compound").fit(rows, values).predict(rows_of([("q", "x"), ("a", "z")]))
    np.testing.assert_allclose(by_compound, [[3.5, -0.5], [3, -2 / 3]], rtol=1e-6)
    code = np.array([1, 0, 1, 1])
    expected = pd.DataFrame(np.arange(8.0).reshape(4, 2)).groupby(code).mean()
    np.testing.assert_allclose(group_means(code, np.arange(8.0).reshape(4, 2)), expected)


def additive_world(seed=0, noise=0.0):
    rng = np.random.default_rng(seed)
    pairs = [(f"c{i}", f"d{j}") for i in range(5) for j in range(8)]
    cell, compound = rng.normal(size=(5, 6)), rng.normal(size=(8, 6))
    values = np.array([cell[i] + compound[j] for i in range(5) for j in range(8)])
    values += noise * rng.normal(size=values.shape)
    hidden = rng.permutation(40) < 8
    return rows_of(pairs), values, hidden


def test_additive_recovers_new_pairs_of_an_additive_world():
    rows, values, hidden = additive_world()
    model = Additive(1e-6, 1e-6).fit(rows[~hidden], values[~hidden])
    np.testing.assert_allclose(model.predict(rows[hidden]), values[hidden], atol=1e-2)


def test_additive_shrinks_a_compound_seen_once_by_half():
    """One cell, known mean: the effect of a compound seen n times is n / (n + 1) of its deviation."""
    rows = rows_of([("a", f"d{i}") for i in range(50)])
    values = np.random.default_rng(0).normal(size=(50, 1))
    predicted = Additive(1.0, 1.0).fit(rows, values).predict(rows)
    np.testing.assert_allclose(predicted - values.mean(), (values - values.mean()) / 2, atol=0.01)


def test_additive_same_as_a_direct_ridge_solution():
    rows, values, hidden = additive_world(1, noise=1.0)
    model = Additive(0.5, 2.0).fit(rows[~hidden], values[~hidden])
    one_hot = pd.get_dummies(rows[["cell", "compound"]], dtype=float).to_numpy()[~hidden]
    x = np.column_stack([np.ones(len(one_hot)), one_hot])
    penalty = np.diag([0] + [0.5] * 5 + [2.0] * 8)
    theta = np.linalg.lstsq(
        np.vstack([x, np.sqrt(penalty)]), np.vstack([values[~hidden], np.zeros((14, 6))]), rcond=None
    )[0]
    np.testing.assert_allclose(model.predict(rows[~hidden]), x @ theta, atol=1e-4)


def test_additive_penalties_same_as_leaving_each_row_out():
    rows, values, _ = additive_world(4, noise=2.0)
    values[:, :3] *= 3

    def left_out(of_cells, of_compounds):
        total = 0.0
        for i in range(len(rows)):
            rest = np.arange(len(rows)) != i
            model = Additive(of_cells, of_compounds).fit(rows[rest], values[rest])
            total += np.square(model.predict(rows[~rest]) - values[~rest]).sum()
        return total

    chosen = Additive().fit(rows, values).penalties_
    errors = {pair: left_out(*pair) for pair in itertools.product((0.1, 3.0, 100.0), repeat=2)}
    assert left_out(*chosen) <= min(errors.values()) * 1.001


def test_additive_penalises_a_factor_that_says_nothing():
    """Compounds act, cells do not."""
    rng = np.random.default_rng(0)
    rows = rows_of([(f"c{i}", f"d{j}") for i in range(20) for j in range(3)])
    values = rng.normal(size=(3, 8))[np.tile(np.arange(3), 20)] + 0.3 * rng.normal(size=(60, 8))
    of_cells, of_compounds = Additive().fit(rows, values).penalties_
    assert of_cells >= 30 and of_compounds <= 1


def test_low_rank_additive_stays_in_the_span_of_the_first_components():
    rows, values, hidden = additive_world(2, noise=1.0)
    model = Additive(n_components=2).fit(rows[~hidden], values[~hidden])
    centred = values[~hidden] - values[~hidden].mean(axis=0)
    axes = np.linalg.svd(centred, full_matrices=False)[2][:2]
    np.testing.assert_allclose(np.abs(principal_axes(centred, 2) @ axes.T), np.eye(2), atol=1e-5)
    offset = model.predict(rows[hidden]) - values[~hidden].mean(axis=0)
    np.testing.assert_allclose(offset @ axes.T @ axes, offset, atol=1e-4)


def test_one_hot_ridge_chooses_a_weak_penalty_without_noise_and_a_strong_one_in_noise():
    rows, values, _ = additive_world()
    assert OneHotRidge().fit(rows, values).alpha_ == 0.1
    noise = np.random.default_rng(0).normal(size=values.shape)
    assert OneHotRidge().fit(rows, noise).alpha_ >= 30


def test_neighbours_by_response_find_the_twin_of_a_compound():
    """d0 and d1 act alike and apart from the rest, so c3 x d0 is what d1 does in c3."""
    rng = np.random.default_rng(0)
    base = rng.normal(size=(6, 50))
    base[1] = base[0]
    special = rng.normal(size=(4, 1, 50)) * 3 * (np.arange(6) < 2)[:, None]
    values = (base + special).reshape(24, 50)
    rows = rows_of([(f"c{i}", f"d{j}") for i in range(4) for j in range(6)])
    hidden = np.arange(24) == 18
    model = CompoundNeighbours(k=1, by="response").fit(rows[~hidden], values[~hidden])
    assert model.similarity_[0, 1] > 0.9
    copied = model.predict(rows[hidden])[0]
    own = Additive().fit(rows[~hidden], values[~hidden]).predict(rows[hidden])[0]
    truth = values[18]
    assert np.square(copied - truth).mean() < 0.7 * np.square(own - truth).mean()


def test_neighbours_by_structure_take_the_like_structure_for_an_unseen_compound():
    smiles = {"a": "c1ccccc1O", "b": "c1ccccc1N", "c": "CCCCCCCC", "new": "c1ccccc1OC"}
    rows = rows_of([("x", "a"), ("x", "b"), ("x", "c"), ("y", "c")], smiles)
    values = np.array([[5.0], [3.0], [-6.0], [-1.0]])
    model = CompoundNeighbours(k=2, by="structure").fit(rows, values)
    predicted = model.predict(rows_of([("x", "new")], smiles))[0, 0]
    assert predicted == pytest.approx(2 / 3 + ((5 - 2 / 3) + (3 - 2 / 3)) / 2, abs=1e-5)


def test_nearest_cell_copy_takes_the_sister_cell():
    rng = np.random.default_rng(1)
    profile = rng.normal(size=(3, 5, 20))
    profile[1] = profile[0] + 0.05 * rng.normal(size=(5, 20))  # c1 is c0's sister
    rows = rows_of([(f"c{i}", f"d{j}") for i in range(3) for j in range(5)])
    values = profile.reshape(15, 20)
    hidden = np.arange(15) == 4
    model = NearestCellCopy().fit(rows[~hidden], values[~hidden])
    np.testing.assert_allclose(model.predict(rows[hidden])[0], values[9], rtol=1e-5)
    unseen = model.predict(rows_of([("c0", "new")]))[0]
    np.testing.assert_allclose(unseen, values[:4].mean(axis=0), rtol=1e-5)


@pytest.mark.parametrize("kind", ["extra trees", "boosting"])
def test_trees_learn_the_two_factors(kind):
    rows, values, hidden = additive_world(3)
    model = TreePredictor(kind, n_components=5, n_trees=100).fit(rows[~hidden], values[~hidden])
    residual = np.square(model.predict(rows[hidden]) - values[hidden]).mean()
    assert residual < 0.9 * np.square(values[~hidden].mean(axis=0) - values[hidden]).mean()


def test_target_encoding_does_not_give_the_target_away():
    """Pure noise, one row a compound: the encoded means must not let trees fit the test of chance."""
    rng = np.random.default_rng(0)
    rows = rows_of([(f"c{i % 3}", f"d{i % 20}") for i in range(60)])
    values = rng.normal(size=(60, 4))
    test = rng.normal(size=(60, 4))
    model = TreePredictor("extra trees", n_components=4, n_trees=50).fit(rows, values)
    assert np.square(model.predict(rows) - test).mean() < 1.5 * np.square(test).mean()


@pytest.mark.parametrize(
    ("rows", "values", "message"),
    [
        (rows_of([("a", "x")]), np.zeros((2, 3)), r"shape \(2, 3\), expected \(1, genes\)"),
        (rows_of([("a", "x")]), np.zeros(3), "expected"),
        (rows_of([("a", "x")]).iloc[:0], np.zeros((0, 3)), "at least one row"),
        (rows_of([("a", "x")]), np.full((1, 2), np.nan), "2 NaN"),
        (rows_of([("a", "x")]).drop(columns="cell"), np.zeros((1, 2)), r"lacks the column\(s\) cell"),
    ],
)
def test_bad_input_is_refused(rows, values, message):
    with pytest.raises(DataError, match=message):
        Constant().fit(rows, values)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (Constant("best"), "unknown rule 'best'"),
        (GroupMean("gene"), "unknown group 'gene'"),
        (CompoundNeighbours(by="name"), "unknown neighbourhood 'name'"),
        (TreePredictor("oak"), "unknown kind of trees 'oak'"),
    ],
)
def test_unknown_options_are_refused(model, message):
    rows, values, _ = additive_world()
    with pytest.raises(DataError, match=message):
        model.fit(rows, values)


def test_an_unreadable_structure_and_a_model_that_was_not_fitted():
    rows, values, _ = additive_world()
    with pytest.raises(DataError, match="cannot read the structure 'no'"):
        CompoundNeighbours(by="structure").fit(rows.assign(smiles="no"), values)
    with pytest.raises(NotFittedError):
        Constant().predict(rows)
