"""Layers of the compiled engine: each holds its buffers, runs forward, and fills its gradients backward.

A layer writes its output to ``y`` and reads the gradient there from ``dy``; ``backward`` fills the
gradients of its own weights and that at its input, ``dx``. Matrix products go to torch's BLAS library,
on buffers that numpy and torch share.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from helpers.studies.perturbation.model.compiled import kernels as k


class Buffer:
    """A float32 array that numpy (``n``) and torch (``t``, transposed ``tt``) share."""

    def __init__(self, array: np.ndarray) -> None:
        self.n = array
        self.t = torch.from_numpy(array)
        self.tt = self.t.mT if array.ndim > 1 else self.t

    @classmethod
    def zeros(cls, *shape: int) -> Buffer:
        """Return a new buffer filled with zeros."""
        return cls(np.zeros(shape, np.float32))

    def view(self, *shape: int) -> Buffer:
        """Return the same memory in another shape."""
        return Buffer(self.n.reshape(shape))

    def __getitem__(self, item) -> Buffer:
        return Buffer(self.n[item])


#: Weight and its gradient, in the order of the Keras model's variables.
Weights = Iterator[tuple[Buffer, Buffer]]


class Dense:
    """Dense layer with activation."""

    def __init__(self, x: Buffer, weights: Weights, kind: int = k.LINEAR) -> None:
        self.x, self.kind = x, kind
        (w, dw), (b, db) = next(weights), next(weights)
        # Kernels of the attention have the heads as an axis of their own.
        width = x.n.shape[1]
        self.w, self.dw = w.view(width, -1), dw.view(width, -1)
        self.b, self.db = b.view(-1), db.view(-1)
        rows, units = x.n.shape[0], self.w.n.shape[1]
        self.y, self.dy = Buffer.zeros(rows, units), Buffer.zeros(rows, units)
        self.dx = Buffer.zeros(*x.n.shape)

    def forward(self) -> None:
        """Fill ``y``."""
        torch.mm(self.x.t, self.w.t, out=self.y.t)
        k.activate(self.y.n, self.b.n, self.kind)

    def backward(self) -> None:
        """Turn ``dy`` into gradients."""
        k.activate_backward(self.dy.n, self.y.n, self.db.n, self.kind)
        torch.mm(self.x.tt, self.dy.t, out=self.dw.t)
        torch.mm(self.dy.t, self.w.tt, out=self.dx.t)


class Recurrent:
    """GRU or LSTM over ``x`` (steps * batch, size); ``y`` holds the states of all steps.

    With ``sequence`` the gradient comes in at every step of ``dy``, else at its last step.
    """

    def __init__(self, x: Buffer, batch: int, weights: Weights, *, lstm: bool, sequence: bool) -> None:
        self.x, self.lstm, self.sequence = x, lstm, sequence
        (self.w, self.dw), (self.u, self.du), (self.b, self.db) = (next(weights) for _ in range(3))
        rows, self.units = x.n.shape[0], self.u.n.shape[0]
        self.steps = rows // batch
        gates = self.u.n.shape[1]
        self.y, self.dy = Buffer.zeros(rows, self.units), Buffer.zeros(rows, self.units)
        self.a, self.da = Buffer.zeros(rows, gates), Buffer.zeros(rows, gates)
        # A GRU's reset gate scales the recurrent product, so that its gradient differs from the input's.
        self.dp = self.da if lstm else Buffer.zeros(rows, gates)
        self.dx = Buffer.zeros(*x.n.shape)
        self.start, self.no_product = Buffer.zeros(batch, self.units), Buffer.zeros(batch, gates)
        self.product, self.carried = Buffer.zeros(batch, gates), Buffer.zeros(batch, self.units)
        self.dh = Buffer.zeros(batch, self.units)
        self.saved = [Buffer.zeros(rows, self.units) for _ in range(5 if lstm else 4)]
        self.at = [self._step(slice(t * batch, (t + 1) * batch)) for t in range(self.steps)]
        # State before and gradient at each recurrent product; the first step has none.
        self.before, self.d_product = self.y[: rows - batch], self.dp[batch:]

    def _step(self, rows: slice) -> dict[str, Buffer]:
        names = ("i", "f", "g", "o", "cell") if self.lstm else ("z", "r", "c", "q")
        step = {name: getattr(self, name)[rows] for name in ("y", "dy", "a", "da", "dp")}
        return step | {name: buffer[rows] for name, buffer in zip(names, self.saved, strict=True)}

    def forward(self) -> None:
        """Fill ``y``."""
        torch.mm(self.x.t, self.w.t, out=self.a.t)
        state = cell = self.start
        for t, s in enumerate(self.at):
            product = self.no_product
            if t:
                product = self.product
                torch.mm(state.t, self.u.t, out=product.t)
            if self.lstm:
                gates = (s[n].n for n in ("i", "f", "g", "o", "cell", "y"))
                k.lstm_forward(s["a"].n, product.n, self.b.n, cell.n, *gates)
                cell = s["cell"]
            else:
                gates = (s[n].n for n in ("z", "r", "c", "q", "y"))
                k.gru_forward(s["a"].n, product.n, self.b.n, state.n, *gates)
            state = s["y"]

    def backward(self) -> None:
        """Turn ``dy`` into gradients."""
        dh = self.at[-1]["dy"]
        if self.lstm:
            self.carried.n[:] = 0
        for t in range(self.steps - 1, -1, -1):
            s, before = self.at[t], self.at[t - 1]  # at the first step nothing reads the latter
            if self.lstm:
                gates = (s[n].n for n in ("i", "f", "g", "o", "cell", "da"))
                cell = before["cell"] if t else self.start
                k.lstm_backward(dh.n, self.carried.n, cell.n, *gates)
            else:
                gates = (s[n].n for n in ("z", "r", "c", "q", "da", "dp"))
                state = before["y"] if t else self.start
                k.gru_backward(dh.n, state.n, *gates, self.carried.n)
            if t:
                if self.lstm:
                    torch.mm(s["dp"].t, self.u.tt, out=self.dh.t)
                else:
                    torch.addmm(self.carried.t, s["dp"].t, self.u.tt, out=self.dh.t)
                if self.sequence:
                    self.dh.t.add_(before["dy"].t)
                dh = self.dh
        torch.mm(self.x.tt, self.da.t, out=self.dw.t)
        torch.mm(self.before.tt, self.d_product.t, out=self.du.t)
        torch.mm(self.da.t, self.w.tt, out=self.dx.t)
        if self.lstm:
            k.column_sums(self.da.n, self.db.n)
        else:
            k.column_sums(self.da.n, self.db.n[0])
            k.column_sums(self.dp.n, self.db.n[1])


class MeanAndLast:
    """Mean over steps of dot-product self-attention (or of the states themselves) beside the last state."""

    def __init__(self, x: Buffer, batch: int, *, attends: bool) -> None:
        rows, units = x.n.shape
        self.attends, self.steps, self.units = attends, rows // batch, units
        self.x, self.dx = x.n.reshape(self.steps, batch, units), Buffer.zeros(rows, units)
        self.attended, self.d_attended = (np.zeros((self.steps, batch, units), np.float32) for _ in "xy")
        self.share = np.zeros((batch, 1, self.steps, self.steps), np.float32)
        self.y, self.dy = Buffer.zeros(batch, 2 * units), Buffer.zeros(batch, 2 * units)

    def forward(self) -> None:
        """Fill ``y``."""
        x = self.x
        if self.attends:
            k.attend(x, x, x, k.F(1), self.share, self.attended)
        attended = self.attended if self.attends else x
        attended.mean(axis=0, out=self.y.n[:, : self.units])
        self.y.n[:, self.units :] = x[-1]

    def backward(self) -> None:
        """Turn ``dy`` into the gradient at the input."""
        x, dx = self.x, self.dx.n.reshape(self.x.shape)
        self.d_attended[:] = self.dy.n[:, : self.units] / k.F(self.steps)
        if self.attends:
            dx[:] = 0
            k.attend_backward(self.d_attended, x, x, x, k.F(1), self.share, dx, dx, dx)
        else:
            dx[:] = self.d_attended
        dx[-1] += self.dy.n[:, self.units :]


class TransformerBlock:
    """Multi-head self-attention, residuals, layer normalisation, feed-forward; the mean over steps."""

    def __init__(self, x: Buffer, batch: int, heads: int, weights: Weights) -> None:
        rows, size = x.n.shape
        self.x, self.batch, self.steps = x, batch, rows // batch
        self.query, self.key, self.value = (Dense(x, weights) for _ in range(3))
        width = self.query.y.n.shape[1]
        self.scale = k.F(1 / np.sqrt(width // heads))
        self.share = np.zeros((batch, heads, self.steps, self.steps), np.float32)
        self.context = Buffer.zeros(rows, width)
        self.out = Dense(self.context, weights)
        self.norm_1 = Norm(x, self.out.y, weights)
        self.forward_1 = Dense(self.norm_1.y, weights, k.RELU)
        self.forward_2 = Dense(self.forward_1.y, weights)
        self.norm_2 = Norm(self.norm_1.y, self.forward_2.y, weights)
        self.y, self.dy = Buffer.zeros(batch, size), Buffer.zeros(batch, size)
        self.dx = Buffer.zeros(rows, size)

    def _by_step(self, array: np.ndarray) -> np.ndarray:
        return array.reshape(self.steps, self.batch, -1)

    def forward(self) -> None:
        """Fill ``y``."""
        projections = (self.query, self.key, self.value)
        for layer in projections:
            layer.forward()
        q, key, v = (self._by_step(layer.y.n) for layer in projections)
        k.attend(q, key, v, self.scale, self.share, self._by_step(self.context.n))
        for after in (self.out, self.norm_1, self.forward_1, self.forward_2, self.norm_2):
            after.forward()
        self._by_step(self.norm_2.y.n).mean(axis=0, out=self.y.n)

    def backward(self) -> None:
        """Turn ``dy`` into gradients."""
        self._by_step(self.norm_2.dy.n)[:] = self.dy.n / k.F(self.steps)
        self.norm_2.backward()
        self.forward_2.dy.n[:] = self.norm_2.dy.n
        self.forward_2.backward()
        self.forward_1.dy.n[:] = self.forward_2.dx.n
        self.forward_1.backward()
        np.add(self.norm_2.dy.n, self.forward_1.dx.n, out=self.norm_1.dy.n)
        self.norm_1.backward()
        self.out.dy.n[:] = self.norm_1.dy.n
        self.out.backward()
        projections = (self.query, self.key, self.value)
        for layer in projections:
            layer.dy.n[:] = 0
        k.attend_backward(
            self._by_step(self.out.dx.n),
            *(self._by_step(layer.y.n) for layer in projections),
            self.scale,
            self.share,
            *(self._by_step(layer.dy.n) for layer in projections),
        )
        self.dx.n[:] = self.norm_1.dy.n
        for layer in projections:
            layer.backward()
            self.dx.n += layer.dx.n


class Norm:
    """Layer normalisation of the sum of two arrays; ``dy`` becomes the gradient at either."""

    def __init__(self, x: Buffer, extra: Buffer, weights: Weights) -> None:
        self.x, self.extra = x, extra
        (self.gamma, self.d_gamma), (self.beta, self.d_beta) = next(weights), next(weights)
        self.normal, self.inverse = np.zeros_like(x.n), np.zeros(len(x.n), np.float32)
        self.y, self.dy = Buffer.zeros(*x.n.shape), Buffer.zeros(*x.n.shape)

    def forward(self) -> None:
        """Fill ``y``."""
        k.normalise(self.x.n, self.extra.n, self.gamma.n, self.beta.n, self.normal, self.inverse, self.y.n)

    def backward(self) -> None:
        """Turn ``dy`` into the gradient at the sum."""
        k.normalise_backward(
            self.dy.n, self.gamma.n, self.normal, self.inverse, self.d_gamma.n, self.d_beta.n
        )
