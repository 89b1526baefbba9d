"""One fit: minibatches, the loop over epochs, early stopping."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from helpers.studies.pertvae.model.bound import Batch, training_loss, validation_loss
from helpers.studies.pertvae.model.networks import Networks
from helpers.studies.pertvae.model.settings import Settings
from helpers.training.guards import flushed_denormals, one_thread

#: Draws of the validation loss; their noise is fixed, so that epochs are comparable.
VALIDATION_DRAWS = 4
NOT_FINITE = "loss not finite"


@dataclass(frozen=True, eq=False)
class Examples:
    """Everything that one fit learns from; an example is a pair or a singleton.

    Attributes
    ----------
    pre, post : float32 arrays (pairs, genes)
    singletons : float32 array (profiles, genes)
    weight : array (pairs + profiles,)
        Probability of an example, drawn with replacement.
    validation : (x, target), float32 arrays (rows, genes)
    """

    pre: np.ndarray
    post: np.ndarray
    singletons: np.ndarray
    weight: np.ndarray
    validation: tuple[np.ndarray, np.ndarray]

    def minibatches(self, batch_size: int, rng: np.random.Generator) -> list[np.ndarray]:
        """Draw an epoch and cut it into equal parts of at most ``batch_size`` examples, pairs first."""
        n = len(self.weight)
        order = rng.choice(n, size=n, p=self.weight)
        return [np.sort(part) for part in np.array_split(order, -(-n // batch_size))]

    def split(self, part: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Rows of the pairs and of the singletons of a minibatch."""
        n_pairs = len(self.pre)
        return part[part < n_pairs], part[part >= n_pairs] - n_pairs


class Fitted(NamedTuple):
    """Best state of a fit.

    Attributes
    ----------
    networks : Networks, on the CPU
    best_epoch : int
        Epoch of the lowest validation loss; 0 is the start.
    history : list of (epoch, mean training loss, validation loss), nats an example
    stopped : str
        Why the fit ended.
    """

    networks: Networks
    best_epoch: int
    history: list[tuple[int, float, float]]
    stopped: str


def train(examples: Examples, settings: Settings) -> Fitted:
    """Train networks until the validation loss no longer falls, and keep the state of its minimum.

    Start values, order of the examples, noise and validation noise have generators of their own.
    """
    device = settings.torch_device()
    with one_thread(device), flushed_denormals():
        return _train(examples, settings, device)


def _train(examples: Examples, settings: Settings, device: str) -> Fitted:
    seeds = np.random.SeedSequence(settings.random_state).spawn(4)
    start, order, noise, watched = (np.random.default_rng(seed) for seed in seeds)
    networks = Networks(examples.singletons.shape[1], settings, start)
    parts = examples.minibatches(settings.batch_size, order)
    start_from_data(networks, examples, parts[0], settings.latent, start)
    networks.to(device)
    batches = Batches(examples, settings, noise, device)
    x, target = (torch.from_numpy(rows).to(device) for rows in examples.validation)
    shape = (2, VALIDATION_DRAWS, len(x), settings.latent)
    fixed = torch.from_numpy(watched.standard_normal(shape, dtype=np.float32)).to(device)
    # The fused form passes once over parameters, gradients and moments: memory is what it waits for.
    parameters = [p for p in networks.parameters() if p.requires_grad]
    optimiser = torch.optim.Adam(parameters, lr=settings.learning_rate, fused=True)
    best, best_loss, best_epoch, history = _copy(networks), np.inf, 0, []
    stopped = "all epochs done"
    for epoch in range(1, settings.epochs + 1):
        losses = []
        for part in parts:
            loss = training_loss(networks, batches.of(part), settings)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            losses.append(loss.item())
            if not np.isfinite(losses[-1]):
                break
        value = losses[-1]
        if np.isfinite(value):
            value = validation_loss(networks, x, target, fixed, settings.watch)
            history.append((epoch, float(np.mean(losses)), value))
        if not np.isfinite(value):
            stopped = NOT_FINITE
            break
        if value < best_loss:
            best, best_loss, best_epoch = _copy(networks), value, epoch
        waited = epoch >= settings.first_stop and epoch - best_epoch >= settings.patience
        if waited and epoch < settings.epochs:
            stopped = "early stopping"
            break
        parts = examples.minibatches(settings.batch_size, order)
    networks.load_state_dict(best)
    return Fitted(networks.cpu().requires_grad_(False), best_epoch, history, stopped)


def start_from_data(
    networks: Networks, examples: Examples, part: np.ndarray, latent: int, rng: np.random.Generator
) -> None:
    """Start on the first minibatch that training will see, both profiles of its pairs."""
    pairs, single = examples.split(part)
    x = np.concatenate([examples.pre[pairs], examples.post[pairs], examples.singletons[single]])
    noise = rng.standard_normal((len(x), latent), dtype=np.float32)
    networks.start_from_data(torch.from_numpy(x), torch.from_numpy(noise))


class Batches:
    """Minibatches on the device, each with fresh noise."""

    def __init__(self, examples: Examples, settings: Settings, rng: np.random.Generator, device: str) -> None:
        self.examples, self.latent, self.rng, self.device = examples, settings.latent, rng, device
        self.twice = settings.with_effect and settings.post_code == "pre"
        rows = np.concatenate([examples.pre, examples.singletons, examples.post])
        self.profiles = torch.from_numpy(rows).to(self.device)

    def of(self, part: np.ndarray) -> Batch:
        """Gather the profiles of a minibatch and draw its noise."""
        n_pairs = len(self.examples.split(part)[0])
        rows = np.concatenate([part, part[:n_pairs] + len(self.examples.weight)])
        x = self.profiles[torch.from_numpy(rows).to(self.device)]
        noise = self._noise(len(rows))
        return Batch(x, n_pairs, noise, self._noise(n_pairs) if self.twice else None)

    def _noise(self, rows: int) -> Tensor:
        drawn = self.rng.standard_normal((rows, self.latent), dtype=np.float32)
        return torch.from_numpy(drawn).to(self.device)


def _copy(networks: Networks) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in networks.state_dict().items()}
