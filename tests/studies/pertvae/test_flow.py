"""Flow, masks and weight normalisation against Jacobians, inversion, quadrature and torch's own layers."""

import numpy as np
import pytest
import torch
from torch.nn.utils import parametrizations

from helpers.studies.pertvae.model import PertVAE
from helpers.studies.pertvae.model.networks import Networks, Outputs, WeightNormLinear, autoregressive_masks
from studies.pertvae.world import networks_of


def base_of(networks, seed=0, rows=1):
    x = torch.from_numpy(np.random.default_rng(seed).normal(size=(rows, 7)))
    return networks.encoder(x.float())


@pytest.mark.parametrize("latent", [1, 2, 5, 12])
@pytest.mark.parametrize("step", [0, 1])
def test_outputs_see_only_variables_before_them(latent, step):
    networks = networks_of(latent)
    context = torch.randn(1, 4, generator=torch.Generator().manual_seed(1))

    def outputs(z, h):
        return torch.stack([out[0] for out in networks.flow.steps[step](z[None], h)])

    z = torch.linspace(-1, 1, latent)
    by_z, by_context = torch.autograd.functional.jacobian(outputs, (z, context))
    for jacobian in by_z:
        matrix = jacobian if step == 0 else jacobian.flip(0, 1)
        assert (torch.triu(matrix) == 0).all(), "output i depends on input i or a later one"
        assert (matrix[torch.tril_indices(latent, latent, -1).unbind()] != 0).any() or latent == 1
    # The first variable has no variable before it: only the direct path carries the context to it.
    assert (by_context.abs().sum(dim=(2, 3)) > 0).all()


def test_masks_are_mades():
    into_hidden, into_outputs = autoregressive_masks(3, 4, 1, reverse=False)
    degrees = [1, 2, 1, 2]
    expected = [[float(i <= d) for i in (1, 2, 3)] + [1.0] for d in degrees]
    np.testing.assert_array_equal(into_hidden, expected)
    rows = [[float(d < j) for d in degrees] + [1.0] for j in (1, 2, 3)]
    np.testing.assert_array_equal(into_outputs, rows + rows)


@pytest.mark.parametrize("latent", [1, 2, 6])
def test_log_density_by_the_jacobian_of_the_whole_flow(latent):
    networks = networks_of(latent)
    base = base_of(networks)
    noise = torch.linspace(-1.5, 1, latent)
    z, log_q = networks.posterior(base, noise[None])
    jacobian = torch.autograd.functional.jacobian(lambda e: networks.posterior(base, e[None])[0][0], noise)
    expected = torch.distributions.Normal(0, 1).log_prob(noise).sum() - torch.linalg.slogdet(jacobian)[1]
    torch.testing.assert_close(log_q.sum(), expected, rtol=1e-4, atol=1e-4)
    assert z.shape == log_q.shape == (1, latent)


def test_density_of_two_variables_integrates_to_one():
    networks = networks_of(2, seed=3)
    mean, log_scale, context = base_of(networks, seed=1)
    axis = torch.linspace(-12, 12, 301)
    grid = torch.cartesian_prod(axis, axis)
    context = context.expand(len(grid), -1)
    # Invert the flow without its own log-determinants: each step is triangular, so that substituting
    # as often as there are variables is exact.
    z = grid
    for step in (1, 0):
        target = z
        for _ in range(2):
            shift, gate = networks.flow.steps[step](z, context)
            z = shift + (target - shift) / torch.sigmoid(gate)
    noise = (z - mean) / log_scale.exp()
    again, log_q = networks.posterior((mean, log_scale, context), noise)
    near = (grid.abs() < 6).all(dim=-1)
    torch.testing.assert_close(again[near], grid[near], rtol=1e-3, atol=1e-3)
    integral = log_q.sum(dim=-1).double().exp().sum() * float(axis[1] - axis[0]) ** 2
    assert float(integral) == pytest.approx(1, abs=0.01)


def test_gates_start_open():
    networks = networks_of(5, noise=0.0)
    for step in networks.flow.steps:
        step.out.g *= 0.1
    noise = torch.randn(200, 5, generator=torch.Generator().manual_seed(0))
    mean, log_scale, context = base_of(networks, rows=200)
    z, _ = networks.posterior((mean, log_scale, context), noise)
    plain = mean + log_scale.exp() * noise
    assert np.corrcoef(z.numpy().ravel(), plain.numpy().ravel())[0, 1] > 0.95


def test_without_steps_the_posterior_is_a_gaussian():
    networks = networks_of(4, flow_steps=0)
    mean, log_scale, context = base_of(networks, rows=3)
    noise = torch.randn(3, 4, generator=torch.Generator().manual_seed(0))
    z, log_q = networks.posterior((mean, log_scale, context), noise)
    assert context.shape == (3, 0)
    torch.testing.assert_close(log_q, torch.distributions.Normal(mean, log_scale.exp()).log_prob(z))


# --- weight normalisation ------------------------------------------------------------------------


def test_layer_same_as_torchs_parametrization():
    torch.manual_seed(0)
    reference = parametrizations.weight_norm(torch.nn.Linear(6, 4))
    parts = reference.parametrizations.weight
    layer = WeightNormLinear(6, [Outputs(4)], np.random.default_rng(0))
    with torch.no_grad():
        parts.original0 += torch.rand(4, 1)
        layer.v.copy_(parts.original1)
        layer.g.copy_(parts.original0[:, 0])
        layer.b.copy_(reference.bias)
    x = torch.randn(5, 6, requires_grad=True)
    ours, theirs = layer(x), reference(x)
    torch.testing.assert_close(ours, theirs)
    pull = torch.randn(5, 4)
    got = torch.autograd.grad((ours * pull).sum(), [x, layer.v, layer.g, layer.b])
    (theirs * pull).sum().backward()
    for gradient, expected in zip(
        got, (x.grad, parts.original1.grad, parts.original0.grad[:, 0], reference.bias.grad), strict=True
    ):
        torch.testing.assert_close(gradient, expected)


def test_a_masked_layer_has_the_norm_of_what_it_sees():
    mask = np.array([[1, 0, 1], [0, 1, 1]], np.float32)
    layer = WeightNormLinear(3, [Outputs(2)], np.random.default_rng(0), mask)
    seen = torch.from_numpy(mask) * layer.v
    x = torch.randn(4, 3)
    expected = x @ (seen / seen.norm(dim=1, keepdim=True)).T * layer.g + layer.b
    torch.testing.assert_close(layer(x), expected)


def test_start_from_data_gives_outputs_their_spread():
    settings = PertVAE(4, hidden=(30, 25), context=8, flow_hidden=11)
    rng = np.random.default_rng(0)
    x = torch.from_numpy(rng.normal(3, 2, (60, 20)).astype(np.float32))
    noise = torch.from_numpy(rng.normal(size=(60, 4)).astype(np.float32))
    networks = Networks(20, settings, rng).requires_grad_(False)
    networks.start_from_data(x, noise)
    first = networks.encoder.hidden[0](x)
    torch.testing.assert_close(first.mean(dim=0), torch.zeros(30), rtol=0, atol=1e-4)
    torch.testing.assert_close(first.std(dim=0), torch.ones(30), rtol=0.02, atol=0)
    mean, log_scale, context = networks.encoder(x)
    assert mean.std(dim=0).numpy() == pytest.approx(1, rel=0.05)
    assert log_scale.std(dim=0).numpy() == pytest.approx(0.1, rel=0.05)
    z, _ = networks.posterior((mean, log_scale, context), noise)
    genes, gene_scale = networks.decoder(z)
    assert genes.std(dim=0).numpy() == pytest.approx(0.1, rel=0.05)
    assert gene_scale.mean(dim=0).numpy() == pytest.approx(0, abs=1e-4)
