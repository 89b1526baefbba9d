"""Checkpoints of long computations: found again by code, versions and device, and never trusted unread."""

from __future__ import annotations

import functools
import hashlib
import json
import shutil
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import joblib
from joblib.func_inspect import filter_args, get_func_code

from helpers.chapter.provenance import computation_hash, hash_files, versions
from helpers.errors import ParameterError
from helpers.packed import pack, unpack
from helpers.sealed import read_sealed, write_sealed

#: Name of the file in a folder of checkpoints that holds the times of the execution that filled it.
TIMES = "times.json"


def keep(path: Path, value: Any) -> Any:
    """Keep a value in a sealed file, and return it as it will come from there.

    Raises
    ------
    TypeError
        If it holds something that :func:`helpers.packed.pack` does not.
    """
    content = pack(value)
    write_sealed(path, content)
    return unpack(content)


def recall(path: Path) -> Any:
    """Return what was kept; None where there is nothing, or, with a warning, nothing that can be used."""
    if (content := read_sealed(path)) is None:
        return None
    try:
        return unpack(content)
    except (ValueError, TypeError) as error:
        warnings.warn(f"{path} cannot be used ({error}); computed again", stacklevel=2)
        return None


class Memory:
    """Results of functions on disk, one sealed file a call; what is damaged is computed again, and said.

    The name of a file is a hash of the function's code and of its arguments, input data included. A result is
    handed out as it comes from its file, the first time too: so a resumed run has what a straight one has.

    Parameters
    ----------
    folder : Path
        Made when the first result is kept.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self._results = folder, folder / "results"
        self._used: set[Path] = set()

    def cache(self, function: Callable, ignore: Sequence[str] = ()) -> Callable:
        """Return the function with a memory.

        Parameters
        ----------
        function : callable
            Its results hold nothing but what :func:`helpers.packed.pack` does.
        ignore : sequence of str
            Arguments that change no number, for example ``n_jobs``.
        """
        code, folder = get_func_code(function)[0], self._results / function.__module__

        @functools.wraps(function)
        def remembered(*args: Any, **kwargs: Any) -> Any:
            arguments = filter_args(function, list(ignore), args, kwargs)
            path = folder / f"{function.__name__}-{joblib.hash([code, arguments])}.npz"
            self._used.add(path)
            if (kept := recall(path)) is not None:
                return kept[0]
            return keep(path, [function(*args, **kwargs)])[0]

        return remembered

    def prune(self) -> None:
        """Remove the results that were not asked for, and what a kill has left of others."""
        for path in self._results.rglob("*"):
            if path.is_file() and path not in self._used:
                path.unlink(missing_ok=True)


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


def finish(memory: Memory, times: Mapping[str, Any]) -> None:
    """Note how long the chapter took, and remove what it did not use.

    That is what other code, versions or devices left, and results of other arguments.
    """
    write_sealed(memory.folder / TIMES, json.dumps(times).encode())
    memory.prune()
    tidy(memory.folder)


def tidy(folder: Path) -> None:
    """Remove what other code, versions or devices left beside a folder."""
    for other in folder.parent.glob("*"):
        if other != folder and other.is_dir():
            shutil.rmtree(other, ignore_errors=True)
