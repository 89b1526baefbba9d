"""Compiled arithmetic: gates, attention, normalisation, losses, Adam.

Rows of a sequence are stored step by step: row ``t * batch + b`` is step t of example b. Matrix products
are not here; they go to the BLAS library.
"""

from __future__ import annotations

import math

import numpy as np

from helpers.training.kernels import F, fast_exp, inlined, jit, sigmoid

LINEAR, TANH, RELU = 0, 1, 2
NORM_EPSILON = F(1e-3)


@inlined
def tanh(x):
    """Hyperbolic tangent of a float32 number."""
    return F(2.0) * sigmoid(F(2.0) * x) - F(1.0)


@jit
def adam(w, m, v, g, step_size, epsilon):
    """One Adam step as Keras does it, in place; the root is not corrected for its start."""
    for i in range(w.size):
        gi = g[i]
        mi = F(0.9) * m[i] + F(0.1) * gi
        vi = F(0.999) * v[i] + F(0.001) * gi * gi
        m[i] = mi
        v[i] = vi
        w[i] -= step_size * mi / (math.sqrt(vi) + epsilon)


@jit
def gather_tables(tables, codes, order, out):
    """Fill ``out`` (steps, batch, size) with rows of ``tables`` (steps, rows, size)."""
    for t in range(out.shape[0]):
        for b in range(out.shape[1]):
            row = codes[order[b], t]
            for j in range(out.shape[2]):
                out[t, b, j] = tables[t, row, j]


@jit
def scatter_tables(d_out, codes, order, d_tables):
    """Gradient of :func:`gather_tables` into ``d_tables``, which is emptied first."""
    d_tables[:] = F(0.0)
    for t in range(d_out.shape[0]):
        for b in range(d_out.shape[1]):
            row = codes[order[b], t]
            for j in range(d_out.shape[2]):
                d_tables[t, row, j] += d_out[t, b, j]


@jit
def activate(y, bias, kind):
    """Add the bias and apply the activation, in place."""
    for i in range(y.shape[0]):
        if kind == TANH:
            for j in range(y.shape[1]):
                y[i, j] = tanh(y[i, j] + bias[j])
        elif kind == RELU:
            for j in range(y.shape[1]):
                y[i, j] = max(y[i, j] + bias[j], F(0.0))
        else:
            for j in range(y.shape[1]):
                y[i, j] += bias[j]


@jit
def activate_backward(dy, y, d_bias, kind):
    """Turn the gradient at the activation's output into that at its input; sum it for the bias."""
    d_bias[:] = F(0.0)
    for i in range(y.shape[0]):
        if kind == TANH:
            for j in range(y.shape[1]):
                dy[i, j] *= F(1.0) - y[i, j] * y[i, j]
        elif kind == RELU:
            for j in range(y.shape[1]):
                dy[i, j] = dy[i, j] if y[i, j] > 0 else F(0.0)
        for j in range(y.shape[1]):
            d_bias[j] += dy[i, j]


@jit
def column_sums(values, out):
    """Sum ``values`` over its rows into ``out``."""
    out[:] = F(0.0)
    for i in range(values.shape[0]):
        for j in range(values.shape[1]):
            out[j] += values[i, j]


@jit
def gru_forward(a, p, bias, before, z, r, c, q, h):
    """One step of a GRU with the reset gate after the product (Keras' default).

    ``a`` and ``p`` (batch, 3 units) are the products of input and state, ``before`` the state; fills
    the gates z and r, the candidate c, its recurrent part q, and the new state h.
    """
    units = h.shape[1]
    for i in range(h.shape[0]):
        for j in range(units):
            z[i, j] = sigmoid(a[i, j] + p[i, j] + bias[0, j] + bias[1, j])
        for j in range(units):
            k = units + j
            r[i, j] = sigmoid(a[i, k] + p[i, k] + bias[0, k] + bias[1, k])
        for j in range(units):
            k = 2 * units + j
            q[i, j] = p[i, k] + bias[1, k]
            c[i, j] = tanh(a[i, k] + bias[0, k] + r[i, j] * q[i, j])
            h[i, j] = z[i, j] * before[i, j] + (F(1.0) - z[i, j]) * c[i, j]


@jit
def gru_backward(dh, before, z, r, c, q, da, dp, carried):
    """Gradients at both products of a step, and the part of ``dh`` that the gate z hands back."""
    units = dh.shape[1]
    for i in range(dh.shape[0]):
        for j in range(units):
            g, zi, ri, ci = dh[i, j], z[i, j], r[i, j], c[i, j]
            dc = g * (F(1.0) - zi) * (F(1.0) - ci * ci)
            dz = g * (before[i, j] - ci) * zi * (F(1.0) - zi)
            dr = dc * q[i, j] * ri * (F(1.0) - ri)
            da[i, j] = dz
            dp[i, j] = dz
            da[i, units + j] = dr
            dp[i, units + j] = dr
            da[i, 2 * units + j] = dc
            dp[i, 2 * units + j] = dc * ri
            carried[i, j] = g * zi


@jit
def lstm_forward(a, p, bias, before, i_gate, f_gate, g_gate, o_gate, cell, h):
    """One step of an LSTM; ``before`` is the cell before, the gates are in Keras' order i, f, c, o."""
    units = h.shape[1]
    for i in range(h.shape[0]):
        for j in range(units):
            i_gate[i, j] = sigmoid(a[i, j] + p[i, j] + bias[j])
            k = units + j
            f_gate[i, j] = sigmoid(a[i, k] + p[i, k] + bias[k])
            k = 2 * units + j
            g_gate[i, j] = tanh(a[i, k] + p[i, k] + bias[k])
            k = 3 * units + j
            o_gate[i, j] = sigmoid(a[i, k] + p[i, k] + bias[k])
            cell[i, j] = f_gate[i, j] * before[i, j] + i_gate[i, j] * g_gate[i, j]
            h[i, j] = o_gate[i, j] * tanh(cell[i, j])


@jit
def lstm_backward(dh, d_cell, before, i_gate, f_gate, g_gate, o_gate, cell, da):
    """Gradient at the products of a step; ``d_cell`` passes from each step to the one before."""
    units = dh.shape[1]
    for i in range(dh.shape[0]):
        for j in range(units):
            ig, fg, gg, og = i_gate[i, j], f_gate[i, j], g_gate[i, j], o_gate[i, j]
            squashed = tanh(cell[i, j])
            dc = d_cell[i, j] + dh[i, j] * og * (F(1.0) - squashed * squashed)
            da[i, j] = dc * gg * ig * (F(1.0) - ig)
            da[i, units + j] = dc * before[i, j] * fg * (F(1.0) - fg)
            da[i, 2 * units + j] = dc * ig * (F(1.0) - gg * gg)
            da[i, 3 * units + j] = dh[i, j] * squashed * og * (F(1.0) - og)
            d_cell[i, j] = dc * fg


@jit
def attend(query, key, value, scale, share, out):
    """Scaled dot-product attention of every example over its steps, head by head.

    Parameters
    ----------
    query, key, value : arrays (steps, batch, heads * size)
    scale : factor of the products
    share : array (batch, heads, steps, steps)
        Filled with the attention weights.
    out : array (steps, batch, heads * size)
    """
    steps, batch, width = query.shape
    heads = share.shape[1]
    size = width // heads
    for b in range(batch):
        for h in range(heads):
            first = h * size
            for s in range(steps):
                top = F(-3e38)
                for t in range(steps):
                    product = F(0.0)
                    for j in range(first, first + size):
                        product += query[s, b, j] * key[t, b, j]
                    share[b, h, s, t] = product * scale
                    top = max(top, product * scale)
                total = F(0.0)
                for t in range(steps):
                    e = fast_exp(share[b, h, s, t] - top)
                    share[b, h, s, t] = e
                    total += e
                for j in range(first, first + size):
                    out[s, b, j] = F(0.0)
                for t in range(steps):
                    share[b, h, s, t] /= total
                    weight = share[b, h, s, t]
                    for j in range(first, first + size):
                        out[s, b, j] += weight * value[t, b, j]


@jit
def attend_backward(d_out, query, key, value, scale, share, d_query, d_key, d_value):
    """Add the gradients of :func:`attend` to ``d_query``, ``d_key``, ``d_value`` (which may be one array)."""
    steps, batch, width = query.shape
    heads = share.shape[1]
    size = width // heads
    d_share = np.empty(steps, np.float32)
    for b in range(batch):
        for h in range(heads):
            first = h * size
            for s in range(steps):
                mean = F(0.0)
                for t in range(steps):
                    product = F(0.0)
                    weight = share[b, h, s, t]
                    for j in range(first, first + size):
                        product += d_out[s, b, j] * value[t, b, j]
                        d_value[t, b, j] += weight * d_out[s, b, j]
                    d_share[t] = product
                    mean += weight * product
                for t in range(steps):
                    slope = share[b, h, s, t] * (d_share[t] - mean) * scale
                    for j in range(first, first + size):
                        d_query[s, b, j] += slope * key[t, b, j]
                        d_key[t, b, j] += slope * query[s, b, j]


@jit
def normalise(x, extra, gamma, beta, normal, inverse, out):
    """Layer normalisation of ``x + extra`` over the last axis; keeps what the gradient needs."""
    size = x.shape[1]
    for i in range(x.shape[0]):
        mean = F(0.0)
        for j in range(size):
            mean += x[i, j] + extra[i, j]
        mean /= F(size)
        variance = F(0.0)
        for j in range(size):
            d = x[i, j] + extra[i, j] - mean
            normal[i, j] = d
            variance += d * d
        inverse[i] = F(1.0) / math.sqrt(variance / F(size) + NORM_EPSILON)
        for j in range(size):
            normal[i, j] *= inverse[i]
            out[i, j] = gamma[j] * normal[i, j] + beta[j]


@jit
def normalise_backward(dy, gamma, normal, inverse, d_gamma, d_beta):
    """Turn the gradient at the output of :func:`normalise` into that at its input, in place."""
    size = dy.shape[1]
    d_gamma[:] = F(0.0)
    d_beta[:] = F(0.0)
    for i in range(dy.shape[0]):
        first = F(0.0)
        second = F(0.0)
        for j in range(size):
            d_gamma[j] += dy[i, j] * normal[i, j]
            d_beta[j] += dy[i, j]
            first += dy[i, j] * gamma[j]
            second += dy[i, j] * gamma[j] * normal[i, j]
        for j in range(size):
            inner = dy[i, j] * gamma[j] - (first + normal[i, j] * second) / F(size)
            dy[i, j] = inverse[i] * inner


@jit
def row_loss(y, bias, targets, order, share, absolute):
    """Weighted loss of a minibatch; turns ``y`` (outputs without bias) into the gradient there.

    ``share`` is the weight of each row; rows of weight 0 are padding. The error is ``absolute`` or squared.
    """
    genes = y.shape[1]
    total = 0.0
    for i in range(y.shape[0]):
        row = order[i]
        value = F(0.0)
        if absolute:
            for j in range(genes):
                e = y[i, j] + bias[j] - targets[row, j]
                value += abs(e)
                y[i, j] = np.sign(e)
        else:
            for j in range(genes):
                e = y[i, j] + bias[j] - targets[row, j]
                value += e * e
                y[i, j] = F(2.0) * e
        value /= F(genes)
        factor = share[i] / F(genes)
        for j in range(genes):
            y[i, j] *= factor
        if share[i] > 0:
            total += share[i] * value
    return total
