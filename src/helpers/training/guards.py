"""Guards around a fit: threads, and numbers too small for float32's normal range."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def one_thread(device: str | torch.device = "cpu") -> Iterator[None]:
    """Let torch use one thread on a CPU, since fits run side by side; nothing changes on a GPU."""
    if torch.device(device).type != "cpu":
        yield
        return
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def flushed_denormals() -> Iterator[None]:
    """Flush numbers below float32's normal range to zero, in this thread.

    Saturated units leave such gradients and moments, and they slow an optimiser up to ten times.
    """
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)
