"""Files that hold their own sha256: what is damaged is never taken for what was written."""

from __future__ import annotations

import hashlib
import warnings
from pathlib import Path

from helpers.atomic import atomic_writer


def write_sealed(path: Path, content: bytes) -> bool:
    """Write the sha256 of some bytes on a line, then the bytes, as one atomic step.

    Such a file saves time and is no result: where it cannot be written (a full disk, a folder of somebody
    else), a warning says so, and the answer is False.
    """
    try:
        with atomic_writer(path, "wb") as stream:
            stream.write(_seal(content) + content)
    except OSError as error:
        warnings.warn(f"{path} is not kept: {error.strerror or error}", stacklevel=2)
        return False
    return True


def read_sealed(path: Path) -> bytes | None:
    """Return what was written; None where there is no such file, or, with a warning, where it is damaged."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        warnings.warn(f"{path} cannot be read ({error.strerror or error}); made again", stacklevel=2)
        return None
    end = content.find(b"\n") + 1
    if content[:end] != _seal(content[end:]):
        warnings.warn(f"{path} is not as it was written; made again", stacklevel=2)
        return None
    return content[end:]


def _seal(content: bytes) -> bytes:
    return hashlib.sha256(content).hexdigest().encode() + b"\n"
