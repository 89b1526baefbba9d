"""One entry to pre/post treatment pairs of every data set and tier."""

from __future__ import annotations

from dataclasses import replace

from helpers.datasets.load import CHOICES
from helpers.datasets.pair_types import PerturbationPairs
from helpers.datasets.pairs_panel import FILES, load_panel
from helpers.datasets.registry import Registry
from helpers.datasets.simulate_pairs import simulate_pairs_twin
from helpers.datasets.sources import Sources
from helpers.errors import DataError, DownloadError

__all__ = ["NAMES", "PerturbationPairs", "load_pairs"]

NAMES = tuple(FILES)


def load_pairs(
    name: str = "transigen", data: str = "auto", *, seed: int = 0, registry: Registry | None = None
) -> PerturbationPairs:
    """Load pre/post treatment pairs.

    Parameters
    ----------
    name : {"transigen", "slinky", "cmapm", "skbr3"}
        ``"transigen"``: 100 averaged pairs, 43 lines, 14 compounds, with basal profiles as
        singletons. ``"slinky"``: single wells of 8 lines. ``"cmapm"``: one plate of A375 wells.
        ``"skbr3"``: SKBR3 wells, 10 kinase inhibitors, 4 doses, 6 and 24 h.
    data : {"auto", "panel", "paper", "simulated"}
        Tier. ``"auto"`` is the panel where every file of it can be had, else the simulated twin
        with a note that says why. ``"panel"`` never falls back.
    seed : int
        Of the simulated twin.
    registry : Registry, optional
        Default: ``data/datasets.yml`` of the project.

    Returns
    -------
    PerturbationPairs

    Raises
    ------
    DataError
        If ``name`` or ``data`` is unknown, a file holds something else than expected, or (with
        ``"panel"``) a file is missing; the message names the missing files and the command that
        fetches them.
    """
    for what, value, known in (("set of pairs", name, NAMES), ("data choice", data, CHOICES)):
        if value not in known:
            msg = f"unknown {what} {value!r}; one of {', '.join(known)}"
            raise DataError(msg)
    if data == "simulated":
        return simulate_pairs_twin(name, seed)
    if data == "paper":
        msg = f"{name} is public panel data; it has no paper tier"
        raise DataError(msg)
    registry = Registry.load() if registry is None else registry
    try:
        sources = Sources.fetch(registry, FILES[name])
    except DownloadError as error:
        if data == "panel":
            msg = f"{name} ({data}): {error}\nTo fetch them: helpers data fetch --tier panel"
            raise DownloadError(msg) from error
        twin = simulate_pairs_twin(name, seed)
        note = f"Simulated data stand in for the panel. {error}"
        provenance = replace(twin.provenance, notes=(note, *twin.provenance.notes))
        return replace(twin, provenance=provenance)
    return load_panel(name, sources)
