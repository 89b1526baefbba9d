"""Passes without gradients in compiled code: predictions, and the loss that early stopping watches."""

from __future__ import annotations

import math

import numpy as np

from helpers.studies.refdnn.model.task import Fitted
from helpers.training.kernels import BN_EPSILON, cross_entropy, inlined, sigmoid

# Rows per block of a forward pass.
_BLOCK = 256


@inlined
def part(flat, start, rows, columns):
    """View ``rows`` x ``columns`` numbers of a flat vector as a matrix."""
    return flat[start : start + rows * columns].reshape(rows, columns)


@inlined
def encode_lines(expression, encoder, logits):
    """Fill ``logits`` (lines x drugs) with expression @ kernel + bias."""
    genes = expression.shape[1]
    np.dot(expression, encoder[:genes], logits)
    for i in range(logits.shape[0]):
        for d in range(logits.shape[1]):
            logits[i, d] += encoder[genes, d]


@inlined
def forward(line_logits, similarity, lines, drugs, network, hidden, moving, output):
    """Fill ``output`` with the network's logits in evaluation mode (moving statistics).

    Parameters
    ----------
    line_logits : array, lines x drugs
        From :func:`encode_lines`.
    similarity : array, all drugs x reference drugs
    lines, drugs : integer arrays (n,)
    network : flat parameter vector; moving : array (4, hidden): mean1, var1, mean2, var2
    output : array (n,)
    """
    n_ref = line_logits.shape[1]
    h = hidden
    w1 = part(network, 0, n_ref, h)
    o = n_ref * h
    b1 = network[o : o + h]
    w2 = part(network, o + h, h, h)
    o += h + h * h
    b2 = network[o : o + h]
    w3 = network[o + h : o + 2 * h]
    b3 = network[o + 2 * h]
    o += 2 * h + 1
    # Moving statistics fold into one scale and shift a unit.
    scale1, shift1 = np.empty(h, np.float32), np.empty(h, np.float32)
    scale2, shift2 = np.empty(h, np.float32), np.empty(h, np.float32)
    for j in range(h):
        scale1[j] = network[o + j] / math.sqrt(moving[1, j] + BN_EPSILON)
        shift1[j] = network[o + h + j] + (b1[j] - moving[0, j]) * scale1[j]
        scale2[j] = network[o + 2 * h + j] / math.sqrt(moving[3, j] + BN_EPSILON)
        shift2[j] = network[o + 3 * h + j] + (b2[j] - moving[2, j]) * scale2[j]
    z = np.empty((_BLOCK, n_ref), np.float32)
    u1 = np.empty((_BLOCK, h), np.float32)
    u2 = np.empty((_BLOCK, h), np.float32)
    for start in range(0, lines.size, _BLOCK):
        rows = min(_BLOCK, lines.size - start)
        for i in range(rows):
            line = lines[start + i]
            drug = drugs[start + i]
            for d in range(n_ref):
                z[i, d] = similarity[drug, d] * sigmoid(line_logits[line, d])
        np.dot(z[:rows], w1, u1[:rows])
        for i in range(rows):
            for j in range(h):
                u1[i, j] = sigmoid(scale1[j] * u1[i, j] + shift1[j])
        np.dot(u1[:rows], w2, u2[:rows])
        for i in range(rows):
            total = b3
            for j in range(h):
                total += w3[j] * sigmoid(scale2[j] * u2[i, j] + shift2[j])
            output[start + i] = total


@inlined
def pair_loss(line_logits, network_logits, lines, reference, labels, weight_dnn, weight_en):
    """Mean of weight_dnn * L_dnn + weight_en * L_en over the given pairs (float64)."""
    total = 0.0
    for i in range(lines.size):
        total += weight_dnn * cross_entropy(network_logits[i], labels[i])
        if weight_en > 0:
            total += weight_en * cross_entropy(line_logits[lines[i], reference[i]], labels[i])
    return total / lines.size


@inlined
def window_loss(
    line_logits,
    similarity,
    lines,
    drugs,
    reference,
    labels,
    position,
    network,
    hidden,
    moving,
    output,
    weight_dnn,
    weight_en,
):
    """Compute the validation loss of the next ``output.size`` pairs, counted round from ``position``."""
    size = output.size
    rows = np.empty(size, np.int64)
    for i in range(size):
        rows[i] = (position + i) % lines.size
    forward(line_logits, similarity, lines[rows], drugs[rows], network, hidden, moving, output)
    return pair_loss(line_logits, output, lines[rows], reference[rows], labels[rows], weight_dnn, weight_en)


def network_logits(
    fitted: Fitted, expression: np.ndarray, similarity: np.ndarray, lines: np.ndarray, drugs: np.ndarray
) -> np.ndarray:
    """Logits of the network for pairs, evaluation mode, float32 (n,)."""
    output = np.empty(len(lines), dtype=np.float32)
    forward(
        encoder_logits(fitted, expression),
        similarity,
        lines,
        drugs,
        fitted.network,
        fitted.moving.shape[1],
        fitted.moving,
        output,
    )
    return output


def encoder_logits(fitted: Fitted, expression: np.ndarray) -> np.ndarray:
    """Logits of the elastic-net encoder, lines x reference drugs, float32."""
    logits = np.empty((len(expression), fitted.encoder.shape[1]), dtype=np.float32)
    encode_lines(expression, fitted.encoder, logits)
    return logits
