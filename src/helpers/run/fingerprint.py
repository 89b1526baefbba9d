"""What the outcome of a notebook depends on, as hashes: equal hashes mean that it need not run again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from helpers.chapter.closure import used_modules
from helpers.chapter.provenance import hash_files
from helpers.run.notebooks import SourceNotebook

# Parts of the package that no notebook imports, and parameters that do not change a number.
_OUTSIDE = ("cli", "run", "book")
_PLACE_ONLY = ("out",)


def fingerprint(
    root: Path, source: SourceNotebook, parameters: Mapping[str, Any], folder: Path
) -> dict[str, str]:
    """Return the hash of each thing that the outcome of a notebook depends on.

    Parameters
    ----------
    root : Path
        Project folder.
    source : SourceNotebook
        The notebook.
    parameters : mapping
        Everything passed to it; the place of the run folder does not count.
    folder : Path
        Run folder: its results count for a notebook that reads them.

    Returns
    -------
    dict
        ``source``, ``package``, ``parameters``, ``data``, ``lock`` and, for a notebook that reads
        results, ``results``.
    """
    counted = {key: value for key, value in parameters.items() if key not in _PLACE_ONLY}
    package = root / "src" / "helpers"
    if not package.is_dir():  # a project that uses the installed package
        package = Path(__file__).parents[1]
    parts = {
        "source": source.sha256,
        "package": hash_files(package, _package_files(package, source.path)),
        "parameters": _hash(json.dumps(counted, sort_keys=True, default=str).encode()),
        "data": hash_files(root / "data", _data_files(root / "data")),
        "lock": hash_files(root, [root / "requirements.lock"]),
    }
    if source.reads_results:
        parts["results"] = results_hash(folder, source.chapter)
    return parts


def results_hash(folder: Path, chapter: str) -> str:
    """Hash the results in a run folder, apart from those of ``chapter`` itself and from times."""
    digest = hashlib.sha256()
    for path in sorted((folder / "results").glob("*.json")):
        if path.stem != chapter:
            content = json.loads(path.read_text(encoding="utf-8"))
            content.pop("times", None)
            digest.update(path.name.encode() + json.dumps(content, sort_keys=True).encode())
    return digest.hexdigest()


def changes(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """Return the names of the parts that differ between two fingerprints."""
    return [key for key in sorted(before.keys() | now.keys()) if before.get(key) != now.get(key)]


def _package_files(package: Path, source: Path) -> list[Path]:
    files = used_modules(source, package)
    return [p for p in files if p.relative_to(package).parts[0].removesuffix(".py") not in _OUTSIDE]


def _data_files(data: Path) -> list[Path]:
    patterns = ("*/datasets.yml", "*/claims*.yml", "*/published.json")
    return [path for pattern in patterns for path in data.glob(pattern)]


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
