"""Where the machine code that numba compiles is kept from one process to the next."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

VARIABLE = "NUMBA_CACHE_DIR"


def set_cache_folder() -> None:
    """Tell numba, before it is imported, where to keep compiled code; a folder named by the user stays.

    Left alone, numba writes beside the source or into the user's home, and refuses to compile where it
    can do neither: in a read-only installation, without a home. Worker processes inherit the folder.
    """
    # Windows has no such users; its temporary and cache folders are private anyway.
    if hasattr(os, "getuid") and VARIABLE not in os.environ:
        os.environ[VARIABLE] = str(cache_folder())


def cache_folder() -> Path:
    """Return a folder that this user can write and nobody else.

    It lies below the user's cache folder, else it is this user's among the temporary files; where
    neither serves it is a new temporary folder, for this process and its workers.
    """
    for folder in _candidates():
        if _is_private(folder):
            return folder
    return Path(tempfile.mkdtemp(prefix="helpers-numba-"))


def _candidates() -> Iterator[Path]:
    with contextlib.suppress(RuntimeError):  # nobody's home
        yield Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "helpers" / "numba"
    yield Path(tempfile.gettempdir()) / f"helpers-numba-{os.getuid()}"


def _is_private(folder: Path) -> bool:
    """Make a folder; say whether it is this user's alone. Who writes there runs code: numba unpickles it."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
        state = folder.lstat()
    except OSError:
        return False
    shared = state.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    return stat.S_ISDIR(state.st_mode) and state.st_uid == os.getuid() and not shared
