"""DREEP with several gene lists on the same cells: scores per line, endpoints, paired gains over drugs.

Lists are built without the lines whose cells they score.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from anndata import AnnData
from scipy import stats
from sklearn.model_selection import KFold

from helpers.bounds import check_number
from helpers.checks import as_numbers, check_columns, check_names, check_unique, refuse
from helpers.errors import DataError
from helpers.evaluation.metrics import weighted_metric
from helpers.evaluation.multiple_testing import holm
from helpers.evaluation.statistics import Comparison, cluster_bootstrap
from helpers.studies.gpds.checks import check_bulk, check_draws, check_scores
from helpers.studies.gpds.correlations import masked_spearman
from helpers.studies.gpds.dreep import (
    DreepScores,
    MarkerSets,
    cell_weights,
    dreep_score,
    marker_sets,
    null_table,
)
from helpers.studies.gpds.gene_lists import GeneLists, fold_lists

ENDPOINTS = ("Spearman", "AUROC of thirds")


@dataclass(frozen=True, eq=False)
class DreepRun:
    """Scores of the lines that have cells.

    Attributes
    ----------
    lines : DataFrame
        One row a list, drug and line: ``list``, ``drug``, ``line``, ``es`` (median over cells),
        ``sensitive``, ``resistant`` (shares of the scored cells that are called), ``cells`` scored.
    seeds : DataFrame
        Agreement of the networks' seeds, by fold (:attr:`GeneLists.seeds`).
    folds : Series
        Fold of each scored line ("" if lists were built with it).
    training : dict of str to Index
        Lines that built the lists of each fold.
    genes : Index
        Genes of the lists.
    sets : MarkerSets
        Of all cells.
    """

    lines: pd.DataFrame
    seeds: pd.DataFrame
    folds: pd.Series
    training: dict[str, pd.Index]
    genes: pd.Index
    sets: MarkerSets


def dreep_run(
    expression: pd.DataFrame,
    response: pd.DataFrame,
    cells: AnnData,
    which: Sequence[str],
    *,
    drugs: Sequence[str] | None = None,
    genes: Sequence[str],
    k: int = 50,
    n_folds: int = 5,
    leave_out: bool = True,
    weights: str = "gf-icf",
    draws: int = 100_000,
    seed: int = 0,
    **options: Any,
) -> DreepRun:
    """Build lists from bulk lines and score cells with them, fold by fold of the lines that have cells.

    Parameters
    ----------
    expression : DataFrame, lines x genes
        log2(TPM + 1), index = model id.
    response : DataFrame, lines x drugs
    cells : AnnData
        Counts; ``obs["model_id"]``. All cells are weighted as one pool.
    which, drugs, options
        See :func:`helpers.studies.gpds.gene_lists.build_lists` (``lineage``, ``proliferation``,
        ``network``, ``n_seeds``, ``n_inner``, ``n_jobs``).
    genes : sequence of str
        Genes of the lists; chosen without a look at the scored lines.
    k : int
        Marker genes a cell (DREEP: 250 of about 13,000 genes).
    n_folds : int
    leave_out : bool
        False builds one set of lists with all lines, the scored ones included, as DREEP was published.
    weights : str
        One of :data:`helpers.studies.gpds.dreep.WEIGHTS`.
    draws : int
        Size of the null table.

    Raises
    ------
    DataError
        If too few lines have cells and expression, tables do not fit, or a setting cannot be.

    Examples
    --------
    ``run = dreep_run(panel.expression, panel.response, cells, ["L1", "L7"], drugs=drugs, genes=genes)``;
    ``endpoints(run.lines, panel.response)``; ``list_gains(run.lines, panel.response, [("L7", "L1")])``
    """
    check_bulk(expression, response)
    check_number("n_folds", n_folds, 2, whole=True)
    if not isinstance(cells, AnnData) or cells.uns.get("units", "counts") != "counts":
        refuse("dreep_run", f"cells must be AnnData of counts, got {type(cells).__name__}")
    if not isinstance(leave_out, bool) or not check_names(which, "lists"):
        refuse("dreep_run", "needs a list at least, and leave_out True or False")
    check_columns(cells.obs, ("model_id",), "cells", "obs")
    for what, known_genes in (("bulk lines", expression.columns), ("cells", cells.var_names)):
        lacking = [gene for gene in check_names(genes, "genes") if gene not in known_genes]
        if lacking:
            refuse("dreep_run", f"the {what} lack {len(lacking)} gene(s) of the lists, first {lacking[:3]}")
    check_unique(cells.var_names, "cells", "a gene stands twice")
    line_of = cells.obs["model_id"].astype(str).to_numpy()
    known = expression.index.intersection(response.index)
    scored = known[known.isin(np.unique(line_of))]
    if len(scored) < (n_folds if leave_out else 2):
        msg = f"{len(scored)} lines have cells, bulk expression and responses; {n_folds} folds need as many"
        raise DataError(msg)
    genes = pd.Index(genes)
    pool = cell_weights(cells.X, weights)[:, cells.var_names.get_indexer(genes)]
    sets = marker_sets(pool, cells.obs_names, genes, k)
    null = null_table(k, len(genes), draws, seed)
    folds = pd.Series("", index=scored)
    if leave_out:
        for i, (_, held) in enumerate(KFold(n_folds, shuffle=True, random_state=seed).split(scored)):
            folds.iloc[held] = str(i)
    training = {
        fold: known.drop(folds.index[folds == fold]) if leave_out else known for fold in folds.unique()
    }
    shared = {"drugs": drugs, "seed": seed, **options}
    lists = fold_lists(expression[genes], response, list(training.values()), which, **shared)
    tables, seeds = [], []
    for fold, of_fold in zip(training, lists, strict=True):
        cells_of_fold = np.isin(line_of, folds.index[folds == fold])
        tables += _score_lines(of_fold, sets.subset(cells_of_fold), line_of[cells_of_fold], null)
        seeds.append(of_fold.seeds.assign(fold=fold))
    return DreepRun(
        pd.concat(tables, ignore_index=True),
        pd.concat(seeds, ignore_index=True),
        folds,
        training,
        genes,
        sets,
    )


def endpoints(lines: pd.DataFrame, response: pd.DataFrame) -> pd.DataFrame:
    """Agreement of the lines' median scores with the measured response, drug by drug.

    Parameters
    ----------
    lines : DataFrame
        ``list``, ``drug``, ``line``, ``es``; scores of any method, high = resistant.
    response : DataFrame, lines x drugs

    Returns
    -------
    DataFrame
        ``list``, ``drug``, ``endpoint`` (:data:`ENDPOINTS`), ``value`` (expected above 0 and 0.5), ``n``.

    Raises
    ------
    DataError
        If a column or a drug is missing, a line stands twice, or no line has a response.
    """
    check_scores(lines, response)
    rows = []
    for (name, drug), part in lines.groupby(["list", "drug"], sort=False):
        table = part.set_index("line")[["es"]].assign(y=response[drug]).dropna()
        es, y = table["es"].to_numpy(), table["y"].to_numpy()
        rows.append((name, drug, "Spearman", float(masked_spearman(es, y)), len(y)))
        low, high = np.quantile(y, [1 / 3, 2 / 3]) if len(y) else (np.nan, np.nan)
        outer = (y <= low) | (y >= high)
        auroc = _auroc(es[outer], y[outer] >= high)
        rows.append((name, drug, "AUROC of thirds", auroc, int(outer.sum())))
    return pd.DataFrame(rows, columns=["list", "drug", "endpoint", "value", "n"])


def mean_spearman(
    lines: pd.DataFrame, response: pd.DataFrame, n_boot: int = 2000, seed: int = 0, level: float = 0.95
) -> pd.DataFrame:
    """Mean over drugs of the Spearman correlation with the response, bootstrap over lines.

    Returns
    -------
    DataFrame
        ``list``, ``value``, ``low``, ``high``, ``n`` drugs, ``n_lines``; best first.

    Raises
    ------
    DataError
        As :func:`endpoints`, or if a setting cannot be.
    """
    check_draws(n_boot, seed, level)
    scores = _Scores(lines, response)
    draws = scores.bootstrap(n_boot, seed)
    rows = []
    for i, name in enumerate(scores.lists):
        mean = np.nanmean(draws[:, i], axis=1)
        low, high = np.quantile(mean[1:], [(1 - level) / 2, (1 + level) / 2])
        used = int((~np.isnan(draws[0, i])).sum())
        rows.append((name, mean[0], low, high, used, len(scores.lines)))
    table = pd.DataFrame(rows, columns=["list", "value", "low", "high", "n", "n_lines"])
    return table.sort_values("value", ascending=False, ignore_index=True, kind="stable")


def list_gains(
    lines: pd.DataFrame,
    response: pd.DataFrame,
    pairs: Sequence[tuple[str, str]],
    n_boot: int = 2000,
    seed: int = 0,
    level: float = 0.95,
) -> pd.DataFrame:
    """Mean gain of one list over another, in Spearman correlation with the response.

    Parameters
    ----------
    lines, response
        As :func:`endpoints`.
    pairs : sequence of (first, second)
        The planned comparisons; their p-values are adjusted together.

    Returns
    -------
    DataFrame
        ``first``, ``second``, ``difference`` (mean over drugs), ``low``, ``high`` (bootstrap over lines),
        ``p`` (sign-flip test over drugs, two-sided), ``p_holm``, ``wins`` (share of drugs), ``n`` drugs.
        Drugs share lines and mechanisms, which the sign-flip test ignores; the bootstrap does not.

    Raises
    ------
    DataError
        As :func:`mean_spearman`; if there is no pair, or no scores of a list.
    """
    check_draws(n_boot, seed, level)
    if isinstance(pairs, str) or not len(pairs) or any(len(pair) != 2 for pair in pairs):
        refuse("list_gains", f"needs pairs (first, second), one at least; got {pairs!r}")
    check_scores(lines, response)
    scores = _Scores(lines[lines["list"].isin({name for pair in pairs for name in pair})], response)
    draws = scores.bootstrap(n_boot, seed)
    rows = []
    for first, second in pairs:
        gain = draws[:, scores.position(first)] - draws[:, scores.position(second)]
        mean = np.nanmean(gain, axis=1)
        low, high = np.quantile(mean[1:], [(1 - level) / 2, (1 + level) / 2])
        each = gain[0][~np.isnan(gain[0])]
        p = sign_flip_p(each, seed=seed)
        rows.append((first, second, mean[0], low, high, p, float((each > 0).mean()), len(each)))
    columns = ["first", "second", "difference", "low", "high", "p", "wins", "n"]
    table = pd.DataFrame(rows, columns=columns)
    table.insert(6, "p_holm", holm(table["p"].to_numpy()))
    return table


def holm_results(gains: pd.DataFrame) -> pd.DataFrame:
    """Return :func:`list_gains` with the adjusted p-values as ``p``, as they are recorded."""
    return gains.assign(p=gains["p_holm"])


def drug_gains(lines: pd.DataFrame, response: pd.DataFrame, first: str, second: str) -> pd.DataFrame:
    """Gain of one list over another for each drug: ``drug``, ``first``, ``second``, ``gain``, ``n``."""
    scores = _Scores(lines, response)
    rho = scores.bootstrap(0, 0)[0]
    a, b = rho[scores.position(first)], rho[scores.position(second)]
    n = (~np.isnan(scores.y)).sum(axis=0)
    return pd.DataFrame({"drug": scores.drugs, "first": a, "second": b, "gain": a - b, "n": n})


def pooled_auroc(
    lines: pd.DataFrame, response: pd.DataFrame, n_boot: int = 1000, seed: int = 0
) -> dict[str, Comparison]:
    """AUROC over all lines and drugs at once: line above its drug's median response or not.

    As published performance seems to be counted; drugs are not told apart. Bootstrap over lines.

    Returns
    -------
    dict of list to Comparison

    Raises
    ------
    DataError
        As :func:`endpoints`.
    """
    check_scores(lines, response)
    found = {}
    for name, part in lines.groupby("list", sort=False):
        wide = part.pivot_table(index="line", columns="drug", values="es", sort=False)
        y = response.loc[wide.index, wide.columns]
        resistant = (y > y.median()).astype(int).to_numpy()
        known = (wide.notna() & y.notna()).to_numpy()
        line = np.broadcast_to(np.asarray(wide.index)[:, None], wide.shape)[known]
        metric = weighted_metric("AUCROC", resistant[known], wide.to_numpy()[known])
        found[str(name)] = cluster_bootstrap(metric, line, n_boot, seed, null=0.5)
    return found


def sign_flip_p(values: np.ndarray, n_flips: int = 10_000, seed: int = 0) -> float:
    """Two-sided p-value of the mean of values whose signs are exchangeable without an effect.

    Exact up to 13 values; NaN without values.

    Raises
    ------
    DataError
        If a value is not finite, or the number of flips cannot be.
    """
    check_number("n_flips", n_flips, 1, whole=True)
    values = as_numbers(values, "values", finite=True)
    if values.ndim != 1:
        refuse("sign_flip_p", f"needs a column of values; got shape {values.shape}")
    if len(values) == 0:
        return np.nan
    if len(values) <= 13:
        signs = 1 - 2 * ((np.arange(2 ** len(values))[:, None] >> np.arange(len(values))) & 1)
        return float((np.abs(signs @ values) >= abs(values.sum()) - 1e-12).mean())
    signs = 1 - 2 * np.random.default_rng(seed).integers(0, 2, (n_flips, len(values)))
    return float((1 + (np.abs(signs @ values) >= abs(values.sum()) - 1e-12).sum()) / (n_flips + 1))


class _Scores:
    """Median scores as one array, lists x lines x drugs, and the responses, lines x drugs."""

    def __init__(self, lines: pd.DataFrame, response: pd.DataFrame) -> None:
        check_scores(lines, response)
        self.lists = lines["list"].unique().tolist()
        self.lines = np.sort(lines["line"].unique())
        self.drugs = lines["drug"].unique().tolist()
        wide = {
            name: part.pivot_table(index="line", columns="drug", values="es")
            for name, part in lines.groupby("list", sort=False)
        }
        self.es = np.stack([wide[n].reindex(self.lines, columns=self.drugs).to_numpy() for n in self.lists])
        self.y = response.reindex(self.lines)[self.drugs].to_numpy(float)

    def position(self, name: str) -> int:
        if name not in self.lists:
            msg = f"no scores of list {name!r}; there are {self.lists}"
            raise DataError(msg)
        return self.lists.index(name)

    def bootstrap(self, n_boot: int, seed: int) -> np.ndarray:
        """Spearman correlations (1 + n_boot, lists, drugs): the lines as they are, then resamples."""
        n = len(self.lines)
        rng = np.random.default_rng(seed)
        es = np.moveaxis(self.es, 0, 1)
        draws = [np.arange(n), *(rng.integers(0, n, n) for _ in range(n_boot))]
        return np.stack([masked_spearman(es[rows], self.y[rows][:, None]) for rows in draws])


def _score_lines(
    lists: GeneLists, sets: MarkerSets, line_of: np.ndarray, null: np.ndarray
) -> list[pd.DataFrame]:
    tables = []
    for name, scores in lists.scores.items():
        found: DreepScores = dreep_score(sets, scores, null=null)
        calls = found.calls()
        parts = {
            "es": found.by_line(line_of),
            "sensitive": (calls == -1).groupby(line_of).mean(),
            "resistant": (calls == 1).groupby(line_of).mean(),
            "cells": found.es.notna().groupby(line_of).sum(),
        }
        first = parts["es"]
        key = pd.MultiIndex.from_product([first.index, first.columns], names=["line", "drug"])
        columns = {what: part.to_numpy().ravel() for what, part in parts.items()}
        tables.append(pd.DataFrame({"list": name} | columns, index=key).reset_index())
    return tables


def _auroc(scores: np.ndarray, positive: np.ndarray) -> float:
    n_positive, n_negative = int(positive.sum()), int((~positive).sum())
    if not (n_positive and n_negative):
        return np.nan
    rank = stats.rankdata(scores)[positive].sum()
    return float((rank - n_positive * (n_positive + 1) / 2) / (n_positive * n_negative))
