"""Stacks of dense layers whose parameters share a leading model axis.

One stack serves for encoder, decoder and predictor: blocks of linear map, batch normalisation, optional
ReLU and dropout, then a linear map. A *state* is a dict of tensors, the model axis first; each model of a
batch has its own batch statistics and its own random stream, so that it gets the numbers of a single fit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional

from helpers.studies.scdeal.model.streams import Streams

#: Tensors by name; all have the model axis first.
State = dict[str, torch.Tensor]
#: The same of one model, without the model axis.
Weights = dict[str, torch.Tensor]

_MOMENTUM = 0.1
_EPSILON = 1e-5


@dataclass(frozen=True)
class Stack:
    """Dense layers of given widths.

    Attributes
    ----------
    name : str
        First part of the names of its tensors.
    sizes : tuple of int
        Width of the input, of each block, and of the output.
    relu : bool
        Whether blocks have a ReLU. The autoencoders of scDEAL's code have none (it is commented out).
    dropout : float
        Share of a block's outputs that is set to zero in training.
    """

    name: str
    sizes: tuple[int, ...]
    relu: bool = False
    dropout: float = 0.0

    @property
    def blocks(self) -> int:
        """Number of blocks before the last linear map."""
        return len(self.sizes) - 2

    @property
    def trained(self) -> list[str]:
        """Names of the tensors that an optimiser moves."""
        inner = [
            f"{self.name}.{i}.{part}" for i in range(self.blocks) for part in ("weight", "scale", "shift")
        ]
        return [*inner, f"{self.name}.out.weight", f"{self.name}.out.bias"]

    @property
    def statistics(self) -> list[str]:
        """Names of the running statistics of batch normalisation."""
        return [f"{self.name}.{i}.{part}" for i in range(self.blocks) for part in ("mean", "variance")]

    def initial(self, rng: np.random.Generator) -> Weights:
        """Draw start values: PyTorch's default for linear layers, uniform within 1 / sqrt(inputs).

        Biases of the blocks are left out: batch normalisation removes them.
        """
        weights = {}
        for i, (n_in, n_out) in enumerate(zip(self.sizes[:-2], self.sizes[1:-1], strict=True)):
            weights[f"{self.name}.{i}.weight"] = _uniform(rng, n_in, (n_in, n_out))
            weights[f"{self.name}.{i}.scale"] = torch.ones(1, n_out)
            weights[f"{self.name}.{i}.shift"] = torch.zeros(1, n_out)
            weights[f"{self.name}.{i}.mean"] = torch.zeros(1, n_out)
            weights[f"{self.name}.{i}.variance"] = torch.ones(1, n_out)
        n_in, n_out = self.sizes[-2:]
        weights[f"{self.name}.out.weight"] = _uniform(rng, n_in, (n_in, n_out))
        weights[f"{self.name}.out.bias"] = _uniform(rng, n_in, (1, n_out))
        return weights

    def forward(
        self, state: State, x: torch.Tensor, streams: Streams | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Output (models, rows, outputs), and the output of the last block.

        Parameters
        ----------
        state : State
        x : tensor (models, rows, inputs)
        streams : Streams, optional
            Given: training mode, with dropout from these streams and batch statistics, which also move
            the running statistics in ``state``. None: evaluation mode.
        """
        h = x
        for i in range(self.blocks):
            h = torch.bmm(h, state[f"{self.name}.{i}.weight"])
            h = _batch_norm(h, state, f"{self.name}.{i}", training=streams is not None)
            if self.relu:
                h = torch.relu(h)
            if streams is not None and self.dropout:
                h = h * streams.keep(h.shape[1:], self.dropout).to(h.device)
        out = torch.baddbmm(state[f"{self.name}.out.bias"], h, state[f"{self.name}.out.weight"])
        return out, h


def _uniform(rng: np.random.Generator, n_in: int, shape: tuple[int, int]) -> torch.Tensor:
    bound = 1 / np.sqrt(n_in)
    return torch.from_numpy(rng.random(shape, dtype=np.float32) * np.float32(2 * bound) - np.float32(bound))


def _batch_norm(x: torch.Tensor, state: State, name: str, *, training: bool) -> torch.Tensor:
    """Normalise every unit of every model over the rows: models and units side by side as channels."""
    models, rows, units = x.shape
    flat = x.transpose(0, 1).reshape(rows, models * units)
    normal = functional.batch_norm(
        flat,
        state[f"{name}.mean"].view(-1),
        state[f"{name}.variance"].view(-1),
        state[f"{name}.scale"].reshape(-1),
        state[f"{name}.shift"].reshape(-1),
        training=training,
        momentum=_MOMENTUM,
        eps=_EPSILON,
    )
    return normal.reshape(rows, models, units).transpose(0, 1)


def join(weights: list[Weights], names: list[str], device: torch.device) -> State:
    """One state from the weights of several models of equal shape."""
    return {name: torch.stack([w[name] for w in weights]).to(device) for name in names}


def part(state: State, model: int) -> Weights:
    """Weights of one model of a state, on the CPU."""
    return {name: value[model].detach().cpu().clone() for name, value in state.items()}
