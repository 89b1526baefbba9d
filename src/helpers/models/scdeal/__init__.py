"""scDEAL: response of single cells from bulk lines by deep transfer, in two readings."""

from helpers.models.scdeal.attribution import integrated_gradients
from helpers.models.scdeal.clusters import cell_clusters
from helpers.models.scdeal.estimator import ScDEAL, fit_many
from helpers.models.scdeal.losses import cluster_dissimilarity, cross_entropy, mmd
from helpers.models.scdeal.pipeline import Fitted
from helpers.models.scdeal.published import BEST, GRID
from helpers.models.scdeal.settings import CHOICES, READINGS

__all__ = [
    "BEST",
    "CHOICES",
    "GRID",
    "READINGS",
    "Fitted",
    "ScDEAL",
    "cell_clusters",
    "cluster_dissimilarity",
    "cross_entropy",
    "fit_many",
    "integrated_gradients",
    "mmd",
]
