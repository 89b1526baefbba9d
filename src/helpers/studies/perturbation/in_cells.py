"""Scores of a model in single cells: against all rows, against others there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from helpers.checks import check_names, check_records, refuse
from helpers.studies.perturbation.comparison import Bootstrap


def compare_in_cells(
    scores: pd.DataFrame,
    unit: str,
    model: str,
    rivals: Mapping[str, Sequence[str]],
    metric: str,
    *,
    cells: Sequence[str] | None = None,
    n_boot: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """Compare a model's score in single cells with its score over all rows, or with others there.

    Parameters
    ----------
    scores, unit, n_boot, seed
        As in :func:`helpers.studies.perturbation.comparison.summarise_models`.
    model : str
    rivals : mapping of a name to models
        The model is compared with their mean score in the same cell; without any, with its own over all rows.
    metric : str
    cells : sequence of str, optional
        Default: all.

    Returns
    -------
    DataFrame
        ``what`` (``"A-NAME.METRIC in CELL"``, or ``"A.METRIC in CELL minus NAME"`` against all rows),
        ``value``, ``low``, ``high``, ``p``, ``n`` (units in the cell), ``unit`` (``"difference"``).

    Raises
    ------
    DataError
        If a model has no row in a cell, or there is no cell, or no rival.
    """
    check_records(scores, ("model", "cell"), (), "scores")
    others_of = [check_names(names, f"rivals {name!r}") for name, names in rivals.items()]
    if not others_of or (cells is not None and not check_names(cells, "cells")):
        refuse("compare_in_cells", "there is no cell, or no rival, to compare with")
    table = scores[scores["model"].isin({model}.union(*rivals.values()))]
    cells = sorted(table["cell"].unique()) if cells is None else cells
    here = table[table["cell"].isin(cells)]
    # A model in a cell is resampled as one more model, so that every difference is paired.
    boot = Bootstrap(
        pd.concat([table, here.assign(model=here["model"] + " in " + here["cell"])]), unit, n_boot, seed
    )
    units = here.groupby("cell")[unit].nunique()
    rows = []
    for cell in cells:
        own, draws = boot.metric(f"{model} in {cell}", metric)
        for name, others in rivals.items():
            compared = [f"{other} in {cell}" for other in others] or [model]
            values, resampled = zip(*(boot.metric(one, metric) for one in compared), strict=True)
            found = boot.difference(own - float(np.mean(values)), draws - np.mean(resampled, axis=0))
            what = (
                f"{model}-{name}.{metric} in {cell}" if others else f"{model}.{metric} in {cell} minus {name}"
            )
            limits = {"low": found.low, "high": found.high, "p": found.p, "n": int(units[cell])}
            rows.append({"what": what, "value": found.difference, **limits, "unit": "difference"})
    return pd.DataFrame(rows)
