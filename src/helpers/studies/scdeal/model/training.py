"""What the training loops of all stages share: Adam, plateau schedule, best weights by validation loss."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import nn
from torch.optim.lr_scheduler import ReduceLROnPlateau

from helpers.errors import DataError

#: First learning rate of Adam, hard-coded in the public code.
RATE = 0.01
# Training ends once the schedule has lowered the rate to this value: weights cannot move by more than
# rate x steps from there.
_STOP_RATE = 1e-6


class Training:
    """Move parameters by Adam and keep the weights of the best epoch.

    The rate follows PyTorch's ``ReduceLROnPlateau`` with its defaults: it falls to a tenth when the mean
    training loss of an epoch has not improved by 0.01 % for more than 10 epochs.

    Parameters
    ----------
    networks : Module
        Everything whose weights and running statistics belong to the model.
    trained : iterable of Parameter
        What Adam moves.
    first_kept : int
        Epochs before this one cannot be the best.

    Attributes
    ----------
    loss : float
        Validation loss at the best epoch; infinite when no epoch was kept.
    best_epoch, epochs : int
        Epoch of the best weights (-1: the start values), and epochs done.
    """

    def __init__(self, networks: nn.Module, trained: Iterable[nn.Parameter], *, first_kept: int = 0) -> None:
        self.networks, self.first_kept = networks, first_kept
        self.loss, self.best_epoch, self.epochs = float("inf"), -1, 0
        self._optimiser = torch.optim.Adam(trained, lr=RATE, fused=True)
        self._schedule = ReduceLROnPlateau(self._optimiser)
        self._losses: list[torch.Tensor] = []
        self._best = {name: value.clone() for name, value in networks.state_dict().items()}

    @property
    def rate(self) -> float:
        """Learning rate of the next step."""
        return self._optimiser.param_groups[0]["lr"]

    def step(self, loss: torch.Tensor) -> None:
        """Take one step down the gradient of the loss of a batch."""
        self._optimiser.zero_grad()
        loss.backward()
        self._optimiser.step()
        self._losses.append(loss.detach())

    def end_epoch(self, held: torch.Tensor) -> bool:
        """Take the validation loss, keep the weights if they are the best, and lower the rate if need be.

        Returns
        -------
        bool
            Whether training is to end.

        Raises
        ------
        DataError
            If a loss is not finite.
        """
        loss, held_loss = float(torch.stack(self._losses).mean()), float(held)
        if not abs(loss) + abs(held_loss) < float("inf"):
            msg = f"the loss is not finite at epoch {self.epochs}: check the data for extreme values"
            raise DataError(msg)
        kept = self.epochs >= self.first_kept
        if kept and held_loss < self.loss:
            self.loss, self.best_epoch = held_loss, self.epochs
            for name, value in self.networks.state_dict().items():
                self._best[name].copy_(value)
        self._losses.clear()
        self._schedule.step(loss)
        self.epochs += 1
        return kept and self.rate <= _STOP_RATE * (1 + 1e-6)

    def restore_best(self) -> None:
        """Put the weights of the best epoch into the networks, in evaluation mode."""
        self._optimiser.zero_grad()
        self.networks.load_state_dict(self._best)
        self.networks.eval()
