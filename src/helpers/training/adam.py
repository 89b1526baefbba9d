"""Adam with a learning rate and a weight decay for each model of a stack."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import torch
from torch.optim.adam import adam

_SETTINGS = {"beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "amsgrad": False, "maximize": False, "fused": True}


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
    """

    def __init__(
        self,
        parameters: Sequence[torch.Tensor],
        lr: Sequence[float],
        weight_decay: Sequence[float] | None = None,
    ) -> None:
        decay = [0.0] * len(lr) if weight_decay is None else weight_decay
        self._groups, start = [], 0
        for (rate, fade), same in groupby(zip(lr, decay, strict=True)):
            part = slice(start, start := start + len(list(same)))
            values = [parameter.detach()[part] for parameter in parameters]
            moments = [[torch.zeros_like(value) for value in values] for _ in range(2)]
            steps = [torch.zeros((), device=value.device) for value in values]
            self._groups.append((part, values, moments, steps, {"lr": rate, "weight_decay": fade}))

    @torch.no_grad()
    def step(self, gradients: Sequence[torch.Tensor]) -> None:
        """Take one step along the gradients, shapes as the parameters."""
        for part, values, moments, steps, rates in self._groups:
            # The function, not the class: creating the class imports a compiler that takes seconds.
            own = [gradient[part] for gradient in gradients]
            adam(values, own, *moments, [], steps, **rates, **_SETTINGS)
