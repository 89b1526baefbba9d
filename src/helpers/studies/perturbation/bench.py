"""What chapter 04 enters into ``helpers bench``: predictors of changes, and the six networks."""

from __future__ import annotations

from typing import Any

from helpers.evaluation.protocol import Model
from helpers.studies.perturbation import predictors


def contenders(job: Any, *, networks: bool) -> list[Model]:
    """Return the models for a table of changes; the one of structures where every compound has one."""
    if job.kind != "changes":
        return []
    rows = job.data.table
    simple = predictors.simple_predictors(structures=bool((rows["smiles"] != rows["compound"]).all()))
    return [*simple, *(predictors.networks() if networks else [])]
