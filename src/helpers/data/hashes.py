"""Recognise a file by its content."""

from __future__ import annotations

import hashlib
from pathlib import Path

from helpers.data.registry import DataFile
from helpers.errors import DownloadError


def sha256(path: str | Path) -> str:
    """Return the sha256 of a file as 64 hex digits."""
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def md5(path: str | Path) -> str:
    """Return the md5 of a file as 32 hex digits: against damage, not against malice."""
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def git_blob_sha1(path: str | Path) -> str:
    """Return the name git gives to a file's content.

    The sha1 of ``blob <size>``, a zero byte, and the content; what ``git hash-object`` prints.
    """
    path = Path(path)
    digest = hashlib.sha1(f"blob {path.stat().st_size}\0".encode(), usedforsecurity=False)
    with path.open("rb") as stream:
        while chunk := stream.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def verify(file: DataFile, path: str | Path) -> None:
    """Check size and every registered hash of a file.

    Raises
    ------
    DownloadError
        If the file is not there, cannot be read, is shorter or longer than registered, or has another
        content. The file is left as it is.
    """
    path = Path(path)
    try:
        _check(file, path)
    except OSError as error:
        msg = f"{file.key}: {path} cannot be read: {error.strerror or error}"
        raise DownloadError(msg) from error


def _check(file: DataFile, path: Path) -> None:
    if not path.is_file():
        msg = f"{file.key}: no file at {path}"
        raise DownloadError(msg)
    size = path.stat().st_size
    if file.bytes is not None and size != file.bytes:
        what = "truncated" if size < file.bytes else "too long"
        msg = f"{file.key}: {path} is {what}: {size:,} bytes, expected {file.bytes:,}"
        raise DownloadError(msg)
    hashers = {"sha256": sha256, "git_blob_sha1": git_blob_sha1, "lfs_oid": sha256, "md5": md5}
    for name, hasher in hashers.items():
        expected = getattr(file, name)
        if expected is None:
            continue
        found = hasher(path)
        if found != expected:
            msg = f"{file.key}: {path} has the wrong content: {name} {found}, expected {expected}"
            raise DownloadError(msg)
