"""One run of all notebooks with the profile smoke, shared by the files (and processes) that look at it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import filelock
import pytest

from helpers.run.execute import run_notebooks
from helpers.run.plan import RunOptions
from helpers.run.state import RunState

REPOSITORY = Path(__file__).parents[1]


@dataclass(frozen=True)
class SmokeRun:
    """Its folder, and what ``run.json`` says."""

    folder: Path
    record: RunState


@pytest.fixture(scope="session")
def smoke(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> SmokeRun:
    """Execute every notebook once a session; a process that comes later waits and takes what is there."""
    place = tmp_path_factory.getbasetemp()
    place = (place if worker_id == "master" else place.parent) / "smoke"
    with filelock.FileLock(f"{place}.lock"), pytest.MonkeyPatch.context() as patch:
        record = RunState.load(place / "run")
        if record is None:
            patch.setenv("HELPERS_OFFLINE", "1")
            patch.setenv("HELPERS_CACHE", str(place / "cache"))
            patch.delenv("HELPERS_DATA_MIRROR", raising=False)
            record = run_notebooks(REPOSITORY, RunOptions(profile="smoke", out=place / "run", at_once=2))
    return SmokeRun(place / "run", record)
