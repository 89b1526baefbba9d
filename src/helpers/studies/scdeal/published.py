"""The authors' own numbers read again: what the published scores are the best of."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from helpers.errors import DataError
from helpers.studies.scdeal.metrics import constant_f1

#: The six data sets of the study, as their published ids spell them.
SETS = ("gse110894", "gse112274", "gse117872_hn120", "gse117872_hn137", "gse140440", "gse149383")


def published_grid(numbers: Mapping[str, float]) -> pd.DataFrame:
    """Collect the authors' grids of runs, data set by data set.

    Parameters
    ----------
    numbers : mapping of published id to value
        ``data/scdeal/published.json``.

    Returns
    -------
    DataFrame
        Index: the six data sets. ``best F1`` and ``upper quartile F1`` of all runs (chosen and scored with
        the labels of the cells), ``constant F1`` (the better answer that is the same for all cells, from
        the share of sensitive cells; NaN where that share is not known), ``prevalence`` (chance level of
        average precision), ``median AP`` of all runs, ``best AP before`` and ``best AP after`` transfer,
        ``ten seeds F1`` and ``ten seeds AUROC`` of an independent re-run.

    Raises
    ------
    DataError
        If a number is missing.
    """
    columns = {
        "best F1": "scdeal_f1grid_max_{}",
        "upper quartile F1": "scdeal_f1grid_q75_{}",
        "median AP": "scdeal_apgrid_median_{}",
        "best AP before": "scdeal_apgrid_maxbefore_{}",
        "best AP after": "scdeal_apgrid_maxafter_{}",
        "ten seeds F1": "scdeal_10seed_{}_after_f1",
        "ten seeds AUROC": "scdeal_10seed_{}_after_auroc",
    }
    missing = [i.format(s) for i in columns.values() for s in SETS if i.format(s) not in numbers]
    if missing:
        msg = f"{len(missing)} published number(s) are missing, first {missing[0]!r}"
        raise DataError(msg)
    table = pd.DataFrame({name: [numbers[i.format(s)] for s in SETS] for name, i in columns.items()}, SETS)
    prevalence = pd.Series({s: numbers.get(f"prevalence_{s}") for s in SETS}, dtype=float)
    table.insert(2, "constant F1", [constant_f1(p) if p == p else p for p in prevalence])
    table.insert(3, "prevalence", prevalence)
    return table


def grid_findings(grid: pd.DataFrame) -> pd.DataFrame:
    """Say what the published grid amounts to, as results: ``id``, ``value``, ``n``, ``note``."""
    known = grid.dropna(subset="constant F1")
    worse = (known["upper quartile F1"] < known["constant F1"]).sum()
    at_chance = (known["median AP"] <= known["prevalence"] + 0.01).sum()
    rows = [
        ("scdeal_f1grid_max_mean6", grid["best F1"].mean(), 6, "from the authors' table of runs"),
        ("scdeal_f1grid_q75_mean6", grid["upper quartile F1"].mean(), 6, None),
        ("published.grid.runs.median AP", grid["median AP"].mean(), 6, None),
        ("published.grid.best before.AP", grid["best AP before"].mean(), 6, None),
        ("published.grid.best after.AP", grid["best AP after"].mean(), 6, None),
        (
            "published.grid.upper quartile below constant",
            worse,
            len(known),
            "data sets in which three quarters of the runs are worse than a constant answer",
        ),
        (
            "published.grid.median below prevalence",
            at_chance,
            len(known),
            "data sets whose median run is at or below chance in average precision",
        ),
    ]
    return pd.DataFrame(rows, columns=["id", "value", "n", "note"])
