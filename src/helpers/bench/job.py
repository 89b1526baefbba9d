"""One job from files to a page: read, join, rank, write."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

from helpers.bench.contenders import baselines, own_model
from helpers.bench.page import as_json, page_html, write
from helpers.bench.ranking import Ranking, rank
from helpers.data.own import load_own
from helpers.evaluation.protocol import Progress

_VERSIONS = ("helpers", "numpy", "pandas", "scikit-learn", "scipy")


def bench(
    expression: str | Path,
    response: str | Path,
    *,
    split: str,
    out: Path,
    structures: str | Path | None = None,
    lines: str | Path | None = None,
    drugs: str | Path | None = None,
    measure: str | None = None,
    linear: bool = False,
    model: str | None = None,
    features: Sequence[str] = ("one-hot", "structure", "expression"),
    target: str = "resistant",
    n_splits: int = 5,
    seeds: int = 1,
    progress: Progress | None = None,
) -> tuple[Ranking, Path]:
    """Rank all contenders, and a model of one's own, on one's own files.

    Parameters
    ----------
    expression, response, structures, lines, drugs, measure, linear
        As for :func:`helpers.data.own.load_own`.
    split, target, n_splits, seeds, progress
        As for :func:`helpers.bench.ranking.rank`.
    out : Path
        Folder of ``results.json``, ``index.html`` and what a killed run resumes from.
    model : str, optional
        ``file.py:Name``, an estimator of scikit-learn's contract.
    features : sequence of str
        What that model sees.

    Returns
    -------
    ranking : Ranking
    page : Path

    Raises
    ------
    DataError, ParameterError
        If a file, the model or a choice cannot be used.
    """
    data, reports = load_own(expression, response, structures, lines, drugs, measure=measure, linear=linear)
    models = baselines(structures=structures is not None)
    if model is not None:
        models.append(own_model(model, features))
    versions = {name: metadata.version(name) for name in _VERSIONS}
    ranking = rank(
        data,
        models,
        split,
        target=target,
        n_splits=n_splits,
        seeds=seeds,
        cache=out / "cache" / _code_hash(model, features, versions),
        progress=progress,
    )
    content = as_json(ranking, data, reports, {"versions": versions})
    _, page = write(out, content, page_html(content))
    return ranking, page


def _code_hash(model: str | None, features: Sequence[str], versions: dict[str, str]) -> str:
    """Hash what predictions depend on beside the data: code, the own model and its features, versions."""
    digest = hashlib.sha256(repr((sorted(features), versions)).encode())
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    if model is not None:
        digest.update(model.encode() + Path(model.rpartition(":")[0]).read_bytes())
    return digest.hexdigest()[:16]
