"""One entry to every drug-response data set and tier."""

from __future__ import annotations

from functools import partial

from helpers.data.registry import Registry
from helpers.data.resolve import Source, resolve
from helpers.data.types import ResponseData
from helpers.errors import DataError
from helpers.studies.refdnn import ccle, gdsc
from helpers.studies.refdnn.paper_files import FILES as PAPER_FILES
from helpers.studies.refdnn.paper_files import load_paper
from helpers.studies.refdnn.twin import simulate_twin


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
        Tier, see :func:`helpers.data.resolve.resolve`.
    seed : int
        Of the simulated twin.
    registry : Registry, optional
        Default: ``data/*/datasets.yml`` of the project.
    expression : {"fhdsl", "joined"}
        Expression panel of CCLE, see :func:`helpers.studies.refdnn.ccle.load_ccle`.
    repeats : {"one", "keep"}
        Twice-screened drugs of the GDSC panel, see :func:`helpers.studies.refdnn.gdsc.load_gdsc`.

    Returns
    -------
    ResponseData
        ``tier`` says what was loaded, ``provenance.notes`` what was dropped or inferred.

    Raises
    ------
    DataError
        If a choice is unknown, or a file holds something else than expected.
    DownloadError
        With ``"panel"`` or ``"paper"``, if a file is missing; the message names the missing files and the
        command that fetches them.
    """
    options = (("expression", expression, ccle.FILES), ("repeats", repeats, gdsc.REPEATS))
    for option, value, known in options:
        if value not in tuple(known):
            msg = f"unknown {option} {value!r}; one of {', '.join(known)}"
            raise DataError(msg)
    panels = {
        "CCLE": Source(ccle.FILES[expression], partial(ccle.load_ccle, expression=expression)),
        "GDSC": Source(gdsc.FILES, partial(gdsc.load_gdsc, repeats=repeats)),
    }
    papers = {known: Source(files, partial(load_paper, known)) for known, files in PAPER_FILES.items()}
    tables = {known: {"panel": panel, "paper": papers[known]} for known, panel in panels.items()}
    return resolve("data set", name, tables, data, lambda: simulate_twin(name, seed), registry)
