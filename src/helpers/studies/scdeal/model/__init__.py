"""scDEAL: response of single cells from bulk lines by deep transfer, in two readings."""

from helpers.studies.scdeal.model.clusters import cell_clusters
from helpers.studies.scdeal.model.estimator import ScDEAL, fit_many
from helpers.studies.scdeal.model.losses import cluster_dissimilarity, cross_entropy, mmd
from helpers.studies.scdeal.model.pipeline import Fitted
from helpers.studies.scdeal.model.settings import CHOICES, READINGS

__all__ = [
    "CHOICES",
    "READINGS",
    "Fitted",
    "ScDEAL",
    "cell_clusters",
    "cluster_dissimilarity",
    "cross_entropy",
    "fit_many",
    "mmd",
]
