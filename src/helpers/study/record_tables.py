"""Record the rows of summary and comparison tables as results."""

from __future__ import annotations

import pandas as pd

from helpers.study.recorder import Study


def record_summary(
    study: Study,
    prefix: str,
    summary: pd.DataFrame,
    *,
    published_field: str = "mean",
    note: str | None = None,
) -> None:
    """Record every row of a summary under ``<prefix>.<model>.<metric>``.

    Parameters
    ----------
    study : Study
    prefix : str
        Data set and protocol, e.g. ``"CCLE.nested_cv"``.
    summary : DataFrame
        ``model``, ``metric``, ``value``, ``low``, ``high``, ``n``, ``seeds``
        (:func:`helpers.evaluation.comparison.summarise_folds` or ``summarise_groups``).
    published_field : {"mean", "median"}
        Which published number the values correspond to.
    note : str, optional
    """
    for row in summary.itertuples():
        study.record(
            f"{prefix}.{row.model}.{row.metric}",
            row.value,
            low=row.low,
            high=row.high,
            n=row.n,
            seeds=row.seeds,
            published_field=published_field,
            note=note,
        )


def record_differences(
    study: Study,
    prefix: str,
    reference: str,
    comparisons: pd.DataFrame,
    *,
    suffix: str = "",
    value: str = "difference",
    p: str = "p",
    interval: bool = True,
    note: str | None = None,
) -> None:
    """Record every row of a comparison under ``<prefix>.<reference>-<model>.<metric><suffix>``.

    Parameters
    ----------
    study, prefix
        As in :func:`record_summary`.
    reference : str
        Model that the others are subtracted from.
    comparisons : DataFrame
        ``model``, ``metric``, ``n``, and the columns named by ``value`` and ``p``
        (:func:`helpers.evaluation.comparison.compare_folds` or ``compare_groups``).
    suffix : str
        Tells several comparisons of the same pair apart, e.g. ``" (Welch)"``.
    value, p : str
        Columns of the difference and its p-value.
    interval : bool
        Whether ``low`` and ``high`` belong to that difference.
    note : str, optional
    """
    for row in comparisons.to_dict("records"):
        study.record(
            f"{prefix}.{reference}-{row['model']}.{row['metric']}{suffix}",
            row[value],
            low=row["low"] if interval else None,
            high=row["high"] if interval else None,
            p=row[p],
            n=row["n"],
            unit="difference",
            note=note,
        )


def record_strongest(
    study: Study, prefix: str, reference: str, comparisons: pd.DataFrame, metric: str, model: str
) -> None:
    """Record the difference to the strongest baseline under ``<prefix>.<reference>-strongest.<metric>``."""
    row = comparisons[(comparisons["model"] == model) & (comparisons["metric"] == metric)]
    record_differences(
        study,
        prefix,
        reference,
        row.assign(model="strongest"),
        note=f"strongest baseline that the study left out, by {metric}: {model}",
    )
