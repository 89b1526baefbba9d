"""Settings of the estimators, and their checks."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import ClassVar

import torch
from sklearn.base import BaseEstimator

from helpers.bounds import check_number
from helpers.errors import ParameterError


@dataclass(eq=False, repr=False)
class Settings(BaseEstimator):
    """Settings that PertVAE and the plain VAE share; :class:`~.estimator.PertVAE` has their meaning."""

    #: Whether the model has a drug effect.
    with_effect: ClassVar[bool] = True

    latent: int = 100
    _: KW_ONLY
    hidden: tuple[int, ...] = (500, 300)
    context: int = 200
    flow_hidden: int = 300
    flow_steps: int = 2
    free_bits: float = 2.0
    learning_rate: float = 5e-4
    batch_size: int = 150
    epochs: int = 1000
    first_stop: int = 50
    patience: int = 15
    watch: str = "likelihood"
    draws: int = 100
    random_state: int = 0
    device: str = "auto"

    _choices: ClassVar[dict[str, tuple[str, ...]]] = {
        "watch": ("likelihood", "prediction", "correlation"),
        "device": ("auto", "cpu", "cuda"),
        "post_code": ("own", "pre"),
        "form": ("identity", "free"),
    }
    _lowest: ClassVar[dict[str, float]] = {
        "latent": 1,
        "context": 1,
        "flow_hidden": 1,
        "flow_steps": 0,
        "batch_size": 1,
        "epochs": 1,
        "first_stop": 0,
        "patience": 1,
        "draws": 0,
        "free_bits": 0,
        "l2": 0,
        "random_state": 0,
    }
    #: Settings that need not be whole.
    _real: ClassVar[tuple[str, ...]] = ("free_bits", "l2")

    def check(self) -> None:
        """Refuse settings that are unknown or out of range.

        Raises
        ------
        ParameterError
        """
        for name, value in self.get_params().items():
            if name in self._choices and value not in self._choices[name]:
                msg = f"{name}={value!r} is not one of {', '.join(self._choices[name])}"
                raise ParameterError(msg)
            if name in self._lowest:
                real = name in self._real
                high = 1e300 if real else float("inf")
                check_number(name, value, self._lowest[name], high, whole=not real, error=ParameterError)
        if not isinstance(self.hidden, tuple | list) or not self.hidden:
            msg = f"hidden must name at least one layer of at least one unit, got {self.hidden}"
            raise ParameterError(msg)
        for units in self.hidden:
            check_number("hidden", units, 1, whole=True, error=ParameterError)
        check_number("learning_rate", self.learning_rate, 1e-300, 1e300, error=ParameterError)
        if self.device == "cuda" and not torch.cuda.is_available():
            msg = "device 'cuda' was asked for, but torch finds no GPU; use device='cpu' or 'auto'"
            raise ParameterError(msg)

    def torch_device(self) -> str:
        """Device that is trained on: the GPU, if there is one and nothing else was asked for."""
        return ("cuda" if torch.cuda.is_available() else "cpu") if self.device == "auto" else self.device
