"""Progress of long loops: a bar for a person, lines in a log for a run."""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path

from tqdm import tqdm


class _LogLines(io.TextIOBase):
    """Text stream that appends each update of a progress bar to a file as a line of its own."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, text: str) -> int:
        line = text.strip("\r\n ")
        if line:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a", encoding="utf-8") as stream:
                stream.write(line + "\n")
        return len(text)


def progress_bar(iterable: Iterable | None, label: str, total: int | None, log: Path | None) -> tqdm:
    """Return a tqdm bar that writes to ``log``, or to the screen where there is no log."""
    if log is None:
        return tqdm(iterable, desc=label, total=total, leave=False)
    # A log is read by eye and by the runner: few lines, no control characters.
    return tqdm(iterable, desc=label, total=total, file=_LogLines(log), ascii=True, ncols=100, mininterval=5)
