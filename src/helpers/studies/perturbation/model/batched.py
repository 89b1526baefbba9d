"""Training of many fits of one design, group by group on a model axis.

Every array has a leading axis of models. The order of the rows, dropout's masks and latent noise are drawn
by numpy from each fit's own seed, so that a fit gives the same numbers alone, in a group, and on every
engine (up to rounding).
"""

from __future__ import annotations

import numpy as np
import torch

from helpers.errors import ParameterError
from helpers.studies.perturbation.model import cpu_engine
from helpers.studies.perturbation.model.training import Engine, Fitted, Task, Training, trained_part

#: Why a fit ended.
DONE, STOPPED, NOT_FINITE = "all epochs done", "early stopping", "loss not finite"
ENGINES = ("auto", "cpu", "keras")

# Bytes that the weights of one group, their gradients and Adam's state may take.
_GROUP_BYTES = 400_000_000
_GROUP_MODELS = 8


def group_size(parameters: int) -> int:
    """How many models of ``parameters`` weights train together."""
    return int(np.clip(_GROUP_BYTES // (24 * parameters), 1, _GROUP_MODELS))


def fit_batch(training: Training, tasks: list[Task], engine: str = "auto") -> list[Fitted]:
    """Train ``tasks``.

    Fits may differ in their rows, start and seed; those with unequal numbers of minibatches an epoch
    train in different groups. Only the rows of the embedding tables that a group's codes name are
    trained: the others have no gradient and, under Adam, keep their start to the last bit.

    Parameters
    ----------
    training : Training
    tasks : list of Task
    engine : {"auto", "cpu", "keras"}
        ``"keras"`` trains the Keras model itself, several fits on a model axis, on the backend that
        Keras runs on. ``"cpu"`` trains the same weights one fit after the other in compiled code.
        ``"auto"``: Keras where it has a GPU or the other engine does not know the design.

    Raises
    ------
    ParameterError
        If the engine is unknown, does not know the design, or Keras runs on another backend than
        TensorFlow or PyTorch.
    """
    if engine not in ENGINES:
        msg = f"engine={engine!r} is not one of {', '.join(ENGINES)}"
        raise ParameterError(msg)
    known = cpu_engine.knows(training.design)
    if engine == "cpu" and not known:
        msg = (
            f"the CPU engine does not know this reading of {training.design.architecture}; use engine='keras'"
        )
        raise ParameterError(msg)
    if engine == "cpu" or (engine == "auto" and known and not _keras_has_gpu()):
        runner, size = cpu_engine.CpuEngine(), 1
    else:
        runner = _keras_engine()
        size = group_size(sum(trained_part(w, training.design).size for w in tasks[0].weights))
    steps = [-(-len(t.codes) // training.batch_size) for t in tasks]
    fitted: dict[int, Fitted] = {}
    for length in sorted(set(steps)):
        alike = [i for i, n in enumerate(steps) if n == length]
        # Groups of equal size where that is possible.
        for group in np.array_split(alike, -(-len(alike) // size)):
            results = _fit_group(runner, training, [tasks[i] for i in group], length)
            fitted.update(zip(group.tolist(), results, strict=True))
    return [fitted[i] for i in range(len(tasks))]


def _keras_has_gpu() -> bool:
    import keras

    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        return bool(tf.config.list_physical_devices("GPU"))
    return backend == "torch" and torch.cuda.is_available()


def _keras_engine() -> Engine:
    import keras

    backend = keras.backend.backend()
    if backend == "tensorflow":
        from helpers.studies.perturbation.model.tensorflow_engine import TensorFlowEngine

        return TensorFlowEngine()
    if backend == "torch":
        from helpers.studies.perturbation.model.torch_engine import TorchEngine

        return TorchEngine()
    msg = f"Keras runs on {backend!r}; set KERAS_BACKEND to tensorflow or torch before Python starts"
    raise ParameterError(msg)


def _fit_group(engine: Engine, training: Training, tasks: list[Task], steps: int) -> list[Fitted]:
    engine.load(training, tasks)
    count = len(tasks)
    running = np.ones(count, bool)
    best = np.full(count, np.inf)
    best_epoch = np.zeros(count, int)
    stopped = [DONE] * count
    history: list[list[tuple[float, ...]]] = [[] for _ in tasks]
    engine.keep(running)
    for epoch in range(1, training.epochs + 1):
        draws = [_draw_epoch(task, training, steps) for task in tasks]
        order, weight, mask, noise = (_stacked(parts) for parts in zip(*draws, strict=True))
        losses = engine.train_epoch(order, weight, mask, noise)
        finite = np.isfinite(losses)
        better = running & finite
        scores = losses[:, None]
        if training.patience is not None:
            held_out = engine.validation_loss()
            finite &= np.isfinite(held_out)
            better &= finite & (held_out < best)
            best = np.where(better, held_out, best)
            best_epoch[better] = epoch
            scores = np.column_stack([losses, held_out])
        engine.keep(better)
        for i in np.flatnonzero(running):
            history[i].append(tuple(scores[i]))
            if not finite[i]:
                running[i], stopped[i] = False, NOT_FINITE
            elif training.patience is not None and epoch - best_epoch[i] >= training.patience:
                running[i], stopped[i] = False, STOPPED
        if not running.any():
            break
    weights = engine.kept()
    return [
        Fitted(
            [_whole(w[i], start) for w, start in zip(weights, task.weights, strict=True)],
            np.array(history[i]),
            len(history[i]),
            stopped[i],
        )
        for i, task in enumerate(tasks)
    ]


def _whole(trained: np.ndarray, start: np.ndarray) -> np.ndarray:
    """Trained rows of an embedding table above the rows that no code names; other weights as they are."""
    if trained.shape == start.shape:
        return trained
    return np.concatenate([trained, start[len(trained) :]])


def _stacked(parts: tuple) -> np.ndarray | None:
    return None if parts[0] is None else np.stack(parts)


def _draw_epoch(task: Task, training: Training, steps: int) -> tuple:
    """Order, row weights, dropout mask and noise of one epoch of one fit, cut into minibatches."""
    n, batch, design = len(task.codes), training.batch_size, training.design
    order = np.zeros(steps * batch, np.int32)
    order[:n] = task.rng.permutation(n)
    weight = np.zeros(steps * batch, np.float32)
    weight[:n] = 1
    weight = weight.reshape(steps, batch)
    weight /= weight.sum(axis=1, keepdims=True)
    mask = np.ones((steps * batch, design.dense), np.float32)
    if design.dropout:
        kept = task.rng.random((n, design.dense), np.float32) >= design.dropout
        mask[:n] = kept * np.float32(1 / (1 - design.dropout))
    noise = None
    if design.latent_noise:
        noise = np.zeros((steps * batch, design.latent_noise), np.float32)
        noise[:n] = task.rng.standard_normal((n, design.latent_noise), np.float32)
        noise = noise.reshape(steps, batch, -1)
    return order.reshape(steps, batch), weight, mask.reshape(steps, batch, -1), noise
