"""One download: from one address into the cache, checked before the file takes its name."""

from __future__ import annotations

import email.utils
import re
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import IO
from urllib.parse import urljoin, urlsplit

import pooch
import requests
import urllib3.exceptions

from helpers.atomic import share
from helpers.data.hashes import verify
from helpers.data.registry import DataFile
from helpers.errors import DownloadError

#: Called with the file, the bytes written so far and the total (None where unknown).
Progress = Callable[[DataFile, int, int | None], None]

_RETRIES = 2
_TIMEOUT = (5, 20)  # seconds to connect, seconds without a byte
_GRACE, _SLOWEST = 60.0, 5_000  # after so many seconds, at least so many bytes a second since the start
_HOPS = 5  # redirects that are followed
_LIMIT = 4 << 30  # bytes, for files of unregistered size
_WAIT = 60.0  # seconds, where a server that asks to wait does not say how long
_LOCAL = {"localhost", "127.0.0.1", "::1"}
# pooch writes to such a name; a download that lives writes at least every _TIMEOUT[1] seconds.
_LEFTOVER, _LEFT = re.compile(r"tmp[a-z0-9_]{8}"), 600.0


class UnreachableError(DownloadError):
    """No server could be asked: offline, or no way to the host."""


class RateLimitError(DownloadError):
    """A server has the file and asks to come back in ``wait`` seconds."""

    def __init__(self, message: str, wait: float) -> None:
        super().__init__(message)
        self.wait = wait


class CacheError(DownloadError):
    """The cache cannot be written, wherever the file would come from."""


class _FinalError(Exception):
    """A failure that trying again at once cannot mend; wraps the error to raise, as pooch retries that."""

    def __init__(self, error: DownloadError) -> None:
        super().__init__(str(error))
        self.error = error


def download(file: DataFile, address: str, target: Path, progress: Progress | None) -> None:
    """Download a file; what arrives takes the name ``target`` after it has passed :func:`verify`.

    Redirects are followed to https only. What a killed download left beside ``target`` is removed.

    Raises
    ------
    UnreachableError
        If the host cannot be reached or sends nothing.
    RateLimitError
        If the server asks to come back later.
    CacheError
        If the cache cannot be written.
    DownloadError
        If the server does not have the file, sends a web page or another content, or is too slow.
    """

    def stream(url: str, output_file: str, _: pooch.Pooch) -> None:
        with Path(output_file).open("wb") as out:
            _transfer(file, url, out, target, progress)
        try:
            verify(file, output_file)
        except DownloadError as error:
            raise _FinalError(DownloadError(str(error).replace(output_file, url))) from error
        share(output_file)  # a cache may be shared

    level = pooch.get_logger().level
    pooch.get_logger().setLevel("WARNING")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=target.parent).close()  # pooch wraps the error in one of its own
        _remove_leftovers(target.parent)
        # pooch, which is not given the hash, would take a damaged copy for good.
        target.unlink(missing_ok=True)
        store = pooch.create(
            path=target.parent,
            base_url="",
            registry={target.name: None},
            urls={target.name: address},
            retry_if_failed=_RETRIES,
        )
        store.fetch(target.name, downloader=stream)
    except requests.exceptions.ChunkedEncodingError as error:
        msg = f"{file.key}: the download from {address} was truncated; try again"
        raise DownloadError(msg) from error
    except (requests.ConnectionError, requests.Timeout) as error:
        host = urlsplit(address).hostname
        msg = f"{file.key}: {host} cannot be reached; check the network or set HELPERS_DATA_MIRROR"
        raise UnreachableError(msg) from error
    except requests.RequestException as error:
        msg = f"{file.key}: the download failed: {error}"
        raise DownloadError(msg) from error
    except _FinalError as error:
        raise error.error from error
    except OSError as error:  # requests' own errors are OSErrors too, and come first
        what = f"{target.parent} cannot be written: {error.strerror or error}"
        msg = f"{file.key}: {what}; free space, or set HELPERS_CACHE to a folder that can"
        raise CacheError(msg) from error
    finally:
        pooch.get_logger().setLevel(level)


def _remove_leftovers(folder: Path) -> None:
    """Remove what killed downloads left behind."""
    for path in folder.glob("tmp*"):
        if _LEFTOVER.fullmatch(path.name) and time.time() - path.stat().st_mtime > _LEFT:
            path.unlink(missing_ok=True)


def _transfer(file: DataFile, url: str, out: IO[bytes], target: Path, progress: Progress | None) -> None:
    limit, done, started = file.bytes or _LIMIT, 0, time.monotonic()
    with _answer(file, url) as answer:
        _check_status(file, url, answer)
        while chunk := _read(answer):
            if not done and _is_page(chunk, file):
                problem = f"{url} answered with a web page (a log-in or a licence?), not with the file"
                raise _final(file, f"{problem}; get it with a browser ({file.obtain}) and put it at {target}")
            done += len(chunk)
            if done > limit:
                raise _final(file, f"{url} sends more than the {limit:,} bytes expected; stopped")
            seconds = time.monotonic() - started
            if seconds > _GRACE and done < seconds * _SLOWEST:
                problem = f"{url} sent {done:,} bytes in {seconds:,.0f} s, too slow to wait for; stopped"
                raise _final(file, problem)
            out.write(chunk)
            if progress is not None:
                progress(file, done, file.bytes)
    if file.bytes is not None and done < file.bytes:
        msg = f"{file.key}: {url} was truncated at {done:,} of {file.bytes:,} bytes; try again"
        raise DownloadError(msg)


def _answer(file: DataFile, url: str) -> requests.Response:
    """Ask for an address; each hop of a redirect is checked before it is followed."""
    # Uncompressed transfer: the length that the server announces is then the file's own.
    headers = {"Accept-Encoding": "identity"}
    for _ in range(_HOPS + 1):
        parts = urlsplit(url)
        if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOCAL):
            raise _final(file, f"{url} is not https")
        try:
            answer = requests.get(url, stream=True, timeout=_TIMEOUT, headers=headers, allow_redirects=False)
        except requests.ConnectTimeout as error:
            msg = f"{file.key}: {parts.hostname} does not answer"
            raise _FinalError(UnreachableError(msg)) from error
        if not answer.is_redirect:
            return answer
        url = urljoin(url, answer.headers["Location"])
        answer.close()
    raise _final(file, f"{url}: more than {_HOPS} redirects; stopped")


def _check_status(file: DataFile, url: str, answer: requests.Response) -> None:
    code, after = answer.status_code, answer.headers.get("Retry-After")
    # 202: an archive that is made on demand is not ready yet.
    if code in (202, 429) or (code in (403, 503) and after is not None):
        wait = _seconds(after)
        what = "is preparing the file" if code == 202 else "limits downloads"
        msg = f"{file.key}: {urlsplit(url).hostname} {what} ({code}); it asks to wait {wait:,.0f} s"
        raise _FinalError(RateLimitError(msg, wait))
    if 400 <= code < 500:
        raise _final(file, f"{url} answered {code} {answer.reason}")
    if code >= 500:  # may pass: tried again
        msg = f"{url} answered {code} {answer.reason}"
        raise requests.HTTPError(msg)


def _seconds(after: str | None) -> float:
    """Read ``Retry-After``: seconds, or a date."""
    if after is None:
        return _WAIT
    if after.strip().isdigit():
        return float(after)
    try:
        return max(1.0, (email.utils.parsedate_to_datetime(after) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return _WAIT


def _read(answer: requests.Response) -> bytes:
    """Return what has arrived, so that a server that drips is noticed; nothing at the end."""
    try:
        return answer.raw.read1(1 << 16, decode_content=True)
    except urllib3.exceptions.ProtocolError as error:
        raise requests.exceptions.ChunkedEncodingError(error) from error
    except urllib3.exceptions.HTTPError as error:
        raise requests.ConnectionError(error) from error


def _is_page(chunk: bytes, file: DataFile) -> bool:
    start = chunk[:200].lstrip().lower()
    return start.startswith((b"<!doctype html", b"<html")) and not file.path.endswith((".html", ".htm"))


def _final(file: DataFile, problem: str) -> _FinalError:
    return _FinalError(DownloadError(f"{file.key}: {problem}"))
