"""Execute notebooks one after another into a run folder."""

from __future__ import annotations

import datetime
import time
import traceback
from pathlib import Path
from typing import IO, Any

import filelock
from papermill import PapermillExecutionError, execute_notebook
from papermill.engines import NBClientEngine, papermill_engines
from papermill.exceptions import strip_color

from helpers.chapter.provenance import git_commit, platform_versions
from helpers.errors import RunError
from helpers.run.fingerprint import fingerprint
from helpers.run.kernel import kernel_environment
from helpers.run.plan import RunOptions, Task, make_plan, run_folder, stale_because
from helpers.run.progress import Reporter
from helpers.run.state import Failure, NotebookState, RunState

_ENGINE = "helpers"


# Seconds in which the output of a finished cell must arrive: four by default, too few on a busy machine.
_OUTPUT_TIMEOUT = 120
# Papermill writes the whole notebook before and after every cell, which costs more than most cells.
_SECONDS_BETWEEN_SAVES = 20


class _ReportingEngine(NBClientEngine):
    """Papermill's own engine, which also says which cell it starts and writes the notebook less often."""

    @classmethod
    def execute_managed_notebook(
        cls, nb_man: Any, kernel_name: str, reporter: Reporter, **kwargs: Any
    ) -> Any:
        start = nb_man.cell_start

        def cell_start(cell: Any, cell_index: int | None = None, **rest: Any) -> Any:
            reporter.cell((cell_index or 0) + 1, len(nb_man.nb.cells))
            return start(cell, cell_index=cell_index, **rest)

        nb_man.cell_start = cell_start
        save, saved = nb_man.save, time.monotonic()

        def save_now_and_then(**rest: Any) -> None:
            nonlocal saved
            if time.monotonic() - saved > _SECONDS_BETWEEN_SAVES:
                save(**rest)
                saved = time.monotonic()

        nb_man.save = save_now_and_then
        try:
            return super().execute_managed_notebook(
                nb_man, kernel_name, iopub_timeout=_OUTPUT_TIMEOUT, **kwargs
            )
        finally:
            save()  # also what an interrupted notebook has so far


papermill_engines.register(_ENGINE, _ReportingEngine)


class _Log:
    """A log file that also shows its latest line to the reporter."""

    def __init__(self, stream: IO[str], reporter: Reporter):
        self._stream, self._reporter = stream, reporter

    def write(self, text: str) -> None:
        self._stream.write(text)
        lines = [line for line in text.replace("\r", "\n").split("\n") if line.strip()]
        if lines:
            self._reporter.line(strip_color(lines[-1]).strip())

    def flush(self) -> None:
        self._stream.flush()


def run_notebooks(root: Path, options: RunOptions, reporter: Reporter | None = None) -> RunState:
    """Execute notebooks into a run folder; finished ones are kept, up-to-date ones skipped.

    Each notebook is made from its percent script at that moment, so an ``.ipynb`` that was left behind
    cannot run. A notebook that fails leaves its partial output, and the others go on. ``run.json`` is
    written after every notebook.

    Parameters
    ----------
    root : Path
        Project folder.
    options : RunOptions
        What to run and how.
    reporter : Reporter, optional
        Told about progress.

    Returns
    -------
    RunState
        Content of ``run.json`` at the end. See each notebook's ``status``.

    Raises
    ------
    ParameterError
        For an unknown chapter, profile, parameter, tier or device, before anything starts.
    RunError
        If another run works in the folder, or ``run.json`` cannot be read or written.
    KeyboardInterrupt
        After Ctrl-C, once ``run.json`` says which notebook was interrupted.
    """
    reporter = reporter or Reporter()
    tasks = make_plan(root, options)
    folder = run_folder(root, options)
    try:
        for name in ("notebooks", "results", "figures", "logs", "checkpoints"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(folder / ".lock", timeout=0)
        with lock:
            return _run_all(root, folder, tasks, options, reporter)
    except filelock.Timeout as error:
        msg = f"another run works in {folder}; wait for it or choose another --out"
        raise RunError(msg) from error
    except OSError as error:
        msg = f"the run folder {folder} cannot be used: {error.strerror or error}"
        raise RunError(msg) from error


def _run_all(
    root: Path, folder: Path, tasks: list[Task], options: RunOptions, reporter: Reporter
) -> RunState:
    before = RunState.load(folder)
    if before and before.profile != options.profile:
        msg = f"{folder} holds a run of profile {before.profile!r}; choose another --out"
        raise RunError(msg)
    state = RunState(
        profile=options.profile,
        commit=git_commit(root),
        versions=platform_versions(),
        device=str(tasks[0].parameters["device"]),
        threads=tasks[0].parameters["jobs"],
        started=before.started if before else _now(),
        notebooks=before.notebooks if before else {},
    )
    times = {chapter: entry.wall_seconds for chapter, entry in state.notebooks.items() if entry.wall_seconds}
    reporter.start([task.source.chapter for task in tasks], times)
    for task in tasks:
        chapter = task.source.chapter
        # Decided only now: a notebook that reads results depends on what the ones before it just wrote.
        reasons = stale_because(root, folder, task, state)
        if not reasons and not options.force:
            reporter.skipped(chapter)
            continue
        reporter.began(chapter, reasons or ["--force"])
        state.notebooks[chapter] = NotebookState(
            status="running",
            started=_now(),
            parameters=task.parameters,
            chosen=task.chosen,
            fingerprint=fingerprint(root, task.source, task.parameters, folder),
        )
        state.save(folder)
        entry = state.notebooks[chapter]
        clock = time.monotonic()
        try:
            _execute(root, folder, task, entry, options, reporter)
        except KeyboardInterrupt:
            entry.status = "interrupted"
            raise
        finally:
            entry.finished = state.finished = _now()
            entry.wall_seconds = round(time.monotonic() - clock, 2)
            state.save(folder)
        reporter.ended(chapter, entry)
    return state


def _execute(
    root: Path, folder: Path, task: Task, entry: NotebookState, options: RunOptions, reporter: Reporter
) -> None:
    """Execute one notebook; set the status of its entry."""
    chapter = task.source.chapter
    # Results of an older source must not pass for those of this one if it fails half way.
    (folder / "results" / f"{chapter}.json").unlink(missing_ok=True)
    path = folder / "logs" / f"{chapter}.log"
    notebook = task.source.notebook()
    entry.cells = len(notebook.cells)
    with path.open("w", encoding="utf-8") as stream:
        log = _Log(stream, reporter)
        try:
            with kernel_environment(root, task.parameters["jobs"], options.scheduler):
                execute_notebook(
                    notebook,
                    folder / "notebooks" / f"{chapter}.ipynb",
                    parameters=task.parameters,
                    engine_name=_ENGINE,
                    kernel_name="python3",
                    progress_bar=False,
                    # The kernel's own remarks would break into the progress display.
                    extra_arguments=["--log-level=50"],
                    stdout_file=log,
                    stderr_file=log,
                    cwd=root / "notebooks",
                    reporter=reporter,
                )
        except PapermillExecutionError as error:
            stream.write(strip_color("\n".join(error.traceback)) + "\n")
            entry.status = "failed"
            entry.error = Failure(
                cell=error.cell_index + 1, name=error.ename, message=_first_line(error.evalue), log=str(path)
            )
        except Exception as error:  # whatever stopped this notebook, the others must go on
            stream.write(traceback.format_exc())
            entry.status = "failed"
            entry.error = Failure(
                cell=None, name=type(error).__name__, message=_first_line(str(error)), log=str(path)
            )
        else:
            entry.status = "done"


def _first_line(text: str) -> str:
    return text.strip().split("\n")[0][:300]


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
