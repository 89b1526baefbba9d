"""Genes with the largest encoder weights, and tests of genes between resistant and sensitive lines.

The study ranked the genes of one fit and tested them on the lines of that fit.
:mod:`helpers.studies.refdnn.heldout_genes` tests such lists on held-out pairs,
:mod:`helpers.studies.refdnn.gene_sets` tests the published ones against random genes and within tissues.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from helpers.bounds import check_number
from helpers.checks import (
    as_numbers,
    check_column,
    check_labels,
    check_names,
    check_numbers,
    check_same_rows,
    check_unique,
    refuse,
)
from helpers.data.types import ResponseData
from helpers.errors import DataError
from helpers.evaluation.multiple_testing import benjamini_hochberg

#: Drugs of the paper's figure 4.
FIGURE_DRUGS = ("Nilotinib", "KIN001-270", "Temozolomide")


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

    Raises
    ------
    DataError
        If weights or spreads are no numbers with one name a gene, or ``k`` cannot be.
    """
    check_number("k", k, 1, whole=True)
    for what, one in (("weights", weights), ("spread", spread)):
        if isinstance(one, pd.Series):
            check_unique(one.index, what, "names a gene twice")
            check_numbers(one.to_frame(), what, "the size of genes")
        elif what == "weights" or one is not None:
            refuse(what, f"must be a Series, whose index names genes, got {type(one).__name__}")
    if spread is not None and not weights.index.isin(spread.index).all():
        refuse("spread", "lacks a gene that has a weight", "take both from the same data")
    size = weights.abs() if spread is None else weights.abs() * spread
    return size.sort_values(ascending=False, kind="stable").index[:k].tolist()


def differential_expression(
    expression: pd.DataFrame, resistant: np.ndarray, strata: np.ndarray | None = None
) -> pd.DataFrame:
    """Mann-Whitney test of every gene, resistant against sensitive lines, all over or within strata.

    Within strata only lines of one stratum (a tissue, say) are compared with each other: the U
    statistics of the strata are added, and so are their means and variances. A stratum with one class
    says nothing. One stratum gives the plain test, asymptotic and with ties and continuity corrected.

    Parameters
    ----------
    expression : DataFrame, lines x genes
    resistant : array (lines,) of bool
    strata : array (lines,), optional

    Returns
    -------
    DataFrame
        Index = gene; ``auroc`` (probability that a resistant line expresses the gene more than a
        sensitive one, of its stratum), ``p`` two-sided, ``p_adjusted`` (Benjamini-Hochberg over the
        given genes).

    Raises
    ------
    DataError
        If a class is empty, or no stratum has both; if expression is no table of finite numbers, or
        ``resistant`` or ``strata`` do not say one thing for each of its rows, in their order.
    """
    resistant, strata = checked_rows(expression, resistant, strata)
    u, variance, pairs = rank_statistics(expression.to_numpy(float), resistant, strata)
    need_both(pairs, resistant, strata)
    excess = np.maximum(np.abs(u - pairs / 2) - 0.5, 0)
    z = np.divide(excess, np.sqrt(variance), out=np.zeros_like(excess), where=variance > 0)
    p = np.minimum(2 * stats.norm.sf(z), 1.0)
    return pd.DataFrame(
        {"auroc": u / pairs, "p": p, "p_adjusted": benjamini_hochberg(p)}, index=expression.columns
    )


def checked_rows(
    expression: pd.DataFrame, resistant: np.ndarray, strata: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray | None]:
    """Return classes (bool) and strata as arrays; refuse a table, or columns, that cannot be tested.

    Raises
    ------
    DataError
        As for :func:`differential_expression`.
    """
    if not isinstance(expression, pd.DataFrame) or expression.empty:
        refuse("expression", "must be a DataFrame with rows and genes")
    check_unique(expression.columns, "expression", "names a gene twice")
    as_numbers(expression, "expression", finite=True)
    for what, one in (("resistant", resistant), ("strata", strata)):
        check_same_rows(expression, one, f"expression and {what}")
    resistant = check_labels(resistant, len(expression), "resistant").astype(bool)
    return resistant, None if strata is None else check_column(strata, len(expression), "strata")


def need_both(pairs: int, resistant: np.ndarray, strata: np.ndarray | None) -> None:
    """Raise DataError if there is no pair of a resistant and a sensitive line to compare."""
    if pairs == 0:
        counts = f"{int(resistant.sum())} resistant and {int((~resistant).sum())} sensitive lines"
        msg = f"both classes are needed{'' if strata is None else ' within a stratum'}; got {counts}"
        raise DataError(msg)


def rank_statistics(
    values: np.ndarray, positive: np.ndarray, strata: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray, int]:
    """Mann-Whitney U of every column, added over strata.

    Parameters
    ----------
    values : array, lines x genes
    positive : array (lines,) of bool
    strata : array (lines,), optional

    Returns
    -------
    u : array (genes,)
        Pairs of a positive and a negative line of one stratum in which the positive one is higher; ties
        count half.
    variance : array (genes,)
        Of ``u`` where the labels of a stratum are exchangeable, ties included.
    pairs : int
        All such pairs; 0 where no stratum has both classes.
    """
    code = np.zeros(len(positive), int) if strata is None else np.unique(strata, return_inverse=True)[1]
    u, variance, pairs = np.zeros(values.shape[1]), np.zeros(values.shape[1]), 0
    for stratum in range(code.max(initial=-1) + 1):
        rows = np.flatnonzero(code == stratum)
        of_class = positive[rows]
        n, n1 = len(rows), int(of_class.sum())
        if n1 in (0, n):
            continue
        rank = stats.rankdata(values[rows], axis=0)
        u += rank[of_class].sum(axis=0) - n1 * (n1 + 1) / 2
        # Exact variance of a rank sum under permutation, which holds with ties as well.
        variance += n1 * (n - n1) / (n - 1) * rank.var(axis=0)
        pairs += n1 * (n - n1)
    return u, variance, pairs


def figure_drugs(data: ResponseData) -> list[str]:
    """Return the drugs of figure 4 that the data have, else the two with the most pairs."""
    known = [drug for drug in FIGURE_DRUGS if drug in data.drugs.index]
    return known or list(data.response["drug"].value_counts().index[:2])


def substitute_drug(data: ResponseData, pathway: str = "DNA replication") -> str:
    """Return the drug of a pathway with the most lines of its rarer class.

    Stands in for a drug of figure 4 that the data do not have (Temozolomide, a DNA replication inhibitor).
    Data without pathways, or without that one, give the drug with the most over all drugs.
    """
    counts = data.response.groupby("drug")["resistant"].agg(["sum", "count"])
    rarer = np.minimum(counts["sum"], counts["count"] - counts["sum"])
    named = data.drugs["pathway"].reindex(rarer.index) == pathway
    return str(rarer[named].idxmax() if named.any() else rarer.idxmax())


@dataclass(frozen=True, eq=False)
class GenePanel:
    """Expression of some genes in the resistant and the sensitive lines of a drug.

    Attributes
    ----------
    table : DataFrame
        Long: ``gene``, ``response`` (``"R"`` or ``"S"``), ``value``.
    p_values : dict of gene to float
        Rank test, adjusted by Benjamini-Hochberg over the genes.
    n : int
        Pairs of the drug.
    """

    table: pd.DataFrame
    p_values: dict[str, float]
    n: int

    @property
    def share_significant(self) -> float:
        """Share of the genes with an adjusted p below 0.05."""
        return float(np.mean(np.array(list(self.p_values.values())) < 0.05))

    def finding(self, drug: str) -> str:
        """Say what the panel shows, as a title."""
        significant = sum(p < 0.05 for p in self.p_values.values())
        return f"{significant} of {len(self.p_values)} genes differ with resistance to {drug}"


def gene_panel(data: ResponseData, drug: str, genes: Sequence[str]) -> GenePanel:
    """Test genes between the lines that resist a drug and those that do not, as figure 4 does.

    Genes that the data do not measure are left out.

    Raises
    ------
    DataError
        If none is measured, or no line resists the drug, or all do.
    """
    if not set(check_names(genes, "genes")) & set(data.expression.columns):
        refuse(data.name, f"measures none of the {len(genes)} genes, first {list(genes[:3])}")
    rows = data.response[data.response["drug"] == drug]
    resistant = rows["resistant"].to_numpy() == 1
    values = data.expression.loc[rows["line"], [gene for gene in genes if gene in data.expression]]
    test = differential_expression(values, resistant)
    long = values.assign(response=np.where(resistant, "R", "S")).melt("response", var_name="gene")
    return GenePanel(long, test["p_adjusted"].to_dict(), len(rows))


def recovered_genes(weights: Sequence[pd.DataFrame], planted: pd.DataFrame, k: int = 4) -> tuple[float, int]:
    """Share of planted genes among the ``k`` largest weights, over fits and drugs, and their number.

    Parameters
    ----------
    weights : sequence of DataFrame, genes x drugs
        Encoder kernels of several fits.
    planted : DataFrame, drugs x genes
        :attr:`SimulatedTruth.weights`; zero where a gene does not matter.

    Raises
    ------
    DataError
        If there are no weights, or of other drugs or genes than the planted ones.
    """
    for fit in weights:
        if not fit.index.isin(planted.columns).all() or not fit.columns.isin(planted.index).all():
            refuse("weights", "are of other drugs or genes than the planted ones")
    if not weights:
        refuse("weights", "there are none")
    relevant = {drug: planted.columns[row != 0] for drug, row in planted.iterrows()}
    found = [np.isin(top_genes(fit[drug], k), relevant[drug]).mean() for fit in weights for drug in fit]
    return float(np.mean(found)), len(found)
