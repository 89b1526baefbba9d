"""The loop of training: K models advance together, and each keeps the states that are asked for."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

import numpy as np
import torch

from helpers.training.adam import Adam
from helpers.training.guards import flushed_denormals
from helpers.training.rows import Minibatches

#: ``loss(rows, weight)``: the loss of each model on its minibatch, (K,); see :class:`Minibatches`.
Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


class AtEpochs:
    """Keep all models at certain epochs; training ends with the last.

    Parameters
    ----------
    epochs : collection of int

    Attributes
    ----------
    states : dict of int to list of tensor
        Parameters of all models by epoch.
    """

    def __init__(self, epochs: Collection[int]) -> None:
        self.epochs = set(epochs)
        self.states: dict[int, list[torch.Tensor]] = {}

    def after(self, epoch: int, parameters: Sequence[torch.Tensor], running: np.ndarray) -> np.ndarray:
        """Say which of the running models go on, arrays (K,) of bool."""
        if epoch in self.epochs:
            self.states[epoch] = [parameter.detach().clone() for parameter in parameters]
        return running & (epoch < max(self.epochs))


class BestOnValidation:
    """Keep each model where its validation loss is lowest; it is done after ``patience`` epochs without gain.

    Parameters
    ----------
    loss : callable
        ``loss(parameters)`` gives the validation loss of each model, (K,).
    patience : int
    max_epochs : int

    Attributes
    ----------
    state : list of tensor
        Best parameters of all models.
    epoch : array (K,) of int
        Epoch of the best state; 0 for a model that never had a finite validation loss.
    value : array (K,)
        Its validation loss.
    """

    def __init__(
        self, loss: Callable[[Sequence[torch.Tensor]], torch.Tensor], patience: int, max_epochs: int
    ) -> None:
        self.loss, self.patience, self.max_epochs = loss, patience, max_epochs
        self.state: list[torch.Tensor] = []

    @torch.no_grad()
    def after(self, epoch: int, parameters: Sequence[torch.Tensor], running: np.ndarray) -> np.ndarray:
        """Say which of the running models go on, arrays (K,) of bool."""
        if not self.state:
            self.state = [parameter.detach().clone() for parameter in parameters]
            self.epoch, self.value = np.zeros(len(running), int), np.full(len(running), np.inf)
        found = self.loss(parameters).cpu().numpy()
        better = running & (found < self.value)
        chosen = torch.from_numpy(np.flatnonzero(better)).to(parameters[0].device)
        for kept, parameter in zip(self.state, parameters, strict=True):
            kept[chosen] = parameter.detach()[chosen]
        self.value, self.epoch = np.where(better, found, self.value), np.where(better, epoch, self.epoch)
        return running & (epoch - self.epoch < self.patience) & (epoch < self.max_epochs)


def fit(
    parameters: Sequence[torch.Tensor],
    loss: Loss,
    minibatches: Minibatches,
    adam: Adam,
    keep: AtEpochs | BestOnValidation,
) -> tuple[np.ndarray, np.ndarray]:
    """Train until no model goes on.

    A model whose loss becomes NaN or infinite has diverged: it goes on as it is, without touching the
    others, and training ends early where no sound model is left to train.

    Parameters
    ----------
    parameters : sequence of tensor (K, ...)
        Trained in place.
    loss, minibatches
    adam : Adam
        Of the same parameters.
    keep : AtEpochs or BestOnValidation
        Looks at the models after every epoch, copies what is to be kept, and says who goes on.

    Returns
    -------
    losses : array (K, epochs)
        Mean over the minibatches of an epoch.
    diverged : array (K, epochs) of bool
        Whether a model had diverged by the end of an epoch.
    """
    for parameter in parameters:
        parameter.requires_grad_(True)
    losses: list[np.ndarray] = []
    running = np.ones(len(parameters[0]), bool)
    with flushed_denormals():
        while running.any():
            total = 0.0
            for rows, weight in minibatches:
                each = loss(rows, weight)
                adam.step(torch.autograd.grad(each.sum(), parameters))
                total = total + each.detach()
            losses.append((total / minibatches.steps).cpu().numpy())
            running &= np.isfinite(losses[-1])
            running = keep.after(len(losses), parameters, running)
    history = np.stack(losses, axis=1)
    return history, np.logical_or.accumulate(~np.isfinite(history), axis=1)
