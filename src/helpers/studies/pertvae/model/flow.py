"""Inverse autoregressive flow with masked networks.

The flow of Kingma et al., "Improving variational inference with inverse autoregressive flow" (2016), which
the PertVAE paper cites, in its LSTM-type form; the masks are those of Germain et al., "MADE" (2015).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

#: ``layer(name, x, mask)`` applies the named layer of a network; see :mod:`.networks`.
Layer = Callable[[str, Tensor, Tensor | None], Tensor]


def autoregressive_masks(
    latent: int, hidden: int, context: int, *, reverse: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Masks that let output i of a network with one hidden layer see only the inputs before i.

    Latent input i has degree i (counted from 1; from the other end with ``reverse``), hidden units take
    the degrees 1 ... latent - 1 in turn. An input feeds a hidden unit of at least its degree, a hidden
    unit feeds the outputs of higher degree. The context is free: it feeds every hidden unit and, directly,
    every output, since the first output has no hidden unit and would not depend on the context at all.

    Parameters
    ----------
    latent, hidden, context : int
        Numbers of units.
    reverse : bool
        Run the order from the last variable to the first.

    Returns
    -------
    into_hidden : float32 array (hidden, latent + context)
    into_outputs : float32 array (2 * latent, hidden + context)
        Rows: the shifts m, then the gates s, of every latent variable.
    """
    degree = np.arange(1, latent + 1)
    if reverse:
        degree = degree[::-1]
    hidden_degree = np.arange(hidden) % max(latent - 1, 1) + 1
    first = (degree[None, :] <= hidden_degree[:, None]).astype(np.float32)
    last = (hidden_degree[None, :] < degree[:, None]).astype(np.float32)
    into_hidden = np.concatenate([first, np.ones((hidden, context), np.float32)], axis=1)
    into_outputs = np.concatenate([last, np.ones((latent, context), np.float32)], axis=1)
    return into_hidden, np.tile(into_outputs, (2, 1))


def autoregressive_network(
    layer: Layer, step: int, z: Tensor, context: Tensor, masks: tuple[Tensor, Tensor]
) -> tuple[Tensor, Tensor]:
    """Shift m and gate logit s of every latent variable, from the variables before it and the context.

    Parameters
    ----------
    layer : callable
        Applies the layers ``flow.<step>.hidden`` and ``flow.<step>.out``.
    z : tensor (models, rows, latent)
    context : tensor (models, rows, context)
    masks : pair of tensors
        See :func:`autoregressive_masks`, with a leading model axis.
    """
    hidden = layer(f"flow.{step}.hidden", torch.cat([z, context], dim=-1), masks[0])
    out = layer(f"flow.{step}.out", torch.cat([torch.nn.functional.elu(hidden), context], dim=-1), masks[1])
    shift, gate = out.chunk(2, dim=-1)
    return shift, gate


def flow(
    layer: Layer, z: Tensor, context: Tensor | None, masks: list[tuple[Tensor, Tensor]]
) -> tuple[Tensor, Tensor]:
    """Carry a sample through all steps: z <- g z + (1 - g) m with the gate g = sigmoid(s).

    Returns
    -------
    z : tensor (models, rows, latent)
    log_gates : tensor (models, rows, latent)
        Sum over steps of log g; summed over the latent variables it is the log-determinant of dz'/dz.
    """
    log_gates = torch.zeros_like(z)
    for step, pair in enumerate(masks):
        shift, gate = autoregressive_network(layer, step, z, context, pair)
        g = torch.sigmoid(gate)
        z = shift + g * (z - shift)
        log_gates = log_gates + torch.nn.functional.logsigmoid(gate)
    return z, log_gates
