"""The bound that PertVAE maximises, its parts, and the validation loss that ends training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from helpers.studies.pertvae.model.networks import Networks

_HALF_LOG_2PI = 0.5 * float(np.log(2 * np.pi))
#: Weight of log p(x2 | z2 ~ p(z2 | z1)) in the authors' later code.
PREDICTION_WEIGHT = 0.05


@dataclass(frozen=True)
class Objective:
    """What is added up; see :class:`PertVAE` for the meaning of the settings."""

    free_bits: float = 2.0
    free_bits_per: str = "batch"
    post_code: str = "own"
    later_code_terms: bool = False
    l2_on: str = "effect"


class Batch(NamedTuple):
    """One minibatch of every model.

    Attributes
    ----------
    x : tensor (models, n + p, genes)
        Pre-treatment profiles of n examples, those of pairs first, then the p post-treatment profiles of
        the pairs in the same order.
    examples, pairs : tensors (models, n) and (models, p)
        1 where the row is in use, 0 where it is padding.
    noise : tensor (models, n + p, latent)
        Standard normal, 0 in padded latent units.
    extra : tensor (models, p, latent)
        Second noise of the pairs, for the variants that draw once more.
    """

    x: Tensor
    examples: Tensor
    pairs: Tensor
    noise: Tensor
    extra: Tensor


class Terms(NamedTuple):
    """Parts of the bound at one sample, in nats.

    Attributes
    ----------
    pre, post : tensors (models, n) and (models, p)
        log p(x1 | z1) of all examples and log p(x2 | z2) of the pairs.
    kl_pre : tensor (models, n, latent)
        log q(z1 | x1) - log p(z1), latent unit by unit.
    kl_post : tensor (models, p, latent)
        log q(z2 | x2) - log p(z2 | z1).
    added : tensor (models, p)
        The later code's terms, 0 without them.
    """

    pre: Tensor
    post: Tensor
    kl_pre: Tensor
    kl_post: Tensor
    added: Tensor


def log_normal(x: Tensor, mean: Tensor, log_scale: Tensor) -> Tensor:
    """Log density of independent Gaussians, entry by entry."""
    return -0.5 * ((x - mean) * torch.exp(-log_scale)).square() - log_scale - _HALF_LOG_2PI


def log_profile(x: Tensor, mean: Tensor, log_scale: Tensor) -> Tensor:
    """Log density of whole profiles: :func:`log_normal` summed over genes."""
    error = ((x - mean) * torch.exp(-log_scale)).square().sum(dim=-1)
    return -0.5 * error - log_scale.sum(dim=-1) - x.shape[-1] * _HALF_LOG_2PI


def terms(networks: Networks, batch: Batch, objective: Objective) -> Terms:
    """Sample z1 and z2 once and evaluate every part of the bound.

    A pair adds log p(x1|z1) - KL(q(z1|x1) || p(z1)) + log p(x2|z2) - KL(q(z2|x2) || p(z2|z1)); an unpaired
    profile adds the first two, since what follows z1 is the same in p and q and cancels.
    """
    n, p = batch.examples.shape[1], batch.pairs.shape[1]
    mask = networks.latent_mask
    mean, log_scale, context = networks.base(batch.x)
    z, log_q = networks.posterior((mean, log_scale, context), batch.noise)
    z1, z2 = z[:, :n], z[:, n:]
    kl_pre = (log_q[:, :n] + 0.5 * z1.square() + _HALF_LOG_2PI) * mask
    decoded = z
    if objective.post_code == "pre" and p:
        of_pairs = (mean[:, :p], log_scale[:, :p], None if context is None else context[:, :p])
        decoded = torch.cat([z1, networks.posterior(of_pairs, batch.extra)[0]], dim=1)
    log_x = log_profile(batch.x, *networks.decode(decoded))
    added = torch.zeros_like(batch.pairs)
    if not p:
        return Terms(log_x[:, :n], log_x[:, n:], kl_pre, torch.zeros_like(z2), added)
    after_mean, after_scale = networks.effect(z1[:, :p])
    kl_post = (log_q[:, n:] - log_normal(z2, after_mean, after_scale)) * mask
    if objective.later_code_terms:
        predicted = networks.decode((after_mean + after_scale.exp() * batch.extra) * mask)
        to_prior = (log_q[:, n:] + 0.5 * z2.square() + _HALF_LOG_2PI) * mask
        added = PREDICTION_WEIGHT * log_profile(batch.x[:, n:], *predicted) - to_prior.sum(dim=-1)
    return Terms(log_x[:, :n], log_x[:, n:], kl_pre, kl_post, added)


def with_free_bits(kl: Tensor, used: Tensor, objective: Objective, latent_mask: Tensor) -> Tensor:
    """Sum of a divergence over the rows of a minibatch, with a floor of ``free_bits``.

    Parameters
    ----------
    kl : tensor (models, rows, latent)
    used : tensor (models, rows)
        1 where the row counts.
    objective : Objective
        The floor holds for the minibatch's mean of the total ("batch"), for its mean in every latent unit
        ("dimension"), or for the total of every row ("example").
    latent_mask : tensor (models, 1, latent)

    Returns
    -------
    tensor (models,)
    """
    floor = objective.free_bits
    if objective.free_bits_per == "example":
        return (kl.sum(dim=-1).clamp(min=floor) * used).sum(dim=1)
    count = used.sum(dim=1)
    per_unit = (kl * used[..., None]).sum(dim=1) / count.clamp(min=1)[:, None]
    if objective.free_bits_per == "dimension":
        return count * (per_unit.clamp(min=floor) * latent_mask[:, 0]).sum(dim=-1)
    return count * per_unit.sum(dim=-1).clamp(min=floor)


def training_loss(networks: Networks, batch: Batch, objective: Objective, l2: Tensor) -> Tensor:
    """Negative bound per example of every model's minibatch, plus the penalty, tensor (models,).

    The penalty is ``l2 / 2`` times the squared length of the penalised parameters, so that its gradient is
    that of a (coupled) weight decay of ``l2``.
    """
    t = terms(networks, batch, objective)
    mask = networks.latent_mask
    total = (
        (t.pre * batch.examples).sum(dim=1)
        + ((t.post + t.added) * batch.pairs).sum(dim=1)
        - with_free_bits(t.kl_pre, batch.examples, objective, mask)
        - with_free_bits(t.kl_post, batch.pairs, objective, mask)
    )
    penalised = networks.weights if objective.l2_on == "all" else ("effect.W", "effect.b")
    squares = [
        networks.weights[name].square().sum(dim=(1, 2)) for name in penalised if name in networks.weights
    ]
    loss = -total / batch.examples.sum(dim=1)
    return loss + 0.5 * l2 * sum(squares) if squares else loss


def correlation(a: Tensor, b: Tensor) -> Tensor:
    """Pearson correlation along the last axis; 0 where one side does not vary."""
    a, b = (x - x.mean(dim=-1, keepdim=True) for x in (a, b))
    return torch.nn.functional.cosine_similarity(a, b, dim=-1)


@torch.no_grad()
def validation_loss(
    networks: Networks, x: Tensor, target: Tensor, used: Tensor, noise: Tensor, watch: str = "likelihood"
) -> Tensor:
    """Return what early stopping watches, tensor (models,): lower is better.

    "likelihood": the mean of -log p(target | z). With a drug effect z = z2 ~ p(z2 | z1), z1 ~ q(z1 | x), the
    perturbation loss; without one z = z1, the reconstruction loss of a plain VAE.
    "correlation": minus the Pearson correlation over genes of reconstruction and ``x`` and, with a drug
    effect, minus that of prediction and ``target`` as well, as the later code does.

    Parameters
    ----------
    x, target : tensors (models, rows, genes)
    used : tensor (models, rows)
        1 where the row counts.
    noise : tensor (2, draws, models, rows, latent)
        Standard normal, for z1 and for z2.
    watch : {"likelihood", "correlation"}
    """
    base = networks.base(x)
    total = torch.zeros_like(used)
    for first, second in zip(*noise, strict=True):
        z, _ = networks.posterior(base, first)
        if watch == "correlation":
            total -= correlation(networks.decode(z)[0], x)
        if networks.arch.effect_scale is not None:
            mean, log_scale = networks.effect(z)
            z = mean + log_scale.exp() * second
            if watch == "correlation":
                total -= correlation(networks.decode(z)[0], target)
        if watch == "likelihood":
            total -= log_profile(target, *networks.decode(z))
    return (total * used).sum(dim=1) / (used.sum(dim=1) * noise.shape[1])
