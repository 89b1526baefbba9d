"""The backend that Keras runs on: it is fixed when Keras is imported."""

from __future__ import annotations

import os
import sys

from helpers.errors import ParameterError

_VARIABLE = "KERAS_BACKEND"


def use_device(device: str) -> None:
    """Let Keras run where training is asked for; call it before anything imports Keras.

    On the CPU Keras keeps its backend (TensorFlow, or what ``KERAS_BACKEND`` says). On a GPU it must be
    PyTorch, the one with a CUDA build here: unless the variable is set, this sets it.

    Parameters
    ----------
    device : {"cpu", "cuda"}

    Raises
    ------
    ParameterError
        If the device is unknown, or a GPU is asked for and Keras runs, or is told to run, on another
        backend.
    """
    if device not in ("cpu", "cuda"):
        msg = f"device={device!r} is not one of cpu, cuda"
        raise ParameterError(msg)
    if device == "cpu":
        return
    if "keras" not in sys.modules:
        os.environ.setdefault(_VARIABLE, "torch")
        backend = os.environ[_VARIABLE]
    else:
        backend = sys.modules["keras"].backend.backend()
    if backend != "torch":
        msg = f"Keras runs on {backend!r}; on a GPU set {_VARIABLE}=torch before Python starts"
        raise ParameterError(msg)
