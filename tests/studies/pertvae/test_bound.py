"""The bound against torch.distributions, quadrature and closed forms; who gets gradients from what."""

import numpy as np
import pytest
import torch
from torch.distributions import Normal, kl_divergence

from helpers.studies.pertvae.model import PertVAE
from helpers.studies.pertvae.model.bound import (
    Batch,
    Objective,
    correlation,
    terms,
    training_loss,
    validation_loss,
    with_free_bits,
)
from helpers.studies.pertvae.model.networks import EFFECT_LOG_SCALE, Architecture
from studies.pertvae.world import networks_of, pairs_of

N, P, GENES, LATENT = 5, 3, 7, 3


def batch_of(n=N, p=P, latent=LATENT, seed=0):
    make = torch.Generator().manual_seed(seed)
    x = torch.randn(1, n + p, GENES, generator=make)
    noise = torch.randn(1, n + p, latent, generator=make)
    extra = torch.randn(1, p, latent, generator=make)
    return Batch(x, torch.ones(1, n), torch.ones(1, p), noise, extra)


def log_q_by_jacobian(networks, x, noise):
    """z and log q(z | x), row by row, from the Jacobian of z with respect to the noise."""
    codes, densities = [], []
    for row, e in zip(x, noise, strict=True):
        base = networks.base(row[None, None])

        def code(e, base=base):
            return networks.posterior(base, e[None, None])[0][0, 0]

        jacobian = torch.autograd.functional.jacobian(code, e)
        codes.append(code(e))
        densities.append(Normal(0, 1).log_prob(e).sum() - torch.linalg.slogdet(jacobian)[1])
    return torch.stack(codes), torch.stack(densities)


@pytest.mark.parametrize("flow_steps", [0, 2])
@pytest.mark.parametrize("effect_scale", ["linear", "scalar", "constant"])
@pytest.mark.parametrize("scale", ["exp", "softplus"])
def test_terms_same_as_torch_distributions(flow_steps, effect_scale, scale):
    networks = networks_of(flow_steps=flow_steps, effect_scale=effect_scale, scale=scale)
    batch = batch_of()
    t = terms(networks, batch, Objective())
    z, log_q = log_q_by_jacobian(networks, batch.x[0], batch.noise[0])
    w = {name: value[0] for name, value in networks.weights.items()}
    mean, log_scale = networks.decode(z[None])
    log_x = Normal(mean[0], log_scale[0].exp()).log_prob(batch.x[0]).sum(dim=1)
    torch.testing.assert_close(torch.cat([t.pre[0], t.post[0]]), log_x, rtol=1e-4, atol=1e-4)
    prior = Normal(0, 1).log_prob(z[:N]).sum(dim=1)
    torch.testing.assert_close(t.kl_pre[0].sum(dim=1), log_q[:N] - prior, rtol=1e-4, atol=1e-4)
    z1 = z[:P]
    if effect_scale == "constant":
        sd = torch.full_like(z1, float(np.exp(EFFECT_LOG_SCALE)))
    else:
        raw = w["effect.scale.b"] + (z1 @ w["effect.scale.W"].T if effect_scale == "linear" else 0)
        sd = raw.exp() if scale == "exp" else torch.nn.functional.softplus(raw) + 0.001
    after = Normal(z1 + z1 @ w["effect.W"].T + w["effect.b"], sd.expand_as(z1))
    expected = log_q[N:] - after.log_prob(z[N:]).sum(dim=1)
    torch.testing.assert_close(t.kl_post[0].sum(dim=1), expected, rtol=1e-4, atol=1e-4)
    assert (t.added == 0).all()


def test_sampled_divergence_is_unbiased():
    networks = networks_of(flow_steps=0)
    one = batch_of(1, 1)
    draws = 40_000
    noise = torch.randn(1, 2 * draws, LATENT, generator=torch.Generator().manual_seed(1))
    x = one.x.repeat_interleave(draws, dim=1)
    t = terms(networks, Batch(x, torch.ones(1, draws), torch.ones(1, draws), noise, noise), Objective())
    mean, log_scale, _ = networks.base(one.x[:, :1])
    expected = kl_divergence(Normal(mean, log_scale.exp()), Normal(0.0, 1.0)).sum()
    assert float(t.kl_pre.sum(-1).mean()) == pytest.approx(float(expected), rel=0.02)


def test_start_of_the_effect_is_the_identity():
    arch = Architecture(GENES, hidden=(8, 6), context=4, flow_hidden=9)
    w = arch.draw(LATENT, np.random.default_rng(0))
    assert w["effect.W"].abs().max() <= 1e-4
    assert w["effect.b"].abs().max() <= 1e-4
    networks = networks_of(noise=0.0)
    z = torch.randn(1, 4, LATENT)
    mean, log_scale = networks.effect(z)
    torch.testing.assert_close(mean, z, rtol=0, atol=2e-3)
    torch.testing.assert_close(log_scale, torch.full_like(z, -1), rtol=0, atol=2e-3)


# --- gradients -----------------------------------------------------------------------------------

EFFECT = ("effect.W", "effect.b", "effect.scale.W", "effect.scale.b")


def gradients(networks, value, names):
    leaves = [networks.weights[n] for n in names]
    found = torch.autograd.grad(value, leaves, allow_unused=True, retain_graph=True)
    return [0.0 if g is None else float(g.abs().max()) for g in found]


def with_leaves(networks):
    for value in networks.weights.values():
        value.requires_grad_(True)
    return networks


@pytest.mark.parametrize("part", ["pre", "post", "kl_pre", "kl_post"])
def test_only_the_last_divergence_of_pairs_reaches_the_effect(part):
    networks = with_leaves(networks_of())
    value = getattr(terms(networks, batch_of(), Objective()), part).sum()
    reached = gradients(networks, value, EFFECT)
    assert all(g > 0 for g in reached) if part == "kl_post" else not any(reached)


def test_singletons_do_not_reach_the_effect():
    networks = with_leaves(networks_of())
    l2 = torch.zeros(1)
    alone = training_loss(networks, batch_of(N, 0), Objective(free_bits=0), l2).sum()
    assert not any(gradients(networks, alone, EFFECT))
    assert all(gradients(networks, alone, ["encoder.0.v", "flow.1.out.v", "decoder.head.v"]))
    # In a mixed minibatch, the effect's gradient is that of the pairs alone, times their share.
    mixed, pairs = batch_of(N, P), batch_of(N, P)
    pairs = Batch(
        torch.cat([mixed.x[:, :P], mixed.x[:, N:]], dim=1),
        mixed.pairs,
        mixed.pairs,
        torch.cat([mixed.noise[:, :P], mixed.noise[:, N:]], dim=1),
        mixed.extra,
    )
    found = [
        torch.autograd.grad(
            training_loss(networks, b, Objective(free_bits=0), l2).sum(), networks.weights["effect.W"]
        )[0]
        for b in (mixed, pairs)
    ]
    torch.testing.assert_close(found[0], found[1] * P / N)


@pytest.mark.parametrize("post_code", ["own", "pre"])
def test_the_defect_decodes_the_code_of_the_wrong_profile(post_code):
    networks = networks_of()
    batch = batch_of()
    batch.x.requires_grad_(True)
    t = terms(networks, batch, Objective(post_code=post_code))
    # The code of x2 is what reaches x2's reconstruction; without it, only x2 as the target is left.
    by_noise = batch.noise.clone().requires_grad_(True)
    t = terms(networks, batch._replace(noise=by_noise), Objective(post_code=post_code))
    reached = torch.autograd.grad(t.post.sum(), by_noise)[0][0].abs().sum(dim=1)
    assert (reached[N:] > 0).all() if post_code == "own" else (reached == 0).all()
    own = terms(networks, batch, Objective())
    torch.testing.assert_close(t.kl_post, own.kl_post)
    torch.testing.assert_close(t.pre, own.pre)


def test_later_code_terms():
    networks, batch = networks_of(), batch_of()
    t = terms(networks, batch, Objective(later_code_terms=True))
    z, log_q = log_q_by_jacobian(networks, batch.x[0], batch.noise[0])
    mean, log_scale = networks.effect(z[None, :P])
    predicted = networks.decode(mean + log_scale.exp() * batch.extra)
    log_x = Normal(predicted[0][0], predicted[1][0].exp()).log_prob(batch.x[0, N:]).sum(dim=1)
    expected = 0.05 * log_x - (log_q[N:] - Normal(0, 1).log_prob(z[N:]).sum(dim=1))
    torch.testing.assert_close(t.added[0], expected, rtol=1e-4, atol=1e-4)


# --- the loss ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("per", "expected"),
    [
        # Rows (1, 3) and (0, -2), a third row is padding.
        ("batch", lambda f: 2 * max(f, (1 + 3 + 0 - 2) / 2)),
        ("dimension", lambda f: 2 * (max(f, 0.5) + max(f, 0.5))),
        ("example", lambda f: max(f, 4) + max(f, -2)),
    ],
)
@pytest.mark.parametrize("floor", [0.0, 0.7, 2.0, 5.0])
def test_free_bits(per, expected, floor):
    kl = torch.tensor([[[1.0, 3.0, 9.0], [0.0, -2.0, 9.0], [50.0, 50.0, 9.0]]])
    kl[..., 2] = 0  # a padded latent unit
    objective = Objective(free_bits=floor, free_bits_per=per)
    got = with_free_bits(kl, torch.tensor([[1.0, 1.0, 0.0]]), objective, torch.tensor([[[1.0, 1.0, 0.0]]]))
    assert float(got) == pytest.approx(expected(floor))


def test_free_bits_of_no_pairs_are_nothing():
    for per in ("batch", "dimension", "example"):
        got = with_free_bits(
            torch.zeros(1, 2, 3), torch.zeros(1, 2), Objective(free_bits_per=per), torch.ones(1, 1, 3)
        )
        assert float(got) == 0


def test_training_loss_is_the_mean_negative_bound_and_the_penalty():
    networks, batch = networks_of(), batch_of()
    t = terms(networks, batch, Objective())
    bound = t.pre.sum() + t.post.sum() - t.kl_pre.sum() - t.kl_post.sum()
    no_floor = float("-inf")
    plain = training_loss(networks, batch, Objective(free_bits=no_floor), torch.zeros(1))
    torch.testing.assert_close(plain[0], -bound / N)
    effect = sum(float(networks.weights[n].square().sum()) for n in ("effect.W", "effect.b"))
    everything = sum(float(w.square().sum()) for w in networks.weights.values())
    for l2_on, squares in (("effect", effect), ("all", everything)):
        loss = training_loss(networks, batch, Objective(free_bits=no_floor, l2_on=l2_on), torch.tensor([0.3]))
        assert float(loss - plain) == pytest.approx(0.15 * squares, rel=1e-3)


def test_padding_rows_do_not_count():
    networks, batch = networks_of(), batch_of()
    keep = [0, 1, 2, N, N + 1]
    cut = Batch(
        batch.x[:, keep], torch.ones(1, 3), torch.ones(1, 2), batch.noise[:, keep], batch.extra[:, :2]
    )
    examples, pairs = batch.examples.clone(), batch.pairs.clone()
    examples[:, 3:], pairs[:, 2:] = 0, 0
    padded = batch._replace(examples=examples, pairs=pairs)
    for objective in (Objective(), Objective(free_bits_per="dimension"), Objective(later_code_terms=True)):
        losses = [training_loss(networks, b, objective, torch.zeros(1)) for b in (cut, padded)]
        torch.testing.assert_close(*losses)


@pytest.mark.parametrize("effect_scale", ["linear", None])
def test_validation_loss(effect_scale):
    networks = networks_of(effect_scale=effect_scale)
    make = torch.Generator().manual_seed(2)
    x, target = torch.randn(2, 1, 4, GENES, generator=make)
    noise = torch.randn(2, 2, 1, 4, LATENT, generator=make)
    used = torch.tensor([[1.0, 1.0, 1.0, 0.0]])
    likelihood, correlated = [], []
    for first, second in zip(*noise, strict=True):
        z, _ = networks.posterior(networks.base(x), first)
        rebuilt = networks.decode(z)
        found = np.array([np.corrcoef(rebuilt[0][0, i], x[0, i])[0, 1] for i in range(3)])
        if effect_scale:
            mean, log_scale = networks.effect(z)
            rebuilt = networks.decode(mean + log_scale.exp() * second)
            found += [np.corrcoef(rebuilt[0][0, i], target[0, i])[0, 1] for i in range(3)]
        likelihood.append(Normal(rebuilt[0], rebuilt[1].exp()).log_prob(target)[0, :3].sum(dim=1).mean())
        correlated.append(found.mean())
    got = validation_loss(networks, x, target, used, noise)
    assert float(got) == pytest.approx(-float(np.mean(likelihood)), rel=1e-4)
    got = validation_loss(networks, x, target, used, noise, "correlation")
    assert float(got) == pytest.approx(-float(np.mean(correlated)), rel=1e-4)


def test_correlation_of_a_constant_is_zero():
    assert float(correlation(torch.ones(1, 5), torch.arange(5.0)[None])) == 0


# --- the likelihood ------------------------------------------------------------------------------


def fitted_like(latent, seed=0, flow_steps=2, scaling=None):
    """An estimator whose networks have random parameters instead of a fit."""
    pre, post, *_ = pairs_of(6, genes=GENES, latent=2, seed=seed)
    model = PertVAE(
        latent, hidden=(8, 6), context=4, flow_hidden=9, flow_steps=flow_steps, epochs=1, scaling=scaling
    )
    model.fit(pre, post)
    model.networks_ = networks_of(latent, seed=seed, flow_steps=flow_steps)
    return model, pre[:4].astype(np.float32), post[:4].astype(np.float32)


def test_importance_weighted_estimate_same_as_quadrature():
    model, pre, post = fitted_like(1)
    networks = model.networks_
    axis = torch.linspace(-9, 9, 721)
    step = float(axis[1] - axis[0])
    mean, log_scale = (m[0] for m in networks.decode(axis[None, :, None]))
    after_mean, after_scale = (m[0] for m in networks.effect(axis[None, :, None]))

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


def test_likelihood_is_that_of_the_profiles_own_units():
    model, pre, post = fitted_like(2, scaling="source")
    spread = model.scaler_.spread
    scaled = (model.scaler_.apply(x) for x in (pre, post))
    plain, *_ = fitted_like(2)
    np.testing.assert_allclose(
        model.elbo(pre, post), plain.elbo(*scaled) - 2 * np.log(spread).sum(), rtol=1e-4
    )
