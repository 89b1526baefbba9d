"""Many fits at once: stages that several fits have in common are trained once, and models in batches.

A stage depends only on its data, its settings and ``random_state``; so fits that differ in the predictor
share both autoencoders, fits of several drugs share the autoencoder of the cells, and every model gets the
numbers of a fit of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from joblib import Parallel, delayed
from sklearn.metrics import roc_auc_score

from helpers.studies.scdeal.model import stages
from helpers.studies.scdeal.model.clusters import cell_clusters
from helpers.studies.scdeal.model.domains import Domain, Split, balance, split
from helpers.studies.scdeal.model.layers import State, Weights, join, part
from helpers.studies.scdeal.model.losses import mmd
from helpers.studies.scdeal.model.settings import Settings
from helpers.studies.scdeal.model.stages import Rows, Task
from helpers.studies.scdeal.model.streams import Streams
from helpers.studies.scdeal.model.training import Outcome
from helpers.training.guards import flushed_denormals, one_thread

# Parts of a fit that draw random numbers.
_SPLITS, _BULK, _PREDICTOR, _CELLS, _TRANSFER, _PREDICTION = range(6)
# Models in one batch. On a CPU small networks gain by it, while large ones leave its caches: so many that
# a batch holds about this many weights.
_CPU_WEIGHTS, _CPU_MODELS, _GPU_MODELS = 1_000_000, 16, 64


@dataclass(frozen=True)
class Fitted:
    """One fit.

    Attributes
    ----------
    before, after : array (cells, 2)
        Probability of resistance and sensitivity of every cell, without and with transfer. The two are
        separate sigmoids with ``loss="sigmoid"`` and need not sum to 1.
    bulk_validation_loss : float
        Cross-entropy of the bulk validation lines after stage 2.
    bulk_validation_auroc, bulk_test_auroc : float
        AUROC of held-out bulk lines after stage 2; NaN where they hold one class only.
    validation_loss : float
        The whole loss of the transfer at the kept epoch, on held-out lines and cells. Holds no label of
        a cell. ``cross_entropy``, ``mmd`` and ``cluster_term`` are its parts, before weighting.
    mmd_before, mmd_after : float
        Distance of the embeddings of all cells and all lines, by the mixture of kernels in either reading.
    epochs : tuple of int
        Epochs done in the four stages.
    bulk_before : Weights or None
        Bulk encoder ("bulk...") and predictor after stage 2; ``cells_before`` the cell encoder after
        stage 3; ``transferred`` all three after stage 4. None when weights were not asked for.
    """

    before: np.ndarray
    after: np.ndarray
    bulk_validation_loss: float
    bulk_validation_auroc: float
    bulk_test_auroc: float
    validation_loss: float
    cross_entropy: float
    mmd: float
    cluster_term: float
    mmd_before: float
    mmd_after: float
    epochs: tuple[int, int, int, int]
    bulk_before: Weights | None = None
    cells_before: Weights | None = None
    transferred: Weights | None = None


@dataclass(frozen=True)
class Job:
    """Settings and both domains of one fit."""

    settings: Settings
    bulk: Domain
    cells: Domain


def fit_jobs(jobs: list[Job], device: torch.device, n_jobs: int, *, keep_weights: bool) -> list[Fitted]:
    """Fit all jobs; results in their order.

    Parameters
    ----------
    jobs : list of Job
    device : torch.device
    n_jobs : int
        Threads on a CPU.
    keep_weights : bool
        Keep the networks, which take 2 to 30 MB a fit.
    """
    groups: dict[tuple, list[int]] = {}
    for i, job in enumerate(jobs):
        s = job.settings
        shape = (s.encoder, s.bottleneck, s.dropout, s.denoising, s.denoising_target, s.epochs)
        groups.setdefault((*shape, s.batch_size, s.learning_rate, s.stop_rate), []).append(i)
    results: list[Fitted | None] = [None] * len(jobs)
    with one_thread(device):
        for group in groups.values():
            run = _Run([jobs[i] for i in group], device, n_jobs, keep_weights)
            for i, fitted in zip(group, run.fit(), strict=True):
                results[i] = fitted
    return results


def splits(job: Job) -> tuple[Split, Split]:
    """Split of the bulk lines and of the cells; equal for all settings of one ``random_state``."""
    seeds = job.settings.seed(_SPLITS).spawn(2)
    bulk, cells = (np.random.default_rng(seed) for seed in seeds)
    return split(len(job.bulk), bulk, test=True), split(len(job.cells), cells, test=False)


@dataclass(frozen=True)
class _Stage:
    """What one model of one stage left."""

    weights: Weights
    loss: float
    epochs: int


class _Run:
    """Fits that agree in the shape and the settings of their autoencoders."""

    def __init__(self, jobs: list[Job], device: torch.device, n_jobs: int, keep_weights: bool) -> None:
        self.jobs, self.device, self.n_jobs, self.keep = jobs, device, n_jobs, keep_weights
        self.splits = [splits(job) for job in jobs]

    def fit(self) -> list[Fitted]:
        bulk = self._stage(self._bulk_key, self._bulk_task, self._run_bulk)
        predictors = self._stage(
            self._predictor_key, lambda i: self._predictor_task(i, bulk), self._run_predictor
        )
        cells = self._stage(self._cells_key, lambda i: self._cells_task(i, bulk), self._run_cells)
        positions = list(range(len(self.jobs)))
        return self._batched(
            positions,
            [self._transfer_task(i, predictors[i], cells[i]) for i in positions],
            lambda members, tasks: self._run_transfer(members, tasks, bulk, predictors, cells),
        )

    # --- one training a distinct key, models of equal shape in one batch ----------------------------

    def _stage(
        self,
        key: Callable[[int], tuple],
        task: Callable[[int], Task],
        run: Callable[[list[int], list[Task]], list[_Stage]],
    ) -> list[_Stage]:
        first: dict[tuple, int] = {}
        for i in range(len(self.jobs)):
            first.setdefault(key(i), i)
        members = list(first.values())
        done = dict(zip(first, self._batched(members, [task(i) for i in members], run), strict=True))
        return [done[key(i)] for i in range(len(self.jobs))]

    def _batched(self, members: list[int], tasks: list[Task], run: Callable) -> list:
        groups: dict[tuple, list[int]] = {}
        for position, (i, task) in enumerate(zip(members, tasks, strict=True)):
            groups.setdefault((self._settings(i), _shapes(task)), []).append(position)
        chunks = []
        for group in groups.values():
            size = self._batch_size(tasks[group[0]])
            chunks += [group[i : i + size] for i in range(0, len(group), size)]

        def work(chunk: list[int]) -> list:
            with flushed_denormals():
                return run([members[p] for p in chunk], [tasks[p] for p in chunk])

        n_jobs = self.n_jobs if self.device.type == "cpu" else 1
        done = Parallel(n_jobs=n_jobs, prefer="threads")(delayed(work)(chunk) for chunk in chunks)
        results: list = [None] * len(members)
        for chunk, outcome in zip(chunks, done, strict=True):
            for position, result in zip(chunk, outcome, strict=True):
                results[position] = result
        return results

    def _batch_size(self, task: Task) -> int:
        if self.device.type != "cpu":
            return _GPU_MODELS
        weights = sum(value.numel() for value in task.start.values())
        return min(max(_CPU_WEIGHTS // weights, 1), _CPU_MODELS)

    def _settings(self, i: int) -> Settings:
        """Return the settings without what models of a batch may differ in."""
        return replace(self.jobs[i].settings, random_state=0)

    def _results(self, outcome: Outcome) -> list[_Stage]:
        return [
            _Stage(part(outcome.state, i), float(outcome.loss[i]), int(outcome.epochs[i]))
            for i in range(len(outcome.loss))
        ]

    # --- the stages ---------------------------------------------------------------------------------

    def _bulk_key(self, i: int) -> tuple:
        return self.jobs[i].bulk.key, self.jobs[i].settings.random_state

    def _bulk_task(self, i: int) -> Task:
        job, (rows, _) = self.jobs[i], self.splits[i]
        start, stream = job.settings.seed(_BULK).spawn(2)
        rng = np.random.default_rng(start)
        genes = job.bulk.x.shape[1]
        weights = job.settings.encoder_stack("bulk", genes).initial(rng)
        weights |= job.settings.decoder_stack(genes).initial(rng)
        return Task(Rows(job.bulk.x[rows.train], job.bulk.x[rows.validation]), weights, stream)

    def _run_bulk(self, members: list[int], tasks: list[Task]) -> list[_Stage]:
        settings, genes = self.jobs[members[0]].settings, tasks[0].rows.train.shape[1]
        encoder = settings.encoder_stack("bulk", genes)
        return self._results(stages.autoencode(tasks, encoder, settings, settings.epochs[0], self.device))

    def _predictor_key(self, i: int) -> tuple:
        s = self.jobs[i].settings
        return *self._bulk_key(i), s.predictor, s.sampling, s.loss

    def _predictor_task(self, i: int, bulk: list[_Stage]) -> Task:
        job, (rows, _) = self.jobs[i], self.splits[i]
        start, stream, sampler = job.settings.seed(_PREDICTOR).spawn(3)
        weights = _only(bulk[i].weights, "bulk")
        weights |= job.settings.predictor_stack().initial(np.random.default_rng(start))
        x, y = job.bulk.x, job.bulk.y
        balanced = balance(
            x[rows.train], y[rows.train], job.settings.sampling, int(sampler.generate_state(1)[0])
        )
        held = rows.validation
        return Task(Rows(balanced[0], x[held], balanced[1], y[held]), weights, stream)

    def _run_predictor(self, members: list[int], tasks: list[Task]) -> list[_Stage]:
        settings = self.jobs[members[0]].settings
        encoder = settings.encoder_stack("bulk", tasks[0].rows.train.shape[1])
        return self._results(stages.predict(tasks, encoder, settings, self.device))

    def _cells_key(self, i: int) -> tuple:
        job = self.jobs[i]
        start = self._bulk_key(i) if job.settings.cell_start == "bulk" else ()
        return job.cells.key, job.settings.random_state, *start

    def _cells_task(self, i: int, bulk: list[_Stage]) -> Task:
        job, (_, rows) = self.jobs[i], self.splits[i]
        start, stream = job.settings.seed(_CELLS).spawn(2)
        if job.settings.cell_start == "bulk":
            weights = _renamed(bulk[i].weights, "bulk", "cells")
        else:
            rng = np.random.default_rng(start)
            genes = job.cells.x.shape[1]
            weights = job.settings.encoder_stack("cells", genes).initial(rng)
            weights |= job.settings.decoder_stack(genes).initial(rng)
        return Task(Rows(job.cells.x[rows.train], job.cells.x[rows.validation]), weights, stream)

    def _run_cells(self, members: list[int], tasks: list[Task]) -> list[_Stage]:
        settings = self.jobs[members[0]].settings
        encoder = settings.encoder_stack("cells", tasks[0].rows.train.shape[1])
        return self._results(stages.autoencode(tasks, encoder, settings, settings.epochs[2], self.device))

    def _transfer_task(self, i: int, predictor: _Stage, cells: _Stage) -> Task:
        job, (bulk_rows, cell_rows) = self.jobs[i], self.splits[i]
        x, y = job.bulk.x, job.bulk.y
        lines = Rows(x[bulk_rows.train], x[bulk_rows.validation], y[bulk_rows.train], y[bulk_rows.validation])
        found = (None, None)
        if job.settings.regulariser == "bottleneck":
            clusters = cell_clusters(job.cells.x.numpy(), job.settings.cluster_resolution)
            found = clusters[cell_rows.train], clusters[cell_rows.validation]
        own = Rows(
            job.cells.x[cell_rows.train],
            job.cells.x[cell_rows.validation],
            train_clusters=found[0],
            validation_clusters=found[1],
        )
        weights = predictor.weights | _only(cells.weights, "cells")
        return Task(lines, weights, job.settings.seed(_TRANSFER), own)

    def _run_transfer(self, members, tasks, bulk, predictors, cells) -> list[Fitted]:
        settings = self.jobs[members[0]].settings
        first = self.jobs[members[0]]
        encoders = (
            settings.encoder_stack("bulk", first.bulk.x.shape[1]),
            settings.encoder_stack("cells", first.cells.x.shape[1]),
        )
        transfer = stages.Transfer(tasks, *encoders, settings, self.device)
        outcome = transfer.run()
        with torch.no_grad():
            entropy, distance, spread = (term.cpu().numpy() for term in transfer.held_terms(outcome.state))
        start = join([task.start for task in tasks], list(outcome.state), self.device)
        views = [self._views(members, state, encoders) for state in (start, outcome.state)]
        results = []
        for k, i in enumerate(members):
            job, (rows, _) = self.jobs[i], self.splits[i]
            before, after = ({name: value[k] for name, value in view.items()} for view in views)
            results.append(
                Fitted(
                    before=before["cells"],
                    after=after["cells"],
                    bulk_validation_loss=predictors[i].loss,
                    bulk_validation_auroc=_auroc(job.bulk.y, before["bulk"], rows.validation),
                    bulk_test_auroc=_auroc(job.bulk.y, before["bulk"], rows.test),
                    validation_loss=float(entropy[k] + distance[k] + spread[k]),
                    cross_entropy=float(entropy[k]),
                    mmd=float(distance[k] / settings.mmd_weight) if settings.mmd_weight else np.nan,
                    cluster_term=float(spread[k] / settings.cluster_weight)
                    if settings.cluster_weight
                    else np.nan,
                    mmd_before=float(before["mmd"]),
                    mmd_after=float(after["mmd"]),
                    epochs=(bulk[i].epochs, predictors[i].epochs, cells[i].epochs, int(outcome.epochs[k])),
                    bulk_before=predictors[i].weights if self.keep else None,
                    cells_before=_only(cells[i].weights, "cells") if self.keep else None,
                    transferred=part(outcome.state, k) if self.keep else None,
                )
            )
        return results

    def _views(self, members: list[int], state: State, encoders: tuple) -> dict[str, np.ndarray]:
        """Scores of all cells and lines, and the distance of their embeddings."""
        settings = self.jobs[members[0]].settings
        bulk_x, cells_x = (
            torch.stack([getattr(self.jobs[i], name).x for i in members]).to(self.device)
            for name in ("bulk", "cells")
        )
        seeds = [self.jobs[i].settings.seed(_PREDICTION) for i in members]
        with torch.no_grad():
            bulk_code, _ = encoders[0].forward(state, bulk_x)
            cell_code, _ = encoders[1].forward(state, cells_x)
            return {
                "bulk": scores(settings, state, bulk_code),
                "cells": score_cells(settings, state, cells_x, seeds),
                "mmd": mmd(bulk_code, cell_code, kernel="mixture").cpu().numpy(),
            }


def score_cells(
    settings: Settings, state: State, cells_x: torch.Tensor, seeds: list[np.random.SeedSequence]
) -> np.ndarray:
    """Scores (models, cells, 2) of cells, all in one batch as in the public code."""
    streams = Streams(seeds) if settings.prediction == "train" else None
    # Training mode moves running statistics; they must not change what a later call returns.
    state = {name: value.clone() for name, value in state.items()} if streams else state
    code, _ = settings.encoder_stack("cells", cells_x.shape[2]).forward(state, cells_x, streams)
    return scores(settings, state, code, streams)


def prediction_seed(settings: Settings) -> np.random.SeedSequence:
    """Stream of the dropout that stays active with ``prediction="train"``."""
    return settings.seed(_PREDICTION)


def scores(
    settings: Settings, state: State, code: torch.Tensor, streams: Streams | None = None
) -> np.ndarray:
    """Probabilities (models, rows, 2) of embeddings."""
    output, _ = settings.predictor_stack().forward(state, code, streams)
    probability = torch.sigmoid(output) if settings.loss == "sigmoid" else torch.softmax(output, dim=2)
    return probability.cpu().numpy()


def _auroc(y: torch.Tensor, probability: np.ndarray, rows: np.ndarray) -> float:
    labels = y[rows].numpy()
    if len(np.unique(labels)) < 2:
        return float("nan")
    return float(roc_auc_score(labels, probability[rows, 1]))


def _shapes(task: Task) -> tuple:
    parts = [task.rows, task.cells] if task.cells else [task.rows]
    return tuple((tuple(p.train.shape), tuple(p.validation.shape)) for p in parts)


def _only(weights: Weights, name: str) -> Weights:
    return {key: value for key, value in weights.items() if key.startswith(f"{name}.")}


def _renamed(weights: Weights, old: str, new: str) -> Weights:
    return {
        f"{new}{key.removeprefix(old)}" if key.startswith(f"{old}.") else key: value
        for key, value in weights.items()
    }
