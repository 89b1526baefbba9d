"""Encoder, flow, decoder and drug effect of PertVAE as torch modules.

All start values come from a numpy generator that is passed in, in the order in which the modules are built.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import elu, linear

from helpers.studies.pertvae.model.settings import Settings

#: Bounds of a log standard deviation.
LOG_SCALE_RANGE = (-6.0, 3.0)
#: Start of the log standard deviation of z2 given z1.
EFFECT_LOG_SCALE = -1.0
HALF_LOG_2PI = 0.5 * float(np.log(2 * np.pi))
_EFFECT_START = 1e-4
_DIRECTION_SD = 0.05


class Outputs(NamedTuple):
    """Some outputs of a layer that belong together.

    Attributes
    ----------
    size : int
    spread : float
        Standard deviation over the first minibatch under the data-dependent start.
    offset : float
        Initial mean.
    """

    size: int
    spread: float = 1.0
    offset: float = 0.0


def faint(size: int, offset: float = 0.0) -> Outputs:
    """Return outputs that start nearly constant: log scales, the flow, the genes."""
    return Outputs(size, 0.1, offset)


class WeightNormLinear(nn.Module):
    """``y = (g v / |v|) x + b``, with one norm ``|v|`` an output unit (Salimans and Kingma 2016).

    Parameters
    ----------
    inputs : int
    outputs : sequence of Outputs
    rng : numpy Generator
        Draws v.
    mask : array (outputs, inputs), optional
        0 where an output must not see an input.
    """

    mask: Tensor | None
    spread: Tensor

    def __init__(
        self,
        inputs: int,
        outputs: Sequence[Outputs],
        rng: np.random.Generator,
        mask: np.ndarray | None = None,
    ) -> None:
        super().__init__()
        widths = [block.size for block in outputs]
        v = rng.standard_normal((sum(widths), inputs), dtype=np.float32) * np.float32(_DIRECTION_SD)
        # A direction of one input has a gradient of zero; Adam would blow up what rounding leaves of it.
        self.v = nn.Parameter(torch.from_numpy(v), requires_grad=inputs > 1)
        self.g = nn.Parameter(torch.ones(sum(widths)))
        self.b = nn.Parameter(_repeated([block.offset for block in outputs], widths))
        spread = _repeated([block.spread for block in outputs], widths)
        self.register_buffer("spread", spread, persistent=False)
        self.register_buffer("mask", None if mask is None else torch.from_numpy(mask), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return y, tensor (rows, outputs)."""
        v = self.v if self.mask is None else self.v * self.mask
        # Scaling the outputs is the same as scaling v, of which there is far more.
        return torch.addcmul(self.b, linear(x, v), self.g / torch.linalg.vector_norm(v, dim=1))

    def start(self, x: Tensor) -> None:
        """Choose g and b such that the outputs of rows ``x`` have their offset and spread."""
        plain = self.forward(x) - self.b  # not self(x): that would call the hook which called this
        self.g.data = self.spread / (plain.std(dim=0) + 1e-3)
        self.b.data = self.b - self.g * plain.mean(dim=0)


class Encoder(nn.Module):
    """Base Gaussian of q(z | x) and the context of the flow."""

    def __init__(self, genes: int, settings: Settings, rng: np.random.Generator) -> None:
        super().__init__()
        self.latent = settings.latent
        self.hidden = _stack((genes, *settings.hidden), rng)
        head = [Outputs(settings.latent), faint(settings.latent)]
        if settings.flow_steps:
            head.append(Outputs(settings.context))
        self.head = WeightNormLinear(settings.hidden[-1], head, rng)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Mean and log standard deviation (rows, latent), context (rows, context or 0)."""
        head = self.head(self.hidden(x))
        mean, raw, context = head.tensor_split((self.latent, 2 * self.latent), dim=1)
        return mean, raw.clamp(*LOG_SCALE_RANGE), elu(context)


class Decoder(nn.Module):
    """Gaussian p(x | z), gene by gene."""

    def __init__(self, genes: int, settings: Settings, rng: np.random.Generator) -> None:
        super().__init__()
        self.hidden = _stack((settings.latent, *settings.hidden[::-1]), rng)
        self.head = WeightNormLinear(settings.hidden[0], [faint(genes)] * 2, rng)

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log standard deviation of the genes, tensors (rows, genes)."""
        mean, raw = self.head(self.hidden(z)).chunk(2, dim=1)
        return mean, raw.clamp(*LOG_SCALE_RANGE)


class DrugEffect(nn.Module):
    """p(z2 | z1): a Gaussian with mean z1 + W z1 + b, its log standard deviation linear in z1 (ours).

    Without the identity form the mean is W z1 + b.
    """

    def __init__(self, latent: int, rng: np.random.Generator, *, identity: bool = True) -> None:
        super().__init__()
        self.identity = identity

        def near_zero(*shape: int) -> nn.Parameter:
            start = rng.uniform(-_EFFECT_START, _EFFECT_START, shape)
            return nn.Parameter(torch.from_numpy(start.astype(np.float32)))

        self.W, self.b = near_zero(latent, latent), near_zero(latent)
        self.scale_W = near_zero(latent, latent)
        self.scale_b = nn.Parameter(torch.full((latent,), EFFECT_LOG_SCALE))

    def forward(self, z1: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log standard deviation of z2, tensors (rows, latent)."""
        log_scale = linear(z1, self.scale_W, self.scale_b).clamp(*LOG_SCALE_RANGE)
        moved = linear(z1, self.W, self.b)
        return z1 + moved if self.identity else moved, log_scale


class Flow(nn.Module):
    """Inverse autoregressive flow: z <- g z + (1 - g) m with the gate g = sigmoid(s), step by step.

    Kingma et al., "Improving variational inference with inverse autoregressive flow" (2016), which the
    PertVAE paper cites, in its LSTM-type form. The order of the variables turns from step to step.
    """

    def __init__(self, settings: Settings, rng: np.random.Generator) -> None:
        super().__init__()
        self.steps = nn.ModuleList(
            FlowStep(settings, rng, reverse=bool(step % 2)) for step in range(settings.flow_steps)
        )

    def forward(self, z: Tensor, context: Tensor) -> tuple[Tensor, Tensor]:
        """Carry a sample through all steps.

        Returns
        -------
        z, log_gates : tensors (rows, latent)
            The sum over steps of log g, summed over the units, is the log-determinant of dz'/dz.
        """
        log_gates = torch.zeros_like(z)
        for step in self.steps:
            shift, gate = step(z, context)
            z = shift + torch.sigmoid(gate) * (z - shift)
            log_gates = log_gates + torch.nn.functional.logsigmoid(gate)
        return z, log_gates


class FlowStep(nn.Module):
    """Shift m and gate logit s of every latent unit, from the units before it and the context."""

    #: Start of the gate logits: gates are open, and the flow begins near the identity.
    OPEN = 1.5

    def __init__(self, settings: Settings, rng: np.random.Generator, *, reverse: bool) -> None:
        super().__init__()
        latent, hidden, context = settings.latent, settings.flow_hidden, settings.context
        into_hidden, into_outputs = autoregressive_masks(latent, hidden, context, reverse=reverse)
        self.hidden = WeightNormLinear(latent + context, [Outputs(hidden)], rng, into_hidden)
        outputs = [faint(latent), faint(latent, self.OPEN)]
        self.out = WeightNormLinear(hidden + context, outputs, rng, into_outputs)

    def forward(self, z: Tensor, context: Tensor) -> tuple[Tensor, Tensor]:
        """Return m and s, tensors (rows, latent)."""
        hidden = elu(self.hidden(torch.cat([z, context], dim=1)))
        shift, gate = self.out(torch.cat([hidden, context], dim=1)).chunk(2, dim=1)
        return shift, gate


def autoregressive_masks(
    latent: int, hidden: int, context: int, *, reverse: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Masks that let output i of a network with one hidden layer see only the inputs before i.

    Germain et al., "MADE" (2015). Latent input i has degree i (counted from 1; from the other end with
    ``reverse``), hidden units take the degrees 1 ... latent - 1 in turn. An input feeds a hidden unit of at
    least its degree, a hidden unit feeds the outputs of higher degree. The context is free: it feeds every
    hidden unit and, directly, every output, since the first output has no hidden unit and would not depend
    on the context at all.

    Returns
    -------
    into_hidden : float32 array (hidden, latent + context)
    into_outputs : float32 array (2 * latent, hidden + context)
        Rows: the shifts m, then the gates s, of every latent unit.
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


class Networks(nn.Module):
    """All networks of a model.

    Parameters
    ----------
    genes : int
    settings : Settings
        Sizes, and whether there is a drug effect; ``effect`` is None without one.
    rng : numpy Generator
        Draws the start values.
    """

    def __init__(self, genes: int, settings: Settings, rng: np.random.Generator) -> None:
        super().__init__()
        self.encoder = Encoder(genes, settings, rng)
        self.flow = Flow(settings, rng)
        self.decoder = Decoder(genes, settings, rng)
        self.effect = None
        if settings.with_effect:
            identity = settings.form == "identity"
            self.effect = DrugEffect(settings.latent, rng, identity=identity)

    def posterior(self, base: tuple[Tensor, Tensor, Tensor], noise: Tensor) -> tuple[Tensor, Tensor]:
        """Sample z from q(z | x) and give its log density, one number a latent unit.

        Parameters
        ----------
        base : output of the encoder
        noise : tensor (rows, latent), standard normal

        Returns
        -------
        z, log_q : tensors (rows, latent)
            ``log_q`` summed over the units is log q(z | x).
        """
        mean, log_scale, context = base
        z, log_gates = self.flow(mean + log_scale.exp() * noise, context)
        return z, -0.5 * noise.square() - HALF_LOG_2PI - log_scale - log_gates

    @torch.no_grad()
    def start_from_data(self, x: Tensor, noise: Tensor) -> None:
        """Choose gains and biases so that every output starts with its mean and spread on ``x``.

        The data-dependent start of weight normalisation (Salimans and Kingma 2016): hidden units, latent
        means and context get mean 0 and standard deviation 1; log scales, shifts, gates and the genes a
        tenth of it.

        Parameters
        ----------
        x : tensor (rows, genes)
        noise : tensor (rows, latent)
        """
        layers = [layer for layer in self.modules() if isinstance(layer, WeightNormLinear)]
        hooks = [layer.register_forward_pre_hook(_start_layer) for layer in layers]
        z, _ = self.posterior(self.encoder(x), noise)
        self.decoder(z)
        for hook in hooks:
            hook.remove()


def _start_layer(layer: WeightNormLinear, inputs: tuple[Tensor]) -> None:
    """Start a layer just before it is applied: its inputs come from layers that have started."""
    layer.start(*inputs)


def _stack(widths: Sequence[int], rng: np.random.Generator) -> nn.Sequential:
    layers = []
    for inputs, units in pairwise(widths):
        layers += [WeightNormLinear(inputs, [Outputs(units)], rng), nn.ELU()]
    return nn.Sequential(*layers)


def _repeated(values: Sequence[float], sizes: Sequence[int]) -> Tensor:
    return torch.from_numpy(np.repeat(np.array(values, dtype=np.float32), sizes))
