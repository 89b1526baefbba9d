"""Which tier of a data set is read: one rule for all loaders."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from helpers.data.registry import Registry
from helpers.data.sources import CHOICES, Sources
from helpers.errors import DataError, DownloadError


@dataclass(frozen=True)
class Source:
    """How one tier of a data set is read.

    Attributes
    ----------
    files : tuple of str
        Keys of the registry.
    read : callable
        Makes the data of the :class:`~helpers.data.sources.Sources` of these files.
    """

    files: tuple[str, ...]
    read: Callable[[Sources], Any]


def resolve(
    kind: str,
    name: str,
    tables: Mapping[str, Mapping[str, Source]],
    data: str,
    twin: Callable[[], Any],
    registry: Registry | None = None,
) -> Any:
    """Read a data set on the tier that is asked for.

    Parameters
    ----------
    kind : str
        What the names are, for messages: ``"drug-response data set"``.
    name : str
        Data set, a key of ``tables``.
    tables : mapping of name to (mapping of ``"panel"`` and ``"paper"`` to Source)
        A data set may have one of the tiers or both.
    data : {"auto", "panel", "paper", "simulated"}
        ``"auto"`` is the panel (the paper's files where the data set has no panel) where every file can be
        had from cache, mirror or origin; else the simulated twin with a note that says why. The other
        choices never fall back.
    twin : callable
        Makes the simulated data.
    registry : Registry, optional
        Default: the project's.

    Returns
    -------
    Any
        What the reader (or the twin) makes; it carries its ``provenance``.

    Raises
    ------
    DataError
        If the name or the choice is unknown, or the data set does not have the tier.
    DownloadError
        If a file of a tier that was asked for cannot be had; the message names the files and the command
        that fetches them.
    """
    for what, value, known in ((kind, name, tables), ("data choice", data, CHOICES)):
        if not isinstance(value, str) or value not in known:
            msg = f"unknown {what} {value!r}; one of {', '.join(known)}"
            raise DataError(msg)
    if data == "simulated":
        return twin()
    tiers = tables[name]
    tier = next(one for one in ("panel", "paper") if one in tiers) if data == "auto" else data
    if tier not in tiers:
        others = ", ".join(other for other, has in tables.items() if tier in has) or "no data set"
        msg = f"{name} is on the {' and '.join(tiers)} tier; the {tier} tier has {others}"
        raise DataError(msg)
    registry = Registry.load() if registry is None else registry
    try:
        sources = Sources.fetch_for(registry, tiers[tier].files, name, data)
    except DownloadError as error:
        if data != "auto":
            raise
        return _with_note(twin(), f"Simulated data stand in for the {tier} files. {error}")
    return tiers[tier].read(sources)


def _with_note(data: Any, note: str) -> Any:
    """Put a note in front of those of the provenance (of an AnnData: in ``uns``)."""
    if hasattr(data, "uns"):
        old = data.uns["provenance"]
        data.uns["provenance"] = replace(old, notes=(note, *old.notes))
        return data
    old = data.provenance
    return replace(data, provenance=replace(old, notes=(note, *old.notes)))
