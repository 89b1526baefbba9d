"""Training of many two-layer networks at once, on one model axis.

Smaller networks and tables are padded with zeros: a unit without weights, or a gene without values, has
a gradient of exactly zero, so padding changes no number but the order of sums.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.optim.adam import adam

from helpers.training.guards import flushed_denormals

ACTIVATIONS = ("tanh", "relu")
_ADAM = {"beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "amsgrad": False, "maximize": False, "fused": True}


@dataclass(frozen=True, eq=False)
class Task:
    """One training run.

    Attributes
    ----------
    x : array (n, genes), float32
        Inputs; tasks that share the same array object share its memory.
    y : array (n,), float32
    hidden : (int, int)
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
    hidden: tuple[int, int]
    activation: str
    lr: float
    weight_decay: float
    batch: int
    checkpoints: tuple[int, ...]
    seed: int


@dataclass(frozen=True, eq=False)
class Network:
    """A trained network: ``act(act(x W1 + b1) W2 + b2) w3 + b3``.

    Attributes
    ----------
    w1, b1, w2, b2, w3, b3 : float32 arrays
        Shapes (genes, h1), (h1,), (h1, h2), (h2,), (h2,), ().
    activation : {"tanh", "relu"}
    losses : array (epochs,)
        Mean squared error over the minibatches of each epoch.
    diverged : bool
        The loss became NaN or infinite; training stopped there and the weights mean nothing.
    """

    w1: np.ndarray
    b1: np.ndarray
    w2: np.ndarray
    b2: np.ndarray
    w3: np.ndarray
    b3: np.ndarray
    activation: str
    losses: np.ndarray
    diverged: bool

    def hidden(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Activations of both hidden layers, (n, h1) and (n, h2)."""
        act = np.tanh if self.activation == "tanh" else _relu
        first = act(np.asarray(x, np.float32) @ self.w1 + self.b1)
        return first, act(first @ self.w2 + self.b2)

    def predict(self, x: np.ndarray) -> np.ndarray:
        """Output, (n,) float64; NaN throughout if training diverged."""
        if self.diverged:
            return np.full(len(x), np.nan)
        return (self.hidden(x)[1] @ self.w3 + self.b3).astype(float)


def initial_weights(genes: int, hidden: tuple[int, int], generator: torch.Generator) -> list[torch.Tensor]:
    """Start values of three ``torch.nn.Linear`` layers, drawn in their order.

    Weights and biases are uniform within one over the square root of the layer's inputs. Weights have
    shape (inputs, outputs), the transpose of ``nn.Linear``.
    """
    weights = []
    for inputs, outputs in ((genes, hidden[0]), hidden, (hidden[1], 1)):
        bound = 1 / np.sqrt(inputs)
        weights.append(torch.empty(outputs, inputs).uniform_(-bound, bound, generator=generator).T)
        weights.append(torch.empty(1, outputs).uniform_(-bound, bound, generator=generator))
    return weights


def train(tasks: Sequence[Task], device: str = "cpu") -> list[list[Network]]:
    """Train all tasks together: Adam on the mean squared error of minibatches.

    All tasks must have the same activation, batch size, number of minibatches an epoch and last
    checkpoint (:func:`rhythm`).

    Returns
    -------
    list of list of Network
        For each task, one network a checkpoint.
    """
    order = sorted(range(len(tasks)), key=lambda i: (tasks[i].lr, tasks[i].weight_decay))
    with flushed_denormals():
        trained = _Batch([tasks[i] for i in order], torch.device(device)).run()
    results: list[list[Network]] = [[] for _ in tasks]
    for i, networks in zip(order, trained, strict=True):
        results[i] = networks
    return results


def rhythm(task: Task) -> tuple:
    """Return what tasks must share to be trained as one batch."""
    return task.activation, task.batch, -(-len(task.y) // task.batch), task.checkpoints[-1]


class _Batch:
    def __init__(self, tasks: list[Task], device: torch.device) -> None:
        self.tasks, self.device = tasks, device
        self.batch = tasks[0].batch
        self.steps = -(-len(tasks[0].y) // self.batch)
        self.tanh = tasks[0].activation == "tanh"
        self.generators = [torch.Generator().manual_seed(task.seed) for task in tasks]
        self.genes = max(task.x.shape[1] for task in tasks)
        self.width = tuple(max(task.hidden[layer] for task in tasks) for layer in (0, 1))
        self._stack_inputs()
        self._start()

    def _stack_inputs(self) -> None:
        """Put the distinct tables below each other and remember where each task's rows start."""
        tables = {id(task.x): task.x for task in self.tasks}
        offset, start = {}, 0
        for key, x in tables.items():
            offset[key] = start
            start += len(x)
        stacked = np.zeros((start, self.genes), np.float32)
        for key, x in tables.items():
            stacked[offset[key] : offset[key] + len(x), : x.shape[1]] = x
        self.x = torch.from_numpy(stacked).to(self.device)
        self.offset = [offset[id(task.x)] for task in self.tasks]
        rows = max(len(task.y) for task in self.tasks)
        y = np.zeros((len(self.tasks), rows), np.float32)
        for i, task in enumerate(self.tasks):
            y[i, : len(task.y)] = task.y
        self.y = torch.from_numpy(y)
        # Weight of a row in the mean of its minibatch; rows that fill up the last one have weight 0.
        place = np.arange(self.steps * self.batch)
        size = np.array([len(task.y) for task in self.tasks])[:, None]
        in_batch = np.minimum(size - place // self.batch * self.batch, self.batch)
        self.weight = torch.from_numpy(np.where(place < size, 1 / np.maximum(in_batch, 1), 0)).float()
        self.weight = self.weight.to(self.device)

    def _start(self) -> None:
        h1, h2 = self.width
        shapes = ((self.genes, h1), (1, h1), (h1, h2), (1, h2), (h2, 1), (1, 1))
        values = [torch.zeros(len(self.tasks), *shape) for shape in shapes]
        for i, task in enumerate(self.tasks):
            parts = initial_weights(task.x.shape[1], task.hidden, self.generators[i])
            for value, part in zip(values, parts, strict=True):
                value[i, : part.shape[0], : part.shape[1]] = part
        self.values = [value.to(self.device) for value in values]
        self.gradients = [torch.zeros_like(value) for value in self.values]
        self.adam = self._optimiser()

    def _optimiser(self) -> list[tuple[list[list[torch.Tensor]], dict[str, float]]]:
        """State of Adam over slices of the model axis, one a learning rate and decay (tasks are sorted)."""
        settings = [(task.lr, task.weight_decay) for task in self.tasks]
        groups = []
        for lr, decay in dict.fromkeys(settings):
            first = settings.index((lr, decay))
            part = slice(first, first + settings.count((lr, decay)))
            values = [value[part] for value in self.values]
            moments = [[torch.zeros_like(value) for value in values] for _ in range(2)]
            steps = [torch.zeros((), device=self.device) for _ in values]
            gradients = [gradient[part] for gradient in self.gradients]
            groups.append(([values, gradients, *moments, [], steps], {"lr": lr, "weight_decay": decay}))
        return groups

    def run(self) -> list[list[Network]]:
        stops = sorted({epoch for task in self.tasks for epoch in task.checkpoints})
        kept: list[list[Network]] = [[] for _ in self.tasks]
        losses = []
        finite = np.ones(len(self.tasks), bool)
        for epoch in range(1, stops[-1] + 1):
            losses.append(self._epoch())
            finite &= np.isfinite(losses[-1])
            if epoch in stops or not finite.any():
                history = np.stack(losses, axis=1)
                for i, task in enumerate(self.tasks):
                    due = (
                        task.checkpoints.count(epoch)
                        if finite.any()
                        else len(task.checkpoints) - len(kept[i])
                    )
                    kept[i] += [self._network(i, history[i], not finite[i])] * due
            if not finite.any():
                break
        return kept

    @torch.no_grad()
    def _epoch(self) -> np.ndarray:
        """Pass over the data once; return the mean loss of each model."""
        rows = np.zeros((len(self.tasks), self.steps * self.batch), np.int64)
        for i, task in enumerate(self.tasks):
            rows[i, : len(task.y)] = torch.randperm(len(task.y), generator=self.generators[i]).numpy()
        order = torch.from_numpy(rows)
        y = torch.gather(self.y, 1, order).to(self.device)
        order = (order + torch.tensor(self.offset)[:, None]).to(self.device)
        total = torch.zeros(len(self.tasks), device=self.device)
        for start in range(0, order.shape[1], self.batch):
            part = slice(start, start + self.batch)
            total += self._step(order[:, part], y[:, part, None], self.weight[:, part, None])
        return (total / self.steps).cpu().numpy()

    def _step(self, rows: torch.Tensor, y: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        """Forward, backward by hand, Adam."""
        w1, b1, w2, b2, w3, b3 = self.values
        x = self.x.index_select(0, rows.reshape(-1)).view(*rows.shape, self.genes)
        first = self._activate(torch.baddbmm(b1, x, w1))
        second = self._activate(torch.baddbmm(b2, first, w2))
        error = torch.baddbmm(b3, second, w3).sub_(y)
        up = error * weight
        loss = (up * error).sum(dim=(1, 2))
        up.mul_(2)
        below = self._backward(second, torch.bmm(up, w3.mT))
        lowest = self._backward(first, torch.bmm(below, w2.mT))
        for layer, (inputs, outputs) in enumerate(((x, lowest), (first, below), (second, up))):
            torch.bmm(inputs.mT, outputs, out=self.gradients[2 * layer])
            torch.sum(outputs, dim=1, keepdim=True, out=self.gradients[2 * layer + 1])
        for state, rates in self.adam:
            # The function, not the class: creating the class imports a compiler that takes seconds.
            adam(*state, **rates, **_ADAM)
        return loss

    def _activate(self, a: torch.Tensor) -> torch.Tensor:
        return a.tanh_() if self.tanh else a.relu_()

    def _backward(self, output: torch.Tensor, gradient: torch.Tensor) -> torch.Tensor:
        if self.tanh:
            return gradient.addcmul_(gradient, output * output, value=-1)
        return gradient.mul_(output > 0)

    def _network(self, i: int, losses: np.ndarray, diverged: bool) -> Network:
        h1, h2 = self.tasks[i].hidden
        genes = self.tasks[i].x.shape[1]
        w1, b1, w2, b2, w3, b3 = (value[i].cpu().numpy() for value in self.values)
        return Network(
            w1[:genes, :h1].copy(),
            b1[0, :h1].copy(),
            w2[:h1, :h2].copy(),
            b2[0, :h2].copy(),
            w3[:h2, 0].copy(),
            b3[0, 0].copy(),
            self.tasks[i].activation,
            losses.copy(),
            diverged,
        )


def _relu(x: np.ndarray) -> np.ndarray:
    return np.maximum(x, 0)
