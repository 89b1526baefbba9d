"""Random numbers of many models at once, each model from a stream of its own."""

from __future__ import annotations

from math import prod

import numpy as np
import torch

_LEVELS = 65536


class Streams:
    """One random generator a model; what a model draws does not depend on its neighbours in a batch.

    Parameters
    ----------
    seeds : list of SeedSequence
        One a model.
    """

    def __init__(self, seeds: list[np.random.SeedSequence]) -> None:
        self._generators = [np.random.Generator(np.random.SFC64(seed)) for seed in seeds]

    def keep(self, shape: tuple[int, ...], rate: float) -> torch.Tensor:
        """Draw dropout factors ``(models, *shape)``: 0 at ``rate``, else 1 / (1 - rate)."""
        return self._drawn(shape, rate, 1 / (1 - rate))

    def kept(self, shape: tuple[int, ...], rate: float) -> torch.Tensor:
        """Draw an array ``(models, *shape)`` of 0 at ``rate``, else 1."""
        return self._drawn(shape, rate, 1.0)

    def _drawn(self, shape: tuple[int, ...], rate: float, value: float) -> torch.Tensor:
        """Draw 0 at ``rate``, resolved to 1 / 65,536: four numbers from each 64 random bits."""
        size = prod(shape)
        bits = np.stack([g.bit_generator.random_raw(-(-size // 4)) for g in self._generators])
        drawn = bits.view(np.uint16)[:, :size].reshape(-1, *shape)
        return torch.from_numpy(np.multiply(drawn >= round(rate * _LEVELS), np.float32(value)))

    def orders(self, rows: int) -> np.ndarray:
        """Draw an order of ``rows`` rows for each model, array (models, rows)."""
        return np.stack([g.permutation(rows) for g in self._generators])
