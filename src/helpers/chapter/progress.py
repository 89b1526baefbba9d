"""Progress of long loops, on the error stream: the runner shows and logs it, the book leaves it out."""

from __future__ import annotations

from collections.abc import Iterable

from tqdm import tqdm


def progress_bar(iterable: Iterable | None, label: str, total: int | None) -> tqdm:
    """Return a tqdm bar that writes seldom, so that a log of it stays short, and wipes itself out."""
    return tqdm(iterable, desc=label, total=total, leave=False, ascii=True, ncols=90, mininterval=2)


class ProgressReport:
    """Progress told from inside a computation, by calls with (what, done, in all)."""

    def __init__(self) -> None:
        self._what: str | None = None
        self._bar: tqdm | None = None

    def __call__(self, what: str, done: int, total: int) -> None:
        """Say that ``done`` of ``total`` steps of ``what`` are done; a new ``what`` is a new bar."""
        if self._bar is None or what != self._what:
            self._close()
            self._what, self._bar = what, progress_bar(None, what, total)
        self._bar.update(done - self._bar.n)
        if done >= total:
            self._close()

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None
