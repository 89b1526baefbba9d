"""Single cells of the studies themselves."""

from __future__ import annotations

from anndata import AnnData

from helpers.datasets.sources import Sources

#: Registry keys of each data set.
FILES: dict[str, tuple[str, ...]] = {}


def load_paper(name: str, sources: Sources) -> AnnData:
    """Build a data set from the study's own files."""
    raise NotImplementedError
