"""Own data and own models in the book's protocols: every contender in the same folds, one ranking."""

from helpers.bench.contenders import baselines, estimator
from helpers.bench.job import bench
from helpers.bench.ranking import SPLITS, TARGETS, Ranking, rank

__all__ = ["SPLITS", "TARGETS", "Ranking", "baselines", "bench", "estimator", "rank"]
