"""The six networks: published shapes, training against plain formulas and Keras, bad input."""

import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import ConvergenceWarning

from helpers.errors import DataError, ParameterError
from helpers.studies.perturbation.model import PUBLISHED, PerturbationNetwork
from helpers.studies.perturbation.model.architectures import Design, build, initial_weights
from helpers.studies.perturbation.model.encoder import CategoryEncoder
from helpers.studies.perturbation.model.targets import Scale

ALL = list(PUBLISHED)
GENES = 15


def make_world(n_cells=5, n_compounds=8, genes=GENES, noise=0.1, seed=0):
    """All pairs of cells and compounds with a planted additive effect."""
    rng = np.random.default_rng(seed)
    rows = pd.DataFrame(
        [
            (f"cell {c}", f"compound {d}", f"LSM-{d}", "C" * (d + 3))
            for c in range(n_cells)
            for d in range(n_compounds)
        ],
        columns=["cell", "compound", "lincs_id", "smiles"],
    )
    of_cell, of_compound = rng.normal(size=(n_cells, 1, genes)), rng.normal(size=(1, n_compounds, genes))
    values = (of_cell + of_compound).reshape(-1, genes) + noise * rng.normal(size=(len(rows), genes))
    return rows, values.astype(np.float32)


@pytest.fixture(scope="module")
def world():
    return make_world()


# --- as published ----------------------------------------------------------------------------------


def dense(n_in, n_out):
    return n_in * n_out + n_out


def gru(n_in, units):
    return 3 * units * (n_in + units + 2)  # reset after the product: two biases


def head(n_in, genes, units=256):
    return dense(n_in, units) + dense(units, genes)


# Weights between the embeddings and the last hidden layer, from the layers' definitions.
CORES = {
    "LSTM": 4 * 16 * (16 + 16 + 1),
    "GRU": gru(16, 128),
    "GRU3": gru(16, 128) + gru(128, 64) + gru(64, 64),
    "GRU3-ATTN": gru(16, 128) + gru(128, 64) + gru(64, 64),
    "Transformer": 3 * dense(16, 32) + dense(32, 16) + dense(16, 64) + dense(64, 16) + 4 * 16,
    "Autoencoder": dense(80, 256) + dense(256, 64) + dense(64, 64) + dense(64, 256),
}
HIDDEN = {"LSTM": 16, "GRU": 128, "GRU3": 64, "GRU3-ATTN": 128, "Transformer": 16, "Autoencoder": 256}


@pytest.mark.parametrize("architecture", ALL)
def test_weights_of_table_3(architecture):
    genes = 18_211
    model = build(Design(architecture, genes))
    units = 128 if architecture == "Autoencoder" else 256
    expected = 5 * 1000 * 16 + CORES[architecture] + head(HIDDEN[architecture], genes, units)
    assert model.count_params() == expected
    assert model.output_shape == (None, genes)
    assert model.get_layer("dense").units == units
    assert model.get_layer("dense").activation.__name__ == (
        "relu" if architecture == "Autoencoder" else "tanh"
    )
    assert model.get_layer("output").activation.__name__ == "linear"


def test_settings_of_table_3():
    settings = {name: tuple(PerturbationNetwork(name).settings().values()) for name in ALL}
    assert settings == {
        "LSTM": (300, 30, 0.001),
        "GRU": (300, 30, 0.001),
        "GRU3": (300, 30, 0.001),
        "GRU3-ATTN": (300, 20, 0.001),
        "Transformer": (400, 50, 0.003),
        "Autoencoder": (500, 70, 0.003),
    }
    assert PerturbationNetwork("GRU", 7).settings()["epochs"] == 7
    assert all(Design(name, 2).dropout == 0.5 for name in PUBLISHED)


@pytest.mark.parametrize(
    ("options", "units"),
    [
        ({"architecture": "GRU3", "stack": "printed"}, (128, 64)),
        ({"architecture": "GRU3-ATTN", "stack": "printed"}, (64,)),
        ({"architecture": "LSTM", "units": 128}, (128,)),
        ({"architecture": "GRU", "units": 16}, (16,)),
    ],
)
def test_other_readings_change_the_stack(options, units):
    model = build(Design(genes=3, **options))
    assert tuple(la.units for la in model.layers if la.name.startswith("recurrent")) == units


def test_start_has_the_spread_of_keras_own():
    for design in (Design("LSTM", 50), Design("Transformer", 50), Design("Autoencoder", 50)):
        model = build(design)
        ours = initial_weights(design, np.random.default_rng(0))
        for variable, value in zip(model.trainable_variables, ours, strict=True):
            theirs = np.asarray(variable)
            assert value.shape == theirs.shape
            if theirs.size >= 1000:
                assert value.std() == pytest.approx(theirs.std(), rel=0.1), variable.path
                assert np.abs(value).max() == pytest.approx(np.abs(theirs).max(), rel=0.35), variable.path
            elif theirs.ndim == 1:
                np.testing.assert_array_equal(value, theirs, err_msg=variable.path)


# --- against plain formulas ------------------------------------------------------------------------


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def plain_gru(x, kernel, recurrent, bias):
    """Cho et al. 2014 with the reset gate after the product; x is (rows, steps, size)."""
    h = np.zeros((len(x), recurrent.shape[0]))
    states = []
    for t in range(x.shape[1]):
        az, ar, ac = np.split(x[:, t] @ kernel + bias[0], 3, axis=1)
        pz, pr, pc = np.split(h @ recurrent + bias[1], 3, axis=1)
        z, r = sigmoid(az + pz), sigmoid(ar + pr)
        h = z * h + (1 - z) * np.tanh(ac + r * pc)
        states.append(h)
    return np.stack(states, axis=1)


@pytest.mark.parametrize("architecture", ["GRU", "GRU3", "GRU3-ATTN"])
def test_prediction_same_as_plain_formulas(world, architecture):
    rows, values = world
    model = PerturbationNetwork(architecture, epochs=2).fit(rows, values)
    w = [v.astype(float) for v in model.weights_]
    codes = model.encoder_.transform(rows)
    x = np.stack([w[i][codes[:, i]] for i in range(5)], axis=1)
    rest = w[5:]
    for _ in range(1 if architecture == "GRU" else 3):
        x, rest = plain_gru(x, *rest[:3]), rest[3:]
    hidden = x[:, -1]
    if architecture == "GRU3-ATTN":
        scores = np.einsum("bsu,btu->bst", x, x)
        share = np.exp(scores) / np.exp(scores).sum(axis=2, keepdims=True)
        hidden = np.concatenate([(share @ x).mean(axis=1), hidden], axis=1)
    expected = np.tanh(hidden @ rest[0] + rest[1]) @ rest[2] + rest[3]
    np.testing.assert_allclose(model.predict(rows), expected, rtol=1e-4, atol=1e-5)


def adam_of_dense_gradients(rate):
    """Keras' Adam; on TensorFlow it squares the gradients of an embedding row one by one, then adds up."""
    import keras
    import tensorflow as tf

    class DenseAdam(keras.optimizers.Adam):
        def apply(self, grads, trainable_variables=None):
            super().apply([tf.convert_to_tensor(g) for g in grads], trainable_variables)

    return DenseAdam(rate)


# Without rectifiers: where one stands at its kink, rounding decides whether a row's gradient passes, and two
# right trainings part. Networks that have some are compared by their gradients, in test_compiled_engine.py.
@pytest.mark.parametrize(
    "options",
    [
        {"architecture": "LSTM"},
        {"architecture": "LSTM", "engine": "keras"},
        {"architecture": "GRU3-ATTN"},
        {"architecture": "Transformer", "transformer": "bare", "tables": "shared"},
        {"architecture": "GRU3-ATTN", "attention": "additive", "pooling": "flatten", "length": "number"},
    ],
    ids=lambda o: "-".join(map(str, o.values())),
)
def test_training_same_as_keras_fit(world, options):
    """Three full-batch epochs without dropout against ``fit`` of the Keras model itself."""
    rows, values = world
    options = {"batch_size": len(rows), "dropout": 0.0, "random_state": 3, **options}
    start = PerturbationNetwork(epochs=1, learning_rate=1e-30, **options).fit(rows, values)
    model = start.keras_model()
    rate = PUBLISHED[start.architecture].learning_rate
    model.compile(adam_of_dense_gradients(rate), loss="mse")
    codes = start.encoder_.transform(rows)
    ones = np.ones((len(rows), start.design_.dense), np.float32)
    history = model.fit([codes, ones], values, epochs=3, batch_size=len(rows), shuffle=False, verbose=0)
    ours = PerturbationNetwork(epochs=3, **options).fit(rows, values)
    np.testing.assert_allclose(ours.history_[:, 0], history.history["loss"], rtol=1e-5)
    np.testing.assert_allclose(ours.predict(rows), model.predict([codes, ones], verbose=0), atol=1e-5)
    for theirs, value in zip(model.trainable_variables, ours.weights_, strict=True):
        # The sign of a gradient near zero is rounding, and Adam's first steps have the size of the rate.
        difference = np.abs(np.asarray(theirs) - value)
        assert np.quantile(difference, 0.99) < 0.02 * rate, theirs.path


# --- what a user relies on -------------------------------------------------------------------------


def test_predictions_of_two_threads_do_not_mix(world):
    rows, values = world
    fitted = [PerturbationNetwork("GRU", epochs=1, random_state=seed).fit(rows, values) for seed in range(2)]
    alone = [network.predict(rows) for network in fitted]
    assert not np.allclose(alone[0], alone[1])
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda i: fitted[i % 2].predict(rows), range(40)))
    for i, predicted in enumerate(found):
        np.testing.assert_array_equal(predicted, alone[i % 2])


@pytest.mark.parametrize("architecture", ALL)
def test_learns_a_planted_additive_effect(architecture):
    rows, values = make_world(n_cells=6, n_compounds=10)
    order = np.random.default_rng(0).permutation(len(rows))
    train, test = order[:50], order[50:]
    model = PerturbationNetwork(architecture, epochs=150, learning_rate=0.005).fit(
        rows.iloc[train], values[train]
    )
    error = np.mean((model.predict(rows.iloc[test]) - values[test]) ** 2)
    assert error < 0.6 * np.mean((values[train].mean(axis=0) - values[test]) ** 2)


def test_one_seed_one_result_to_the_bit(world):
    rows, values = world
    first, again, other = (
        PerturbationNetwork("GRU", 2, random_state=seed).fit(rows, values) for seed in (0, 0, 1)
    )
    for a, b in zip(first.weights_, again.weights_, strict=True):
        np.testing.assert_array_equal(a, b)
    assert not np.array_equal(first.predict(rows), other.predict(rows))


def test_unknown_compounds_are_one(world):
    rows, values = world
    model = PerturbationNetwork("GRU", 30).fit(rows, values)
    news = pd.DataFrame(
        {"cell": ["cell 0", "cell 0", "cell 1"], "compound": ["x", "y", "x"]}
        | {"lincs_id": ["1", "2", "1"], "smiles": ["N" * 40, "O" * 50, "N" * 40]}
    )
    predicted = model.predict(news)
    np.testing.assert_array_equal(predicted[0], predicted[1])
    assert np.abs(predicted[0] - predicted[2]).max() > 0.01, "the cell is still known"
    start = initial_weights(model.design_, np.random.default_rng(np.random.SeedSequence(0).spawn(3)[0]))
    np.testing.assert_array_equal(model.weights_[1][0], start[1][0])
    np.testing.assert_array_equal(model.weights_[1][9:], start[1][9:])
    assert (model.weights_[1][1:9] != start[1][1:9]).all(), "all eight compounds are trained"


def test_codes_come_from_training_rows_alone(world):
    rows, _ = world
    encoder = CategoryEncoder().fit(rows[rows["compound"] != "compound 7"])
    codes = encoder.transform(rows)
    np.testing.assert_array_equal((codes == 0).any(axis=1), rows["compound"] == "compound 7")
    left_out = codes[rows["compound"] == "compound 7"]
    assert (left_out[:, 0] > 0).all()
    assert (left_out[:, 1:] == 0).all()
    number = CategoryEncoder(length="number").fit(rows).transform(rows)
    np.testing.assert_array_equal(number[:, 4], rows["smiles"].str.len())


def test_validation_rows_stay_out_of_training(world):
    rows, values = world
    options = {"early_stopping": True, "random_state": 2}
    model = PerturbationNetwork("LSTM", 3, **options).fit(rows, values)
    held = np.random.default_rng(np.random.SeedSequence(2).spawn(3)[2]).permutation(len(rows))[:4]
    changed = values.copy()
    changed[held] += 100
    other = PerturbationNetwork("LSTM", 3, **options).fit(rows, changed)
    np.testing.assert_array_equal(model.history_[:, 0], other.history_[:, 0])
    assert (model.history_[:, 1] < other.history_[:, 1]).all()


def test_early_stopping_returns_to_the_best_epoch(world):
    rows, values = world
    noise = np.random.default_rng(3).normal(size=values.shape)
    model = PerturbationNetwork("GRU", 200, early_stopping=True).fit(rows, noise)
    best = model.history_[:, 1].argmin()
    assert model.stopped_ == "early stopping"
    assert model.n_iter_ == len(model.history_) == best + 1 + 20
    shorter = PerturbationNetwork("GRU", int(best) + 1, early_stopping=True).fit(rows, noise)
    np.testing.assert_array_equal(shorter.predict(rows), model.predict(rows))


@pytest.mark.parametrize("engine", ["auto", "keras"])
def test_loss_that_is_not_finite_stops_with_the_last_good_state(world, engine):
    rows, values = world
    options = {"batch_size": 10, "learning_rate": 1e18, "engine": engine}
    with pytest.warns(ConvergenceWarning, match=r"LSTM \(seed 0\).*not finite in epoch \d+.*learning_rate"):
        model = PerturbationNetwork("LSTM", 20, **options).fit(rows, values)
    assert model.stopped_ == "loss not finite"
    assert model.n_iter_ < 20
    assert not np.isfinite(model.history_[-1, 0])
    assert np.isfinite(model.history_[:-1]).all()
    assert all(np.isfinite(w).all() for w in model.weights_)
    with warnings.catch_warnings(action="ignore", category=ConvergenceWarning):
        shorter = PerturbationNetwork("LSTM", max(model.n_iter_ - 1, 1), **options).fit(rows, values)
    if model.n_iter_ > 1:
        for kept, reached in zip(model.weights_, shorter.weights_, strict=True):
            np.testing.assert_array_equal(kept, reached)


@pytest.mark.parametrize("name", ["raw", "z"])
def test_scales_there_and_back(name):
    values = np.random.default_rng(0).normal(0, 3, (20, 4)).astype(np.float32)
    values[0] = [0, -9, 20, 100]
    scale = Scale.fit(name, values)
    np.testing.assert_allclose(scale.back(scale.forward(values)), values, rtol=2e-4, atol=1e-5)


def test_scales_same_as_definitions():
    values = np.array([[5.0, -1.3, 0.0, -7.0]])
    np.testing.assert_array_equal(Scale.fit("clip", values).forward(values), [[4, -1.3, 0, -4]])
    constant = np.ones((3, 2))
    np.testing.assert_array_equal(Scale.fit("z", constant).forward(constant), np.zeros((3, 2)))


# --- bad input -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"architecture": "CNN"}, "architecture='CNN' is not one of LSTM, GRU"),
        ({"epochs": 0}, "epochs must be a whole number from 1"),
        ({"learning_rate": -1.0}, "learning_rate must be a number"),
        ({"loss": "rmse"}, "loss='rmse' is not one of mse, mae"),
        ({"scale": "log"}, "scale='log' is not one of raw"),
        ({"dropout": 1.0}, r"dropout=1.0 is outside \[0, 1\)"),
        ({"features": ("cell", "dose")}, "name each at most once, out of cell, compound"),
        ({"features": ("cell", "cell")}, "name each at most once"),
        ({"autoencoder": "variational"}, "is not one of bottleneck, reconstruct"),
        ({"length": "embedded"}, "length='embedded' is not one of code, number"),
        ({"attention": "soft"}, "attention='soft' is not one of dot, additive, none"),
        ({"architecture": "Transformer", "units": 8}, "for LSTM and GRU only"),
        ({"engine": "jax"}, "engine='jax' is not one of auto, compiled, keras"),
    ],
)
def test_wrong_options_are_refused(world, options, message):
    with pytest.raises(ParameterError, match=message):
        PerturbationNetwork(**{"epochs": 1} | options).fit(*world)


def with_missing(rows):
    return rows.assign(smiles=[None, *rows["smiles"][1:]])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda r, v: (r.drop(columns="smiles"), v), r"lacks the column\(s\) smiles; it has cell"),
        (lambda r, v: (r.to_numpy(), v), "rows: must be a DataFrame, got ndarray"),
        (lambda r, v: (with_missing(r), v), "1 missing entries, or no text, in 'smiles', first in row 0"),
        (lambda r, v: (r, v[1:]), r"values has shape \(39, 15\), expected \(40, genes\)"),
        (lambda r, v: (r, v[:, 0]), r"values has shape \(40,\)"),
        (
            lambda r, v: (r, np.where(v == v[2, 3], np.nan, v)),
            "1 entries that are not finite, first in row 2",
        ),
        (lambda r, v: (r[:0], v[:0]), "rows: there are none"),
    ],
)
def test_wrong_data_are_refused(world, change, message):
    rows, values = change(*world)
    with pytest.raises(DataError, match=message):
        PerturbationNetwork(epochs=1).fit(rows, values)


def test_too_many_categories_are_refused():
    n = 1000
    rows = pd.DataFrame({"cell": "a", "compound": [str(i) for i in range(n)], "lincs_id": "b", "smiles": "C"})
    with pytest.raises(DataError, match="compound: 1000 categories, but the embedding has 1000 rows"):
        CategoryEncoder().fit(rows)
    assert CategoryEncoder().fit(rows[1:]).largest_code == 999
