"""Every test is cut off from the network, from the user's own cache, and from the user's own settings."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from browser import browser
from datafiles import make_file, panel, real_registry, server
from smoke import smoke
from toy import toy

# Fixtures for all tests.
__all__ = ["browser", "make_file", "panel", "real_registry", "server", "smoke", "toy"]

# Before numerical libraries start their threads: `make test` runs a process a core.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
os.environ.setdefault("NUMBA_NUM_THREADS", "2")
os.environ.setdefault("MPLBACKEND", "agg")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

# How fast an example is on this machine is no property of the code; nor is what failed here before, and the
# checkout may be read-only.
settings.register_profile(
    "helpers", deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None
)
settings.load_profile("helpers")

REPOSITORY = Path(__file__).parents[1]


@pytest.hookimpl(trylast=True)
def pytest_configure() -> None:
    """Give the command a plain terminal, wherever the tests run; pytest has chosen its own colours by now.

    Rich and typer read these variables when they are imported, so a fixture would come too late.
    """
    for name in ("FORCE_COLOR", "GITHUB_ACTIONS", "PY_COLORS", "TERMINAL_WIDTH", "TTY_COMPATIBLE"):
        os.environ.pop(name, None)
    os.environ["TERM"] = "dumb"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start with what takes longest, so that no process is left alone with it; end with what waits for it.

    Whatever looks at the smoke run is a test of the book: marked here, before ``-m`` chooses.
    """
    for item in items:
        if "smoke" in getattr(item, "fixturenames", ()):
            item.add_marker("book")
    items.sort(key=lambda item: (_marked(item, "waits"), not _marked(item, "slow")))


def _marked(item: pytest.Item, name: str) -> bool:
    return item.get_closest_marker(name) is not None


@pytest.fixture(autouse=True)
def _isolated(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Forbid the network; give each test an empty cache and no mirror, unless it is marked ``panel``."""
    monkeypatch.setenv("HELPERS_OFFLINE", "1")
    monkeypatch.delenv("HELPERS_PROJECT", raising=False)
    monkeypatch.delenv("HELPERS_SCHEDULER", raising=False)
    if request.node.get_closest_marker("panel"):
        request.getfixturevalue("panel")
        return
    monkeypatch.delenv("HELPERS_DATA_MIRROR", raising=False)
    monkeypatch.setenv("HELPERS_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="session")
def repository() -> Path:
    """Return the checkout that the tests belong to."""
    return REPOSITORY
