"""Figures 1 to 3: scores of the models of a protocol, beside the paper's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from helpers.claims.published import Published
from helpers.claims.results import Result
from helpers.plots import agreement, metric_bars
from helpers.studies.refdnn.comparisons import METRICS, Compared
from helpers.studies.refdnn.plots.boxes import paired_boxes


def published_bars(
    found: Compared, data: str, models: Sequence[str], published: Mapping[str, Published], *, title: str
) -> Figure:
    """Draw mean and SD over folds of some models, published values as open markers (figure 1).

    Below a metric stands what the paper's test says of RefDNN against each other model, in their order.

    Parameters
    ----------
    found : Compared
        From :func:`helpers.studies.refdnn.comparisons.compare_over_folds`.
    data : str
        Data set.
    models : sequence of str
    published : mapping
        Published numbers by id, ``<data>.nested_cv.<model>.<metric>``; missing ones are left out.
    title : str
    """
    shown = found.summary.query("data == @data and model in @models and metric in @METRICS")
    shown = shown.assign(low=shown["value"] - shown["sd"], high=shown["value"] + shown["sd"])
    ids = {(m, k): f"{data}.nested_cv.{m}.{k}" for m in models for k in METRICS}
    reported = [(*key, published[id].mean) for key, id in ids.items() if id in published]
    figure = metric_bars(
        shown,
        pd.DataFrame(reported, columns=["model", "metric", "value"]),
        title=title,
        errors=f"SD over {shown['n'].iloc[0]} folds",
    )
    tested = found.differences.query("data == @data and test == ' (Welch)'").set_index(["metric", "model"])[
        "p"
    ]
    metrics = list(shown["metric"].unique())
    marks = ["  ".join(significance(tested.get((k, m), np.nan)) for m in models[1:]) for k in metrics]
    labels = [f"{metric}\n{mark}" for metric, mark in zip(metrics, marks, strict=True)]
    figure.axes[0].set_xticks(range(len(metrics)), labels)
    return figure


def significance(p: float) -> str:
    """Return the paper's mark of an adjusted p-value: ``**`` below 0.01, ``*`` below 0.05, else ``ns``."""
    if not np.isfinite(p):
        return ""
    return "**" if p < 0.01 else "*" if p < 0.05 else "ns"


def group_boxes(
    scores: pd.DataFrame,
    data: str,
    metric: str,
    models: Sequence[str],
    *,
    unit: str,
    found: Compared,
    other: str = "",
) -> Figure:
    """Draw a box a model over left-out groups, seeds averaged (figures 2 and 3).

    The title says what RefDNN is ahead of ``other``.

    Parameters
    ----------
    scores : DataFrame
        From :func:`helpers.studies.refdnn.comparisons.metric_table`.
    data, metric : str
    models : sequence of str
        RefDNN first.
    unit : str
        What is left out, e.g. ``"drugs"``.
    found : Compared
        Of these groups. Where the paper tested, its adjusted p-values are written.
    other : str
        Default: the strongest rival of this metric.
    """
    shown = scores.query("data == @data and metric == @metric and model in @models")
    wide = shown.pivot_table(index="fold", columns="model", values="value", dropna=False)[list(models)]
    tested = found.differences.query("data == @data and metric == @metric and test == ' (Wilcoxon)'")
    p_values = tested.query("model in @models").set_index("model")["p"].to_dict()
    title = f"{unit.capitalize()} left out. {found.finding(data, metric, other)}"
    return paired_boxes(wide, title=title, ylabel=metric, unit=unit, p_values=p_values)


def published_agreement(results: Mapping[str, Result], protocols: Sequence[str], *, title: str) -> Figure:
    """Draw recomputed against published scores of all results of some protocols."""
    shown = [
        (result.published, result.value, id.split(".")[2])
        for id, result in results.items()
        if result.published is not None and id.split(".")[1] in protocols
    ]
    return agreement(pd.DataFrame(shown, columns=["published", "ours", "model"]), title=title)
