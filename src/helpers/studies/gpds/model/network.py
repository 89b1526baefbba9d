"""The network, and the training of many of them on one model axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from helpers.checks import refuse
from helpers.training.adam import Adam
from helpers.training.fit import AtEpochs, fit
from helpers.training.layers import dense, dense_start, own_part
from helpers.training.rows import Minibatches, Tables

ACTIVATIONS = {"tanh": torch.tanh_, "relu": torch.relu_}


@dataclass(frozen=True, eq=False)
class Task:
    """One training run.

    Attributes
    ----------
    x : array (n, genes), float32
        Inputs; tasks that share the same array object share its memory.
    y : array (n,), float32
    hidden : tuple of int
    activation : {"tanh", "relu"}
    lr, weight_decay : float
        Of Adam; the decay is added to the gradient.
    batch : int
        Rows of a minibatch; the last of an epoch may be smaller.
    checkpoints : tuple of int
        Epochs after which the network is kept, ascending; training ends with the last.
    seed : int
        Of the start values and the order of the rows.
    """

    x: np.ndarray
    y: np.ndarray
    hidden: tuple[int, ...]
    activation: str
    lr: float
    weight_decay: float
    batch: int
    checkpoints: tuple[int, ...]
    seed: int

    @property
    def widths(self) -> tuple[int, ...]:
        """Genes, hidden units of each layer, and the one output."""
        return (self.x.shape[1], *self.hidden, 1)

    @property
    def steps(self) -> int:
        """Minibatches of an epoch."""
        return -(-len(self.y) // self.batch)


@dataclass(frozen=True, eq=False)
class Network:
    """A trained network: hidden layers ``act(x W + b)``, then a linear one.

    Attributes
    ----------
    weights, biases : tuple of float32 array
        One a layer, shapes (inputs, outputs) and (outputs,); the last layer has one output.
    activation : {"tanh", "relu"}
    losses : array (epochs,)
        Mean squared error over the minibatches of each epoch.
    diverged : bool
        The loss became NaN or infinite; training stopped there and the weights mean nothing.
    """

    weights: tuple[np.ndarray, ...]
    biases: tuple[np.ndarray, ...]
    activation: str
    losses: np.ndarray
    diverged: bool

    def check_inputs(self, x: np.ndarray) -> None:
        """Refuse what is no table of numbers with the genes of the first layer; its values are not looked at.

        Raises
        ------
        DataError
        """
        genes, found = len(self.weights[0]), np.shape(x)
        if len(found) != 2 or found[1] != genes or not found[0] or np.asarray(x).dtype.kind not in "fiub":
            refuse("network", f"needs a table of numbers, rows x {genes} genes; got shape {found}")

    def hidden(self, x: np.ndarray) -> list[np.ndarray]:
        """Activations of the hidden layers, each (n, units)."""
        return self.after(np.asarray(x, np.float32) @ self.weights[0] + self.biases[0])

    def after(self, sums: np.ndarray) -> list[np.ndarray]:
        """Activations of the hidden layers, from the sums of the first one, (n, units)."""
        found = [self._activate(sums)]
        for weight, bias in zip(self.weights[1:-1], self.biases[1:-1], strict=True):
            found.append(self._activate(found[-1] @ weight + bias))
        return found

    def predict(self, x: np.ndarray) -> np.ndarray:
        """Output, (n,) float64; NaN throughout if training diverged."""
        self.check_inputs(x)
        if self.diverged:
            return np.full(len(x), np.nan)
        return (self.hidden(x)[-1] @ self.weights[-1] + self.biases[-1])[:, 0].astype(float)

    def _activate(self, x: np.ndarray) -> np.ndarray:
        return np.tanh(x) if self.activation == "tanh" else np.maximum(x, 0)


def rhythm(task: Task) -> tuple:
    """Return what tasks must share to be trained as one batch."""
    return len(task.hidden), task.activation, task.batch, task.checkpoints[-1]


def train(tasks: Sequence[Task], device: str = "cpu") -> list[list[Network]]:
    """Train all tasks together: PyTorch's start values, Adam on the mean squared error of minibatches.

    All tasks must have the same number of layers, activation, batch size and last checkpoint
    (:func:`rhythm`).

    Returns
    -------
    list of list of Network
        For each task, one network a checkpoint.
    """
    # Neighbours with the same rate, decay and number of minibatches share a call of Adam.
    order = sorted(range(len(tasks)), key=lambda i: (tasks[i].lr, tasks[i].weight_decay, tasks[i].steps))
    tasks = [tasks[i] for i in order]
    generators = [torch.Generator().manual_seed(task.seed) for task in tasks]
    parameters = dense_start([task.widths for task in tasks], generators, device)
    x, y = Tables([task.x for task in tasks], device), Tables([task.y[:, None] for task in tasks], device)
    activate = ACTIVATIONS[tasks[0].activation]

    def loss(rows: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        values = x.take(rows)
        for layer in range(0, len(parameters) - 2, 2):
            values = activate(dense(values, *parameters[layer : layer + 2]))
        return (weight[..., None] * (dense(values, *parameters[-2:]) - y.take(rows)) ** 2).sum(dim=(1, 2))

    minibatches = Minibatches([len(task.y) for task in tasks], tasks[0].batch, generators, device)
    rates, decays = [task.lr for task in tasks], [task.weight_decay for task in tasks]
    adam = Adam(parameters, rates, decays, minibatches.steps)
    keep = AtEpochs({epoch for task in tasks for epoch in task.checkpoints})
    losses, diverged = fit(parameters, loss, minibatches, adam, keep)

    def network(i: int, epoch: int) -> Network:
        # Training that ended early, since every network diverged, has no state at later epochs.
        parts = own_part(keep.states.get(epoch, parameters), i, tasks[i].widths)
        weights, biases = tuple(parts[::2]), tuple(parts[1::2])
        lost = bool(diverged[i, :epoch][-1])
        return Network(weights, biases, tasks[i].activation, losses[i, :epoch].copy(), lost)

    found: list[list[Network]] = [[] for _ in tasks]
    for place, i in enumerate(order):
        found[i] = [network(place, epoch) for epoch in tasks[place].checkpoints]
    return found
