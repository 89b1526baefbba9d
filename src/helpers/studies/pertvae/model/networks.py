"""Networks of PertVAE for many models at once: every tensor has a leading model axis.

Models of one batch share all sizes but the latent one: smaller latent spaces are padded with units that are
exactly zero, get no gradient and enter no sum, which leaves the numbers of a model unchanged.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import elu, softplus

from helpers.studies.pertvae.model import flow
from helpers.studies.pertvae.model.weight_norm import WeightNormLinear

Weights = dict[str, Tensor]

#: Bounds of a log standard deviation, and the floor of one that comes from softplus.
LOG_SCALE_RANGE = (-6.0, 3.0)
SOFTPLUS_FLOOR = 1e-3
#: Start of the log standard deviation of z2 given z1.
EFFECT_LOG_SCALE = -1.0
#: Start of the gate logits of the flow: gates are open, and the flow begins near the identity.
OPEN_GATE = 1.5
_EFFECT_START = 1e-4
_DIRECTION_SD = 0.05
# Spread of a unit's output over the first minibatch under the data-dependent start.
_UNIT, _FAINT = 1.0, 0.1


@dataclass(frozen=True)
class Block:
    """Some outputs of a layer that belong together.

    Attributes
    ----------
    size : int, or "latent"
    spread : float
        Standard deviation over the first minibatch under the data-dependent start.
    offset : float
        Initial mean of these outputs.
    """

    size: int | str
    spread: float = _UNIT
    offset: float = 0.0


@dataclass(frozen=True)
class LayerSpec:
    """Name of a layer, sizes of its input blocks, and its output blocks."""

    name: str
    inputs: tuple[int | str, ...]
    outputs: tuple[Block, ...]


@dataclass(frozen=True)
class Architecture:
    """Sizes and forms that all models of a batch share.

    Attributes
    ----------
    genes : int
    hidden : tuple of int
        Hidden units of the encoder; the decoder has them in reverse.
    context, flow_hidden, flow_steps : int
        Context units and hidden units of each step of the flow; no steps, no context.
    scale : {"exp", "softplus"}
        How an output becomes a standard deviation.
    effect_scale : {"linear", "scalar", "constant"} or None
        Standard deviation of z2 given z1: a linear layer of z1, one learned number, or exp(-1).
        None: no drug effect at all (a plain VAE).
    """

    genes: int
    hidden: tuple[int, ...] = (500, 300)
    context: int = 200
    flow_hidden: int = 300
    flow_steps: int = 2
    scale: str = "exp"
    effect_scale: str | None = "linear"

    @property
    def layers(self) -> list[LayerSpec]:
        """All weight-normalised layers, in the order of the forward pass."""
        specs, width = [], self.genes
        for i, units in enumerate(self.hidden):
            specs.append(LayerSpec(f"encoder.{i}", (width,), (Block(units),)))
            width = units
        head = (Block("latent"), Block("latent", _FAINT))
        if self.flow_steps:
            head += (Block(self.context),)
        specs.append(LayerSpec("encoder.head", (width,), head))
        for t in range(self.flow_steps):
            specs.append(LayerSpec(f"flow.{t}.hidden", ("latent", self.context), (Block(self.flow_hidden),)))
            gates = (Block("latent", _FAINT), Block("latent", _FAINT, OPEN_GATE))
            specs.append(LayerSpec(f"flow.{t}.out", (self.flow_hidden, self.context), gates))
        below: int | str = "latent"
        for i, units in enumerate(reversed(self.hidden)):
            specs.append(LayerSpec(f"decoder.{i}", (below,), (Block(units),)))
            below = units
        specs.append(
            LayerSpec("decoder.head", (below,), (Block(self.genes, _FAINT), Block(self.genes, _FAINT)))
        )
        return specs

    def masks(self, latent: int) -> list[tuple[np.ndarray, np.ndarray]]:
        """Masks of every step of the flow; the order is reversed from step to step."""
        return [
            flow.autoregressive_masks(latent, self.flow_hidden, self.context, reverse=bool(t % 2))
            for t in range(self.flow_steps)
        ]

    def log_scale(self, raw: Tensor) -> Tensor:
        """Log standard deviation from a network output."""
        if self.scale == "softplus":
            return torch.log(softplus(raw) + SOFTPLUS_FLOOR)
        return raw.clamp(*LOG_SCALE_RANGE)

    def draw(self, latent: int, rng: np.random.Generator) -> Weights:
        """Draw start values of one model (model axis of length 1); gains are 1, biases the offsets."""
        weights = {}
        for spec in self.layers:
            rows = sum(_size(s, latent) for s in spec.inputs)
            columns = [_size(b.size, latent) for b in spec.outputs]
            v = rng.standard_normal((1, sum(columns), rows), dtype=np.float32) * np.float32(_DIRECTION_SD)
            offset = np.repeat([b.offset for b in spec.outputs], columns).astype(np.float32)
            weights[f"{spec.name}.v"] = torch.from_numpy(v)
            weights[f"{spec.name}.g"] = torch.ones(1, 1, sum(columns))
            weights[f"{spec.name}.b"] = torch.from_numpy(offset)[None, None]
        if self.effect_scale is None:
            return weights

        def near_zero(*shape: int) -> Tensor:
            return torch.from_numpy(rng.uniform(-_EFFECT_START, _EFFECT_START, shape).astype(np.float32))

        start = EFFECT_LOG_SCALE
        if self.scale == "softplus":
            start = float(np.log(np.expm1(np.exp(start) - SOFTPLUS_FLOOR)))
        weights["effect.W"] = near_zero(1, latent, latent)
        weights["effect.b"] = near_zero(1, 1, latent)
        if self.effect_scale == "linear":
            weights["effect.scale.W"] = near_zero(1, latent, latent)
            weights["effect.scale.b"] = torch.full((1, 1, latent), start)
        elif self.effect_scale == "scalar":
            weights["effect.scale.b"] = torch.full((1, 1, 1), start)
        return weights

    def axes(self) -> Iterator[tuple[str, tuple, tuple]]:
        """Name, row blocks and column blocks of every parameter: what padding needs to know."""
        for spec in self.layers:
            outputs = tuple(b.size for b in spec.outputs)
            yield f"{spec.name}.v", outputs, spec.inputs
            yield f"{spec.name}.g", (1,), outputs
            yield f"{spec.name}.b", (1,), outputs
        if self.effect_scale is None:
            return
        yield "effect.W", ("latent",), ("latent",)
        yield "effect.b", (1,), ("latent",)
        if self.effect_scale == "linear":
            yield "effect.scale.W", ("latent",), ("latent",)
        if self.effect_scale != "constant":
            yield "effect.scale.b", (1,), ("latent" if self.effect_scale == "linear" else 1,)


def _size(block: int | str, latent: int) -> int:
    return latent if block == "latent" else int(block)


def _places(blocks: tuple[int | str, ...], latent: int, widest: int) -> np.ndarray:
    """Positions of one model's units along an axis that is padded to ``widest`` latent units."""
    places, start = [], 0
    for block in blocks:
        places.append(start + np.arange(_size(block, latent)))
        start += _size(block, widest)
    return np.concatenate(places)


def stack(arch: Architecture, models: list[Weights], latents: list[int]) -> Weights:
    """Join models along the model axis, smaller latent spaces padded with zeros."""
    widest = max(latents)
    if min(latents) == widest:
        return {name: torch.cat([m[name] for m in models]) for name in models[0]}
    joined = {}
    for name, rows, columns in arch.axes():
        shape = (len(models), sum(_size(r, widest) for r in rows), sum(_size(c, widest) for c in columns))
        out = torch.zeros(shape)
        for i, (model, latent) in enumerate(zip(models, latents, strict=True)):
            at_rows, at_columns = _places(rows, latent, widest), _places(columns, latent, widest)
            out[i][np.ix_(at_rows, at_columns)] = model[name][0]
        joined[name] = out
    return joined


def take(arch: Architecture, weights: Weights, model: int, latent: int, widest: int) -> Weights:
    """Copy one model out of a batch, padding removed."""
    if latent == widest:
        return {name: value[model : model + 1].detach().clone() for name, value in weights.items()}
    cut = {}
    for name, rows, columns in arch.axes():
        at_rows, at_columns = (torch.from_numpy(_places(a, latent, widest)) for a in (rows, columns))
        cut[name] = weights[name][model].detach()[at_rows[:, None], at_columns][None]
    return cut


class Networks:
    """Encoder, flow, drug effect and decoder of a batch of models.

    Parameters
    ----------
    arch : Architecture
    weights : dict of tensors (models, outputs, inputs)
    latents : list of int
        Latent units of every model.
    widest : int, optional
        Latent units that the parameters are padded to.
    """

    def __init__(
        self, arch: Architecture, weights: Weights, latents: list[int], widest: int | None = None
    ) -> None:
        self.arch = arch
        self.weights = weights
        self.latents = latents
        self.widest = widest or max(latents)
        #: Memory for gradients of unmasked directions, by layer; may be filled by a trainer.
        self.scratch: dict[str, Tensor] = {}
        device = next(iter(weights.values())).device
        # A direction with a single input has a gradient of zero; Adam would blow up what rounding leaves.
        single = torch.tensor(latents, device=device) == 1
        self._single = single[:, None, None] if bool(single.any()) else None
        used = np.arange(self.widest) < np.array(latents)[:, None]
        #: 1 where a latent unit is in use, (models, 1, latent).
        self.latent_mask = torch.from_numpy(used[:, None].astype(np.float32)).to(device)
        self.masks = [tuple(torch.from_numpy(m).to(device) for m in pair) for pair in self._stacked_masks()]

    def _stacked_masks(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        blocks = {s.name: (s.inputs, tuple(b.size for b in s.outputs)) for s in self.arch.layers}
        # Models of equal latent size share one mask.
        latents = self.latents if min(self.latents) < self.widest else [self.widest]
        for t in range(self.arch.flow_steps):
            pair = []
            for k, name in enumerate((f"flow.{t}.hidden", f"flow.{t}.out")):
                columns, rows = blocks[name]
                whole = [sum(_size(s, self.widest) for s in axis) for axis in (rows, columns)]
                mask = np.zeros((len(latents), *whole), np.float32)
                for i, latent in enumerate(latents):
                    at = np.ix_(_places(rows, latent, self.widest), _places(columns, latent, self.widest))
                    mask[i][at] = self.arch.masks(latent)[t][k]
                pair.append(mask)
            yield tuple(pair)

    @property
    def unmasked(self) -> list[str]:
        """Names of the layers without a mask."""
        return [s.name for s in self.arch.layers if not s.name.startswith("flow.")]

    def layer(self, name: str, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Apply a weight-normalised layer, see :class:`WeightNormLinear`."""
        v = self.weights[f"{name}.v"]
        if mask is not None:
            v = v * mask
        elif name == "decoder.0" and self._single is not None:
            v = torch.where(self._single, v.detach(), v)
        gain, bias = self.weights[f"{name}.g"], self.weights[f"{name}.b"]
        return WeightNormLinear.apply(x, v, gain, bias, self.scratch, name)

    def base(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        """Mean and log standard deviation of the base Gaussian, and the context of the flow.

        Parameters
        ----------
        x : tensor (models, rows, genes)
        """
        for i in range(len(self.arch.hidden)):
            x = elu(self.layer(f"encoder.{i}", x))
        head = self.layer("encoder.head", x)
        mean, raw = head[..., : self.widest], head[..., self.widest : 2 * self.widest]
        context = elu(head[..., 2 * self.widest :]) if self.arch.flow_steps else None
        return mean, self.arch.log_scale(raw), context

    def posterior(self, base: tuple[Tensor, Tensor, Tensor | None], noise: Tensor) -> tuple[Tensor, Tensor]:
        """Sample z from q(z | x) and give its log density, one number a latent unit.

        Parameters
        ----------
        base : output of :meth:`base`
        noise : tensor (models, rows, latent), standard normal; 0 in padded units

        Returns
        -------
        z, log_q : tensors (models, rows, latent)
            ``log_q`` summed over the units in use is log q(z | x).
        """
        mean, log_scale, context = base
        # Softplus and its floor leave a scale in padded units; their noise is 0.
        z, log_gates = flow.flow(self.layer, mean + log_scale.exp() * noise, context, self.masks)
        return z, -0.5 * noise.square() - _HALF_LOG_2PI - log_scale - log_gates

    def effect(self, z1: Tensor) -> tuple[Tensor, Tensor]:
        """Mean z1 + W z1 + b and log standard deviation of z2 given z1."""
        w = self.weights
        mean = z1 + torch.baddbmm(w["effect.b"], z1, w["effect.W"].transpose(1, 2))
        if self.arch.effect_scale == "linear":
            raw = torch.baddbmm(w["effect.scale.b"], z1, w["effect.scale.W"].transpose(1, 2))
            return mean, self.arch.log_scale(raw)
        if self.arch.effect_scale == "scalar":
            return mean, self.arch.log_scale(w["effect.scale.b"]).expand_as(mean)
        return mean, torch.full_like(mean, EFFECT_LOG_SCALE)

    def decode(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log standard deviation of the genes, tensors (models, rows, genes)."""
        for i in range(len(self.arch.hidden)):
            z = elu(self.layer(f"decoder.{i}", z))
        mean, raw = self.layer("decoder.head", z).chunk(2, dim=-1)
        return mean, self.arch.log_scale(raw)


_HALF_LOG_2PI = 0.5 * float(np.log(2 * np.pi))


class _Starting(Networks):
    """Sets gains and biases of a single model layer by layer as the first minibatch passes."""

    def layer(self, name: str, x: Tensor, mask: Tensor | None = None) -> Tensor:
        spec = next(s for s in self.arch.layers if s.name == name)
        widths = [_size(b.size, self.widest) for b in spec.outputs]
        spread = torch.from_numpy(np.repeat([b.spread for b in spec.outputs], widths).astype(np.float32))
        plain = super().layer(name, x, mask) - self.weights[f"{name}.b"]
        gain = spread.to(plain.device) / (plain.std(dim=1, keepdim=True) + 1e-3)
        self.weights[f"{name}.g"] = gain
        self.weights[f"{name}.b"] = self.weights[f"{name}.b"] - gain * plain.mean(dim=1, keepdim=True)
        return super().layer(name, x, mask)


@torch.no_grad()
def start_from_data(arch: Architecture, weights: Weights, latent: int, x: Tensor, noise: Tensor) -> Weights:
    """Choose gains and biases so that every output starts with given mean and spread on ``x``.

    The data-dependent start of weight normalisation (Salimans and Kingma 2016): hidden units, latent means
    and context get mean 0 and standard deviation 1; log scales, shifts, gates and the genes a tenth of it.

    Parameters
    ----------
    weights : dict
        One model (model axis of length 1).
    x : tensor (1, rows, genes)
    noise : tensor (1, rows, latent)
    """
    networks = _Starting(arch, dict(weights), [latent])
    z, _ = networks.posterior(networks.base(x), noise)
    networks.decode(z)
    return networks.weights
