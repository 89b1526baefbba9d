"""Training on TensorFlow: an epoch of all models of a group is one compiled graph."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import tensorflow as tf

from helpers.studies.perturbation.model.architectures import Design, build
from helpers.studies.perturbation.model.losses import row_losses
from helpers.studies.perturbation.model.training import (
    BETA_1,
    BETA_2,
    EPSILON,
    Task,
    Training,
    padded,
    trained_part,
)


class TensorFlowEngine:
    """See :class:`helpers.studies.perturbation.model.training.Engine`."""

    def load(self, training: Training, tasks: list[Task]) -> None:
        """Take the data and starting weights of a group."""
        self._epoch, self._loss = _compiled(training.design, training.loss)
        starts = ([trained_part(w, training.design) for w in task.weights] for task in tasks)
        self._weights = [tf.Variable(np.stack(same)) for same in zip(*starts, strict=True)]
        self._first, self._second, self._kept = (
            [tf.Variable(tf.zeros_like(w)) for w in self._weights] for _ in range(3)
        )
        self._data = tuple(tf.constant(padded([getattr(t, n) for t in tasks])) for n in ("codes", "targets"))
        if training.patience is not None:
            self._held_out = tuple(tf.constant(padded([t.validation[i] for t in tasks])) for i in (0, 1))
            ones = [np.ones(len(t.validation[0]), np.float32) / len(t.validation[0]) for t in tasks]
            self._share = tf.constant(padded(ones))
        self._rate = tf.constant(training.learning_rate, tf.float32)
        self._step = tf.Variable(0.0)

    def train_epoch(self, order, weight, mask, noise) -> np.ndarray:
        """Train one epoch; mean loss of each model."""
        drawn = (order, weight, mask) if noise is None else (order, weight, mask, noise)
        # Minibatches come first, so that a step takes a slice that lies in one piece.
        drawn = tuple(tf.constant(np.ascontiguousarray(a.swapaxes(0, 1))) for a in drawn)
        state = self._weights, self._first, self._second, self._step
        return self._epoch(*state, *self._data, self._rate, drawn).numpy()

    def validation_loss(self) -> np.ndarray:
        """Loss of each model on its validation rows."""
        return self._loss(self._weights, *self._held_out, self._share).numpy()

    def keep(self, which: np.ndarray) -> None:
        """Remember the present weights of some models."""
        for kept, weight in zip(self._kept, self._weights, strict=True):
            if which.all():
                kept.assign(weight)
            else:
                kept.assign(tf.where(which.reshape(-1, *[1] * (len(weight.shape) - 1)), weight, kept))

    def kept(self) -> list[np.ndarray]:
        """Return the remembered weights, (models, ...) each."""
        return [w.numpy() for w in self._kept]


@lru_cache(maxsize=32)
def _compiled(design: Design, loss: str):
    """Graphs of an epoch and of the validation loss; kept, since tracing takes seconds."""
    model = build(design)
    fixed = [v.value for v in model.non_trainable_variables]

    def one(arguments):
        weights, inputs = arguments
        return model.stateless_call(weights, fixed, inputs, training=True)[0]

    def losses(weights, inputs, targets, share):
        outputs = tf.vectorized_map(one, (weights, inputs))
        return tf.reduce_sum(row_losses(loss, outputs, targets) * share, axis=1)

    @tf.function
    def epoch(weights, first, second, step, codes, targets, rate, drawn):
        total = tf.zeros(tf.shape(codes)[0])
        count = tf.shape(drawn[0])[0]
        for i in tf.range(count):
            order, share, *inputs = (a[i] for a in drawn)
            inputs = [tf.gather(codes, order, axis=1, batch_dims=1), *inputs]
            goal = tf.gather(targets, order, axis=1, batch_dims=1)
            values = [w.read_value() for w in weights]
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(values)
                each = losses(values, inputs, goal, share)
            # The models share no weight, so the gradient of the sum holds that of every model.
            gradients = tape.gradient(each, values)
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
            total += each
        # A sum is finite only if every entry is; that costs one pass an epoch.
        sums = [tf.reduce_sum(tf.reshape(w * 0.0, (tf.shape(w)[0], -1)), axis=1) for w in weights]
        return total / tf.cast(count, tf.float32) + tf.add_n(sums)

    @tf.function
    def held_out(weights, codes, targets, share):
        shape = tf.shape(codes)
        inputs = [codes, tf.ones((shape[0], shape[1], design.dense))]
        if design.latent_noise:
            inputs.append(tf.zeros((shape[0], shape[1], design.latent_noise)))
        return losses([tf.convert_to_tensor(w) for w in weights], inputs, targets, share)

    return epoch, held_out
