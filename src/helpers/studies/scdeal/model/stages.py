"""The training loops of scDEAL's four stages: autoencoders (1 and 3), bulk predictor (2), transfer (4).

Each trains the networks that it is given, in place, and leaves them with the weights of the best epoch.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle

import torch
from torch import nn

from helpers.studies.scdeal.model.clusters import batch_clusters
from helpers.studies.scdeal.model.losses import cluster_dissimilarity, cross_entropy, mmd
from helpers.studies.scdeal.model.networks import Autoencoder, Networks, Stack, Stream
from helpers.studies.scdeal.model.settings import Settings
from helpers.studies.scdeal.model.training import Training

#: Share of the entries that denoising sets to zero.
CORRUPTED = 0.2
# The transfer keeps the best weights of this last share of its epochs.
_TAIL = 0.9


@dataclass(frozen=True)
class Lines:
    """Training or validation rows of bulk lines and their response (1 = sensitive)."""

    bulk: torch.Tensor
    sensitive: torch.Tensor


@dataclass(frozen=True)
class Rows(Lines):
    """Bulk lines with cells, and clusters of the cells where the loss uses them."""

    cells: torch.Tensor
    clusters: torch.Tensor | None = None


def train_autoencoder(
    network: Autoencoder, x: torch.Tensor, held_x: torch.Tensor, settings: Settings, stream: Stream
) -> Training:
    """Stages 1 and 3: reconstruct rows of one domain, mean squared error, without any label."""
    training = Training(network, network.parameters())

    def error(rows: torch.Tensor) -> torch.Tensor:
        target = rows
        if settings.denoising:
            rows = rows * stream.keep(rows, CORRUPTED)
            if settings.denoising_target == "corrupted":
                target = rows
        return (network(rows, stream) - target).square().mean()

    for _ in range(settings.epochs):
        network.train()
        for rows in batches(stream.order(len(x)), settings.batch_size):
            training.step(error(x[rows]))
        network.eval()
        with torch.no_grad():
            held = [error(held_x[rows]) for rows in batches(torch.arange(len(held_x)), settings.batch_size)]
        if training.end_epoch(torch.stack(held).mean()):
            break
    training.restore_best()
    return training


def train_predictor(
    encoder: Stack, predictor: Stack, rows: Lines, held: Lines, settings: Settings, stream: Stream
) -> Training:
    """Stage 2: bulk encoder and predictor, end to end, cross-entropy."""
    network = nn.ModuleList([encoder, predictor])
    training = Training(network, network.parameters())

    def loss(part: Lines, which: torch.Tensor) -> torch.Tensor:
        outputs = predictor(encoder(part.bulk[which], stream), stream)
        return cross_entropy(outputs, part.sensitive[which], settings.loss)

    for _ in range(settings.epochs):
        network.train()
        for which in batches(stream.order(len(rows.bulk)), settings.batch_size):
            training.step(loss(rows, which))
        network.eval()
        with torch.no_grad():
            found = [
                loss(held, which) for which in batches(torch.arange(len(held.bulk)), settings.batch_size)
            ]
        if training.end_epoch(torch.stack(found).mean()):
            break
    training.restore_best()
    return training


def train_transfer(
    networks: Networks, rows: Rows, held: Rows, settings: Settings, stream: Stream
) -> Training:
    """Stage 4, DaNN-style: cross-entropy of bulk, distance of the embeddings, cluster similarity.

    Adam holds the cell encoder alone, or both encoders and the predictor; running statistics of all three
    follow the batches in either case.
    """
    moved = networks.cells if settings.adapt == "cells" else networks
    training = Training(networks, moved.parameters(), first_kept=first_kept(settings.epochs))
    for _ in range(settings.epochs):
        networks.train()
        orders = stream.order(len(rows.bulk)), stream.order(len(rows.cells))
        for lines, cells in paired_batches(*orders, settings.batch_size):
            training.step(torch.stack(transfer_terms(networks, rows, lines, cells, settings, stream)).sum())
        networks.eval()
        if training.end_epoch(torch.stack(held_terms(networks, held, settings)).sum()):
            break
    training.restore_best()
    return training


def first_kept(epochs: int) -> int:
    """First epoch whose weights the transfer may keep."""
    # In floating point, as in the public code: 500 * (1 - 0.9) is just below 50.
    return max(0, min(int(epochs * (1 - _TAIL)) + 1, epochs - 1))


@torch.no_grad()
def held_terms(networks: Networks, held: Rows, settings: Settings) -> tuple[torch.Tensor, ...]:
    """Compute the three weighted terms of the transfer's loss on held-out rows, in evaluation mode."""
    orders = torch.arange(len(held.bulk)), torch.arange(len(held.cells))
    parts = [
        torch.stack(transfer_terms(networks, held, *which, settings))
        for which in paired_batches(*orders, settings.batch_size)
    ]
    return tuple(torch.stack(parts).mean(dim=0))


def transfer_terms(
    networks: Networks,
    rows: Rows,
    lines: torch.Tensor,
    cells: torch.Tensor,
    settings: Settings,
    stream: Stream | None = None,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Cross-entropy, weighted distance and weighted cluster term of one batch.

    Parameters
    ----------
    networks : Networks
    rows : Rows
    lines, cells : tensor of int
        Positions of the batch in ``rows``.
    settings : Settings
    stream : Stream, optional
        Of the dropout; needed in training mode.
    """
    cells_x = rows.cells[cells]
    with torch.set_grad_enabled(torch.is_grad_enabled() and settings.adapt == "all"):
        bulk_code = networks.encode(rows.bulk[lines], "bulk", stream)
        output = networks.predictor(bulk_code, stream)
        entropy = cross_entropy(output, rows.sensitive[lines], settings.loss)
    hidden = networks.cells.hidden(cells_x, stream)
    cell_code = networks.cells.out(hidden)
    distance = mmd(bulk_code, cell_code, kernel=settings.kernel)
    if settings.cluster_weight == 0:
        spread = torch.zeros_like(entropy)
    elif settings.regulariser == "bottleneck" and rows.clusters is not None:
        spread = cluster_dissimilarity(cell_code, rows.clusters[cells])
    else:
        # S of the public code: clusters of the hidden layer, cosines of the inputs; no gradient. In training
        # the cells pass the encoder once more: dropout is drawn again, running statistics move twice.
        if networks.cells.training:
            with torch.no_grad():
                hidden = networks.cells.hidden(cells_x, stream)
        found = batch_clusters(hidden.detach().cpu().numpy())
        spread = cluster_dissimilarity(cells_x, torch.from_numpy(found))
    return entropy, settings.mmd_weight * distance, settings.cluster_weight * spread


def batches(order: torch.Tensor, size: int) -> list[torch.Tensor]:
    """Cut an order of rows; a last batch of a single row, which has no batch statistics, is left out."""
    return [rows for rows in order.split(size) if len(rows) > 1]


def paired_batches(
    lines: torch.Tensor, cells: torch.Tensor, size: int
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Each batch of bulk lines with the next of cells, cycled, both cut to the smaller."""
    for one, other in zip(batches(lines, size), cycle(batches(cells, size)), strict=False):
        length = min(len(one), len(other))
        yield one[:length], other[:length]
