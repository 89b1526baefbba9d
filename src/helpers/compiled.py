"""Where numba and matplotlib keep what they make once: compiled code, the list of fonts."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

NUMBA, MATPLOTLIB = "NUMBA_CACHE_DIR", "MPLCONFIGDIR"


def set_cache_folders() -> None:
    """Tell both, before they are imported, where to write; a folder named by the user stays.

    Left alone, numba writes beside the source or into the user's home, and refuses to compile where it
    can do neither: in a read-only installation, without a home. Matplotlib, which reads the user's
    settings in the home too, then warns and lists the fonts anew in each process. Worker processes
    inherit the folders.
    """
    if not hasattr(os, "getuid"):  # Windows: its temporary and cache folders are private anyway
        return
    if NUMBA not in os.environ:
        os.environ[NUMBA] = str(cache_folder("numba"))
    if MATPLOTLIB not in os.environ and not _has_home():
        os.environ[MATPLOTLIB] = str(cache_folder("matplotlib"))


def cache_folder(name: str) -> Path:
    """Return a folder that this user can write and nobody else.

    It lies below the user's cache folder, else it is this user's among the temporary files; where
    neither serves it is a new temporary folder, for this process and its workers.
    """
    for folder in _candidates(name):
        if _is_private(folder):
            return folder
    return Path(tempfile.mkdtemp(prefix=f"helpers-{name}-"))


def _candidates(name: str) -> Iterator[Path]:
    with contextlib.suppress(RuntimeError):  # nobody's home
        yield Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "helpers" / name
    yield Path(tempfile.gettempdir()) / f"helpers-{name}-{os.getuid()}"


def _has_home() -> bool:
    """Say whether matplotlib can make its folder of settings where it looks for them."""
    with contextlib.suppress(RuntimeError):
        folder = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
        while not folder.exists() and folder != folder.parent:
            folder = folder.parent
        return folder.is_dir() and os.access(folder, os.W_OK)
    return False


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
