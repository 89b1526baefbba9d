"""Record what a protocol found: summaries, differences, the paper's own tests, the strongest rival."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from helpers.chapter.chapter import Chapter
from helpers.evaluation.comparison import (
    bonferroni_family,
    compare_folds,
    compare_groups,
    published_family,
    strongest,
    summarise_folds,
    summarise_groups,
)
from helpers.evaluation.statistics import Comparison


@dataclass(frozen=True)
class Family:
    """Models and metrics that a chapter tested against its own model, and corrected for together."""

    models: Sequence[str]
    metrics: Sequence[str]


def record_folds(
    chapter: Chapter,
    prefix: str,
    metrics: pd.DataFrame,
    test_ratio: float,
    *,
    reference: str = "RefDNN",
    family: Family | None = None,
    rivals: Sequence[str] = (),
    rival_metrics: Sequence[str] = ("AUCROC", "AUCPR", "AUCROC within drug"),
    rival_name: str = "strongest",
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Record a comparison over random folds.

    Parameters
    ----------
    chapter : Chapter
    prefix : str
        Data set and protocol, e.g. ``"CCLE.nested_cv"``; ids are ``<prefix>.<model>.<metric>`` and
        ``<prefix>.<reference>-<model>.<metric>``.
    metrics : DataFrame
        :meth:`OutOfFold.metrics`.
    test_ratio : float
        Test pairs over training pairs of a fold.
    reference : str
        Model that the others are subtracted from.
    family : Family, optional
        Also record Welch's test with Benjamini-Hochberg's correction over the family, under
        ``<id> (Welch)``.
    rivals : sequence of str
        Of these models the one with the best mean is recorded once more as ``<reference>-<rival_name>``.
    rival_metrics : sequence of str
    rival_name : str

    Returns
    -------
    summary, comparisons : DataFrame
        :func:`summarise_folds` and :func:`compare_folds`.
    """
    summary = summarise_folds(metrics, test_ratio)
    comparisons = compare_folds(metrics, reference, test_ratio)
    record_summary(chapter, prefix, summary)
    record_differences(chapter, prefix, reference, comparisons)
    if family is not None:
        adjusted = published_family(comparisons, family.models, family.metrics)
        adjusted = adjusted.assign(difference=adjusted["welch_difference"], p=adjusted["p_adjusted"])
        record_differences(chapter, prefix, reference, adjusted, suffix=" (Welch)", interval=False)
    if rivals:
        _record_rivals(chapter, prefix, reference, summary, comparisons, rivals, rival_metrics, rival_name)
    return summary, comparisons


def record_groups(
    chapter: Chapter,
    prefix: str,
    metrics: pd.DataFrame,
    *,
    reference: str = "RefDNN",
    family: Family | None = None,
    rivals: Sequence[str] = (),
    rival_metrics: Sequence[str] = ("AUCROC", "AUCPR"),
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Record a comparison over left-out groups.

    As :func:`record_folds`, with medians over groups, Hodges-Lehmann intervals, and for a family the
    chapter's Wilcoxon test with Bonferroni's correction, under ``<id> (Wilcoxon)``.
    """
    summary, comparisons = summarise_groups(metrics), compare_groups(metrics, reference)
    record_summary(chapter, prefix, summary, published_field="median")
    record_differences(chapter, prefix, reference, comparisons)
    if family is not None:
        adjusted = bonferroni_family(comparisons, family.models, family.metrics)
        adjusted = adjusted.assign(difference=adjusted["median_difference"], p=adjusted["p_adjusted"])
        record_differences(chapter, prefix, reference, adjusted, suffix=" (Wilcoxon)", interval=False)
    if rivals:
        _record_rivals(chapter, prefix, reference, summary, comparisons, rivals, rival_metrics, "strongest")
    return summary, comparisons


def record_comparison(
    chapter: Chapter,
    id: str,
    comparison: Comparison,
    *,
    unit: str | None = "difference",
    note: str | None = None,
) -> None:
    """Record one :class:`Comparison` under ``id``."""
    c = comparison
    chapter.record(id, c.difference, low=c.low, high=c.high, p=c.p, n=c.n, unit=unit, note=note)


def record_summary(
    chapter: Chapter,
    prefix: str,
    summary: pd.DataFrame,
    *,
    published_field: str = "mean",
    note: str | None = None,
) -> None:
    """Record every row of a summary under ``<prefix>.<model>.<metric>``.

    Parameters
    ----------
    chapter : Chapter
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
        chapter.record(
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
    chapter: Chapter,
    prefix: str,
    reference: str,
    comparisons: pd.DataFrame,
    *,
    suffix: str = "",
    interval: bool = True,
    note: str | None = None,
) -> None:
    """Record every row of a comparison under ``<prefix>.<reference>-<model>.<metric><suffix>``.

    Parameters
    ----------
    chapter, prefix
        As in :func:`record_summary`.
    reference : str
        Model that the others are subtracted from.
    comparisons : DataFrame
        ``model``, ``metric``, ``difference``, ``low``, ``high``, ``p``, ``n``
        (:func:`helpers.evaluation.comparison.compare_folds` or ``compare_groups``).
    suffix : str
        Tells several comparisons of the same pair apart, e.g. ``" (Welch)"``.
    interval : bool
        Whether ``low`` and ``high`` belong to that difference.
    note : str, optional
    """
    for row in comparisons.to_dict("records"):
        chapter.record(
            f"{prefix}.{reference}-{row['model']}.{row['metric']}{suffix}",
            row["difference"],
            low=row["low"] if interval else None,
            high=row["high"] if interval else None,
            p=row["p"],
            n=row["n"],
            unit="difference",
            note=note,
        )


def _record_rivals(
    chapter: Chapter,
    prefix: str,
    reference: str,
    summary: pd.DataFrame,
    comparisons: pd.DataFrame,
    rivals: Sequence[str],
    metrics: Sequence[str],
    name: str,
) -> None:
    for metric in metrics:
        best = strongest(summary, rivals, metric)
        row = comparisons[(comparisons["model"] == best) & (comparisons["metric"] == metric)]
        record_differences(
            chapter, prefix, reference, row.assign(model=name), note=f"{name} by mean {metric}: {best}"
        )
