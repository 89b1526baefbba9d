"""What a network says about genes: three signed scores, saturation, inputs out of range."""

from __future__ import annotations

import numpy as np

from helpers.bounds import check_number
from helpers.checks import as_matrix, refuse
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

    Raises
    ------
    DataError
        If the kind is unknown, or ``x`` is no table of as many genes.
    """
    if kind not in tuple(ATTRIBUTIONS):
        refuse("gene_scores", f"unknown kind {kind!r}", f"one of {', '.join(ATTRIBUTIONS)}")
    network.check_inputs(x)
    if network.diverged:
        return np.full(len(network.weights[0]), np.nan)
    if kind == "D1":
        return olden(network)
    if kind == "D2":
        return input_gradients(network, x).mean(axis=0)
    return (integrated_gradients(network, x) * np.sign(x)).mean(axis=0)


def olden(network: Network) -> np.ndarray:
    """Product of the weight matrices (Olden et al. 2004), array (genes,)."""
    product = network.weights[-1]
    for weight in reversed(network.weights[:-1]):
        product = weight @ product
    return product[:, 0].astype(float)


def input_gradients(network: Network, x: np.ndarray) -> np.ndarray:
    """Gradient of the output with respect to the inputs at each row, array (n, genes)."""
    network.check_inputs(x)
    weight, bias = network.weights[0], network.biases[0]
    return _hidden_gradient(network, np.asarray(x, float) @ weight + bias) @ weight.T


def integrated_gradients(network: Network, x: np.ndarray, points: int = 64) -> np.ndarray:
    """Integrated gradients from the zero vector to each row (Sundararajan et al. 2017).

    The sum over genes is the output at the row minus the output at zero, up to the error of the
    Gauss-Legendre rule with ``points`` nodes.

    Returns
    -------
    array (n, genes)

    Raises
    ------
    DataError
        If ``x`` is no table of as many genes, or there is no node.
    """
    network.check_inputs(x)
    check_number("points", points, 1, whole=True)
    x = np.asarray(x, float)
    nodes, weights = np.polynomial.legendre.leggauss(points)
    # The path is straight, so the first layer's sums are scaled copies of one product.
    weight, bias = network.weights[0], network.biases[0]
    sums = x @ weight
    mean = np.zeros_like(sums)
    for node, share in zip((nodes + 1) / 2, weights / 2, strict=True):
        mean += share * _hidden_gradient(network, node * sums + bias)
    return x * (mean @ weight.T)


def saturation(network: Network, x: np.ndarray, limit: float = 0.99) -> list[float]:
    """Share of hidden activations beyond ``±limit`` in each layer.

    A tanh unit there has a gradient near zero. For ReLU the numbers mean little.
    """
    network.check_inputs(x)
    check_number("limit", limit, 0)
    return [float((np.abs(values) > limit).mean()) for values in network.hidden(x)]


def out_of_range(x: np.ndarray, limit: float = 3.0) -> float:
    """Share of scaled inputs beyond ``±limit`` standard deviations of the training lines."""
    check_number("limit", limit, 0)
    return float((np.abs(as_matrix(x, "inputs")) > limit).mean())


def _hidden_gradient(network: Network, sums: np.ndarray) -> np.ndarray:
    """Gradient of the output with respect to the first layer's sums, (n, units)."""
    layers = network.after(sums)
    slopes = [1 - values**2 if network.activation == "tanh" else values > 0 for values in layers]
    gradient = slopes[-1] * network.weights[-1][:, 0]
    for weight, slope in zip(reversed(network.weights[1:-1]), reversed(slopes[:-1]), strict=True):
        gradient = (gradient @ weight.T) * slope
    return gradient
