"""Execute notebooks one after another into a run folder."""

from __future__ import annotations

import datetime
import shutil
import time
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import filelock
from nbclient.exceptions import DeadKernelError
from papermill import PapermillExecutionError, execute_notebook
from papermill.engines import NBClientEngine, papermill_engines
from papermill.exceptions import strip_color

from helpers.chapter.provenance import git_commit, platform_versions
from helpers.errors import RunError
from helpers.memory import memory_kills, peak_memory, total_memory
from helpers.run.fingerprint import fingerprint
from helpers.run.kernel import kernel_environment
from helpers.run.plan import RunOptions, Task, make_plan, run_folder, stale_because
from helpers.run.preflight import check_choices, check_needs, check_place
from helpers.run.progress import Reporter
from helpers.run.seal import attempt_folder, put_in_place
from helpers.run.state import Failure, NotebookState, RunState, record_folder

_ENGINE = "helpers"


# Seconds in which the output of a finished cell must arrive: four by default, too few on a busy machine.
_OUTPUT_TIMEOUT = 120
# Papermill writes the whole notebook before and after every cell, which costs more than most cells.
_SECONDS_BETWEEN_SAVES = 20
_LONGEST_MESSAGE = 2000
_LONGEST_CELL = 24 * 3600  # seconds; what never ends is stopped with a message


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
    cannot run. It writes to a folder of its own, which takes its place when it has succeeded: one that fails
    leaves its partial output there and what an earlier one wrote as it was, and the others go on.
    ``run.json`` is written after every notebook, with the hash of each file.

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
    DownloadError
        If data of the tier that was asked for cannot be had, before anything starts.
    RunError
        If another run works in the folder, it holds other choices, the scheduler does not answer, or
        ``run.json`` cannot be read or written.
    KeyboardInterrupt
        After Ctrl-C, once ``run.json`` says which notebook was interrupted.
    """
    reporter = reporter or Reporter()
    tasks = make_plan(root, options)
    folder = run_folder(root, options)
    check_place(root, folder)
    state = _resume(root, folder, tasks, options)
    due = [task for task in tasks if options.force or stale_because(root, folder, task, state)]
    check_needs(root, folder, due, options)
    try:
        for name in ("logs", "checkpoints"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(folder / ".lock", timeout=0):
            # What was planned is read again: a run that worked here until now may have done it.
            return _run_all(root, folder, tasks, options, reporter)
    except filelock.Timeout as error:
        msg = f"another run works in {folder}; wait for it or choose another --out"
        raise RunError(msg) from error
    except OSError as error:
        msg = f"the run folder {folder} cannot be used: {error.strerror or error}"
        raise RunError(msg) from error


def _resume(root: Path, folder: Path, tasks: list[Task], options: RunOptions) -> RunState:
    """Return what the run folder holds, ready to go on."""
    before = RunState.load(folder)
    if before is not None:
        check_choices(folder, tasks, before, options)
    return RunState(
        profile=options.profile,
        commit=git_commit(root),
        versions=platform_versions(),
        device=str(tasks[0].parameters["device"]),
        threads=tasks[0].parameters["jobs"],
        started=before.started if before else _now(),
        notebooks=before.notebooks if before else {},
    )


def _run_all(
    root: Path, folder: Path, tasks: list[Task], options: RunOptions, reporter: Reporter
) -> RunState:
    state = _resume(root, folder, tasks, options)
    reporter.start([task.source.chapter for task in tasks], _known_times(root, state))
    if options.recompute:
        for shared in (folder / "checkpoints").glob("helpers.*"):
            shutil.rmtree(shared, ignore_errors=True)
    for task in tasks:
        chapter = task.source.chapter
        # Decided only now: a notebook that reads results depends on what the ones before it just wrote.
        reasons = stale_because(root, folder, task, state)
        if not reasons and not options.force:
            reporter.skipped(chapter)
            continue
        reporter.began(chapter, reasons or ["--force"])
        now = fingerprint(root, task.source, task.parameters, folder)
        before = None if options.recompute else state.notebooks.get(chapter)
        attempt = NotebookState(
            status="running",
            started=_now(),
            earlier_seconds=_unfinished_seconds(folder, chapter, before, now),
            commit=git_commit(root),
            parameters=task.parameters,
            chosen=task.chosen,
            fingerprint=now,
        )
        state.begin(chapter, attempt)
        state.save(folder)
        if options.recompute:
            shutil.rmtree(folder / "checkpoints" / chapter, ignore_errors=True)
        clock = time.monotonic()
        try:
            _execute(root, folder, task, attempt, options, reporter)
            if attempt.status == "done":
                earlier = state.notebooks[chapter].outputs
                attempt.outputs = put_in_place(folder, chapter, earlier)
                state.notebooks[chapter] = attempt
        except KeyboardInterrupt:
            attempt.status = "interrupted"
            raise
        except OSError:  # what it wrote could not be put in place
            attempt.status = "failed"
            raise
        finally:
            attempt.finished = state.finished = _now()
            attempt.wall_seconds = round(time.monotonic() - clock, 2)
            state.save(folder)
        reporter.ended(chapter, attempt)
    return state


def _known_times(root: Path, state: RunState) -> dict[str, float]:
    """Return how long each chapter took here, else in the run of record of the same profile."""
    try:
        record = RunState.load(record_folder(root, state.profile))
    except RunError:
        record = None
    known = record.notebooks if record else {}
    entries = known | state.notebooks
    return {chapter: entry.total_seconds for chapter, entry in entries.items() if entry.total_seconds}


def _unfinished_seconds(
    folder: Path, chapter: str, before: NotebookState | None, now: Mapping[str, str]
) -> float:
    """Return how long executions took that did not end and whose checkpoints the next one reads."""
    latest = before.latest if before else None
    same = latest is not None and all(
        latest.fingerprint.get(part) == now[part] for part in ("package", "lock")
    )
    if latest is None or latest.status == "done" or not same:
        return 0.0
    seconds = latest.wall_seconds
    if seconds is None:  # killed: its files tell until when it worked
        start = datetime.datetime.fromisoformat(latest.started).timestamp()
        written = [folder / "logs" / f"{chapter}.log", *attempt_folder(folder, chapter).glob("notebooks/*")]
        seconds = max((path.stat().st_mtime - start for path in written if path.is_file()), default=0.0)
    return round(latest.earlier_seconds + seconds, 2)


def _execute(
    root: Path, folder: Path, task: Task, entry: NotebookState, options: RunOptions, reporter: Reporter
) -> None:
    """Execute one notebook into the folder of its attempt; set the status of its entry."""
    chapter = task.source.chapter
    attempt = attempt_folder(folder, chapter)
    shutil.rmtree(attempt, ignore_errors=True)
    for name in ("notebooks", "results"):
        (attempt / name).mkdir(parents=True)
    path = folder / "logs" / f"{chapter}.log"
    notebook = task.source.notebook()
    entry.cells = len(notebook.cells)
    jobs = task.parameters["jobs"]
    kills = memory_kills()
    with path.open("w", encoding="utf-8") as stream:
        log = _Log(stream, reporter)
        try:
            with kernel_environment(root, jobs, attempt, stream, options.scheduler):
                execute_notebook(
                    notebook,
                    attempt / "notebooks" / f"{chapter}.ipynb",
                    parameters=task.parameters,
                    engine_name=_ENGINE,
                    kernel_name="python3",
                    progress_bar=False,
                    execution_timeout=_LONGEST_CELL,
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
                cell=error.cell_index + 1, name=error.ename, message=_shown(error.evalue), log=str(path)
            )
        except Exception as error:  # whatever stopped this notebook, the others must go on
            stream.write(traceback.format_exc())
            entry.status = "failed"
            message = _shown(str(error)) + (_memory(kills) if isinstance(error, DeadKernelError) else "")
            entry.error = Failure(cell=None, name=type(error).__name__, message=message, log=str(path))
        else:
            entry.status = "done"


def _shown(text: str) -> str:
    return text.strip()[:_LONGEST_MESSAGE]


def _memory(kills: int) -> str:
    """Say how likely it is that a kernel died for want of memory; ``kills`` is the count when it started."""
    if memory_kills() > kills:
        return " (probably for want of memory: the system has killed a process for it meanwhile)"
    used, there = peak_memory(), total_memory()
    if not used or not there:
        return ""
    likely = "probably for want of memory" if used > there / 2 else "probably not for want of memory"
    return f" ({likely}: at most {used / 2**30:.1f} of {there / 2**30:.1f} GB were in use)"


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
