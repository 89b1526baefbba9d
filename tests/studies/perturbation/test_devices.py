"""Where a network is trained: the PyTorch engine equals the compiled one, and a GPU needs that backend."""

import os
import subprocess
import sys

import pytest

from helpers.errors import ParameterError
from helpers.studies.perturbation.model.backend import use_device

SAME = """
import numpy as np
from helpers.studies.perturbation.model import PUBLISHED, PerturbationNetwork
from helpers.studies.perturbation.twin import simulate_changes
data, _ = simulate_changes(0, n_cells=4, n_full=4, n_compounds=6, n_shared=6, n_genes=9)
rows, values = data.rows, data.matrix / 4
for name in PUBLISHED:
    options = {"loss": "mae", "early_stopping": True} if name == "LSTM" else {}
    ours, theirs = (
        PerturbationNetwork(name, 3, 10, engine=engine, **options).fit(rows, values)
        for engine in ("compiled", "keras")
    )
    np.testing.assert_allclose(ours.history_, theirs.history_, rtol=1e-4)
    np.testing.assert_allclose(ours.predict(rows), theirs.predict(rows), atol=1e-4)
again = PerturbationNetwork("Autoencoder", 2, autoencoder="reconstruct").fit(rows, values)
assert np.isfinite(again.predict(rows)).all()
import keras
print(keras.backend.backend())
"""


def python(code: str, **environment: str) -> subprocess.CompletedProcess:
    """Keras fixes its backend when it is imported, so another one needs another process."""
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environment},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


def test_training_on_pytorch_is_training_in_compiled_code():
    done = python(SAME, KERAS_BACKEND="torch", CUDA_VISIBLE_DEVICES="")
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["torch"]


def test_a_gpu_sets_the_backend_before_keras_is_imported():
    code = "from helpers.studies.perturbation.model.backend import use_device as u; u('cuda'); import keras; "
    code += "print(keras.backend.backend())"
    environment = {k: v for k, v in os.environ.items() if k != "KERAS_BACKEND"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, encoding="utf-8", check=True
    )
    assert done.stdout.split() == ["torch"]
    refused = python(code, KERAS_BACKEND="tensorflow")
    assert "on a GPU set KERAS_BACKEND=torch" in refused.stderr


def test_unknown_devices_are_refused():
    with pytest.raises(ParameterError, match="not one of cpu, cuda"):
        use_device("tpu")
