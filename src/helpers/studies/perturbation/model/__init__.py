"""Six networks of drug perturbation: definition in Keras, estimator, training."""

from helpers.studies.perturbation.model.network import PerturbationNetwork
from helpers.studies.perturbation.model.published import PUBLISHED

__all__ = ["PUBLISHED", "PerturbationNetwork"]
