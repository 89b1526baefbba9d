"""Dense layers with a model axis: start values, forward pass, and each model's own part of a stack."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch


def dense_start(
    widths: Sequence[Sequence[int]], generators: Sequence[torch.Generator], device: str | torch.device = "cpu"
) -> list[torch.Tensor]:
    """Start values of dense layers, drawn for each model as ``torch.nn.Linear`` draws them, layer by layer.

    Weights and biases are uniform within one over the square root of the layer's inputs.

    Parameters
    ----------
    widths : sequence of K sequences of int
        Width of the input and of every layer; as many layers for each model.
    generators : sequence of K torch.Generator
        Draw the values, and are left where drawing ends.
    device : str or torch.device

    Returns
    -------
    list of tensor
        Weight (K, inputs, outputs), the transpose of ``nn.Linear``, and bias (K, 1, outputs) of each layer,
        of the widest model, with zeros for the others.
    """
    most = np.max(np.asarray(widths), axis=0)
    stacked = []
    for inputs, outputs in pairwise(most):
        stacked += [torch.zeros(len(widths), inputs, outputs), torch.zeros(len(widths), 1, outputs)]
    for i, (own, generator) in enumerate(zip(widths, generators, strict=True)):
        for layer, (inputs, outputs) in enumerate(pairwise(own)):
            bound = 1 / np.sqrt(inputs)
            weight = torch.empty(outputs, inputs).uniform_(-bound, bound, generator=generator)
            stacked[2 * layer][i, :inputs, :outputs] = weight.T
            stacked[2 * layer + 1][i, 0, :outputs].uniform_(-bound, bound, generator=generator)
    return [value.to(device) for value in stacked]


def dense(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    """Layer of all models: ``x`` (K, rows, inputs) to (K, rows, outputs)."""
    return torch.baddbmm(bias, x, weight)


def own_part(parameters: Sequence[torch.Tensor], model: int, widths: Sequence[int]) -> list[np.ndarray]:
    """Copy one model's weights (inputs, outputs) and biases (outputs,) of each layer, without the padding.

    Parameters
    ----------
    parameters : sequence of tensor
        As from :func:`dense_start`.
    model : int
        Position on the model axis.
    widths : sequence of int
        Of that model.
    """
    parts = []
    for layer, (inputs, outputs) in enumerate(pairwise(widths)):
        weight, bias = (parameters[2 * layer + k][model].detach().cpu().numpy() for k in (0, 1))
        parts += [weight[:inputs, :outputs].copy(), bias[0, :outputs].copy()]
    return parts
