"""The order in which training pairs are drawn: tf.data's repeat -> shuffle(buffer) -> batch."""

from __future__ import annotations

import numba as nb
import numpy as np


@nb.njit(nogil=True, cache=True)
def _fill(buffer, slots, n_rows, output):
    following = buffer.size
    for i in range(output.size):
        slot = slots[i]
        output[i] = buffer[slot]
        buffer[slot] = following % n_rows
        following += 1


def shuffled_stream(n_rows: int, n_draws: int, buffer: int, rng: np.random.Generator) -> np.ndarray:
    """Rows in the order in which a repeated, buffer-shuffled data set yields them.

    The rows 0..n_rows-1 are repeated without end and pass through a buffer; each draw takes a random
    place of the buffer and fills it with the next row. Batches therefore cross epochs, and with a
    buffer smaller than the data a batch holds rows that are near in the row order.

    Parameters
    ----------
    n_rows, n_draws : int
    buffer : int
        Size of the shuffle buffer (the published scripts use 10,000).
    rng : numpy.random.Generator

    Returns
    -------
    array (n_draws,), int64
    """
    start = np.arange(buffer, dtype=np.int64) % n_rows
    output = np.empty(n_draws, dtype=np.int64)
    _fill(start, rng.integers(0, buffer, n_draws), n_rows, output)
    return output
