"""Shapes, initial values and counts of RefDNN's parameters."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from helpers.bounds import check_number

#: Initial value of FTRL's squared-gradient sum (TensorFlow's ``initial_accumulator_value``).
FTRL_INITIAL_ACCUMULATOR = 0.1


@dataclass(frozen=True)
class Layout:
    """Sizes of one network and the places of its parts in the flat parameter vector.

    The encoder ``dense0`` (genes -> reference drugs) is kept apart, since another optimiser owns it.
    Everything else lies in one vector: W1, b1, W2, b2, w3, b3, gamma1, beta1, gamma2, beta2.

    Attributes
    ----------
    genes, drugs, hidden : int
        G, D (reference drugs) and H of the paper's figure.
    """

    genes: int
    drugs: int
    hidden: int

    def __post_init__(self) -> None:
        for name in ("genes", "drugs", "hidden"):
            check_number(name, getattr(self, name), 1, whole=True)

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Name -> shape of the parts of the flat vector, in order."""
        d, h = self.drugs, self.hidden
        return {
            "W1": (d, h),
            "b1": (h,),
            "W2": (h, h),
            "b2": (h,),
            "w3": (h,),
            "b3": (1,),
            "gamma1": (h,),
            "beta1": (h,),
            "gamma2": (h,),
            "beta2": (h,),
        }

    @property
    def network_size(self) -> int:
        """Number of entries of the flat vector that hold kernels and biases."""
        d, h = self.drugs, self.hidden
        return d * h + h + h * h + h + h + 1

    @property
    def size(self) -> int:
        """Length of the flat vector, batch normalisation included."""
        return self.network_size + 4 * self.hidden

    def parts(self, flat: np.ndarray) -> dict[str, np.ndarray]:
        """Return views into ``flat`` by name."""
        views, start = {}, 0
        for name, shape in self.shapes.items():
            stop = start + int(np.prod(shape))
            views[name] = flat[start:stop].reshape(shape)
            start = stop
        return views

    def count_parameters(self) -> dict[str, int]:
        """Count the weights as published and as they really are.

        Returns
        -------
        dict
            ``encoder`` (FTRL), ``network`` (Adam), ``batch_norm`` (gamma, beta; never trained),
            ``learned`` = encoder + network, ``weights`` = learned + batch_norm, and ``published`` =
            every TensorFlow variable, optimiser slots included (the report's "737,313" at CCLE
            size with H = 128).
        """
        encoder = self.genes * self.drugs + self.drugs
        network = self.network_size
        batch_norm = 4 * self.hidden
        return {
            "encoder": encoder,
            "network": network,
            "batch_norm": batch_norm,
            "learned": encoder + network,
            "weights": encoder + network + batch_norm,
            "published": 3 * encoder + 3 * network + 2 * batch_norm + 2,
        }

    def initial_network(self, rng: np.random.Generator) -> np.ndarray:
        """Draw the flat vector with Glorot-uniform kernels, zero biases, gamma 1 and beta 0."""
        flat = np.zeros(self.size, dtype=np.float32)
        parts = self.parts(flat)
        d, h = self.drugs, self.hidden
        for name, fan_in, fan_out in (("W1", d, h), ("W2", h, h), ("w3", h, 1)):
            parts[name][...] = glorot_uniform(rng, fan_in, fan_out, parts[name].shape)
        parts["gamma1"][...] = 1
        parts["gamma2"][...] = 1
        return flat

    def initial_encoder(self, rng: np.random.Generator) -> np.ndarray:
        """Draw the encoder kernel with its bias as last row, (genes + 1) x drugs."""
        weights = np.zeros((self.genes + 1, self.drugs), dtype=np.float32)
        weights[:-1] = glorot_uniform(rng, self.genes, self.drugs, (self.genes, self.drugs))
        return weights


def glorot_uniform(rng: np.random.Generator, fan_in: int, fan_out: int, shape: tuple[int, ...]) -> np.ndarray:
    """Uniform numbers in +-sqrt(6 / (fan_in + fan_out)), float32 (Glorot and Bengio 2010)."""
    limit = np.sqrt(6.0 / (fan_in + fan_out))
    return rng.uniform(-limit, limit, shape).astype(np.float32)
