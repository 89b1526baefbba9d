"""Adam with a learning rate and a weight decay for each model of a stack."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import groupby
from typing import Any

import torch
from torch.optim.adam import adam

_SETTINGS: dict[str, Any] = {
    "beta1": 0.9,
    "beta2": 0.999,
    "eps": 1e-8,
    "amsgrad": False,
    "maximize": False,
    "fused": True,
}


class Adam:
    """What K optimisers ``torch.optim.Adam`` would do, one a model (Kingma and Ba, 2015).

    Parameters
    ----------
    parameters : sequence of tensor (K, ...)
        Updated in place.
    lr : sequence of K float
        Neighbours with the same rate and decay are updated in one call: sort models by them.
    weight_decay : sequence of K float, optional
        Added to the gradient, as ``torch.optim.Adam`` does; none by default.
    steps : sequence of K int, optional
        Minibatches of each model's pass: afterwards it stands still until the next pass. Without them all
        models take every step. Models that differ in it are updated in calls of their own, too.
    """

    def __init__(
        self,
        parameters: Sequence[torch.Tensor],
        lr: Sequence[float],
        weight_decay: Sequence[float] | None = None,
        steps: Sequence[int] | None = None,
    ) -> None:
        decay = [0.0] * len(lr) if weight_decay is None else weight_decay
        passes = [math.inf] * len(lr) if steps is None else steps
        self._groups, start = [], 0
        for (rate, fade, last), same in groupby(zip(lr, decay, passes, strict=True)):
            part = slice(start, start := start + len(list(same)))
            values = [parameter.detach()[part] for parameter in parameters]
            first, second = ([torch.zeros_like(value) for value in values] for _ in range(2))
            taken = [torch.zeros((), device=value.device) for value in values]
            self._groups.append((part, values, first, second, taken, rate, fade, last))

    @torch.no_grad()
    def step(self, gradients: Sequence[torch.Tensor], number: int = 0) -> None:
        """Take one step along the gradients, shapes as the parameters; ``number`` counts within the pass."""
        # The fused kernel reads memory as it lies: a transposed gradient would reach the wrong weights.
        gradients = [gradient.contiguous() for gradient in gradients]
        for part, values, first, second, taken, lr, weight_decay, last in self._groups:
            if number >= last:
                continue
            own = [gradient[part] for gradient in gradients]
            # The function, not the class: creating the class imports a compiler that takes seconds.
            adam(values, own, first, second, [], taken, lr=lr, weight_decay=weight_decay, **_SETTINGS)
