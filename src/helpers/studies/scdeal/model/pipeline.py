"""Fits of all four stages, side by side; a stage that several fits have in common is trained once.

A stage depends only on its data, its settings and ``random_state``. So fits that differ in the predictor
share both autoencoders, and fits of several drugs on the same cells share the autoencoder of the cells.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from copy import deepcopy
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from joblib import Parallel, delayed
from sklearn.metrics import roc_auc_score

from helpers.studies.scdeal.model.clusters import cell_clusters
from helpers.studies.scdeal.model.domains import Domain, Split, balance, split
from helpers.studies.scdeal.model.losses import mmd
from helpers.studies.scdeal.model.networks import Autoencoder, Networks, Stack, Stream
from helpers.studies.scdeal.model.settings import Settings
from helpers.studies.scdeal.model.stages import (
    Lines,
    Rows,
    held_terms,
    train_autoencoder,
    train_predictor,
    train_transfer,
)
from helpers.training.guards import flushed_denormals, one_thread

# Parts of a fit that draw random numbers.
_SPLITS, _BULK, _PREDICTOR, _CELLS, _TRANSFER, _PREDICTION, _BEFORE = range(7)

_T = TypeVar("_T")


@dataclass(frozen=True)
class Fitted:
    """One fit.

    Attributes
    ----------
    before, after : array (cells, 2)
        Probability of resistance and sensitivity of every cell, without and with transfer. The two are
        separate sigmoids with ``loss="sigmoid"`` and need not sum to 1.
    evaluated_before : array (cells, 2)
        ``before`` with the predictor in evaluation mode, as it is after transfer.
    bulk_validation_loss : float
        Cross-entropy of the bulk validation lines after stage 2.
    bulk_test_auroc : float
        AUROC of held-out bulk lines after stage 2; NaN where they hold one class only.
    validation_loss, cross_entropy : float
        The whole loss of the transfer at the kept epoch, on held-out lines and cells, and its first term.
        Hold no label of a cell.
    mmd_before, mmd_after : float
        Distance of the embeddings of all cells and all lines, by the mixture of kernels in either reading.
    networks_before, networks : Networks or None
        Before and after transfer, on the CPU. None when they were not asked for.
    """

    before: np.ndarray
    after: np.ndarray
    evaluated_before: np.ndarray
    bulk_validation_loss: float
    bulk_test_auroc: float
    validation_loss: float
    cross_entropy: float
    mmd_before: float
    mmd_after: float
    networks_before: Networks | None = None
    networks: Networks | None = None


@dataclass(frozen=True)
class Job:
    """Settings and both domains of one fit."""

    settings: Settings
    bulk: Domain
    cells: Domain

    @property
    def splits(self) -> tuple[Split, Split]:
        """Split of the bulk lines and of the cells; equal for all settings of one ``random_state``."""
        _, cells = self.settings.seed(_SPLITS).spawn(2)
        own = split(len(self.cells), np.random.default_rng(cells), test=False)
        return line_split(len(self.bulk), self.settings.random_state), own


def line_split(lines: int, random_state: int) -> Split:
    """Split of so many bulk lines in a fit of that ``random_state``."""
    bulk, _ = np.random.SeedSequence(random_state, spawn_key=(_SPLITS,)).spawn(2)
    return split(lines, np.random.default_rng(bulk), test=True)


def fit_jobs(jobs: list[Job], device: torch.device, n_jobs: int, *, keep_networks: bool) -> list[Fitted]:
    """Fit all jobs; results in their order.

    Parameters
    ----------
    jobs : list of Job
    device : torch.device
    n_jobs : int
        Fits side by side on a CPU.
    keep_networks : bool
        Keep the networks, which take 2 to 30 MB a fit.
    """
    parallel = Parallel(n_jobs=n_jobs if device.type == "cpu" else 1, prefer="threads")

    def once(key: Callable[[Job], Hashable], train: Callable[..., _T], *given: list) -> list[_T]:
        """Train for each distinct key, and hand every job what belongs to its own."""
        distinct = {key(job): (job, *parts) for job, *parts in zip(jobs, *given, strict=True)}
        trained = parallel(delayed(_guarded)(train, *parts, device) for parts in distinct.values())
        by_key = dict(zip(distinct, trained, strict=True))
        return [by_key[key(job)] for job in jobs]

    with one_thread(device):
        bulk = once(_bulk_key, _bulk_autoencoder)
        predictors = once(_predictor_key, _predictor, bulk)
        cells = once(_cells_key, _cell_encoder, bulk)
        return parallel(
            delayed(_guarded)(_transferred, *parts, device, keep_networks)
            for parts in zip(jobs, predictors, cells, strict=True)
        )


def _guarded(train: Callable[..., _T], *arguments: object) -> _T:
    with flushed_denormals():
        return train(*arguments)


def _bulk_key(job: Job) -> tuple:
    sampling = job.settings.sampling if job.settings.resampled == "both" else None
    return job.bulk.key, _autoencoder_key(job.settings), sampling


def _predictor_key(job: Job) -> tuple:
    s = job.settings
    return *_bulk_key(job), s.predictor, s.sampling, s.loss


def _cells_key(job: Job) -> tuple:
    start = _bulk_key(job) if job.settings.cell_start == "bulk" else ()
    return job.cells.key, _autoencoder_key(job.settings), *start


def _autoencoder_key(s: Settings) -> tuple:
    noise = s.denoising, s.denoising_target if s.denoising else ""
    return s.encoder, s.bottleneck, s.dropout, *noise, s.epochs, s.batch_size, s.random_state


def _bulk_autoencoder(job: Job, device: torch.device) -> Autoencoder:
    start, stream = job.settings.seed(_BULK).spawn(2)
    network = _autoencoder(job.settings, job.bulk, start).to(device)
    rows = job.splits[0]
    lines = _training_lines(job)[0] if job.settings.resampled == "both" else job.bulk.x[rows.train]
    _train_on(network, lines, job.bulk.x[rows.validation], job.settings, stream)
    return network


def _cell_encoder(job: Job, bulk: Autoencoder, device: torch.device) -> Stack:
    start, stream = job.settings.seed(_CELLS).spawn(2)
    if job.settings.cell_start == "bulk":
        network = deepcopy(bulk)
    else:
        network = _autoencoder(job.settings, job.cells, start).to(device)
    rows = job.splits[1]
    _train_on(network, job.cells.x[rows.train], job.cells.x[rows.validation], job.settings, stream)
    return network.encoder


def _autoencoder(s: Settings, domain: Domain, start: np.random.SeedSequence) -> Autoencoder:
    sizes = (domain.x.shape[1], *s.encoder, s.bottleneck)
    return Autoencoder(sizes, np.random.default_rng(start), s.dropout)


def _train_on(
    network: Autoencoder, x: torch.Tensor, held_x: torch.Tensor, s: Settings, seed: np.random.SeedSequence
) -> None:
    device = network.encoder.out.weight.device
    train_autoencoder(network, x.to(device), held_x.to(device), s, Stream(seed))


def _training_lines(job: Job) -> tuple[torch.Tensor, torch.Tensor]:
    """Balance the bulk training lines and their labels; the same ones in every stage."""
    rows = job.splits[0].train
    _, _, sampler = job.settings.seed(_PREDICTOR).spawn(3)
    return balance(
        job.bulk.x[rows], job.bulk.y[rows], job.settings.sampling, int(sampler.generate_state(1)[0])
    )


def _predictor(job: Job, bulk: Autoencoder, device: torch.device) -> tuple[Stack, Stack, float]:
    """Bulk encoder and predictor after stage 2, and their validation loss."""
    s, (rows, _) = job.settings, job.splits
    start, stream, _ = s.seed(_PREDICTOR).spawn(3)
    encoder = deepcopy(bulk.encoder)
    sizes = (s.bottleneck, *s.predictor, 2)
    predictor = Stack(sizes, np.random.default_rng(start), relu=True, dropout=s.dropout).to(device)
    x, y = job.bulk.x, job.bulk.y
    chosen = _training_lines(job)
    held = x[rows.validation], y[rows.validation]
    train, validation = (Lines(*(part.to(device) for part in one)) for one in (chosen, held))
    training = train_predictor(encoder, predictor, train, validation, s, Stream(stream))
    return encoder, predictor, training.loss


def _transferred(
    job: Job, stage_two: tuple[Stack, Stack, float], cells: Stack, device: torch.device, keep: bool
) -> Fitted:
    s, (lines, own) = job.settings, job.splits
    encoder, predictor, bulk_loss = stage_two
    before = deepcopy(Networks(encoder, cells, predictor, s.loss))
    after = deepcopy(before)
    x, y, cells_x = (tensor.to(device) for tensor in (job.bulk.x, job.bulk.y, job.cells.x))
    groups = torch.from_numpy(cell_clusters(job.cells.x.numpy())) if s.regulariser == "bottleneck" else None
    train, held = (
        Rows(x[i], y[i], cells_x[j], None if groups is None else groups[j])
        for i, j in ((lines.train, own.train), (lines.validation, own.validation))
    )
    scores_before = score_before(after, cells_x, s)
    train_transfer(after, train, held, s, Stream(s.seed(_TRANSFER)))
    terms = [float(term) for term in held_terms(after, held, s)]
    with torch.no_grad():
        bulk_scores = before.score(before.encode(x, "bulk")).cpu().numpy()
        distances = [
            float(mmd(one.encode(x, "bulk"), one.encode(cells_x, "cells"), kernel="mixture"))
            for one in (before, after)
        ]
    return Fitted(
        before=scores_before,
        after=score_cells(after, cells_x, s),
        evaluated_before=score_cells(before, cells_x, s),
        bulk_validation_loss=bulk_loss,
        bulk_test_auroc=_auroc(job.bulk.y, bulk_scores, lines.test),
        validation_loss=sum(terms),
        cross_entropy=terms[0],
        mmd_before=distances[0],
        mmd_after=distances[1],
        networks_before=before.cpu() if keep else None,
        networks=after.cpu() if keep else None,
    )


@torch.no_grad()
def score_cells(networks: Networks, cells_x: torch.Tensor, settings: Settings) -> np.ndarray:
    """Scores (cells, 2) of cells, all in one batch as in the public code."""
    stream = None
    if settings.prediction == "train":
        # Training mode moves running statistics; they must not change what a later call returns.
        networks, stream = deepcopy(networks).train(), Stream(settings.seed(_PREDICTION))
    return networks.score(networks.encode(cells_x, "cells", stream), stream).cpu().numpy()


@torch.no_grad()
def score_before(networks: Networks, cells_x: torch.Tensor, settings: Settings) -> np.ndarray:
    """Scores (cells, 2) before transfer, the predictor in the mode of ``settings.before``.

    In training mode this moves the running statistics of the predictor, with which the transfer of the public
    code then starts; give a copy of the networks to keep them.
    """
    if settings.before == "eval" or settings.prediction == "train":
        return score_cells(networks, cells_x, settings)
    networks.predictor.train()
    code = networks.encode(cells_x, "cells")
    return networks.score(code, Stream(settings.seed(_BEFORE))).cpu().numpy()


def _auroc(y: torch.Tensor, probability: np.ndarray, rows: np.ndarray) -> float:
    sensitive = y[rows].numpy()
    if len(np.unique(sensitive)) < 2:
        return float("nan")
    return float(roc_auc_score(sensitive, probability[rows, 1]))
