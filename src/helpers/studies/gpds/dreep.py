"""DREEP's score of a cell: the place of its marker genes in a drug's ranked gene list.

Own implementation of the method of Pellecchia, Viscido, Franchini and Gambardella, BMC Medicine 21:476
(2023): gf-icf weights, the k genes of a cell with the largest weight, a Kolmogorov-Smirnov running sum
along the list with exponent 0. Lists are sorted so that resistance genes come first: a score below zero
calls a cell sensitive.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from scipy import sparse

from helpers.bounds import check_number
from helpers.checks import (
    as_numbers,
    check_columns,
    check_keep,
    check_same_rows,
    check_unique,
    refuse,
)
from helpers.errors import DataError, ParameterError
from helpers.evaluation.multiple_testing import benjamini_hochberg
from helpers.evaluation.statistics import check_level

WEIGHTS = ("gf-icf", "log-cpm", "z-score")

Matrix: TypeAlias = Any  # a numpy array or a SciPy sparse matrix, of which SciPy has no types
# Sets that are scored at once; bounds the memory of a call.
_BLOCK = 20_000


def gf_icf(
    counts: Matrix, min_cells: int = 5, min_share: float = 0.03, keep_mean: float = 1.12
) -> sparse.csr_array:
    """Gene frequency times inverse cell frequency, each cell scaled to length 1.

    GF is a gene's share of the cell's counts, ICF = ln((N + 1) / (n_g + 1)) with N cells, n_g of which
    express gene g. A gene is dropped if it is seen in at most ``min_cells`` cells or ``min_share`` of
    them *and* its mean over the cells that express it is at most ``keep_mean``. The published
    normalisation of depth (TMM) multiplies all counts of a cell by one number and cancels in GF.

    A weight depends on the pool of cells: score together what is to be compared.

    Parameters
    ----------
    counts : cells x genes
        Raw counts, sparse or dense.

    Returns
    -------
    csr_array, cells x genes, float64
        Columns of dropped genes are empty.

    Raises
    ------
    DataError
        If values are negative or not finite, as z-scores are, a table is empty, or a limit is no number.
    """
    for what, limit in (("min_cells", min_cells), ("min_share", min_share), ("keep_mean", keep_mean)):
        check_number(what, limit, 0, 1 if what == "min_share" else np.inf)
    counts = _checked_counts(counts)
    n_cells, seen = counts.shape[0], counts.count_nonzero(axis=0)
    mean = np.asarray(counts.sum(axis=0)).ravel() / np.maximum(seen, 1)
    rare = (seen <= min_cells) | (seen <= min_share * n_cells)
    keep = (seen > 0) & ~(rare & (mean <= keep_mean))
    icf = np.where(keep, np.log((n_cells + 1) / (seen + 1)), 0)
    counts = counts @ sparse.diags_array(keep.astype(float))
    total = np.asarray(counts.sum(axis=1)).ravel()
    weights = sparse.diags_array(1 / np.where(total > 0, total, 1)) @ counts @ sparse.diags_array(icf)
    length = np.sqrt(np.asarray(weights.multiply(weights).sum(axis=1)).ravel())
    weights = sparse.csr_array(sparse.diags_array(1 / np.where(length > 0, length, 1)) @ weights)
    weights.eliminate_zeros()
    return weights


def cell_weights(counts: Matrix, method: str = "gf-icf") -> sparse.csr_array | np.ndarray:
    """Weights by which a cell's marker genes are chosen.

    Parameters
    ----------
    counts : cells x genes
        Raw counts of all cells that are scored together.
    method : {"gf-icf", "log-cpm", "z-score"}
        As published; ln(1 + CPM); or ln(1 + CPM) z-scored per gene over the cells.

    Raises
    ------
    ParameterError
        If the method is unknown.
    DataError
        As :func:`gf_icf`.
    """
    if not isinstance(method, str) or method not in WEIGHTS:
        msg = f"method={method!r} is not one of {', '.join(WEIGHTS)}"
        raise ParameterError(msg)
    if method == "gf-icf":
        return gf_icf(counts)
    counts = _checked_counts(counts)
    total = np.asarray(counts.sum(axis=1)).ravel()
    scaled = sparse.csr_array(sparse.diags_array(1e6 / np.where(total > 0, total, 1)) @ counts).log1p()
    if method == "log-cpm":
        return scaled
    dense = scaled.toarray()
    spread = dense.std(axis=0)
    return (dense - dense.mean(axis=0)) / np.where(spread > 0, spread, 1)


@dataclass(frozen=True, eq=False)
class MarkerSets:
    """The marker genes of every cell.

    Attributes
    ----------
    cells, genes : Index
    members : array (cells, k) of int
        Positions in ``genes``; -1 throughout for a cell with fewer than k detected genes.
    detected : array (cells,) of int
        Genes with a weight that is not zero.
    """

    cells: pd.Index
    genes: pd.Index
    members: np.ndarray
    detected: np.ndarray

    @property
    def k(self) -> int:
        """Genes a set."""
        return self.members.shape[1]

    @property
    def complete(self) -> np.ndarray:
        """Cells with at least k detected genes; the others are not scored."""
        return self.detected >= self.k

    def subset(self, keep: np.ndarray) -> MarkerSets:
        """Return the sets of the cells where ``keep`` is true; refuse what says it not of each cell."""
        if isinstance(keep, pd.Series) and not keep.index.equals(self.cells):
            refuse("MarkerSets", "keep names other cells, or in another order", "give keep[sets.cells]")
        keep = check_keep(keep, len(self.cells), "MarkerSets")
        return MarkerSets(self.cells[keep], self.genes, self.members[keep], self.detected[keep])


def marker_sets(weights: Matrix, cells: pd.Index, genes: pd.Index, k: int = 250) -> MarkerSets:
    """Take the k genes with the largest weight in each cell.

    Parameters
    ----------
    weights : cells x genes
        From :func:`cell_weights`, restricted to the genes that the lists have. Give ``cells`` and
        ``genes`` in its order.
    k : int
        250 in DREEP's code, 500 in its example.

    Raises
    ------
    DataError
        If shapes differ, ids repeat, a weight is not finite, or there are not more than k genes.
    """
    for what, names in (("cells", cells), ("genes", genes)):
        if not isinstance(names, Sequence | pd.Index | np.ndarray) or isinstance(names, str):
            refuse("marker_sets", f"{what} must be their names, got {names!r}")
    cells, genes = pd.Index(cells), pd.Index(genes)
    if isinstance(weights, pd.DataFrame) and not weights.columns.equals(genes):
        refuse("marker_sets", "the columns of weights are other genes, or in another order")
    as_numbers(weights.data if sparse.issparse(weights) else weights, "marker_sets: weights", finite=True)
    if weights.shape != (len(cells), len(genes)):
        msg = f"weights have shape {weights.shape}, expected {len(cells)} cells x {len(genes)} genes"
        raise DataError(msg)
    if genes.has_duplicates or cells.has_duplicates:
        msg = "marker_sets: cells and genes must be unique; make the ids of the table unique first"
        raise DataError(msg)
    check_number("k", k, whole=True)
    if not 0 < k < len(genes):
        msg = f"k={k} marker genes must be at least 1 and fewer than the {len(genes)} shared genes"
        raise DataError(msg)
    # Ties are broken by gene name, so that the order of columns does not matter.
    by_name = np.argsort(genes.to_numpy(str), kind="stable")
    members = np.full((len(cells), k), -1)
    detected = np.zeros(len(cells), int)
    for start in range(0, len(cells), _BLOCK):
        block = weights[start : start + _BLOCK]
        block = (block.toarray() if sparse.issparse(block) else np.asarray(block))[:, by_name]
        top = np.argsort(-block, axis=1, kind="stable")[:, :k]
        detected[start : start + len(block)] = (block != 0).sum(axis=1)
        members[start : start + len(block)] = by_name[top]
    members[detected < k] = -1
    return MarkerSets(cells, genes, members, detected)


def enrichment_scores(members: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Kolmogorov-Smirnov enrichment of sets in ranked lists, exponent 0.

    Parameters
    ----------
    members : array (sets, k) of int
        Positions of genes; rows of -1 give NaN.
    scores : array (genes,) or (genes, lists)
        Genes are ranked by decreasing score; equal scores by position.

    Returns
    -------
    array (sets,) or (sets, lists)
        Largest deviation of the running sum from zero, with its sign: +1 if the set is the top of the
        list, -1 if it is the bottom, 0 if both deviations are equal.

    Raises
    ------
    DataError
        If scores hold NaN, the sets are as large as the list, or members are no positions in it.
    """
    scores = as_numbers(scores, "gene lists")
    if scores.ndim not in (1, 2):
        refuse("gene lists", f"must be scores, genes x lists; got shape {scores.shape}")
    if np.ndim(members) != 2 or not np.size(members) or np.asarray(members).dtype.kind not in "iu":
        refuse("marker sets", f"must be positions of genes, sets x k; got shape {np.shape(members)}")
    if np.min(members) < -1 or np.max(members) >= len(scores):
        refuse("marker sets", f"must be positions in a list of {len(scores)} genes, or -1")
    if scores.ndim == 1:
        return enrichment_scores(members, scores[:, None])[:, 0]
    n, k = len(scores), members.shape[1]
    if k >= n:
        msg = f"a set of {k} genes cannot be scored in a list of {n}"
        raise DataError(msg)
    if np.isnan(scores).any():
        msg = f"{int(np.isnan(scores).any(axis=0).sum())} of {scores.shape[1]} gene lists hold NaN"
        raise DataError(msg)
    rank = np.empty(scores.shape, np.int64)
    order = np.argsort(-scores, axis=0, kind="stable")
    np.put_along_axis(rank, order, np.arange(1, n + 1)[:, None], axis=0)
    result = np.full((len(members), scores.shape[1]), np.nan)
    rows = np.flatnonzero(members[:, 0] >= 0)
    for start in range(0, len(rows), _BLOCK):
        part = rows[start : start + _BLOCK]
        for j in range(scores.shape[1]):
            result[part, j] = _running_sum(np.sort(rank[:, j][members[part]], axis=1), n)
    return result


def _running_sum(ranks: np.ndarray, n: int) -> np.ndarray:
    """Score sets from their sorted ranks; in whole numbers, so that equal deviations are equal."""
    k = ranks.shape[1]
    i = np.arange(1, k + 1)
    up = i * (n - k) - (ranks - i) * k
    high, low = up.max(axis=1), (up - (n - k)).min(axis=1)
    return np.where(high > -low, high, np.where(high < -low, low, 0)) / (k * (n - k))


def null_table(k: int, n: int, draws: int = 100_000, seed: int = 0) -> np.ndarray:
    """Scores of random sets of k out of n genes, sorted: one table for all drugs and cells.

    It treats genes as independent, which they are not; see :mod:`helpers.studies.gpds.dreep_null`.
    """
    for what, value, least in (("k", k, 0), ("n", n, 0), ("draws", draws, 1), ("seed", seed, 0)):
        check_number(what, value, least, whole=True)
    rng = np.random.default_rng(seed)
    if not 0 < k < n:
        msg = f"a set of {k} genes cannot be drawn from a list of {n} and be scored"
        raise DataError(msg)
    size = max(1, 4_000_000 // n)
    scores = []
    for start in range(0, draws, size):
        random = rng.random((min(size, draws - start), n), dtype=np.float32)
        ranks = np.sort(np.argpartition(random, k - 1, axis=1)[:, :k], axis=1) + 1
        scores.append(_running_sum(ranks, n))
    return np.sort(np.concatenate(scores))


def p_values(es: np.ndarray, null: np.ndarray) -> np.ndarray:
    """p-value of scores on their own side of the null, one added to both counts; NaN stays NaN.

    Parameters
    ----------
    es : array of any shape
    null : array (draws,), sorted

    Raises
    ------
    DataError
        If the null is no sorted column of numbers, or a score is infinite.
    """
    es, null = as_numbers(es, "scores"), as_numbers(null, "null", finite=True)
    if null.ndim != 1 or not len(null) or (np.diff(null) < 0).any() or np.isinf(es).any():
        refuse("p_values", "needs a sorted column of scores of random sets, and scores that are not infinite")
    above = (1 + len(null) - np.searchsorted(null, es, "left")) / (
        1 + len(null) - np.searchsorted(null, 0, "left")
    )
    below = (1 + np.searchsorted(null, es, "right")) / (1 + np.searchsorted(null, 0, "right"))
    return np.where(np.isnan(es), np.nan, np.where(es > 0, above, np.where(es < 0, below, 1.0)))


@dataclass(frozen=True, eq=False)
class DreepScores:
    """Scores of cells for drugs.

    Attributes
    ----------
    es, p, fdr : DataFrame, cells x drugs
        Enrichment score, its p-value, and Benjamini-Hochberg over cells within a drug; NaN for cells
        with too few detected genes.
    """

    es: pd.DataFrame
    p: pd.DataFrame
    fdr: pd.DataFrame

    def calls(self, level: float = 0.1) -> pd.DataFrame:
        """Call each cell: -1 sensitive, 1 resistant, 0 undetermined."""
        check_level(level)
        return np.sign(self.es).where(self.fdr < level, 0).fillna(0).astype(int)

    def by_line(self, lines: pd.Series | np.ndarray) -> pd.DataFrame:
        """Median score of each line and drug, lines x drugs; ``lines`` gives each cell's line."""
        check_same_rows(self.es, lines, "scores and lines of cells")
        if np.shape(lines) != (len(self.es),) or pd.isna(lines).any():
            refuse("by_line", f"needs the line of each of {len(self.es)} cells; got shape {np.shape(lines)}")
        return self.es.groupby(np.asarray(lines)).median().rename_axis("line")


def dreep_score(
    sets: MarkerSets, lists: pd.DataFrame, *, null: np.ndarray | None = None, seed: int = 0
) -> DreepScores:
    """Score cells for drugs.

    Parameters
    ----------
    sets : MarkerSets
    lists : DataFrame, genes x drugs
        Scores of genes, high = resistance (:mod:`helpers.studies.gpds.gene_lists`); exactly the genes of
        ``sets``, in any order.
    null : array, optional
        From :func:`null_table` with the same k and number of genes; 100,000 draws if left out.

    Raises
    ------
    DataError
        If the genes differ, or a drug stands twice.

    Examples
    --------
    ``weights = cell_weights(counts)[:, shared]``;
    ``sets = marker_sets(weights, cells, genes, k=50)``; ``dreep_score(sets, lists).by_line(lines)``
    """
    if not isinstance(sets, MarkerSets):
        refuse("dreep_score", f"sets must be MarkerSets, got {type(sets).__name__}")
    check_columns(lists, (), "dreep_score", "lists")
    check_unique(lists.columns, "dreep_score", "a drug stands twice")
    if lists.columns.empty:
        refuse("dreep_score", "lists have no drug")
    if set(lists.index) != set(sets.genes) or lists.index.has_duplicates:
        extra = len(lists.index.symmetric_difference(sets.genes))
        msg = f"the lists and the marker sets must have the same genes once; {extra} are in only one of them"
        raise DataError(msg)
    # Equal scores rank by gene name, so that the order of rows does not matter.
    order = np.argsort(sets.genes.to_numpy(str), kind="stable")
    position = np.append(np.argsort(order), -1)
    es = enrichment_scores(position[sets.members], lists.loc[sets.genes[order]].to_numpy())
    null = null_table(sets.k, len(sets.genes), seed=seed) if null is None else null
    p = p_values(es, null)
    fdr = np.column_stack([benjamini_hochberg(column) for column in p.T]) if es.size else p
    frame = {"index": sets.cells, "columns": lists.columns}
    return DreepScores(*(pd.DataFrame(values, **frame) for values in (es, p, fdr)))


def _checked_counts(counts: Matrix) -> sparse.csr_array:
    if not sparse.issparse(counts):
        counts = as_numbers(counts, "counts")
    if counts.ndim != 2 or np.iscomplexobj(counts):
        refuse("counts", f"must be a table of real numbers, cells x genes; got shape {counts.shape}")
    counts = sparse.csr_array(counts, dtype=float)
    if 0 in counts.shape:
        msg = f"the table of cells is empty: {counts.shape[0]} cells x {counts.shape[1]} genes"
        raise DataError(msg)
    if not np.isfinite(counts.data).all() or (counts.data < 0).any():
        msg = (
            "expected raw counts of cells x genes; the table holds negative, NaN or infinite values. "
            "z-scored tables cannot be weighted by gf-icf: take their largest values as markers instead"
        )
        raise DataError(msg)
    counts.eliminate_zeros()
    return counts
