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


def fit(
    parameters: Sequence[torch.Tensor],
    loss: Loss,
    minibatches: Minibatches,
    adam: Adam,
    keep: AtEpochs,
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
        Of the same parameters, with the ``steps`` of the minibatches where models differ in them.
    keep : AtEpochs
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
    steps = torch.tensor(minibatches.steps, device=parameters[0].device)
    with flushed_denormals():
        while running.any():
            total = torch.zeros(len(running), device=parameters[0].device)
            for number, (rows, weight) in enumerate(minibatches):
                each = loss(rows, weight)
                adam.step(torch.autograd.grad(each.sum(), parameters), number)
                total += each.detach().where(number < steps, 0)
            losses.append((total / steps).cpu().numpy())
            running &= np.isfinite(losses[-1])
            running = keep.after(len(losses), parameters, running)
    history = np.stack(losses, axis=1)
    return history, np.logical_or.accumulate(~np.isfinite(history), axis=1)
