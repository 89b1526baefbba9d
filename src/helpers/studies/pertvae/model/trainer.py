"""Many fits as one: a batched trainer in which every model has its own data, order, noise and end.

All models of a batch advance in step, minibatch by minibatch. A model that has finished leaves the batch.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from helpers.studies.pertvae.model.bound import Batch, Objective, training_loss, validation_loss
from helpers.studies.pertvae.model.networks import (
    Architecture,
    Networks,
    Weights,
    stack,
    start_from_data,
    take,
)

#: Why a fit ended.
STATUS = {0: "all epochs done", 1: "early stopping", 2: "loss not finite"}
#: Draws of the validation loss; their noise is fixed, so that epochs are comparable.
VALIDATION_DRAWS = 4


@dataclass(frozen=True)
class Schedule:
    """What all models of a batch share besides sizes; see :class:`PertVAE` for the meaning."""

    learning_rate: float
    batch_size: int
    epochs: int
    first_stop: int
    patience: int
    weight_norm: str
    watch: str
    objective: Objective


@dataclass(frozen=True, eq=False)
class Task:
    """Everything that one fit needs.

    Attributes
    ----------
    pre, post : float32 arrays (pairs, genes)
    singletons : float32 array (profiles, genes)
    weight : array (pairs + profiles,) or None
        Probability of an example, drawn with replacement; None passes through all in random order.
    validation : (x, target), float32 arrays (rows, genes)
    latent : int
    l2 : float
    seed : int
    """

    arch: Architecture
    schedule: Schedule
    pre: np.ndarray
    post: np.ndarray
    singletons: np.ndarray
    weight: np.ndarray | None
    validation: tuple[np.ndarray, np.ndarray]
    latent: int
    l2: float
    seed: int


@dataclass(frozen=True, eq=False)
class Fitted:
    """Best state of a fit.

    Attributes
    ----------
    weights : dict of tensors (1, outputs, inputs), on the CPU
    best_epoch : int
        Epoch of the lowest validation loss; 0 is the start.
    history : array (epochs, 3): epoch, mean training loss, validation loss, nats an example
    status : int, key of :data:`STATUS`
    """

    weights: Weights
    best_epoch: int
    history: np.ndarray
    status: int


@dataclass(eq=False)
class _Progress:
    """What the trainer keeps of one model."""

    task: Task
    order_rng: np.random.Generator
    noise_rng: np.random.Generator
    validation_rng: np.random.Generator
    best: Weights = field(default_factory=dict)
    parts: list[np.ndarray] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    history: list[tuple[float, float, float]] = field(default_factory=list)
    best_loss: float = np.inf
    best_epoch: int = 0
    status: int | None = None

    @property
    def n_pairs(self) -> int:
        return len(self.task.pre)

    def next_part(self) -> np.ndarray:
        """Examples of the next minibatch, pairs first; a new epoch begins where the last one is used up."""
        if not self.parts:
            n = self.n_pairs + len(self.task.singletons)
            if self.task.weight is None:
                order = self.order_rng.permutation(n)
            else:
                order = self.order_rng.choice(n, size=n, p=self.task.weight)
            count = -(-n // self.task.schedule.batch_size)
            self.parts = np.array_split(order, count)
            self.losses = []
        return np.sort(self.parts.pop(0))

    def result(self) -> Fitted:
        history = np.array(self.history, dtype=float).reshape(-1, 3)
        return Fitted(self.best, self.best_epoch, history, int(self.status or 0))


def fit_batch(tasks: list[Task], device: str = "cpu") -> list[Fitted]:
    """Train all ``tasks`` together; they must share architecture and schedule.

    Returns
    -------
    list of Fitted
        In the order of ``tasks``; equal to separate fits up to rounding.
    """
    return _Trainer(tasks, torch.device(device)).run()


class _Trainer:
    def __init__(self, tasks: list[Task], device: torch.device) -> None:
        self.arch, self.schedule = tasks[0].arch, tasks[0].schedule
        self.device = device
        self.models = []
        starts = []
        for task in tasks:
            seeds = np.random.SeedSequence(task.seed).spawn(4)
            start, *others = (np.random.default_rng(s) for s in seeds)
            progress = _Progress(task, *others)
            progress.best = self._start(progress, start)
            starts.append(progress.best)
            self.models.append(progress)
        self.everyone = list(self.models)
        self.widest = max(t.latent for t in tasks)
        self.data = self._stack([np.concatenate([t.pre, t.singletons, t.post]) for t in tasks])
        self.watched = [self._stack([t.validation[k] for t in tasks]) for k in (0, 1)]
        self.watched_rows = self._stack([np.ones((len(t.validation[0]), 1), np.float32) for t in tasks])[
            ..., 0
        ]
        self.watched_noise = self._validation_noise()
        self.l2 = torch.tensor([t.l2 for t in tasks], dtype=torch.float32, device=self.device)
        self._train(stack(self.arch, starts, [t.latent for t in tasks]))

    def _start(self, progress: _Progress, rng: np.random.Generator) -> Weights:
        task = progress.task
        weights = self.arch.draw(task.latent, rng)
        if self.schedule.weight_norm == "data":
            # The first minibatch that training will see, both profiles of its pairs.
            part = progress.next_part()
            progress.parts.insert(0, part)
            n_pairs = progress.n_pairs
            pairs, single = part[part < n_pairs], part[part >= n_pairs] - n_pairs
            x = np.concatenate([task.pre[pairs], task.post[pairs], task.singletons[single]])
            noise = rng.standard_normal((1, len(x), task.latent), dtype=np.float32)
            weights = start_from_data(
                self.arch, weights, task.latent, torch.from_numpy(x)[None], torch.from_numpy(noise)
            )
        return weights

    def _train(self, weights: Weights) -> None:
        """Take ``weights`` as the parameters from here on."""
        self.weights = {n: w.to(self.device).requires_grad_(True) for n, w in weights.items()}
        latents = [m.task.latent for m in self.models]
        self.networks = Networks(self.arch, self.weights, latents, self.widest)
        # The fused form passes once over parameters, gradients and moments: memory is what it waits for.
        self.optimiser = torch.optim.Adam(self.weights.values(), lr=self.schedule.learning_rate, fused=True)

    def _tensor(self, array: np.ndarray) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(self.device)

    def _stack(self, arrays: list[np.ndarray]) -> Tensor:
        rows = max(len(a) for a in arrays)
        out = np.zeros((len(arrays), rows, arrays[0].shape[1]), np.float32)
        for i, array in enumerate(arrays):
            out[i, : len(array)] = array
        return self._tensor(out)

    def _validation_noise(self) -> Tensor:
        """Noise (2, draws, models, rows, latent) for z1 and z2 of the validation rows."""
        rows = self.watched[0].shape[1]
        noise = np.zeros((2, VALIDATION_DRAWS, len(self.models), rows, self.widest), np.float32)
        for i, model in enumerate(self.models):
            shape = (2, VALIDATION_DRAWS, len(model.task.validation[0]), model.task.latent)
            drawn = model.validation_rng.standard_normal(shape, dtype=np.float32)
            noise[:, :, i, : shape[2], : shape[3]] = drawn
        return self._tensor(noise)

    def run(self) -> list[Fitted]:
        while self.models:
            loss = self._step()
            self._watch(loss)
            self._drop_finished()
        return [m.result() for m in self.everyone]

    def _step(self) -> np.ndarray:
        """Update every model by one minibatch and return the losses before the update."""
        loss = training_loss(self.networks, self._next_batch(), self.schedule.objective, self.l2)
        # A minibatch without a pair does not reach the drug effect: its gradient is zero then.
        gradients = torch.autograd.grad(
            loss.sum(), list(self.weights.values()), allow_unused=True, materialize_grads=True
        )
        for parameter, gradient in zip(self.weights.values(), gradients, strict=True):
            parameter.grad = gradient
        self.optimiser.step()
        # The next step writes its gradients over these.
        for name in self.networks.unmasked:
            self.networks.scratch[name] = self.weights[f"{name}.v"].grad
        return loss.detach().cpu().numpy()

    def _next_batch(self) -> Batch:
        parts = [m.next_part() for m in self.models]
        pairs = [int((p < m.n_pairs).sum()) for p, m in zip(parts, self.models, strict=True)]
        n, p, widest = max(map(len, parts)), max(pairs), self.widest
        rows = np.zeros((len(parts), n + p), np.int64)
        examples, of_pairs = np.zeros((len(parts), n), np.float32), np.zeros((len(parts), p), np.float32)
        noise = np.zeros((len(parts), n + p, widest), np.float32)
        extra = np.zeros((len(parts), p, widest), np.float32)
        draws_twice = self.schedule.objective.post_code == "pre" or self.schedule.objective.later_code_terms
        for i, (part, count, model) in enumerate(zip(parts, pairs, self.models, strict=True)):
            rows[i, : len(part)] = part
            rows[i, n : n + count] = part[:count] + model.n_pairs + len(model.task.singletons)
            examples[i, : len(part)], of_pairs[i, :count] = 1, 1
            latent = model.task.latent
            noise[i, : len(part), :latent] = _normal(model.noise_rng, len(part), latent)
            noise[i, n : n + count, :latent] = _normal(model.noise_rng, count, latent)
            if draws_twice:
                extra[i, :count, :latent] = _normal(model.noise_rng, count, latent)
        at = torch.arange(len(parts), device=self.device)[:, None]
        x = self.data[at, self._tensor(rows)]
        return Batch(x, *(self._tensor(a) for a in (examples, of_pairs, noise, extra)))

    def _watch(self, loss: np.ndarray) -> None:
        """Note the losses; at the end of its epoch, judge a model by its validation loss."""
        due = []
        for i, model in enumerate(self.models):
            model.losses.append(float(loss[i]))
            if not np.isfinite(loss[i]):
                model.status = 2
            elif not model.parts:
                due.append(i)
        if not due:
            return
        watch = self.schedule.watch
        validation = validation_loss(
            self.networks, *self.watched, self.watched_rows, self.watched_noise, watch
        )
        for i in due:
            self._judge(i, float(validation[i]))

    def _judge(self, i: int, value: float) -> None:
        model, schedule = self.models[i], self.schedule
        epoch = len(model.history) + 1
        model.history.append((epoch, float(np.mean(model.losses)), value))
        if not np.isfinite(value):
            model.status = 2
            return
        if value < model.best_loss:
            model.best_loss, model.best_epoch = value, epoch
            latent = model.task.latent
            model.best = {
                n: w.cpu() for n, w in take(self.arch, self.weights, i, latent, self.widest).items()
            }
        if epoch >= schedule.epochs:
            model.status = 0
        elif epoch >= schedule.first_stop and epoch - model.best_epoch >= schedule.patience:
            model.status = 1

    def _drop_finished(self) -> None:
        keep = [i for i, m in enumerate(self.models) if m.status is None]
        if len(keep) == len(self.models):
            return
        self.models = [self.models[i] for i in keep]
        if not keep:
            return
        moments = [self.optimiser.state[p] for p in self.weights.values()]
        self.data, self.l2, self.watched_rows = self.data[keep], self.l2[keep], self.watched_rows[keep]
        self.watched = [w[keep] for w in self.watched]
        self.watched_noise = self.watched_noise[:, :, keep]
        self._train({n: w.detach()[keep] for n, w in self.weights.items()})
        for parameter, state in zip(self.weights.values(), moments, strict=True):
            kept = {name: state[name][keep] for name in ("exp_avg", "exp_avg_sq")}
            self.optimiser.state[parameter] = {"step": state["step"], **kept}


def _normal(rng: np.random.Generator, rows: int, latent: int) -> np.ndarray:
    return rng.standard_normal((rows, latent), dtype=np.float32)
