"""Look at the environment: versions against the lock, threads, devices, data, disk."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import os
import re
import shutil
import sys
from pathlib import Path

from helpers.chapter.provenance import git_commit, platform_versions
from helpers.errors import HelpersError
from helpers.project import project_root
from helpers.run.plan import cores
from helpers.run.status import describe_data

_LEAST_FREE = 2e9  # bytes; a run with its checkpoints and the book stay well below


@dataclasses.dataclass(frozen=True)
class Finding:
    """One line of the examination; ``good`` is False when something needs attention."""

    name: str
    text: str
    good: bool = True


def examine() -> list[Finding]:
    """Return what was found, in the order in which a reader wants it."""
    versions = platform_versions()
    python = f"{versions.pop('python')} on {versions.pop('platform')}"
    findings = [
        Finding("python", python, sys.version_info[:2] == (3, 11)),
        Finding("packages", ", ".join(f"{name} {version}" for name, version in versions.items())),
    ]
    try:
        root = project_root()
    except HelpersError as error:
        return [*findings, Finding("project", str(error), good=False)]
    free = shutil.disk_usage(root).free
    return [
        *findings,
        Finding("project", f"{root} at commit {git_commit(root)}"),
        _lock(root),
        Finding("threads", f"{cores()} cores; OMP_NUM_THREADS {os.environ.get('OMP_NUM_THREADS', 'unset')}"),
        Finding("device", _devices()),
        Finding("data", describe_data(root)),
        _mirror(os.environ.get("HELPERS_DATA_MIRROR")),
        Finding("disk", f"{free / 1e9:.0f} GB free", free > _LEAST_FREE),
    ]


def _mirror(place: str | None) -> Finding:
    if not place:
        return Finding("mirror", "none; data come from their origin")
    there = "://" in place or Path(place).expanduser().is_dir()
    return Finding("mirror", place if there else f"{place} is no folder", there)


def _lock(root: Path) -> Finding:
    """Compare the installed versions with the lock of the environment, or with ``requirements.lock``."""
    path = root / "locks" / f"{_made_from()}.txt"
    if not path.is_file():
        path = root / "requirements.lock"
    if not path.is_file():
        return Finding("lock", "requirements.lock is missing", good=False)
    pins = re.findall(r"^([\w.-]+)==(\S+)", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    differences = []
    for name, version in pins:
        try:
            installed = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            installed = "absent"
        # A build such as 2.13.0+cpu is the version 2.13.0.
        if installed.partition("+")[0] != version.partition("+")[0]:
            differences.append(f"{name} {installed} (lock: {version})")
    if not differences:
        return Finding("lock", f"all {len(pins)} packages as in {path.relative_to(root)}")
    shown = ", ".join(differences[:5]) + (" ..." if len(differences) > 5 else "")
    return Finding("lock", f"{len(differences)} of {len(pins)} packages differ: {shown}", good=False)


def _made_from() -> str:
    """Return the name of the lock in the stamp that ``make env`` leaves in an environment."""
    stamp = Path(sys.prefix) / ".made-from"
    return stamp.read_text(encoding="utf-8").split()[0] if stamp.is_file() else ""


def _devices() -> str:
    import torch  # takes seconds

    found = ["cpu"]
    found += [f"cuda:{i} ({torch.cuda.get_device_name(i)})" for i in range(torch.cuda.device_count())]
    if torch.backends.mps.is_available():
        found.append("mps")
    return ", ".join(found)
