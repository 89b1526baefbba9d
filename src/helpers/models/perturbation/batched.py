"""Training of many fits of one design on a model axis.

Every array has a leading axis of models; a step gathers one minibatch a model, runs all networks as one
graph and updates all weights with Adam. The order of the rows, dropout's masks and latent noise are drawn
by numpy from each fit's own seed, so that a fit gives the same numbers alone, in a group, and on either
backend of Keras (up to rounding).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from helpers.errors import ParameterError
from helpers.models.perturbation.architectures import Design
from helpers.models.perturbation.published import VOCABULARY

#: Adam as Keras has it by default.
BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-7
#: Why a fit ended.
DONE, STOPPED, NOT_FINITE = "all epochs done", "early stopping", "loss not finite"

LOSSES = ("mse", "mae", "huber", "row-rmse")

# Bytes that the weights of one group, their gradients and Adam's state may take.
_GROUP_BYTES = 400_000_000
_GROUP_MODELS = 8
# Rows and embedding tables are padded to multiples, so that groups of nearly equal size share one graph.
_ROWS = 32


@dataclass(frozen=True)
class Training:
    """Settings that all fits of a group share.

    Attributes
    ----------
    design : Design
        Its vocabulary is the number of embedding rows that are trained; see :func:`fit_batch`.
    loss : {"mse", "mae", "huber", "row-rmse"}
    epochs, batch_size : int
    learning_rate : float
    patience : int or None
        Epochs without a better validation loss until a fit stops; None trains all epochs.
    """

    design: Design
    loss: str
    epochs: int
    batch_size: int
    learning_rate: float
    patience: int | None = None


@dataclass(frozen=True)
class Task:
    """Data of one fit.

    Attributes
    ----------
    codes : array (n, features), int32
    targets : array (n, genes), float32
    weights : list of arrays
        Start, in the order of the Keras model's trainable variables.
    rng : numpy.random.Generator
        Draws order, masks and noise.
    validation : (codes, targets) or None
    """

    codes: np.ndarray
    targets: np.ndarray
    weights: list[np.ndarray]
    rng: np.random.Generator
    validation: tuple[np.ndarray, np.ndarray] | None = None


@dataclass(frozen=True)
class Fitted:
    """Result of one fit.

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
    """What a backend of Keras has to do: hold a group of models and train them epoch by epoch."""

    def load(self, training: Training, tasks: list[Task]) -> None:
        """Take the data and starting weights of a group."""

    def train_epoch(
        self, order: np.ndarray, weight: np.ndarray, mask: np.ndarray, noise: np.ndarray | None
    ) -> np.ndarray:
        """One epoch; mean loss of each model, NaN where the loss or a weight is not finite.

        ``order`` and ``weight`` are (models, steps, batch): rows and their weight in the mean, 0 for
        padding; ``mask`` (models, steps, batch, dense), ``noise`` (models, steps, batch, latent).
        """

    def validation_loss(self) -> np.ndarray:
        """Loss of each model on its validation rows."""

    def keep(self, which: np.ndarray) -> None:
        """Remember the present weights of the models where ``which`` is true."""

    def kept(self) -> list[np.ndarray]:
        """Remembered weights, (models, ...) each."""


def group_size(parameters: int) -> int:
    """How many models of ``parameters`` weights train together."""
    return int(np.clip(_GROUP_BYTES // (24 * parameters), 1, _GROUP_MODELS))


def fit_batch(training: Training, tasks: list[Task]) -> list[Fitted]:
    """Train ``tasks`` in groups on the model axis, with the backend that Keras runs on.

    Fits may differ in their rows, start and seed; those with unequal numbers of minibatches an epoch
    train in different groups. Only the rows of the embedding tables that a group's codes name are
    trained: the others have no gradient and, under Adam, keep their start to the last bit.

    Raises
    ------
    ParameterError
        If Keras runs on another backend than TensorFlow or PyTorch.
    """
    engine = _engine()
    steps = [-(-len(t.codes) // training.batch_size) for t in tasks]
    size = group_size(sum(trained_part(w, training.design).size for w in tasks[0].weights))
    fitted: dict[int, Fitted] = {}
    for length in sorted(set(steps)):
        alike = [i for i, n in enumerate(steps) if n == length]
        # Groups of equal size where that is possible.
        for group in np.array_split(alike, -(-len(alike) // size)):
            results = _fit_group(engine, training, [tasks[i] for i in group], length)
            fitted.update(zip(group.tolist(), results, strict=True))
    return [fitted[i] for i in range(len(tasks))]


def _engine() -> Engine:
    import keras

    backend = keras.backend.backend()
    if backend == "tensorflow":
        from helpers.models.perturbation.tensorflow_engine import TensorFlowEngine

        return TensorFlowEngine()
    if backend == "torch":
        from helpers.models.perturbation.torch_engine import TorchEngine

        return TorchEngine()
    msg = f"Keras runs on {backend!r}; set KERAS_BACKEND to tensorflow or torch before Python starts"
    raise ParameterError(msg)


def padded(arrays: list[np.ndarray]) -> np.ndarray:
    """Stack arrays of unequal length on a model axis, filled up with zeros to a round length."""
    length = -(-max(len(a) for a in arrays) // _ROWS) * _ROWS
    out = np.zeros((len(arrays), length, *arrays[0].shape[1:]), arrays[0].dtype)
    for row, array in zip(out, arrays, strict=True):
        row[: len(array)] = array
    return out


def _fit_group(engine: Engine, training: Training, tasks: list[Task], steps: int) -> list[Fitted]:
    engine.load(training, tasks)
    count = len(tasks)
    running = np.ones(count, bool)
    best = np.full(count, np.inf)
    best_epoch = np.zeros(count, int)
    stopped = [DONE] * count
    history: list[list[tuple[float, ...]]] = [[] for _ in tasks]
    engine.keep(running)
    for epoch in range(1, training.epochs + 1):
        draws = [_draw_epoch(task, training, steps) for task in tasks]
        order, weight, mask, noise = (_stacked(parts) for parts in zip(*draws, strict=True))
        losses = engine.train_epoch(order, weight, mask, noise)
        finite = np.isfinite(losses)
        better = running & finite
        scores = losses[:, None]
        if training.patience is not None:
            held_out = engine.validation_loss()
            finite &= np.isfinite(held_out)
            better &= finite & (held_out < best)
            best = np.where(better, held_out, best)
            best_epoch[better] = epoch
            scores = np.column_stack([losses, held_out])
        engine.keep(better)
        for i in np.flatnonzero(running):
            history[i].append(tuple(scores[i]))
            if not finite[i]:
                running[i], stopped[i] = False, NOT_FINITE
            elif training.patience is not None and epoch - best_epoch[i] >= training.patience:
                running[i], stopped[i] = False, STOPPED
        if not running.any():
            break
    weights = engine.kept()
    return [
        Fitted(
            [_whole(w[i], start) for w, start in zip(weights, task.weights, strict=True)],
            np.array(history[i]),
            len(history[i]),
            stopped[i],
        )
        for i, task in enumerate(tasks)
    ]


def trained_part(weight: np.ndarray, design: Design) -> np.ndarray:
    """Rows of an embedding table that codes can name; other weights as they are."""
    is_table = weight.shape == (VOCABULARY, design.embedding)
    return weight[: design.vocabulary] if is_table else weight


def _whole(trained: np.ndarray, start: np.ndarray) -> np.ndarray:
    """Trained rows of an embedding table above the rows that no code names; other weights as they are."""
    if trained.shape == start.shape:
        return trained
    return np.concatenate([trained, start[len(trained) :]])


def _stacked(parts: tuple) -> np.ndarray | None:
    return None if parts[0] is None else np.stack(parts)


def _draw_epoch(task: Task, training: Training, steps: int) -> tuple:
    """Order, row weights, dropout mask and noise of one epoch of one fit, cut into minibatches."""
    n, batch, design = len(task.codes), training.batch_size, training.design
    order = np.zeros(steps * batch, np.int32)
    order[:n] = task.rng.permutation(n)
    weight = np.zeros(steps * batch, np.float32)
    weight[:n] = 1
    weight = weight.reshape(steps, batch)
    weight /= weight.sum(axis=1, keepdims=True)
    mask = np.ones((steps * batch, design.dense), np.float32)
    if design.dropout:
        kept = task.rng.random((n, design.dense), np.float32) >= design.dropout
        mask[:n] = kept * np.float32(1 / (1 - design.dropout))
    noise = None
    if design.latent_noise:
        noise = np.zeros((steps * batch, design.latent_noise), np.float32)
        noise[:n] = task.rng.standard_normal((n, design.latent_noise), np.float32)
        noise = noise.reshape(steps, batch, -1)
    return order.reshape(steps, batch), weight, mask.reshape(steps, batch, -1), noise
