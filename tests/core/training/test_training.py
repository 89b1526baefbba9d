"""K models side by side have the numbers of each model alone, and of plain torch."""

import numpy as np
import pytest
import torch
from torch import nn

from helpers.training.adam import Adam
from helpers.training.fit import AtEpochs, fit
from helpers.training.layers import dense, dense_start, own_part
from helpers.training.rows import Minibatches, Tables

RNG = np.random.default_rng(0)
X = RNG.normal(size=(50, 7)).astype(np.float32)
Y = (X[:, :1] - 0.5 * X[:, 1:2]).astype(np.float32)
#: Table, response, hidden units, learning rate, weight decay, seed of each model.
MODELS = [
    (X, Y, 8, 0.01, 0.0, 0),
    (X, -Y, 5, 0.01, 0.1, 1),
    (np.ascontiguousarray(X[:49, :4]), Y[:49], 8, 0.003, 0.0, 2),
    (X, Y, 3, 0.01, 0.0, 3),
    (X[:20], Y[:20], 8, 0.01, 0.0, 4),
]


def train(models, keep, batch=16):
    """Fit one hidden layer of tanh units; return losses, divergence, and each model's own weights."""
    generators = [torch.Generator().manual_seed(seed) for *_, seed in models]
    widths = [(x.shape[1], hidden, 1) for x, _, hidden, *_ in models]
    parameters = dense_start(widths, generators)
    x, y = Tables([model[0] for model in models]), Tables([model[1] for model in models])

    def predict(w1, b1, w2, b2, rows):
        return dense(torch.tanh(dense(x.take(rows), w1, b1)), w2, b2)

    def loss(rows, weight):
        return (weight[..., None] * (predict(*parameters, rows) - y.take(rows)) ** 2).sum(dim=(1, 2))

    minibatches = Minibatches([len(model[1]) for model in models], batch, generators)
    rates, decays = [model[3] for model in models], [model[4] for model in models]
    adam = Adam(parameters, rates, decays, minibatches.steps)
    losses, diverged = fit(parameters, loss, minibatches, adam, keep)
    return losses, diverged, [own_part(parameters, i, w) for i, w in enumerate(widths)], keep


def epochs(*numbers):
    return AtEpochs(numbers)


def same(found, expected):
    for a, b in zip(found, expected, strict=True):
        assert a == pytest.approx(b, abs=2e-6)


@pytest.mark.parametrize("model", MODELS)
def test_one_model_is_that_of_plain_torch(model):
    x, y, hidden, lr, decay, seed = model
    torch.manual_seed(seed)
    module = nn.Sequential(nn.Linear(x.shape[1], hidden), nn.Tanh(), nn.Linear(hidden, 1))
    optimiser = torch.optim.Adam(module.parameters(), lr=lr, weight_decay=decay)
    for _ in range(4):
        order = torch.randperm(len(x))
        for rows in order.split(16):
            optimiser.zero_grad()
            nn.functional.mse_loss(module(torch.tensor(x)[rows]), torch.tensor(y)[rows]).backward()
            optimiser.step()
    *_, (weights,), _ = train([model], epochs(4))
    expected = [p.detach().numpy().T for p in module.parameters()]
    same(weights, expected)


def test_a_model_in_a_batch_is_the_model_alone_whatever_is_padded():
    losses, diverged, weights, _ = train(MODELS, epochs(5))
    assert losses.shape == (5, 5) and not diverged.any()
    for i, model in enumerate(MODELS):
        alone, _, (own,), _ = train([model], epochs(5))
        same(weights[i], own)
        assert losses[i] == pytest.approx(alone[0], abs=2e-6)


def test_padding_stays_zero():
    *_, keep = train(MODELS, epochs(5))
    w1, b1, w2, _ = keep.states[5]
    assert not w1[2, 4:].any()  # three genes that the third model lacks
    assert not w1[3, :, 3:].any() and not b1[3, :, 3:].any() and not w2[3, 3:].any()


def test_states_at_epochs_are_those_of_shorter_trainings():
    *_, keep = train(MODELS[:2], epochs(2, 5))
    assert sorted(keep.states) == [2, 5]
    _, _, short, _ = train(MODELS[:2], epochs(2))
    same(own_part(keep.states[2], 1, (7, 5, 1)), short[1])


def test_a_diverged_model_touches_no_other_and_training_ends_without_sound_ones():
    wild = (X, Y * 1e30, 8, 0.01, 0.0, 4)
    losses, diverged, weights, _ = train([wild, *MODELS], epochs(3))
    assert diverged[0].all() and not diverged[1:].any() and not np.isfinite(losses[0]).any()
    _, _, alone, _ = train(MODELS, epochs(3))
    for found, expected in zip(weights[1:], alone, strict=True):
        same(found, expected)
    losses, diverged, *_ = train([wild], epochs(50))
    assert losses.shape == (1, 1) and diverged.all()


@pytest.mark.parametrize("decay", [[0.0] * 4, [0.1, 0.1, 0.0, 0.3]])
def test_adam_same_as_torch(decay):
    rates = [0.1, 0.1, 0.001, 0.02]
    start = [torch.randn(4, 3, 2), torch.randn(4, 1, 2)]
    single = [[v[i].clone().requires_grad_() for v in start] for i in range(4)]
    optimisers = [
        torch.optim.Adam(values, lr=lr, weight_decay=d)
        for values, lr, d in zip(single, rates, decay, strict=True)
    ]
    ours = Adam(start, rates, decay)
    for _ in range(20):
        gradients = [torch.randn_like(v) for v in start]
        ours.step(gradients)
        for i, (values, optimiser) in enumerate(zip(single, optimisers, strict=True)):
            for value, gradient in zip(values, gradients, strict=True):
                value.grad = gradient[i].clone()
            optimiser.step()
    for i, values in enumerate(single):
        for found, expected in zip(start, values, strict=True):
            assert found[i].numpy() == pytest.approx(expected.detach().numpy(), rel=1e-5, abs=1e-6)


def test_adam_takes_a_gradient_as_it_is_whatever_its_memory_order():
    gradient = torch.randn(1, 3, 2)
    plain, turned = torch.zeros(1, 3, 2), torch.zeros(1, 3, 2)
    Adam([plain], [0.1]).step([gradient])
    Adam([turned], [0.1]).step([gradient.mT.contiguous().mT])
    assert torch.equal(plain, turned)


def test_start_values_are_those_of_pytorch_layers():
    torch.manual_seed(5)
    layers = nn.Linear(7, 8), nn.Linear(8, 4), nn.Linear(4, 1)
    found = dense_start([(9, 9, 4, 1), (7, 8, 4, 1)], [torch.Generator().manual_seed(s) for s in (1, 5)])
    for layer, weight, bias in zip(layers, *[iter(own_part(found, 1, (7, 8, 4, 1)))] * 2, strict=False):
        assert np.array_equal(layer.weight.detach().T, weight)
        assert np.array_equal(layer.bias.detach(), bias)


def test_minibatches_are_a_permutation_of_each_model_and_weigh_each_batch_as_its_mean():
    sizes, batch = (10, 17), 4
    batches = Minibatches(sizes, batch, [torch.Generator().manual_seed(s) for s in (0, 1)])
    first, second = (list(batches) for _ in range(2))
    for i, size in enumerate(sizes):
        for one in (first, second):
            rows = torch.cat([rows[i][weight[i] > 0] for rows, weight in one])
            assert sorted(rows.tolist()) == list(range(size))
        for _, weight in first:
            assert float(weight[i].sum()) in (pytest.approx(1), 0)
    order = torch.randperm(10, generator=torch.Generator().manual_seed(0))
    assert torch.cat([rows[0] for rows, _ in first])[:10].tolist() == order.tolist()
    assert not torch.equal(first[0][0], second[0][0])


def test_tables_gather_each_models_own_rows_and_hold_a_shared_array_once():
    tables = Tables([X, MODELS[2][0], X])
    rows = torch.tensor([[0, 3], [46, 1], [49, 0]])
    found = tables.take(rows).numpy()
    assert np.array_equal(found[0], X[[0, 3]]) and np.array_equal(found[2], X[[49, 0]])
    assert np.array_equal(found[1, :, :4], X[[46, 1], :4]) and not found[1, :, 4:].any()
    assert tables._values.shape == (99, 7)
