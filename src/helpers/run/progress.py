"""Say how far a run has come: which notebook, which cell, the latest line of its log, how long left."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping

from rich.console import Console, RenderableType
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

from helpers.run.state import NotebookState


class _TwoLines(Progress):
    """The bar on one line, the latest line of the log below it: both fit 80 columns."""

    def get_renderables(self) -> Iterator[RenderableType]:
        yield self.make_tasks_table(self.tasks)
        for task in self.tasks:
            yield Text(f"  {task.fields['line']}", style="dim", no_wrap=True, overflow="ellipsis")


class Reporter:
    """Progress on a terminal; plain lines, one a notebook, when the output is no terminal.

    Use as a context manager, so that the terminal is left clean.

    Parameters
    ----------
    console : Console, optional
        Default: say nothing.
    """

    def __init__(self, console: Console | None = None):
        console = self._console = console or Console(quiet=True)
        self._progress = _TwoLines(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=12),
            TextColumn("cell {task.completed}/{task.total}"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[left]}"),
            console=console,
            transient=True,
        )
        self._tasks: dict[str, TaskID] = {}
        self._times: Mapping[str, float] = {}
        self._left: list[str] = []
        self._at_once = 1
        self._since: dict[str, float] = {}

    def __enter__(self) -> Reporter:
        """Start drawing."""
        if self._console.is_terminal:
            self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop drawing."""
        if self._console.is_terminal:
            self._progress.stop()

    def start(self, chapters: list[str], times: Mapping[str, float], at_once: int = 1) -> None:
        """Begin: the chapters in order, the seconds that those known took last time, how many at a time."""
        self._left, self._times, self._at_once = list(chapters), times, at_once

    def skipped(self, chapter: str) -> None:
        """Pass over a chapter that is up to date."""
        self._left.remove(chapter)
        self._console.print(f"[green]=[/] {chapter}: up to date")

    def began(self, chapter: str, reasons: list[str]) -> None:
        """Start a notebook, and say why it runs."""
        self._since[chapter] = time.monotonic()
        self._console.print(f"[dim]> {chapter} ({escape(', '.join(reasons))})[/]")
        self._tasks[chapter] = self._progress.add_task(chapter, total=None, left=self._estimate(), line="")

    def cell(self, chapter: str, number: int, of: int) -> None:
        """Start a cell."""
        self._progress.update(self._tasks[chapter], completed=number, total=of, left=self._estimate())

    def line(self, chapter: str, text: str) -> None:
        """Show the latest line of a notebook's log."""
        self._progress.update(self._tasks[chapter], line=text, left=self._estimate())

    def ended(self, chapter: str, entry: NotebookState) -> None:
        """End a notebook, done or failed."""
        self._left.remove(chapter)
        self._progress.remove_task(self._tasks.pop(chapter))
        seconds = f"{entry.wall_seconds:.1f} s"
        if entry.error is None:
            self._console.print(f"[green]+[/] {chapter}: done in {seconds}")
            return
        where = f" in cell {entry.error.cell}" if entry.error.cell else ""
        self._console.print(
            f"[red]x[/] {chapter}: failed after {seconds}{where}: "
            f"{escape(entry.error.name)}: {escape(entry.error.message)}\n  log: {escape(entry.error.log)}",
            soft_wrap=True,
        )

    def _estimate(self) -> str:
        """Return how long the rest takes if it goes as last time; empty when that is unknown."""
        if not self._left or any(chapter not in self._times for chapter in self._left):
            return ""
        now = time.monotonic()
        seconds_of = [
            max(0.0, self._times[chapter] - (now - self._since.get(chapter, now))) for chapter in self._left
        ]
        # No chapter is shared between two places, so the longest one bounds the rest.
        seconds = max([sum(seconds_of) / self._at_once, *seconds_of])
        return f"about {seconds / 60:.0f} min left" if seconds >= 90 else f"about {seconds:.0f} s left"
