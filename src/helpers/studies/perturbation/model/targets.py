"""Scales on which the networks can be trained."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

#: Scale -> what it is; the paper does not say that it changed the targets.
SCALES = {
    "raw": "as they are",
    "clip": "training values clipped at +-4, predictions left as they come",
    "z": "per gene, mean 0 and standard deviation 1 over the fitted rows",
}
_CLIP = 4.0


@dataclass(frozen=True)
class Scale:
    """A scale fitted to training rows; see :data:`SCALES`."""

    name: str
    mean: np.ndarray | None = None
    deviation: np.ndarray | None = None

    @classmethod
    def fit(cls, name: str, values: np.ndarray) -> Scale:
        """Learn the scale from training values (rows, genes); genes that never vary keep their unit."""
        if name != "z":
            return cls(name)
        deviation = values.std(axis=0)
        return cls(name, values.mean(axis=0), np.where(deviation > 0, deviation, 1).astype(np.float32))

    def forward(self, values: np.ndarray) -> np.ndarray:
        """Values as the network is trained on, float32."""
        if self.name == "clip":
            return np.clip(values, -_CLIP, _CLIP)
        if self.name == "z":
            return (values - self.mean) / self.deviation
        return values

    def back(self, predicted: np.ndarray) -> np.ndarray:
        """Predictions in the unit of the values, float32."""
        if self.name == "z":
            return predicted * self.deviation + self.mean
        return predicted
