"""PertVAE and its plain VAE: estimators, batched trainer, networks, flow and bound."""

from helpers.models.pertvae.estimator import PertVAE
from helpers.models.pertvae.many import MODELS_PER_BATCH, fit_many
from helpers.models.pertvae.symmetry import AlignedEffect, align_effect
from helpers.models.pertvae.vae import VAE

__all__ = ["MODELS_PER_BATCH", "VAE", "AlignedEffect", "PertVAE", "align_effect", "fit_many"]
