"""Ranges of hyperparameters, declared beside the model that they belong to."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Integer:
    """Integers from ``low`` to ``high``, both included, uniform."""

    low: int
    high: int


@dataclass(frozen=True)
class Float:
    """Real numbers from ``low`` to ``high``, uniform or (``log=True``) uniform in the logarithm."""

    low: float
    high: float
    log: bool = False


#: Name of a hyperparameter -> its range.
Space = dict[str, Integer | Float]
