"""What a network says about genes: three signed scores, saturation, inputs out of range."""

from __future__ import annotations

import numpy as np

from helpers.studies.gpds.model.network import Network

#: Definitions of the score of a gene, fixed before any result.
ATTRIBUTIONS = {
    "D1": "Olden: product of the weight matrices",
    "D2": "mean gradient of the output over the training lines",
    "D3": "mean integrated gradient from zero, times the sign of the input",
}


def gene_scores(network: Network, x: np.ndarray, kind: str) -> np.ndarray:
    """Signed score of every gene: positive where more expression means a higher predicted response.

    Parameters
    ----------
    network : Network
    x : array (n, genes)
        Scaled training lines; zero is the mean gene.
    kind : {"D1", "D2", "D3"}
        See :data:`ATTRIBUTIONS`.

    Returns
    -------
    array (genes,); NaN throughout if training diverged
    """
    if network.diverged:
        return np.full(network.w1.shape[0], np.nan)
    if kind == "D1":
        return olden(network)
    if kind == "D2":
        return input_gradients(network, x).mean(axis=0)
    return (integrated_gradients(network, x) * np.sign(x)).mean(axis=0)


def olden(network: Network) -> np.ndarray:
    """Product of the three weight matrices (Olden et al. 2004), array (genes,)."""
    return (network.w1 @ (network.w2 @ network.w3)).astype(float)


def input_gradients(network: Network, x: np.ndarray) -> np.ndarray:
    """Gradient of the output with respect to the inputs at each row, array (n, genes)."""
    pre = np.asarray(x, float) @ network.w1
    return _hidden_gradient(network, pre + network.b1) @ network.w1.T


def integrated_gradients(network: Network, x: np.ndarray, points: int = 64) -> np.ndarray:
    """Integrated gradients from the zero vector to each row (Sundararajan et al. 2017).

    The sum over genes is the output at the row minus the output at zero, up to the error of the
    Gauss-Legendre rule with ``points`` nodes.

    Returns
    -------
    array (n, genes)
    """
    x = np.asarray(x, float)
    nodes, weights = np.polynomial.legendre.leggauss(points)
    # The path is straight, so the first layer's sums are scaled copies of one product.
    pre = x @ network.w1
    mean = np.zeros_like(pre)
    for node, weight in zip((nodes + 1) / 2, weights / 2, strict=True):
        mean += weight * _hidden_gradient(network, node * pre + network.b1)
    return x * (mean @ network.w1.T)


def saturation(network: Network, x: np.ndarray, limit: float = 0.99) -> tuple[float, float]:
    """Share of hidden activations beyond ``±limit`` in the first and second layer.

    A tanh unit there has a gradient near zero. For ReLU the numbers mean little.
    """
    first, second = network.hidden(x)
    return float((np.abs(first) > limit).mean()), float((np.abs(second) > limit).mean())


def out_of_range(x: np.ndarray, limit: float = 3.0) -> float:
    """Share of scaled inputs beyond ``±limit`` standard deviations of the training lines."""
    return float((np.abs(np.asarray(x)) > limit).mean())


def _hidden_gradient(network: Network, pre: np.ndarray) -> np.ndarray:
    """Gradient of the output with respect to the first layer's sums, (n, h1)."""
    if network.activation == "tanh":
        first = np.tanh(pre)
        second = np.tanh(first @ network.w2 + network.b2)
        return (((1 - second**2) * network.w3) @ network.w2.T) * (1 - first**2)
    second = np.maximum(pre, 0) @ network.w2 + network.b2
    return (((second > 0) * network.w3) @ network.w2.T) * (pre > 0)
