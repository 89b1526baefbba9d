"""Compare two runs: the values that moved, those on one side only, and the verdicts that flipped."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from helpers.claims.register import PARTS, load_register
from helpers.claims.results import ChapterResults, Result, load_results
from helpers.claims.verdict import judge_run

SAME_PROFILE_TOLERANCE = 1e-9
FIELDS = ("value", "low", "high", "p")


@dataclasses.dataclass(frozen=True)
class Move:
    """One number that differs between run A and run B.

    Attributes
    ----------
    chapter, result, field : str
        Which number.
    a, b : float or None
        The number in each run; None where it is undefined.
    tolerance : float
        How far it may move.
    where : {"both", "only A", "only B"}
        ``"both"``: the result is in both runs and moved beyond its tolerance.
    """

    chapter: str
    result: str
    field: str
    a: float | None
    b: float | None
    tolerance: float
    where: Literal["both", "only A", "only B"]


@dataclasses.dataclass(frozen=True)
class Flip:
    """One part of a verdict that differs between run A and run B."""

    chapter: str
    claim: str
    part: str
    a: str
    b: str


@dataclasses.dataclass(frozen=True)
class Comparison:
    """Outcome of `compare_runs`.

    Attributes
    ----------
    moves : tuple of Move
        Sorted by chapter and result.
    flips : tuple of Flip
        Changes between binding verdicts (holds, partly, fails), and into or out of them.
    compared : int
        Number of numbers held side by side.
    """

    moves: tuple[Move, ...]
    flips: tuple[Flip, ...]
    compared: int


def compare_runs(a: Path, b: Path, root: Path) -> Comparison:
    """Compare the results of two run folders.

    A number may move by the ``tolerance`` of its result (the larger of the two runs), or by 1e-9 when
    it has none. A chapter that is in one run only counts as missing results. Tolerances are meant for runs
    of one profile; between profiles everything that moved is listed.

    Parameters
    ----------
    a, b : Path
        Run folders; also folders like ``book/record``.
    root : Path
        Project folder, for the claim register.

    Raises
    ------
    RunError
        If a folder or a result file cannot be read.
    """
    left, right = load_results(a), load_results(b)
    moves: list[Move] = []
    compared = 0
    for chapter in sorted(left.keys() | right.keys()):
        first, second = _results(left.get(chapter)), _results(right.get(chapter))
        for name in sorted(first.keys() | second.keys()):
            moves.extend(_moves(chapter, name, first.get(name), second.get(name)))
            compared += len(FIELDS) * (name in first and name in second)
    return Comparison(tuple(moves), tuple(_flips(left, right, root)), compared)


def _results(chapter: ChapterResults | None) -> dict[str, Result]:
    return chapter.results if chapter else {}


def _moves(chapter: str, name: str, a: Result | None, b: Result | None) -> Iterator[Move]:
    if a is None or b is None:
        if a is not None:
            known = a.tolerance or SAME_PROFILE_TOLERANCE
            yield Move(chapter, name, "value", a.value, None, known, "only A")
        if b is not None:
            known = b.tolerance or SAME_PROFILE_TOLERANCE
            yield Move(chapter, name, "value", None, b.value, known, "only B")
        return
    tolerance = max(a.tolerance or 0, b.tolerance or 0, SAME_PROFILE_TOLERANCE)
    for field in FIELDS:
        x, y = getattr(a, field), getattr(b, field)
        one_undefined = (x is None) != (y is None)
        both = x is not None and y is not None
        if one_undefined or (both and not math.isclose(x, y, rel_tol=0, abs_tol=tolerance)):
            yield Move(chapter, name, field, x, y, tolerance, "both")


def _flips(a: dict[str, ChapterResults], b: dict[str, ChapterResults], root: Path) -> Iterator[Flip]:
    folder = root / "data"
    if not folder.is_dir():
        return
    register = load_register(folder)
    for first, second in zip(judge_run(register, a), judge_run(register, b), strict=True):
        for part in PARTS:
            x, y = first.outcomes[part], second.outcomes[part]
            if x != y:
                yield Flip(first.claim.chapter, first.claim.id, part, x, y)
