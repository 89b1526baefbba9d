"""Device, threads and seeds of a chapter: set once, on purpose."""

from __future__ import annotations

import os
import random
import sys

import numpy as np
import threadpoolctl

from helpers.errors import ParameterError

DEVICES = ("auto", "cpu", "cuda")

# Worker processes read these when they start; this process is limited by set_threads itself.
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def resolve_device(device: str) -> str:
    """Return ``"cpu"`` or ``"cuda"``.

    Parameters
    ----------
    device : {"auto", "cpu", "cuda"}
        ``"auto"`` takes a CUDA device where there is one.

    Raises
    ------
    ParameterError
        If the device is unknown, or ``"cuda"`` is asked for and not there.
    """
    if device not in DEVICES:
        msg = f"unknown device {device!r}; one of {', '.join(DEVICES)}"
        raise ParameterError(msg)
    if device == "cpu":
        return "cpu"
    import torch  # imported late: seconds, and not needed for a chapter on the CPU

    if torch.cuda.is_available():
        return "cuda"
    if device == "cuda":
        msg = (
            "device 'cuda' was asked for, but PyTorch sees no CUDA device "
            f"(torch {torch.__version__}); use device=cpu or auto, or install a CUDA build of torch"
        )
        raise ParameterError(msg)
    return "cpu"


def device_name(device: str) -> str:
    """Return the device as a reader knows it, e.g. the name of the GPU."""
    if device != "cuda":
        return "CPU"
    import torch

    return torch.cuda.get_device_name()


def set_threads() -> None:
    """Give numerical libraries one thread a process; work is spread over ``jobs`` processes.

    The number of threads changes the order of sums and with it the last digits of a result. One
    thread everywhere makes a result independent of the number of cores.
    """
    for variable in _THREAD_VARIABLES:
        os.environ[variable] = "1"
    threadpoolctl.threadpool_limits(limits=1)
    import torch

    torch.set_num_threads(1)
    if "numba" in sys.modules:
        sys.modules["numba"].set_num_threads(1)


def set_seeds(seed: int) -> None:
    """Seed the global generators of Python, numpy and torch.

    Models and splits take their seed as an argument; this covers what does not.
    """
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - the legacy generator is the one that others draw from
    import torch

    torch.manual_seed(seed)
