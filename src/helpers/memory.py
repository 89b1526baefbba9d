"""Memory of this machine: what was used, what there is, who was killed for it."""

from __future__ import annotations

import contextlib
import os
import re
import sys
from pathlib import Path
from types import ModuleType

resource: ModuleType | None
try:
    import resource
except ImportError:  # Windows
    resource = None

_LIMIT = Path("/sys/fs/cgroup/memory.max")  # of a container
_EVENTS = Path("/proc/vmstat")


def peak_memory() -> int | None:
    """Return the peak resident memory in bytes of this process or of its largest worker.

    None where the system does not report it.
    """
    if resource is None:
        return None
    unit = 1 if sys.platform == "darwin" else 1024
    usage = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return max(resource.getrusage(who).ru_maxrss for who in usage) * unit


def total_memory() -> int | None:
    """Return the memory in bytes that this machine, or its container, has.

    None where the system does not report it.
    """
    found = []
    with contextlib.suppress(AttributeError, OSError, ValueError):
        found.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    with contextlib.suppress(OSError, ValueError):  # "max" is no number
        found.append(int(_LIMIT.read_text(encoding="ascii")))
    return min(found, default=None)


def memory_kills() -> int:
    """Return how many processes this system has killed for want of memory; 0 where it does not say."""
    with contextlib.suppress(OSError):
        if match := re.search(r"^oom_kill (\d+)$", _EVENTS.read_text(encoding="ascii"), flags=re.MULTILINE):
            return int(match.group(1))
    return 0
