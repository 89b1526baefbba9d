"""Own data and own models in the book's protocols: every contender in the same folds, one ranking."""

from helpers.bench.cells import cells_job
from helpers.bench.changes import changes_job
from helpers.bench.contenders import baselines, estimator, of_studies
from helpers.bench.job import bench, cells_of, changes_of, pairs_of
from helpers.bench.pairs import SPLITS, TARGETS, pairs_job
from helpers.bench.ranking import Job, Ranking, rank

__all__ = [
    "SPLITS",
    "TARGETS",
    "Job",
    "Ranking",
    "baselines",
    "bench",
    "cells_job",
    "cells_of",
    "changes_job",
    "changes_of",
    "estimator",
    "of_studies",
    "pairs_job",
    "pairs_of",
    "rank",
]
