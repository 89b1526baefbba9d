"""Compare the batched PertVAE trainer with a plain torch loop.

``python -m benchmarks.pertvae`` measures every engine in a process of its own and prints milliseconds per
epoch and model. All do equal work: the published sizes, 978 genes, 17 training pairs and 150 singletons, an
epoch of two minibatches, and its validation on 6 pairs. Measure on a quiet machine; ratios count.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import time

import numpy as np

from benchmarks.runner import columns, measured, peak_memory

GENES, LATENT, CONTEXT, FLOW = 978, 100, 200, 300
PAIRS, SINGLE, WATCHED = 17, 150, 6
ENGINES = {
    "plain torch, one model": 1,
    "helpers, one model": 1,
    "helpers, a batch": 8,
    "helpers, a batch a core": 8,
}


def draw_profiles(seed: int):
    rng = np.random.default_rng(seed)
    return [
        rng.standard_normal((n, GENES), dtype=np.float32) for n in (PAIRS, PAIRS, SINGLE, WATCHED, WATCHED)
    ]


def time_helpers(epochs: int, models: int, cores: int) -> float:
    """Milliseconds per epoch and model of the package's trainer."""
    from helpers.studies.pertvae.model import PertVAE, fit_many

    def fit(n: int) -> float:
        jobs = []
        for i in range(models * cores):
            pre, post, single, *watched = draw_profiles(i)
            model = PertVAE(LATENT, epochs=n, first_stop=n, random_state=i, device="cpu")
            jobs.append((model, {"pre": pre, "post": post, "singletons": single, "validation": watched}))
        start = time.perf_counter()
        fit_many(jobs, n_jobs=cores)
        return time.perf_counter() - start

    return 1000 * (fit(epochs + 2) - fit(2)) / epochs / models / cores


def time_torch(epochs: int) -> float:
    """Milliseconds per epoch of modules, torch's weight normalisation and Adam as one would write them."""
    import torch
    from torch import nn
    from torch.nn.functional import elu, logsigmoid
    from torch.nn.utils.parametrizations import weight_norm

    torch.set_num_threads(1)
    torch.manual_seed(0)

    class Step(nn.Module):
        def __init__(self, reverse: bool) -> None:
            super().__init__()
            from helpers.studies.pertvae.model.networks import autoregressive_masks

            masks = autoregressive_masks(LATENT, FLOW, CONTEXT, reverse=reverse)
            self.masks = [torch.from_numpy(m) for m in masks]
            self.hidden = nn.Linear(LATENT + CONTEXT, FLOW)
            self.out = nn.Linear(FLOW + CONTEXT, 2 * LATENT)
            self.gains = nn.ParameterList([torch.ones(FLOW, 1), torch.ones(2 * LATENT, 1)])

        def weight(self, layer: nn.Linear, k: int) -> torch.Tensor:
            v = layer.weight * self.masks[k]
            return self.gains[k] * v / v.norm(dim=1, keepdim=True)

        def forward(self, z, h):
            u = elu(nn.functional.linear(torch.cat([z, h], 1), self.weight(self.hidden, 0), self.hidden.bias))
            out = nn.functional.linear(torch.cat([u, h], 1), self.weight(self.out, 1), self.out.bias)
            return out.chunk(2, dim=1)

    def dense(*sizes: int) -> nn.Sequential:
        layers = []
        for a, b in itertools.pairwise(sizes[:-1]):
            layers += [weight_norm(nn.Linear(a, b)), nn.ELU()]
        return nn.Sequential(*layers, weight_norm(nn.Linear(sizes[-2], sizes[-1])))

    encoder = dense(GENES, 500, 300, 2 * LATENT + CONTEXT)
    decoder = dense(LATENT, 300, 500, 2 * GENES)
    steps = nn.ModuleList([Step(False), Step(True)])
    effect, spread = nn.Linear(LATENT, LATENT), nn.Linear(LATENT, LATENT)
    nn.init.uniform_(effect.weight, -1e-4, 1e-4)
    model = nn.ModuleList([encoder, decoder, steps, effect, spread])
    optimiser = torch.optim.Adam(model.parameters(), lr=5e-4)
    pre, post, single, watched, target = (torch.from_numpy(x) for x in draw_profiles(0))
    examples = torch.cat([pre, single])

    def encode(x):
        mean, log_scale, h = encoder(x).split([LATENT, LATENT, CONTEXT], dim=1)
        log_scale, h = log_scale.clamp(-6, 3), elu(h)
        noise = torch.randn_like(mean)
        z, log_q = mean + log_scale.exp() * noise, -0.5 * noise**2 - log_scale
        for step in steps:
            shift, gate = step(z, h)
            g = torch.sigmoid(gate)
            z, log_q = g * z + (1 - g) * shift, log_q - logsigmoid(gate)
        return z, log_q

    def log_x(x, z):
        mean, log_scale = decoder(z).chunk(2, dim=1)
        log_scale = log_scale.clamp(-6, 3)
        return (-0.5 * ((x - mean) / log_scale.exp()) ** 2 - log_scale).sum(1)

    def after(z1):
        return z1 + effect(z1), spread(z1).clamp(-6, 3)

    def epoch() -> None:
        for rows in torch.randperm(len(examples)).chunk(2):
            rows = torch.sort(rows).values
            n, p = len(rows), int((rows < PAIRS).sum())
            x = torch.cat([examples[rows], post[rows[:p]]])
            z, log_q = encode(x)
            rebuilt = log_x(x, z)
            first = (log_q[:n] + 0.5 * z[:n] ** 2).sum(1).mean().clamp(min=2)
            mean, log_scale = after(z[:p])
            change = -0.5 * ((z[n:] - mean) / log_scale.exp()) ** 2 - log_scale
            second = (log_q[n:] - change).sum(1).mean().clamp(min=2) if p else 0
            penalty = 0.025 * (effect.weight.square().sum() + effect.bias.square().sum())
            loss = -rebuilt.sum() / n + first + second * p / n + penalty
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        with torch.no_grad():
            for _ in range(4):
                mean, log_scale = after(encode(watched)[0])
                log_x(target, mean + log_scale.exp() * torch.randn_like(mean))

    def run(n: int) -> float:
        start = time.perf_counter()
        for _ in range(n):
            epoch()
        return time.perf_counter() - start

    run(2)
    return 1000 * run(epochs) / epochs


def measure(engine: str, epochs: int) -> dict:
    """Measure in this process; peak memory includes the imports of the engine."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    if engine.startswith("plain"):
        ms = time_torch(epochs)
    else:
        ms = time_helpers(epochs, ENGINES[engine], cores if engine.endswith("core") else 1)
    return {"ms": ms, "peak": peak_memory()}


def main() -> None:
    """Measure every engine, each in a process of its own, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--one", metavar="ENGINE", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measure(options.one, options.epochs)))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("engine", "ms per epoch and model", "times as fast as plain torch", "peak memory, MB")
    base = None
    for engine in ENGINES:
        result = measured("pertvae", engine, "--one", engine, "--epochs", str(options.epochs))
        base = base or result["ms"]
        table.add_row(engine, *columns(result["ms"], base, result["peak"], digits=1))
    Console().print(table)


if __name__ == "__main__":
    main()
