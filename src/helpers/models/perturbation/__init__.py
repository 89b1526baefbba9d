"""Six networks of drug perturbation: definition in Keras, estimator, training on a model axis."""

from helpers.models.perturbation.network import PerturbationNetwork, fit_many, fit_predict_many
from helpers.models.perturbation.published import PUBLISHED, architectures

__all__ = ["PUBLISHED", "PerturbationNetwork", "architectures", "fit_many", "fit_predict_many"]
