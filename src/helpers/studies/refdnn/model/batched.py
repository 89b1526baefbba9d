"""Torch engine: many models as one batch, on a GPU or as a second opinion on the CPU.

All models of a batch advance in step: their parameters share a leading model axis, layers are
batched matrix products, and both optimisers are vectorised over the axis. Smaller networks are padded
to the largest with units that are masked to zero, which leaves their numbers unchanged.
"""

from __future__ import annotations

import numpy as np
import torch

from helpers.studies.refdnn.model.layout import FTRL_INITIAL_ACCUMULATOR
from helpers.studies.refdnn.model.task import Fitted, Pairs, Task, initial_moving

_EPSILON = 1e-3
_KEEP = 0.99
_CONVERGED = 1e-5
# Rows of a validation pass that are held at once, per model.
_BLOCK = 4096

State = dict[str, torch.Tensor]


def fit_batch(tasks: list[Task], device: str) -> list[Fitted]:
    """Train all ``tasks`` together; they must share steps, batch size and evaluation rhythm.

    Returns
    -------
    list of Fitted
        In the order of ``tasks``; equal to separate fits up to rounding.
    """
    return _Batch(tasks, torch.device(device)).run()


class _Batch:
    def __init__(self, tasks: list[Task], device: torch.device) -> None:
        self.tasks = tasks
        self.device = device
        first = tasks[0]
        self.batch, self.steps = first.batch, len(first.stream) // first.batch
        self.every, self.first_evaluation = first.evaluate_every, first.first_evaluation
        self.patience = first.patience
        self.hidden = max(t.layout.hidden for t in tasks)
        self.drugs = max(t.layout.drugs for t in tasks)
        self.shared = all(t.expression is first.expression for t in tasks)
        kept = tasks[:1] if self.shared else tasks
        self.expression = self._tensor(np.stack([t.expression for t in kept]))
        self.similarity = self._stack([t.similarity for t in tasks], (None, self.drugs))
        self.mask = self._stack([np.ones((1, t.layout.hidden), np.float32) for t in tasks], (1, self.hidden))
        self.train = {
            name: torch.stack(
                [torch.from_numpy(np.asarray(getattr(t.train, name))[t.stream]) for t in tasks]
            ).to(device)
            for name in ("lines", "drugs", "reference", "labels")
        }
        self.weight_dnn = self._column([t.weights[0] for t in tasks])
        self.weight_en = self._column([t.weights[1] for t in tasks])
        self.rates = {
            name: self._column([getattr(t, name) for t in tasks])[..., None]
            for name in ("lr_ftrl", "lr_adam", "l1", "l2")
        }
        self.kind = {
            k: self._column([float(t.encoder == k) for t in tasks])[..., None].bool()
            for k in ("ftrl", "adam")
        }
        self.affine = self._column([float(t.affine) for t in tasks])[..., None]
        self.position = [0] * len(tasks)

    def _tensor(self, array: np.ndarray) -> torch.Tensor:
        return torch.as_tensor(np.ascontiguousarray(array), device=self.device)

    def _column(self, values: list[float]) -> torch.Tensor:
        return torch.tensor(values, dtype=torch.float32, device=self.device)[:, None]

    def _stack(self, arrays: list[np.ndarray], shape: tuple[int | None, ...]) -> torch.Tensor:
        full = tuple(s if s is not None else arrays[0].shape[i] for i, s in enumerate(shape))
        out = np.zeros((len(arrays), *full), dtype=np.float32)
        for i, array in enumerate(arrays):
            part = tuple(slice(0, n) for n in array.shape)
            out[i][part] = array
        return self._tensor(out)

    def _initial_state(self) -> State:
        d, h = self.drugs, self.hidden
        parts = [t.layout.parts(t.initial_network) for t in self.tasks]
        shapes = {"W1": (d, h), "b1": (1, h), "W2": (h, h), "b2": (1, h), "w3": (h, 1), "b3": (1, 1)}
        shapes |= dict.fromkeys(("gamma1", "beta1", "gamma2", "beta2"), (1, h))
        state = {}
        for name, shape in shapes.items():
            two_d = [np.atleast_2d(p[name]) for p in parts]
            state[name] = self._stack([a.T if name == "w3" else a for a in two_d], shape)
        genes = self.tasks[0].layout.genes
        state["W0"] = self._stack([t.initial_encoder[:genes] for t in self.tasks], (genes, d))
        state["b0"] = self._stack([t.initial_encoder[genes:] for t in self.tasks], (1, d))
        moving = [initial_moving(t.layout.hidden) for t in self.tasks]
        for row, name in enumerate(("mean1", "var1", "mean2", "var2")):
            state[name] = self._stack([m[row : row + 1] for m in moving], (1, h))
        return state

    def run(self) -> list[Fitted]:
        state = self._initial_state()
        # b1 and b2 have no gradient: batch normalisation removes them.
        trained = [n for n in state if not n.startswith(("mean", "var")) and n not in ("b1", "b2")]
        for name in trained:
            state[name].requires_grad_(True)
        slots = {n: (torch.zeros_like(state[n]), torch.zeros_like(state[n])) for n in trained}
        ftrl = {
            n: (torch.zeros_like(state[n]), torch.full_like(state[n], FTRL_INITIAL_ACCUMULATOR))
            for n in ("W0", "b0")
        }
        count = len(self.tasks)
        best = {n: v.detach().clone() for n, v in state.items()}
        best_loss = np.full(count, np.inf)
        counter = np.zeros(count, int)
        status = np.zeros(count, int)
        steps = np.full(count, self.steps)
        active = np.ones(count, bool)
        history: list[list[tuple[float, float, float]]] = [[] for _ in range(count)]
        for step in range(1, self.steps + 1):
            store = step % self.every == 0 and step >= self.first_evaluation
            loss = self._training_loss(state, step)
            gradients = torch.autograd.grad(loss.sum(), [state[n] for n in trained])
            with torch.no_grad():
                self._update(state, dict(zip(trained, gradients, strict=True)), slots, ftrl, step)
            if not store:
                continue
            train_loss = loss.detach().cpu().numpy()
            with torch.no_grad():
                val_loss = self._validation_loss(state)
            for i in np.flatnonzero(active):
                history[i].append((step, float(train_loss[i]), float(val_loss[i])))
            improved = active & (val_loss < best_loss)
            keep = torch.as_tensor(improved, device=self.device)[:, None, None]
            for name, value in state.items():
                best[name] = torch.where(keep, value.detach(), best[name])
            for i in np.flatnonzero(active):
                status[i], counter[i] = self._judge(history[i], improved[i], counter[i])
                if status[i]:
                    active[i] = False
                    steps[i] = step
            best_loss = np.where(improved, val_loss, best_loss)
            if not active.any():
                break
        return [self._result(i, best, int(steps[i]), history[i], int(status[i])) for i in range(count)]

    def _judge(
        self, history: list[tuple[float, float, float]], improved: bool, counter: int
    ) -> tuple[int, int]:
        """Status after an evaluation and the new count of evaluations without improvement."""
        if not np.isfinite(history[-1][2]):
            return 3, counter
        if improved:
            counter = 0
        elif counter < self.patience:
            counter += 1
        else:
            return 1, counter
        if len(history) > 1 and abs(history[-1][1] - history[-2][1]) < _CONVERGED:
            return 2, counter
        return 0, counter

    def _rows(self, lines: torch.Tensor) -> torch.Tensor:
        if self.shared:
            return self.expression[0][lines]
        return self.expression[torch.arange(len(lines), device=self.device)[:, None], lines]

    def _network(self, state: State, z: torch.Tensor, statistics: str) -> torch.Tensor:
        for layer in ("1", "2"):
            u = z @ state[f"W{layer}"] + state[f"b{layer}"]
            if statistics == "batch":
                mean = u.mean(dim=1, keepdim=True)
                var = ((u - mean) ** 2).mean(dim=1, keepdim=True)
                with torch.no_grad():
                    state[f"mean{layer}"].mul_(_KEEP).add_(mean, alpha=1 - _KEEP)
                    state[f"var{layer}"].mul_(_KEEP).add_(var, alpha=1 - _KEEP)
            else:
                mean, var = state[f"mean{layer}"], state[f"var{layer}"]
            normal = (u - mean) / torch.sqrt(var + _EPSILON)
            z = torch.sigmoid(state[f"gamma{layer}"] * normal + state[f"beta{layer}"]) * self.mask
        return (z @ state["w3"] + state["b3"])[..., 0]

    def _loss(self, logits: torch.Tensor, own: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        bce = torch.nn.functional.binary_cross_entropy_with_logits
        network = bce(logits, labels, reduction="none")
        encoder = bce(own, labels, reduction="none")
        return self.weight_dnn * network + self.weight_en * encoder

    def _training_loss(self, state: State, step: int) -> torch.Tensor:
        part = slice((step - 1) * self.batch, step * self.batch)
        lines, drugs, reference, labels = (
            self.train[n][:, part] for n in ("lines", "drugs", "reference", "labels")
        )
        models = torch.arange(len(lines), device=self.device)[:, None]
        a = self._rows(lines) @ state["W0"] + state["b0"]
        z = self.similarity[models, drugs] * torch.sigmoid(a)
        own = torch.gather(a, 2, reference[..., None])[..., 0]
        return self._loss(self._network(state, z, "batch"), own, labels).mean(dim=1)

    def _update(self, state: State, gradients: State, slots: dict, ftrl: dict, step: int) -> None:
        correction = float(np.sqrt(1 - 0.999**step) / (1 - 0.9**step))
        for name, gradient in gradients.items():
            first, second = slots[name]
            first.mul_(0.9).add_(gradient, alpha=0.1)
            second.mul_(0.999).addcmul_(gradient, gradient, value=0.001)
            adam = state[name] - self.rates["lr_adam"] * correction * first / (second.sqrt() + 1e-8)
            if name in ftrl:
                new = torch.where(self.kind["adam"], adam, state[name])
                new = torch.where(self.kind["ftrl"], self._ftrl(state[name], gradient, *ftrl[name]), new)
            elif name.startswith(("gamma", "beta")):
                new = torch.lerp(state[name], adam, self.affine)
            else:
                new = adam
            state[name].copy_(new)

    def _ftrl(self, w: torch.Tensor, g: torch.Tensor, z: torch.Tensor, n: torch.Tensor) -> torch.Tensor:
        r = self.rates
        grown = n + g * g
        z += g - (grown.sqrt() - n.sqrt()) / r["lr_ftrl"] * w
        n.copy_(grown)
        shrunk = torch.sign(z) * torch.clamp(z.abs() - r["l1"], min=0)
        return -shrunk / (grown.sqrt() / r["lr_ftrl"] + 2 * r["l2"])

    def _validation_loss(self, state: State) -> np.ndarray:
        """Mean loss of each model's next window of validation pairs."""
        all_lines = torch.arange(self.expression.shape[1], device=self.device)
        a_lines = self._rows(all_lines.expand(len(self.tasks), -1)) @ state["W0"] + state["b0"]
        sizes = [t.window for t in self.tasks]
        rows = [
            (self.position[i] + np.arange(n)) % len(t.validation)
            for i, (n, t) in enumerate(zip(sizes, self.tasks, strict=True))
        ]
        self.position = [
            (p + n) % len(t.validation) for p, n, t in zip(self.position, sizes, self.tasks, strict=True)
        ]
        total = torch.zeros(len(self.tasks), dtype=torch.float64, device=self.device)
        for start in range(0, max(sizes), _BLOCK):
            total += self._block_loss(state, a_lines, [r[start : start + _BLOCK] for r in rows])
        return total.cpu().numpy() / np.array(sizes)

    def _block_loss(self, state: State, a_lines: torch.Tensor, rows: list[np.ndarray]) -> torch.Tensor:
        width = max(len(r) for r in rows)
        weight = np.zeros((len(rows), width), np.float32)
        columns = {n: np.zeros((len(rows), width), np.int64) for n in ("lines", "drugs", "reference")}
        labels = np.zeros((len(rows), width), np.float32)
        for i, (r, task) in enumerate(zip(rows, self.tasks, strict=True)):
            pairs: Pairs = task.validation
            weight[i, : len(r)] = 1
            labels[i, : len(r)] = pairs.labels[r]
            for name, column in columns.items():
                column[i, : len(r)] = getattr(pairs, name)[r]
        lines, drugs, reference = (self._tensor(columns[n]) for n in ("lines", "drugs", "reference"))
        models = torch.arange(len(rows), device=self.device)[:, None]
        a = a_lines[models, lines]
        own = torch.gather(a, 2, reference[..., None])[..., 0]
        logits = self._network(state, self.similarity[models, drugs] * torch.sigmoid(a), "moving")
        loss = self._loss(logits, own, self._tensor(labels)) * self._tensor(weight)
        return loss.double().sum(dim=1)

    def _result(self, i: int, best: State, steps: int, history: list, status: int) -> Fitted:
        layout = self.tasks[i].layout
        d, h = layout.drugs, layout.hidden
        arrays = {n: v[i].cpu().numpy() for n, v in best.items()}
        network = np.empty(layout.size, np.float32)
        for name, view in layout.parts(network).items():
            rows = {"W1": d, "W2": h, "w3": h}.get(name, 1)
            columns = 1 if name in ("w3", "b3") else h
            view[...] = arrays[name][:rows, :columns].reshape(view.shape)
        encoder = np.concatenate([arrays["W0"], arrays["b0"]])[:, :d]
        moving = np.concatenate([arrays[n] for n in ("mean1", "var1", "mean2", "var2")])[:, :h]
        return Fitted(
            np.ascontiguousarray(encoder),
            network,
            np.ascontiguousarray(moving),
            steps,
            np.array(history),
            status,
        )
