"""Papermill's engine, with a kernel that gets its surroundings from here, and that can be stopped."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

from nbclient.exceptions import DeadKernelError
from nbformat import NotebookNode
from papermill import execute_notebook
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import NBClientEngine, papermill_engines
from papermill.exceptions import strip_color
from papermill.log import logger

_ENGINE = "helpers"
# Seconds in which the output of a finished cell must arrive: four by default, too few on a busy machine.
_OUTPUT_TIMEOUT = 120
_START_TIMEOUT = 120  # seconds for a kernel to answer, several at a time
_LONGEST_CELL = 24 * 3600  # seconds; what never ends is stopped with a message
# Papermill writes the whole notebook before and after every cell, which costs more than most cells.
_SECONDS_BETWEEN_SAVES = 20


class Kernels:
    """The kernels that work at the moment."""

    def __init__(self) -> None:
        self._clients: set[PapermillNotebookClient] = set()
        self._lock = threading.Lock()
        self._stopped = False

    def check(self) -> None:
        """Refuse to go on once these kernels were stopped: one may have started at that moment."""
        if self._stopped:
            msg = "the run was stopped"
            raise DeadKernelError(msg)

    def execute(self, client: PapermillNotebookClient, **surroundings: Any) -> None:
        """Execute the notebook of a client, whose kernel is one of these meanwhile."""
        with self._lock:
            self._clients.add(client)
        try:
            self.check()
            client.execute(**surroundings)
        finally:
            with self._lock:
                self._clients.discard(client)
            with contextlib.suppress(RuntimeError):  # the client has made none in this thread
                asyncio.get_event_loop_policy().get_event_loop().close()

    def stop(self) -> None:
        """End all kernels at once, with what they have started; none starts any more."""
        with self._lock:
            self._stopped = True
            clients = list(self._clients)
        for client in clients:
            pid = getattr(getattr(client.km, "provisioner", None), "pid", None)
            if pid:  # the leader of a group: a kernel hears no Ctrl-C
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(pid, signal.SIGTERM)


class _Engine(NBClientEngine):
    """Says which cell starts, and writes the notebook less often."""

    @classmethod
    def execute_managed_notebook(
        cls,
        nb_man: Any,
        kernel_name: str,
        *,
        kernels: Kernels,
        on_cell: Callable[[int, int], None],
        surroundings: Mapping[str, Any],
        stdout_file: Any,
        stderr_file: Any,
        **_: Any,
    ) -> None:
        start = nb_man.cell_start

        def cell_start(cell: Any, cell_index: int | None = None, **rest: Any) -> Any:
            kernels.check()
            on_cell((cell_index or 0) + 1, len(nb_man.nb.cells))
            return start(cell, cell_index=cell_index, **rest)

        nb_man.cell_start = cell_start
        save, saved = nb_man.save, time.monotonic()

        def save_now_and_then(**rest: Any) -> None:
            nonlocal saved
            if time.monotonic() - saved > _SECONDS_BETWEEN_SAVES:
                save(**rest)
                saved = time.monotonic()

        nb_man.save = save_now_and_then
        client = PapermillNotebookClient(
            nb_man,
            kernel_name=kernel_name,
            log=logger,
            stdout_file=stdout_file,
            stderr_file=stderr_file,
            timeout=_LONGEST_CELL,
            startup_timeout=_START_TIMEOUT,
            iopub_timeout=_OUTPUT_TIMEOUT,
            # The kernel's own remarks would break into the progress display.
            extra_arguments=["--log-level=50"],
        )
        try:
            kernels.execute(client, **surroundings)
        finally:
            save()  # also what an interrupted notebook has so far


papermill_engines.register(_ENGINE, _Engine)


class _Log:
    """A log file that also says its latest line."""

    def __init__(self, stream: IO[str], on_line: Callable[[str], None]):
        self._stream, self._on_line = stream, on_line

    def write(self, text: str) -> None:
        # A log that a full disk cannot take ends no notebook: what matters fails where it is written.
        with contextlib.suppress(OSError):
            self._stream.write(text)
        lines = [line for line in text.replace("\r", "\n").split("\n") if line.strip()]
        if lines:
            self._on_line(strip_color(lines[-1]).strip())

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            self._stream.flush()


def execute_source(
    notebook: NotebookNode,
    target: Path,
    parameters: Mapping[str, Any],
    *,
    cwd: Path,
    environment: Mapping[str, str],
    stream: IO[str],
    kernels: Kernels,
    on_cell: Callable[[int, int], None],
    on_line: Callable[[str], None],
) -> None:
    """Execute a notebook into a file; several threads may do so at a time.

    Parameters
    ----------
    notebook : NotebookNode
        Without outputs.
    target : Path
        Written now and then, and at the end, whatever the end is.
    parameters : mapping
        Replace those of the cell tagged ``parameters``.
    cwd, environment
        Folder and variables of the kernel.
    stream : file
        Its log, which also gets what its libraries say on the error stream of the process.
    kernels : Kernels
        Holds the kernel while it works.
    on_cell : callable
        ``on_cell(number, of)`` when a cell starts.
    on_line : callable
        Gets the latest line of the log.

    Raises
    ------
    papermill.PapermillExecutionError
        If a cell fails.
    nbclient.exceptions.DeadKernelError
        If the kernel dies or is stopped.
    """
    log = _Log(stream, on_line)
    execute_notebook(
        notebook,
        target,
        parameters=dict(parameters),
        engine_name=_ENGINE,
        kernel_name="python3",
        progress_bar=False,
        stdout_file=log,
        stderr_file=log,
        kernels=kernels,
        on_cell=on_cell,
        surroundings={"cwd": str(cwd), "env": dict(environment), "stderr": stream},
    )
