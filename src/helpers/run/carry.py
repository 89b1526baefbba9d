"""Carry the record over a change of form: where a smaller profile gives the same numbers, full would too."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from helpers.atomic import replace_folder
from helpers.claims.results import ChapterResults
from helpers.errors import RunError
from helpers.run.fingerprint import changes, fingerprint
from helpers.run.notebooks import find_chapters
from helpers.run.of_record import fit_for_record, judge_anew, keep_as_record, unfit
from helpers.run.plan import RunOptions, make_plan
from helpers.run.seal import load_sealed
from helpers.run.state import RECORD, RECORD_PROFILE, Carried, NotebookState, load_run, record_folder

#: What a change of form touches; data, parameters, claims and versions are more than form.
_FORM = {"source", "package"}


def carry_record(root: Path, run: Path) -> dict[str, str]:
    """Let chapters of the record stand for the code as it is, where another profile gives the same numbers.

    An execution in full takes hours, and a function that moves or a check that is added changes none of its
    numbers. A chapter is carried if the record of another profile was made by the code of the record, and a
    run of that profile, executed at a clean commit by the code as it is, gives every number of it anew to the
    last bit. What only the profile full computes is not seen by this: a change of numbers needs an
    execution. ``run.json`` keeps what each chapter was carried over, and the page of the build shows it.

    Parameters
    ----------
    root : Path
        Project folder.
    run : Path
        Finished run of a profile that has a record, on the machine on which that was made. Its chapters
        replace those of that record.

    Returns
    -------
    dict
        For each chapter of the record that was stale: why it stays so, empty where it was carried.

    Raises
    ------
    RunError
        If the run is one of profile full, one of the three folders is missing or damaged, or the run cannot
        be kept (:func:`helpers.run.of_record.keep_as_record`); then nothing is written.
    """
    new = load_run(run)
    if new.profile == RECORD_PROFILE:
        msg = f"{run} is a run of profile {RECORD_PROFILE}: keep it, with helpers record and no --carry"
        raise RunError(msg)
    target, other = root / RECORD, record_folder(root, new.profile)
    record, old = load_run(target), load_run(other)
    before, after = load_sealed(other), load_sealed(run)
    found = {}
    for chapter in find_chapters(root):
        entry = record.notebooks.get(chapter)
        [task] = make_plan(root, RunOptions(profile=RECORD_PROFILE, chapters=(chapter,), out=target))
        if entry is None or task.source.reads_results:
            continue
        now = fingerprint(root, task.source, task.parameters, target)
        if not changes(entry.fingerprint, now):
            continue
        again = new.notebooks.get(chapter)
        reasons = [
            *_other_code(entry, old.notebooks.get(chapter), again, now),
            *_other_numbers(before.get(chapter), after.get(chapter)),
        ]
        if again is not None:
            reasons += unfit(root, task.source, again, after.get(chapter), new.profile)
        found[chapter] = "; ".join(reasons)
        if again is not None and not reasons:
            entry.fingerprint = now
            values = len(after[chapter].results)
            entry.carried.append(Carried(commit=str(again.commit), profile=new.profile, values=values))
    carried = [chapter for chapter, reason in found.items() if not reason]
    if carried:
        fit_for_record(root, run, carried)  # before anything is written
        fresh = root / "_build" / "record"
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.copytree(target, fresh)
        record.save(fresh)
        judge_anew(root, fresh)
        # The record first: if the second step is lost, its chapters are up to date, and it can be made again.
        replace_folder(fresh, target)
        keep_as_record(root, run, carried)
    return found


def _other_code(
    entry: NotebookState, old: NotebookState | None, new: NotebookState | None, now: Mapping[str, str]
) -> Iterator[str]:
    """Say what but form was changed, and which of the smaller runs is of other code than it has to be."""
    if more := set(changes(entry.fingerprint, now)) - _FORM:
        yield f"more than form was changed: {', '.join(sorted(more))}"
    for state, code, what in (
        (old, entry.fingerprint, "the record of the other profile"),
        (new, now, "the run"),
    ):
        if state is None or state.status != "done":
            yield f"{what} does not have it"
        elif differing := set(changes(code, state.fingerprint)) - {"parameters"}:
            yield f"{what} is of other code than this: {', '.join(sorted(differing))}"


def _other_numbers(before: ChapterResults | None, after: ChapterResults | None) -> Iterator[str]:
    """Say how many numbers differ; how far one may move, and words, do not count."""
    if before is None or after is None:
        return
    numbers = [
        {name: result.model_dump(exclude={"tolerance", "note"}) for name, result in one.results.items()}
        for one in (before, after)
    ]
    names = numbers[0].keys() | numbers[1].keys()
    moved = sorted(name for name in names if numbers[0].get(name) != numbers[1].get(name))
    if moved:
        yield f"{len(moved)} of {len(names)} numbers differ, first {moved[0]}"
