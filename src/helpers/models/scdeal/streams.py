"""Random numbers of many models at once, each model from a stream of its own."""

from __future__ import annotations

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
        """Dropout factors (models, *shape): 0 at ``rate``, else 1 / (1 - rate)."""
        return self.kept(shape, rate) * (1 / (1 - rate))

    def kept(self, shape: tuple[int, ...], rate: float) -> torch.Tensor:
        """Array (models, *shape) of 0 at ``rate``, else 1; the rate is resolved to 1 / 65,536."""
        drawn = np.stack([g.integers(0, _LEVELS, shape, dtype=np.uint16) for g in self._generators])
        return torch.from_numpy((drawn >= round(rate * _LEVELS)).astype(np.float32))

    def orders(self, rows: int) -> np.ndarray:
        """A random order of ``rows`` rows for each model, array (models, rows)."""
        return np.stack([g.permutation(rows) for g in self._generators])
