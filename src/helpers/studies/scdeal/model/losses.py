"""The terms of the transfer loss: cross-entropy, distance of the embeddings, cluster similarity."""

from __future__ import annotations

import torch
from torch.nn import functional

#: Multiples of the median squared distance that the kernels of the mixture use as 2 * variance.
MIXTURE = (0.25, 0.5, 1.0, 2.0, 4.0)


def cross_entropy(outputs: torch.Tensor, sensitive: torch.Tensor, loss: str = "sigmoid") -> torch.Tensor:
    """Mean cross-entropy of a batch.

    Parameters
    ----------
    outputs : tensor (rows, 2)
        Outputs of the predictor before any sigmoid.
    sensitive : tensor (rows,) of int
        1 = sensitive, 0 = resistant.
    loss : {"sigmoid", "logits"}
        ``"sigmoid"``: softmax cross-entropy of the *sigmoids* of the outputs, as in the public code. Both
        sigmoids lie within 0 and 1, so that it cannot fall below ln(1 + 1/e) = 0.313 or exceed 1.313.
        ``"logits"``: of the outputs themselves.
    """
    scores = torch.sigmoid(outputs) if loss == "sigmoid" else outputs
    return functional.cross_entropy(scores, sensitive)


def mmd(x: torch.Tensor, y: torch.Tensor, *, kernel: str = "single", sigma: float = 1000.0) -> torch.Tensor:
    """Biased squared maximum mean discrepancy of two samples.

    Parameters
    ----------
    x, y : tensor (rows, units)
    kernel : {"single", "mixture"}
        ``"single"``: one Gaussian kernel, exp(-d^2 / (2 sigma^2)). ``"mixture"``: mean of five Gaussian
        kernels exp(-d^2 / (f * m)), m = median squared distance within the pooled sample, f in
        :data:`MIXTURE`.
    sigma : float
        Width of the single kernel. At the 1000 of the public code the result equals the squared distance
        of the means divided by sigma^2 for any embedding of usual size.

    Notes
    -----
    Gretton et al., J. Mach. Learn. Res. 13 (2012), eq. 5. Kernels are computed as exp(-u) - 1: the ones
    cancel between the three means, and what is left would be lost in float32 beside them.
    """
    # Differences of a shared centre: distances stay, rounding of the squared norms falls.
    centre = torch.cat([x, y]).detach().mean(dim=0)
    x, y = x - centre, y - centre
    within_x, within_y, between = _squared(x, x), _squared(y, y), _squared(x, y)
    if kernel == "single":
        widths = [torch.as_tensor(2 * sigma**2)]
    else:
        parts = [d.detach()[*torch.triu_indices(len(d), len(d), offset=1)] for d in (within_x, within_y)]
        median = torch.cat([*parts, between.detach().flatten()]).median()
        widths = [factor * median.clamp_min(torch.finfo(median.dtype).tiny) for factor in MIXTURE]

    def average(squared: torch.Tensor) -> torch.Tensor:
        return torch.stack([torch.expm1(-squared / width).mean() for width in widths]).mean()

    return average(within_x) + average(within_y) - 2 * average(between)


def _squared(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Squared distances of all pairs, (rows of x, rows of y)."""
    norms = x.square().sum(dim=1)[:, None] + y.square().sum(dim=1)
    return torch.addmm(norms, x, y.T, alpha=-2).clamp_min(0)


def cluster_dissimilarity(rows: torch.Tensor, clusters: torch.Tensor) -> torch.Tensor:
    """Spread within clusters, the term S: sum over clusters of sum(1 - cosine) / (2 n^2 - n) over pairs.

    Parameters
    ----------
    rows : tensor (rows, units)
        Input profiles in the faithful reading, embeddings in the described one.
    clusters : tensor (rows,) of int
        The sum within a cluster of n rows counts each pair once. Clusters of one row add nothing.
    """
    member = functional.one_hot(clusters.to(rows.device).long()).to(rows.dtype)
    size = member.sum(dim=0)
    # The sum of all cosines within a cluster is the squared norm of the sum of its unit vectors.
    cosines = (member.T @ functional.normalize(rows, dim=1)).square().sum(dim=1)
    spread = (size**2 - cosines) / 2 / (2 * size**2 - size).clamp_min(1)
    return torch.where(size > 1, spread, 0).sum()
