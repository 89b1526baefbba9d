"""Elastic-net logistic regression of pairs without a pairs x features matrix."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit


@dataclass(frozen=True, eq=False)
class PairSolution:
    """Optimum of :func:`solve_pair_elastic_net`.

    Attributes
    ----------
    line_coef : array (line features,)
    drug_coef : array (drug features,)
    intercept : float
    residual : float
        Largest violation of the optimality conditions, over coefficients.
    n_iter : int
    """

    line_coef: np.ndarray
    drug_coef: np.ndarray
    intercept: float
    residual: float
    n_iter: int


def solve_pair_elastic_net(
    line_features: np.ndarray,
    drug_features: np.ndarray,
    total: np.ndarray,
    resistant: np.ndarray,
    *,
    alpha: float,
    l1_ratio: float,
    scaled: bool = False,
    tol: float,
    max_iter: int,
) -> PairSolution:
    """Minimise the mean log loss of pairs plus an elastic-net penalty.

    The objective is scikit-learn's for ``SGDClassifier(loss="log_loss", penalty="elasticnet")``:
    ``mean loss + alpha * (l1_ratio * |w|_1 + (1 - l1_ratio) / 2 * |w|_2^2)``, intercept free. The
    logit of a pair is a part of its line plus a part of its drug, so that an iteration costs lines x
    features + drugs x features + lines x drugs.

    Parameters
    ----------
    line_features : array, lines x features
    drug_features : array, drugs x features
    total, resistant : array, lines x drugs
        Number of training pairs and of resistant ones.
    alpha, l1_ratio : float
    scaled : bool
        Penalise the coefficients of standardised features instead of the raw ones.
    tol : float
        Stop when no optimality condition, in the units of the gradient, is violated by more.
    max_iter : int

    Notes
    -----
    FISTA with gradient restart (O'Donoghue and Candes 2015). Features are centred, which the free
    intercept makes an equivalent problem, and each coefficient has its own step, scaled by the
    feature's standard deviation.
    """
    n = total.sum()
    line, line_mean, line_scale = _standardise(line_features, total.sum(axis=1) / n)
    drug, drug_mean, drug_scale = _standardise(drug_features, total.sum(axis=0) / n)
    # Coefficients are those of standardised features; the penalty sees coefficients * in_penalty. The
    # last coefficient is the intercept and has no penalty.
    inverse = 1 / np.concatenate([line_scale, drug_scale])
    in_penalty = np.append(np.ones_like(inverse) if scaled else inverse, 1.0)
    l1 = alpha * l1_ratio * in_penalty
    l2 = alpha * (1 - l1_ratio) * in_penalty**2
    l1[-1] = l2[-1] = 0.0
    split = line.shape[1]
    weight, share = total / n, resistant / n

    def gradient(w: np.ndarray) -> np.ndarray:
        logit = (line @ w[:split] + w[-1])[:, None] + (drug @ w[split:-1])[None, :]
        error = weight * expit(logit) - share
        by_line, by_drug = error.sum(axis=1), error.sum(axis=0)
        return np.concatenate([by_line @ line, by_drug @ drug, [by_line.sum()]])

    step = 4 / _largest_eigenvalue(line, drug, weight)
    w = np.zeros(split + drug.shape[1] + 1)
    look_ahead, momentum = w, 1.0
    residual = np.inf
    iteration = 0
    while iteration < max_iter:
        iteration += 1
        g = gradient(look_ahead)
        moved = look_ahead - step * g
        new = np.sign(moved) * np.maximum(np.abs(moved) - step * l1, 0.0) / (1 + step * l2)
        # The step itself shows how far the point it started from is from the optimum.
        residual = float(np.abs((look_ahead - new) / step / in_penalty).max())
        if residual <= tol:
            w = new
            break
        if (look_ahead - new) @ (new - w) > 0:
            momentum = 1.0
        grown = (1 + np.sqrt(1 + 4 * momentum**2)) / 2
        look_ahead = new + (momentum - 1) / grown * (new - w)
        w, momentum = new, grown
    coef = w[:-1] * inverse
    line_coef, drug_coef = coef[:split], coef[split:]
    intercept = float(w[-1] - line_mean @ line_coef - drug_mean @ drug_coef)
    return PairSolution(line_coef, drug_coef, intercept, residual, iteration)


def _standardise(values: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    values = np.asarray(values, dtype=float)
    mean = weight @ values
    centred = values - mean
    scale = np.sqrt(weight @ centred**2)
    scale[scale <= 1e-12 * (1 + np.abs(mean))] = 1.0
    return centred / scale, mean, scale


def _largest_eigenvalue(line: np.ndarray, drug: np.ndarray, weight: np.ndarray) -> float:
    """Largest eigenvalue of the features' second moment, by power iteration, rounded up."""
    v = np.random.default_rng(0).normal(size=line.shape[1] + drug.shape[1])
    split, value = line.shape[1], 0.0
    by_line, by_drug = weight.sum(axis=1), weight.sum(axis=0)
    for _ in range(100):
        a, b = line @ v[:split], drug @ v[split:]
        image = np.concatenate([(by_line * a + weight @ b) @ line, (by_drug * b + a @ weight) @ drug])
        norm = float(np.linalg.norm(image))
        if norm == 0:
            break
        v = image / norm
        if abs(norm - value) < 1e-3 * norm:
            break
        value = norm
    # The intercept is nearly orthogonal to centred features: at most one is added to the spectrum.
    return max(1.05 * norm, 1.0) if norm else 1.0
