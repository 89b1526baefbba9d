"""Execute notebooks into a run folder, one after another or several side by side."""

from __future__ import annotations

import dataclasses
import datetime
import shutil
import time
import traceback
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from functools import partial
from pathlib import Path

import filelock
from nbclient.exceptions import DeadKernelError
from papermill import PapermillExecutionError
from papermill.exceptions import strip_color

from helpers.chapter.provenance import git_commit, platform_versions
from helpers.errors import RunError
from helpers.memory import memory_kills, peak_memory, total_memory
from helpers.run.engine import Kernels, execute_source
from helpers.run.fingerprint import fingerprint, studies_of
from helpers.run.kernel import kernel_environment, own_ipython
from helpers.run.plan import RunOptions, Task, make_plan, run_folder, stale_because
from helpers.run.preflight import check_choices, check_needs, check_place
from helpers.run.progress import Reporter
from helpers.run.seal import attempt_folder, put_in_place
from helpers.run.state import Failure, NotebookState, RunState, Status, record_folder

_LONGEST_MESSAGE = 2000


@dataclasses.dataclass
class _Work:
    """A notebook that is being executed."""

    task: Task
    attempt: NotebookState
    began: float


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
        with filelock.FileLock(folder / ".lock", timeout=0), own_ipython(folder):
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
    times = _known_times(root, state)
    reporter.start([task.source.chapter for task in tasks], times, options.at_once)
    if options.recompute:
        for shared in (folder / "checkpoints").glob("helpers.*"):
            shutil.rmtree(shared, ignore_errors=True)
    studies = {task.source.chapter: studies_of(root, task.source) for task in tasks}
    waiting = list(tasks) if options.at_once == 1 else _longest_first(tasks, studies, times)
    kernels = Kernels()
    running: dict[Future[Failure | None], _Work] = {}
    with ThreadPoolExecutor(options.at_once) as pool:
        try:
            while waiting or running:
                while len(running) < options.at_once:
                    task = _next(waiting, [work.task for work in running.values()], studies)
                    if task is None:
                        break
                    waiting.remove(task)
                    attempt = _begin(root, folder, task, state, options, reporter)
                    if attempt is not None:
                        work = _Work(task, attempt, time.monotonic())
                        running[pool.submit(_execute, root, folder, task, options, reporter, kernels)] = work
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    _end(folder, running.pop(future), future, state, reporter)
        except BaseException:
            kernels.stop()
            wait(running)
            for work in running.values():
                _close(folder, work, state, "interrupted")
            raise
    return state


def _longest_first(
    tasks: Sequence[Task], studies: Mapping[str, set[str]], times: Mapping[str, float]
) -> list[Task]:
    """Begin with the studies that take longest, so that none is left alone at the end.

    Notebooks of one study keep their order, and those that read results stay last.
    """

    def seconds(task: Task) -> float:
        own = studies[task.source.chapter]
        return sum(
            times.get(other.source.chapter, 0.0)
            for other in tasks
            if other is task or own & studies[other.source.chapter]
        )

    return sorted(tasks, key=lambda task: (task.source.reads_results, -seconds(task)))


def _next(waiting: Sequence[Task], running: Iterable[Task], studies: Mapping[str, set[str]]) -> Task | None:
    """Return the first notebook that nothing before it holds up; None where all have to wait."""
    before = list(running)
    for task in waiting:
        of_study = studies[task.source.chapter]
        if task.source.reads_results and before:
            return None
        if not any(of_study & studies[other.source.chapter] for other in before):
            return task
        before.append(task)
    return None


def _begin(
    root: Path, folder: Path, task: Task, state: RunState, options: RunOptions, reporter: Reporter
) -> NotebookState | None:
    """Return the attempt at a notebook, which ``run.json`` knows of from now on; None if it is up to date."""
    chapter = task.source.chapter
    # Decided only now: a notebook that reads results depends on what the ones before it just wrote.
    reasons = stale_because(root, folder, task, state)
    if not reasons and not options.force:
        reporter.skipped(chapter)
        return None
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
        cells=len(task.source.notebook().cells),
        fingerprint=now,
    )
    state.begin(chapter, attempt)
    state.save(folder)
    if options.recompute:
        shutil.rmtree(folder / "checkpoints" / chapter, ignore_errors=True)
    return attempt


def _end(
    folder: Path, work: _Work, future: Future[Failure | None], state: RunState, reporter: Reporter
) -> None:
    """Put in place what a notebook wrote, or say why it failed."""
    chapter, attempt = work.task.source.chapter, work.attempt
    try:
        attempt.error = future.result()
        if attempt.error is None:
            attempt.outputs = put_in_place(folder, chapter, state.notebooks[chapter].outputs)
            state.notebooks[chapter] = attempt
    except OSError:  # what it wrote could not be put in place
        _close(folder, work, state, "failed")
        raise
    _close(folder, work, state, "failed" if attempt.error else "done")
    reporter.ended(chapter, attempt)


def _close(folder: Path, work: _Work, state: RunState, status: Status) -> None:
    work.attempt.status = status
    work.attempt.finished = state.finished = _now()
    work.attempt.wall_seconds = round(time.monotonic() - work.began, 2)
    state.save(folder)


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
    root: Path, folder: Path, task: Task, options: RunOptions, reporter: Reporter, kernels: Kernels
) -> Failure | None:
    """Execute one notebook into the folder of its attempt; return why it failed, if it did."""
    chapter = task.source.chapter
    attempt = attempt_folder(folder, chapter)
    shutil.rmtree(attempt, ignore_errors=True)
    for name in ("notebooks", "results"):
        (attempt / name).mkdir(parents=True)
    path = folder / "logs" / f"{chapter}.log"
    kills, begun = memory_kills(), 0

    def on_cell(number: int, of: int) -> None:
        nonlocal begun
        begun = number
        reporter.cell(chapter, number, of)

    with path.open("w", encoding="utf-8") as stream:
        try:
            with kernel_environment(root, task.parameters["jobs"], attempt, options.scheduler) as environment:
                execute_source(
                    task.source.notebook(),
                    attempt / "notebooks" / f"{chapter}.ipynb",
                    task.parameters,
                    cwd=root / "notebooks",
                    environment=environment,
                    stream=stream,
                    kernels=kernels,
                    on_cell=on_cell,
                    on_line=partial(reporter.line, chapter),
                )
        except PapermillExecutionError as error:
            stream.write(strip_color("\n".join(error.traceback)) + "\n")
            message = _shown(error.evalue)
            return Failure(cell=error.cell_index + 1, name=error.ename, message=message, log=str(path))
        except Exception as error:  # whatever stopped this notebook, the others must go on
            stream.write(traceback.format_exc())
            message = _shown(str(error)) + (_memory(kills) if isinstance(error, DeadKernelError) else "")
            return Failure(cell=begun or None, name=type(error).__name__, message=message, log=str(path))
    return None


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
