"""The reader of each kind, and the one call that reads a file or a registered key."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from helpers.checks import refuse
from helpers.data.hashes import sha256
from helpers.data.readers.cells import read_gene_table, read_h5ad, read_labels, read_mtx
from helpers.data.readers.changes import read_changes
from helpers.data.readers.expression import read_expression
from helpers.data.readers.lines import read_drugs, read_lines, read_structures
from helpers.data.readers.response import read_response
from helpers.data.registry import Registry
from helpers.data.sources import Sources
from helpers.data.types import Provenance, SourceFile


def _read_gctx(path: Path) -> tuple[Any, list[str]]:
    # Imported late: that module takes the spelling of ids from this package.
    from helpers.data.l1000_files import read_gctx

    return read_gctx(path)[0], []


#: Reader of each kind; a reader takes a path and gives values and notes.
KINDS: dict[str, Callable[..., tuple[Any, list[str]]]] = {
    "expression matrix": read_expression,
    "response table": read_response,
    "fitted curves": read_response,
    "line table": read_lines,
    "drug table": read_drugs,
    "structures": read_structures,
    "gene table": read_gene_table,
    "gctx": _read_gctx,
    "h5ad": read_h5ad,
    "mtx": read_mtx,
    "labels": read_labels,
    "changes": read_changes,
}


@dataclass(frozen=True)
class Read:
    """What a file holds, and where it comes from.

    Attributes
    ----------
    content : object
        What the reader of its kind returns.
    provenance : Provenance
        Tier ``"own"`` for a file that is not registered, with its name, sha256 and the reader's notes.
    """

    content: Any
    provenance: Provenance


def read(
    source: str | Path, kind: str | None = None, *, registry: Registry | None = None, **options: Any
) -> Read:
    """Read a file by its kind.

    Parameters
    ----------
    source : str or Path
        A file (or folder, of kind ``mtx``), or the key of a registered file.
    kind : str, optional
        One of :data:`KINDS`; default the kind that the registry names.
    registry : Registry, optional
        Default: the project's.
    **options
        Passed to the reader, e.g. ``measure="log2_ic50"``; the registry's ``measure`` is the default.

    Raises
    ------
    DataError
        If there is no such file or key, its kind is unknown, or it does not hold what its kind says.
    DownloadError
        If a registered file cannot be had.
    """
    if not isinstance(source, str | Path):
        refuse(source, "neither a file nor a registered key", "give a path or a key")
    path, tier, name = Path(source), "own", Path(source).name
    if not path.exists():
        registry = Registry.load() if registry is None else registry
        if str(source) not in registry:
            refuse(source, "neither a file nor a registered key", "`helpers data list` names the keys")
        entry = registry[str(source)]
        kind, tier, name = kind or entry.kind, entry.tier, entry.key
        if entry.measure and "measure" not in options:
            options["measure"] = entry.measure
        path = Sources.fetch_for(registry, (name,), name, tier)[name]
    if kind not in KINDS:
        refuse(source, f"of unknown kind {kind!r}", f"one of {', '.join(KINDS)}")
    unknown = set(options) - set(inspect.signature(KINDS[kind]).parameters)
    if unknown:
        refuse(source, f"a {kind} is read without the option(s) {', '.join(sorted(unknown))}")
    content, notes = KINDS[kind](path, **options)
    files = sorted(one for one in path.rglob("*") if one.is_file()) if path.is_dir() else [path]
    hashes = tuple(
        SourceFile(name if one == path else f"{name}/{one.relative_to(path)}", sha256(one)) for one in files
    )
    return Read(content, Provenance(tier, hashes, tuple(notes)))
