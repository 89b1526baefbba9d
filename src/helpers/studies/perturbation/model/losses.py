"""Losses of a row of changes, on any backend of Keras."""

from __future__ import annotations

from typing import Any

_TINY = 1e-12  # below the square root of "row-rmse", whose slope at 0 is infinite


def row_losses(loss: str, outputs: Any, targets: Any) -> Any:
    """Loss of each row, (..., rows).

    Parameters
    ----------
    loss : {"mse", "mae", "huber", "row-rmse"}
        Mean over genes of the squared error, the absolute error, or Huber's function with delta 1; or
        the root of the mean squared error, whose mean over rows is the competition's MRRMSE.
    outputs : tensor (..., rows, genes), or that and a penalty (..., rows) which is added
    targets : tensor (..., rows, genes)
    """
    from keras import ops

    predicted, *penalty = outputs if isinstance(outputs, list | tuple) else [outputs]
    error = predicted - targets
    if loss == "mae":
        value = ops.mean(ops.absolute(error), axis=-1)
    elif loss == "huber":
        size = ops.absolute(error)
        value = ops.mean(ops.where(size <= 1, 0.5 * error * error, size - 0.5), axis=-1)
    else:
        value = ops.mean(error * error, axis=-1)
        if loss == "row-rmse":
            value = ops.sqrt(value + _TINY)
    return value + penalty[0] if penalty else value
