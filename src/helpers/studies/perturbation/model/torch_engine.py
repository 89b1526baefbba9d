"""Training on Keras' PyTorch backend: all models of a group through one vectorised call."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import torch

from helpers.studies.perturbation.model.architectures import Design, scratch_model
from helpers.studies.perturbation.model.losses import row_losses
from helpers.studies.perturbation.model.training import (
    BETA_1,
    BETA_2,
    EPSILON,
    Task,
    Training,
    padded,
    trained_part,
)


class TorchEngine:
    """See :class:`helpers.studies.perturbation.model.training.Engine`."""

    def load(self, training: Training, tasks: list[Task]) -> None:
        """Take the data and starting weights of a group."""
        self._training = training
        self._model = scratch_model(training.design)
        self._device = self._model.trainable_variables[0].value.device
        starts = ([trained_part(w, training.design) for w in task.weights] for task in tasks)
        self._weights = [self._tensor(np.stack(w)).requires_grad_() for w in zip(*starts, strict=True)]
        self._first, self._second, self._kept = (
            [torch.zeros_like(w, requires_grad=False) for w in self._weights] for _ in range(3)
        )
        self._data = tuple(self._tensor(padded([getattr(t, n) for t in tasks])) for n in ("codes", "targets"))
        if training.patience is not None:
            self._held_out = tuple(self._tensor(padded([t.validation[i] for t in tasks])) for i in (0, 1))
            ones = [np.ones(len(t.validation[0]), np.float32) / len(t.validation[0]) for t in tasks]
            self._share = self._tensor(padded(ones))
        self._step = 0

    def _tensor(self, array: np.ndarray) -> torch.Tensor:
        return torch.as_tensor(array, device=self._device)

    def _losses(self, inputs: list[torch.Tensor], targets: torch.Tensor, share: torch.Tensor) -> torch.Tensor:
        fixed = [v.value for v in self._model.non_trainable_variables]

        def one(weights: Any, inputs: Any) -> Any:
            return self._model.stateless_call(weights, fixed, inputs, training=True)[0]

        with warnings.catch_warnings():
            # The attention of a few steps is run model by model, which is slower but right.
            warnings.filterwarnings("ignore", message="There is a performance drop")
            outputs = torch.vmap(one)(self._weights, inputs)
        return (row_losses(self._training.loss, outputs, targets) * share).sum(dim=1)

    def train_epoch(
        self, order: np.ndarray, weight: np.ndarray, mask: np.ndarray, noise: np.ndarray | None
    ) -> np.ndarray:
        """Train one epoch; mean loss of each model."""
        drawn = [self._tensor(a) for a in (order, weight, mask, noise) if a is not None]
        codes, targets = self._data
        models = torch.arange(len(codes), device=self._device)[:, None]
        total = torch.zeros(len(codes), device=self._device)
        for i in range(order.shape[1]):
            rows, share, *inputs = (a[:, i] for a in drawn)
            each = self._losses([codes[models, rows], *inputs], targets[models, rows], share)
            # The models share no weight, so the gradient of the sum holds that of every model.
            self._update(torch.autograd.grad(each.sum(), self._weights))
            total += each.detach()
        sums = sum((w.detach() * 0).flatten(1).sum(dim=1) for w in self._weights)
        return (total / order.shape[1] + sums).cpu().numpy()

    @torch.no_grad()
    def _update(self, gradients: tuple[torch.Tensor, ...]) -> None:
        self._step += 1
        rate = self._training.learning_rate
        step_size = rate * np.sqrt(1 - BETA_2**self._step) / (1 - BETA_1**self._step)
        for w, m, v, g in zip(self._weights, self._first, self._second, gradients, strict=True):
            m.lerp_(g, 1 - BETA_1)
            v.mul_(BETA_2).addcmul_(g, g, value=1 - BETA_2)
            w.addcdiv_(m, v.sqrt().add_(EPSILON), value=-step_size)

    @torch.no_grad()
    def validation_loss(self) -> np.ndarray:
        """Loss of each model on its validation rows."""
        codes, targets = self._held_out
        design: Design = self._training.design
        inputs = [codes, torch.ones((*codes.shape[:2], design.dense), device=self._device)]
        if design.latent_noise:
            inputs.append(torch.zeros((*codes.shape[:2], design.latent_noise), device=self._device))
        return self._losses(inputs, targets, self._share).cpu().numpy()

    @torch.no_grad()
    def keep(self, which: np.ndarray) -> None:
        """Remember the present weights of some models."""
        models = self._tensor(which)
        for kept, weight in zip(self._kept, self._weights, strict=True):
            kept[models] = weight[models]

    def kept(self) -> list[np.ndarray]:
        """Return the remembered weights, (models, ...) each."""
        return [w.cpu().numpy() for w in self._kept]
