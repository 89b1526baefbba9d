"""What a result was computed from: source, commit, versions, times."""

from __future__ import annotations

import ast
import hashlib
import json
import os
import platform
import re
import subprocess
import sys
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from helpers.chapter.closure import used_modules
from helpers.chapter.settings import WORKERS
from helpers.errors import ParameterError
from helpers.memory import peak_memory
from helpers.sealed import read_sealed

#: Packages whose version can change a number.
PACKAGES = (
    "helpers",
    "numba",
    "numpy",
    "optuna",
    "pandas",
    "scikit-learn",
    "scipy",
    "statsmodels",
    "tensorflow",
    "tensorflow-cpu",
    "torch",
)


def notebook_source(root: Path, chapter: str) -> Path:
    """Return the percent script of a chapter.

    Raises
    ------
    ParameterError
        If there is no such notebook; the message lists those that there are.
    """
    path = root / "notebooks" / f"{chapter}.py"
    if not path.is_file():
        known = ", ".join(sorted(file.stem for file in path.parent.glob("[0-9]*.py"))) or "none"
        msg = f"no chapter {chapter!r}: {path} does not exist; known chapters: {known}"
        raise ParameterError(msg)
    return path


def source_hash(path: Path) -> str:
    """Return the sha256 of a notebook's source, line ends normalised."""
    return hashlib.sha256(path.read_bytes().replace(b"\r\n", b"\n")).hexdigest()


def hash_files(base: Path, paths: Iterable[Path], read: Callable[[Path], bytes] = Path.read_bytes) -> str:
    """Return one sha256 over the names (relative to ``base``) and contents of files, as ``read`` has them."""
    digest = hashlib.sha256()
    for path in sorted(paths):
        if path.is_file():
            digest.update(path.relative_to(base).as_posix().encode() + b"\0")
            digest.update(hashlib.sha256(read(path)).digest())
    return digest.hexdigest()


def computation_hash(source: Path) -> str:
    """Return a hash of the executed code that computes for a notebook: data, evaluation, studies, training.

    Only modules that the notebook uses count (:func:`used_modules`). Checkpoints are kept under this hash, so
    that changed code never meets a number that the old code left. A ``source`` inside the package counts too.
    """
    package = Path(__file__).parents[1]
    parts = ("compiled.py", "data", "evaluation", "studies", "training")
    own = {source} if source.is_relative_to(package) else set()
    used = used_modules(source, package) | own
    return hash_files(package, [p for p in used if p.relative_to(package).parts[0] in parts], executed_code)


def executed_code(path: Path) -> bytes:
    """Return what is executed of a module: comments, docstrings and layout are free."""
    return _tree(path, path.stat().st_mtime_ns)


@cache
def _tree(path: Path, changed: int) -> bytes:
    """Return the syntax tree of a module without docstrings; ``changed`` keys the cache."""
    content = path.read_bytes()
    try:
        tree = ast.parse(content)
    except SyntaxError:  # what cannot be imported is not executed either
        return content
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    for node in ast.walk(tree):
        if isinstance(node, documented) and ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:]
    return ast.dump(tree).encode()


def notebook_title(path: Path) -> str:
    """Return the first heading of a percent script; the chapter's name where there is none."""
    match = re.search(r"^# # (.+)$", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return match.group(1).strip() if match else path.stem


def git_commit(root: Path) -> str:
    """Return the commit of the checkout, ``+changes`` appended where files differ from it.

    A new file counts where code and inputs are; the run of record, on which no number depends, does not.
    ``"unknown"`` outside a git checkout.
    """
    try:
        commit = _git(root, "rev-parse", "HEAD")
        lines = _git(root, "status", "--porcelain", "--untracked-files=all", "--", ".", ":!book/record")
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    new = tuple(f"?? {folder}/" for folder in ("data", "notebooks", "src"))
    changed = any(not line.startswith("??") or line.startswith(new) for line in lines.splitlines())
    return f"{commit}+changes" if changed else commit


def in_history(root: Path, commit: str) -> bool:
    """Say whether a commit is the present one or one before it."""
    try:
        _git(root, "merge-base", "--is-ancestor", commit, "HEAD")
    except (OSError, subprocess.SubprocessError):
        return False
    return True


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=root, capture_output=True, encoding="utf-8", check=True, timeout=30
    )
    return done.stdout.strip()


def versions(more: Iterable[str] = ()) -> dict[str, str]:
    """Return the version of Python and of each installed package of ``PACKAGES``, and of ``more``."""
    found = {"python": ".".join(str(part) for part in sys.version_info[:3])}
    for package in (*PACKAGES, *more):
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def platform_versions() -> dict[str, str]:
    """Return :func:`versions`, the platform, and the packages that execute notebooks."""
    return versions(("joblib", "jupytext", "keras", "papermill")) | {
        "platform": platform.platform(terse=True)
    }


def execution_times(started: datetime, earlier: Path) -> dict[str, Any]:
    """Return times of this execution, and of the longest one that filled the same checkpoints.

    Parameters
    ----------
    started : datetime
        When this execution began, with its time zone.
    earlier : Path
        What this function returned for the execution before, as sealed JSON; need not exist.

    Returns
    -------
    dict
        ``started`` (ISO), ``wall_seconds``, ``peak_memory_bytes``, ``longest_wall_seconds``,
        ``longest_peak_memory_bytes`` and, of a run on a cluster, ``cluster_workers``.
    """
    now = {
        "wall_seconds": round((datetime.now(UTC) - started).total_seconds(), 3),
        "peak_memory_bytes": peak_memory() or 0,
    }
    before: dict[str, Any] = {}
    if (content := read_sealed(earlier)) is not None:
        before = json.loads(content)
    longest = {f"longest_{what}": max(now[what], before.get(f"longest_{what}", 0)) for what in now}
    workers = {"cluster_workers": names} if (names := os.environ.get(WORKERS)) else {}
    return {"started": started.isoformat(timespec="seconds")} | now | longest | workers
