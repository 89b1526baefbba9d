"""What constants score on the signs of a table: how one-sided genes are, and what hindsight is worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from helpers.studies.perturbation.metrics import three_classes
from helpers.studies.perturbation.types import ExpressionChanges


def genes_up(means: ExpressionChanges) -> pd.DataFrame:
    """Share of genes with a positive mean change: ``cell``, ``value``, ``n`` (genes), one row a cell."""
    table = pd.DataFrame({"cell": means.rows["cell"], "value": (means.matrix > 0).mean(axis=1)})
    return table.assign(n=means.matrix.shape[1])


def sign_agreement(means: ExpressionChanges) -> pd.DataFrame:
    """Share of genes whose mean changes have the same sign in two cells, cells x cells."""
    signs, cells = np.sign(means.matrix), means.rows["cell"]
    return pd.DataFrame((signs[:, None] == signs[None]).mean(axis=2), index=cells, columns=cells)


def mean_sign_agreement(agreement: pd.DataFrame) -> pd.DataFrame:
    """Mean over the pairs of two cells: one row with ``value`` and ``n`` (pairs)."""
    off_diagonal = agreement.to_numpy()[np.triu_indices(len(agreement), 1)]
    return pd.DataFrame({"value": [off_diagonal.mean()], "n": len(off_diagonal)})


def base_rate_table(sets: Mapping[str, ExpressionChanges], seed: int = 0) -> pd.DataFrame:
    """:func:`base_rates` of several data sets: ``data``, ``what``, ``value``, ``n`` (rows)."""
    rows = [
        (name, what, value, len(data.rows))
        for name, data in sets.items()
        for what, value in base_rates(
            data.matrix, data.rows["cell"].to_numpy(), data.significant, seed
        ).items()
    ]
    return pd.DataFrame(rows, columns=["data", "what", "value", "n"])


def class_table(sets: Mapping[str, ExpressionChanges], thresholds: Sequence[float]) -> pd.DataFrame:
    """:func:`class_shares` of several data sets: ``data``, ``threshold``, and a column for each class."""
    rows = [
        {"data": name, "threshold": threshold, **class_shares(data.matrix, threshold)}
        for name, data in sets.items()
        for threshold in thresholds
    ]
    return pd.DataFrame(rows)


def class_shares(y: np.ndarray, threshold: float = 0.0) -> dict[str, float]:
    """Share of entries that go up, go down, and do not respond: what each constant answer scores."""
    classes = three_classes(np.asarray(y, dtype=float), threshold)
    return {
        "up": float((classes > 0).mean()),
        "down": float((classes < 0).mean()),
        "no response": float((classes == 0).mean()),
    }


def constant_sign_ceiling(y: np.ndarray, groups: np.ndarray | None = None) -> float:
    """Share of entries that agree with the majority sign of their gene, seen with hindsight.

    Parameters
    ----------
    y : array (rows, genes)
    groups : array (rows,), optional
        One constant a gene and group (cell type, compound) instead of one a gene. A group of one
        row agrees with itself, so small groups score high by construction.

    Returns
    -------
    float
    """
    y = np.asarray(y, dtype=float)
    groups = np.zeros(len(y)) if groups is None else np.asarray(groups)
    agree = 0.0
    for group in np.unique(groups):
        part = y[groups == group]
        agree += np.maximum((part > 0).sum(axis=0), (part < 0).sum(axis=0)).sum()
    return float(agree / y.size)


def null_sign_accuracy(y: np.ndarray, n_draws: int = 20, seed: int = 0) -> float:
    """Hindsight ceiling of a constant sign per gene when signs are pure noise, by random signs."""
    rng = np.random.default_rng(seed)
    draws = [constant_sign_ceiling(rng.choice((-1.0, 1.0), np.shape(y))) for _ in range(n_draws)]
    return float(np.mean(draws))


def base_rates(values: np.ndarray, cells: np.ndarray, significant: float, seed: int = 0) -> dict[str, float]:
    """Return what constants score on the signs of a table, with hindsight.

    Parameters
    ----------
    values : array (rows, genes)
    cells : array (rows,)
    significant : float
        Threshold of the three-class reading.
    seed : int
        Of the noise that says what hindsight alone is worth.

    Returns
    -------
    dict
        ``"up"`` (share of positive entries: always up), ``"sign per gene"`` and ``"sign per gene and
        cell"`` (majority signs, chosen on the very rows that are scored), ``"sign per gene, noise"``
        (the same on random signs), and ``"no response"`` (share of entries within the threshold).
    """
    return {
        "up": class_shares(values)["up"],
        "sign per gene": constant_sign_ceiling(values),
        "sign per gene, noise": null_sign_accuracy(values, n_draws=5, seed=seed),
        "sign per gene and cell": constant_sign_ceiling(values, cells),
        "no response": class_shares(values, significant)["no response"],
    }
