"""The compiled engine against the Keras model, which defines the networks. Goes with its folder."""

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from helpers.errors import ParameterError
from helpers.studies.perturbation.model import PUBLISHED, PerturbationNetwork, training
from helpers.studies.perturbation.model.architectures import Design
from helpers.studies.perturbation.model.compiled import CompiledEngine, knows
from helpers.studies.perturbation.model.keras_engine import KerasEngine
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


@pytest.fixture(scope="module")
def world():
    data, _ = simulate_changes(0, n_cells=5, n_full=5, n_compounds=8, n_shared=8, n_genes=15)
    return data.rows, data.matrix / 4


@pytest.mark.parametrize("options", READINGS, ids=lambda o: "-".join(map(str, o.values())))
@pytest.mark.parametrize("n", [33, 30])
def test_same_as_keras(world, options, n):
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
