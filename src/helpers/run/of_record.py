"""Keep executed chapters as those of record: what the published site is built from."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import nullcontext, suppress
from pathlib import Path

import nbformat

from helpers.atomic import replace_folder, write_text
from helpers.chapter.provenance import git_commit, in_history
from helpers.claims.register import load_register, stand_ins
from helpers.claims.results import ChapterResults, load_results, read_results
from helpers.data.hashes import sha256
from helpers.errors import RunError
from helpers.run.execute import run_notebooks
from helpers.run.notebooks import SourceNotebook, read_source, select_chapters
from helpers.run.plan import RunOptions
from helpers.run.seal import check_seal, hash_tree, load_sealed
from helpers.run.state import RECORD, RECORD_PROFILE, NotebookState, RunState, load_run, record_folder
from helpers.run.status import run_status
from helpers.run.tolerance import load_repeats, with_tolerances

_KEPT = ("notebooks", "results")
_FREE = {"data", "device", "jobs"}  # may be chosen: the tier is checked, the device is noted


def keep_as_record(root: Path, run: Path, chapters: Sequence[str] = (), repeats: Sequence[Path] = ()) -> Path:
    """Copy executed chapters to ``book/record``, results of another profile to ``book/record-<profile>``.

    Without ``chapters`` the record becomes this run: all chapters, executed at one clean commit. With
    ``chapters`` these alone are replaced, each executed at a clean commit of its own, which stands in
    ``run.json`` and on the page of the build; so a record can be made in several sessions. Notebooks that
    read the results of the others are executed anew on what the record then holds.

    Executed notebooks and results are kept, of another profile than full the results alone; figures are
    inside the notebooks. Each result gets its tolerance (:mod:`helpers.run.tolerance`). Paths of this machine
    are replaced by paths relative to the project, and messages on the error stream are dropped.

    Parameters
    ----------
    root : Path
        Project folder.
    run : Path
        Run folder.
    chapters : sequence of str, optional
        Names or numbers.
    repeats : sequence of Path, optional
        Runs of the same sources with another seed, or on another machine. Without them the tolerances of the
        record before go on.

    Returns
    -------
    Path
        The folder of record.

    Raises
    ------
    RunError
        If a chapter is not finished, was changed after it was written, has
        a changed source, was asked for with another seed or settings, was executed outside a commit of this
        history, or uses simulated data in place of real ones; the message names each.
    """
    run = run.resolve()
    state, wanted = fit_for_record(root, run, chapters)
    fresh, target = root / "_build" / "record", record_folder(root, state.profile)
    shutil.rmtree(fresh, ignore_errors=True)
    before: dict[str, ChapterResults] = {}
    record = RunState.load(target) if chapters else None
    with nullcontext() if record else suppress(RunError):  # what is replaced as a whole may be damaged
        before = load_sealed(target)
    if record is not None:
        shutil.copytree(target, fresh)
    entries = record.notebooks if record else {}
    kept = _KEPT if state.profile == RECORD_PROFILE else ("results",)
    repeated = load_repeats(run, repeats)
    for source in wanted:
        name = source.chapter
        entries[name] = _keep(root, run, fresh, name, state.notebooks[name], kept)
        path = fresh / "results" / f"{name}.json"
        results = with_tolerances(read_results(path), repeated[name], before.get(name))
        write_text(path, results.to_json())
        entries[name].outputs[f"results/{name}.json"] = sha256(path)
    commits = {entry.commit for entry in entries.values()}
    state.notebooks, state.commit = entries, commits.pop() if len(commits) == 1 else None
    state.save(fresh)
    if state.profile == RECORD_PROFILE:
        judge_anew(root, fresh)
    replace_folder(fresh, target)
    return target


def fit_for_record(
    root: Path, run: Path, chapters: Sequence[str] = ()
) -> tuple[RunState, list[SourceNotebook]]:
    """Return a run and its chapters that :func:`keep_as_record` would keep, or raise its errors."""
    state = load_run(run)
    sources = [read_source(root, name) for name in select_chapters(root, chapters)]
    wanted = [source for source in sources if not source.reads_results]
    check_seal(run)
    if problems := list(_problems(root, run, state, wanted, complete=not chapters)):
        msg = f"{run} cannot be the run of record:\n  " + "\n  ".join(problems)
        raise RunError(msg)
    return state, wanted


def check_record(root: Path) -> dict[str, tuple[str, ...]]:
    """Return, for each chapter, what differs between the record and the code, data and claims here.

    Raises
    ------
    RunError
        If there is no record.
    """
    return {chapter.chapter: chapter.stale for chapter in run_status(root, root / RECORD)}


def _problems(
    root: Path, run: Path, state: RunState, wanted: Sequence[SourceNotebook], complete: bool
) -> Iterator[str]:
    if "+" in git_commit(root):
        yield "the checkout has changes that are in no commit; commit them first"
    results = load_results(run)
    register = load_register(root / "data") if (root / "data").is_dir() else {}
    simulated = stand_ins(register, {name: found.input_tiers for name, found in results.items()})
    for source in wanted:
        entry = state.notebooks.get(source.chapter)
        if entry is None or entry.status != "done":
            yield f"{source.chapter}: not finished"
            continue
        for problem in unfit(root, source, entry, results.get(source.chapter), state.profile):
            yield f"{source.chapter}: {problem}"
        if source.chapter in simulated:
            yield f"{source.chapter}: simulated data stand in for real ones"
    commits = {state.notebooks[s.chapter].commit or "" for s in wanted if s.chapter in state.notebooks}
    if complete and len(commits) > 1:
        yield (
            f"its chapters were executed at {len(commits)} commits; execute them at one, or name the "
            "chapters to keep each with its own: helpers record 01 02"
        )


def unfit(
    root: Path, source: SourceNotebook, entry: NotebookState, results: ChapterResults | None, profile: str
) -> Iterator[str]:
    """Say why an executed chapter cannot stand for the published protocol at a commit."""
    if entry.fingerprint.get("source") != source.code:
        yield "its source was changed since"
    if own := {name: value for name, value in entry.chosen.items() if name not in _FREE}:
        yield f"it was asked for with {', '.join(f'{name}={value}' for name, value in own.items())}"
    commit = entry.commit or "unknown"
    if "+" in commit or commit == "unknown":
        yield f"it was executed at {commit}, outside a commit"
    elif not in_history(root, commit):
        yield f"its commit {commit[:10]} is not in the history of this checkout"
    if results is not None and (results.commit, results.profile) != (commit, profile):
        yield f"its results are of commit {results.commit} and profile {results.profile}"


def _keep(
    root: Path, run: Path, fresh: Path, chapter: str, entry: NotebookState, folders: Sequence[str] = _KEPT
) -> NotebookState:
    """Copy one chapter, and return what run.json of the record says of it."""
    outputs = [name for name in entry.outputs if name.split("/")[0] in folders]
    for name in outputs:
        text = (run / name).read_text(encoding="utf-8")
        if name.endswith(".ipynb"):
            text = _without_errors(text)
        write_text(fresh / name, _without_paths(text, root, run))
    kept = NotebookState.model_validate_json(_without_paths(entry.model_dump_json(), root, run))
    hashes = hash_tree(fresh)
    kept.attempt, kept.outputs = None, {name: hashes[name] for name in outputs}
    return kept


def judge_anew(root: Path, fresh: Path) -> None:
    """Execute the notebooks that read results on those of the record; leave nothing but what is kept."""
    readers = [name for name in select_chapters(root, ()) if read_source(root, name).reads_results]
    if readers:
        state = run_notebooks(root, RunOptions(profile=RECORD_PROFILE, chapters=tuple(readers), out=fresh))
        for name in readers:
            if (error := state.notebooks[name].latest.error) is not None:
                msg = f"{name} failed on the results of the record: {error.name}: {error.message}"
                raise RunError(msg)
            state.notebooks[name] = _keep(root, fresh, fresh, name, state.notebooks[name])
        state.save(fresh)
    for path in fresh.iterdir():
        if path.is_dir() and path.name not in _KEPT:
            shutil.rmtree(path)
        elif path.is_file() and path.name != "run.json":
            path.unlink()


def _without_errors(text: str) -> str:
    notebook = nbformat.reads(text, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [o for o in cell.outputs if o.get("name") != "stderr"]
    return nbformat.writes(notebook) + "\n"


def _without_paths(text: str, root: Path, run: Path) -> str:
    relative = run.relative_to(root).as_posix() if run.is_relative_to(root) else f"runs/{run.name}"
    for path, name in ((run, relative), (root.resolve(), ".")):
        # As it stands inside a JSON string.
        text = text.replace(json.dumps(str(path))[1:-1], name)
    return text
