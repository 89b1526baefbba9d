"""The four stages of scDEAL, each for many models at once.

1. bulk autoencoder, 2. bulk encoder and predictor, 3. cell autoencoder, 4. transfer. The tasks of one call
must agree in shapes and settings; they may differ in data, split, start weights and random stream.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from helpers.studies.scdeal.model.clusters import batch_clusters
from helpers.studies.scdeal.model.layers import Stack, State, Weights, join
from helpers.studies.scdeal.model.losses import cluster_dissimilarity, cross_entropy, mmd
from helpers.studies.scdeal.model.settings import Settings
from helpers.studies.scdeal.model.streams import Streams
from helpers.studies.scdeal.model.training import Outcome, Schedule, train

#: Share of the entries that denoising sets to zero.
CORRUPTED = 0.2
# The transfer keeps no weights of the first tenth of its epochs.
_WARM_UP = 0.1


@dataclass(frozen=True)
class Rows:
    """Training and validation rows of one model in one domain; cells have no labels."""

    train: torch.Tensor
    validation: torch.Tensor
    train_labels: torch.Tensor | None = None
    validation_labels: torch.Tensor | None = None
    train_clusters: np.ndarray | None = None
    validation_clusters: np.ndarray | None = None


@dataclass(frozen=True)
class Task:
    """One model in one stage: its rows, start weights, and random stream."""

    rows: Rows
    start: Weights
    seed: np.random.SeedSequence
    cells: Rows | None = None


def autoencode(tasks: list[Task], encoder: Stack, settings: Settings, epochs: int, device) -> Outcome:
    """Stages 1 and 3: reconstruct the input, mean squared error, without any label."""
    decoder = settings.decoder_stack(encoder.sizes[0])
    streams = Streams([task.seed for task in tasks])
    train_x = _stack([task.rows.train for task in tasks], device)
    held_x = _stack([task.rows.validation for task in tasks], device)

    def error(state: State, x: torch.Tensor, drawn: Streams | None) -> torch.Tensor:
        target = x
        if settings.denoising:
            x = x * streams.kept(x.shape[1:], CORRUPTED).to(device)
            if settings.denoising_target == "corrupted":
                target = x
        code, _ = encoder.forward(state, x, drawn)
        output, _ = decoder.forward(state, code, drawn)
        return (torch.sigmoid(output) - target).square().mean(dim=(1, 2))

    def held_error(state: State) -> torch.Tensor:
        parts = [error(state, held_x[:, rows], None) for rows in _slices(held_x, settings)]
        return torch.stack(parts).mean(dim=0)

    return train(
        _start(tasks, (encoder, decoder), device),
        encoder.trained + decoder.trained,
        lambda: (_take(train_x, rows) for rows in _batches(streams, train_x, settings)),
        lambda state, x: error(state, x, streams),
        held_error,
        _schedule(settings, epochs),
    )


def predict(tasks: list[Task], encoder: Stack, settings: Settings, device) -> Outcome:
    """Stage 2: bulk encoder and predictor, end to end, cross-entropy."""
    predictor = settings.predictor_stack()
    streams = Streams([task.seed for task in tasks])
    train_x = _stack([task.rows.train for task in tasks], device)
    train_y = _stack([task.rows.train_labels for task in tasks], device)
    held_x = _stack([task.rows.validation for task in tasks], device)
    held_y = _stack([task.rows.validation_labels for task in tasks], device)

    def loss(state: State, x: torch.Tensor, y: torch.Tensor, drawn: Streams | None) -> torch.Tensor:
        code, _ = encoder.forward(state, x, drawn)
        output, _ = predictor.forward(state, code, drawn)
        return cross_entropy(output, y, settings.loss)

    def held_loss(state: State) -> torch.Tensor:
        parts = [loss(state, held_x[:, rows], held_y[:, rows], None) for rows in _slices(held_x, settings)]
        return torch.stack(parts).mean(dim=0)

    return train(
        _start(tasks, (encoder, predictor), device),
        encoder.trained + predictor.trained,
        lambda: (
            (_take(train_x, rows), _take(train_y, rows)) for rows in _batches(streams, train_x, settings)
        ),
        lambda state, batch: loss(state, *batch, streams),
        held_loss,
        _schedule(settings, settings.epochs[1]),
    )


class Transfer:
    """Stage 4, DaNN-style: cross-entropy of bulk, distance of the embeddings, cluster similarity.

    Parameters
    ----------
    tasks : list of Task
        ``rows`` are bulk lines with labels, ``cells`` are cells.
    bulk, cells : Stack
        The two encoders, named differently.
    settings : Settings
    device : torch.device
    """

    def __init__(self, tasks: list[Task], bulk: Stack, cells: Stack, settings: Settings, device) -> None:
        self.tasks, self.bulk, self.cells, self.settings, self.device = tasks, bulk, cells, settings, device
        self.predictor = settings.predictor_stack()
        self.streams = Streams([task.seed for task in tasks])
        self.train_bulk = _stack([t.rows.train for t in tasks], device)
        self.train_y = _stack([t.rows.train_labels for t in tasks], device)
        self.train_cells = _stack([t.cells.train for t in tasks], device)
        self.held_bulk = _stack([t.rows.validation for t in tasks], device)
        self.held_y = _stack([t.rows.validation_labels for t in tasks], device)
        self.held_cells = _stack([t.cells.validation for t in tasks], device)
        if settings.regulariser == "bottleneck":
            self.train_clusters = _stack([torch.as_tensor(t.cells.train_clusters) for t in tasks], device)
            self.held_clusters = _stack([torch.as_tensor(t.cells.validation_clusters) for t in tasks], device)

    @property
    def trained(self) -> list[str]:
        """Names of what the optimiser holds: the cell encoder alone, or both encoders and the predictor."""
        if self.settings.adapt == "cells":
            return self.cells.trained
        return self.cells.trained + self.bulk.trained + self.predictor.trained

    def run(self) -> Outcome:
        """Train; the outcome's state holds both encoders and the predictor."""
        epochs = self.settings.epochs[3]
        first_kept = max(0, min(int(_WARM_UP * epochs) + 1, epochs - 1))
        schedule = _schedule(self.settings, epochs, first_kept)
        state = _start(self.tasks, (self.bulk, self.predictor, self.cells), self.device)
        return train(
            state,
            self.trained,
            lambda: self._pairs(self._training_orders()),
            lambda state, batch: sum(self.terms(state, *batch, held=False)),
            lambda state: sum(self.held_terms(state)),
            schedule,
        )

    def held_terms(self, state: State) -> tuple[torch.Tensor, ...]:
        """Compute the three weighted terms of the loss on held-out rows, each (models,)."""
        models = len(self.tasks)
        whole = [np.tile(np.arange(x.shape[1]), (models, 1)) for x in (self.held_bulk, self.held_cells)]
        parts = [self.terms(state, *rows, held=True) for rows in self._pairs(whole)]
        return tuple(torch.stack(column).mean(dim=0) for column in zip(*parts, strict=True))

    def terms(
        self, state: State, bulk_rows: np.ndarray, cell_rows: np.ndarray, *, held: bool
    ) -> tuple[torch.Tensor, ...]:
        """Cross-entropy, weighted distance and weighted cluster term of one batch, each (models,)."""
        settings = self.settings
        drawn = None if held else self.streams
        bulk_x = _take(self.held_bulk if held else self.train_bulk, bulk_rows)
        y = _take(self.held_y if held else self.train_y, bulk_rows)
        cells_x = _take(self.held_cells if held else self.train_cells, cell_rows)
        with torch.set_grad_enabled(torch.is_grad_enabled() and settings.adapt == "all"):
            bulk_code, _ = self.bulk.forward(state, bulk_x, drawn)
            output, _ = self.predictor.forward(state, bulk_code, drawn)
            entropy = cross_entropy(output, y, settings.loss)
        cell_code, hidden = self.cells.forward(state, cells_x, drawn)
        distance = mmd(bulk_code, cell_code, kernel=settings.kernel, sigma=settings.mmd_sigma)
        if settings.cluster_weight == 0:
            spread = torch.zeros_like(entropy)
        elif settings.regulariser == "bottleneck":
            clusters = self.held_clusters if held else self.train_clusters
            spread = cluster_dissimilarity(cell_code, _take(clusters, cell_rows))
        else:
            spread = self._spread_of_inputs(hidden, cells_x)
        return entropy, settings.mmd_weight * distance, settings.cluster_weight * spread

    def _spread_of_inputs(self, hidden: torch.Tensor, cells_x: torch.Tensor) -> torch.Tensor:
        """S of the public code: clusters of the detached hidden layer, cosines of the inputs."""
        with torch.no_grad():
            rows = hidden.detach().cpu().numpy()
            found = np.stack([batch_clusters(one) for one in rows])
            return cluster_dissimilarity(cells_x, found)

    def _training_orders(self) -> list[np.ndarray]:
        return [self.streams.orders(x.shape[1]) for x in (self.train_bulk, self.train_cells)]

    def _pairs(self, orders: list[np.ndarray]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Each batch of bulk rows with the next of cells, cycled, both cut to the smaller."""
        size = self.settings.batch_size
        cell_parts = _parts(orders[1].shape[1], size)
        for i, bulk_part in enumerate(_parts(orders[0].shape[1], size)):
            cell_part = cell_parts[i % len(cell_parts)]
            length = min(bulk_part.stop - bulk_part.start, cell_part.stop - cell_part.start)
            yield (
                orders[0][:, bulk_part.start : bulk_part.start + length],
                orders[1][:, cell_part.start : cell_part.start + length],
            )


def _schedule(settings: Settings, epochs: int, first_kept: int = 0) -> Schedule:
    return Schedule(epochs, settings.learning_rate, first_kept, settings.stop_rate)


def _start(tasks: list[Task], stacks: tuple[Stack, ...], device) -> State:
    names = [name for stack in stacks for name in stack.trained + stack.statistics]
    return join([task.start for task in tasks], names, device)


def _stack(tensors: list[torch.Tensor], device) -> torch.Tensor:
    return torch.stack(tensors).to(device)


def _parts(rows: int, size: int) -> list[slice]:
    """Consecutive batches; a last batch of a single row, which has no batch statistics, is left out."""
    parts = [slice(start, min(start + size, rows)) for start in range(0, rows, size)]
    return [part for part in parts if part.stop - part.start > 1]


def _slices(x: torch.Tensor, settings: Settings) -> list[slice]:
    return _parts(x.shape[1], settings.batch_size)


def _batches(streams: Streams, x: torch.Tensor, settings: Settings) -> Iterator[np.ndarray]:
    order = streams.orders(x.shape[1])
    for rows in _slices(x, settings):
        yield order[:, rows]


def _take(x: torch.Tensor, rows: np.ndarray) -> torch.Tensor:
    """Rows of each model, tensor (models, rows, ...)."""
    return torch.stack([one[torch.from_numpy(own)] for one, own in zip(x, rows, strict=True)])
