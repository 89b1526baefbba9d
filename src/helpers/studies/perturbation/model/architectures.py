"""The six networks of Table III as Keras models, in layers that every Keras backend has."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np

from helpers.bounds import check_number
from helpers.errors import ParameterError
from helpers.studies.perturbation.model.encoder import FEATURES
from helpers.studies.perturbation.model.published import DROPOUT, EMBEDDING, PUBLISHED, VOCABULARY

# Keras takes seconds to import and fixes its backend then, so it is imported where a network is built.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

_CHOICES = {
    "architecture": tuple(PUBLISHED),
    "tables": ("separate", "shared"),
    "length": ("code", "number"),
    "stack": ("three", "printed"),
    "attention": ("dot", "additive", "none"),
    "pooling": ("mean+last", "flatten"),
    "transformer": ("block", "bare"),
    "autoencoder": ("bottleneck", "reconstruct"),
}


@dataclass(frozen=True)
class Design:
    """Everything that fixes the shape of one network; see :class:`PerturbationNetwork` for the options."""

    architecture: str
    genes: int
    features: tuple[str, ...] = tuple(FEATURES)
    length: str = "code"
    tables: str = "separate"
    units: int | None = None
    stack: str = "three"
    attention: str = "dot"
    pooling: str = "mean+last"
    transformer: str = "block"
    autoencoder: str = "bottleneck"
    dropout: float = DROPOUT
    vocabulary: int = VOCABULARY

    def __post_init__(self) -> None:
        for name, allowed in _CHOICES.items():
            if getattr(self, name) not in allowed:
                msg = f"{name}={getattr(self, name)!r} is not one of {', '.join(allowed)}"
                raise ParameterError(msg)
        if self.units is not None:
            check_number("units", self.units, 1, whole=True, error=ParameterError)
            if self.architecture not in ("LSTM", "GRU"):
                msg = f"units={self.units} with {self.architecture}: for LSTM and GRU only"
                raise ParameterError(msg)
        check_number("dropout", self.dropout, 0, 1, error=ParameterError)
        if self.dropout == 1:
            msg = f"dropout={self.dropout} is outside [0, 1)"
            raise ParameterError(msg)

    @property
    def dense(self) -> int:
        """Units of the last hidden layer, which dropout masks."""
        return PUBLISHED[self.architecture].dense

    @property
    def penalised(self) -> bool:
        """Whether the model returns a second output, a penalty a row that joins the loss."""
        return self.architecture == "Autoencoder" and self.autoencoder == "reconstruct"

    @property
    def recurrent_units(self) -> tuple[int, ...]:
        """Units of the recurrent layers, bottom up."""
        published = PUBLISHED[self.architecture]
        if self.units is not None:
            return (self.units,)
        return published.units if self.stack == "three" else published.printed_units


def build(design: Design) -> Any:
    """Build the network of ``design`` with Keras' own starting weights.

    Inputs are ``codes``, int32 (rows, features), and ``mask``, float32 (rows, dense units), what dropout
    multiplies the last hidden layer with: 1 in prediction, 0 or 1 / (1 - rate) in training. Masks come
    from outside so that one seed means the same numbers on every engine. The output is (rows, genes), for
    the reconstructing autoencoder with a second output (rows,), a penalty that joins the loss.

    Returns
    -------
    keras.Model
    """
    import keras
    from keras import layers

    _one_core()
    published = PUBLISHED[design.architecture]
    codes = keras.Input((len(design.features),), dtype="int32", name="codes")
    mask = keras.Input((design.dense,), name="mask")
    steps = _embed(design, codes)
    penalty = None
    if design.architecture == "Autoencoder":
        hidden, penalty = _autoencoder(design, steps)
    else:
        core = _transformer if design.architecture == "Transformer" else _recurrent
        hidden = core(design, steps)
    hidden = layers.Dense(published.dense, activation=published.activation, name="dense")(hidden)
    hidden = layers.Multiply(name="dropout")([hidden, mask])
    output = layers.Dense(design.genes, name="output")(hidden)
    return keras.Model([codes, mask], output if penalty is None else [output, penalty], name="network")


@lru_cache(maxsize=1)
def _one_core() -> None:
    """Keep TensorFlow on one core: fits run in parallel processes, and results do not depend on cores."""
    import keras

    if keras.backend.backend() != "tensorflow":
        return
    import tensorflow as tf

    # Once TensorFlow has computed anything, whoever used it first has chosen its threads.
    with contextlib.suppress(RuntimeError):
        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(1)


def _embed(design: Design, codes: Any) -> Any:
    """Stack the embedded features as steps: (rows, features, embedding)."""
    from keras import layers, ops

    shared = layers.Embedding(design.vocabulary, EMBEDDING, name="embedding")
    steps = []
    for i, feature in enumerate(design.features):
        column = codes[:, i]
        if feature == "length" and design.length == "number":
            number = ops.cast(column, "float32")[:, None]
            steps.append(layers.Dense(EMBEDDING, name="embedding_length")(number))
        elif design.tables == "shared":
            steps.append(shared(column))
        else:
            name = f"embedding_{feature}"
            steps.append(layers.Embedding(design.vocabulary, EMBEDDING, name=name)(column))
    return ops.stack(steps, axis=1)


def _recurrent(design: Design, steps: Any) -> Any:
    from keras import layers

    attends = design.architecture == "GRU3-ATTN"
    layer = layers.LSTM if design.architecture == "LSTM" else layers.GRU
    units = design.recurrent_units
    for i, n in enumerate(units):
        # The sequence has as many steps as features: unrolled, it is one graph without a loop.
        sequence = attends or i < len(units) - 1
        steps = layer(n, return_sequences=sequence, unroll=True, name=f"recurrent_{i + 1}")(steps)
    if not attends:
        return steps
    attended = steps  # "none": the control in which only attention is missing
    if design.attention != "none":
        kind = layers.Attention if design.attention == "dot" else layers.AdditiveAttention
        attended = kind(name="attention")([steps, steps])
    if design.pooling == "flatten":
        return layers.Flatten(name="flatten")(attended)
    mean = layers.GlobalAveragePooling1D(name="mean")(attended)
    return layers.Concatenate(name="mean_and_last")([mean, steps[:, -1]])


def _transformer(design: Design, steps: Any) -> Any:
    from keras import layers

    heads = PUBLISHED["Transformer"].units[0]
    attended = layers.MultiHeadAttention(heads, key_dim=16, name="attention")(steps, steps)
    if design.transformer == "bare":
        return layers.Flatten(name="flatten")(attended)
    steps = layers.LayerNormalization(name="norm_1")(layers.Add(name="residual_1")([steps, attended]))
    forward = layers.Dense(64, activation="relu", name="forward_1")(steps)
    forward = layers.Dense(EMBEDDING, name="forward_2")(forward)
    steps = layers.LayerNormalization(name="norm_2")(layers.Add(name="residual_2")([steps, forward]))
    return layers.GlobalAveragePooling1D(name="mean")(steps)


def _autoencoder(design: Design, steps: Any) -> tuple[Any, Any]:
    """Last decoder layer (rows, 256), and the penalty (rows,) or None."""
    from keras import layers, ops

    flat = code = layers.Flatten(name="flatten")(steps)
    names = ("encoder_1", "latent", "decoder_1", "decoder_2")
    for units, name in zip(PUBLISHED["Autoencoder"].units, names, strict=True):
        code = layers.Dense(units, activation="relu", name=name)(code)
    if not design.penalised:
        return code, None
    again = layers.Dense(flat.shape[-1], name="reconstruction")(code)
    return code, ops.mean((again - flat) ** 2, axis=-1)


def initial_weights(design: Design, rng: np.random.Generator) -> list[np.ndarray]:
    """Draw Keras' default start for every weight, from numpy's generator.

    Glorot-uniform kernels, orthogonal recurrent kernels, embeddings uniform in +-0.05, biases zero (an
    LSTM's forget gate one), as each layer's default; the same numbers on every backend.

    Returns
    -------
    list of float32 arrays, in the order of the Keras model's trainable variables
    """
    # Only the output layer knows the number of genes: one model gives the shapes for all data sets.
    shapes = {v.path: tuple(v.shape) for v in scratch_model(replace(design, genes=1)).trainable_variables}
    shapes |= {"output/kernel": (design.dense, design.genes), "output/bias": (design.genes,)}
    return [_draw(path, shape, rng) for path, shape in shapes.items()]


@lru_cache(maxsize=8)
def scratch_model(design: Design) -> Any:
    """Return a Keras model to read shapes from or to write weights into, one a design for all callers."""
    return build(design)


def _draw(path: str, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    kind = path.rsplit("/", 1)[-1]
    if kind == "embeddings":
        value = rng.uniform(-0.05, 0.05, shape)
    elif kind == "recurrent_kernel":
        rows, columns = shape
        q, r = np.linalg.qr(rng.normal(size=(columns, rows)))
        value = (q * np.sign(np.diag(r))).T
    elif kind in ("kernel", "scale"):
        # The attention's kernels are (in, heads, key), the one that ends it is (heads, key, out).
        split = -1 if "attention_output" in path else 1
        fans = np.prod(shape[:split]) + np.prod(shape[split:]) if len(shape) > 1 else 2 * shape[0]
        value = rng.uniform(-1, 1, shape) * np.sqrt(6 / fans)
    elif kind == "gamma":
        value = np.ones(shape)
    elif kind in ("bias", "beta"):
        value = np.zeros(shape)
        if "lstm_cell" in path:
            value[shape[0] // 4 : shape[0] // 2] = 1
    else:
        msg = f"no starting values are known for the weight {path}"
        raise NotImplementedError(msg)
    return value.astype(np.float32)
