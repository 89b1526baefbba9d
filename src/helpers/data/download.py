"""Find a registered file: cache, then mirror, then origin."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

import pooch
import requests

from helpers.atomic import atomic_writer
from helpers.data.hashes import verify
from helpers.data.registry import DataFile, Registry
from helpers.errors import DownloadError
from helpers.project import project_root

__all__ = [
    "TierStatus",
    "UnreachableError",
    "availability",
    "cache_folder",
    "cached_path",
    "fetch",
    "fetch_all",
    "locate",
    "needed",
    "verify",
]

#: Called with the file, the bytes written so far and the total (None where unknown).
Progress = Callable[[DataFile, int, int | None], None]

_RETRIES = 2
_TIMEOUT = (5, 60)  # seconds to connect, seconds between two chunks
_LIMIT = 4 << 30  # bytes, for files of unregistered size
_LOCAL = {"localhost", "127.0.0.1", "::1"}


class UnreachableError(DownloadError):
    """No server could be asked: offline, or no way to the host."""


class _FinalError(Exception):
    """A failure that trying again cannot mend; wraps the error to raise, as pooch retries that."""

    def __init__(self, error: DownloadError) -> None:
        super().__init__(str(error))
        self.error = error


def cache_folder() -> Path:
    """Return the cache: ``HELPERS_CACHE``, or ``data/cache`` of the project."""
    named = os.environ.get("HELPERS_CACHE")
    return Path(named).expanduser() if named else project_root() / "data" / "cache"


def cached_path(file: DataFile) -> Path:
    """Return where the cache keeps ``file``, whether it is there or not."""
    return cache_folder() / file.location


def locate(file: DataFile) -> Path | None:
    """Return a good copy in the cache or in a mirror folder; None if there is none.

    Uses no network. The copy has passed :func:`verify`.
    """
    for path in (cached_path(file), _mirror_path(file)):
        if path is not None and _good(file, path):
            return path
    return None


def fetch(file: DataFile, progress: Progress | None = None) -> Path:
    """Return the cached copy of ``file``, getting it first if needed.

    Order: cache, mirror (``HELPERS_DATA_MIRROR``: a folder, or an address that stands for
    ``https://raw.githubusercontent.com``), origin (unless ``HELPERS_OFFLINE=1``). What arrives is
    checked against size and hash before it takes its final name, so the cache never holds a bad
    new file; a good file already there is never touched.

    Parameters
    ----------
    file : DataFile
    progress : callable, optional
        ``progress(file, done, total)`` in bytes; called at least once, when the file is there.

    Raises
    ------
    DownloadError
        If no source has the file with the registered content. :class:`UnreachableError`, a kind of
        it, if no server could be asked.
    """
    target = cached_path(file)
    if not _good(file, target):
        _bring(file, target, progress)
    if progress is not None:
        size = target.stat().st_size
        progress(file, size, size)
    return target


def needed(files: Iterable[DataFile]) -> list[DataFile]:
    """Leave out what an alternative at hand replaces, and alternatives that are not at hand."""
    files = list(files)
    spare: set[str] = set()
    for file in files:
        if file.instead_of:
            spare |= set(file.instead_of) if locate(file) is not None else {file.key}
    return [file for file in files if file.key not in spare]


def fetch_all(files: Iterable[DataFile], progress: Progress | None = None) -> dict[str, Path]:
    """Fetch a set of files, keeping whatever succeeds.

    A second call goes on where the first stopped: good files are not fetched again. After one
    server could not be reached the rest is only looked for in the cache and in a mirror folder.

    Returns
    -------
    dict
        Path of every file by key.

    Raises
    ------
    DownloadError
        One error at the end that names every file that is missing and why.
    """
    paths: dict[str, Path] = {}
    failures: list[str] = []
    unreachable = False
    for file in files:
        try:
            if unreachable and locate(file) is None:
                failures.append(f"{file.key}: not tried, no connection")
                continue
            paths[file.key] = fetch(file, progress)
        except DownloadError as error:
            unreachable = unreachable or isinstance(error, UnreachableError)
            failures.append(str(error))
    if failures:
        msg = f"{len(failures)} file(s) missing:\n  " + "\n  ".join(failures)
        raise DownloadError(msg)
    return paths


@dataclass(frozen=True)
class TierStatus:
    """Where the files of a tier are.

    Attributes
    ----------
    tier : str
    states : dict
        ``"cached"``, ``"mirror"``, ``"damaged"`` (a copy in the cache fails its hash and no mirror
        folder has a good one) or ``"missing"``, by key.
    """

    tier: str
    states: dict[str, str]

    @property
    def complete(self) -> bool:
        """True when every file is at hand without a network."""
        return all(state in ("cached", "mirror") for state in self.states.values())

    @property
    def missing(self) -> list[str]:
        """Keys of the files that are not at hand."""
        return [key for key, state in self.states.items() if state not in ("cached", "mirror")]


def availability(registry: Registry, tier: str, chapter: str | None = None) -> TierStatus:
    """Say for each file of a tier (and chapter) where it is; uses no network."""
    states = {}
    for file in registry.select(tier, chapter):
        cached, place = cached_path(file), locate(file)
        if place is None:
            states[file.key] = "damaged" if cached.is_file() else "missing"
        else:
            states[file.key] = "cached" if place == cached else "mirror"
    return TierStatus(tier, states)


def _good(file: DataFile, path: Path) -> bool:
    try:
        verify(file, path)
    except DownloadError:
        return False
    return True


def _mirror() -> str | None:
    return os.environ.get("HELPERS_DATA_MIRROR") or None


def _mirror_path(file: DataFile) -> Path | None:
    mirror = _mirror()
    if mirror is None or "://" in mirror:
        return None
    return Path(mirror).expanduser() / file.location


def _bring(file: DataFile, target: Path, progress: Progress | None) -> None:
    mirror = _mirror()
    folder = _mirror_path(file)
    if folder is not None and folder.is_file():
        _copy(file, folder, target)
        return
    offline = os.environ.get("HELPERS_OFFLINE") == "1"
    addresses = []
    if mirror is not None and folder is None:
        addresses.append(f"{mirror.rstrip('/')}/{file.location}")
    if file.address is not None and not offline:
        addresses.append(file.address)
    if not addresses and file.address is None:
        msg = f"{file.key} is obtained by hand: {file.obtain} Put it at {target}"
        raise DownloadError(msg)
    if not addresses:
        msg = f"{file.key}: no good copy in cache or mirror, and HELPERS_OFFLINE=1 forbids the origin"
        raise UnreachableError(msg)
    for address in addresses:
        try:
            _download(file, address, target, progress)
            return
        except DownloadError:
            if address == addresses[-1]:
                raise


def _copy(file: DataFile, source: Path, target: Path) -> None:
    """Copy from a mirror folder; checked before it takes its name."""
    verify(file, source)
    with atomic_writer(target, "wb") as stream:
        stream.write(source.read_bytes())


def _download(file: DataFile, address: str, target: Path, progress: Progress | None) -> None:
    def stream(url: str, output_file: str, _: pooch.Pooch) -> None:
        with Path(output_file).open("wb") as out:
            _transfer(file, url, out, progress)
        try:
            verify(file, output_file)
        except DownloadError as error:
            raise _FinalError(DownloadError(str(error).replace(output_file, url))) from error

    # pooch, which is not given the hash, would take a damaged copy for good.
    target.unlink(missing_ok=True)
    store = pooch.create(
        path=target.parent,
        base_url="",
        registry={target.name: None},
        urls={target.name: address},
        retry_if_failed=_RETRIES,
    )
    level = pooch.get_logger().level
    pooch.get_logger().setLevel("WARNING")
    try:
        store.fetch(target.name, downloader=stream)
    except requests.exceptions.ChunkedEncodingError as error:
        msg = f"{file.key}: the download from {address} was truncated; try again"
        raise DownloadError(msg) from error
    except (requests.ConnectionError, requests.Timeout) as error:
        host = urlsplit(address).hostname
        msg = f"{file.key}: {host} cannot be reached; check the network or set HELPERS_DATA_MIRROR"
        raise UnreachableError(msg) from error
    except requests.RequestException as error:
        msg = f"{file.key}: the download from {address} failed: {error}"
        raise DownloadError(msg) from error
    except _FinalError as error:
        raise error.error from error
    finally:
        pooch.get_logger().setLevel(level)


def _transfer(file: DataFile, url: str, out: IO[bytes], progress: Progress | None) -> None:
    # Uncompressed transfer: the length that the server announces is then the file's own.
    headers = {"Accept-Encoding": "identity"}
    limit = file.bytes or _LIMIT
    _refuse_plain(file, url)
    try:
        answer = requests.get(url, stream=True, timeout=_TIMEOUT, headers=headers)
    except requests.ConnectTimeout as error:
        msg = f"{file.key}: {urlsplit(url).hostname} does not answer"
        raise _FinalError(UnreachableError(msg)) from error
    with answer:
        for hop in (*answer.history, answer):
            _refuse_plain(file, hop.url)
        if 400 <= answer.status_code < 500:
            msg = f"{file.key}: {url} answered {answer.status_code} {answer.reason}"
            raise _FinalError(DownloadError(msg))
        answer.raise_for_status()
        done = 0
        for chunk in answer.iter_content(1 << 16):
            done += len(chunk)
            if done > limit:
                msg = f"{file.key}: {url} sends more than the {limit:,} bytes expected; stopped"
                raise _FinalError(DownloadError(msg))
            out.write(chunk)
            if progress is not None:
                progress(file, done, file.bytes)
    if file.bytes is not None and done < file.bytes:
        msg = f"{file.key}: {url} was truncated at {done:,} of {file.bytes:,} bytes; try again"
        raise DownloadError(msg)


def _refuse_plain(file: DataFile, url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOCAL):
        msg = f"{file.key}: {url} is not https"
        raise _FinalError(DownloadError(msg))
