"""Record what the protocols of chapter 03 found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from helpers.chapter.chapter import Chapter

METRICS = ("R2", "MSE/constant", "Spearman", "spread within lines", "spread between lines")


def record_cell_metrics(
    chapter: Chapter,
    table: pd.DataFrame,
    ways: Mapping[str, tuple[str, str, str]],
    *,
    model: str,
    name: str,
    metrics: Sequence[str] = METRICS,
    prefix: str = "breast-atlas",
) -> None:
    """Record the errors of one model's predictions under ``<prefix>.<way>.<name>.<metric>``.

    Parameters
    ----------
    chapter : Chapter
    table : DataFrame
        :func:`helpers.studies.gpds.heldout_cells.cell_metrics`.
    ways : mapping of label to (source, bins, scale)
        Ways of looking at a line that are recorded.
    model, name : str
        Model in the table, and what to call it.
    metrics : sequence of str
        Undefined values are left out.
    prefix : str
    """
    rows = table[(table["model"] == model) & table["metric"].isin(metrics)].dropna(subset="value")
    for label, way in ways.items():
        for row in rows[(rows[["source", "bins", "scale"]] == way).all(axis=1)].itertuples():
            chapter.record(
                f"{prefix}.{label}.{name}.{row.metric}", row.value, low=row.low, high=row.high, n=row.n
            )


def record_gains(chapter: Chapter, prefix: str, gains: pd.DataFrame, *, name: str | None = None) -> None:
    """Record gains of one gene list over another under ``<prefix>.<first>-<second>.Spearman``.

    Parameters
    ----------
    chapter : Chapter
    prefix : str
    gains : DataFrame
        :func:`helpers.studies.gpds.drug_ranking.list_gains`; the p-value adjusted by Holm is recorded.
    name : str, optional
        Stands for the name of the second list, which then goes into the note.
    """
    for row in gains.itertuples():
        chapter.record(
            f"{prefix}.{row.first}-{name or row.second}.Spearman",
            row.gain,
            low=row.low,
            high=row.high,
            p=row.p_holm,
            n=row.n_drugs,
            unit="difference",
            note=f"{name}: {row.second}" if name else None,
        )
