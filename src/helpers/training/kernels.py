"""Compiled arithmetic of the CPU engine: sigmoid, batch normalisation, FTRL and Adam.

All functions work in place on float32 buffers and release the interpreter lock, so that independent
models train in parallel threads. ``nnan`` and ``ninf`` are left out of the relaxed arithmetic: a
diverging fit must show as NaN.
"""

from __future__ import annotations

import math
from typing import Any

import numba as nb
import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

F = np.float32
_OPTIONS: dict[str, Any] = {
    "nogil": True,
    "cache": True,
    "fastmath": {"contract", "reassoc", "arcp", "nsz"},
    "error_model": "numpy",
}
#: Of a function that Python calls.
jit = nb.njit(**_OPTIONS)
#: Of a function that compiled functions call. A call that is left in the machine code finds either the copy
#: that was optimised with its caller or one that was optimised alone, and the two round differently: numbers
#: of the process that compiles would differ from those of one that loads its cache.
inlined = nb.njit(forceinline=True, **_OPTIONS)

BN_EPSILON = F(1e-3)
BN_KEEP = F(0.99)


@intrinsic
def _float_of_bits(typing_context, bits):
    signature = types.float32(types.int32)

    def generate(context, builder, signature, arguments):
        return builder.bitcast(arguments[0], ir.FloatType())

    return signature, generate


@inlined
def fast_exp(x):
    """e**x in float32 (Cephes' expf): relative error below 2e-7, inputs clipped to +-87."""
    x = min(max(x, F(-87.0)), F(87.0))
    k = np.int32(x * F(1.44269504) + (F(0.5) if x > 0 else F(-0.5)))
    kf = F(k)
    r = x - kf * F(0.693359375) + kf * F(2.12194440e-4)
    p = F(1.9875691500e-4)
    p = p * r + F(1.3981999507e-3)
    p = p * r + F(8.3334519073e-3)
    p = p * r + F(4.1665795894e-2)
    p = p * r + F(1.6666665459e-1)
    p = p * r + F(5.0000001201e-1)
    p = p * r * r + r + F(1.0)
    return p * _float_of_bits((k + np.int32(127)) << np.int32(23))


@inlined
def sigmoid(x):
    """Logistic function of a float32 number."""
    return F(1.0) / (F(1.0) + fast_exp(-x))


@inlined
def cross_entropy(logit, label):
    """Sigmoid cross-entropy of one logit, stable for large values."""
    return max(logit, F(0.0)) - logit * label + math.log1p(math.exp(-abs(logit)))


@inlined
def batch_norm_train(u, gamma, beta, moving_mean, moving_var, inv, xhat, h):
    """Batch-normalise ``u`` (rows x units), apply the sigmoid, update the moving statistics.

    Biased variance, momentum 0.99 and epsilon 1e-3, as TensorFlow's ``tf.layers`` defaults.
    Fills ``inv`` (1 / standard deviation), ``xhat`` and ``h``.
    """
    rows, units = u.shape
    mean = np.zeros(units, dtype=np.float32)
    var = np.zeros(units, dtype=np.float32)
    for i in range(rows):
        for j in range(units):
            mean[j] += u[i, j]
    for j in range(units):
        mean[j] /= F(rows)
    for i in range(rows):
        for j in range(units):
            d = u[i, j] - mean[j]
            var[j] += d * d
    for j in range(units):
        var[j] /= F(rows)
        inv[j] = F(1.0) / math.sqrt(var[j] + BN_EPSILON)
        moving_mean[j] = BN_KEEP * moving_mean[j] + (F(1.0) - BN_KEEP) * mean[j]
        moving_var[j] = BN_KEEP * moving_var[j] + (F(1.0) - BN_KEEP) * var[j]
    for i in range(rows):
        for j in range(units):
            xhat[i, j] = (u[i, j] - mean[j]) * inv[j]
        for j in range(units):
            h[i, j] = sigmoid(gamma[j] * xhat[i, j] + beta[j])


@inlined
def batch_norm_backward(dh, h, gamma, inv, xhat, d_gamma, d_beta):
    """Turn ``dh`` (gradient at the sigmoid's output) into the gradient at the layer's input, in place."""
    rows, units = dh.shape
    d_gamma[:] = F(0.0)
    d_beta[:] = F(0.0)
    for i in range(rows):
        for j in range(units):
            d = dh[i, j] * h[i, j] * (F(1.0) - h[i, j])
            dh[i, j] = d
            d_beta[j] += d
            d_gamma[j] += d * xhat[i, j]
    scale = F(1.0) / F(rows)
    for i in range(rows):
        for j in range(units):
            dh[i, j] = gamma[j] * inv[j] * (dh[i, j] - scale * (d_beta[j] + xhat[i, j] * d_gamma[j]))


@inlined
def ftrl_update(w, z, n, g, lr, l1, l2):
    """One FTRL-proximal step with ``lr_power = -0.5`` on flat arrays, in place.

    McMahan et al. 2013 in the form of TensorFlow's kernel: ``l2`` enters the denominator as
    ``2 * l2``; ``l1`` acts on the running sum ``z``.
    """
    inv_lr = F(1.0) / lr
    for i in range(w.size):
        gi = g[i]
        n_new = n[i] + gi * gi
        root = math.sqrt(n_new)
        zi = z[i] + gi - (root - math.sqrt(n[i])) * inv_lr * w[i]
        z[i] = zi
        n[i] = n_new
        shrunk = max(zi - l1, F(0.0)) + min(zi + l1, F(0.0))
        w[i] = -shrunk / (root * inv_lr + F(2.0) * l2)


@inlined
def adam_update(w, m, v, g, step_size):
    """One Adam step in TensorFlow's form (epsilon inside the uncorrected root), in place.

    ``step_size`` is ``lr * sqrt(1 - beta2**t) / (1 - beta1**t)``.
    """
    for i in range(w.size):
        gi = g[i]
        mi = F(0.9) * m[i] + F(0.1) * gi
        vi = F(0.999) * v[i] + F(0.001) * gi * gi
        m[i] = mi
        v[i] = vi
        w[i] -= step_size * mi / (math.sqrt(vi) + F(1e-8))
