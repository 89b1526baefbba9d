"""Training of the Keras model itself on PyTorch: on a GPU, or on the CPU where Keras runs on torch."""

from __future__ import annotations

import numpy as np
import torch

from helpers.studies.perturbation.model.architectures import build
from helpers.studies.perturbation.model.training import (
    BETA_1,
    BETA_2,
    EPSILON,
    Task,
    Training,
    trained_part,
)


class TorchEngine:
    """See :class:`helpers.studies.perturbation.model.training.Engine`; the device is Keras' own."""

    def __init__(self, training: Training, task: Task) -> None:
        self._training, self._model = training, build(training.design)
        self._fixed = [v.value for v in self._model.non_trainable_variables]
        self._device = self._model.trainable_variables[0].value.device
        starts = [trained_part(w, training.design) for w in task.weights]
        self._weights = [self._tensor(w).requires_grad_() for w in starts]
        self._first, self._second = ([torch.zeros_like(w) for w in self._weights] for _ in range(2))
        self._kept: list[torch.Tensor] = []
        self._codes, self._targets = self._tensor(task.codes), self._tensor(task.targets)
        if task.validation is not None:
            self._held_out = tuple(self._tensor(part) for part in task.validation)
        self._step = 0

    def _tensor(self, array: np.ndarray) -> torch.Tensor:
        return torch.tensor(array, device=self._device)

    def _row_losses(self, codes: torch.Tensor, mask: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Loss of each row; an autoencoder's penalty joins it."""
        outputs = self._model.stateless_call(self._weights, self._fixed, [codes, mask], training=True)[0]
        predicted, *penalty = outputs if isinstance(outputs, list | tuple) else [outputs]
        error = predicted - targets
        value = (error.abs() if self._training.loss == "mae" else error * error).mean(dim=-1)
        return value + penalty[0] if penalty else value

    def train_epoch(self, order: np.ndarray, weight: np.ndarray, mask: np.ndarray) -> float:
        """Train one epoch; its mean loss."""
        rows, share, kept = self._tensor(order).long(), self._tensor(weight), self._tensor(mask)
        total = torch.zeros((), device=self._device)
        with torch.enable_grad():
            for i in range(len(rows)):
                each = self._row_losses(self._codes[rows[i]], kept[i], self._targets[rows[i]])
                value = (each * share[i]).sum()
                self._adam(torch.autograd.grad(value, self._weights))
                total += value.detach()
        # A sum is finite only if every entry is; that costs one pass an epoch.
        with torch.no_grad():
            total = total / len(rows) + sum((w * 0.0).sum() for w in self._weights)
        return float(total)

    @torch.no_grad()
    def _adam(self, gradients: tuple[torch.Tensor, ...]) -> None:
        """One step as Keras takes it: the root is not corrected for its start."""
        self._step += 1
        rate = self._training.learning_rate * (1 - BETA_2**self._step) ** 0.5 / (1 - BETA_1**self._step)
        torch._foreach_lerp_(self._first, gradients, 1 - BETA_1)
        torch._foreach_mul_(self._second, BETA_2)
        torch._foreach_addcmul_(self._second, gradients, gradients, 1 - BETA_2)
        roots = torch._foreach_sqrt(self._second)
        torch._foreach_add_(roots, EPSILON)
        torch._foreach_addcdiv_(self._weights, self._first, roots, -rate)

    @torch.no_grad()
    def validation_loss(self) -> float:
        """Loss on the validation rows."""
        codes, targets = self._held_out
        ones = torch.ones((len(codes), self._training.design.dense), device=self._device)
        return float(self._row_losses(codes, ones, targets).mean())

    def keep(self) -> None:
        """Remember the present weights."""
        self._kept = [w.detach().clone() for w in self._weights]

    def kept(self) -> list[np.ndarray]:
        """Return the remembered weights."""
        return [w.cpu().numpy() for w in self._kept]
