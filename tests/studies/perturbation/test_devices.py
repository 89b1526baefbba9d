"""Where a network is trained: the PyTorch engine equals the compiled one, and a GPU needs that backend."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from helpers.errors import ParameterError
from helpers.studies.perturbation.model.backend import use_device

SAME = """
import keras
import numpy as np
print(keras.backend.backend())
from helpers.studies.perturbation.model import PUBLISHED, PerturbationNetwork
from helpers.studies.perturbation.twin import simulate_changes
data = simulate_changes(0, n_cells=4, n_full=4, n_compounds=6, n_shared=6, n_genes=9)
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
print("alike")
"""


def python(code: str, **environment: str | None) -> subprocess.CompletedProcess:
    """Keras fixes its backend when it is imported, so another one needs another process."""
    variables = {name: value for name, value in (os.environ | environment).items() if value is not None}
    return subprocess.run(
        [sys.executable, "-c", code], env=variables, capture_output=True, encoding="utf-8", check=False
    )


PLACED = """
import keras, numpy as np
from helpers.studies.perturbation.model.architectures import Design, initial_weights
from helpers.studies.perturbation.model.training import Task, Training, engine_of
rng, codes, targets = np.random.default_rng(0), np.zeros((4, 5), np.int32), np.ones((4, 3), np.float32)
design = Design("Transformer", 3)
task = Task(codes, targets, initial_weights(design, rng), rng, (codes, targets))
print(engine_of(design).__name__, engine_of(design, device="cuda").__name__)
with keras.device("meta"):
    engine = engine_of(design, device="cuda")(Training(design, "mse", 1, 4, 0.1), task)
    try:
        engine.validation_loss()
    except RuntimeError as error:
        print(error)
"""
CHOOSE = "from helpers.studies.perturbation.model.backend import use_device; use_device('cuda')\n"


@pytest.fixture(scope="module")
def on_torch() -> list[str]:
    """Return what the programs say; one process for all, since Keras takes seconds to import."""
    done = python(CHOOSE + SAME + PLACED, KERAS_BACKEND=None, CUDA_VISIBLE_DEVICES="")
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_a_gpu_sets_the_backend_before_keras_is_imported(on_torch):
    assert on_torch[0] == "torch"


def test_training_on_pytorch_is_training_in_compiled_code(on_torch):
    assert on_torch[1] == "alike"


def test_another_backend_that_was_chosen_is_refused(monkeypatch):
    monkeypatch.delitem(sys.modules, "keras", raising=False)
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    with pytest.raises(ParameterError, match="on a GPU set KERAS_BACKEND=torch"):
        use_device("cuda")


def test_a_gpu_is_served_by_the_pytorch_engine_with_all_it_has_on_keras_own_device(on_torch):
    """No GPU here: "meta" is a device without memory, whose tensors refuse to meet those of the CPU.

    The loss is computed there to the end, where it would have to be brought back.
    """
    engines, reached = on_torch[2:]
    assert engines == "CompiledEngine TorchEngine"
    assert "item() cannot be called on meta tensors" in reached


def test_the_chapter_chooses_the_device_before_anything_imports_keras():
    """The backend is fixed at that import, so all that the chapter imports must leave it alone."""
    source = (Path(__file__).parents[3] / "notebooks" / "04_perturbation.py").read_text(encoding="utf-8")
    before, found, _ = source.partition("use_device(chapter.device)")
    imports = [node for node in ast.parse(before).body if isinstance(node, ast.Import | ast.ImportFrom)]
    assert found and len(imports) > 5
    lines = [*map(ast.unparse, imports), "import sys; print('keras' in sys.modules)"]
    done = python("\n".join(lines))
    assert done.stdout.split() == ["False"], done.stderr


def test_unknown_devices_are_refused():
    with pytest.raises(ParameterError, match="not one of cpu, cuda"):
        use_device("tpu")
