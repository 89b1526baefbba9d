"""The two readings of scDEAL, item by item, and the settings of one fit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from helpers.errors import ParameterError
from helpers.studies.scdeal.model.layers import Stack

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
}

#: Switches of each reading.
READINGS: dict[str, dict[str, str]] = {
    "faithful": {name: values[0] for name, values in CHOICES.items()},
    "described": {name: values[1] for name, values in CHOICES.items()} | {"prediction": "eval"},
}

SAMPLINGS = (None, "up", "down", "SMOTE")


@dataclass(frozen=True)
class Settings:
    """Everything that decides a fit, with the switches resolved; equal settings, equal numbers."""

    genes: str
    cell_start: str
    kernel: str
    regulariser: str
    denoising_target: str
    adapt: str
    loss: str
    prediction: str
    bottleneck: int
    encoder: tuple[int, ...]
    predictor: tuple[int, ...]
    dropout: float
    sampling: str | None
    denoising: bool
    epochs: tuple[int, int, int, int]
    batch_size: int
    learning_rate: float
    mmd_weight: float
    mmd_sigma: float
    cluster_weight: float
    cluster_resolution: float
    stop_rate: float
    random_state: int

    def encoder_stack(self, name: str, genes: int) -> Stack:
        """Build the encoder of ``genes`` inputs, without ReLU as in the public code."""
        return Stack(name, (genes, *self.encoder, self.bottleneck), dropout=self.dropout)

    def decoder_stack(self, genes: int) -> Stack:
        """Build the decoder, the mirror of the encoder; its outputs go through a sigmoid."""
        return Stack("decoder", (self.bottleneck, *self.encoder[::-1], genes), dropout=self.dropout)

    def predictor_stack(self) -> Stack:
        """Build the predictor of the two classes."""
        return Stack("predictor", (self.bottleneck, *self.predictor, 2), relu=True, dropout=self.dropout)

    def seed(self, part: int) -> np.random.SeedSequence:
        """Stream of random numbers of one part of the fit; it depends on nothing but ``random_state``."""
        return np.random.SeedSequence(self.random_state, spawn_key=(part,))


def check(settings: Settings) -> None:
    """Raise a ParameterError that names the first setting that cannot be used."""
    for name, allowed in CHOICES.items():
        if getattr(settings, name) not in allowed:
            msg = f"{name}={getattr(settings, name)!r} is not one of {', '.join(allowed)}"
            raise ParameterError(msg)
    if settings.sampling not in SAMPLINGS:
        msg = f"sampling={settings.sampling!r} is not one of {SAMPLINGS}"
        raise ParameterError(msg)
    if settings.cell_start == "bulk" and settings.genes != "shared":
        msg = "cell_start='bulk' needs genes='shared': the encoders must have the same inputs"
        raise ParameterError(msg)
    widths = (settings.bottleneck, *settings.encoder, *settings.predictor)
    if not settings.encoder or not settings.predictor or min(widths) < 1:
        msg = f"layers must have at least one unit each, got {widths}"
        raise ParameterError(msg)
    if not 0 <= settings.dropout < 1:
        msg = f"dropout must lie within 0 and 1 (without 1), got {settings.dropout}"
        raise ParameterError(msg)
    if min(settings.epochs) < 0:
        msg = f"epochs must not be negative, got {settings.epochs}"
        raise ParameterError(msg)
    if settings.batch_size < 2:
        msg = f"batch_size must be at least 2 for batch normalisation, got {settings.batch_size}"
        raise ParameterError(msg)
    for name in ("learning_rate", "mmd_sigma", "cluster_resolution"):
        if not getattr(settings, name) > 0:
            msg = f"{name} must be positive, got {getattr(settings, name)}"
            raise ParameterError(msg)
    for name in ("mmd_weight", "cluster_weight", "stop_rate"):
        if not getattr(settings, name) >= 0:
            msg = f"{name} must not be negative, got {getattr(settings, name)}"
            raise ParameterError(msg)
