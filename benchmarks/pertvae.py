"""Measure PertVAE's training loop: one fit, and a fit a core side by side in threads.

``python -m benchmarks.pertvae`` measures each in a process of its own and prints milliseconds per epoch and
fit, at equal work: the published sizes, 978 genes, 17 training pairs and 150 singletons, an epoch of two
minibatches, and its validation on 6 pairs. Measure on a quiet machine; ratios count.
"""

from __future__ import annotations

import argparse
import json
import os
import time

import numpy as np

from benchmarks.runner import columns, measured, peak_memory

GENES, LATENT = 978, 100
PAIRS, SINGLE, WATCHED = 17, 150, 6
ENGINES = ("one fit", "a fit a core")


def draw_profiles(seed: int):
    rng = np.random.default_rng(seed)
    return [
        rng.standard_normal((n, GENES), dtype=np.float32) for n in (PAIRS, PAIRS, SINGLE, WATCHED, WATCHED)
    ]


def time_fits(epochs: int, fits: int) -> float:
    """Milliseconds per epoch and fit of ``fits`` models that train side by side in threads."""
    from joblib import Parallel, delayed

    from helpers.studies.pertvae.model import PertVAE

    def seconds(n: int) -> float:
        jobs = []
        for i in range(fits):
            pre, post, single, *watched = draw_profiles(i)
            model = PertVAE(LATENT, epochs=n, first_stop=n, random_state=i, device="cpu")
            jobs.append(delayed(model.fit)(pre, post, single, validation=watched))
        start = time.perf_counter()
        Parallel(fits, prefer="threads")(jobs)
        return time.perf_counter() - start

    return 1000 * (seconds(epochs + 2) - seconds(2)) / epochs / fits


def measure(engine: str, epochs: int) -> dict:
    """Measure in this process; peak memory includes the imports."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {"ms": time_fits(epochs, 1 if engine == "one fit" else cores), "peak": peak_memory()}


def main() -> None:
    """Measure both, each in a process of its own, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--one", metavar="ENGINE", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measure(options.one, options.epochs)))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("engine", "ms per epoch and fit", "times as fast as one fit", "peak memory, MB")
    base = None
    for engine in ENGINES:
        result = measured("pertvae", engine, "--one", engine, "--epochs", str(options.epochs))
        base = base or result["ms"]
        table.add_row(engine, *columns(result["ms"], base, result["peak"], digits=1))
    Console().print(table)


if __name__ == "__main__":
    main()
