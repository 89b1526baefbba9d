"""What the chapter asks of the data on each tier: one table of names, units and sizes."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from anndata import AnnData

from helpers.bounds import check_number
from helpers.checks import check_columns, refuse
from helpers.data.bulk import load_bulk
from helpers.data.cells import load_cells, quality_control
from helpers.data.types import BulkPanel
from helpers.errors import DataError, DownloadError
from helpers.studies.gpds.cells import common_genes
from helpers.studies.gpds.gene_lists import proliferation_score


@dataclass(frozen=True)
class Task:
    """The chapter's inputs on one tier.

    Attributes
    ----------
    drug : str
        Column of the response table that stands for camptothecin.
    unit : str
        Of the response, which is used as it is: no lines are labelled in this chapter.
    cells : tuple of str
        Sets of single cells; the first that can be had is taken.
    more_cells : str, optional
        A second set, to look at.
    screen : str, optional
        Another screen of the same drugs.
    min_mean, min_log_variance : float
        Cut lines of the genes that ranked lists hold.
    markers : int
        Marker genes of a cell.
    other_markers : tuple of int
        Numbers that are tried beside it.
    """

    drug: str
    unit: str
    cells: tuple[str, ...]
    more_cells: str | None
    screen: str | None
    min_mean: float
    min_log_variance: float
    markers: int
    other_markers: tuple[int, ...]


#: The panel has few genes: 30 of 350 is the share that 250 is of the report's 2,855.
TASKS = {
    "panel": Task(
        drug="Camptothecin",
        unit="ln IC50 (uM)",
        cells=("breast-atlas",),
        more_cells="lung-mixology",
        screen="GDSC",
        min_mean=1.0,
        min_log_variance=-np.inf,
        markers=30,
        other_markers=(15, 60, 120),
    ),
    "paper": Task(
        drug="Camptothecin (GDSC2:1003)",
        unit="AUC (0 to 1)",
        cells=("pan-cancer-h5ad", "pan-cancer-lines"),
        more_cells=None,
        screen=None,
        min_mean=1.9,
        min_log_variance=0.0,
        markers=250,
        other_markers=(100, 500, 1000),
    ),
}
#: The twin stands in for the panel.
TASKS["simulated"] = TASKS["panel"]

#: Lines whose cells the report predicted, and the published numbers' names for them.
REPORT_LINES = {"MKN45": "mkn45", "NCIH1435": "ncih1435", "SCC9": "scc9", "SKMEL2": "skmel2"}


@dataclass(frozen=True, eq=False)
class Inputs:
    """The data of a run; lines of ``cells`` are looked up in ``panel``.

    Attributes
    ----------
    task : Task
    panel : BulkPanel
    cells, more_cells : AnnData
        Counts after quality control, named ``"cells"`` and ``"second set"`` by what they are for.
    screen : BulkPanel, optional
    """

    task: Task
    panel: BulkPanel
    cells: AnnData
    more_cells: AnnData | None
    screen: BulkPanel | None

    def __post_init__(self) -> None:
        kinds = {"task": Task, "panel": BulkPanel, "cells": AnnData}
        kinds |= {"more_cells": AnnData | None, "screen": BulkPanel | None}
        for what, kind in kinds.items():
            if not isinstance(getattr(self, what), kind):
                refuse("Inputs", f"{what} cannot be a {type(getattr(self, what)).__name__}")
        check_columns(self.panel.response, (self.task.drug,), self.panel.name, "response")

    @property
    def used(self) -> list[BulkPanel | AnnData]:
        """All of the data, as the chapter registers them."""
        every = (self.panel, self.cells, self.more_cells, self.screen)
        return [data for data in every if data is not None]

    @property
    def response(self) -> pd.Series:
        """Response of the lines to the chapter's drug."""
        return self.panel.response[self.task.drug]

    @property
    def with_cells(self) -> np.ndarray:
        """Which lines of the panel have cells, array (lines,) of bool."""
        return self.panel.expression.index.isin(self.cells.obs["model_id"])

    @property
    def common(self) -> pd.DataFrame:
        """Expression of the genes that bulk lines and cells share."""
        return self.panel.expression[common_genes(self.panel.expression, self.cells)]

    @property
    def list_genes(self) -> list[str]:
        """Genes of ranked lists: cut on the lines without cells, so that no scored line has a say."""
        lines = self.common.loc[~self.with_cells]
        with np.errstate(divide="ignore"):
            keep = (lines.mean() >= self.task.min_mean) & (np.log(lines.var()) >= self.task.min_log_variance)
        return lines.columns[keep].tolist()

    @property
    def proliferation(self) -> pd.Series | None:
        """Proliferation score of the lines; None where no gene has a known name, as in the twin."""
        try:
            return proliferation_score(self.panel.expression)
        except DataError:
            return None

    def targets(self) -> pd.Series:
        """Named target of each drug as text, "" where unknown; index = drug of the panel."""
        tables = [data.drugs for data in (self.panel, self.screen) if data is not None]
        known = pd.concat(
            [table["target"] for table in tables if "target" in table] or [pd.Series(dtype=str)]
        )
        return known[~known.index.duplicated()].reindex(self.panel.response.columns).fillna("")

    def varied_drugs(self, count: int) -> list[str]:
        """Drugs measured in 85 % of the lines and in 20 of those with cells, the most varied first.

        The variance is that over lines without cells; the chapter's own drug is left out.
        """
        check_number("the number of drugs", count, 0, whole=True)
        measured, with_cells = self.panel.response.notna(), self.with_cells
        enough = (measured.mean() >= 0.85) & (measured[with_cells].sum() >= min(20, with_cells.sum()))
        eligible = measured.columns[enough].drop(self.task.drug, errors="ignore")
        return self.panel.response.loc[~with_cells, eligible].var().nlargest(count).index.tolist()


def load_inputs(data: str, seed: int = 0) -> Inputs:
    """Load what the chapter needs on a tier.

    Parameters
    ----------
    data : {"auto", "panel", "paper", "simulated"}
    seed : int
        Of the simulated twin.

    Raises
    ------
    DataError
        As the loaders; on the tier "paper" the message names the missing files.
    """
    panel = load_bulk("GDSC2", data, seed=seed)
    task = TASKS[panel.tier]
    return Inputs(
        task,
        panel,
        _cells("cells", task.cells, data, seed),
        _cells("second set", (task.more_cells,), data, seed) if task.more_cells else None,
        load_bulk(task.screen, data, seed=seed) if task.screen else None,
    )


def _cells(role: str, names: tuple[str, ...], data: str, seed: int) -> AnnData:
    """Load the first set that can be had and name it by its role; a note keeps its own name."""
    for name in names[:-1]:
        try:
            return _named(role, load_cells(name, data, seed=seed))
        except DownloadError:
            continue
    return _named(role, load_cells(names[-1], data, seed=seed))


def _named(role: str, cells: AnnData) -> AnnData:
    source = cells.uns["provenance"]
    note = f"Data set: {cells.uns['name']}."
    cells.uns.update(name=role, provenance=replace(source, notes=(note, *source.notes)))
    return quality_control(cells, min_genes=50)
