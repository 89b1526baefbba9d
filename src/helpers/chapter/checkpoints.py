"""Checkpoints of long computations: found again by code, versions and device, and never trusted unread."""

from __future__ import annotations

import hashlib
import json
import shutil
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import joblib
from joblib._store_backends import FileSystemStoreBackend

from helpers.atomic import write_text
from helpers.chapter.provenance import computation_hash, hash_files, versions
from helpers.data.hashes import sha256
from helpers.errors import ParameterError

_BACKEND = "sealed"


class SealedStore(FileSystemStoreBackend):
    """joblib's store, with the sha256 of each result beside it.

    A result that does not match its hash, or has none, is not read: it is removed and computed again.
    """

    def dump_item(self, call_id: Sequence[str], item: Any, verbose: int = 1) -> None:
        """Store a result, then its hash."""
        super().dump_item(call_id, item, verbose)
        result = self._result(call_id)
        if result.is_file():  # joblib warns and goes on where the disk is full
            write_text(result.with_suffix(".sha256"), sha256(result))

    def contains_item(self, call_id: Sequence[str]) -> bool:
        """Say whether there is a result as it was stored."""
        if not super().contains_item(call_id):
            return False
        result = self._result(call_id)
        seal = result.with_suffix(".sha256")
        if seal.is_file() and seal.read_bytes() == sha256(result).encode():
            return True
        msg = f"the checkpoint {result} is not as it was stored; it is computed again"
        warnings.warn(msg, stacklevel=2)
        self.clear_item(call_id)
        return False

    def _result(self, call_id: Sequence[str]) -> Path:
        return Path(self.location, *call_id, "output.pkl")


def checkpoint_folder(out: Path, source: Path, device: str, root: Path) -> Path:
    """Return the folder of a run for the checkpoints that this code would leave here.

    Other code, another version of a package that can change a number, another lock file or another device
    have another folder.

    Parameters
    ----------
    out : Path
        Run folder.
    source : Path
        The notebook's percent script.
    device : str
        Resolved.
    root : Path
        Project folder.
    """
    return out / "checkpoints" / source.stem / _key(source, device, root)


def module_folder(out: Path, module: ModuleType, device: str, root: Path) -> Path:
    """Return the folder of a run for what a module and its imports compute, whichever chapter asks.

    As :func:`checkpoint_folder`, with the module in place of the notebook.
    """
    if module.__file__ is None:
        msg = f"{module.__name__} has no source file"
        raise ParameterError(msg)
    return out / "checkpoints" / module.__name__ / _key(Path(module.__file__), device, root)


def _key(source: Path, device: str, root: Path) -> str:
    lock = hash_files(root, [root / "requirements.lock"])
    key = json.dumps([computation_hash(source), versions(("joblib", "keras")), lock, device])
    return hashlib.sha256(key.encode()).hexdigest()[:12]


def open_memory(folder: Path) -> joblib.Memory:
    """Return a cache on disk whose results are checked before they are read."""
    joblib.register_store_backend(_BACKEND, SealedStore)
    return joblib.Memory(folder, backend=_BACKEND, verbose=0)


def finish(folder: Path, times: Mapping[str, Any]) -> None:
    """Note how long the chapter took, and remove what other code, versions or devices left beside it."""
    write_text(folder / "times.json", json.dumps(times))
    tidy(folder)


def tidy(folder: Path) -> None:
    """Remove what other code, versions or devices left beside a folder."""
    for other in folder.parent.iterdir():
        if other != folder and other.is_dir():
            shutil.rmtree(other, ignore_errors=True)
