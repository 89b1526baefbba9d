"""One fit of RefDNN as plain arrays: what both engines take and return."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from helpers.studies.refdnn.model.layout import Layout

#: Why a fit ended; the codes are those of both engines.
STATUS = {
    0: "all steps done",
    1: "early stopping",
    2: "two stored training losses within 1e-5",
    3: "loss not finite",
}


@dataclass(frozen=True)
class Pairs:
    """Pairs of one part of the data.

    Attributes
    ----------
    lines : array (n,), row of the expression matrix
    drugs : array (n,), row of the similarity matrix
    reference : array (n,), the pair's own drug among the reference drugs
    labels : array (n,), float32, 1 = resistant
    """

    lines: np.ndarray
    drugs: np.ndarray
    reference: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Task:
    """Everything that one fit needs; see :class:`RefDNNClassifier` for the meaning of the settings."""

    expression: np.ndarray
    similarity: np.ndarray
    train: Pairs
    validation: Pairs
    window: int
    stream: np.ndarray
    batch: int
    layout: Layout
    initial_encoder: np.ndarray
    initial_network: np.ndarray
    encoder: str
    weights: tuple[float, float]
    lr_ftrl: float
    lr_adam: float
    l1: float
    l2: float
    affine: bool
    evaluate_every: int
    first_evaluation: int
    patience: int

    @property
    def adam_size(self) -> int:
        """How many leading entries of the network vector Adam trains (gamma and beta only if affine)."""
        return self.layout.size if self.affine else self.layout.network_size


@dataclass(frozen=True)
class Fitted:
    """Best checkpoint of a fit.

    Attributes
    ----------
    encoder : array (genes + 1, reference drugs), last row the bias
    network : flat vector, see :class:`Layout`
    moving : array (4, hidden): moving mean and variance of both layers
    steps : int, steps done
    history : array (evaluations, 3): step, loss of that minibatch, validation loss
    status : int, key of :data:`STATUS`
    """

    encoder: np.ndarray
    network: np.ndarray
    moving: np.ndarray
    steps: int
    history: np.ndarray
    status: int


def initial_moving(hidden: int) -> np.ndarray:
    """Return the moving statistics before the first step: means 0, variances 1."""
    moving = np.zeros((4, hidden), dtype=np.float32)
    moving[[1, 3]] = 1
    return moving
