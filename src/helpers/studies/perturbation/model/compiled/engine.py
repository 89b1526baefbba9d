"""One network at a time, forward and backward written out layer by layer.

The Keras model is the definition; this engine trains exactly its weights, faster than a graph of single
operations, since no gradient is allocated and gates, losses and Adam are compiled loops. It knows the six
networks in their default readings with every loss, scale, size and choice of features; other readings
train on Keras.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from helpers.studies.perturbation.model.architectures import Design
from helpers.studies.perturbation.model.compiled import kernels as k
from helpers.studies.perturbation.model.compiled.layers import (
    Buffer,
    Dense,
    MeanAndLast,
    Recurrent,
    TransformerBlock,
)
from helpers.studies.perturbation.model.published import EMBEDDING, PUBLISHED
from helpers.studies.perturbation.model.training import BETA_1, BETA_2, EPSILON, Task, Training, trained_part

_ACTIVATIONS = {"tanh": k.TANH, "relu": k.RELU}


def knows(design: Design) -> bool:
    """Whether this engine can train ``design``."""
    common = design.tables == "separate" and (design.length == "code" or "length" not in design.features)
    own = {
        "GRU3-ATTN": design.attention in ("dot", "none") and design.pooling == "mean+last",
        "Transformer": design.transformer == "block",
        "Autoencoder": design.autoencoder == "bottleneck",
    }
    return common and own.get(design.architecture, True)


class CompiledEngine:
    """See :class:`helpers.studies.perturbation.model.training.Engine`."""

    def __init__(self, training: Training, task: Task) -> None:
        self._task, self._training = task, training
        starts = [trained_part(w, training.design) for w in task.weights]
        self._shapes = [w.shape for w in starts]
        self._flat = np.concatenate([w.ravel() for w in starts])
        self._gradient, self._first, self._second, self._kept = (np.zeros_like(self._flat) for _ in range(4))
        self._network = self._sized(training.batch_size)
        self._step = 0
        if task.validation is not None:
            self._held_out = task.validation
            self._watch = self._sized(len(task.validation[0]))

    def _sized(self, batch: int) -> _Network:
        design, absolute = self._training.design, self._training.loss == "mae"
        return _Network(design, self._flat, self._gradient, self._shapes, batch, absolute=absolute)

    def train_epoch(self, order: np.ndarray, weight: np.ndarray, mask: np.ndarray) -> float:
        """Train one epoch; its mean loss."""
        task, total = self._task, 0.0
        with torch.inference_mode():
            for rows, share, kept in zip(order, weight, mask, strict=True):
                total += self._network.gradients(task.codes, task.targets, rows, share, kept)
                self._step += 1
                correction = np.sqrt(1 - BETA_2**self._step) / (1 - BETA_1**self._step)
                step_size = k.F(self._training.learning_rate * correction)
                k.adam(self._flat, self._first, self._second, self._gradient, step_size, k.F(EPSILON))
        return total / len(order) if np.isfinite(self._flat).all() else np.nan

    def validation_loss(self) -> float:
        """Loss on the validation rows."""
        codes, targets = self._held_out
        rows, share = np.arange(len(codes), dtype=np.int32), np.full(len(codes), 1 / len(codes), np.float32)
        with torch.inference_mode():
            return self._watch.loss(codes, targets, rows, share)

    def keep(self) -> None:
        """Remember the present weights."""
        self._kept[:] = self._flat

    def kept(self) -> list[np.ndarray]:
        """Return the remembered weights."""
        sizes = [int(np.prod(s)) for s in self._shapes]
        parts = np.split(self._kept, np.cumsum(sizes)[:-1])
        return [part.reshape(shape).copy() for part, shape in zip(parts, self._shapes, strict=True)]


def predict(design: Design, weights: Sequence[np.ndarray], codes: np.ndarray) -> np.ndarray:
    """Return what the Keras model with these weights predicts, float32 (rows, genes)."""
    flat = np.concatenate([w.ravel() for w in weights])
    # Rows of one code get one prediction, to the last bit, wherever they stand.
    distinct, place = np.unique(codes, axis=0, return_inverse=True)
    network = _Network(design, flat, np.zeros_like(flat), [w.shape for w in weights], len(distinct))
    with torch.inference_mode():
        return network.outputs(distinct)[place.ravel()]


class _Network:
    """The layers of one design on buffers of one batch size."""

    def __init__(
        self,
        design: Design,
        flat: np.ndarray,
        gradient: np.ndarray,
        shapes: list[tuple],
        batch: int,
        *,
        absolute: bool = False,
    ) -> None:
        weights = _parts(flat, gradient, shapes)
        self._absolute = absolute
        steps, size = len(design.features), EMBEDDING
        # The tables come first and lie side by side: one array (features, rows, size).
        tables = (steps, *weights[0][0].n.shape)
        self._tables, self._d_tables = (f[: np.prod(tables)].reshape(tables) for f in (flat, gradient))
        rest = iter(weights[steps:])
        self._embedded, self._core = _core(design, batch, steps, size, rest)
        top = self._core[-1]
        last = isinstance(top, Recurrent)
        rows = slice(-batch, None) if last else slice(None)
        hidden, self._d_hidden = top.y[rows], top.dy[rows]
        activation = _ACTIVATIONS[PUBLISHED[design.architecture].activation]
        self._dense = Dense(hidden, rest, activation)
        (self._w, self._dw), (self._b, self._db) = next(rest), next(rest)
        self._masked, self._d_masked = (Buffer.zeros(batch, design.dense) for _ in "xy")
        self._y = Buffer.zeros(batch, design.genes)
        by_example = design.architecture == "Autoencoder"
        shape = (batch, steps, size) if by_example else (steps, batch, size)
        self._sequence, self._d_sequence = (
            b.n.reshape(shape).swapaxes(0, 1) if by_example else b.n.reshape(shape)
            for b in (self._embedded, self._core[0].dx)
        )

    def outputs(self, codes: np.ndarray) -> np.ndarray:
        """Return the outputs for ``codes``, of as many rows as the buffers hold."""
        self._forward(codes, np.arange(len(codes), dtype=np.int32))
        return self._y.n + self._b.n

    def _forward(self, codes: np.ndarray, rows: np.ndarray, mask: np.ndarray | None = None) -> None:
        """Fill the outputs, but for their bias."""
        k.gather_tables(self._tables, codes, rows, self._sequence)
        for layer in (*self._core, self._dense):
            layer.forward()
        if mask is None:
            self._masked.n[:] = self._dense.y.n
        else:
            np.multiply(self._dense.y.n, mask, out=self._masked.n)
        torch.mm(self._masked.t, self._w.t, out=self._y.t)

    def loss(
        self,
        codes: np.ndarray,
        targets: np.ndarray,
        rows: np.ndarray,
        share: np.ndarray,
        mask: np.ndarray | None = None,
    ) -> float:
        """Weighted loss of ``rows``; leaves its gradient at the output in a buffer."""
        self._forward(codes, rows, mask)
        return k.row_loss(self._y.n, self._b.n, targets, rows, share, self._absolute)

    def gradients(
        self, codes: np.ndarray, targets: np.ndarray, rows: np.ndarray, share: np.ndarray, mask: np.ndarray
    ) -> float:
        """Loss of a minibatch; fills the gradient of every weight."""
        value = self.loss(codes, targets, rows, share, mask)
        k.column_sums(self._y.n, self._db.n)
        torch.mm(self._masked.tt, self._y.t, out=self._dw.t)
        torch.mm(self._y.t, self._w.tt, out=self._d_masked.t)
        np.multiply(self._d_masked.n, mask, out=self._dense.dy.n)
        self._dense.backward()
        self._d_hidden.n[:] = self._dense.dx.n
        for i in range(len(self._core) - 1, -1, -1):
            self._core[i].backward()
            if i:
                self._core[i - 1].dy.n[:] = self._core[i].dx.n
        k.scatter_tables(self._d_sequence, codes, rows, self._d_tables)
        return value


def _parts(flat: np.ndarray, gradient: np.ndarray, shapes: list[tuple]) -> list[tuple[Buffer, Buffer]]:
    """Cut out views of every weight and its gradient, in the order of the Keras model's variables."""
    parts, start = [], 0
    for shape in shapes:
        stop = start + int(np.prod(shape))
        parts.append((Buffer(flat[start:stop].reshape(shape)), Buffer(gradient[start:stop].reshape(shape))))
        start = stop
    return parts


def _core(design: Design, batch: int, steps: int, size: int, weights: Any) -> tuple[Buffer, list]:
    """Buffer of the embedded features and the layers between it and the last hidden layer."""
    published = PUBLISHED[design.architecture]
    if design.architecture == "Autoencoder":
        x = embedded = Buffer.zeros(batch, steps * size)
        layers: list = []
        for _ in published.units:
            layers.append(Dense(x, weights, k.RELU))
            x = layers[-1].y
        return embedded, layers
    x = embedded = Buffer.zeros(steps * batch, size)
    if design.architecture == "Transformer":
        return embedded, [TransformerBlock(x, batch, published.units[0], weights)]
    pooled = design.architecture == "GRU3-ATTN"
    layers = []
    for i in range(len(design.recurrent_units)):
        sequence = pooled or i < len(design.recurrent_units) - 1
        layers.append(Recurrent(x, batch, weights, lstm=design.architecture == "LSTM", sequence=sequence))
        x = layers[-1].y
    return embedded, [*layers, MeanAndLast(x, batch, attends=design.attention == "dot")] if pooled else layers
