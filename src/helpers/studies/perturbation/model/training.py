"""One fit as plain arrays, and what an engine that trains a group of fits has to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from helpers.studies.perturbation.model.architectures import Design
from helpers.studies.perturbation.model.published import VOCABULARY

#: Adam as Keras has it by default.
BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-7
LOSSES = ("mse", "mae", "huber", "row-rmse")

# Rows are padded to multiples, so that groups of nearly equal size share one graph.
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


def padded(arrays: list[np.ndarray]) -> np.ndarray:
    """Stack arrays of unequal length on a model axis, filled up with zeros to a round length."""
    length = -(-max(len(a) for a in arrays) // _ROWS) * _ROWS
    out = np.zeros((len(arrays), length, *arrays[0].shape[1:]), arrays[0].dtype)
    for row, array in zip(out, arrays, strict=True):
        row[: len(array)] = array
    return out


def trained_part(weight: np.ndarray, design: Design) -> np.ndarray:
    """Rows of an embedding table that codes can name; other weights as they are."""
    is_table = weight.shape == (VOCABULARY, design.embedding)
    return weight[: design.vocabulary] if is_table else weight
