"""Record what a pair protocol found: table 1, differences over cell lines, the strongest predictor."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from helpers.chapter.chapter import Chapter
from helpers.studies.pertvae.comparison import (
    best_of,
    compare_all_drugs,
    compare_over_lines,
    summarise_lines,
    table_1,
)

_PRINTED = {("PertVAE", "rho"): "rho_pred", ("PertVAE reconstruction", "rho"): "rho_rec"}


def record_table_1(
    chapter: Chapter, dataset: str, scores: pd.DataFrame, prediction: str, reconstruction: str, seed: int = 0
) -> pd.DataFrame:
    """Record the paper's comparison of prediction and reconstruction, drug by drug.

    Ids: ``<dataset>.<drug>.<prediction>-<reconstruction>.rho (Mann-Whitney)`` with the paper's one-sided p
    on splits, and ``... (Holm)`` with the mean over lines, its bootstrap interval, and the signed-rank p
    adjusted over the drugs.

    Returns
    -------
    DataFrame
        :func:`helpers.studies.pertvae.comparison.table_1` with ``line_difference``, ``low``, ``high``,
        ``p_lines``, ``p_flip``, ``p_holm``, ``wins``.
    """
    table = table_1(scores, prediction, reconstruction)
    lines = compare_over_lines(scores, prediction, [reconstruction], seed=seed).set_index("drug")
    for drug, row in table.iterrows():
        id = f"{dataset}.{drug}.{prediction}-{reconstruction}.rho"
        note = "mean over splits; one-sided Mann-Whitney on dependent splits, as published"
        chapter.record(
            f"{id} (Mann-Whitney)",
            row["difference"],
            p=row["p"],
            n=row["splits"],
            unit="difference",
            note=note,
        )
        sound = lines.loc[drug]
        chapter.record(
            f"{id} (Holm)",
            sound["difference"],
            low=sound["low"],
            high=sound["high"],
            p=sound["p_holm"],
            n=sound["n"],
            unit="difference",
            note="mean over lines; signed-rank test, Holm over drugs",
        )
    sound = lines.rename(columns={"difference": "line_difference", "p": "p_lines"})
    return table.join(sound[["line_difference", "low", "high", "p_lines", "p_flip", "p_holm", "wins"]])


def record_lines(
    chapter: Chapter, dataset: str, scores: pd.DataFrame, n_boot: int = 2000, seed: int = 0
) -> pd.DataFrame:
    """Record ``<dataset>.<drug>.<model>.<metric>``, means over lines; return the summary.

    Where table 1 of the paper has the drug, its number stands beside ours.
    """
    summary = summarise_lines(scores, n_boot, seed)
    for row in summary.itertuples():
        name = "".join(letter for letter in row.drug.lower() if letter.isalnum())
        printed = chapter.published.get(f"pertvae.t1.{name}.{_PRINTED.get((row.model, row.metric))}")
        chapter.record(
            f"{dataset}.{row.drug}.{row.model}.{row.metric}",
            row.value,
            low=row.low,
            high=row.high,
            n=row.n,
            seeds=row.seeds,
            published=printed.mean if printed else None,
        )
    return summary


def record_differences_over_lines(
    chapter: Chapter,
    dataset: str,
    scores: pd.DataFrame,
    first: str,
    others: Sequence[str],
    metrics: Sequence[str],
    *,
    protocol: str = "all drugs",
    by_drug: bool = True,
    n_boot: int = 2000,
    seed: int = 0,
) -> pd.DataFrame:
    """Record ``<dataset>.<protocol>.<first>-<other>.<metric>``, and one for each drug if asked.

    Returns
    -------
    DataFrame
        The comparisons over all drugs, with ``metric``.
    """
    tables = []
    for metric in metrics:
        overall = compare_all_drugs(scores, first, others, metric, n_boot, seed)
        _record(chapter, f"{dataset}.{protocol}", first, overall, metric)
        if by_drug:
            for drug, part in compare_over_lines(scores, first, others, metric, n_boot, seed).groupby("drug"):
                _record(chapter, f"{dataset}.{drug}", first, part, metric)
        tables.append(overall.assign(metric=metric))
    return pd.concat(tables, ignore_index=True)


def record_strongest(
    chapter: Chapter,
    dataset: str,
    summary: pd.DataFrame,
    overall: pd.DataFrame,
    first: str,
    rivals: Sequence[str],
    *,
    protocol: str = "all drugs",
) -> dict[str, str]:
    """Record the difference to the best rival as ``<dataset>.<protocol>.<first>-strongest.<metric>``.

    Returns
    -------
    dict
        Name of the best rival (by its mean over drugs) by metric.
    """
    best = {}
    for metric, part in overall.groupby("metric", sort=False):
        best[metric] = best_of(summary, rivals, metric)
        row = part[part["model"] == best[metric]].assign(model="strongest")
        _record(chapter, f"{dataset}.{protocol}", first, row, metric, f"strongest by mean: {best[metric]}")
    return best


def _record(
    chapter: Chapter, prefix: str, first: str, table: pd.DataFrame, metric: str, note: str | None = None
) -> None:
    for row in table.to_dict("records"):
        chapter.record(
            f"{prefix}.{first}-{row['model']}.{metric}",
            row["difference"],
            low=row["low"],
            high=row["high"],
            p=row["p"],
            n=row["n"],
            unit="difference",
            note=note,
        )
