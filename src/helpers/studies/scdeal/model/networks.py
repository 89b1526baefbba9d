"""The networks of scDEAL as ordinary torch modules, and the random numbers of one stage of one fit."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch
from torch import nn

_LEVELS = 65536


class Stream:
    """Random numbers of one stage: order of rows, dropout, noise.

    Torch draws dropout from a generator of the process, which fits that run side by side would share; here
    each fit has its own, so that its numbers do not depend on its neighbours.

    Parameters
    ----------
    seed : SeedSequence
    """

    def __init__(self, seed: np.random.SeedSequence) -> None:
        self._generator = np.random.Generator(np.random.SFC64(seed))

    def order(self, rows: int) -> torch.Tensor:
        """Draw an order of ``rows`` rows."""
        return torch.from_numpy(self._generator.permutation(rows))

    def keep(self, x: torch.Tensor, rate: float, value: float = 1.0) -> torch.Tensor:
        """Draw factors of the shape of ``x``: 0 at ``rate`` (in steps of 1 / 65,536), else ``value``."""
        # Four numbers from each 64 random bits: dropout takes a large share of a small network's time.
        bits = self._generator.bit_generator.random_raw(-(-x.numel() // 4))
        drawn = bits.view(np.uint16)[: x.numel()].reshape(x.shape)
        return torch.from_numpy(np.multiply(drawn >= round(rate * _LEVELS), np.float32(value))).to(x.device)


class Stack(nn.Module):
    """Dense layers: blocks of linear map, batch normalisation, optional ReLU and dropout, then a linear map.

    Encoder, decoder and predictor are such stacks. Linear maps of the blocks have no bias, which batch
    normalisation would remove.

    Parameters
    ----------
    sizes : sequence of int
        Width of the input, of each block, and of the output.
    rng : Generator
        Draws the start values: PyTorch's default for linear layers, uniform within 1 / sqrt(inputs).
    relu : bool
        Whether blocks have a ReLU. The autoencoders of scDEAL's code have none (it is commented out).
    dropout : float
        Share of a block's outputs that is set to zero in training.
    """

    def __init__(
        self, sizes: tuple[int, ...], rng: np.random.Generator, *, relu: bool = False, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.relu, self.dropout = relu, dropout
        self.linear = nn.ModuleList(_linear(rng, *ends, bias=False) for ends in pairwise(sizes[:-1]))
        self.norm = nn.ModuleList(nn.BatchNorm1d(width) for width in sizes[1:-1])
        self.out = _linear(rng, *sizes[-2:], bias=True)

    def hidden(self, x: torch.Tensor, stream: Stream | None = None) -> torch.Tensor:
        """Output of the last block; in training mode dropout is drawn from ``stream``."""
        for linear, norm in zip(self.linear, self.norm, strict=True):
            x = norm(linear(x))
            if self.relu:
                x = torch.relu(x)
            if self.training and self.dropout:
                if stream is None:
                    msg = "in training mode dropout needs a stream of random numbers"
                    raise ValueError(msg)
                x = x * stream.keep(x, self.dropout, 1 / (1 - self.dropout))
        return x

    def forward(self, x: torch.Tensor, stream: Stream | None = None) -> torch.Tensor:
        """Map rows (rows, inputs) to (rows, outputs)."""
        return self.out(self.hidden(x, stream))


class Autoencoder(nn.Module):
    """Encoder and decoder; outputs lie within 0 and 1 like the scaled inputs.

    The decoder mirrors the encoder but for its first layer: a linear map alone, as in the public code.

    Parameters
    ----------
    sizes : tuple of int
        Genes, widths of the encoder's blocks, width of the embedding.
    rng, dropout
        As for :class:`Stack`.
    """

    def __init__(self, sizes: tuple[int, ...], rng: np.random.Generator, dropout: float) -> None:
        super().__init__()
        self.encoder = Stack(sizes, rng, dropout=dropout)
        self.widen = _linear(rng, *sizes[:-3:-1], bias=True)
        self.decoder = Stack(sizes[-2::-1], rng, dropout=dropout)

    def forward(self, x: torch.Tensor, stream: Stream | None = None) -> torch.Tensor:
        """Reconstruct rows (rows, genes)."""
        return torch.sigmoid(self.decoder(self.widen(self.encoder(x, stream)), stream))


class Networks(nn.Module):
    """What predicts: an encoder of bulk lines, one of cells, and the predictor that both feed.

    Parameters
    ----------
    bulk, cells, predictor : Stack
    loss : {"sigmoid", "logits"}
        Decides how outputs become probabilities.
    """

    def __init__(self, bulk: Stack, cells: Stack, predictor: Stack, loss: str) -> None:
        super().__init__()
        self.bulk, self.cells, self.predictor, self.loss = bulk, cells, predictor, loss

    def encode(self, x: torch.Tensor, domain: str, stream: Stream | None = None) -> torch.Tensor:
        """Embedding (rows, units) of rows of ``"bulk"`` or ``"cells"``."""
        return getattr(self, domain)(x, stream)

    def score(self, code: torch.Tensor, stream: Stream | None = None) -> torch.Tensor:
        """Probabilities (rows, 2) of resistance and sensitivity from embeddings.

        Separate sigmoids with ``loss="sigmoid"``, which need not sum to 1.
        """
        output = self.predictor(code, stream)
        return torch.sigmoid(output) if self.loss == "sigmoid" else torch.softmax(output, dim=1)


def _linear(rng: np.random.Generator, n_in: int, n_out: int, *, bias: bool) -> nn.Linear:
    # Start values of nn.Linear itself come from the generator of the process.
    layer = nn.utils.skip_init(nn.Linear, n_in, n_out, bias=bias)
    with torch.no_grad():
        layer.weight.copy_(_uniform(rng, n_in, (n_in, n_out)).T)
        if bias:
            layer.bias.copy_(_uniform(rng, n_in, (n_out,)))
    return layer


def _uniform(rng: np.random.Generator, n_in: int, shape: tuple[int, ...]) -> torch.Tensor:
    bound = 1 / np.sqrt(n_in)
    return torch.from_numpy(rng.random(shape, dtype=np.float32) * np.float32(2 * bound) - np.float32(bound))
