"""Measure whole fits of scDEAL: one alone, and many that share their autoencoders.

``python -m benchmarks.scdeal`` measures every row in a process of its own: four stages on 700 lines and
200 cells x 2,000 genes; one fit, and the fits of three sampling options and two predictors at four seeds.
Measure on a quiet machine; ratios count.
"""

from __future__ import annotations

import argparse
import json
import os
import time

import numpy as np

from benchmarks.runner import columns, measured, peak_memory

LINES, GENES, CELLS, CELL_GENES = 700, 535, 200, 2000
SETTINGS = {"encoder": (256, 128), "bottleneck": 64, "predictor": (128, 64), "dropout": 0.1}
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


def measure(row: str, epochs: int) -> dict:
    """Measure in this process; peak memory includes the imports."""
    value = time_fits(epochs, 1 if row == "one fit" else 24, cores() if "all cores" in row else 1)
    return {"value": value, "peak": peak_memory()}


def main() -> None:
    """Measure every row, each in a process of its own, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=50)
    parser.add_argument("--one", metavar="ROW", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measure(options.one, options.epochs)))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(f"four stages, {options.epochs} epochs", "s per fit", "ratio", "peak memory, MB")
    base = None
    for row in FITS:
        result = measured("scdeal", row, "--one", row, "--epochs", str(options.epochs))
        base = base or result["value"]
        table.add_row(row, *columns(result["value"], base, result["peak"]))
    Console().print(table)


if __name__ == "__main__":
    main()
