"""Keep a run as the run of record: what the published site is built from."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import nbformat

from helpers.claims.register import load_register, stand_ins
from helpers.claims.results import load_results
from helpers.errors import RunError
from helpers.run.notebooks import find_chapters
from helpers.run.state import load_run

#: Place of the run of record in the project.
RECORD = Path("book") / "record"


def keep_as_record(root: Path, run: Path) -> Path:
    """Copy a finished run to ``book/record``, replacing what is there.

    Executed notebooks, results and ``run.json`` are kept; figures are inside the notebooks. Paths of
    this machine are replaced by paths relative to the project, and messages on the error stream are
    dropped.

    Parameters
    ----------
    root : Path
        Project folder.
    run : Path
        Run folder.

    Returns
    -------
    Path
        The folder of record.

    Raises
    ------
    RunError
        If a chapter is missing from the run or was not finished, or the run used simulated data: a
        record of such a run would be shown as the book's result.
    """
    run = run.resolve()
    entries = load_run(run).notebooks
    unfinished = [s for s in find_chapters(root) if s not in entries or entries[s].status != "done"]
    if unfinished:
        msg = f"{run} cannot be the run of record: not finished in it: {', '.join(unfinished)}"
        raise RunError(msg)
    claims = root / "data"
    register = load_register(claims) if claims.is_dir() else {}
    simulated = stand_ins(register, {name: r.input_tiers for name, r in load_results(run).items()})
    if simulated:
        msg = (
            f"{run} cannot be the run of record: simulated data stand in for real ones in "
            f"{', '.join(simulated)}"
        )
        raise RunError(msg)
    target, fresh = root / RECORD, root / RECORD.with_name(".record")
    shutil.rmtree(fresh, ignore_errors=True)
    for source in [run / "run.json", *run.glob("results/*.json"), *run.glob("notebooks/*.ipynb")]:
        path = fresh / source.relative_to(run)
        path.parent.mkdir(parents=True, exist_ok=True)
        text = source.read_text(encoding="utf-8")
        if source.suffix == ".ipynb":
            text = _without_errors(text)
        path.write_text(_without_paths(text, root, run), encoding="utf-8")
    shutil.rmtree(target, ignore_errors=True)
    fresh.replace(target)
    return target


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
