"""The training loop that all four stages share: Adam, plateau schedule, best weights by validation loss."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from helpers.errors import DataError
from helpers.studies.scdeal.model.layers import State


@dataclass(frozen=True)
class Schedule:
    """How long and how fast to train.

    Attributes
    ----------
    epochs : int
        Published: 500.
    rate : float
        First learning rate of Adam; 0.01 is hard-coded in the public code.
    first_kept : int
        Epochs before this one cannot be the best.
    stop_rate : float
        A model ends once the schedule has lowered its rate to this value: it cannot move by more than
        rate x steps from there. 0 trains all epochs.
    """

    epochs: int
    rate: float
    first_kept: int = 0
    stop_rate: float = 0.0


class Plateau:
    """PyTorch's ``ReduceLROnPlateau`` with its defaults, for many models at once.

    The rate falls to a tenth when the loss has not improved by 0.01 % for more than 10 epochs; never by
    a step below 1e-8.
    """

    factor, patience, threshold, smallest_step = 0.1, 10, 1e-4, 1e-8

    def __init__(self, models: int, rate: float) -> None:
        self.rates = np.full(models, rate)
        self._best = np.full(models, np.inf)
        self._bad = np.zeros(models, int)

    def step(self, loss: np.ndarray) -> None:
        """Take the losses of an epoch, array (models,)."""
        better = loss < self._best * (1 - self.threshold)
        self._best = np.where(better, loss, self._best)
        self._bad = np.where(better, 0, self._bad + 1)
        lower = self._bad > self.patience
        self._bad[lower] = 0
        lowered = self.rates * self.factor
        lower &= self.rates - lowered > self.smallest_step
        self.rates = np.where(lower, lowered, self.rates)


@dataclass
class Outcome:
    """What training left.

    Attributes
    ----------
    state : State
        Weights of each model at its own best epoch.
    loss : array (models,)
        Validation loss at that epoch; infinite when no epoch was kept.
    best_epoch, epochs : array (models,) of int
        Epoch of the best weights (-1: the start values), and epochs done.
    """

    state: State
    loss: np.ndarray
    best_epoch: np.ndarray
    epochs: np.ndarray


def train(
    state: State,
    trained: list[str],
    batches: Callable[[], Iterator[Any]],
    training_loss: Callable[[State, Any], torch.Tensor],
    validation_loss: Callable[[State], torch.Tensor],
    schedule: Schedule,
) -> Outcome:
    """Train all models of ``state`` together; it is changed in place.

    Parameters
    ----------
    state : State
    trained : list of str
        Names of the tensors that Adam moves. Running statistics move by themselves.
    batches : function () -> iterator
        Called once an epoch.
    training_loss : function (state, batch) -> tensor (models,)
    validation_loss : function (state) -> tensor (models,)
    schedule : Schedule

    Raises
    ------
    DataError
        If a loss is not finite.
    """
    models = len(next(iter(state.values())))
    optimiser, views = _optimiser(state, trained, schedule.rate)
    plateau = Plateau(models, schedule.rate)
    best = {name: value.detach().clone() for name, value in state.items()}
    best_loss, best_epoch = np.full(models, np.inf), np.full(models, -1)
    epochs = np.zeros(models, int)
    active = np.ones(models, bool)
    for epoch in range(schedule.epochs):
        losses = []
        for batch in batches():
            for name in trained:
                state[name].requires_grad_(True)
            loss = training_loss(state, batch)
            gradients = torch.autograd.grad(loss.sum(), [state[name] for name in trained])
            for name in trained:
                state[name].requires_grad_(False)
            for model in np.flatnonzero(active):
                for view, gradient in zip(views[model], gradients, strict=True):
                    view.grad = gradient[model]
            optimiser.step()
            losses.append(loss.detach())
        with torch.no_grad():
            held = validation_loss(state).cpu().numpy().astype(float)
        trained_loss = torch.stack(losses).mean(dim=0).cpu().numpy().astype(float)
        if not (np.isfinite(trained_loss[active]).all() and np.isfinite(held[active]).all()):
            msg = f"the loss is not finite at epoch {epoch}: lower learning_rate or check the data"
            raise DataError(msg)
        epochs[active] = epoch + 1
        improved = active & (held < best_loss) & (epoch >= schedule.first_kept)
        if improved.any():
            _copy(state, best, improved)
            best_loss = np.where(improved, held, best_loss)
            best_epoch = np.where(improved, epoch, best_epoch)
        plateau.step(trained_loss)
        for group, rate in zip(optimiser.param_groups, plateau.rates, strict=True):
            group["lr"] = rate
        ended = active & (plateau.rates <= schedule.stop_rate * (1 + 1e-6)) & (epoch >= schedule.first_kept)
        for model in np.flatnonzero(ended):
            for view in views[model]:
                view.grad = None
        active &= ~ended
        if not active.any():
            break
    return Outcome(best, best_loss, best_epoch, epochs)


def _optimiser(
    state: State, trained: list[str], rate: float
) -> tuple[torch.optim.Adam, list[list[torch.nn.Parameter]]]:
    """Adam with one parameter group a model; its parameters are views into the shared tensors."""
    models = len(next(iter(state.values())))
    views = [[torch.nn.Parameter(state[name][model]) for name in trained] for model in range(models)]
    groups = [{"params": group, "lr": rate} for group in views]
    return torch.optim.Adam(groups, lr=rate, fused=True), views


def _copy(source: State, target: State, which: np.ndarray) -> None:
    for model in np.flatnonzero(which):
        for name, value in source.items():
            target[name][model] = value[model]
