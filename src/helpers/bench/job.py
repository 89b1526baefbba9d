"""From files to a page: read, join, rank, write."""

from __future__ import annotations

import hashlib
import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import helpers
from helpers.bench import cells, changes, pairs
from helpers.bench.contenders import baselines, of_studies, own_model, own_sources
from helpers.bench.page import as_json, page_html, write
from helpers.bench.ranking import Job, Ranking, rank
from helpers.data.cells import load_cells
from helpers.data.own import load_own
from helpers.data.readers import read
from helpers.data.readers.cells import label_cells
from helpers.errors import ParameterError, RunError
from helpers.evaluation.protocol import Progress

_VERSIONS = ("helpers", "numpy", "pandas", "scikit-learn", "scipy", "torch", "keras")
_CODE_HASH = re.compile("[0-9a-f]{16}")
_FEATURES = {"pairs": pairs.FEATURES, "changes": changes.FEATURES, "cells": cells.FEATURES}


def pairs_of(expression: str | Path, response: str | Path, split: str, **options: Any) -> Job:
    """Read bulk expression and response, and make folds of their pairs.

    Parameters
    ----------
    expression, response : str or Path
    split : str
    **options
        ``target``, ``n_splits``, ``seeds`` of :func:`helpers.bench.pairs.pairs_job`; all others of
        :func:`helpers.data.own.load_own`.
    """
    folds = {name: options.pop(name) for name in ("target", "n_splits", "seeds") if name in options}
    data, reports = load_own(expression, response, **options)
    return pairs.pairs_job(data, split, reports=reports, **folds)


def changes_of(table: str | Path, split: str, **options: Any) -> Job:
    """Read a table of changes, and make its folds; options of :func:`helpers.bench.changes.changes_job`."""
    return changes.changes_job(read(table, "changes"), split, **options)


def cells_of(
    cells_file: str | Path,
    expression: str | Path,
    response: str | Path,
    drug: str,
    *,
    labels: str | Path | None = None,
    unit: str | None = None,
    seeds: int = 1,
    **options: Any,
) -> Job:
    """Read cells, their labels, and the bulk lines to learn from.

    Parameters
    ----------
    cells_file : str or Path
        As for :func:`helpers.data.cells.load_cells`.
    expression, response : str or Path
    drug : str
    labels : str or Path, optional
        Table of kind ``labels``. Default: cells are called by the response of their line.
    unit, seeds
        Of :func:`helpers.bench.cells.cells_job`.
    **options
        Of :func:`helpers.data.own.load_own`.
    """
    data, reports = load_own(expression, response, **options)
    found = load_cells(str(cells_file), "auto")
    if labels is not None:
        named = read(labels, "labels")
        lost = label_cells(found, named.content)
        provenance = found.uns["provenance"]
        found.uns["provenance"] = type(provenance)(
            provenance.tier,
            (*provenance.files, *named.provenance.files),
            (*provenance.notes, *named.provenance.notes, *lost),
        )
    return cells.cells_job(found, data, drug, unit=unit, seeds=seeds, reports=reports)


def bench(
    job: Job,
    out: Path,
    *,
    model: str | None = None,
    features: Sequence[str] | None = None,
    networks: bool = True,
    progress: Progress | None = None,
) -> tuple[Ranking, Path]:
    """Rank all contenders, and a model of one's own.

    Parameters
    ----------
    job : Job
    out : Path
        Folder of ``results.json``, ``index.html`` and what a killed run resumes from.
    model : str, optional
        ``file.py:Name``, an estimator of scikit-learn's contract.
    features : sequence of str, optional
        Blocks of columns that it sees; default all.
    networks : bool
        Whether the networks of the studies take part.
    progress : callable, optional
        As for :func:`helpers.evaluation.protocol.run`.

    Returns
    -------
    ranking : Ranking
    page : Path

    Raises
    ------
    DataError, ParameterError
        If the model or a choice cannot be used.
    RunError
        If the folder cannot be written, for example on a full disk.
    """
    if not isinstance(job, Job) or not isinstance(out, str | Path):
        msg = f"bench needs a Job and a folder, got {type(job).__name__} and {type(out).__name__}"
        raise ParameterError(msg)
    out = Path(out)
    seen = _FEATURES[job.kind] if features is None else features
    pairs.check_features(seen, _FEATURES[job.kind])
    own = [] if model is None else [own_model(model, seen)]
    simple = baselines(structures="drug" in job.reports) if job.kind == "pairs" else []
    models = [*own, *simple, *of_studies(job, networks=networks)]
    versions = {name: metadata.version(name) for name in _VERSIONS}
    about = {"versions": versions, "device": _device() if networks else "cpu"}
    cache = out / "cache" / _code_hash(model, seen, about)
    try:
        out.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=out).close()  # before hours of work
        ranking = rank(job, models, cache=cache, progress=progress)
        # What other code, versions or devices left, and nothing of the user's.
        for other in cache.parent.glob("*"):
            if other != cache and _CODE_HASH.fullmatch(other.name):
                shutil.rmtree(other, ignore_errors=True)
        content = as_json(job, ranking, about)
        _, page = write(out, content, page_html(content))
    except OSError as error:
        msg = (
            f"cannot write {out}: {error.strerror or error}. Make room, or choose another --out, then give "
            "the same command again; models that could be kept are not computed again."
        )
        raise RunError(msg) from error
    return ranking, page


def _device() -> str:
    """Return where the networks run, which take a GPU if there is one."""
    import torch  # imported late: it takes seconds, and only networks need it

    return "cuda" if torch.cuda.is_available() else "cpu"


def _code_hash(model: str | None, features: Sequence[str], about: Mapping[str, Any]) -> str:
    """Hash what predictions depend on beside the data: code, own model, features, versions, device."""
    digest = hashlib.sha256(repr((sorted(features), about)).encode())
    for path in sorted(Path(helpers.__path__[0]).rglob("*.py")):
        digest.update(path.read_bytes())
    if model is not None:
        for path in own_sources():
            digest.update(str(path).encode() + path.read_bytes())
        digest.update(model.encode())
    return digest.hexdigest()[:16]
