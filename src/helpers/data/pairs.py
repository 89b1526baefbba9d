"""One entry to pre/post treatment pairs of every data set and tier."""

from __future__ import annotations

from dataclasses import replace

from helpers.data import pairs_panel, pairs_paper
from helpers.data.pair_types import PerturbationPairs
from helpers.data.pairs_twin import simulate_pairs_twin
from helpers.data.registry import Registry
from helpers.data.sources import CHOICES, Sources
from helpers.errors import DataError, DownloadError

__all__ = ["NAMES", "PerturbationPairs", "load_pairs"]

NAMES = (*pairs_panel.FILES, *pairs_paper.FILES)


def load_pairs(
    name: str = "transigen", data: str = "auto", *, seed: int = 0, registry: Registry | None = None
) -> PerturbationPairs:
    """Load pre/post treatment pairs.

    Parameters
    ----------
    name : {"transigen", "slinky", "cmapm", "skbr3", "lincs", "drvae"}
        ``"transigen"``: 100 averaged pairs, 43 lines, 14 compounds, with basal profiles as
        singletons. ``"slinky"``: single wells of 8 lines. ``"cmapm"``: one plate of A375 wells.
        ``"skbr3"``: SKBR3 wells, 10 kinase inhibitors, 4 doses, 6 and 24 h. On the paper tier:
        ``"lincs"``, the 19 drugs of PertVAE in LINCS Level 3, paired by plate; ``"drvae"``, the file of
        the authors' later study.
    data : {"auto", "panel", "paper", "simulated"}
        Tier; each name is on one of panel and paper. ``"auto"`` reads it where every file can be had,
        else the simulated twin with a note that says why. ``"panel"`` and ``"paper"`` never fall back.
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
        ``"panel"`` or ``"paper"``) a file is missing; the message names the missing files and the
        command that fetches them.
    """
    for what, value, known in (("set of pairs", name, NAMES), ("data choice", data, CHOICES)):
        if value not in known:
            msg = f"unknown {what} {value!r}; one of {', '.join(known)}"
            raise DataError(msg)
    if data == "simulated":
        return simulate_pairs_twin(name, seed)
    tier, module = ("paper", pairs_paper) if name in pairs_paper.FILES else ("panel", pairs_panel)
    if data not in ("auto", tier):
        others = (pairs_paper if tier == "panel" else pairs_panel).FILES
        msg = f"{name} is on the {tier} tier; the {data} tier has {', '.join(others)}"
        raise DataError(msg)
    registry = Registry.load() if registry is None else registry
    try:
        sources = Sources.fetch(registry, module.FILES[name])
    except DownloadError as error:
        if data != "auto":
            msg = f"{name} ({data}): {error}\nTo fetch them: helpers data fetch --tier {tier}"
            raise DownloadError(msg) from error
        twin = simulate_pairs_twin(name, seed)
        note = f"Simulated data stand in for the {tier} files. {error}"
        provenance = replace(twin.provenance, notes=(note, *twin.provenance.notes))
        return replace(twin, provenance=provenance)
    if tier == "paper":
        return pairs_paper.load_paper_pairs(name, sources)
    return pairs_panel.load_panel(name, sources)
