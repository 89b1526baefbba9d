"""One entry to every drug-response data set and tier."""

from __future__ import annotations

from dataclasses import replace

from helpers.data.registry import Registry
from helpers.data.sources import CHOICES, Sources
from helpers.data.types import ResponseData
from helpers.errors import DataError, DownloadError
from helpers.studies.refdnn.ccle import FILES as CCLE_FILES
from helpers.studies.refdnn.ccle import load_ccle
from helpers.studies.refdnn.gdsc import FILES as GDSC_FILES
from helpers.studies.refdnn.gdsc import load_gdsc
from helpers.studies.refdnn.paper_files import FILES as PAPER_FILES
from helpers.studies.refdnn.paper_files import load_paper
from helpers.studies.refdnn.twin import simulate_twin

NAMES = ("CCLE", "GDSC")


def load_response(
    name: str,
    data: str = "auto",
    *,
    seed: int = 0,
    registry: Registry | None = None,
    expression: str = "fhdsl",
    repeats: str = "one",
) -> ResponseData:
    """Load a drug-response data set.

    Parameters
    ----------
    name : {"CCLE", "GDSC"}
    data : {"auto", "panel", "paper", "simulated"}
        Tier. ``"auto"`` is the panel where every file of it can be had (cache, mirror, origin),
        else the simulated twin, with a note that says why. ``"panel"`` and ``"paper"`` never fall
        back.
    seed : int
        Of the simulated twin.
    registry : Registry, optional
        Default: ``data/datasets.yml`` of the project.
    expression : {"fhdsl", "joined"}
        Expression panel of CCLE, see :func:`helpers.studies.refdnn.ccle.load_ccle`.
    repeats : {"one", "keep"}
        Twice-screened drugs of the GDSC panel, see :func:`helpers.data.gdsc.load_gdsc`.

    Returns
    -------
    ResponseData
        ``tier`` says what was loaded, ``provenance.notes`` what was dropped or inferred.

    Raises
    ------
    DataError
        If ``name`` or ``data`` is unknown, a file holds something else than expected, or (with
        ``"panel"`` or ``"paper"``) a file is missing; the message names the missing files and the
        command that fetches them.
    """
    for what, value, known in (("data set", name, NAMES), ("data choice", data, CHOICES)):
        if value not in known:
            msg = f"unknown {what} {value!r}; one of {', '.join(known)}"
            raise DataError(msg)
    if data == "simulated":
        return simulate_twin(name, seed)
    registry = Registry.load() if registry is None else registry
    if data == "paper":
        return load_paper(name, Sources.fetch_for(registry, PAPER_FILES[name], name, data))
    if name == "CCLE" and expression not in CCLE_FILES:
        msg = f"unknown expression panel {expression!r}; one of {', '.join(CCLE_FILES)}"
        raise DataError(msg)
    try:
        sources = Sources.fetch_for(
            registry, CCLE_FILES[expression] if name == "CCLE" else GDSC_FILES, name, data
        )
    except DownloadError as error:
        if data == "panel":
            raise
        twin = simulate_twin(name, seed)
        note = f"Simulated data stand in for the panel. {error}"
        notes = (note, *twin.provenance.notes)
        return replace(twin, provenance=replace(twin.provenance, notes=notes))
    return load_ccle(sources, expression) if name == "CCLE" else load_gdsc(sources, repeats)
