"""DepMap 24Q4 expression with the release of GDSC2."""

from __future__ import annotations

from helpers.datasets.sources import Sources
from helpers.datasets.types import BulkPanel

#: Registry keys of each data set.
FILES: dict[str, tuple[str, ...]] = {}


def load_paper(sources: Sources) -> BulkPanel:
    """Build a data set from the study's own files."""
    raise NotImplementedError
