"""scDEAL's layers and training loop against plain torch modules and torch's own schedule."""

import numpy as np
import pytest
import torch
from torch import nn

from helpers.errors import DataError
from helpers.studies.scdeal.model import stages
from helpers.studies.scdeal.model.estimator import ScDEAL
from helpers.studies.scdeal.model.layers import Stack
from helpers.studies.scdeal.model.stages import Rows, Task
from helpers.studies.scdeal.model.streams import Streams
from helpers.studies.scdeal.model.training import Plateau, Schedule, train
from helpers.training.guards import one_thread

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def _one_thread():
    """Small products are slower on two threads, much slower on a busy machine."""
    with one_thread(CPU):
        yield


def torch_blocks(stack, weights):
    """Build the same layers of torch.nn, with the given start values."""
    layers = []
    for i in range(stack.blocks):
        linear = nn.Linear(stack.sizes[i], stack.sizes[i + 1], bias=False)
        linear.weight.data = weights[f"{stack.name}.{i}.weight"].T.clone()
        layers += [linear, nn.BatchNorm1d(stack.sizes[i + 1])]
        layers += [nn.ReLU()] if stack.relu else []
    last = nn.Linear(*stack.sizes[-2:])
    last.weight.data = weights[f"{stack.name}.out.weight"].T.clone()
    last.bias.data = weights[f"{stack.name}.out.bias"][0].clone()
    return nn.Sequential(*layers, last).double()


def settings_of(**changes):
    small = {"encoder": (12, 8), "bottleneck": 4, "predictor": (6, 5), "dropout": 0.0, "batch_size": 16}
    return ScDEAL(**(small | {"denoising": False} | changes)).resolved()


def rows_of(seed, n=48, genes=10):
    # Double precision: rounding would grow over the steps, and the two loops sum in another order.
    x = torch.from_numpy(np.random.default_rng(seed).random((n, genes)))
    y = (x[:, 0] > 0.5).long()
    return Rows(x[:36], x[36:], y[:36], y[36:])


def task_of(seed, *stacks):
    rng = np.random.default_rng(seed)
    weights = {}
    for stack in stacks:
        weights |= {name: value.double() for name, value in stack.initial(rng).items()}
    return Task(rows_of(seed), weights, np.random.SeedSequence(seed))


def plain_training(task, net, loss_of, held_loss, epochs):
    """Loop over epochs and batches with torch's optimiser and scheduler."""
    optimiser = torch.optim.Adam(net.parameters(), lr=0.01)
    schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(optimiser)
    streams = Streams([task.seed])
    held, state = [], []
    for _ in range(epochs):
        net.train()
        order = streams.orders(36)[0]
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


def test_autoencoder_trains_as_a_plain_torch_loop():
    settings = settings_of()
    encoder, decoder = settings.encoder_stack("bulk", 10), settings.decoder_stack(10)
    tasks = [task_of(seed, encoder, decoder) for seed in (3, 4)]
    outcome = stages.autoencode(tasks, encoder, settings, 15, CPU)
    for i, task in enumerate(tasks):
        net = nn.Sequential(
            torch_blocks(encoder, task.start), torch_blocks(decoder, task.start), nn.Sigmoid()
        )
        x, held = task.rows.train, task.rows.validation
        loss, best = plain_training(
            task,
            net,
            lambda net, rows, x=x: nn.functional.mse_loss(net(x[rows]), x[rows]),
            lambda net, held=held: nn.functional.mse_loss(net(held), held),
            15,
        )
        assert outcome.loss[i] == pytest.approx(loss, rel=1e-7)
        assert outcome.best_epoch[i] == best
        code = encoder.forward({k: v[i : i + 1] for k, v in outcome.state.items()}, held[None])[0][0]
        torch.testing.assert_close(code, net[0](held), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("loss", ["sigmoid", "logits"])
def test_predictor_trains_as_a_plain_torch_loop(loss):
    settings = settings_of(loss=loss, epochs=12)
    encoder, predictor = settings.encoder_stack("bulk", 10), settings.predictor_stack()
    task = task_of(5, encoder, predictor)
    outcome = stages.predict([task], encoder, settings, CPU)
    ends = [nn.Sigmoid()] if loss == "sigmoid" else []
    net = nn.Sequential(torch_blocks(encoder, task.start), torch_blocks(predictor, task.start), *ends)
    rows = task.rows
    expected, best = plain_training(
        task,
        net,
        lambda net, order: nn.functional.cross_entropy(net(rows.train[order]), rows.train_labels[order]),
        lambda net: nn.functional.cross_entropy(net(rows.validation), rows.validation_labels),
        12,
    )
    assert outcome.loss[0] == pytest.approx(expected, rel=1e-7)
    assert outcome.best_epoch[0] == best


def test_plateau_same_as_torch():
    rng = np.random.default_rng(0)
    losses = np.concatenate([np.linspace(1, 0.5, 20), 0.5 + 0.001 * rng.random(150)])
    paths = np.column_stack([losses, np.full(170, 0.3), 1 / np.arange(1, 171), rng.random(170)])
    plateau = Plateau(4, 0.01)
    optimisers = [torch.optim.Adam([nn.Parameter(torch.zeros(1))], lr=0.01) for _ in range(4)]
    schedules = [torch.optim.lr_scheduler.ReduceLROnPlateau(o) for o in optimisers]
    for row in paths:
        plateau.step(row)
        for schedule, loss in zip(schedules, row, strict=True):
            schedule.step(loss)
        expected = [o.param_groups[0]["lr"] for o in optimisers]
        np.testing.assert_allclose(plateau.rates, expected, rtol=1e-9)
    assert plateau.rates[1] < 1e-7 < plateau.rates[2]


def test_a_model_ends_when_its_rate_is_exhausted():
    # Model 0 cannot improve, model 1 falls all the time: only the first ends, and its best stays.
    state = {"w": torch.tensor([[0.0], [100.0]])}
    slope = torch.tensor([[0.0], [1.0]])
    outcome = train(
        state,
        ["w"],
        lambda: iter([None]),
        lambda state, _: (state["w"] * slope).sum(1) + 200,
        lambda state: (state["w"] * slope).sum(1),
        Schedule(epochs=100, rate=0.5, stop_rate=0.005),
    )
    assert outcome.epochs.tolist() == [2 * 11 + 1, 100]
    assert outcome.best_epoch.tolist() == [0, 99]
    assert outcome.loss[1] == pytest.approx(100 - 100 * 0.5, rel=1e-3)


def test_early_epochs_are_not_kept():
    state = {"w": torch.zeros(1, 1)}
    outcome = train(
        state,
        ["w"],
        lambda: iter([None]),
        lambda state, _: -state["w"].sum(1) + 5,
        lambda state: state["w"].sum(1),  # worse with every step
        Schedule(epochs=10, rate=0.1, first_kept=4),
    )
    assert outcome.best_epoch[0] == 4
    assert outcome.state["w"].item() == pytest.approx(0.5, rel=1e-3)


def test_a_loss_that_is_not_finite_stops():
    with pytest.raises(DataError, match="not finite at epoch 0"):
        train(
            {"w": torch.zeros(1, 1)},
            ["w"],
            lambda: iter([None]),
            lambda state, _: state["w"].sum(1) + torch.nan,
            lambda state: state["w"].sum(1),
            Schedule(5, 0.1),
        )


def test_dropout_of_a_model_does_not_depend_on_its_neighbours():
    seeds = [np.random.SeedSequence(i) for i in range(3)]
    together = Streams(seeds).keep((50, 40), 0.3)
    alone = Streams(seeds[1:2]).keep((50, 40), 0.3)
    torch.testing.assert_close(together[1], alone[0], rtol=0, atol=0)
    assert together.unique().numpy() == pytest.approx([0, 1 / 0.7])
    assert (together == 0).float().mean().item() == pytest.approx(0.3, abs=0.02)
    assert not torch.equal(together[0], together[1])


def test_dropout_and_batch_statistics_rest_in_evaluation():
    stack = Stack("s", (6, 5, 3), dropout=0.5)
    state = {k: v[None] for k, v in stack.initial(np.random.default_rng(0)).items()}
    x = torch.rand(1, 20, 6)
    before = {k: v.clone() for k, v in state.items()}
    first, second = stack.forward(state, x)[0], stack.forward(state, x)[0]
    torch.testing.assert_close(first, second, rtol=0, atol=0)
    assert all(torch.equal(state[k], before[k]) for k in state)
    stack.forward(state, x, Streams([np.random.SeedSequence(0)]))
    moved = {k for k in state if not torch.equal(state[k], before[k])}
    assert moved == set(stack.statistics)


@pytest.mark.parametrize("target", ["corrupted", "clean"])
def test_denoising_zeroes_a_fifth_of_inputs_and_maybe_of_targets(target):
    """The error of an untrained model on ones shows which target it is compared with."""
    settings = settings_of(denoising=True, denoising_target=target, batch_size=4000, learning_rate=1e-30)
    encoder, decoder = settings.encoder_stack("bulk", 10), settings.decoder_stack(10)
    ones = torch.ones(4000, 10)
    weights = {name: value.float() for name, value in task_of(0, encoder, decoder).start.items()}
    weights |= {"decoder.out.weight": torch.zeros(12, 10), "decoder.out.bias": torch.full((1, 10), 50.0)}
    task = Task(Rows(ones[:16], ones), weights, np.random.SeedSequence(0))
    loss = stages.autoencode([task], encoder, settings, 1, CPU).loss[0]
    assert loss == pytest.approx(0.2 if target == "corrupted" else 0, abs=0.01)
