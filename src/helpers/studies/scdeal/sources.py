"""The two sources of the authors' bulk lines, GDSC and CCLE: how far their labels agree, and what each gives.

The public code joins rows of both, so that a line may stand twice, with two labels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pandas as pd
from sklearn.metrics import cohen_kappa_score

from helpers.checks import check_names
from helpers.studies.scdeal.labels import LineLabels
from helpers.studies.scdeal.published import SETS
from helpers.studies.scdeal.tasks import TransferTask

SOURCES = ("GDSC", "CCLE")
# Fewest lines of a class: fewer may leave a part of a random split without any.
_FEWEST = 10


def by_source(lines: LineLabels, drug: str) -> pd.DataFrame:
    """Labels of the panel's lines in the authors' table by the source of the row.

    Returns
    -------
    DataFrame, lines x ("GDSC", "CCLE")
        1 = resistant, 0 = sensitive, NaN where that source has no row of the line.
    """
    column, index = lines.authors.column(drug), lines.panel.lines.index.to_series()
    numbers = lines.panel.lines["cosmic_id"]
    # A line without a number, or whose own name is one of GDSC, has no row there or here.
    rows = {
        "GDSC": ("DATA." + numbers).where(numbers != ""),
        "CCLE": index.where(index.str.startswith("ACH")),
    }
    return pd.DataFrame({name: column.reindex(own).set_axis(index.index) for name, own in rows.items()})


def compare_sources(lines: LineLabels, drugs: Sequence[str]) -> pd.DataFrame:
    """Compare the labels that the two sources give to the same lines.

    Returns
    -------
    DataFrame
        ``drug``; lines of the panel and share of sensitive ones by each source; ``n`` (lines in both),
        ``agreement`` (share of equal labels) and ``value`` (Cohen's kappa: 0 where they agree as often as
        chance makes labels of these shares agree, 1 where always). Drugs without a line in both are left out.
    """
    rows = []
    for drug in dict.fromkeys(check_names(drugs, "drugs")):
        labels = by_source(lines, drug)
        both = labels.dropna()
        if len(both):
            about = {f"lines, {name}": labels[name].count() for name in SOURCES}
            about |= {f"sensitive, {name}": 1 - labels[name].mean() for name in SOURCES}
            same = (both["GDSC"] == both["CCLE"]).mean()
            kappa = cohen_kappa_score(both["GDSC"], both["CCLE"])
            rows.append({"drug": drug, **about, "n": len(both), "agreement": same, "value": kappa})
    return pd.DataFrame(rows)


def with_source(tasks: Sequence[TransferTask], lines: LineLabels) -> Mapping[str, list[TransferTask]]:
    """Give each task the labels of one source, on the lines that both have where any line has both.

    Returns
    -------
    dict
        Source to tasks; a task is left out of both where one leaves a class with fewer than ten lines.
    """
    found: dict[str, list[TransferTask]] = {name: [] for name in SOURCES}
    for task in tasks:
        labels = by_source(lines, task.drug).reindex(task.bulk_x.index)
        labels = labels.dropna() if labels.notna().all(axis=1).any() else labels
        own = {name: 1 - labels[name].dropna() for name in SOURCES}
        if all(min(y.sum(), len(y) - y.sum()) >= _FEWEST for y in own.values()):
            for name, y in own.items():
                bulk = {"bulk_x": task.bulk_x.loc[y.index], "bulk_sensitive": y.to_numpy(int)}
                found[name].append(replace(task, **bulk))
    return found


def published_medians(numbers: Mapping[str, float]) -> pd.DataFrame:
    """Give the median average precision of the authors' repeats: data sets x sources, the mean last."""
    names = {"both": "gdsc_ccle", "GDSC": "gdsc", "CCLE": "ccle"}
    ids = {name: [f"scdeal_repeat_median_{one}_{source}" for one in SETS] for name, source in names.items()}
    table = pd.DataFrame({name: [numbers[i] for i in own] for name, own in ids.items()}, list(SETS))
    table.loc["mean"] = table.mean()
    return table
