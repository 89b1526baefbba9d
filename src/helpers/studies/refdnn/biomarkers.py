"""Genes with the largest encoder weights: tests of whether they mark resistance and come back.

The study ranked the genes of one fit and tested them on the lines of that fit. Here they are also
tested on held-out pairs, against random genes and against a plain test of each gene.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from scipy import stats

from helpers.data.types import ResponseData
from helpers.errors import DataError
from helpers.evaluation.multiple_testing import benjamini_hochberg
from helpers.evaluation.statistics import wilcoxon_exact
from helpers.studies.refdnn.comparisons import comparison_table
from helpers.studies.refdnn.protocol import OutOfFold, PairTable

#: Drugs of the paper's figure 4.
FIGURE_DRUGS = ("Nilotinib", "KIN001-270", "Temozolomide")
#: Ways to choose genes: by raw weight (as published), by weight times standard deviation, by the
#: training lines' own rank test, or at random.
RANKINGS = ("raw weight", "weight x SD", "rank test", "random")


def top_genes(weights: pd.Series, k: int = 10, spread: pd.Series | None = None) -> list[str]:
    """Return the ``k`` genes with the largest absolute weight.

    Parameters
    ----------
    weights : Series, index = gene
        One drug's column of the encoder kernel.
    k : int
    spread : Series, optional
        Standard deviation of each gene; the ranking is then by ``|weight| * spread``, the effect of
        one standard deviation. The study ranked raw weights of unscaled expression.
    """
    size = weights.abs() if spread is None else weights.abs() * spread
    return size.sort_values(ascending=False, kind="stable").index[:k].tolist()


def differential_expression(expression: pd.DataFrame, resistant: np.ndarray) -> pd.DataFrame:
    """Mann-Whitney test of every gene, resistant against sensitive lines.

    Parameters
    ----------
    expression : DataFrame, lines x genes
    resistant : array (lines,) of bool

    Returns
    -------
    DataFrame
        Index = gene; ``auroc`` (probability that a resistant line expresses the gene more than a
        sensitive one), ``p`` two-sided, ``p_adjusted`` (Benjamini-Hochberg over the given genes).

    Raises
    ------
    DataError
        If a class is empty.
    """
    resistant = np.asarray(resistant, dtype=bool)
    n_resistant, n_sensitive = int(resistant.sum()), int((~resistant).sum())
    if not (n_resistant and n_sensitive):
        msg = f"both classes are needed; got {n_resistant} resistant and {n_sensitive} sensitive lines"
        raise DataError(msg)
    values = expression.to_numpy(float)
    test = stats.mannwhitneyu(values[resistant], values[~resistant], axis=0, method="asymptotic")
    return pd.DataFrame(
        {
            "auroc": test.statistic / (n_resistant * n_sensitive),
            "p": test.pvalue,
            "p_adjusted": benjamini_hochberg(test.pvalue),
        },
        index=expression.columns,
    )


def figure_drugs(data: ResponseData) -> list[str]:
    """Return the drugs of figure 4 that the data have, else the two with the most pairs."""
    known = [drug for drug in FIGURE_DRUGS if drug in data.drugs.index]
    return known or list(data.response["drug"].value_counts().index[:2])


@dataclass(frozen=True, eq=False)
class GenePanel:
    """Expression of some genes in the resistant and the sensitive lines of a drug.

    Attributes
    ----------
    table : DataFrame
        Long: ``gene``, ``response`` (``"R"`` or ``"S"``), ``value``.
    p_values : Series, index = gene
        Rank test, adjusted by Benjamini-Hochberg over the genes.
    n : int
        Pairs of the drug.
    """

    table: pd.DataFrame
    p_values: pd.Series
    n: int

    @property
    def share_significant(self) -> float:
        """Share of the genes with an adjusted p below 0.05."""
        return float((self.p_values < 0.05).mean())


def gene_panel(data: ResponseData, drug: str, genes: Sequence[str]) -> GenePanel:
    """Test genes between the lines that resist a drug and those that do not, as figure 4 does.

    Genes that the data do not measure are left out.
    """
    rows = data.response[data.response["drug"] == drug]
    resistant = rows["resistant"].to_numpy() == 1
    values = data.expression.loc[rows["line"], [gene for gene in genes if gene in data.expression]]
    test = differential_expression(values, resistant)
    long = values.assign(response=np.where(resistant, "R", "S")).melt("response", var_name="gene")
    return GenePanel(long, test["p_adjusted"], len(rows))


def recovered_genes(weights: Sequence[pd.DataFrame], planted: pd.DataFrame, k: int = 4) -> tuple[float, int]:
    """Share of planted genes among the ``k`` largest weights, over fits and drugs, and their number.

    Parameters
    ----------
    weights : sequence of DataFrame, genes x drugs
        Encoder kernels of several fits.
    planted : DataFrame, drugs x genes
        :attr:`SimulatedTruth.weights`; zero where a gene does not matter.
    """
    relevant = {drug: planted.columns[row != 0] for drug, row in planted.iterrows()}
    found = [np.isin(top_genes(fit[drug], k), relevant[drug]).mean() for fit in weights for drug in fit]
    return float(np.mean(found)), len(found)


def directed_auroc(auroc: pd.Series, direction: pd.Series, genes: Sequence[str]) -> float:
    """Mean AUROC of genes, each taken in the direction that was learnt.

    0.5 means that the genes say nothing on these lines; below 0.5, that they point the wrong way.

    Parameters
    ----------
    auroc : Series, index = gene
        Of lines that were not used to learn the direction.
    direction : Series, index = gene
        Positive where high expression was learnt to mean resistance.
    """
    genes = list(genes)
    value = auroc[genes].to_numpy()
    return float(np.where(direction[genes].to_numpy() >= 0, value, 1 - value).mean())


def top_overlap(lists: Sequence[Sequence[str]]) -> float:
    """Mean share of genes that two of the lists have in common, over all pairs of lists.

    Two random lists of k out of G genes share k / G of their genes.
    """
    pairs = [len(set(a) & set(b)) / max(len(a), 1) for a, b in combinations(lists, 2)]
    return float(np.mean(pairs)) if pairs else np.nan


def heldout_biomarkers(
    table: PairTable,
    result: OutOfFold,
    model: str = "RefDNN",
    k: int = 10,
    min_minority: int = 20,
    seed: int = 0,
    n_jobs: int = 1,
) -> pd.DataFrame:
    """Test each fold's top genes on the pairs that the fold held out.

    Parameters
    ----------
    table : PairTable
    result : OutOfFold
        With the encoder kernels of ``model`` kept (genes x drugs).
    k : int
        Genes a list.
    min_minority : int
        Drugs with fewer resistant or fewer sensitive lines are left out.
    seed : int
        Of the random lists.
    n_jobs : int
        Folds at a time.

    Returns
    -------
    DataFrame
        One row a seed, fold, drug and ranking (:data:`RANKINGS`): ``auroc`` (directed AUROC of the
        list on held-out lines) and ``genes``.
    """
    fits = [(repeat, fold, w) for (name, repeat, fold), w in result.kept.items() if name == model]
    parts = Parallel(n_jobs=n_jobs, prefer="threads")(
        delayed(_fold_biomarkers)(table, result, *fit, k, min_minority, np.random.default_rng([seed, i]))
        for i, fit in enumerate(fits)
    )
    rows = [row for part in parts for row in part]
    return pd.DataFrame(rows, columns=["seed", "fold", "drug", "ranking", "auroc", "genes"])


def _fold_biomarkers(
    table: PairTable,
    result: OutOfFold,
    repeat: int,
    fold: str,
    weights: pd.DataFrame,
    k: int,
    min_minority: int,
    rng: np.random.Generator,
) -> list[tuple]:
    expression = table.features.expression.astype(float)
    genes = pd.Index(table.features.gene_names)
    tested = result.folds[repeat] == result.fold_names.index(fold)
    rows = []
    for drug in np.unique(table.drugs):
        of_drug = table.drugs == drug
        if min(np.bincount(table.y[of_drug], minlength=2)) < min_minority:
            continue
        aurocs = [_gene_auroc(expression, table, of_drug & part) for part in (~tested, tested)]
        if any(auroc is None for auroc in aurocs):
            continue
        seen, held_out = (pd.Series(auroc, index=genes) for auroc in aurocs)
        name = table.features.drug_names[drug]
        learnt, direction = weights[name], seen - 0.5
        spread = pd.Series(expression[table.lines[of_drug & ~tested]].std(axis=0), index=genes)
        lists = {
            "raw weight": (learnt, top_genes(learnt, k)),
            "weight x SD": (learnt, top_genes(learnt, k, spread)),
            "rank test": (direction, top_genes(direction, k)),
            "random": (direction, list(rng.choice(genes, k, replace=False))),
        }
        rows += [
            (repeat, fold, name, ranking, directed_auroc(held_out, signs, chosen), tuple(chosen))
            for ranking, (signs, chosen) in lists.items()
        ]
    return rows


def list_stability(heldout: pd.DataFrame) -> pd.DataFrame:
    """Overlap of the lists of different folds and seeds, per drug and ranking.

    Parameters
    ----------
    heldout : DataFrame
        From :func:`heldout_biomarkers`.

    Returns
    -------
    DataFrame, drugs x rankings
        Mean share of genes in common (:func:`top_overlap`).
    """
    return heldout.pivot_table(
        index="drug", columns="ranking", values="genes", aggfunc=lambda lists: top_overlap(list(lists))
    )


def ranking_scores(heldout: pd.DataFrame) -> pd.DataFrame:
    """Directed AUROC of each drug on held-out pairs, averaged over folds; drugs x rankings."""
    return heldout.pivot_table(index="drug", columns="ranking", values="auroc")[list(RANKINGS)]


def ranking_table(heldout: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Tabulate what each way to choose genes is worth, over drugs.

    Parameters
    ----------
    heldout : mapping of data set to DataFrame
        From :func:`heldout_biomarkers`.

    Returns
    -------
    DataFrame
        ``data``, ``ranking``, ``what``, ``value``, ``low``, ``high``, ``p``, ``n`` drugs, ``seeds``; ``what``
        is ``"directed_auroc"`` (centre of its excess over 0.5) or ``"overlap"`` (mean overlap of folds).
    """
    rows = []
    for name, table in heldout.items():
        scores, overlap = ranking_scores(table), list_stability(table)
        centres = {ranking: wilcoxon_exact(values - 0.5) for ranking, values in scores.items()}
        rows += comparison_table(centres).assign(what="directed_auroc", dataset=name).to_dict("records")
        rows += [
            {
                "data": ranking,
                "what": "overlap",
                "difference": overlap[ranking].mean(),
                "n": len(overlap),
                "seeds": table["seed"].nunique(),
                "dataset": name,
            }
            for ranking in RANKINGS
        ]
    names = {"data": "ranking", "dataset": "data", "difference": "value"}
    return pd.DataFrame(rows).rename(columns=names)


def ranking_gaps(heldout: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Directed AUROC of genes by raw weight minus that of every other ranking, over drugs.

    Returns
    -------
    DataFrame
        ``data``, ``ranking`` (the other), ``difference``, ``low``, ``high``, ``p``, ``n``.
    """
    tables = []
    for name, table in heldout.items():
        scores = ranking_scores(table)
        gaps = {other: wilcoxon_exact(scores["raw weight"], scores[other]) for other in RANKINGS[1:]}
        tables.append(comparison_table(gaps).rename(columns={"data": "ranking"}).assign(data=name))
    return pd.concat(tables, ignore_index=True)


def _gene_auroc(expression: np.ndarray, table: PairTable, rows: np.ndarray) -> np.ndarray | None:
    """AUROC of every gene for resistance over the lines of ``rows``; None with one class."""
    y = table.y[rows]
    positive, negative = int(y.sum()), int(len(y) - y.sum())
    if not (positive and negative):
        return None
    rank = stats.rankdata(expression[table.lines[rows]], axis=0)
    return (rank[y == 1].sum(axis=0) - positive * (positive + 1) / 2) / (positive * negative)
