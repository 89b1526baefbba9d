"""The compiled engine against the Keras model, which defines the networks. Goes with its folder."""

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from helpers.errors import ParameterError
from helpers.studies.perturbation.model import PUBLISHED, PerturbationNetwork, training
from helpers.studies.perturbation.model.architectures import Design, build, initial_weights
from helpers.studies.perturbation.model.compiled import CompiledEngine, knows
from helpers.studies.perturbation.model.compiled.kernels import adam
from helpers.studies.perturbation.model.encoder import CategoryEncoder
from helpers.studies.perturbation.model.keras_engine import KerasEngine
from helpers.studies.perturbation.model.training import BETA_1, BETA_2, EPSILON, Task, Training
from helpers.studies.perturbation.twin import simulate_changes

# Three steps are a sequence too, and their graphs are traced in half the time.
THREE = ("length", "compound", "cell")
READINGS = [
    {"architecture": "LSTM", "early_stopping": True},
    {"architecture": "GRU", "loss": "mae", "features": THREE},
    {"architecture": "GRU3", "stack": "printed", "features": ("cell", "compound")},
    {"architecture": "GRU3-ATTN", "features": THREE},
    {"architecture": "GRU3-ATTN", "attention": "none", "stack": "printed", "features": THREE},
    {"architecture": "Transformer", "scale": "z"},
    {"architecture": "Autoencoder"},
]
# Trainings with rectifiers part where one is at its kink and rounding decides; their gradients are compared.
SMOOTH = [options for options in READINGS if options["architecture"] not in ("Transformer", "Autoencoder")]


@pytest.fixture(scope="module")
def world():
    data = simulate_changes(0, n_cells=5, n_full=5, n_compounds=8, n_shared=8, n_genes=15)
    return data.rows, data.matrix / 4


def preactivations(model, codes, mask):
    """Inputs of all rectifiers of a Keras model, by the layers' own weights."""
    import keras

    found = []
    for layer in model.layers:
        if getattr(layer, "activation", None) is keras.activations.relu:
            below = keras.Model(model.inputs, layer.input)([codes, mask])
            found.append(np.ravel(below @ layer.kernel + layer.bias))
    return np.concatenate(found) if found else np.empty(0)


@pytest.mark.parametrize("options", READINGS, ids=lambda o: "-".join(map(str, o.values())))
def test_gradients_same_as_keras(world, options, monkeypatch):
    """One minibatch of 7 rows and 3 of padding, with dropout, at a point that is no kink.

    With a huge epsilon Adam is plain descent, so one step hands out the gradient.
    """
    import tensorflow as tf

    rows, values = world
    design = Design(
        genes=values.shape[1],
        **{k: v for k, v in options.items() if k not in ("loss", "scale", "early_stopping")},
    )
    codes = CategoryEncoder(design.features).fit(rows).transform(rows)
    rng = np.random.default_rng(1)
    weights = [w + 0.1 * rng.normal(size=w.shape).astype(np.float32) for w in initial_weights(design, rng)]
    order = np.r_[rng.permutation(len(rows))[:7], 0, 0, 0].astype(np.int32)
    share = np.r_[np.full(7, 1 / 7), 0, 0, 0].astype(np.float32)
    mask = (2 * rng.integers(0, 2, (10, design.dense))).astype(np.float32)

    model = build(design)
    model.set_weights(weights)
    with tf.GradientTape() as tape:
        error = model([codes[order], mask], training=True) - values[order]
        each = tf.reduce_mean(tf.abs(error) if options.get("loss") == "mae" else error**2, axis=1)
        loss = tf.reduce_sum(each * share)
    theirs = [tf.convert_to_tensor(g).numpy() for g in tape.gradient(loss, model.trainable_variables)]
    kinks = [*preactivations(model, codes[order[:7]], mask[:7]), *np.ravel(error[:7])]
    assert np.abs(kinks).min() > 1e-5, "choose another seed: a rectifier or an error is at its kink"

    step, epsilon = 1e4, 1e8
    monkeypatch.setattr(f"{CompiledEngine.__module__}.EPSILON", epsilon)
    rate = step * epsilon / np.sqrt(1 - BETA_2)  # what Adam's first step multiplies the gradient with
    engine = CompiledEngine(
        Training(design, options.get("loss", "mse"), 1, 10, rate), Task(codes, values, weights, rng)
    )
    assert engine.train_epoch(order[None], share[None], mask[None]) == pytest.approx(float(loss), rel=1e-5)
    engine.keep()
    for ours, start, gradient, variable in zip(
        engine.kept(), weights, theirs, model.trainable_variables, strict=True
    ):
        found = (start - ours) / step
        scale = np.abs(gradient).max()
        np.testing.assert_allclose(
            found, gradient, rtol=1e-4, atol=1e-5 * scale + 1e-9, err_msg=variable.path
        )


def test_adam_same_as_keras():
    import keras

    rng = np.random.default_rng(0)
    weight = rng.normal(size=50).astype(np.float32)
    ours, first, second = weight.copy(), np.zeros_like(weight), np.zeros_like(weight)
    variable, optimizer = keras.Variable(weight), keras.optimizers.Adam(0.01)
    for step in range(1, 8):
        gradient = (rng.normal(size=50) * 10.0 ** rng.integers(-8, 3, 50)).astype(np.float32)
        optimizer.apply([keras.ops.convert_to_tensor(gradient)], [variable])
        rate = 0.01 * np.sqrt(1 - BETA_2**step) / (1 - BETA_1**step)
        adam(ours, first, second, gradient, np.float32(rate), np.float32(EPSILON))
        np.testing.assert_allclose(ours, np.asarray(variable), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("options", SMOOTH, ids=lambda o: "-".join(map(str, o.values())))
@pytest.mark.parametrize("n", [33, 30])
def test_training_same_as_keras(world, options, n):
    """33 rows end in a cut minibatch."""
    rows, values = world
    order = np.random.default_rng(n).permutation(len(rows))
    ours, theirs = (
        PerturbationNetwork(epochs=3, batch_size=10, engine=engine, random_state=n, **options).fit(
            rows.iloc[order[:n]], values[order[:n]]
        )
        for engine in ("compiled", "keras")
    )
    np.testing.assert_allclose(ours.history_, theirs.history_, rtol=1e-4)
    np.testing.assert_allclose(ours.predict(rows), theirs.predict(rows), atol=1e-4)


def test_a_loss_that_is_not_finite_stops_with_the_last_good_state(world):
    model = PerturbationNetwork("LSTM", 20, 10, 1e18, engine="compiled")
    with pytest.warns(ConvergenceWarning, match="not finite in epoch"):
        model.fit(*world)
    assert model.stopped_ == "loss not finite" and all(np.isfinite(w).all() for w in model.weights_)


def test_it_knows_the_six_networks_and_says_which_readings_it_does_not():
    assert all(knows(Design(name, 3)) for name in PUBLISHED)
    for options in (
        {"architecture": "GRU3-ATTN", "attention": "additive"},
        {"architecture": "GRU3-ATTN", "pooling": "flatten"},
        {"architecture": "Transformer", "transformer": "bare"},
        {"architecture": "Autoencoder", "autoencoder": "reconstruct"},
        {"architecture": "GRU", "tables": "shared"},
        {"architecture": "GRU", "length": "number"},
    ):
        design = Design(genes=3, **options)
        assert not knows(design)
        assert training.engine_of(design) is KerasEngine
        with pytest.raises(ParameterError, match="use engine='keras'"):
            training.engine_of(design, "compiled")


def test_auto_takes_it_on_the_cpu_and_keras_on_a_gpu_or_where_its_folder_was_deleted(monkeypatch):
    design = Design("GRU", 3)
    assert training.engine_of(design) is CompiledEngine
    assert training.engine_of(design, device="cuda") is KerasEngine
    with pytest.raises(ParameterError, match="on cuda; use engine='keras'"):
        training.engine_of(design, "compiled", "cuda")
    monkeypatch.setattr(training, "_COMPILED", "helpers.no_such_folder")
    assert training.engine_of(design) is KerasEngine
    with pytest.raises(ParameterError, match="use engine='keras'"):
        training.engine_of(design, "compiled")
