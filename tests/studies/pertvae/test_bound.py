"""The bound against torch.distributions, quadrature and closed forms; who gets gradients from what."""

import numpy as np
import pytest
import torch
from torch.distributions import Normal, kl_divergence

from helpers.studies.pertvae.model import VAE, PertVAE
from helpers.studies.pertvae.model.bound import (
    Batch,
    correlation,
    terms,
    training_loss,
    validation_loss,
    with_free_bits,
)
from helpers.studies.pertvae.model.networks import EFFECT_LOG_SCALE
from studies.pertvae.world import networks_of, pairs_of

N, P, GENES, LATENT = 5, 3, 7, 3


def batch_of(n=N, p=P, latent=LATENT, seed=0):
    make = torch.Generator().manual_seed(seed)
    x = torch.randn(n + p, GENES, generator=make)
    return Batch(x, p, torch.randn(n + p, latent, generator=make))


def log_q_by_jacobian(networks, x, noise):
    """z and log q(z | x), row by row, from the Jacobian of z with respect to the noise."""
    codes, densities = [], []
    for row, e in zip(x, noise, strict=True):
        base = networks.encoder(row[None])

        def code(e, base=base):
            return networks.posterior(base, e[None])[0][0]

        jacobian = torch.autograd.functional.jacobian(code, e)
        codes.append(code(e))
        densities.append(Normal(0, 1).log_prob(e).sum() - torch.linalg.slogdet(jacobian)[1])
    return torch.stack(codes), torch.stack(densities)


@pytest.mark.parametrize("flow_steps", [0, 2])
def test_terms_same_as_torch_distributions(flow_steps):
    networks, batch = networks_of(flow_steps=flow_steps), batch_of()
    t = terms(networks, batch)
    z, log_q = log_q_by_jacobian(networks, batch.x, batch.noise)
    mean, log_scale = networks.decoder(z)
    log_x = Normal(mean, log_scale.exp()).log_prob(batch.x).sum(dim=1)
    torch.testing.assert_close(torch.cat([t.pre, t.post]), log_x, rtol=1e-4, atol=1e-4)
    prior = Normal(0, 1).log_prob(z[:N]).sum(dim=1)
    torch.testing.assert_close(t.kl_pre, log_q[:N] - prior, rtol=1e-4, atol=1e-4)
    z1, effect = z[:P], networks.effect
    sd = (effect.scale_b + z1 @ effect.scale_W.T).exp()
    after = Normal(z1 + z1 @ effect.W.T + effect.b, sd)
    expected = log_q[N:] - after.log_prob(z[N:]).sum(dim=1)
    torch.testing.assert_close(t.kl_post, expected, rtol=1e-4, atol=1e-4)


def test_sampled_divergence_is_unbiased():
    networks = networks_of(flow_steps=0)
    x = batch_of(1, 0).x
    draws = 40_000
    noise = torch.randn(draws, LATENT, generator=torch.Generator().manual_seed(1))
    t = terms(networks, Batch(x.repeat(draws, 1), 0, noise))
    mean, log_scale, _ = networks.encoder(x)
    expected = kl_divergence(Normal(mean, log_scale.exp()), Normal(0.0, 1.0)).sum()
    assert float(t.kl_pre.mean()) == pytest.approx(float(expected), rel=0.02)


def test_start_of_the_effect_is_the_identity():
    networks = networks_of(noise=0.0)
    assert networks.effect.W.abs().max() <= 1e-4
    assert networks.effect.b.abs().max() <= 1e-4
    z = torch.randn(4, LATENT)
    mean, log_scale = networks.effect(z)
    torch.testing.assert_close(mean, z, rtol=0, atol=2e-3)
    torch.testing.assert_close(log_scale, torch.full_like(z, EFFECT_LOG_SCALE), rtol=0, atol=2e-3)


def test_without_the_identity_form_the_effect_starts_at_nothing():
    networks = networks_of(noise=0.0, form="free")
    mean, _ = networks.effect(torch.randn(4, LATENT))
    torch.testing.assert_close(mean, torch.zeros_like(mean), rtol=0, atol=2e-3)


# --- gradients -----------------------------------------------------------------------------------


def gradients(value, parameters):
    found = torch.autograd.grad(value, list(parameters), allow_unused=True, retain_graph=True)
    return [0.0 if g is None else float(g.abs().max()) for g in found]


@pytest.mark.parametrize("part", ["pre", "post", "kl_pre", "kl_post"])
def test_only_the_last_divergence_of_pairs_reaches_the_effect(part):
    networks = networks_of().requires_grad_()
    value = getattr(terms(networks, batch_of()), part).sum()
    reached = gradients(value, networks.effect.parameters())
    assert all(g > 0 for g in reached) if part == "kl_post" else not any(reached)


def test_singletons_do_not_reach_the_effect():
    networks = networks_of().requires_grad_()
    settings = PertVAE(free_bits=0, l2=0)
    alone = training_loss(networks, batch_of(N, 0), settings)
    assert not any(gradients(alone, networks.effect.parameters()))
    others = [networks.encoder.hidden[0].v, networks.flow.steps[1].out.v, networks.decoder.head.v]
    assert all(gradients(alone, others))
    # In a mixed minibatch, the effect's gradient is that of the pairs alone, times their share.
    mixed = batch_of(N, P)
    x, noise = (torch.cat([part[:P], part[N:]]) for part in (mixed.x, mixed.noise))
    found = [
        torch.autograd.grad(training_loss(networks, batch, settings), networks.effect.W)[0]
        for batch in (mixed, Batch(x, P, noise))
    ]
    torch.testing.assert_close(found[0], found[1] * P / N)


@pytest.mark.parametrize("post_code", ["own", "pre"])
def test_the_defect_decodes_the_code_of_the_wrong_profile(post_code):
    networks, batch = networks_of(), batch_of()
    again = torch.randn(P, LATENT) if post_code == "pre" else None
    # The code of x2 is what reaches x2's reconstruction; without it, only x2 as the target is left.
    by_noise = batch.noise.clone().requires_grad_(True)
    t = terms(networks, batch._replace(noise=by_noise, again=again))
    reached = torch.autograd.grad(t.post.sum(), by_noise, allow_unused=True)[0]
    reached = torch.zeros_like(by_noise) if reached is None else reached
    reached = reached.abs().sum(dim=1)
    assert (reached[N:] > 0).all() if post_code == "own" else (reached == 0).all()
    own = terms(networks, batch)
    torch.testing.assert_close(t.kl_post, own.kl_post)
    torch.testing.assert_close(t.pre, own.pre)


# --- the loss ------------------------------------------------------------------------------------


@pytest.mark.parametrize("floor", [0.0, 0.7, 2.0, 5.0])
def test_free_bits(floor):
    assert float(with_free_bits(torch.tensor([4.0, -2.0]), floor)) == pytest.approx(2 * max(floor, 1))


def test_free_bits_of_no_pairs_are_nothing():
    assert float(with_free_bits(torch.zeros(0), 2.0)) == 0


def test_training_loss_is_the_mean_negative_bound_and_the_penalty():
    networks, batch = networks_of(), batch_of()
    t = terms(networks, batch)
    bound = t.pre.sum() + t.post.sum() - t.kl_pre.sum() - t.kl_post.sum()
    no_floor = float("-inf")
    plain = training_loss(networks, batch, PertVAE(free_bits=no_floor, l2=0))
    torch.testing.assert_close(plain, -bound / N)
    squares = float(networks.effect.W.square().sum() + networks.effect.b.square().sum())
    loss = training_loss(networks, batch, PertVAE(free_bits=no_floor, l2=0.3))
    assert float(loss - plain) == pytest.approx(0.15 * squares, rel=1e-3)


def test_a_plain_vae_has_no_penalty():
    networks, batch = networks_of(effect=False), batch_of(N, 0)
    t = terms(networks, batch)
    loss = training_loss(networks, batch, VAE(LATENT, free_bits=float("-inf")))
    torch.testing.assert_close(loss, -(t.pre.sum() - t.kl_pre.sum()) / N)


@pytest.mark.parametrize("effect", [True, False])
def test_validation_loss(effect):
    networks = networks_of(effect=effect)
    make = torch.Generator().manual_seed(2)
    x, target = torch.randn(2, 4, GENES, generator=make)
    noise = torch.randn(2, 2, 4, LATENT, generator=make)
    likelihood, correlated, errors = [], [], []
    for first, second in zip(*noise, strict=True):
        z, _ = networks.posterior(networks.encoder(x), first)
        rebuilt = networks.decoder(z)
        found = np.array([np.corrcoef(rebuilt[0][i], x[i])[0, 1] for i in range(4)])
        if effect:
            mean, log_scale = networks.effect(z)
            rebuilt = networks.decoder(mean + log_scale.exp() * second)
            found += [np.corrcoef(rebuilt[0][i], target[i])[0, 1] for i in range(4)]
        likelihood.append(Normal(rebuilt[0], rebuilt[1].exp()).log_prob(target).sum(dim=1).mean())
        correlated.append(found.mean())
        errors.append(float(((rebuilt[0] - target) ** 2).mean()))
    got = validation_loss(networks, x, target, noise)
    assert got == pytest.approx(-float(np.mean(likelihood)), rel=1e-4)
    got = validation_loss(networks, x, target, noise, "correlation")
    assert got == pytest.approx(-float(np.mean(correlated)), rel=1e-4)
    got = validation_loss(networks, x, target, noise, "prediction")
    assert got == pytest.approx(float(np.mean(errors)), rel=1e-4)
    # Variances of the decoder do not enter the prediction error, and do enter the likelihood.
    networks.decoder.head.b.data[len(x[0]) :] += 1.0
    assert validation_loss(networks, x, target, noise, "prediction") == pytest.approx(got, rel=1e-5)
    assert validation_loss(networks, x, target, noise) != pytest.approx(-float(np.mean(likelihood)), rel=1e-2)


def test_correlation_of_a_constant_is_zero():
    assert float(correlation(torch.ones(1, 5), torch.arange(5.0)[None])) == 0


# --- the likelihood ------------------------------------------------------------------------------


def fitted_like(latent, seed=0, flow_steps=2):
    """An estimator whose networks have random parameters instead of a fit."""
    pre, post, *_ = pairs_of(6, genes=GENES, latent=2, seed=seed)
    model = PertVAE(latent, hidden=(8, 6), context=4, flow_hidden=9, flow_steps=flow_steps, epochs=1)
    model.fit(pre, post)
    model.networks_ = networks_of(latent, seed=seed, flow_steps=flow_steps)
    return model, pre[:4].astype(np.float32), post[:4].astype(np.float32)


def test_importance_weighted_estimate_same_as_quadrature():
    model, pre, post = fitted_like(1)
    networks = model.networks_
    axis = torch.linspace(-9, 9, 721)
    step = float(axis[1] - axis[0])
    mean, log_scale = networks.decoder(axis[:, None])
    after_mean, after_scale = networks.effect(axis[:, None])

    def log_x(x):
        return Normal(mean, log_scale.exp()).log_prob(torch.from_numpy(x)).sum(dim=1).double()

    prior = Normal(0, 1).log_prob(axis).double()
    change = Normal(after_mean, after_scale.exp()).log_prob(axis[None]).double()  # (z1, z2)
    for i in range(2):
        one = torch.logsumexp(log_x(pre[i]) + prior, 0) + np.log(step)
        both = log_x(pre[i])[:, None] + prior[:, None] + change + log_x(post[i])[None]
        both = torch.logsumexp(both.flatten(), 0) + 2 * np.log(step)
        assert model.log_likelihood(pre[[i]], draws=4000)[0] == pytest.approx(float(one), abs=0.05)
        assert model.elbo(pre[[i]], draws=500)[0] <= float(one) + 0.05
        estimate = model.log_likelihood(pre[[i]], post[[i]], draws=4000)[0]
        assert estimate == pytest.approx(float(both), abs=0.3)
        assert model.elbo(pre[[i]], post[[i]], draws=500)[0] <= float(both) + 0.05


@pytest.mark.parametrize("flow_steps", [0, 2])
def test_importance_weighted_estimate_never_below_the_bound(flow_steps):
    model, pre, post = fitted_like(4, flow_steps=flow_steps)
    for arguments in ((pre,), (pre, post)):
        bound, estimate = model.elbo(*arguments, draws=300), model.log_likelihood(*arguments, draws=300)
        assert (estimate >= bound).all()
        assert (estimate > bound + 1e-3).any()
        # One draw: both are the same number.
        np.testing.assert_allclose(model.elbo(*arguments, draws=1), model.log_likelihood(*arguments, draws=1))
