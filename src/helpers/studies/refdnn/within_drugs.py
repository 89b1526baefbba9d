"""AUROC within drugs, compared between models and protocols with lines and drugs resampled."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd

from helpers.checks import refuse
from helpers.evaluation.metrics import joint_code, weighted_group_wins
from helpers.evaluation.statistics import Comparison, percentile_interval, two_way_draws
from helpers.evaluation.strongest import against_strongest, strongest_row
from helpers.studies.refdnn.comparisons import Results, comparison_table
from helpers.studies.refdnn.out_of_fold import OutOfFold

#: Cancer type, or another stratum, of each pair of a data set.
Strata = Mapping[str, np.ndarray]


def drug_bootstrap(
    first: Results,
    second: Results,
    models: Sequence[tuple[str, str]],
    n_boot: int,
    seed: int = 0,
    strata: Strata | None = None,
) -> pd.DataFrame:
    """Mean AUROC within drugs of a model in ``first`` minus that of another in ``second``.

    Lines and drugs are resampled together, since drugs share lines
    (:func:`helpers.evaluation.statistics.two_way_bootstrap`). Each drug counts once. Only pairs that one fit
    has scored, in both results, are compared with each other.

    Parameters
    ----------
    first, second : mapping
        Results by data set, of the same pairs; pairs that both have tested count.
    models : list of (str, str)
        Model of ``first``, model of ``second``.
    n_boot, seed : int
    strata : mapping of data set to array (n,), optional
        Only pairs of one stratum are compared with each other.

    Returns
    -------
    DataFrame
        ``data``, ``model`` (of ``second``), ``difference``, ``low``, ``high``, ``p``; ``n`` is the smaller
        of the numbers of lines and drugs.

    Raises
    ------
    DataError
        If there are no models, a data set or a model is missing, or the two results are of other pairs.
    """
    for what, entries in (("second", second), ("strata", first if strata is None else strata)):
        if set(first) - set(entries):
            refuse(what, f"lacks the data set(s) {', '.join(sorted(set(first) - set(entries)))}")
    if not models:
        refuse("models", "there are none to compare")
    tables = []
    for model, other in models:
        found = {
            name: _Gap(
                [(first[name], model), (second[name], other)],
                n_boot,
                seed,
                None if strata is None else strata[name],
            ).at(0.95)
            for name in first
        }
        tables.append(comparison_table(found).assign(model=other))
    return pd.concat(tables, ignore_index=True)


def strongest_over_drugs(results: Results, rivals: Sequence[str], n_boot: int, seed: int = 0) -> pd.DataFrame:
    """Compare RefDNN with the rival of the best mean AUROC within drugs, lines and drugs resampled.

    Returns
    -------
    DataFrame
        As :func:`drug_bootstrap`, with ``"strongest"`` as ``model`` and a ``note`` that names it.

    Raises
    ------
    DataError
        If there are no results, or a model is missing.
    """
    if not results:
        refuse("results", "there are none to compare")
    tables = []
    for name, result in results.items():
        means = {model: float(result.drug_auroc(model)["auroc"].mean()) for model in rivals}
        gaps = {rival: _Gap([(result, "RefDNN"), (result, rival)], n_boot, seed) for rival in rivals}

        def compare(rival: str, level: float, gaps: dict[str, _Gap] = gaps) -> Comparison:
            return gaps[rival].at(level)

        best, found = against_strongest(means, compare, rivals)
        tables.append(strongest_row(best, found, len(rivals)).assign(data=name, model="strongest", p=found.p))
    return pd.concat(tables, ignore_index=True)


def drug_agreement(results: Results, others: Sequence[str], model: str = "RefDNN") -> pd.DataFrame:
    """Spearman correlation over drugs of the AUROC of a model with that of others.

    Returns
    -------
    DataFrame
        ``data``, ``model`` (the other), ``value``, ``low``, ``high`` (95 %, Fisher's z with the variance of
        Bonett and Wright 2000; NaN below five drugs), ``n`` drugs.
    """
    rows = []
    for name, result in results.items():
        own = result.drug_auroc(model)["auroc"]
        for other in others:
            both = pd.concat([own, result.drug_auroc(other)["auroc"]], axis=1).dropna()
            n, rho = len(both), float(both.iloc[:, 0].corr(both.iloc[:, 1], method="spearman"))
            half = 1.96 * np.sqrt((1 + rho**2 / 2) / (n - 3)) if n > 4 and abs(rho) < 1 else np.nan
            low, high = (
                np.tanh(np.arctanh(rho) + np.array([-half, half])) if half == half else (np.nan, np.nan)
            )
            rows.append((name, other, rho, low, high, n))
    return pd.DataFrame(rows, columns=["data", "model", "value", "low", "high", "n"])


def mean_within(results: Results, models: Sequence[str], strata: Strata) -> pd.DataFrame:
    """Mean over drugs of the AUROC within drug and stratum: ``data``, ``model``, ``value``, ``n`` drugs."""
    rows = []
    for name, result in results.items():
        for model in models:
            if name not in strata:
                refuse("strata", f"lacks the data set {name!r}")
            auroc = result.drug_auroc(model, strata[name])["auroc"]
            rows.append((name, model, auroc.mean(), int(auroc.notna().sum())))
    return pd.DataFrame(rows, columns=["data", "model", "value", "n"])


class _Gap:
    """Mean difference of two models within drugs, with resamples that serve every level."""

    def __init__(
        self,
        sides: Sequence[tuple[OutOfFold, str]],
        n_boot: int,
        seed: int,
        strata: np.ndarray | None = None,
    ) -> None:
        self.estimate, self.draws, self.n = _draws(sides, n_boot, seed, strata)

    def at(self, level: float) -> Comparison:
        method = "two-way bootstrap over lines and drugs, percentile"
        return percentile_interval(self.estimate, self.draws, 0.0, level, self.n, method)


def _draws(
    sides: Sequence[tuple[OutOfFold, str]], n_boot: int, seed: int, strata: np.ndarray | None
) -> tuple[float, np.ndarray, int]:
    results = [result for result, _ in sides]
    for what in ("y", "lines", "drugs"):
        if not np.array_equal(getattr(results[0], what), getattr(results[1], what)):
            refuse("results", f"are of other pairs: their {what} differ", "compare results of one PairTable")
    rows = np.flatnonzero((results[0].folds[0] >= 0) & (results[1].folds[0] >= 0))
    drugs = np.unique(results[0].drugs[rows], return_inverse=True)[1]

    def cells(seed: int) -> np.ndarray:
        """Return the sets of pairs that may be compared; the first column is the drug."""
        fits = [r.cells(rows, min(seed, r.n_seeds - 1), strata) for r in results]
        return np.column_stack([drugs, *fits])

    aurocs = [
        [_drug_aurocs(r.y[rows], r.of(model)[seed, rows], cells(seed)) for seed in range(r.n_seeds)]
        for r, model in sides
    ]

    def statistic(line_weights: np.ndarray, drug_weights: np.ndarray) -> float:
        one, two = (np.mean([auroc(line_weights) for auroc in seeds], axis=0) for seeds in aurocs)
        drawn = np.zeros(len(one))
        drawn[drugs] = drug_weights
        drawn[np.isnan(one - two)] = 0
        return float(np.average(np.nan_to_num(one - two), weights=drawn)) if drawn.any() else np.nan

    lines = results[0].lines[rows]
    return two_way_draws(statistic, lines, results[0].drugs[rows], n_boot, seed)


def _drug_aurocs(y: np.ndarray, p: np.ndarray, cells: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """Prepare the AUROC of each drug, stratified by cell, as a function of row weights."""
    code = joint_code(*cells.T)
    drug = np.zeros(code.max() + 1, dtype=np.int64)
    drug[code] = cells[:, 0]
    counts = weighted_group_wins(y, p, code)

    def aurocs(weights: np.ndarray) -> np.ndarray:
        wins, pairs = (np.bincount(drug, weights=c) for c in counts(weights))
        return np.divide(wins, pairs, out=np.full(len(wins), np.nan), where=pairs > 0)

    return aurocs
