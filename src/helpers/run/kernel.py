"""The process that a notebook runs in: its environment variables, and a Dask cluster when one is named."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from unittest import mock

from helpers.chapter.settings import ATTEMPT, WORKERS

SCHEDULER = "HELPERS_SCHEDULER"

_THREADS = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)
_IPYTHON = ".ipython-"
_STARTUP = "from helpers.run.kernel import use_scheduler\n\nuse_scheduler()\n"


@contextlib.contextmanager
def own_ipython(folder: Path) -> Iterator[None]:
    """Let IPython, which this process asks where kernels are, use a folder of the run, not the reader's."""
    for left in [*folder.glob(f"{_IPYTHON}*"), *folder.glob(f"*/{_IPYTHON}*")]:  # by a run that was killed
        shutil.rmtree(left, ignore_errors=True)
    with (
        tempfile.TemporaryDirectory(prefix=_IPYTHON, dir=folder) as ipython,
        mock.patch.dict(os.environ, {"IPYTHONDIR": ipython}),
    ):
        yield


@contextlib.contextmanager
def kernel_environment(
    root: Path, jobs: int, attempt: Path, scheduler: str | None = None
) -> Iterator[Mapping[str, str]]:
    """Give the environment variables of a kernel, which hold inside the ``with`` block.

    Threads are set on purpose (a library's own guess oversubscribes the cores), hashes are fixed, and
    the reader's own IPython start-up files are left out, so that equal runs give equal numbers.

    Parameters
    ----------
    root : Path
        Project folder.
    jobs : int
        Threads of each numerical library.
    attempt : Path
        Where the chapter writes results and figures.
    scheduler : str, optional
        Address of a Dask scheduler.
    """
    with tempfile.TemporaryDirectory(prefix=_IPYTHON, dir=attempt.parent) as ipython:
        values = dict.fromkeys(_THREADS, str(jobs)) | {
            "HELPERS_PROJECT": str(root),
            ATTEMPT: str(attempt),
            "PYTHONHASHSEED": "0",
            "CUBLAS_WORKSPACE_CONFIG": ":4096:8",  # without it cuBLAS is not deterministic
            "TF_CPP_MIN_LOG_LEVEL": "3",
            "IPYTHONDIR": ipython,
        }
        if scheduler:
            values[SCHEDULER] = scheduler
            startup = Path(ipython) / "profile_default" / "startup"
            startup.mkdir(parents=True)
            (startup / "00-scheduler.py").write_text(_STARTUP, encoding="utf-8")
        yield os.environ | values


def use_scheduler() -> None:
    """Send every joblib loop of this process to the scheduler named in ``HELPERS_SCHEDULER``."""
    import joblib
    from distributed import Client

    class Everywhere(Client):
        """A client whose data lie on every worker: what one alone holds is lost when that one is killed."""

        def scatter(self, data: Any, *args: Any, **options: Any) -> Any:
            return super().scatter(data, *args, **options | {"broadcast": True})

    try:
        client = Everywhere(os.environ[SCHEDULER], timeout="30s", set_as_default=True)
    except OSError as error:
        # IPython would go on without its start-up file, and the notebook would run on this machine.
        print(f"the scheduler {os.environ[SCHEDULER]} cannot be reached: {error}", file=sys.__stderr__)
        os._exit(1)
    client.amm.stop()  # it would remove the copies again
    workers = client.scheduler_info(n_workers=-1)["workers"].values()
    names = (f"{worker['name']} x {worker['nthreads']} thread" for worker in workers)
    os.environ[WORKERS] = ", ".join(sorted(names))
    joblib.parallel_config(backend="dask", client=client)
