"""The second null of DREEP: gene lists of permuted responses, which keep co-expression and likeness of cells.

Random sets of genes are a null that is too narrow: the genes of a cell go up and down together, and so do
those of a list.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from helpers.bounds import check_number
from helpers.checks import check_columns, check_names, check_numbers, refuse
from helpers.evaluation.multiple_testing import benjamini_hochberg
from helpers.evaluation.statistics import check_level
from helpers.studies.gpds.checks import check_response
from helpers.studies.gpds.correlations import masked_spearman, pearson_scores
from helpers.studies.gpds.dreep import MarkerSets, enrichment_scores, null_table, p_values


def permuted_response_scores(
    sets: MarkerSets, expression: pd.DataFrame, response: pd.Series, n_permutations: int = 200, seed: int = 0
) -> np.ndarray:
    """Scores of the cells along Pearson lists of permuted responses: the second null.

    Genes keep their co-expression, in the list as in the cells, and cells keep their likeness; only the
    link between expression and response is cut.

    Parameters
    ----------
    sets : MarkerSets
    expression : DataFrame, lines x genes
        With exactly the genes of ``sets``.
    response : Series
        Response of the lines to one drug; missing values are left out.

    Returns
    -------
    array (permutations, cells)

    Raises
    ------
    DataError
        If a gene or a line is missing, or a value is no finite number.
    """
    check_number("n_permutations", n_permutations, 1, whole=True)
    check_number("seed", seed, 0, whole=True)
    _check(sets, expression, response)
    measured = response.dropna()
    x = expression.loc[measured.index, sets.genes].to_numpy(float)
    rng = np.random.default_rng(seed)
    y = np.stack([rng.permutation(measured.to_numpy(float)) for _ in range(n_permutations)], axis=1)
    return enrichment_scores(sets.members, pearson_scores(x, y)).T


def _check(sets: MarkerSets, expression: pd.DataFrame, response: pd.Series) -> None:
    check_columns(expression, (), "permuted responses", "expression")
    lacking = len(sets.genes.difference(expression.columns))
    if lacking or not isinstance(response, pd.Series):
        refuse("permuted responses", f"need a Series, and the genes of the sets; {lacking} are missing")
    check_numbers(expression[sets.genes], "permuted responses", "expression")
    check_response(response)
    lines = response.dropna().index
    if lines.empty or not lines.isin(expression.index).all():
        refuse("permuted responses", "a line has a response and no expression, or none has one")


def permuted_endpoints(
    sets: MarkerSets,
    line_of: np.ndarray,
    expression: pd.DataFrame,
    response: pd.DataFrame,
    drugs: Sequence[str],
    *,
    n_permutations: int = 200,
    level: float = 0.1,
    draws: int = 100_000,
    seed: int = 0,
) -> pd.DataFrame:
    """Compare true scores and calls with those when the list knows nothing of the drug.

    Lists are Pearson lists of the lines without cells: the true one, then permuted ones.

    Parameters
    ----------
    sets : MarkerSets
        :attr:`DreepRun.sets`.
    line_of : array (cells,) of str
        Model id of each cell, "" if unknown.
    expression : DataFrame, lines x genes
        With the genes of ``sets``.
    response : DataFrame, lines x drugs
    level : float
        False discovery rate of a call, as published by the random-set null.

    Returns
    -------
    DataFrame
        ``drug``, ``permutation`` (-1 for the true response), ``spearman`` (median score of the lines with
        their response) and ``called`` (share of cells called sensitive or resistant).
    """
    check_response(response)
    unknown = [drug for drug in check_names(drugs, "drugs") if drug not in response]
    if unknown:
        refuse("permuted_endpoints", f"the response table lacks the drug(s) {unknown[:3]}")
    if np.shape(line_of) != (len(sets.cells),) or pd.isna(line_of).any():
        refuse("permuted_endpoints", f"line_of must name the line of each of {len(sets.cells)} cells")
    check_level(level)
    line_of = np.asarray(line_of, str)
    scored = response.index[response.index.isin(np.unique(line_of[line_of != ""]))]
    if scored.empty:
        refuse("permuted_endpoints", "no line of the cells has a response", "compare the ids")
    training = expression.index.intersection(response.index).difference(scored)
    null = null_table(sets.k, len(sets.genes), draws, seed)
    rows = []
    for drug in drugs:
        y = response.loc[training, drug].dropna()
        true = pearson_scores(expression.loc[y.index, sets.genes].to_numpy(float), y.to_numpy(float)[:, None])
        es = np.vstack(
            [
                enrichment_scores(sets.members, true).T,
                permuted_response_scores(sets, expression, y, n_permutations, seed),
            ]
        )
        medians = pd.DataFrame(es.T).groupby(line_of).median().reindex(scored)
        rho = masked_spearman(medians.to_numpy(), response.loc[scored, [drug]].to_numpy())
        p = p_values(es, null)
        called = [np.mean(benjamini_hochberg(cells[~np.isnan(cells)]) < level) for cells in p]
        rows += [(drug, i - 1, rho[i], called[i]) for i in range(len(es))]
    return pd.DataFrame(rows, columns=["drug", "permutation", "spearman", "called"])
