"""PertVAE and its plain VAE: estimators, training loop, networks and bound."""

from helpers.studies.pertvae.model.estimator import VAE, PertVAE
from helpers.studies.pertvae.model.symmetry import AlignedEffect, align_effect

__all__ = ["VAE", "AlignedEffect", "PertVAE", "align_effect"]
