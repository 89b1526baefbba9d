"""The bound that PertVAE maximises, its parts, and the validation loss that ends training."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from helpers.studies.pertvae.model.networks import HALF_LOG_2PI, Networks
from helpers.studies.pertvae.model.settings import Settings


class Batch(NamedTuple):
    """One minibatch.

    Attributes
    ----------
    x : tensor (n + p, genes)
        Pre-treatment profiles of n examples, those of pairs first, then the p post-treatment profiles of
        the pairs in the same order.
    n_pairs : int
        p.
    noise : tensor (n + p, latent)
        Standard normal.
    again : tensor (p, latent), optional
        A second draw of z1 for each pair. Where there is one, it is decoded to x2 in place of z2: a defect
        of the authors' later code.
    """

    x: Tensor
    n_pairs: int
    noise: Tensor
    again: Tensor | None = None


class Terms(NamedTuple):
    """Parts of the bound at one sample, in nats.

    Attributes
    ----------
    pre, post : tensors (n,) and (p,)
        log p(x1 | z1) of all examples and log p(x2 | z2) of the pairs.
    kl_pre : tensor (n,)
        log q(z1 | x1) - log p(z1).
    kl_post : tensor (p,)
        log q(z2 | x2) - log p(z2 | z1).
    """

    pre: Tensor
    post: Tensor
    kl_pre: Tensor
    kl_post: Tensor


def log_normal(x: Tensor, mean: Tensor, log_scale: Tensor) -> Tensor:
    """Log density of independent Gaussians, summed over the last axis."""
    error = ((x - mean) * torch.exp(-log_scale)).square().sum(dim=-1)
    return -0.5 * error - log_scale.sum(dim=-1) - x.shape[-1] * HALF_LOG_2PI


def terms(networks: Networks, batch: Batch) -> Terms:
    """Sample z1 and z2 once and evaluate every part of the bound.

    A pair adds log p(x1|z1) - KL(q(z1|x1) || p(z1)) + log p(x2|z2) - KL(q(z2|x2) || p(z2|z1)); an unpaired
    profile adds the first two, since what follows z1 is the same in p and q and cancels.
    """
    p = batch.n_pairs
    n = len(batch.x) - p
    base = networks.encoder(batch.x)
    z, log_q = networks.posterior(base, batch.noise)
    z1, z2 = z[:n], z[n:]
    log_q = log_q.sum(dim=1)
    kl_pre = log_q[:n] - log_normal(z1, torch.zeros_like(z1), torch.zeros_like(z1))
    if batch.again is None:
        decoded = z
    else:
        decoded = torch.cat([z1, networks.posterior(tuple(part[:p] for part in base), batch.again)[0]])
    log_x = log_normal(batch.x, *networks.decoder(decoded))
    kl_post = log_q[n:]
    if networks.effect is not None:
        kl_post = kl_post - log_normal(z2, *networks.effect(z1[:p]))
    return Terms(log_x[:n], log_x[n:], kl_pre, kl_post)


def with_free_bits(kl: Tensor, floor: float) -> Tensor:
    """Sum of a divergence over the rows of a minibatch whose mean is at least ``floor`` nats (ours)."""
    count = len(kl)
    return count * (kl.sum() / max(count, 1)).clamp(min=floor)


def training_loss(networks: Networks, batch: Batch, settings: Settings) -> Tensor:
    """Negative bound per example of a minibatch, plus the penalty.

    The penalty is ``l2 / 2`` times the squared length of W and b, so that its gradient is that of a
    (coupled) weight decay of ``l2``.
    """
    t = terms(networks, batch)
    bound = t.pre.sum() + t.post.sum()
    bound = bound - sum(with_free_bits(kl, settings.free_bits) for kl in (t.kl_pre, t.kl_post))
    loss = -bound / len(t.pre)
    if networks.effect is None:
        return loss
    return loss + 0.5 * settings.l2 * (networks.effect.W.square().sum() + networks.effect.b.square().sum())


def correlation(a: Tensor, b: Tensor) -> Tensor:
    """Pearson correlation along the last axis; 0 where one side does not vary."""
    a, b = (x - x.mean(dim=-1, keepdim=True) for x in (a, b))
    return torch.nn.functional.cosine_similarity(a, b, dim=-1)


@torch.no_grad()
def validation_loss(
    networks: Networks, x: Tensor, target: Tensor, noise: Tensor, watch: str = "likelihood"
) -> float:
    """Return what early stopping watches: lower is better.

    "likelihood": the mean of -log p(target | z). With a drug effect z = z2 ~ p(z2 | z1), z1 ~ q(z1 | x), the
    perturbation loss; without one z = z1, the reconstruction loss of a plain VAE.
    "prediction": the mean squared error of the decoder's mean at the same z, which no variance enters.
    "correlation": minus the Pearson correlation over genes of reconstruction and ``x`` and, with a drug
    effect, minus that of prediction and ``target`` as well, as the later code does.

    Parameters
    ----------
    x, target : tensors (rows, genes)
    noise : tensor (2, draws, rows, latent)
        Standard normal, for z1 and for z2.
    watch : {"likelihood", "prediction", "correlation"}
    """
    draws, rows = noise.shape[1:3]
    first, second = noise.reshape(2, draws * rows, -1)
    base = tuple(part.repeat(draws, 1) for part in networks.encoder(x))
    z1, _ = networks.posterior(base, first)
    x, target = x.repeat(draws, 1), target.repeat(draws, 1)
    z = z1
    if networks.effect is not None:
        mean, log_scale = networks.effect(z1)
        z = mean + log_scale.exp() * second
    if watch == "likelihood":
        return -float(log_normal(target, *networks.decoder(z)).mean())
    if watch == "prediction":
        return float((networks.decoder(z)[0] - target).square().mean())
    found = correlation(networks.decoder(z1)[0], x).mean()
    if networks.effect is not None:
        found = found + correlation(networks.decoder(z)[0], target).mean()
    return -float(found)
