"""Training of the Keras model itself on TensorFlow: an epoch is one compiled graph."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import tensorflow as tf

from helpers.studies.perturbation.model.architectures import Design, build
from helpers.studies.perturbation.model.training import (
    BETA_1,
    BETA_2,
    EPSILON,
    Task,
    Training,
    trained_part,
)


class KerasEngine:
    """See :class:`helpers.studies.perturbation.model.training.Engine`."""

    def __init__(self, training: Training, task: Task) -> None:
        self._epoch, self._loss = _graphs(training.design, training.loss)
        self._weights = [tf.Variable(trained_part(w, training.design)) for w in task.weights]
        self._first, self._second, self._kept = (
            [tf.Variable(tf.zeros_like(w)) for w in self._weights] for _ in range(3)
        )
        self._data = tf.constant(task.codes), tf.constant(task.targets)
        if task.validation is not None:
            self._held_out = tuple(tf.constant(part) for part in task.validation)
        self._rate = tf.constant(training.learning_rate, tf.float32)
        self._step = tf.Variable(0.0)

    def train_epoch(self, order: np.ndarray, weight: np.ndarray, mask: np.ndarray) -> float:
        """Train one epoch; its mean loss."""
        state = self._weights, self._first, self._second, self._step
        drawn = tuple(tf.constant(a) for a in (order, weight, mask))
        return float(self._epoch(*state, *self._data, self._rate, drawn))

    def validation_loss(self) -> float:
        """Loss on the validation rows."""
        return float(self._loss(self._weights, *self._held_out))

    def keep(self) -> None:
        """Remember the present weights."""
        for kept, weight in zip(self._kept, self._weights, strict=True):
            kept.assign(weight)

    def kept(self) -> list[np.ndarray]:
        """Return the remembered weights."""
        return [w.numpy() for w in self._kept]


@lru_cache(maxsize=32)
def _graphs(design: Design, loss: str):
    """Graphs of an epoch and of the validation loss; kept, since tracing takes seconds."""
    model = build(design)
    fixed = [v.value for v in model.non_trainable_variables]

    def row_losses(weights, codes, mask, targets):
        """Loss of each row; an autoencoder's penalty joins it."""
        outputs = model.stateless_call(weights, fixed, [codes, mask], training=True)[0]
        predicted, *penalty = outputs if isinstance(outputs, list | tuple) else [outputs]
        error = predicted - targets
        value = tf.reduce_mean(tf.abs(error) if loss == "mae" else error * error, axis=-1)
        return value + penalty[0] if penalty else value

    @tf.function(reduce_retracing=True)
    def epoch(weights, first, second, step, codes, targets, rate, drawn):
        total = tf.zeros(())
        count = tf.shape(drawn[0])[0]
        for i in tf.range(count):
            order, share, mask = (a[i] for a in drawn)
            values = [w.read_value() for w in weights]
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(values)
                each = row_losses(values, tf.gather(codes, order), mask, tf.gather(targets, order))
                value = tf.reduce_sum(each * share)
            gradients = tape.gradient(value, values)
            step.assign_add(1.0)
            for w, m, v, g in zip(weights, first, second, gradients, strict=True):
                tf.raw_ops.ResourceApplyAdam(
                    var=w.handle,
                    m=m.handle,
                    v=v.handle,
                    beta1_power=tf.pow(BETA_1, step),
                    beta2_power=tf.pow(BETA_2, step),
                    lr=rate,
                    beta1=BETA_1,
                    beta2=BETA_2,
                    epsilon=EPSILON,
                    grad=tf.convert_to_tensor(g),
                )
            total += value
        # A sum is finite only if every entry is; that costs one pass an epoch.
        return total / tf.cast(count, tf.float32) + tf.add_n([tf.reduce_sum(w * 0.0) for w in weights])

    @tf.function(reduce_retracing=True)
    def held_out(weights, codes, targets):
        ones = tf.ones((tf.shape(codes)[0], design.dense))
        values = [tf.convert_to_tensor(w) for w in weights]
        return tf.reduce_mean(row_losses(values, codes, ones, targets))

    return epoch, held_out
