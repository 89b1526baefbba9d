"""PertVAE and its plain VAE: estimators, batched trainer, networks, flow and bound."""

from helpers.studies.pertvae.model.estimator import PertVAE
from helpers.studies.pertvae.model.many import MODELS_PER_BATCH, fit_many
from helpers.studies.pertvae.model.symmetry import AlignedEffect, align_effect
from helpers.studies.pertvae.model.vae import VAE

__all__ = ["MODELS_PER_BATCH", "VAE", "AlignedEffect", "PertVAE", "align_effect", "fit_many"]
