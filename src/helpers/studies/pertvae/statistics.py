"""Is the prediction better than the reconstruction? The paper's test, and tests over cell lines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from helpers.bounds import check_number
from helpers.errors import DataError
from helpers.evaluation.multiple_testing import holm
from helpers.evaluation.statistics import Comparison, check_level, finite_values, wilcoxon_exact

_EXACT_FLIPS = 16  # lines up to which all sign patterns are enumerated
_RANDOM_FLIPS = 20_000


def one_sided_mann_whitney(first: np.ndarray, second: np.ndarray) -> Comparison:
    """Test H1 ``first > second`` as the paper did: unpaired, one-sided, on the values of all splits.

    The values of repeated splits re-use the same lines, so they are not independent.

    Returns
    -------
    Comparison
        ``difference`` is the difference of means with the 95 % interval of two independent samples (a normal
        one, as wide as the test takes the values to spread); ``p`` is one-sided, NaN if a sample is empty.
    """
    first, second = finite_values(first), finite_values(second)
    method = "Mann-Whitney U, one-sided"
    if not (len(first) and len(second)):
        return Comparison(np.nan, np.nan, np.nan, np.nan, 0, method)
    p = float(stats.mannwhitneyu(first, second, alternative="greater", method="asymptotic").pvalue)
    difference = float(first.mean() - second.mean())
    if min(len(first), len(second)) < 2:
        return Comparison(difference, np.nan, np.nan, p, len(first), method)
    error = np.sqrt(first.var(ddof=1) / len(first) + second.var(ddof=1) / len(second))
    half = float(stats.norm.isf(0.025) * error)
    return Comparison(difference, difference - half, difference + half, p, len(first), method)


def sign_flip_test(differences: np.ndarray, seed: int = 0) -> float:
    """Two-sided p of the mean when the sign of each line's difference is arbitrary.

    Exact up to 16 lines; 20,000 random patterns, and the observed one, beyond.
    """
    check_number("seed", seed, 0, whole=True)
    d = finite_values(differences)
    n = len(d)
    if n == 0:
        return np.nan
    if n <= _EXACT_FLIPS:
        signs = 1 - 2 * ((np.arange(2**n)[:, None] >> np.arange(n)) & 1)
        null = signs @ d
        return float((np.abs(null) >= abs(d.sum()) - 1e-12).mean())
    signs = np.random.default_rng(seed).choice((-1.0, 1.0), (_RANDOM_FLIPS, n))
    as_large = (np.abs(signs @ d) >= abs(d.sum()) - 1e-12).sum()
    return float((as_large + 1) / (_RANDOM_FLIPS + 1))


def bootstrap_mean(values: np.ndarray, n_boot: int = 2000, seed: int = 0, level: float = 0.95) -> Comparison:
    """Mean over lines with its percentile interval when lines are resampled; NaN limits below 3 lines."""
    check_level(level)
    check_number("n_boot", n_boot, 1, whole=True)
    check_number("seed", seed, 0, whole=True)
    values = finite_values(values)
    n = len(values)
    method = "bootstrap over lines, percentile"
    if n < 3:
        return Comparison(float(values.mean()) if n else np.nan, np.nan, np.nan, np.nan, n, method)
    draws = values[np.random.default_rng(seed).integers(n, size=(n_boot, n))].mean(axis=1)
    low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2])
    return Comparison(float(values.mean()), float(low), float(high), np.nan, n, method)


@dataclass(frozen=True)
class LineTest:
    """A difference tested over cell lines.

    Attributes
    ----------
    comparison : Comparison
        Mean difference over lines, bootstrap interval over lines, two-sided signed-rank p.
    p_flip : float
        Two-sided p of the sign-flip test of the mean.
    wins : int
        Lines with a positive difference.
    """

    comparison: Comparison
    p_flip: float
    wins: int


def line_test(differences: np.ndarray, n_boot: int = 2000, seed: int = 0) -> LineTest:
    """Test the mean difference over lines (one value a line)."""
    d = finite_values(differences)
    mean = bootstrap_mean(d, n_boot, seed)
    p = wilcoxon_exact(d).p if len(d) else np.nan
    method = "mean over lines, bootstrap interval, signed-rank p"
    comparison = Comparison(mean.difference, mean.low, mean.high, p, mean.n, method)
    return LineTest(comparison, sign_flip_test(d, seed), int((d > 0).sum()))


def published_table(published: Mapping[str, float], level: float = 0.001) -> pd.DataFrame:
    """Rebuild the paper's table 1 and ask which drugs pass its own cut.

    Parameters
    ----------
    published : mapping
        Published numbers by id ``pertvae.t1.<drug>.<n_lines | rho_rec | rho_pred | p>``.
    level : float
        The paper's cut: p at most this.

    Returns
    -------
    DataFrame
        Index = drug, in the order of the table; ``lines``, ``rho_rec``, ``rho_pred``,
        ``difference``, ``p``, ``p_holm`` (over all drugs), ``passes`` (p at most ``level``, as
        printed) and ``passes_holm`` (adjusted p at most 0.05).

    Raises
    ------
    DataError
        If a drug lacks one of its numbers, or one of them, or the level, is out of range.
    """
    check_number("level", level, 0, 1)
    columns = {"n_lines": "lines", "rho_rec": "rho_rec", "rho_pred": "rho_pred", "p": "p"}
    rows: dict[str, dict[str, float]] = {}
    for id, value in published.items():
        parts = id.split(".")
        if parts[:2] == ["pertvae", "t1"] and len(parts) == 4 and parts[3] in columns:
            rows.setdefault(parts[2], {})[columns[parts[3]]] = value
    table = pd.DataFrame.from_dict(rows, orient="index")
    if (
        table.empty
        or list(table.columns.sort_values()) != sorted(columns.values())
        or table.isna().any(axis=None)
    ):
        msg = "the published table 1 needs n_lines, rho_rec, rho_pred and p of every drug"
        raise DataError(msg)
    for lines, p in zip(table["lines"], table["p"], strict=True):
        check_number("lines", lines, 1, 1e9)
        check_number("lines", lines if lines % 1 else int(lines), whole=True)
        check_number("p", p, 0, 1)
    table = table[list(columns.values())].astype({"lines": int})
    table.insert(3, "difference", (table["rho_pred"] - table["rho_rec"]).round(3))
    adjusted = holm(table["p"].to_numpy())
    return table.assign(p_holm=adjusted, passes=table["p"] <= level, passes_holm=adjusted <= 0.05)
