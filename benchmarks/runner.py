"""Run one measurement in a process of its own, so that peak memory is that engine's."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from collections.abc import Mapping


def peak_memory() -> int:
    """Bytes that this process has held at the most, imports included."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def measured(benchmark: str, what: str, *options: str, environment: Mapping[str, str] | None = None) -> dict:
    """Return what ``python -m benchmarks.<benchmark> <options>`` prints last, a line of JSON.

    Raises
    ------
    SystemExit
        With the end of its messages, if it fails.
    """
    command = [sys.executable, "-m", f"benchmarks.{benchmark}", *options]
    surroundings = {**os.environ, **(environment or {})}
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False, env=surroundings)
    if done.returncode:
        msg = f"{what} failed:\n{done.stderr[-2000:]}"
        raise SystemExit(msg)
    return json.loads(done.stdout.splitlines()[-1])


def columns(value: float, base: float, peak: int, digits: int = 2) -> tuple[str, str, str]:
    """Format a time, how many times as fast as the base it is, and the peak memory in MB."""
    return f"{value:.{digits}f}", f"{base / value:.1f}", f"{peak / 1e6:,.0f}"
