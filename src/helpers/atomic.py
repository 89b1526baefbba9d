"""Write files so that a reader never sees half of one."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO


@contextlib.contextmanager
def atomic_writer(path: str | Path, mode: str = "w") -> Iterator[IO]:
    """Open a temporary file beside ``path`` and rename it to ``path`` on success.

    On any error, a full disk and an interrupt included, the temporary file is removed and a file
    that stood at ``path`` before is left as it was.

    Parameters
    ----------
    path : str or Path
        Final name; parent folders are made.
    mode : {"w", "wb"}
        Text (UTF-8) or bytes.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, mode, encoding=None if "b" in mode else "utf-8") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        share(name)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def share(path: str | Path) -> None:
    """Give a temporary file, which is made private, the rights of any other file of this user."""
    umask = os.umask(0)
    os.umask(umask)
    Path(path).chmod(0o666 & ~umask)


def write_text(path: str | Path, text: str) -> None:
    """Write ``text`` to ``path`` as one atomic step."""
    with atomic_writer(path) as stream:
        stream.write(text)


def replace_folder(fresh: Path, final: Path) -> None:
    """Put a new folder in place of another in two renames; the next call mends a kill between them."""
    old = final.with_name(f".{final.name}.old")
    if old.exists() and not final.exists():
        old.rename(final)
    shutil.rmtree(old, ignore_errors=True)
    if final.exists():
        final.rename(old)
    final.parent.mkdir(parents=True, exist_ok=True)
    fresh.rename(final)
    shutil.rmtree(old, ignore_errors=True)
