"""PertVAE and its plain VAE: estimators, training loop, networks and bound."""

from helpers.studies.pertvae.model.estimator import VAE, PertVAE
from helpers.studies.pertvae.model.many import MODELS_PER_BATCH, fit_many
from helpers.studies.pertvae.model.symmetry import AlignedEffect, align_effect

__all__ = ["MODELS_PER_BATCH", "VAE", "AlignedEffect", "PertVAE", "align_effect", "fit_many"]
