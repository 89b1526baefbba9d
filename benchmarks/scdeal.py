"""Compare scDEAL's trainer with a plain torch loop, and many fits with as many single ones.

``python -m benchmarks.scdeal`` measures every engine in a process of its own. The first table is of the bulk
autoencoder: 448 training lines x 535 genes, three batches an epoch and the validation on 112 lines. The
second is of whole fits, four stages on 700 lines and 200 cells x 2,000 genes: one fit, and the fits of three
sampling options and two predictors, which share both autoencoders. Measure on a quiet machine; ratios count.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import time

import numpy as np

from benchmarks.runner import columns, measured, peak_memory

LINES, GENES, CELLS, CELL_GENES = 700, 535, 200, 2000
STEPS_AN_EPOCH = 3
SETTINGS = {"encoder": (256, 128), "bottleneck": 64, "predictor": (128, 64), "dropout": 0.1}
AUTOENCODERS = ("plain torch", "helpers, one model", "helpers, a batch", "helpers, a batch a core")
FITS = ("one fit", "six settings x 4 seeds, a core", "six settings x 4 seeds, all cores")


def draw_domains(seed: int = 0):
    """Random positive expression of lines and cells, and labels that depend on it."""
    rng = np.random.default_rng(seed)
    bulk = rng.gamma(2.0, 1.5, (LINES, GENES)).astype(np.float32)
    labels = (bulk[:, :10].sum(axis=1) > np.median(bulk[:, :10].sum(axis=1))).astype(float)
    cells = rng.gamma(0.5, 1.0, (CELLS, CELL_GENES)).astype(np.float32)
    return bulk, labels, cells


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def time_plain(epochs: int) -> float:
    """Milliseconds per step of a loop over torch modules, validation included."""
    import torch
    from torch import nn

    torch.set_num_threads(1)
    blocks, sizes = [], (GENES, 256, 128, 64, 128, 256, GENES)
    for i, (n_in, n_out) in enumerate(itertools.pairwise(sizes)):
        blocks.append(nn.Linear(n_in, n_out))
        if i not in (2, 5):
            blocks += [nn.BatchNorm1d(n_out), nn.Dropout(0.1)]
    net = nn.Sequential(*blocks, nn.Sigmoid())
    optimiser = torch.optim.Adam(net.parameters(), lr=0.01)
    schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(optimiser)
    x = torch.rand(448, GENES)
    held = torch.rand(112, GENES)

    def corrupted(rows):
        return rows * (torch.rand_like(rows) >= 0.2)

    def run(n: int) -> None:
        for _ in range(n):
            net.train()
            total = 0.0
            for rows in torch.randperm(448).split(200):
                noisy = corrupted(x[rows])
                loss = nn.functional.mse_loss(net(noisy), noisy)
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
                total += loss.item()
            schedule.step(total)
            net.eval()
            with torch.no_grad():
                noisy = corrupted(held)
                nn.functional.mse_loss(net(noisy), noisy).item()

    run(3)
    start = time.perf_counter()
    run(epochs)
    return 1000 * (time.perf_counter() - start) / epochs / STEPS_AN_EPOCH


def time_autoencoder(epochs: int, models: int, n_jobs: int) -> float:
    """Milliseconds per step and model of the package's trainer."""
    from helpers.studies.scdeal.model import ScDEAL, fit_many

    bulk, labels, cells = draw_domains()
    cells = cells[:20, :20]  # only stage 1 is of interest

    def fit(n: int) -> float:
        jobs = [
            (
                ScDEAL(**SETTINGS, epochs=(n, 0, 0, 0), stop_rate=0.0, random_state=seed, device="cpu"),
                bulk,
                labels,
                cells,
            )
            for seed in range(models)
        ]
        start = time.perf_counter()
        fit_many(jobs, n_jobs=n_jobs)
        return time.perf_counter() - start

    fit(3)
    return 1000 * (fit(epochs + 3) - fit(3)) / epochs / STEPS_AN_EPOCH / models


def time_fits(epochs: int, models: int, n_jobs: int) -> float:
    """Seconds per fit of all four stages."""
    from helpers.studies.scdeal.model import ScDEAL, fit_many

    bulk, labels, cells = draw_domains()
    variants = [
        {"sampling": sampling, "predictor": predictor}
        for sampling in (None, "up", "SMOTE")
        for predictor in ((128, 64), (256, 128))
    ]
    chosen = [(seed, variant) for seed in range(4) for variant in variants][:models]

    def fit(n: int, chosen: list) -> float:
        jobs = [
            (ScDEAL(**SETTINGS | v, epochs=n, random_state=seed, device="cpu"), bulk, labels, cells)
            for seed, v in chosen
        ]
        start = time.perf_counter()
        fit_many(jobs, n_jobs=n_jobs)
        return time.perf_counter() - start

    fit(1, chosen[:1])
    return fit(epochs, chosen) / len(chosen)


def measure(engine: str, epochs: int) -> dict:
    """Measure in this process; peak memory includes the imports."""
    if engine == "plain torch":
        value = time_plain(epochs)
    elif engine in AUTOENCODERS:
        batches = cores() if engine.endswith("core") else 1
        value = time_autoencoder(epochs, 1 if engine.endswith("one model") else 2 * batches, batches)
    else:
        value = time_fits(epochs, 1 if engine == "one fit" else 24, cores() if "all cores" in engine else 1)
    return {"value": value, "peak": peak_memory()}


def main() -> None:
    """Measure every engine, each in a process of its own, and print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=50)
    parser.add_argument("--one", metavar="ENGINE", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measure(options.one, options.epochs)))
        return
    from rich.console import Console
    from rich.table import Table

    tables = (
        (AUTOENCODERS, Table("bulk autoencoder", "ms per step and model", "ratio", "peak memory, MB")),
        (FITS, Table(f"four stages, {options.epochs} epochs", "s per fit", "ratio", "peak memory, MB")),
    )
    for engines, table in tables:
        base = None
        for engine in engines:
            result = measured("scdeal", engine, "--one", engine, "--epochs", str(options.epochs))
            base = base or result["value"]
            table.add_row(engine, *columns(result["value"], base, result["peak"]))
        Console().print(table)


if __name__ == "__main__":
    main()
