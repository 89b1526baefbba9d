"""RefDNN: estimator, CPU and GPU engines, parameter layout."""

from helpers.models.refdnn.estimator import GPU_BATCH, RefDNNClassifier, fit_many
from helpers.models.refdnn.layout import Layout

__all__ = ["GPU_BATCH", "Layout", "RefDNNClassifier", "fit_many"]
