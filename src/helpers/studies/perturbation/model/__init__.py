"""Six networks of drug perturbation: definition in Keras, estimator, training on a model axis."""

from helpers.studies.perturbation.model.network import PerturbationNetwork, fit_many, fit_predict_many
from helpers.studies.perturbation.model.published import PUBLISHED, architectures

__all__ = ["PUBLISHED", "PerturbationNetwork", "architectures", "fit_many", "fit_predict_many"]
