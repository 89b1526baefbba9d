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
        self._task = TaskID(0)
        self._times: Mapping[str, float] = {}
        self._left: list[str] = []
        self._chapter = ""
        self._since = 0.0

    def __enter__(self) -> Reporter:
        """Start drawing."""
        if self._console.is_terminal:
            self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop drawing."""
        if self._console.is_terminal:
            self._progress.stop()

    def start(self, chapters: list[str], times: Mapping[str, float]) -> None:
        """Begin: the chapters in order, and the seconds that those known took last time."""
        self._left, self._times = list(chapters), times

    def skipped(self, chapter: str) -> None:
        """Pass over a chapter that is up to date."""
        self._left.remove(chapter)
        self._console.print(f"[green]=[/] {chapter}: up to date")

    def began(self, chapter: str, reasons: list[str]) -> None:
        """Start a notebook, and say why it runs."""
        self._chapter, self._since = chapter, time.monotonic()
        self._console.print(f"[dim]> {chapter} ({escape(', '.join(reasons))})[/]")
        self._task = self._progress.add_task(chapter, total=None, left=self._estimate(), line="")

    def cell(self, number: int, of: int) -> None:
        """Start a cell."""
        self._progress.update(self._task, completed=number, total=of, left=self._estimate())

    def line(self, text: str) -> None:
        """Show the latest line of the notebook's log."""
        self._progress.update(self._task, line=text, left=self._estimate())

    def ended(self, chapter: str, entry: NotebookState) -> None:
        """End a notebook, done or failed."""
        self._left.remove(chapter)
        self._progress.remove_task(self._task)
        seconds = f"{entry.wall_seconds:.1f} s"
        if entry.error is None:
            self._console.print(f"[green]+[/] {chapter}: done in {seconds}")
            return
        where = f"cell {entry.error.cell}" if entry.error.cell else "outside its cells"
        self._console.print(
            f"[red]x[/] {chapter}: failed after {seconds} in {where}: "
            f"{escape(entry.error.name)}: {escape(entry.error.message)}\n  log: {escape(entry.error.log)}",
            soft_wrap=True,
        )

    def _estimate(self) -> str:
        """Return how long the rest takes if it goes as last time; empty when that is unknown."""
        if any(chapter not in self._times for chapter in self._left):
            return ""
        gone = min(time.monotonic() - self._since, self._times[self._chapter])
        seconds = sum(self._times[chapter] for chapter in self._left) - gone
        return f"about {seconds / 60:.0f} min left" if seconds >= 90 else f"about {seconds:.0f} s left"
