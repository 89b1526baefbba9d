"""Training of one fit: order, dropout, early stopping, best state; an engine does the arithmetic.

The order of the rows and dropout's masks are drawn by numpy from the fit's own seed, so that a fit gives
the same numbers on every engine (up to rounding).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Protocol

import numpy as np

from helpers.errors import ParameterError
from helpers.studies.perturbation.model.architectures import Design
from helpers.studies.perturbation.model.published import EMBEDDING, VOCABULARY

#: Adam as Keras has it by default.
BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-7
#: Mean over genes of the squared or the absolute error.
LOSSES = ("mse", "mae")
ENGINES = ("auto", "compiled", "keras")
#: Why a fit ended.
DONE, STOPPED, NOT_FINITE = "all epochs done", "early stopping", "loss not finite"
#: Epochs without a better validation loss until a fit stops.
PATIENCE = 20

_COMPILED = "helpers.studies.perturbation.model.compiled"
#: Keras' backend -> module and class that train the Keras model there.
_OF_BACKEND = {
    "tensorflow": ("helpers.studies.perturbation.model.keras_engine", "KerasEngine"),
    "torch": ("helpers.studies.perturbation.model.torch_engine", "TorchEngine"),
}


@dataclass(frozen=True)
class Training:
    """Settings of a fit.

    Attributes
    ----------
    design : Design
        Its vocabulary is the number of embedding rows that are trained; see :func:`fit`.
    loss : {"mse", "mae"}
    epochs, batch_size : int
    learning_rate : float
    """

    design: Design
    loss: str
    epochs: int
    batch_size: int
    learning_rate: float


@dataclass(frozen=True)
class Task:
    """Data of a fit.

    Attributes
    ----------
    codes : array (n, features), int32
    targets : array (n, genes), float32
    weights : list of arrays
        Start, in the order of the Keras model's trainable variables.
    rng : numpy.random.Generator
        Draws order and masks.
    validation : (codes, targets) or None
        Rows that stop the training.
    """

    codes: np.ndarray
    targets: np.ndarray
    weights: list[np.ndarray]
    rng: np.random.Generator
    validation: tuple[np.ndarray, np.ndarray] | None = None


@dataclass(frozen=True)
class Fitted:
    """Result of a fit.

    Attributes
    ----------
    weights : list of arrays
        After the last epoch, the best epoch (early stopping) or the last epoch with a finite loss.
    history : array (epochs, 1 or 2)
        Mean training loss of each epoch and, with early stopping, the validation loss after it.
    epochs : int
        Epochs done, the last one included where its loss was not finite.
    stopped : str
        Why training ended.
    """

    weights: list[np.ndarray]
    history: np.ndarray
    epochs: int
    stopped: str


class Engine(Protocol):
    """What holds the weights of a network, made of a :class:`Training` and a :class:`Task`."""

    def train_epoch(self, order: np.ndarray, weight: np.ndarray, mask: np.ndarray) -> float:
        """One epoch; its mean loss, NaN where the loss or a weight is not finite.

        ``order`` and ``weight`` are (steps, batch): rows and their weight in the mean, 0 for padding;
        ``mask`` (steps, batch, dense).
        """

    def validation_loss(self) -> float:
        """Loss on the validation rows."""

    def keep(self) -> None:
        """Remember the present weights."""

    def kept(self) -> list[np.ndarray]:
        """Remembered weights."""


def engine_of(
    design: Design, engine: str = "auto", device: str = "cpu"
) -> Callable[[Training, Task], Engine]:
    """Choose what trains a design.

    Parameters
    ----------
    design : Design
    engine : {"auto", "compiled", "keras"}
        ``"keras"`` trains the Keras model itself, on the backend that Keras runs on; ``"compiled"`` the same
        weights in compiled code. ``"auto"``: compiled code on the CPU, Keras on a GPU, or where the
        compiled code does not know the design or its folder was deleted.
    device : {"cpu", "cuda"}

    Raises
    ------
    ParameterError
        If the engine is unknown, does not know the design or the device, or Keras runs on another backend
        than TensorFlow and PyTorch.
    """
    if engine not in ENGINES:
        msg = f"engine={engine!r} is not one of {', '.join(ENGINES)}"
        raise ParameterError(msg)
    compiled = compiled_for(design, engine, device)
    if compiled is not None:
        return compiled.CompiledEngine
    if engine == "compiled":
        msg = f"no compiled code for this reading of {design.architecture} on {device}; use engine='keras'"
        raise ParameterError(msg)
    import keras

    backend = keras.backend.backend()
    if backend not in _OF_BACKEND:
        names = " or ".join(_OF_BACKEND)
        msg = f"Keras runs on {backend!r}; set KERAS_BACKEND to {names} before Python starts"
        raise ParameterError(msg)
    module, name = _OF_BACKEND[backend]
    return getattr(import_module(module), name)


def compiled_for(design: Design, engine: str, device: str) -> ModuleType | None:
    """Return the compiled code if it is asked for, exists and knows the design; see :func:`engine_of`."""
    if engine == "keras" or device != "cpu" or not find_spec(_COMPILED):
        return None
    compiled = import_module(_COMPILED)
    return compiled if compiled.knows(design) else None


def fit(training: Training, task: Task, engine: str = "auto", device: str = "cpu") -> Fitted:
    """Train a network.

    Only the rows of the embedding tables that codes can name are trained: the others have no gradient
    and, under Adam, keep their start to the last bit.

    Parameters
    ----------
    training : Training
    task : Task
    engine : {"auto", "compiled", "keras"}
    device : {"cpu", "cuda"}
        See :func:`engine_of`, errors too.
    """
    runner = engine_of(training.design, engine, device)(training, task)
    best, best_epoch, stopped = np.inf, 0, DONE
    history: list[list[float]] = []
    runner.keep()
    for epoch in range(1, training.epochs + 1):
        losses = [runner.train_epoch(*_draw_epoch(training, task))]
        if task.validation is not None:
            losses.append(runner.validation_loss())
        history.append(losses)
        if not np.isfinite(losses).all():
            stopped = NOT_FINITE
            break
        if task.validation is None:
            runner.keep()
        elif losses[1] < best:
            best, best_epoch = losses[1], epoch
            runner.keep()
        elif epoch - best_epoch >= PATIENCE:
            stopped = STOPPED
            break
    weights = [_whole(*pair) for pair in zip(runner.kept(), task.weights, strict=True)]
    return Fitted(weights, np.array(history), len(history), stopped)


def trained_part(weight: np.ndarray, design: Design) -> np.ndarray:
    """Rows of an embedding table that codes can name; other weights as they are."""
    return weight[: design.vocabulary] if weight.shape == (VOCABULARY, EMBEDDING) else weight


def _whole(trained: np.ndarray, start: np.ndarray) -> np.ndarray:
    """Trained rows of an embedding table above the rows that no code names; other weights as they are."""
    if trained.shape == start.shape:
        return trained
    return np.concatenate([trained, start[len(trained) :]])


def _draw_epoch(training: Training, task: Task) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Order, row weights and dropout mask of one epoch, cut into minibatches."""
    n, batch, design = len(task.codes), training.batch_size, training.design
    steps = -(-n // batch)
    order = np.zeros(steps * batch, np.int32)
    order[:n] = task.rng.permutation(n)
    weight = (np.arange(steps * batch) < n).astype(np.float32).reshape(steps, batch)
    weight /= weight.sum(axis=1, keepdims=True)
    mask = np.ones((steps * batch, design.dense), np.float32)
    if design.dropout:
        kept = task.rng.random((n, design.dense), np.float32) >= design.dropout
        mask[:n] = kept * np.float32(1 / (1 - design.dropout))
    return order.reshape(steps, batch), weight, mask.reshape(steps, batch, -1)
