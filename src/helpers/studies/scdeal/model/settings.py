"""The two readings of scDEAL, item by item, and the settings of one fit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from helpers.bounds import check_number
from helpers.errors import ParameterError

#: Values that each switch may take; the first is that of the public code.
CHOICES: dict[str, tuple[str, ...]] = {
    "genes": ("separate", "shared"),
    "cell_start": ("own", "bulk"),
    "kernel": ("single", "mixture"),
    "regulariser": ("inputs", "bottleneck"),
    "denoising_target": ("corrupted", "clean"),
    "adapt": ("cells", "all"),
    "loss": ("sigmoid", "logits"),
    "prediction": ("eval", "train"),
    "before": ("train", "eval"),
    "resampled": ("both", "predictor"),
}

#: Switches of each reading.
READINGS: dict[str, dict[str, str]] = {
    "faithful": {name: values[0] for name, values in CHOICES.items()},
    "described": {name: values[1] for name, values in CHOICES.items()} | {"prediction": "eval"},
}

SAMPLINGS = (None, "up", "down", "SMOTE")


@dataclass(frozen=True)
class Settings:
    """Everything that decides a fit, with the switches resolved; equal settings, equal numbers.

    Raises
    ------
    ParameterError
        If one of them cannot be used; the message names it.
    """

    genes: str
    cell_start: str
    kernel: str
    regulariser: str
    denoising_target: str
    adapt: str
    loss: str
    prediction: str
    before: str
    resampled: str
    bottleneck: int
    encoder: tuple[int, ...]
    predictor: tuple[int, ...]
    dropout: float
    sampling: str | None
    denoising: bool
    epochs: int
    batch_size: int
    mmd_weight: float
    cluster_weight: float
    random_state: int

    def seed(self, part: int) -> np.random.SeedSequence:
        """Stream of random numbers of one part of the fit; it depends on nothing but ``random_state``."""
        return np.random.SeedSequence(self.random_state, spawn_key=(part,))

    def __post_init__(self) -> None:
        self._check_kinds()
        widths = (self.bottleneck, *self.encoder, *self.predictor)
        rules = [
            *(
                (
                    getattr(self, name) in allowed,
                    f"{name}={getattr(self, name)!r} is not one of {', '.join(allowed)}",
                )
                for name, allowed in CHOICES.items()
            ),
            (self.sampling in SAMPLINGS, f"sampling={self.sampling!r} is not one of {SAMPLINGS}"),
            (
                self.cell_start != "bulk" or self.genes == "shared",
                "cell_start='bulk' needs genes='shared': the encoders must have the same inputs",
            ),
            (
                self.encoder and self.predictor and min(widths) >= 1,
                f"layers must have at least one unit each, got {widths}",
            ),
            (0 <= self.dropout < 1, f"dropout must lie within 0 and 1 (without 1), got {self.dropout}"),
            (self.epochs >= 0, f"epochs must not be negative, got {self.epochs}"),
            (
                self.batch_size >= 2,
                f"batch_size must be at least 2 for batch normalisation, got {self.batch_size}",
            ),
            *(
                (
                    0 <= getattr(self, name) < np.inf,
                    f"{name} must not be negative or infinite, got {getattr(self, name)}",
                )
                for name in ("mmd_weight", "cluster_weight", "random_state")
            ),
        ]
        for holds, message in rules:
            if not holds:
                raise ParameterError(message)

    def _check_kinds(self) -> None:
        """Refuse settings of another kind before they are compared with their limits."""
        for name in ("encoder", "predictor"):
            widths = getattr(self, name)
            if not isinstance(widths, tuple):
                msg = f"{name} must be a tuple of widths, got {widths!r}"
                raise ParameterError(msg)
            for i, width in enumerate(widths):
                check_number(f"{name}[{i}]", width, whole=True, error=ParameterError)
        for name in ("bottleneck", "epochs", "batch_size", "random_state"):
            check_number(name, getattr(self, name), whole=True, error=ParameterError)
        for name in ("dropout", "mmd_weight", "cluster_weight"):
            check_number(name, getattr(self, name), error=ParameterError)
        if not isinstance(self.denoising, bool | np.bool_):
            msg = f"denoising must be True or False, got {self.denoising!r}"
            raise ParameterError(msg)
