"""Many independent fits of PertVAE or the plain VAE at once."""

from __future__ import annotations

from typing import Any

from joblib import Parallel, delayed

from helpers.errors import ParameterError
from helpers.studies.pertvae.model.base import ProfileModel
from helpers.studies.pertvae.model.trainer import fit_batch
from helpers.training.guards import one_thread

#: Models a batch. At the published sizes a model trains in about 50 MB.
MODELS_PER_BATCH = 8

Job = tuple[ProfileModel, dict[str, Any]]


def fit_many(jobs: list[Job], n_jobs: int = 1) -> list[ProfileModel]:
    """Fit many models at once: splits, drugs, seeds, latent sizes.

    Models that agree in architecture and schedule share a model axis, ``MODELS_PER_BATCH`` at a time;
    latent size, penalty, seed and data may differ. Every model has its own early stopping.

    Parameters
    ----------
    jobs : list of (estimator, arguments)
        ``arguments`` are those of the estimator's ``fit``, by name.
    n_jobs : int
        Batches that train side by side, in threads. The result does not depend on it.

    Returns
    -------
    list of estimators
        Those of ``jobs``, fitted, with the numbers that separate fits would give (up to rounding).

    Examples
    --------
    >>> jobs = [(PertVAE(random_state=i), {"pre": pre, "post": post}) for i in range(10)]  # doctest: +SKIP
    >>> models = fit_many(jobs, n_jobs=2)  # doctest: +SKIP
    """
    if len({id(estimator) for estimator, _ in jobs}) < len(jobs):
        msg = "every job needs an estimator of its own; use sklearn.base.clone"
        raise ParameterError(msg)
    tasks = [(estimator._task(**arguments), estimator._device()) for estimator, arguments in jobs]
    groups: dict[tuple, list[int]] = {}
    for i, (task, device) in enumerate(tasks):
        groups.setdefault((task.arch, task.schedule, device), []).append(i)
    chunks = [
        g[i : i + MODELS_PER_BATCH] for g in groups.values() for i in range(0, len(g), MODELS_PER_BATCH)
    ]
    with one_thread():
        results = Parallel(n_jobs=n_jobs, prefer="threads")(
            delayed(fit_batch)([tasks[i][0] for i in chunk], tasks[chunk[0]][1]) for chunk in chunks
        )
    for chunk, fitted in zip(chunks, results, strict=True):
        for i, one in zip(chunk, fitted, strict=True):
            jobs[i][0]._finish(one)
    return [estimator for estimator, _ in jobs]
