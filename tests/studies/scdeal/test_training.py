"""scDEAL's networks and training loops against plain torch modules and torch's own schedule."""

import numpy as np
import pytest
import torch
from torch import nn

from helpers.errors import DataError
from helpers.studies.scdeal.model import ScDEAL
from helpers.studies.scdeal.model.networks import Autoencoder, Stack, Stream
from helpers.studies.scdeal.model.stages import Lines, train_autoencoder, train_predictor
from helpers.studies.scdeal.model.training import RATE, Training
from helpers.training.guards import one_thread

GENES = 10


@pytest.fixture(autouse=True)
def _one_thread():
    """Small products are slower on two threads, much slower on a busy machine."""
    with one_thread():
        yield


def settings_of(**changes):
    small = {"encoder": (12, 8), "bottleneck": 4, "predictor": (6, 5), "dropout": 0.0, "batch_size": 16}
    return ScDEAL(**(small | {"denoising": False} | changes)).resolved()


def plain(stack):
    """Build the same layers of torch.nn in a row, with the start values of a stack."""
    layers = []
    for linear in stack.linear:
        layers += [nn.Linear(linear.in_features, linear.out_features), nn.BatchNorm1d(linear.out_features)]
        layers[-2].weight.data = linear.weight.data.clone()
        layers[-2].bias.data.zero_()
        layers += [nn.ReLU()] if stack.relu else []
    layers.append(nn.Linear(stack.out.in_features, stack.out.out_features))
    layers[-1].load_state_dict(stack.out.state_dict())
    return nn.Sequential(*layers).double()


def rows_of(seed, n=48):
    # Double precision: rounding would grow over the steps.
    x = torch.from_numpy(np.random.default_rng(seed).random((n, GENES)))
    y = (x[:, 0] > 0.5).long()
    return x, y


def plain_training(net, loss_of, held_loss, epochs, seed):
    """Loop over epochs and batches with torch's optimiser and scheduler."""
    optimiser = torch.optim.Adam(net.parameters(), lr=0.01)
    schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(optimiser)
    stream = Stream(np.random.SeedSequence(seed))
    held, state = [], []
    for _ in range(epochs):
        net.train()
        order = stream.order(36)
        losses = []
        for start in (0, 16, 32):
            loss = loss_of(net, order[start : start + 16])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            losses.append(loss.item())
        schedule.step(np.mean(losses))
        net.eval()
        with torch.no_grad():
            held.append(held_loss(net).item())
        state.append({k: v.clone() for k, v in net.state_dict().items()})
    best = int(np.argmin(held))
    net.load_state_dict(state[best])
    return held[best], best


@pytest.mark.parametrize("seed", [3, 4])
def test_autoencoder_trains_as_a_plain_torch_loop(seed):
    settings = settings_of(epochs=15)
    network = Autoencoder((GENES, 12, 8, 4), np.random.default_rng(seed), 0.0).double()
    widen = nn.Linear(4, 8).double()
    widen.load_state_dict(network.widen.state_dict())
    net = nn.Sequential(plain(network.encoder), widen, plain(network.decoder), nn.Sigmoid())
    x, held = rows_of(seed)[0].split((36, 12))
    training = train_autoencoder(network, x, held, settings, Stream(np.random.SeedSequence(seed)))
    loss, best = plain_training(
        net,
        lambda net, rows: nn.functional.mse_loss(net(x[rows]), x[rows]),
        lambda net: nn.functional.mse_loss(net(held), held),
        15,
        seed,
    )
    assert training.loss == pytest.approx(loss, rel=1e-7)
    assert training.best_epoch == best
    torch.testing.assert_close(network.encoder(held), net[0](held), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("loss", ["sigmoid", "logits"])
def test_predictor_trains_as_a_plain_torch_loop(loss):
    settings, rng = settings_of(loss=loss, epochs=12), np.random.default_rng(5)
    encoder = Stack((GENES, 12, 8, 4), rng).double()
    predictor = Stack((4, 6, 5, 2), rng, relu=True).double()
    ends = [nn.Sigmoid()] if loss == "sigmoid" else []
    net = nn.Sequential(plain(encoder), plain(predictor), *ends)
    x, y = rows_of(5)
    training = train_predictor(
        encoder,
        predictor,
        Lines(x[:36], y[:36]),
        Lines(x[36:], y[36:]),
        settings,
        Stream(np.random.SeedSequence(5)),
    )
    expected, best = plain_training(
        net,
        lambda net, order: nn.functional.cross_entropy(net(x[order]), y[order]),
        lambda net: nn.functional.cross_entropy(net(x[36:]), y[36:]),
        12,
        5,
    )
    assert training.loss == pytest.approx(expected, rel=1e-7)
    assert training.best_epoch == best


def line(start=0.0):
    """A single weight as a network."""
    network = nn.Linear(1, 1, bias=False)
    network.weight.data.fill_(start)
    return network


@pytest.mark.parametrize("path", ["falls", "flat", "slow", "noise"])
def test_rate_same_as_torch_schedule(path):
    rng = np.random.default_rng(0)
    losses = {
        "falls": np.concatenate([np.linspace(1, 0.5, 20), 0.5 + 0.001 * rng.random(150)]),
        "flat": np.full(170, 0.3),
        "slow": 1 / np.arange(1, 171),
        "noise": rng.random(170),
    }[path]
    network = line()
    training = Training(network, network.parameters())
    optimiser = torch.optim.Adam([nn.Parameter(torch.zeros(1))], lr=RATE)
    schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(optimiser)
    for loss in losses:
        # Two batches of which the epoch's loss is the mean.
        for part in (loss - 0.1, loss + 0.1):
            training.step(network.weight.sum() * 0 + torch.tensor(part, dtype=torch.float64))
        training.end_epoch(torch.tensor(0.0))
        schedule.step(loss)
        assert training.rate == pytest.approx(optimiser.param_groups[0]["lr"], rel=1e-9)
    assert path != "flat" or training.rate < 1e-7
    assert path != "slow" or training.rate > 1e-7


def test_training_ends_when_its_rate_is_exhausted():
    network = line()
    training = Training(network, network.parameters())
    for _ in range(100):
        training.step(network.weight.sum() * 0 + 200)
        if training.end_epoch(torch.tensor(1.0)):
            break
    # Four times eleven epochs without gain lower the rate from 1e-2 to 1e-6.
    assert training.epochs == 4 * 11 + 1
    assert training.best_epoch == 0


def test_the_best_weights_stay():
    network = line(1.0)
    training = Training(network, network.parameters())
    for held in (3.0, 1.0, 2.0):
        training.step(network.weight.sum())
        assert not training.end_epoch(torch.tensor(held))
    training.restore_best()
    assert (training.loss, training.best_epoch, training.epochs) == (1.0, 1, 3)
    assert network.weight.item() == pytest.approx(1 - 2 * RATE, rel=1e-5)


def test_early_epochs_are_not_kept():
    network = line()
    training = Training(network, network.parameters(), first_kept=4)
    for epoch in range(10):
        training.step(-network.weight.sum())
        training.end_epoch(torch.tensor(float(epoch)))  # worse with every step
    training.restore_best()
    assert training.best_epoch == 4
    assert network.weight.item() == pytest.approx(5 * RATE, rel=1e-3)


@pytest.mark.parametrize(("loss", "held"), [(torch.nan, 1.0), (1.0, torch.inf)])
def test_a_loss_that_is_not_finite_stops(loss, held):
    network = line()
    training = Training(network, network.parameters())
    training.step(network.weight.sum() + loss)
    with pytest.raises(DataError, match="not finite at epoch 0"):
        training.end_epoch(torch.tensor(held))


def test_dropout_depends_on_the_seed_of_the_fit_alone():
    x = torch.empty(50, 40)
    torch.manual_seed(1)
    first = Stream(np.random.SeedSequence(1)).keep(x, 0.3, 1 / 0.7)
    torch.manual_seed(2)
    torch.testing.assert_close(Stream(np.random.SeedSequence(1)).keep(x, 0.3, 1 / 0.7), first, rtol=0, atol=0)
    assert first.unique().numpy() == pytest.approx([0, 1 / 0.7])
    assert (first == 0).float().mean().item() == pytest.approx(0.3, abs=0.02)
    assert not torch.equal(Stream(np.random.SeedSequence(2)).keep(x, 0.3, 1 / 0.7), first)


def test_dropout_and_batch_statistics_rest_in_evaluation():
    stack = Stack((6, 5, 3), np.random.default_rng(0), dropout=0.5).eval()
    x = torch.rand(20, 6)
    before = {k: v.clone() for k, v in stack.state_dict().items()}
    torch.testing.assert_close(stack(x), stack(x), rtol=0, atol=0)
    assert all(torch.equal(v, before[k]) for k, v in stack.state_dict().items())
    stack.train()
    stack(x, Stream(np.random.SeedSequence(0)))
    moved = {k for k, v in stack.state_dict().items() if not torch.equal(v, before[k])}
    assert moved == {"norm.0.running_mean", "norm.0.running_var", "norm.0.num_batches_tracked"}


def test_start_values_are_those_of_torch_and_leave_its_generator_alone():
    torch.manual_seed(0)
    state = torch.get_rng_state()
    stack = Stack((400, 300, 2), np.random.default_rng(0))
    assert torch.equal(torch.get_rng_state(), state)
    for layer in (stack.linear[0], stack.out):
        like = nn.Linear(layer.in_features, layer.out_features).weight
        assert layer.weight.abs().max().item() == pytest.approx(like.abs().max().item(), rel=0.01)
        assert layer.weight.std().item() == pytest.approx(like.std().item(), rel=0.1)


@pytest.mark.parametrize("target", ["corrupted", "clean"])
def test_denoising_zeroes_a_fifth_of_inputs_and_maybe_of_targets(target):
    """The error on ones of a network that answers one shows which target it is compared with."""
    settings = settings_of(denoising=True, denoising_target=target, batch_size=4000, epochs=1)
    network = Autoencoder((GENES, 12, 8, 4), np.random.default_rng(0), 0.0)
    nn.init.zeros_(network.decoder.out.weight)
    nn.init.constant_(network.decoder.out.bias, 50.0)
    ones = torch.ones(4000, GENES)
    loss = train_autoencoder(network, ones[:16], ones, settings, Stream(np.random.SeedSequence(0))).loss
    assert loss == pytest.approx(0.2 if target == "corrupted" else 0, abs=0.01)
