"""Compare the trainers of the six perturbation networks with plain Keras ``fit``.

``python -m benchmarks.perturbation`` prints milliseconds per training step, for every network
and engine: ``fit`` of the Keras model, the Keras engine (the same model, one graph an epoch) and the compiled
engine. All do equal work: the network's published minibatch, forward, backward,
one Adam update, on one core. Every measurement has a process of its own, so that peak memory is that
engine's. Processor time is measured, which a busy machine disturbs less than wall time; ratios count.
"""

from __future__ import annotations

import argparse
import json
import time

import numpy as np

from benchmarks.runner import columns, measured, peak_memory

# Rows and genes: the L1000 panel, and the competition's table.
SIZES = {"L1000 panel": (104, 978), "competition": (491, 18_211)}
ENGINES = ("keras fit", "keras", "compiled")
STEPS = {"L1000 panel": 120, "competition": 34}
CODES = 64


def draw(rows: int, genes: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Random codes of five features and random changes."""
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, CODES, (rows, 5)).astype(np.int32)
    return codes, rng.normal(size=(rows, genes)).astype(np.float32)


def time_package(architecture: str, engine: str, rows: int, genes: int, epochs: int) -> float:
    """Processor seconds a step of one of the package's engines, start-up subtracted."""
    from helpers.studies.perturbation.model import PUBLISHED
    from helpers.studies.perturbation.model.architectures import Design, initial_weights
    from helpers.studies.perturbation.model.training import Task, Training, fit

    published = PUBLISHED[architecture]
    design = Design(architecture, genes, vocabulary=CODES)
    start = initial_weights(design, np.random.default_rng(0))

    def seconds(count: int) -> float:
        training = Training(design, "mse", count, published.batch_size, published.learning_rate)
        task = Task(*draw(rows, genes), start, np.random.default_rng(0))
        begin = time.process_time()
        fit(training, task, engine)
        return time.process_time() - begin

    seconds(1)  # compiles
    return (seconds(1 + epochs) - seconds(1)) / (epochs * -(-rows // published.batch_size))


def time_keras_fit(architecture: str, rows: int, genes: int, epochs: int) -> float:
    """Processor seconds a step of ``fit``, with Keras' own dropout mask given as an input of ones."""
    import keras

    from helpers.studies.perturbation.model import PUBLISHED
    from helpers.studies.perturbation.model.architectures import Design, build

    published = PUBLISHED[architecture]
    design = Design(architecture, genes)
    model = build(design)
    model.compile(keras.optimizers.Adam(published.learning_rate), loss="mse")
    codes, values = draw(rows, genes)
    inputs = [codes, np.ones((rows, design.dense), np.float32)]

    def fit(count: int) -> float:
        begin = time.process_time()
        model.fit(inputs, values, epochs=count, batch_size=published.batch_size, verbose=0)
        return time.process_time() - begin

    fit(1)
    return (fit(1 + epochs) - fit(1)) / (epochs * -(-rows // published.batch_size))


def measure(architecture: str, engine: str, size: str, scale: float) -> dict:
    """Measure in this process; peak memory includes the imports of the engine."""
    import torch

    from helpers.studies.perturbation.model import PUBLISHED

    torch.set_num_threads(1)
    rows, genes = SIZES[size]
    steps_an_epoch = -(-rows // PUBLISHED[architecture].batch_size)
    epochs = max(1, round(scale * STEPS[size] / steps_an_epoch))
    if engine == "keras fit":
        seconds = time_keras_fit(architecture, rows, genes, epochs)
    else:
        seconds = time_package(architecture, engine, rows, genes, epochs)
    return {"ms": 1000 * seconds, "peak": peak_memory()}


def main() -> None:
    """Measure every network and engine, each in a process of its own, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", choices=SIZES, action="append", help="default: the L1000 panel")
    parser.add_argument("--scale", type=float, default=1.0, help="multiply the number of steps")
    parser.add_argument("--one", nargs=3, metavar=("NETWORK", "ENGINE", "SIZE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measure(*options.one, options.scale)))
        return
    from rich.console import Console
    from rich.table import Table

    from helpers.studies.perturbation.model import PUBLISHED

    table = Table("size", "network", "engine", "ms per step", "times as fast as fit", "peak memory, MB")
    environment = {"OMP_NUM_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}
    for size in options.size or ["L1000 panel"]:
        for architecture in PUBLISHED:
            base = None
            for engine in ENGINES:
                what = f"{architecture} with {engine} at size {size}"
                words = ("--scale", str(options.scale), "--one", architecture, engine, size)
                result = measured("perturbation", what, *words, environment=environment)
                base = base or result["ms"]
                table.add_row(size, architecture, engine, *columns(result["ms"], base, result["peak"]))
    Console().print(table)


if __name__ == "__main__":
    main()
