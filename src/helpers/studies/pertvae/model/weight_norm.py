"""Weight-normalised linear layers with a leading model axis, forward and backward."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

_LEAST_NORM = 1e-12


class WeightNormLinear(torch.autograd.Function):
    """``y = (g v / |v|) x + b``, with one norm ``|v|`` an output unit (Salimans and Kingma 2016).

    Written by hand because the weights outnumber the activations by far here: the normalised weights are
    never formed, the scale is applied to the outputs, and ``v`` is passed over as rarely as possible.

    Shapes: x (models, rows, inputs), v (models, outputs, inputs), g and b (models, 1, outputs).
    ``scratch`` may hold, under ``name``, a tensor of the shape of v that the gradient is written to: fresh
    memory of that size costs as much as the product itself.
    """

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, v: Tensor, g: Tensor, b: Tensor, scratch: dict[str, Tensor], name: str
    ) -> Tensor:
        """Return y, tensor (models, rows, outputs)."""
        plain = torch.bmm(x, v.transpose(1, 2))
        # The direction of a padding unit is 0, and so is its gain.
        norm = torch.linalg.vector_norm(v, dim=2)[:, None].clamp_(min=_LEAST_NORM)
        factor = g / norm
        ctx.save_for_backward(x, v, plain, norm, factor)
        ctx.scratch, ctx.name = scratch, name
        return torch.addcmul(b, plain, factor)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients of x, v, g and b."""
        x, v, plain, norm, factor = ctx.saved_tensors
        scaled = dy * factor
        d_factor = (dy * plain).sum(dim=1, keepdim=True)
        dx = torch.bmm(scaled, v) if ctx.needs_input_grad[0] else None
        radial = (-d_factor * factor / norm.square()).transpose(1, 2)
        # A layer that is used twice finds its memory taken and gets its own.
        dv = torch.mul(v, radial, out=ctx.scratch.pop(ctx.name, None))
        dv.baddbmm_(scaled.transpose(1, 2), x)
        return dx, dv, d_factor / norm, dy.sum(dim=1, keepdim=True), None, None
