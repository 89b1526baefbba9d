"""The bulk lines of the chapter on every tier, with labels by every rule that the tier allows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from helpers.checks import readable
from helpers.data.bulk import load_bulk
from helpers.data.resolve import Source, resolve
from helpers.data.sources import Sources
from helpers.data.types import BulkPanel, Provenance
from helpers.errors import DataError
from helpers.studies.scdeal.labels import LineLabels, load_author_labels

#: Registry key of the authors' expression.
EXPRESSION = "scdeal-bulk-expression"


def load_lines(data: str = "auto", *, seed: int = 0) -> LineLabels:
    """Load bulk lines and their labels.

    Parameters
    ----------
    data : {"auto", "panel", "paper", "simulated"}
        ``"paper"``: the authors' expression, whose labels are the authors' alone. Else GDSC2 of
        :func:`helpers.data.bulk.load_bulk`, with GDSC's maximum concentrations.
    seed : int
        Of the simulated twin.

    Raises
    ------
    DataError
        As ``load_bulk``.
    """
    authors = load_author_labels(data, seed=seed)
    if data != "paper":
        return LineLabels(load_bulk("GDSC2", data, seed=seed), authors, load_bulk("GDSC", data, seed=seed))
    expression, provenance = resolve("bulk lines", "scDEAL", SOURCES, data, lambda: None)
    resistant = authors.table.reindex(expression.index)
    rows = expression.index.to_series()
    numbers = rows.where(rows.str.startswith("DATA."), "").str[5:]
    panel = BulkPanel(
        name="GDSC2",
        expression=expression,
        # The authors give labels, no values.
        response=resistant * np.nan,
        resistant=resistant,
        lines=pd.DataFrame({"name": rows, "lineage": "unknown", "cosmic_id": numbers}),
        drugs=pd.DataFrame({"drug_id": resistant.columns}, index=resistant.columns),
        provenance=provenance,
    )
    return LineLabels(panel, authors)


def _read(sources: Sources) -> tuple[pd.DataFrame, Provenance]:
    """Read ``ALL_expression.csv``: lines x symbols, log scale."""
    path: Path = sources[EXPRESSION]
    with readable(path):
        header = pd.read_csv(path, nrows=0).columns
        table = pd.read_csv(path, index_col=0, dtype=dict.fromkeys(header[1:], np.float32))
    if table.empty or table.index.has_duplicates or table.isna().to_numpy().any():
        msg = f"{path}: expected unique lines x genes without missing values"
        raise DataError(msg)
    table.index = table.index.astype(str)
    note = "GDSC and CCLE rows as the authors joined them: a line may stand in both."
    table = table.loc[:, ~table.columns.duplicated()].rename_axis(None)
    return table, Provenance("paper", sources.files(), (note,))


#: The authors' file.
SOURCES = {"scDEAL": {"paper": Source((EXPRESSION,), _read)}}
