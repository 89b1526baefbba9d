"""What the outcome of a notebook depends on, as hashes: equal hashes mean that it need not run again."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from helpers.chapter.closure import used_modules
from helpers.chapter.provenance import executed_code, hash_files
from helpers.data.registry import REGISTRIES, Registry
from helpers.run.notebooks import SourceNotebook

# Parts of the package that no notebook imports, and parameters that do not change a number.
_OUTSIDE = ("cli", "run", "book")
_PLACE_ONLY = ("out", "jobs")
_FILE = "file "


def fingerprint(
    root: Path, source: SourceNotebook, parameters: Mapping[str, Any], folder: Path
) -> dict[str, str]:
    """Return the hash of each thing that the outcome of a notebook depends on.

    Another study, or a data file that the notebook does not read, is none of them.

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
        ``source`` (what is executed of the notebook), ``package``, ``parameters``, ``claims`` (with the
        published numbers), ``lock``, each registered data file of the chapter as ``file <key>``, and, for a
        notebook that reads results, ``results``.
    """
    counted = {key: value for key, value in parameters.items() if key not in _PLACE_ONLY}
    package = _package(root)
    modules = used_modules(source.path, package)
    parts = {
        "source": source.code,
        "package": hash_files(
            package, [path for path in modules if _part(package, path) not in _OUTSIDE], executed_code
        ),
        "parameters": _hash(json.dumps(counted, sort_keys=True, default=str).encode()),
        "claims": hash_files(root / "data", _claims(root / "data", source, package, modules)),
        "lock": hash_files(root, [root / "requirements.lock"]),
    }
    if source.reads_results:
        return parts | {"results": results_hash(folder, source.chapter)}
    return parts | _registered(root / "data", source.chapter)


def results_hash(folder: Path, chapter: str) -> str:
    """Hash the results in a run folder, apart from those of ``chapter`` itself and from times."""
    digest = hashlib.sha256()
    for path in sorted((folder / "results").glob("*.json")):
        if path.stem != chapter:
            content = path.read_bytes()
            with contextlib.suppress(ValueError, AttributeError):  # what is damaged counts as it is
                results = json.loads(content)
                results.pop("times", None)
                content = json.dumps(results, sort_keys=True).encode()
            digest.update(path.name.encode() + content)
    return digest.hexdigest()


def changes(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """Return the names of the parts that differ between two fingerprints.

    A data file that was registered since is no change: the notebook did not read it.
    """
    return [
        key
        for key in sorted(before.keys() | now.keys())
        if before.get(key) != now.get(key) and not (key.startswith(_FILE) and key not in before)
    ]


def studies_of(root: Path, source: SourceNotebook) -> set[str]:
    """Return the studies whose code a notebook uses."""
    package = _package(root)
    return _studies(package, used_modules(source.path, package))


def _package(root: Path) -> Path:
    package = root / "src" / "helpers"
    return package if package.is_dir() else Path(__file__).parents[1]  # a project that uses the installed one


def _studies(package: Path, modules: Iterable[Path]) -> set[str]:
    return {path.relative_to(package).parts[1] for path in modules if _part(package, path) == "studies"}


def _part(package: Path, path: Path) -> str:
    return path.relative_to(package).parts[0].removesuffix(".py")


def _claims(data: Path, source: SourceNotebook, package: Path, modules: Iterable[Path]) -> list[Path]:
    """Return the claims and published numbers of a chapter and its study; all where it reads results."""
    if source.reads_results:
        return [*data.glob("*/claims*.yml"), *data.glob("*/published.json")]
    named = f"chapter: {source.chapter}"
    own = [p for p in data.glob("*/claims*.yml") if named in p.read_text(encoding="utf-8").splitlines()]
    studies = _studies(package, modules) | {path.parent.name for path in own}
    return [*own, *(data / study / "published.json" for study in studies)]


def _registered(data: Path, chapter: str) -> dict[str, str]:
    """Return what identifies each registered file of a chapter; titles and cards do not count."""
    if not any(data.glob(REGISTRIES)):
        return {}
    names = {"tier", "sha256", "git_blob_sha1", "lfs_oid", "md5"}
    return {
        f"{_FILE}{file.key}": _hash((file.location + file.model_dump_json(include=names)).encode())
        for file in Registry.load(data).select(chapter=chapter)
    }


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
