"""Do the genes with the largest encoder weights mark resistance, and are they the same next time?"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pandas as pd
from scipy import stats

from helpers.errors import DataError
from helpers.evaluation.published_tests import benjamini_hochberg


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
