"""The GPDS study: gene filter, binning, two-layer network, and what its weights say about genes."""

from helpers.models.gpds.attributions import (
    ATTRIBUTIONS,
    gene_scores,
    input_gradients,
    integrated_gradients,
    olden,
    out_of_range,
    saturation,
)
from helpers.models.gpds.binning import EqualFrequencyBinner
from helpers.models.gpds.estimator import (
    GRID,
    PUBLISHED,
    GPDSRegressor,
    fit_many,
    gpds_pipeline,
    gpds_preprocessing,
    grid_candidates,
)
from helpers.models.gpds.filters import MeanVarianceFilter
from helpers.models.gpds.network import Network

__all__ = [
    "ATTRIBUTIONS",
    "GRID",
    "PUBLISHED",
    "EqualFrequencyBinner",
    "GPDSRegressor",
    "MeanVarianceFilter",
    "Network",
    "fit_many",
    "gene_scores",
    "gpds_pipeline",
    "gpds_preprocessing",
    "grid_candidates",
    "input_gradients",
    "integrated_gradients",
    "olden",
    "out_of_range",
    "saturation",
]
