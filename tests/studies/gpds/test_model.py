import functools
import itertools

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.model_selection import cross_validate
from torch import nn

from helpers.errors import DataError, ParameterError
from helpers.studies.gpds.baselines import PLSCV, LineageMean, NearestLines, bulk_baselines
from helpers.studies.gpds.model import (
    GRID,
    EqualFrequencyBinner,
    GPDSRegressor,
    MeanVarianceFilter,
    fit_many,
    gene_scores,
    gpds_pipeline,
    grid_candidates,
    input_gradients,
    integrated_gradients,
    olden,
    out_of_range,
    saturation,
)

RNG = np.random.default_rng(0)
X = RNG.normal(size=(50, 7)).astype(np.float32)
Y = (X[:, 0] - 0.5 * X[:, 1] + 0.3 * RNG.normal(size=50)).astype(np.float32)
SMALL = {"hidden": (8, 4), "epochs": 5}


def genes(n=60, g=12, seed=0):
    """log2(TPM + 1) of lines whose first genes decide the response."""
    rng = np.random.default_rng(seed)
    x = np.clip(rng.normal(5, 2, (n, g)), 0, None)
    table = pd.DataFrame(x, [f"L{i}" for i in range(n)], [f"G{j}" for j in range(g)])
    return table, (x[:, 0] - x[:, 1]) * 0.5 + rng.normal(0, 0.1, n)


def plain_loop(x, y, hidden, activation, lr, batch, epochs, decay, seed):
    """The study's model as anyone would write it in PyTorch."""
    torch.manual_seed(seed)
    act = {"tanh": nn.Tanh, "relu": nn.ReLU}[activation]
    widths = itertools.pairwise((x.shape[1], *hidden, 1))
    model = nn.Sequential(*[layer for width in widths for layer in (nn.Linear(*width), act())][:-1])
    adam = torch.optim.Adam(model.parameters(), lr=lr, weight_decay=decay)
    inputs, target = torch.tensor(x), torch.tensor(y)
    for _ in range(epochs):
        order = torch.randperm(len(x))
        for start in range(0, len(x), batch):
            rows = order[start : start + batch]
            adam.zero_grad()
            nn.functional.mse_loss(model(inputs[rows])[:, 0], target[rows]).backward()
            adam.step()
    return model, model(inputs)[:, 0].detach().numpy()


@pytest.mark.parametrize("activation", ["tanh", "relu"])
@pytest.mark.parametrize(("lr", "batch", "decay"), [(0.01, 16, 0.0), (0.001, 32, 0.1), (0.05, 50, 0.0)])
def test_network_same_as_a_plain_pytorch_loop(activation, lr, batch, decay):
    _, oracle = plain_loop(X, Y, (8, 4), activation, lr, batch, 5, decay, 3)
    model = GPDSRegressor((8, 4), activation, lr, batch, 5, decay, random_state=3).fit(X, Y)
    assert model.predict(X) == pytest.approx(oracle, abs=2e-6)


def test_many_fits_same_as_single_fits():
    """Other sizes, rates, responses, row and gene counts, epochs: padding and sharing change nothing."""
    other = np.ascontiguousarray(X[:47, :5])
    jobs = [
        (GPDSRegressor((h1, h2), act, lr, epochs=epochs, random_state=seed), x, y)
        for seed, (x, y) in enumerate([(X, Y), (other, Y[:47]), (X, -Y)])
        for act in ("tanh", "relu")
        for h1, h2, lr, epochs in ((8, 4, 0.01, 4), (8, 2, 0.001, 4), (6, 4, 0.01, 2), (8, 4, 0.01, 2))
    ]
    single = [clone(m).fit(x, y).predict(x) for m, x, y in jobs]
    for n_jobs in (1, 2):
        fitted = fit_many([(clone(m), x, y) for m, x, y in jobs], n_jobs)
        for model, (_, x, _), alone in zip(fitted, jobs, single, strict=True):
            assert model.predict(x) == pytest.approx(alone, abs=2e-6)
            assert len(model.losses_) == model.epochs


def test_same_seed_same_bits_other_seed_other_network():
    a, b, c = (GPDSRegressor(random_state=s, **SMALL).fit(X, Y).predict(X) for s in (0, 0, 1))
    assert np.array_equal(a, b)
    assert not np.allclose(a, c)


def test_guard_stops_a_diverging_candidate_and_leaves_the_others_alone():
    bad = GPDSRegressor(activation="relu", lr=1e18, **SMALL)
    good = GPDSRegressor(activation="relu", random_state=1, **SMALL)
    fit_many([(bad, X, Y), (good, X, Y)])
    assert bad.diverged_ and np.isnan(bad.predict(X)).all()
    assert np.isnan(gene_scores(bad.network_, X, "D1")).all()
    assert not good.diverged_
    assert good.predict(X) == pytest.approx(clone(good).fit(X, Y).predict(X), abs=2e-6)
    alone = clone(bad).set_params(epochs=50).fit(X, Y)
    assert alone.diverged_ and len(alone.losses_) < 50


def test_linear_target_is_learnt_and_permuted_target_is_not():
    table, y = genes(300, 10)
    train, test = slice(0, 240), slice(240, 300)
    model = gpds_pipeline(GPDSRegressor(lr=0.003)).fit(table.iloc[train], y[train])
    error = ((model.predict(table.iloc[test]) - y[test]) ** 2).mean()
    assert 1 - error / y[test].var() > 0.5
    permuted = bulk_baselines()["Permuted target"].fit(table.iloc[train], y[train])
    error = ((permuted.predict(table.iloc[test]) - y[test]) ** 2).mean()
    assert 1 - error / y[test].var() <= 0


def test_scaled_target_is_reported_in_its_own_units():
    model = GPDSRegressor(scale_target=True, hidden=(8, 4), epochs=60).fit(X, 100 + 10 * Y)
    assert np.corrcoef(model.predict(X), Y)[0, 1] > 0.9
    assert model.predict(X).mean() == pytest.approx(100 + 10 * Y.mean(), abs=3)


def test_works_in_cross_validate_and_clone():
    table, y = genes()
    scores = cross_validate(gpds_pipeline(GPDSRegressor(**SMALL)), table, y, cv=3)["test_score"]
    assert np.isfinite(scores).all()


@pytest.mark.parametrize("activation", ["tanh", "relu"])
@pytest.mark.parametrize("hidden", [(8,), (8, 4), (8, 4, 3)])
def test_gradients_and_weight_products_same_as_autograd_at_any_depth(activation, hidden):
    module, _ = plain_loop(X, Y, hidden, activation, 0.01, 16, 5, 0.0, 3)
    settings = SMALL | {"hidden": hidden}
    network = GPDSRegressor(activation=activation, random_state=3, **settings).fit(X, Y).network_
    x = torch.tensor(X, requires_grad=True)
    (oracle,) = torch.autograd.grad(module(x).sum(), x)
    assert input_gradients(network, X) == pytest.approx(oracle.numpy(), abs=1e-5)
    assert gene_scores(network, X, "D2") == pytest.approx(oracle.numpy().mean(axis=0), abs=1e-5)
    weights = [p.detach().numpy() for name, p in module.named_parameters() if "weight" in name]
    product = functools.reduce(np.matmul, reversed(weights))
    assert olden(network) == pytest.approx(product[0], abs=1e-5)


@pytest.mark.parametrize(("activation", "points", "tolerance"), [("tanh", 64, 1e-4), ("relu", 2000, 2e-3)])
def test_integrated_gradients_are_complete(activation, points, tolerance):
    network = GPDSRegressor(activation=activation, hidden=(8, 4), epochs=30).fit(X, Y).network_
    found = integrated_gradients(network, X, points)
    difference = network.predict(X) - network.predict(np.zeros((1, 7)))
    assert found.sum(axis=1) == pytest.approx(difference, abs=tolerance)
    assert not found[:, X[0] == 0].any()
    expected = (found * np.sign(X)).mean(axis=0)
    assert gene_scores(network, X, "D3") == pytest.approx(
        expected, abs=1e-2 if activation == "relu" else 1e-9
    )


@pytest.mark.parametrize("kind", ["D1", "D2", "D3"])
def test_scores_have_the_sign_of_the_planted_effect(kind):
    scores = gene_scores(GPDSRegressor(hidden=(8, 4), epochs=40).fit(X, Y).network_, X, kind)
    assert scores.argmax() == 0 and scores.argmin() == 1


def test_saturation_and_range_by_hand():
    network = GPDSRegressor(**SMALL).fit(X, Y).network_
    first, second = network.hidden(100 * X)
    assert saturation(network, 100 * X) == [(np.abs(first) > 0.99).mean(), (np.abs(second) > 0.99).mean()]
    assert saturation(network, 100 * X)[0] > saturation(network, X)[0]
    assert out_of_range(np.array([[0, 3.1], [-4, 3.0]])) == 0.5


def test_filter_same_as_pandas():
    table, _ = genes(30, 40, seed=2)
    table *= np.linspace(0.1, 1.5, 40)
    found = MeanVarianceFilter().set_output(transform="pandas").fit_transform(table)
    expected = table.columns[(table.mean() >= 1.9) & (np.log(table.var()) >= 0)]
    assert 0 < len(expected) < 40
    assert found.columns.tolist() == expected.tolist()
    assert np.array_equal(found, table[expected])


@pytest.mark.parametrize("n_bins", [4, 20])
def test_bins_without_ties_are_equally_full_and_those_of_qcut(n_bins):
    x = RNG.normal(size=(200, 3))
    found = EqualFrequencyBinner(n_bins).fit_transform(x)
    for j in range(3):
        assert np.bincount(found[:, j].astype(int)).tolist() == [200 // n_bins] * n_bins
        assert np.array_equal(found[:, j], pd.qcut(x[:, j], n_bins, labels=False))


def test_dropped_ties_same_as_qcut_and_average_ties_share_the_middle_bin():
    x = np.where(RNG.random((200, 1)) < 0.6, 0.0, RNG.random((200, 1)))
    dropped = EqualFrequencyBinner(20, ties="drop").fit_transform(x)[:, 0]
    assert np.array_equal(dropped, pd.qcut(x[:, 0], 20, labels=False, duplicates="drop"))
    zeros = int((x == 0).sum())
    average = EqualFrequencyBinner(20).fit_transform(x)[:, 0]
    assert set(average[x[:, 0] == 0]) == {20 * (zeros / 2) // 200}


def test_readings_of_the_binning_by_ranks():
    x = RNG.normal(size=(30, 40))
    by_line = EqualFrequencyBinner(20, "line").fit(x[:2]).transform(x)
    assert np.array_equal(by_line, x.argsort(axis=1).argsort(axis=1) // 2)
    by_all = EqualFrequencyBinner(20, "global").fit_transform(x)
    assert np.array_equal(by_all.ravel(), x.ravel().argsort().argsort() // 60)
    assert np.array_equal(EqualFrequencyBinner(scope="none").fit_transform(x), x)


def test_new_lines_are_binned_by_the_fitted_ones():
    binner = EqualFrequencyBinner(4).fit(np.arange(8.0)[:, None])
    assert binner.transform([[-5.0], [0.5], [3.5], [9.0]]).ravel().tolist() == [0, 0, 2, 3]


def test_nothing_is_learnt_from_held_out_lines():
    table, y = genes()
    changed = table.copy()
    changed.iloc[40:] = changed.iloc[40:].to_numpy()[::-1] * 1.7
    lineage = pd.Series(list("abc") * 20, table.index)
    models = {"network": gpds_pipeline(GPDSRegressor(**SMALL))} | bulk_baselines(
        lineage, n_trees=5, n_inner=3
    )
    for name, model in models.items():
        first, second = (
            clone(model).fit(t.iloc[:40], y[:40]).predict(table.iloc[:40]) for t in (table, changed)
        )
        assert np.array_equal(first, second), name


def test_baselines_are_ranked_as_planted():
    table, y = genes(150, 12)
    lineage = pd.Series(np.where(np.arange(150) % 2, "odd", "even"), table.index)
    y = y + np.where(np.arange(150) % 2, 1.0, -1.0)
    r2 = {}
    for name, model in bulk_baselines(lineage, table["G0"], n_trees=30, n_inner=3).items():
        predicted = model.fit(table.iloc[:100], y[:100]).predict(table.iloc[100:])
        r2[name] = 1 - ((predicted - y[100:]) ** 2).mean() / y[100:].var()
    assert r2["training mean"] <= 0
    assert 0.2 < r2["lineage mean"] < r2["Ridge on lineage and proliferation"] < 0.9
    for name in ("Ridge", "Ridge on bins", "Elastic net", "PLS", "PCA + ridge", "Random forest"):
        assert 0.3 < r2[name] < 0.75, name


def test_lineage_mean_by_hand():
    lineage = pd.Series({"a": "x", "b": "x", "c": "y", "d": "z"})
    model = LineageMean(lineage, weight=1).fit(pd.DataFrame(index=list("abc")), [1.0, 3.0, 5.0])
    assert model.predict(pd.DataFrame(index=list("acd"))).tolist() == [(4 + 3) / 3, (5 + 3) / 2, 3]


def test_pls_same_as_sklearn_with_the_chosen_setting():
    from sklearn.cross_decomposition import PLSRegression

    pls = PLSCV(cv=3).fit(X, Y)
    oracle = PLSRegression(pls.n_components_, scale=False).fit(X, Y)
    assert pls.predict(X) == pytest.approx(oracle.predict(X).ravel(), abs=1e-5)


def test_nearest_lines_same_as_sklearn_with_the_chosen_number():
    from sklearn.neighbors import KNeighborsRegressor

    model = NearestLines(cv=3).fit(X, Y)
    oracle = KNeighborsRegressor(model.n_neighbors_, metric="correlation").fit(X, Y)
    assert model.predict(X[::-1] + 0.1) == pytest.approx(oracle.predict(X[::-1] + 0.1))


def test_grid_is_complete():
    candidates = grid_candidates()
    assert len(candidates) == 864
    assert len({tuple(c.values()) for c in candidates}) == 864
    assert {
        "hidden": (32, 16),
        "activation": "tanh",
        "lr": 0.01,
        "batch_size": 16,
        "epochs": 100,
    } in candidates


TABLE, RESPONSE = genes(20, 5)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: MeanVarianceFilter().fit(TABLE * 100), DataError, r"expects log2\(TPM \+ 1\)"),
        (lambda: MeanVarianceFilter().fit(TABLE - 5), DataError, "z-scores cannot be used"),
        (lambda: MeanVarianceFilter().fit(TABLE[:1]), DataError, "at least two lines"),
        (lambda: MeanVarianceFilter(min_mean=20).fit(TABLE), DataError, "no gene has mean >= 20"),
        (lambda: MeanVarianceFilter().fit(TABLE[:0]), DataError, r"0 sample\(s\) \(shape=\(0, 5\)\)"),
        (
            lambda: MeanVarianceFilter().fit(TABLE.assign(G1="x")),
            DataError,
            "could not convert string",
        ),
        (
            lambda: gpds_pipeline(GPDSRegressor(**SMALL)).fit(TABLE, RESPONSE).predict(TABLE.iloc[:, ::-1]),
            DataError,
            "must be in the same order as they were in fit",
        ),
        (
            lambda: EqualFrequencyBinner().fit(TABLE).transform(TABLE.rename(columns={"G1": "TP53"})),
            DataError,
            "unseen at fit time",
        ),
        (
            lambda: EqualFrequencyBinner().fit(TABLE).transform(TABLE.iloc[:, :3]),
            DataError,
            "seen at fit time, yet now missing",
        ),
        (lambda: EqualFrequencyBinner(1).fit(X), ParameterError, "at least 2, got 1"),
        (
            lambda: EqualFrequencyBinner(scope="cell").fit(X),
            ParameterError,
            "scope='cell' is not one of gene",
        ),
        (lambda: EqualFrequencyBinner(ties="first").fit(X), ParameterError, "ties='first' is not one of"),
        (lambda: GPDSRegressor().fit(X * np.nan, Y), DataError, "Input X contains NaN"),
        (lambda: GPDSRegressor().fit(X, np.where(Y > 0, Y, np.nan)), DataError, "Input y contains NaN"),
        (lambda: GPDSRegressor().fit(X, Y[:-1]), DataError, r"inconsistent numbers of samples: \[50, 49\]"),
        (lambda: GPDSRegressor(activation="gelu").fit(X, Y), ParameterError, "activation='gelu'"),
        (lambda: GPDSRegressor(hidden=()).fit(X, Y), ParameterError, "at least one hidden layer"),
        (lambda: GPDSRegressor(hidden=(8, 0)).fit(X, Y), ParameterError, r"hidden\[1\] must be at least 1"),
        (lambda: GPDSRegressor(lr=0).fit(X, Y), ParameterError, "lr must be positive"),
        (lambda: GPDSRegressor(device="tpu").fit(X, Y), ParameterError, "unknown device 'tpu'"),
        (lambda: grid_candidates({"h1": (32,)}), ParameterError, "the grid must name h1, h2"),
        (lambda: grid_candidates(GRID | {"dropout": (0.5,)}), ParameterError, "got h1, .*dropout"),
        (
            lambda: LineageMean(pd.Series({"Z": "x"})).fit(TABLE, RESPONSE),
            DataError,
            "none of the 20 lines is in the annotation",
        ),
    ],
)
def test_bad_input_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
