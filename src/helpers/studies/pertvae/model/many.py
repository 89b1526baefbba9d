"""Many independent fits side by side."""

from __future__ import annotations

from typing import Any

from joblib import Parallel, delayed

from helpers.studies.pertvae.model.estimator import ProfileModel

Job = tuple[ProfileModel, dict[str, Any]]
#: Models that are fitted before the first of them predicts.
MODELS_PER_BATCH = 8


def fit_many(jobs: list[Job], n_jobs: int = 1) -> list[ProfileModel]:
    """Fit every (estimator, arguments of its ``fit``), ``n_jobs`` at a time, in threads."""
    return Parallel(n_jobs=n_jobs, prefer="threads")(
        delayed(estimator.fit)(**arguments) for estimator, arguments in jobs
    )
