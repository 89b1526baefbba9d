"""Record a single comparison; tables are recorded by :meth:`helpers.chapter.Chapter.record_table`."""

from __future__ import annotations

from helpers.chapter.chapter import Chapter
from helpers.evaluation.statistics import Comparison


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
