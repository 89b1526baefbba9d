"""Integrated gradients (Sundararajan, Taly, Yan: Axiomatic attribution for deep networks, ICML 2017)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from helpers.bounds import check_number
from helpers.errors import ParameterError

# Numbers of one pass: small inputs take many points of the path at once.
_BLOCK = 2_000_000


def integrated_gradients(
    function: Callable[[torch.Tensor], torch.Tensor],
    x: torch.Tensor,
    *,
    baseline: torch.Tensor | float = 0.0,
    steps: int = 50,
) -> torch.Tensor:
    """Attribute the outputs of a function to its inputs.

    Parameters
    ----------
    function : function (rows, inputs) -> (rows,)
        Each output depends on its own row only.
    x : tensor (rows, inputs)
    baseline : float or tensor (inputs,) or (rows, inputs)
        Where the straight path to ``x`` starts; captum's default is zero.
    steps : int
        Points of the Gauss-Legendre quadrature along the path; captum's default is 50.

    Returns
    -------
    tensor (rows, inputs)
        Sums over inputs to ``function(x) - function(baseline)``, up to the error of the quadrature.

    Raises
    ------
    ParameterError
        If there is no point.
    """
    check_number("steps", steps, 1, whole=True, error=ParameterError)
    difference = x - baseline
    origin = x - difference
    nodes, shares = np.polynomial.legendre.leggauss(steps)
    points = torch.as_tensor((nodes + 1) / 2, dtype=x.dtype, device=x.device)[:, None, None]
    weights = torch.as_tensor(shares / 2, dtype=x.dtype, device=x.device)[:, None, None]
    total = torch.zeros_like(x)
    at_once = max(1, _BLOCK // max(1, x.numel()))
    for own, weight in zip(points.split(at_once), weights.split(at_once), strict=True):
        here = (origin + own * difference).flatten(0, 1).detach().requires_grad_(True)
        gradient = torch.autograd.grad(function(here).sum(), here)[0]
        total += (weight * gradient.view(len(own), *x.shape)).sum(dim=0)
    return difference * total
