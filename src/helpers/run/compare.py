"""Compare two runs: what differs in how they were made, the verdicts that flip, the numbers that moved."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from helpers.claims.register import PARTS, load_register
from helpers.claims.results import ChapterResults, Result
from helpers.claims.verdict import ClaimVerdict, judge_run
from helpers.errors import RunError
from helpers.run.seal import load_sealed
from helpers.run.state import load_run, record_folder
from helpers.run.tolerance import FIELDS, UNBOUNDED

SAME_PROFILE_TOLERANCE = 1e-9
#: What can make two runs differ, as `Cause.kind` names it.
KINDS = (
    "profile",
    "parameter",
    "seed",
    "input",
    "source",
    "commit",
    "version",
    "machine",
    "device",
    "threads",
)
_ELSEWHERE = ("profile", "seed", "device", "jobs")  # parameters that have a kind of their own


@dataclasses.dataclass(frozen=True)
class Cause:
    """One thing that differs in how a chapter was computed.

    Attributes
    ----------
    chapter, kind : str
        Where, and which of `KINDS`.
    name : str
        Which parameter, package or input file; empty for the other kinds.
    a, b : object
        What it was in each run; None where it is absent.
    """

    chapter: str
    kind: str
    name: str
    a: Any
    b: Any


@dataclasses.dataclass(frozen=True)
class Move:
    """One result that differs between run A and run B.

    Attributes
    ----------
    chapter, result, field : str
        Which number; of several fields that moved the first of value, low, high, p.
    a, b : float or None
        The number in each run; None where it is undefined.
    tolerance : float
        How far it may move.
    size : float or None
        The distance in half-widths of its interval (the wider of the two runs); infinite where one side is
        undefined, None where there is no interval.
    """

    chapter: str
    result: str
    field: str
    a: float | None
    b: float | None
    tolerance: float
    size: float | None


@dataclasses.dataclass(frozen=True)
class Flip:
    """One part of a verdict that differs between run A and run B.

    Attributes
    ----------
    chapter, claim, part : str
    a, b : str
        Outcome in each run.
    tolerated : bool
        Whether it follows from numbers that stayed within tolerances: such a run does not decide it.
    """

    chapter: str
    claim: str
    part: str
    a: str
    b: str
    tolerated: bool


@dataclasses.dataclass(frozen=True)
class Comparison:
    """Outcome of `compare_runs`.

    Attributes
    ----------
    chapters : tuple of str
        Those compared: in both runs.
    only_a, only_b : tuple of str
        Chapters, and results of the compared chapters, that one run alone holds.
    causes : tuple of Cause
        In the order of `KINDS`.
    flips : tuple of Flip
    moves : tuple of Move
        The largest against its interval first.
    compared : int
        Number of results that both hold; never below the number of moves.
    """

    chapters: tuple[str, ...]
    only_a: tuple[str, ...]
    only_b: tuple[str, ...]
    causes: tuple[Cause, ...]
    flips: tuple[Flip, ...]
    moves: tuple[Move, ...]
    compared: int


def compare_runs(a: Path, b: Path, root: Path, chapters: Sequence[str] = ()) -> Comparison:
    """Compare what two run folders both hold.

    A number may move by the ``tolerance`` of its result (the larger of the two runs; see
    :mod:`helpers.run.tolerance`), or by 1e-9 when it has none.

    Parameters
    ----------
    a, b : Path
        Run folders; also ``book/record``.
    root : Path
        Project folder, for the claim register.
    chapters : sequence of str, optional
        Only these, by their full names.

    Raises
    ------
    RunError
        If a folder is no run folder or not what its run wrote, or no chapter is in both.
    """
    left, right = load_sealed(a), load_sealed(b)
    both = [name for name in left if name in right and (not chapters or name in chapters)]
    if not both:
        msg = f"no chapter in both: {a} holds {_names(left)}; {b} holds {_names(right)}"
        raise RunError(msg)
    left_only, right_only = (
        [set(left) - set(right), set(right) - set(left)] if not chapters else [set(), set()]
    )
    machines = [load_run(folder).versions.get("platform") for folder in (a, b)]
    causes = [cause for name in both for cause in _causes(left[name], right[name], machines)]
    moves: list[Move] = []
    compared = 0
    for name in both:
        first, second = left[name].results, right[name].results
        shared = first.keys() & second.keys()
        compared += len(shared)
        moves += [move for id in shared if (move := _move(name, id, first[id], second[id]))]
        left_only |= {f"{name}: {id}" for id in first.keys() - shared}
        right_only |= {f"{name}: {id}" for id in second.keys() - shared}
    return Comparison(
        chapters=tuple(both),
        only_a=tuple(sorted(left_only)),
        only_b=tuple(sorted(right_only)),
        causes=tuple(sorted(causes, key=lambda cause: (KINDS.index(cause.kind), cause.name, cause.chapter))),
        flips=tuple(_flips({n: left[n] for n in both}, {n: right[n] for n in both}, root)),
        moves=tuple(sorted(moves, key=_rank)),
        compared=compared,
    )


def headline(comparison: Comparison) -> str:
    """Return one sentence: what differs in how the runs were made, what is equal, and what follows."""
    differ, equal = [], []
    for kind in KINDS:
        found = {cause.name for cause in comparison.causes if cause.kind == kind}
        # Of these there can be many.
        plural = {"parameter": "parameters", "input": "inputs", "version": "versions"}.get(kind)
        if not found:
            equal.append(plural or kind)
        elif plural:
            differ.append(f"{len(found)} {plural if len(found) > 1 else kind}")
        else:
            differ.append(kind)
    parts = [f"different: {', '.join(differ) or 'nothing that the runs note'}", f"equal: {', '.join(equal)}"]
    parts.append(f"{len(comparison.moves)} of {comparison.compared} results moved")
    inside = sum(flip.tolerated for flip in comparison.flips)
    within = f", {inside} of them by numbers within their tolerances" if inside else ""
    parts.append(f"{len(comparison.flips)} verdict parts differ{within}")
    return "; ".join(parts)


def equality(root: Path, folder: Path) -> str:
    """Say how many values of a run equal the record of its profile, within their tolerance."""
    record = record_folder(root, load_run(folder).profile)
    if not (record / "run.json").is_file():
        return "there is no record of this profile yet"
    if record.samefile(folder):
        return "this is the record"
    try:
        found = compare_runs(record, folder, root)
    except RunError as error:
        return str(error)
    flips = f"; {len(found.flips)} parts of verdicts differ" if found.flips else ""
    return f"{found.compared - len(found.moves)} of {found.compared} values equal the record{flips}"


def _names(results: Mapping[str, ChapterResults]) -> str:
    return ", ".join(results) or "no results"


def _causes(a: ChapterResults, b: ChapterResults, machines: Sequence[str | None]) -> Iterator[Cause]:
    single: dict[str, tuple[Any, Any]] = {
        "profile": (a.profile, b.profile),
        "seed": (a.parameters.get("seed"), b.parameters.get("seed")),
        "source": (a.source[:10], b.source[:10]),
        "commit": (a.commit, b.commit),
        "machine": (machines[0], machines[1]),
        "device": (a.device, b.device),
        "threads": (a.threads, b.threads),
    }
    named = {
        "parameter": (_own(a.parameters), _own(b.parameters)),
        "input": tuple({file.name: file.sha256[:10] for file in run.inputs} for run in (a, b)),
        "version": (a.versions, b.versions),
    }
    for kind, (x, y) in single.items():
        if x != y:
            yield Cause(a.chapter, kind, "", x, y)
    for kind, (first, second) in named.items():
        for name in sorted(first.keys() | second.keys()):
            if first.get(name) != second.get(name):
                yield Cause(a.chapter, kind, name, first.get(name), second.get(name))


def _own(parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in parameters.items() if name not in _ELSEWHERE}


def _move(chapter: str, name: str, a: Result, b: Result) -> Move | None:
    known = [x.tolerance for x in (a, b) if x.tolerance is not None]
    tolerance = max(*known, SAME_PROFILE_TOLERANCE) if known else SAME_PROFILE_TOLERANCE
    for field in FIELDS if known else (*FIELDS, "p"):
        x, y = getattr(a, field), getattr(b, field)
        if x is None and y is None:
            continue
        if tolerance >= UNBOUNDED:
            return None
        if x is None or y is None:
            return Move(chapter, name, field, x, y, tolerance, math.inf)
        if not math.isclose(x, y, rel_tol=0, abs_tol=tolerance):
            width = max(_half_width(a), _half_width(b))
            return Move(chapter, name, field, x, y, tolerance, abs(y - x) / width if width else None)
    return None


def _half_width(result: Result) -> float:
    return 0.0 if result.low is None or result.high is None else (result.high - result.low) / 2


def _rank(move: Move) -> tuple[float, str, str]:
    return -1.0 * (-1 if move.size is None else move.size), move.chapter, move.result


def _flips(a: dict[str, ChapterResults], b: dict[str, ChapterResults], root: Path) -> Iterator[Flip]:
    folder = root / "data"
    if not folder.is_dir():
        return
    register = {name: claims for name, claims in load_register(folder).items() if name in a}
    for first, second in zip(judge_run(register, a), judge_run(register, b), strict=True):
        for part in PARTS:
            x, y = first.outcomes[part], second.outcomes[part]
            if x != y:
                tolerated = _tolerated(first, second, part)
                yield Flip(first.claim.chapter, first.claim.id, part, x, y, tolerated)


def _tolerated(a: ClaimVerdict, b: ClaimVerdict, part: str) -> bool:
    """Tell whether moves within learned tolerances alone can have flipped a part of a verdict."""
    # Whether *survives* is asked depends on *sound*.
    parts = ("sound", "survives") if part == "survives" else (part,)
    checks = [[check for name in parts for check in getattr(one, name).checks] for one in (a, b)]
    results = [(x.result, y.result) for x, y in zip(*checks, strict=True)]
    if a.tiers != b.tiers or any(x is None or y is None for x, y in results):
        return False
    learned = all(x.tolerance is not None or y.tolerance is not None for x, y in results)
    return learned and not any(_move("", "", x, y) for x, y in results)
