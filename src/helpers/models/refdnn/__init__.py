"""RefDNN: estimator, CPU and GPU engines, parameter layout."""

from helpers.models.refdnn.estimator import RefDNNClassifier, fit_many
from helpers.models.refdnn.layout import Layout

__all__ = ["Layout", "RefDNNClassifier", "fit_many"]
