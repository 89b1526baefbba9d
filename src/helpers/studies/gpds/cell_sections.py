"""Sections of the chapter on cells: the report's four lines, errors and spreads, reasons."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from helpers.bounds import check_number
from helpers.studies.gpds.cell_scores import (
    CELL_METRICS,
    cell_differences,
    cell_metrics,
    name_ways,
    spread_of_cells,
)
from helpers.studies.gpds.cells import cell_expression
from helpers.studies.gpds.heldout_cells import HeldOutCells
from helpers.studies.gpds.hypotheses import cell_hypotheses
from helpers.studies.gpds.model import GPDSRegressor, gpds_pipeline
from helpers.studies.gpds.results import Found, named, result, results
from helpers.studies.gpds.tasks import REPORT_LINES, Inputs

#: Ways to treat cells: bins, then whose mean and spread scale them.
TREATMENTS = [("cells-own", "bulk"), ("bulk-edges", "bulk"), ("cells-own", "cells"), ("per-cell", "bulk")]
#: Ways of looking at a line: source, bins, scale.
WAYS = {
    "cells": ("cells", "cells-own", "bulk"),
    "cells scaled by themselves": ("cells", "cells-own", "cells"),
    "cells in bulk bins": ("cells", "bulk-edges", "bulk"),
    "cells binned one by one": ("cells", "per-cell", "bulk"),
    "pseudo-bulk": ("pseudo-bulk", "cells-own", "bulk"),
    "pseudo-bulk scaled by itself": ("pseudo-bulk", "cells-own", "cells"),
    "pseudo-bulk in bulk bins": ("pseudo-bulk", "bulk-edges", "bulk"),
    "bulk of the same lines": ("bulk", "", ""),
}
#: For models without bins all ways of binning are the same.
_LINEAR_WAYS = ("cells", "cells scaled by themselves", "bulk of the same lines")


def report_four(published: Mapping[str, float]) -> Found:
    """Table the report's four lines, and what follows from its numbers.

    Parameters
    ----------
    published : mapping of id to float
    """
    table = pd.DataFrame(
        {
            what: [published[f"gpds_sc_{line}_{key}"] for line in REPORT_LINES.values()]
            for what, key in (("measured", "true"), ("mode of the cells' predictions", "pred"))
        },
        index=list(REPORT_LINES),
    )
    measured, predicted = table.to_numpy().T
    error, spread = ((predicted - measured) ** 2).mean(), measured.var()
    note = {"n": 4, "note": "from the report's numbers"}
    rows = [
        result("gpds_derived_fourline_mse", error, **note),
        result("gpds_derived_fourline_r2", 1 - error / spread, **note),
        result("gpds_derived_fourline_var", spread, **note),
    ]
    return Found(results(rows), table)


def shown_lines(held_out: HeldOutCells, names: pd.Series, count: int = 4) -> pd.DataFrame:
    """Cells of a few lines for the figure: lowest and highest response, and evenly spaced ones between.

    Parameters
    ----------
    names : Series
        Name of each line.

    Returns
    -------
    DataFrame
        Rows of :attr:`HeldOutCells.cells`, lines by response, ``line`` = its name.
    """
    check_number("the number of lines", count, 1, whole=True)
    treated = held_out.cells.query("model == 'network' and bins == 'cells-own' and scale == 'bulk'")
    order = treated.groupby("line")["measured"].first().sort_values().index
    chosen = list(order[np.linspace(0, len(order) - 1, min(count, len(order))).round().astype(int)])
    part = treated[treated["line"].isin(chosen)]
    part = part.assign(order=part["line"].map(chosen.index), line=part["line"].map(names))
    return part.sort_values("order", kind="stable")


def other_profiles(lines: pd.DataFrame, names: pd.Series) -> dict[str, pd.Series]:
    """Predictions of the network from other profiles of the same lines, by name of the line."""
    part = lines.query("model == 'network' and (bins == '' or (bins == 'cells-own' and scale == 'bulk'))")
    wide = part.pivot_table(index="line", columns="source", values="median").rename(index=names)
    return {f"from {source}": wide[source] for source in ("bulk", "pseudo-bulk")}


def errors_of_cells(held_out: HeldOutCells, n_boot: int, seed: int = 0) -> Found:
    """Errors and spreads of every way of predicting a line, with intervals over lines.

    Parameters
    ----------
    held_out : HeldOutCells
        Several networks, with all :data:`TREATMENTS`, and linear models.

    Returns
    -------
    Found
        Results ``cells.<way>.<model>.<metric>``, models "network" (one), "networks" (averaged), Ridge, PLS.
    """
    boot: dict[str, Any] = {"n_boot": n_boot, "seed": seed}
    at_lines = cell_metrics(held_out.lines, **boot)
    by_way = name_ways(at_lines, WAYS)
    rows = named(by_way[by_way["model"] == "network"], "cells.{way}.networks.{metric}")
    linear = by_way["model"].isin(["Ridge", "PLS"]) & by_way["way"].isin(_LINEAR_WAYS)
    rows += named(by_way[linear], "cells.{way}.{model}.{metric}")
    one = name_ways(
        cell_metrics(held_out.single, **boot), {way: WAYS[way] for way in ("cells", "cells in bulk bins")}
    )
    rows += named(one[one["model"] == "network"], "cells.{way}.{model}.{metric}")
    as_report = {"model": "network", "source": "cells", "bins": "cells-own", "scale": "bulk"}
    for way, change in (("pseudo-bulk", {}), ("pseudo-bulk in bulk bins", {"bins": "bulk-edges"})):
        first = as_report | change | {"source": "pseudo-bulk"}
        difference = cell_differences(held_out.lines, first, as_report | change, **boot)
        chosen = difference[difference["metric"] == "Spearman"]
        rows += named(chosen, f"cells.{way} minus cells.networks.{{metric}}")
    rows += _against(held_out.lines, boot)
    distinct = at_lines[(at_lines["model"] == "network") | at_lines["bins"].isin(["", "cells-own"])]
    table = distinct.pivot_table(
        index=["model", "source", "bins", "scale"], columns="metric", values="value", sort=False
    )
    return Found(results(rows), table[list(CELL_METRICS)])


def _against(lines: pd.DataFrame, boot: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Cells minus bulk profiles (R2), and network minus ridge (spread), under both treatments."""
    rows = []
    for way in ("cells", "cells in bulk bins"):
        cells = dict(zip(("source", "bins", "scale"), WAYS[way], strict=True)) | {"model": "network"}
        bulk = {"model": "network", "source": "bulk"}
        for other, name, metric in (
            (bulk, "networks-bulk of the same lines", "R2"),
            (cells | {"model": "Ridge"}, "networks-Ridge", "spread within lines"),
        ):
            difference = cell_differences(lines, cells, other, **boot)
            chosen = difference[difference["metric"] == metric]
            rows += named(chosen, f"cells.{way}.{name}.{{metric}}")
    return rows


def shares_of_spread(held_out: HeldOutCells) -> Found:
    """How much of the variance of the cells' predictions is line, how much cell."""
    parts = spread_of_cells(held_out.cells)
    rows = [
        result(
            f"cells.spread.{row.bins}, scaled by {row.scale}.share between lines",
            row.share_between,
            n=row.lines,
        )
        for row in parts.query("model == 'network'").itertuples()
    ]
    distinct = parts[(parts["model"] == "network") | (parts["bins"] == "cells-own")]
    return Found(results(rows), distinct.drop(columns=["drug", "source"]))


def reasons(inputs: Inputs, seed: int = 0, device: str = "cpu") -> tuple[Found, pd.DataFrame]:
    """Why a network might answer nearly the same for every cell: conditions, and an answer a hypothesis.

    Returns
    -------
    found : Found
        Results ``cells.reasons.<condition>.SD`` over the SD of the response; table of
        :func:`~helpers.studies.gpds.hypotheses.cell_hypotheses`.
    answers : DataFrame
        ``hypothesis``, ``question``, ``answer``, ``evidence``.
    """
    common, response = inputs.common, inputs.response
    train = common.loc[~inputs.with_cells & response.notna().to_numpy()]
    network = GPDSRegressor(random_state=seed, device=device)
    fitted = gpds_pipeline(network).fit(train, response.loc[train.index])
    cells = cell_expression(inputs.cells, list(common.columns))
    table = cell_hypotheses(fitted, cells, train, common.loc[inputs.with_cells], response, seed=seed)
    scale = table["sd"].iloc[0]
    rows = [
        result(f"cells.reasons.{row.condition}.SD", row.sd / scale, n=row.n)
        for row in table.dropna(subset="saturated_1").itertuples()
    ]
    return Found(results(rows), table), answer_reasons(table)


def answer_reasons(table: pd.DataFrame) -> pd.DataFrame:
    """Answer each hypothesis by a rule that was fixed with the table's conditions.

    The cells' answers count as narrow where their SD is below half of that of the response. H1 explains it
    if the answer to a cell whose genes are all in their lowest bin lies within a quarter SD of the cells'
    median; H2 and H3 if what they change leaves less than half of the cells' spread; H4 if held-out bulk
    profiles are answered as narrowly.
    """
    by = table.set_index("condition")
    scale = by["sd"].iloc[0]
    sd = by["sd"] / scale
    cells = by.loc["cells, as treated"]
    floor = by.loc["every gene in its lowest bin", "median"]
    shift = abs(floor - cells["median"]) / scale
    raw = min(sd["cells binned, not scaled"], sd["cells neither binned nor scaled"])
    shuffled = next(value for name, value in sd.items() if str(name).startswith("cells, genes in"))
    bulk, narrow = sd["bulk profiles of held-out lines"], sd["cells, as treated"]
    rows = [
        ("", "Are the cells answered narrowly?", narrow < 0.5, f"their SD is {narrow:.2f} of the response's"),
        (
            "H1",
            "Do zeros push every cell to one answer?",
            narrow < 0.5 and shift < 0.25,
            f"{cells['lowest']:.0%} of the inputs are in the lowest bin; the answer to all-lowest is "
            f"{shift:.2f} SD from the cells' median",
        ),
        (
            "H2",
            "Would cells that are not scaled or binned be answered with a constant?",
            raw < 0.5 * narrow,
            f"without scaling or binning the SD is {raw:.2f} or more",
        ),
        (
            "H3",
            "Would genes in another order?",
            shuffled < 0.5 * narrow,
            f"with shuffled genes the SD is {shuffled:.2f}",
        ),
        (
            "H4",
            "Is the network as narrow on bulk lines?",
            bulk < 0.5,
            f"on held-out bulk the SD is {bulk:.2f}",
        ),
    ]
    table = pd.DataFrame(rows, columns=["hypothesis", "question", "answer", "evidence"])
    return table.assign(answer=table["answer"].map({True: "yes", False: "no"}))
