"""How far a recorded number may move: learned from repetitions with other seeds and other rounding."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from helpers.claims.results import ChapterResults, Result
from helpers.errors import RunError
from helpers.run.seal import load_sealed
from helpers.run.state import load_run

#: Numbers that tolerance holds for; a p-value follows from them, and is judged by its verdict.
FIELDS = ("value", "low", "high")
# What other machines' sums alone may change, in parts of the number: single precision.
_ROUNDING = 1e-6
# A few repetitions do not show the largest distance that there is, and a single one least of all: of two
# normal numbers the second is ten times as large as the first in 6 of 100 cases.
_MARGIN, _MARGIN_OF_ONE = 2.0, 10.0
#: Tolerance of what a repetition leaves undefined, or alone defines: it may be anything, or nothing.
UNBOUNDED = 1e300


def with_tolerances(
    results: ChapterResults, repeats: Sequence[ChapterResults], before: ChapterResults | None = None
) -> ChapterResults:
    """Return results with the tolerance of each: twice the largest distance to a repetition.

    Rounding that training amplifies moves a number about as far as another seed does. Where one repetition
    alone moved it (the other machine, where the seed plays no part), it may move ten times as far; where none
    did, the rounding of single precision remains. Without repetitions the tolerances ``before`` go on.
    """
    found = {}
    for name, result in results.results.items():
        tolerance = result.tolerance
        if repeats:
            tolerance = _tolerance(result, [r.results[name] for r in repeats if name in r.results])
        elif before and name in before.results:
            tolerance = before.results[name].tolerance
        found[name] = result.model_copy(update={"tolerance": tolerance})
    return results.model_copy(update={"results": found})


def _tolerance(result: Result, others: Iterable[Result]) -> float:
    own = {field: getattr(result, field) for field in FIELDS}
    rounding = _ROUNDING * max((abs(x) for x in own.values() if x is not None), default=0.0)
    distances = []
    for other in others:
        pairs = [(x, getattr(other, field)) for field, x in own.items()]
        if any((x is None) != (y is None) for x, y in pairs):
            return UNBOUNDED
        distances.append(max((abs(x - y) for x, y in pairs if x is not None), default=0.0))
    moved = [distance for distance in distances if distance > rounding]
    if not moved:
        return rounding
    return max(moved) * (_MARGIN_OF_ONE if len(moved) == 1 else _MARGIN)


def load_repeats(run: Path, folders: Sequence[Path]) -> dict[str, list[ChapterResults]]:
    """Return the repetitions of each chapter of a run.

    Raises
    ------
    RunError
        If a folder is no sealed run, is the run itself, or holds a chapter of other code or profile.
    """
    results, codes = load_sealed(run), _codes(run)
    repeats: dict[str, list[ChapterResults]] = {chapter: [] for chapter in results}
    for folder in folders:
        if folder.resolve() == run.resolve():
            msg = f"{folder} is the run itself, no repetition of it"
            raise RunError(msg)
        found = _codes(folder)
        for chapter, repeat in load_sealed(folder).items():
            if chapter not in results:
                continue
            if repeat.profile != results[chapter].profile or found[chapter] != codes[chapter]:
                msg = f"{folder} is no repetition of {run}: {chapter} has other code or another profile"
                raise RunError(msg)
            repeats[chapter].append(repeat)
    return repeats


def _codes(run: Path) -> dict[str, str | None]:
    """Return the hash of each chapter's code, which prose has no part in."""
    return {name: entry.fingerprint.get("source") for name, entry in load_run(run).notebooks.items()}
