"""Compare the RefDNN trainer with a plain Keras loop at the four sizes of the study.

``python -m benchmarks.refdnn`` measures every engine and size in a process of its own, so that peak memory is
that engine's, and prints milliseconds per training step and model. Both engines do equal work: gather 64
lines by index, one forward and backward pass of RefDNN with 128 hidden units, one FTRL and one Adam update.
Measure on a quiet machine; ratios count, absolute figures are orientation.
"""

from __future__ import annotations

import argparse
import json
import os
import time

import numpy as np

from benchmarks.runner import columns, measured, peak_memory

# Lines, genes, drugs, pairs: CCLE and GDSC as panel and as in the paper.
SIZES = {
    "CCLE panel": (470, 535, 12, 5_000),
    "GDSC panel": (697, 535, 198, 100_000),
    "CCLE paper": (491, 18_926, 12, 5_724),
    "GDSC paper": (983, 17_780, 222, 190_036),
}
STEPS = {"CCLE panel": 2000, "GDSC panel": 500, "CCLE paper": 300, "GDSC paper": 100}
ENGINES = ("keras", "helpers, one model", "helpers, a model a core")
HIDDEN, BATCH = 128, 64
SETTINGS = {"lr_ftrl": 0.01, "lr_adam": 0.001, "l1": 0.001, "l2": 0.001}


def draw_pairs(size: str, seed: int = 0):
    """Random expression (positive, skewed like log TPM), structure, pairs and labels."""
    lines, genes, drugs, pairs = SIZES[size]
    rng = np.random.default_rng(seed)
    expression = rng.gamma(2.0, 1.5, (lines, genes)).astype(np.float32)
    bits = rng.integers(0, 2, (drugs, 256)).astype(np.uint8)
    codes = np.column_stack([rng.integers(0, lines, pairs), rng.integers(0, drugs, pairs)])
    return expression, bits, codes, rng.integers(0, 2, pairs)


def time_helpers(size: str, steps: int, models: int) -> float:
    """Milliseconds per step and model of the package's CPU engine, validation left out."""
    from helpers.studies.refdnn.features import PairFeatures
    from helpers.studies.refdnn.model import RefDNNClassifier, fit_many

    expression, bits, codes, y = draw_pairs(size)
    names = [np.arange(n).astype(str) for n in (len(expression), len(bits), expression.shape[1])]
    features = PairFeatures(expression, bits, *names)
    held = codes[:BATCH], y[:BATCH]

    def fit(n_steps: int) -> float:
        jobs = [
            (
                RefDNNClassifier(
                    features,
                    HIDDEN,
                    **SETTINGS,
                    steps=n_steps,
                    evaluate_every=n_steps,
                    first_evaluation=n_steps,
                    random_state=i,
                    device="cpu",
                ),
                codes,
                y,
                held,
            )
            for i in range(models)
        ]
        start = time.perf_counter()
        fit_many(jobs, n_jobs=models)
        return time.perf_counter() - start

    fit(2)  # compiles, or loads the compiled code
    return 1000 * (fit(steps + 10) - fit(10)) / steps / models


def time_keras(size: str, steps: int) -> float:
    """Milliseconds per step of a plain Keras loop with two optimisers."""
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    import keras
    import tensorflow as tf

    from helpers.studies.refdnn.features import tanimoto

    expression, bits, codes, y = draw_pairs(size)
    x_all, s_all = tf.constant(expression), tf.constant(tanimoto(bits))
    encoder = keras.layers.Dense(len(bits))
    dense = [keras.layers.Dense(HIDDEN), keras.layers.Dense(HIDDEN), keras.layers.Dense(1)]
    norm = [
        keras.layers.BatchNormalization(center=False, scale=False, momentum=0.99, epsilon=1e-3) for _ in "12"
    ]
    ftrl = keras.optimizers.Ftrl(
        SETTINGS["lr_ftrl"],
        l1_regularization_strength=SETTINGS["l1"],
        l2_regularization_strength=SETTINGS["l2"],
    )
    adam = keras.optimizers.Adam(SETTINGS["lr_adam"])
    stream = tf.data.Dataset.from_tensor_slices((codes, y.astype(np.float32)))
    stream = iter(stream.repeat().shuffle(10_000).batch(BATCH, drop_remainder=True))
    bce = tf.nn.sigmoid_cross_entropy_with_logits

    def loss_of(lines, drugs, labels):
        a = encoder(tf.gather(x_all, lines))
        h = tf.gather(s_all, drugs) * tf.sigmoid(a)
        for layer, normal in zip(dense, norm, strict=False):
            h = tf.sigmoid(normal(layer(h), training=True))
        own = tf.gather(a, drugs, axis=1, batch_dims=1)
        return 0.5 * tf.reduce_mean(bce(labels, dense[2](h)[:, 0])) + 0.5 * tf.reduce_mean(bce(labels, own))

    first, labels = next(stream)
    loss_of(first[:, 0], first[:, 1], labels)
    network = [v for layer in dense for v in layer.trainable_variables]
    ftrl.build(encoder.trainable_variables)
    adam.build(network)

    @tf.function
    def step(lines, drugs, labels):
        with tf.GradientTape() as tape:
            loss = loss_of(lines, drugs, labels)
        gradients = tape.gradient(loss, [*encoder.trainable_variables, *network])
        ftrl.apply(gradients[:2], encoder.trainable_variables)
        adam.apply(gradients[2:], network)

    def run(n_steps: int) -> float:
        start = time.perf_counter()
        for _ in range(n_steps):
            codes_now, labels_now = next(stream)
            step(codes_now[:, 0], codes_now[:, 1], labels_now)
        return time.perf_counter() - start

    run(10)
    return 1000 * run(steps) / steps


def measure(engine: str, size: str, steps: int) -> dict:
    """Measure in this process; peak memory includes the imports of the engine."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    if engine == "keras":
        ms = time_keras(size, steps)
    else:
        ms = time_helpers(size, steps, 1 if engine.endswith("one model") else cores)
    return {"ms": ms, "peak": peak_memory()}


def main() -> None:
    """Measure every engine and size, each in a process of its own, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", choices=SIZES, action="append", help="default: all four")
    parser.add_argument("--scale", type=float, default=1.0, help="multiply the number of steps")
    parser.add_argument("--one", nargs=3, metavar=("ENGINE", "SIZE", "STEPS"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        engine, size, steps = options.one
        print(json.dumps(measure(engine, size, int(steps))))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("size", "engine", "ms per step and model", "times as fast as Keras", "peak memory, MB")
    for size in options.size or SIZES:
        steps = max(10, int(STEPS[size] * options.scale))
        base = None
        for engine in ENGINES:
            result = measured("refdnn", f"{engine} at size {size}", "--one", engine, size, str(steps))
            base = base or result["ms"]
            table.add_row(size, engine, *columns(result["ms"], base, result["peak"]))
    Console().print(table)


if __name__ == "__main__":
    main()
