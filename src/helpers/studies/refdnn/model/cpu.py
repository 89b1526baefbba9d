"""CPU engine: one compiled training loop a model, models in parallel threads.

The loop holds one tile of the encoder's gradient at a time and applies FTRL to it while it is in the
processor's cache, so no gradient of the size of the encoder is ever written to memory.
"""

from __future__ import annotations

import math

import numpy as np

from helpers.studies.refdnn.model.forward import encode_lines, part, window_loss
from helpers.studies.refdnn.model.layout import FTRL_INITIAL_ACCUMULATOR
from helpers.studies.refdnn.model.task import Fitted, Task, initial_moving
from helpers.training.guards import flushed_denormals
from helpers.training.kernels import (
    F,
    adam_update,
    batch_norm_backward,
    batch_norm_train,
    cross_entropy,
    ftrl_update,
    jit,
    sigmoid,
)

# Genes per tile of the encoder: gradient and optimiser state of a tile stay in the second-level cache.
TILE = 640

#: How the encoder learns; the codes are those of the compiled loop.
ENCODERS = {"ftrl": 0, "adam": 1, "frozen": 2}


@jit
def train(
    expression,
    similarity,
    lines,
    drugs,
    reference,
    labels,
    stream,
    batch,
    val_lines,
    val_drugs,
    val_reference,
    val_labels,
    window,
    encoder,
    network,
    moving,
    hidden,
    adam_size,
    encoder_kind,
    weight_dnn,
    weight_en,
    lr_ftrl,
    lr_adam,
    l1,
    l2,
    evaluate_every,
    first_evaluation,
    patience,
    tile,
):
    """Train one model; return the number of the last step and fill the best state in place.

    Parameters
    ----------
    expression : array, lines x genes
    similarity : array, all drugs x reference drugs
    lines, drugs, reference, labels : arrays (n,)
        Training pairs: line, row of ``similarity``, own index among the reference drugs, label.
    stream : array (steps * batch,)
        Training rows in the order of use.
    val_* : the same of the validation pairs; ``window`` of them are used a time.
    encoder : array (genes + 1) x drugs, last row the bias; network : flat vector; moving : (4, H)
        Initial values; hold the best checkpoint on return.
    adam_size : int
        How many leading entries of ``network`` Adam trains.

    Returns
    -------
    steps : int
    history : array, evaluations x 3: step, training loss of that minibatch, validation loss
    status : int
        0 ran all steps, 1 early stopping, 2 two stored training losses within 1e-5, 3 loss not finite
    """
    genes = expression.shape[1]
    n_ref = similarity.shape[1]
    h = hidden
    n_steps = stream.size // batch
    z_ftrl = np.zeros_like(encoder)
    n_ftrl = np.full_like(encoder, F(FTRL_INITIAL_ACCUMULATOR))
    if encoder_kind == 1:
        n_ftrl[:] = F(0.0)
    m = np.zeros(adam_size, np.float32)
    v = np.zeros(adam_size, np.float32)
    grad = np.zeros(network.size, np.float32)

    o = n_ref * h
    w1, b1 = part(network, 0, n_ref, h), network[o : o + h]
    g_w1 = part(grad, 0, n_ref, h)
    o += h
    w2, b2 = part(network, o, h, h), network[o + h * h : o + h * h + h]
    g_w2 = part(grad, o, h, h)
    o += h * h + h
    w3, g_w3 = network[o : o + h], grad[o : o + h]
    o += h
    b3, g_b3 = network[o : o + 1], grad[o : o + 1]
    o += 1
    gamma1, beta1 = network[o : o + h], network[o + h : o + 2 * h]
    gamma2, beta2 = network[o + 2 * h : o + 3 * h], network[o + 3 * h : o + 4 * h]
    g_gamma1, g_beta1 = grad[o : o + h], grad[o + h : o + 2 * h]
    g_gamma2, g_beta2 = grad[o + 2 * h : o + 3 * h], grad[o + 3 * h : o + 4 * h]

    n_tiles = (genes + tile - 1) // tile
    xb = np.empty((n_tiles, batch * tile), np.float32)
    g_tile = np.empty(tile * n_ref, np.float32)
    a = np.empty((batch, n_ref), np.float32)
    partial = np.empty((batch, n_ref), np.float32)
    q = np.empty((batch, n_ref), np.float32)
    z = np.empty((batch, n_ref), np.float32)
    da = np.empty((batch, n_ref), np.float32)
    u1, u2 = np.empty((batch, h), np.float32), np.empty((batch, h), np.float32)
    x1, x2 = np.empty((batch, h), np.float32), np.empty((batch, h), np.float32)
    h1, h2 = np.empty((batch, h), np.float32), np.empty((batch, h), np.float32)
    inv1, inv2 = np.empty(h, np.float32), np.empty(h, np.float32)
    d1, d2 = np.empty((batch, h), np.float32), np.empty((batch, h), np.float32)
    g_bias = np.empty(n_ref, np.float32)

    line_logits = np.empty((expression.shape[0], n_ref), np.float32)
    val_output = np.empty(window, np.float32)
    best_encoder, best_network, best_moving = encoder.copy(), network.copy(), moving.copy()
    # FTRL shrinks the weights from the first step on, so an evaluation always comes before a restore.
    best = np.inf
    counter = 0
    position = 0
    history = np.zeros((n_steps // evaluate_every + 1, 3))
    n_history = 0
    power1, power2 = 1.0, 1.0
    status = 0
    step = 0
    train_encoder = encoder_kind != 2
    if not train_encoder:
        encode_lines(expression, encoder, line_logits)

    while step < n_steps:
        first = step * batch
        # Forward: gather rows tile by tile, so that each tile is one contiguous matrix.
        if train_encoder:
            a[:] = encoder[genes]
            for t in range(n_tiles):
                g0 = t * tile
                width = min(tile, genes - g0)
                block = xb[t, : batch * width].reshape(batch, width)
                for i in range(batch):
                    row = expression[lines[stream[first + i]]]
                    for k in range(width):
                        block[i, k] = row[g0 + k]
                np.dot(block, encoder[g0 : g0 + width], partial)
                for i in range(batch):
                    for d in range(n_ref):
                        a[i, d] += partial[i, d]
        else:
            for i in range(batch):
                a[i] = line_logits[lines[stream[first + i]]]
        for i in range(batch):
            drug = drugs[stream[first + i]]
            for d in range(n_ref):
                q[i, d] = sigmoid(a[i, d])
                z[i, d] = similarity[drug, d] * q[i, d]
        np.dot(z, w1, u1)
        for i in range(batch):
            for j in range(h):
                u1[i, j] += b1[j]
        batch_norm_train(u1, gamma1, beta1, moving[0], moving[1], inv1, x1, h1)
        np.dot(h1, w2, u2)
        for i in range(batch):
            for j in range(h):
                u2[i, j] += b2[j]
        batch_norm_train(u2, gamma2, beta2, moving[2], moving[3], inv2, x2, h2)

        # Backward of the network loss.
        g_w3[:] = F(0.0)
        g_b3[0] = F(0.0)
        train_loss = 0.0
        store = (step + 1) % evaluate_every == 0 and step + 1 >= first_evaluation
        for i in range(batch):
            out = b3[0]
            for j in range(h):
                out += w3[j] * h2[i, j]
            y = labels[stream[first + i]]
            if store:
                train_loss += weight_dnn * cross_entropy(out, y)
            do = weight_dnn * (sigmoid(out) - y) / F(batch)
            g_b3[0] += do
            for j in range(h):
                g_w3[j] += do * h2[i, j]
                d2[i, j] = do * w3[j]
        batch_norm_backward(d2, h2, gamma2, inv2, x2, g_gamma2, g_beta2)
        np.dot(h1.T, d2, g_w2)
        np.dot(d2, w2.T, d1)
        batch_norm_backward(d1, h1, gamma1, inv1, x1, g_gamma1, g_beta1)
        np.dot(z.T, d1, g_w1)
        # b1 and b2 keep gradient zero: batch normalisation removes them. Summed up, it would be rounding
        # noise, which Adam blows up and the moving averages then see.

        # Encoder: gradient from both losses, applied tile by tile.
        if train_encoder or store:
            np.dot(d1, w1.T, da)
            for i in range(batch):
                row = stream[first + i]
                drug = drugs[row]
                for d in range(n_ref):
                    da[i, d] *= similarity[drug, d] * q[i, d] * (F(1.0) - q[i, d])
                if weight_en > 0:
                    r = reference[row]
                    da[i, r] += weight_en * (q[i, r] - labels[row]) / F(batch)
                    if store:
                        train_loss += weight_en * cross_entropy(a[i, r], labels[row])
        power1 *= 0.9
        power2 *= 0.999
        adam_step = F(lr_adam * math.sqrt(1.0 - power2) / (1.0 - power1))
        if train_encoder:
            g_bias[:] = F(0.0)
            for i in range(batch):
                for d in range(n_ref):
                    g_bias[d] += da[i, d]
            for t in range(n_tiles + 1):
                g0 = t * tile
                if t < n_tiles:
                    stop = min(g0 + tile, genes)
                    width = stop - g0
                    block = xb[t, : batch * width].reshape(batch, width)
                    np.dot(block.T, da, g_tile[: width * n_ref].reshape(width, n_ref))
                    gradient = g_tile[: width * n_ref]
                else:
                    g0, stop = genes, genes + 1
                    gradient = g_bias
                w_tile = encoder[g0:stop].reshape(-1)
                z_tile = z_ftrl[g0:stop].reshape(-1)
                n_tile = n_ftrl[g0:stop].reshape(-1)
                if encoder_kind == 0:
                    ftrl_update(w_tile, z_tile, n_tile, gradient, lr_ftrl, l1, l2)
                else:
                    adam_update(w_tile, z_tile, n_tile, gradient, adam_step)
        adam_update(network[:adam_size], m, v, grad[:adam_size], adam_step)
        step += 1

        if store:
            if train_encoder:
                encode_lines(expression, encoder, line_logits)
            loss = window_loss(
                line_logits,
                similarity,
                val_lines,
                val_drugs,
                val_reference,
                val_labels,
                position,
                network,
                h,
                moving,
                val_output,
                weight_dnn,
                weight_en,
            )
            position = (position + window) % val_lines.size
            history[n_history, 0] = step
            history[n_history, 1] = train_loss / batch
            history[n_history, 2] = loss
            n_history += 1
            if not np.isfinite(loss):
                status = 3
                break
            if loss < best:
                best = loss
                counter = 0
                best_encoder[:] = encoder
                best_network[:] = network
                best_moving[:] = moving
            elif counter < patience:
                counter += 1
            else:
                status = 1
                break
            if n_history > 1 and abs(history[n_history - 1, 1] - history[n_history - 2, 1]) < 1e-5:
                status = 2
                break
    encoder[:] = best_encoder
    network[:] = best_network
    moving[:] = best_moving
    return step, history[:n_history], status


def fit(task: Task) -> Fitted:
    """Train one model in the calling thread.

    Numbers below float32's normal range are treated as zero for the time of the call: saturated
    units would otherwise slow each product with them by a factor of ten.
    """
    encoder = task.initial_encoder.copy()
    network = task.initial_network.copy()
    moving = initial_moving(task.layout.hidden)
    train_pairs, validation = task.train, task.validation
    with flushed_denormals():
        steps, history, status = train(
            task.expression,
            task.similarity,
            train_pairs.lines,
            train_pairs.drugs,
            train_pairs.reference,
            train_pairs.labels,
            task.stream,
            task.batch,
            validation.lines,
            validation.drugs,
            validation.reference,
            validation.labels,
            task.window,
            encoder,
            network,
            moving,
            task.layout.hidden,
            task.adam_size,
            ENCODERS[task.encoder],
            F(task.weights[0]),
            F(task.weights[1]),
            F(task.lr_ftrl),
            F(task.lr_adam),
            F(task.l1),
            F(task.l2),
            task.evaluate_every,
            task.first_evaluation,
            task.patience,
            min(TILE, task.layout.genes),
        )
    return Fitted(encoder, network, moving, int(steps), history, int(status))
