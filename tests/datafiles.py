"""Fixtures: a tiny registry with its files, a local server, and the real panel where it is at hand."""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from helpers.data.download import availability
from helpers.data.registry import DataFile, Registry

REPOSITORY = Path(__file__).parents[1]
COMMIT = "0123456789abcdef0123456789abcdef01234567"

# What the tests were started with, before the isolation of each test.
_NAMED = os.environ.get("HELPERS_DATA_MIRROR")
_NEIGHBOUR = REPOSITORY.parent / "shared" / "data" / "mirror"
_CACHE = os.environ.get("HELPERS_CACHE") or str(REPOSITORY / "data" / "cache")


@pytest.fixture(scope="session")
def real_registry() -> Registry:
    return Registry.load(REPOSITORY / "data")


@pytest.fixture(scope="session")
def panel(real_registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """The registry, with the environment set so that its panel files are found without a network.

    From a mirror into a fresh cache, else from the user's filled cache; skipped without either.
    """
    mirror = _NAMED or (str(_NEIGHBOUR) if _NEIGHBOUR.is_dir() else None)
    cache = str(tmp_path_factory.mktemp("panel-cache")) if mirror else _CACHE
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HELPERS_CACHE", cache)
        patch.setenv("HELPERS_OFFLINE", "1")
        if mirror:
            patch.setenv("HELPERS_DATA_MIRROR", mirror)
        missing = availability(real_registry, "panel").missing
        if missing and not (mirror and "://" in mirror):
            pytest.skip(f"{len(missing)} panel files are neither in a mirror nor in the cache")
        yield real_registry


@pytest.fixture
def make_file() -> Callable[..., DataFile]:
    """Return a maker of registry entries for given bytes."""

    def make(content: bytes = b"good content\n", **changes: object) -> DataFile:
        fields: dict[str, object] = {
            "key": "sample",
            "title": "a sample",
            "tier": "panel",
            "owner": "nobody",
            "repository": "owner/name",
            "commit": COMMIT,
            "path": "data/sample.csv",
            "bytes": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
            "licence": "MIT",
            "chapters": ["01_sample"],
            "card": "toy/cards/sample.md",
            "obtain": "Ask the owner.",
        }
        return DataFile.model_validate({**fields, **changes})

    return make


class Server:
    """Serves ``content`` by path and keeps a list of what was asked for.

    ``broken`` maps a path to the number of answers that stop half-way, ``first`` to answers (status and
    headers) that come before the content; a path in ``drips`` is sent byte by byte.
    """

    def __init__(self) -> None:
        self.content: dict[str, bytes] = {}
        self.broken: dict[str, int] = {}
        self.redirects: dict[str, str] = {}
        self.drips: set[str] = set()
        self.first: dict[str, list[tuple[int, dict[str, str]]]] = {}
        self.asked: list[str] = []
        outer, pause = self, threading.Event()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                path = self.path.lstrip("/")
                outer.asked.append(path)
                if outer.first.get(path):
                    status, headers = outer.first[path].pop(0)
                    self.send_response(status)
                    for name, value in headers.items():
                        self.send_header(name, value)
                    self.end_headers()
                    return
                if path in outer.redirects:
                    self.send_response(302)
                    self.send_header("Location", outer.redirects[path])
                    self.end_headers()
                    return
                if path not in outer.content:
                    self.send_error(404)
                    return
                body = outer.content[path]
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if outer.broken.get(path, 0) > 0:
                    outer.broken[path] -= 1
                    body = body[: len(body) // 2]
                if path in outer.drips:
                    with contextlib.suppress(OSError):  # until the other side has had enough
                        for byte in body:
                            self.wfile.write(bytes([byte]))
                            pause.wait(0.05)
                    return
                self.wfile.write(body)

            def log_message(self, *args: object) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def close(self) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A mirror by address, without waiting between retries."""
    running = Server()
    monkeypatch.setenv("HELPERS_DATA_MIRROR", running.url)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr("pooch.core.time.sleep", lambda seconds: None)
    try:
        yield running
    finally:
        running.close()
