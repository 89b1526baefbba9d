"""RefDNN: estimator, CPU and GPU engines, parameter layout."""

from helpers.studies.refdnn.model.estimator import GPU_BATCH, RefDNNClassifier, fit_many
from helpers.studies.refdnn.model.layout import Layout

__all__ = ["GPU_BATCH", "Layout", "RefDNNClassifier", "fit_many"]
