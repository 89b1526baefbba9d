"""The parameters that every chapter has, checked once."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from helpers.chapter.device import resolve_device
from helpers.data.sources import CHOICES
from helpers.errors import ParameterError

#: Names the folder that an execution by the command writes to until it has succeeded.
ATTEMPT = "HELPERS_ATTEMPT"
#: Holds the names of the workers of a cluster, where fits are sent to one.
WORKERS = "HELPERS_WORKERS"
COMMON = ("profile", "data", "device", "jobs", "seed", "out")


@dataclass(frozen=True)
class Settings:
    """Checked parameters of a chapter.

    Attributes
    ----------
    profile : str
    data : {"auto", "panel", "paper", "simulated"}
    device : {"cpu", "cuda"}
        Resolved.
    jobs : int
        Worker processes, one thread each.
    seed : int
    out : Path
        Run folder, absolute.
    target : Path
        Where results and figures are written: the run folder, or the folder that `ATTEMPT` names.
    """

    profile: str
    data: str
    device: str
    jobs: int
    seed: int
    out: Path
    target: Path


def check_settings(parameters: Mapping[str, Any], root: Path) -> Settings:
    """Check the common parameters.

    Raises
    ------
    ParameterError
        If one is missing or has a value that cannot be used.
    """
    missing = [name for name in COMMON if name not in parameters]
    if missing:
        msg = f"parameters lack {missing}; every chapter has {list(COMMON)}"
        raise ParameterError(msg)
    check_values(parameters)
    # A session by hand must not mix its numbers with those of executed notebooks.
    out = root / (parameters["out"] or Path("runs") / "interactive")
    return Settings(
        profile=parameters["profile"],
        data=parameters["data"],
        device=resolve_device(parameters["device"]),
        jobs=parameters["jobs"],
        seed=parameters["seed"],
        out=out,
        target=Path(os.environ.get(ATTEMPT) or out),
    )


def check_values(parameters: Mapping[str, Any]) -> None:
    """Check the values of the common parameters.

    Raises
    ------
    ParameterError
        If a profile, data tier, device, number of jobs or seed cannot be.
    """
    profile, data = parameters["profile"], parameters["data"]
    if not isinstance(profile, str) or not profile:
        msg = f"profile must be a name such as 'quick', got {profile!r}"
        raise ParameterError(msg)
    if data not in CHOICES:
        msg = f"unknown data tier {data!r}; one of {', '.join(CHOICES)}"
        raise ParameterError(msg)
    for name, least in (("jobs", 1), ("seed", 0)):
        value = parameters[name]
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            msg = f"{name} must be a whole number of at least {least}, got {value!r}"
            raise ParameterError(msg)
    if parameters["device"] != "auto":  # auto never fails, and asking costs the import of torch
        resolve_device(parameters["device"])


def plain_value(value: Any) -> Any:
    """Return the value of a parameter as it goes into a file: plain numbers, lists."""
    if isinstance(value, np.generic):
        return value.item()
    return list(value) if isinstance(value, tuple) else value


def checked_name(what: str, name: str) -> str:
    """Return a name that may be part of a file's.

    Raises
    ------
    ParameterError
        If it is not made of letters, digits, ``_`` and ``-``.
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", name):
        msg = f"{what} name {name!r} must be letters, digits, '_' and '-'"
        raise ParameterError(msg)
    return name
