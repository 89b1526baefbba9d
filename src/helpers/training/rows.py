"""Rows of K models: tables on a model axis, and minibatches in each model's own random order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch


class Tables:
    """One table of rows for each model; models that share an array share its memory.

    Parameters
    ----------
    tables : sequence of K arrays (rows, columns)
        float32. Narrower tables are padded with columns of zeros.
    device : str or torch.device
    """

    def __init__(self, tables: Sequence[np.ndarray], device: str | torch.device = "cpu") -> None:
        distinct = {id(table): table for table in tables}
        starts = dict(zip(distinct, np.cumsum([0, *(len(t) for t in distinct.values())]), strict=False))
        self.columns = max(table.shape[1] for table in distinct.values())
        stacked = np.zeros((sum(len(table) for table in distinct.values()), self.columns), np.float32)
        for key, table in distinct.items():
            stacked[starts[key] : starts[key] + len(table), : table.shape[1]] = table
        self._values = torch.from_numpy(stacked).to(device)
        self._start = torch.tensor([int(starts[id(table)]) for table in tables], device=device)[:, None]

    def take(self, rows: torch.Tensor) -> torch.Tensor:
        """Gather rows (K, batch), counted within each model's table, as (K, batch, columns)."""
        return self._values.index_select(0, (rows + self._start).reshape(-1)).view(*rows.shape, self.columns)


class Minibatches:
    """Shuffled minibatches of K models, side by side; iterating passes over the data once.

    Each model has its own ``torch.randperm`` a pass. The last minibatch of a pass may be smaller.

    Parameters
    ----------
    sizes : sequence of K int
        Rows of each model.
    batch : int
    generators : sequence of K torch.Generator
        On the CPU; they decide the order.
    device : str or torch.device

    Yields
    ------
    rows : tensor (K, batch) of int
    weight : tensor (K, batch)
        Of a row in the mean over its minibatch; 0 for what only fills up, throughout for a model whose
        pass is over.

    Attributes
    ----------
    steps : list of K int
        Minibatches of a model's pass; iterating goes on to the longest.
    """

    def __init__(
        self,
        sizes: Sequence[int],
        batch: int,
        generators: Sequence[torch.Generator],
        device: str | torch.device = "cpu",
    ) -> None:
        self.sizes, self.batch, self.generators, self.device = list(sizes), batch, list(generators), device
        self.steps = [-(-size // batch) for size in sizes]
        place, size = np.arange(max(self.steps) * batch), np.array(self.sizes)[:, None]
        within = np.minimum(size - place // batch * batch, batch)
        weight = np.where(place < size, 1 / np.maximum(within, 1), 0).astype(np.float32)
        self._weight = torch.from_numpy(weight).to(device)

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        order = torch.zeros(len(self.sizes), max(self.steps) * self.batch, dtype=torch.int64)
        for row, size, generator in zip(order, self.sizes, self.generators, strict=True):
            row[:size] = torch.randperm(size, generator=generator)
        order = order.to(self.device)
        for start in range(0, order.shape[1], self.batch):
            part = slice(start, start + self.batch)
            yield order[:, part], self._weight[:, part]
