"""Find a registered file: cache, then mirror, then origin."""

from __future__ import annotations

import logging
import os
import shutil
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from helpers.atomic import atomic_writer
from helpers.data.hashes import verify
from helpers.data.registry import DataFile, Registry
from helpers.data.transfer import CacheError, Progress, RateLimitError, UnreachableError, download
from helpers.errors import DownloadError
from helpers.project import project_root

__all__ = [
    "CacheError",
    "RateLimitError",
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

#: Failures that the next file would share.
_STOPS = {
    RateLimitError: "downloads are limited; the same command resumes",
    UnreachableError: "no connection",
    CacheError: "the cache cannot be written",
}
_PATIENCE = 900.0  # seconds that a file may wait for servers that limit downloads


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
    ``https://raw.githubusercontent.com``), origin and its second address (unless ``HELPERS_OFFLINE=1``). What
    arrives is checked against size and hash before it takes its final name, so the cache never holds a bad
    new file; a good file already there is never touched. Where a server limits downloads the others are
    asked, then it is waited for. Where the cache cannot be written a good file of a mirror folder is read
    there.

    Parameters
    ----------
    file : DataFile
    progress : callable, optional
        ``progress(file, done, total)`` in bytes; called at least once, when the file is there.

    Raises
    ------
    DownloadError
        If no source has the file with the registered content. :class:`UnreachableError`, a kind of
        it, if no server could be asked; :class:`RateLimitError` if one is to be asked later;
        :class:`CacheError` if the cache cannot be written.
    """
    target = cached_path(file)
    if not _good(file, target):
        target = _bring(file, target, progress)
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
    server could not be reached, or limited downloads for too long, or the cache could not be written, the
    rest is only looked for in the cache and in a mirror folder.

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
    stopped = ""
    for file in files:
        try:
            if stopped and locate(file) is None:
                failures.append(f"{file.key}: not tried, {stopped}")
                continue
            paths[file.key] = fetch(file, progress)
        except DownloadError as error:
            stopped = next((why for kind, why in _STOPS.items() if isinstance(error, kind)), stopped)
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
        ``"cached"``, ``"mirror"``, ``"damaged"`` (a copy in the cache cannot be read or fails its hash, and
        no mirror folder has a good one) or ``"missing"``, by key.
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
            states[file.key] = "damaged" if _stands(cached) else "missing"
        else:
            states[file.key] = "cached" if place == cached else "mirror"
    return TierStatus(tier, states)


def _good(file: DataFile, path: Path) -> bool:
    try:
        verify(file, path)
    except DownloadError:
        return False
    return True


def _stands(path: Path) -> bool:
    """Tell whether something is there, be it in a folder that may not be read."""
    try:
        return path.is_file()
    except OSError:
        return True


def _mirror() -> str | None:
    return os.environ.get("HELPERS_DATA_MIRROR") or None


def _mirror_path(file: DataFile) -> Path | None:
    mirror = _mirror()
    if mirror is None or "://" in mirror:
        return None
    return Path(mirror).expanduser() / file.location


def _bring(file: DataFile, target: Path, progress: Progress | None) -> Path:
    mirror = _mirror()
    folder = _mirror_path(file)
    if folder is not None and _stands(folder):
        return _copy(file, folder, target)
    offline = os.environ.get("HELPERS_OFFLINE") == "1"
    addresses = []
    if mirror is not None and folder is None:
        addresses.append(f"{mirror.rstrip('/')}/{file.location}")
    if not offline:
        addresses += file.addresses
    if not addresses and not file.addresses:
        msg = f"{file.key} is obtained by hand: {file.obtain} Put it at {target}"
        raise DownloadError(msg)
    if not addresses:
        msg = f"{file.key}: no good copy in cache or mirror, and HELPERS_OFFLINE=1 forbids the origin"
        raise UnreachableError(msg)
    waited = 0.0
    while True:
        failures: dict[str, DownloadError] = {}
        for address in addresses:
            try:
                download(file, address, target, progress)
            except CacheError:
                raise
            except DownloadError as error:
                failures[address] = error
            else:
                return target
        limits = {where: one for where, one in failures.items() if isinstance(one, RateLimitError)}
        soonest = min(limits.values(), key=lambda one: one.wait, default=None)
        if soonest is None or waited + soonest.wait > _PATIENCE:
            raise _all_failed(file, failures)
        logging.getLogger(__name__).warning("%s", soonest)
        time.sleep(soonest.wait)
        waited += soonest.wait
        addresses = list(limits)


def _all_failed(file: DataFile, failures: dict[str, DownloadError]) -> DownloadError:
    """Make one error of those of all addresses: a limit or an answer says more than no connection."""
    errors = sorted(failures.values(), key=lambda one: (isinstance(one, UnreachableError), _no_limit(one)))
    first = errors[0]
    msg = f"{file.key}: " + "; ".join(str(error).removeprefix(f"{file.key}: ") for error in errors)
    return RateLimitError(msg, first.wait) if isinstance(first, RateLimitError) else type(first)(msg)


def _no_limit(error: DownloadError) -> bool:
    return not isinstance(error, RateLimitError)


def _copy(file: DataFile, source: Path, target: Path) -> Path:
    """Copy from a mirror folder; checked before it takes its name."""
    verify(file, source)
    try:
        with atomic_writer(target, "wb") as stream, source.open("rb") as content:
            shutil.copyfileobj(content, stream)
    except OSError:  # a cache that is read-only or full
        return source
    return target
