"""Results that the chapters of a run share: what one has computed, another takes over."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from helpers.chapter.checkpoints import keep, recall


class Shelf:
    """Results by key on disk, checked before they are read, each with who computed it.

    A key must change with everything that a result depends on but the code, versions and device, for which
    the folder stands (:func:`helpers.chapter.checkpoints.checkpoint_folder`).

    Parameters
    ----------
    folder : Path
    chapter : str
        Who computes here.
    """

    def __init__(self, folder: Path, chapter: str) -> None:
        self.folder = folder
        self.chapter = chapter
        #: Of each key that another chapter computed: its name, and the seconds that it took there.
        self.taken: dict[str, tuple[str, float]] = {}

    def get(self, key: str) -> Any:
        """Return the result of a key; None where there is none, or not as it was stored."""
        if (kept := recall(self._path(key))) is None:
            return None
        who, seconds, value = kept
        if who != self.chapter:
            self.taken[key] = who, seconds
        return value

    def put(self, key: str, value: Any, seconds: float) -> None:
        """Keep a result, and the wall time that it took."""
        keep(self._path(key), (self.chapter, seconds, value))

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}.npz"


def taken_over(shelves: Iterable[Shelf]) -> dict[str, dict[str, dict[str, float]]]:
    """Return, as an entry of a chapter's times, how many results came from each other chapter.

    Returns
    -------
    dict
        ``taken_over``: by chapter, the number of ``results`` and the ``seconds`` that they took there. Empty
        where nothing was taken over.
    """
    table: dict[str, dict[str, float]] = {}
    for who, seconds in (taken for shelf in shelves for taken in shelf.taken.values()):
        entry = table.setdefault(who, {"results": 0, "seconds": 0.0})
        entry["results"] += 1
        entry["seconds"] = round(entry["seconds"] + seconds, 3)
    return {"taken_over": table} if table else {}
