"""Bulk expression with drug response as two matrices: GDSC2 and GDSC on the public panel."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from helpers.data import bulk_paper
from helpers.data.binarise import binarise
from helpers.data.cells_twin import simulate_panel
from helpers.data.drugs import STAT, read_drug_stat
from helpers.data.expression import FHDSL, fhdsl_panel
from helpers.data.gdsc import IC50, larger_screens, read_ic50
from helpers.data.readers.r_files import matrix_of, read_r
from helpers.data.registry import Registry
from helpers.data.resolve import Source, resolve
from helpers.data.sources import Sources
from helpers.data.types import BulkPanel, Provenance
from helpers.errors import DataError

GDSC2 = "oncopredict-gdsc2"


def load_bulk(
    response: str = "GDSC2", data: str = "auto", *, seed: int = 0, registry: Registry | None = None
) -> BulkPanel:
    """Load bulk expression and drug response.

    Parameters
    ----------
    response : {"GDSC2", "GDSC"}
        ``"GDSC2"``: ln IC50 of the table that ships with oncoPredict; called by the waterfall rule
        (:func:`~helpers.data.binarise.binarise`). ``"GDSC"``: absolute IC50 of CaDRReS-Sc;
        a line is sensitive where its IC50 does not exceed the drug's maximum concentration.
    data : {"auto", "panel", "paper", "simulated"}
        Tier. ``"auto"`` is the panel where every file of it can be had, else the simulated twin
        with a note that says why. ``"panel"`` and ``"paper"`` never fall back. ``"paper"``: DepMap
        24Q4 expression with the release of GDSC2 (``response="GDSC2"`` only; its response is the
        AUC, not ln IC50).
    seed : int
        Of the simulated twin; cells of :func:`~helpers.data.cells.load_cells` with the same
        seed belong to it.
    registry : Registry, optional
        Default: ``data/*/datasets.yml`` of the project.

    Returns
    -------
    BulkPanel
        Lines with expression and at least one measured drug.

    Raises
    ------
    DataError
        If ``response`` or ``data`` is unknown, a file holds something else than expected, or (with
        ``"panel"`` or ``"paper"``) a file is missing; the message names the missing files and the
        command that fetches them.
    """
    return resolve("response", response, SOURCES, data, lambda: simulate_panel(response, seed), registry)


def _load_gdsc2(sources: Sources) -> BulkPanel:
    table = sources.decoded(GDSC2, _decode_gdsc2)
    known = pd.DataFrame(
        {"drug": table.columns.str.rsplit("_", n=1).str[0]}, index=table.columns.str.rsplit("_", n=1).str[1]
    )
    table = table.set_axis(known.index, axis=1)
    table, known, notes = _one_screen(table, known)
    notes.append("Response is ln IC50 (uM). Calls follow the waterfall rule, which is our choice.")
    return _panel("GDSC2", sources, table, known, None, notes)


def _load_gdsc(sources: Sources) -> BulkPanel:
    stat = read_drug_stat(sources)
    table, known, notes = _one_screen(read_ic50(sources, stat), stat)
    notes.append("Response is ln of the absolute IC50 (uM), partly extrapolated beyond the tested doses.")
    notes.append("Lines are called sensitive where the IC50 does not exceed the maximum concentration.")
    highest = np.log(known["max_concentration"].to_numpy())
    return _panel("GDSC", sources, table * np.log(2), known, highest, notes)


def _one_screen(table: pd.DataFrame, known: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame, list[str]]:
    """Keep one screen a drug name: the one with more lines."""
    names = known["drug"]
    chosen = larger_screens(table, names)
    dropped = names.index.difference(chosen)
    notes = []
    if len(dropped):
        listed = ", ".join(sorted(names[dropped].unique()))
        notes.append(
            f"{len(dropped)} drug names have a second screen ({listed}); the one with more lines was taken."
        )
    return table[chosen], known.loc[chosen], notes


def _panel(
    name: str,
    sources: Sources,
    table: pd.DataFrame,
    known: pd.DataFrame,
    highest: np.ndarray | None,
    notes: list[str],
) -> BulkPanel:
    expression, lines = fhdsl_panel(sources)
    with_id = lines[lines["cosmic_id"].isin(table.index)]
    # A line may stand in the response table without a single value.
    values = table.loc[with_id["cosmic_id"]].set_axis(with_id.index)
    values = values.loc[values.notna().any(axis=1)]
    lines = lines.loc[values.index]
    notes = [
        f"{len(values)} of {len(table):,} screened lines have expression here (matched by COSMIC number).",
        *notes,
    ]
    values = values.rename_axis(index=None).set_axis(pd.Index(known["drug"].to_numpy(object)), axis=1)
    if highest is None:
        resistant = binarise(values, "waterfall")
    else:
        resistant = (values > highest).astype(float).where(values.notna())
    drugs = known.reset_index(names="drug_id").set_index("drug").rename_axis(None)
    return BulkPanel(
        name=name,
        expression=expression.loc[values.index].rename_axis(index=None, columns=None),
        response=values,
        resistant=resistant,
        lines=pd.DataFrame(
            {
                "name": lines["stripped_name"],
                "lineage": lines["lineage"].where(lines["lineage"] != "", "unknown"),
                "cosmic_id": lines["cosmic_id"],
            }
        ).rename_axis(None),
        drugs=drugs,
        provenance=Provenance("panel", sources.files(), tuple(notes)),
    )


def _decode_gdsc2(path: Path) -> pd.DataFrame:
    table = matrix_of(read_r(path), path).astype(float)
    table.index = table.index.str.removeprefix("COSMIC_")
    if not table.columns.str.contains(r"_\d+$").all() or table.index.has_duplicates:
        msg = f"{path}: expected unique COSMIC numbers and columns named drug_id"
        raise DataError(msg)
    return table


#: Files and reader of every tier of each response data set.
SOURCES = {
    "GDSC2": {
        "panel": Source((GDSC2, FHDSL), _load_gdsc2),
        "paper": Source(
            (bulk_paper.EXPRESSION, bulk_paper.MODELS, bulk_paper.RESPONSE), bulk_paper.load_paper
        ),
    },
    "GDSC": {"panel": Source((IC50, STAT, FHDSL), _load_gdsc)},
}
