"""The GPDS study: gene filter, binning, two-layer network, and what its weights say about genes."""

from helpers.studies.gpds.model.attributions import (
    ATTRIBUTIONS,
    gene_scores,
    input_gradients,
    integrated_gradients,
    olden,
    out_of_range,
    saturation,
)
from helpers.studies.gpds.model.binning import EqualFrequencyBinner
from helpers.studies.gpds.model.estimator import (
    GRID,
    PUBLISHED,
    GPDSRegressor,
    fit_many,
    gpds_pipeline,
    gpds_preprocessing,
    grid_candidates,
)
from helpers.studies.gpds.model.filters import MeanVarianceFilter
from helpers.studies.gpds.model.network import Network

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
