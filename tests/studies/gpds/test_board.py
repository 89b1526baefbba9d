"""Many ridge regressions as one solve, and the board of drugs made of them."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.linear_model import RidgeCV

from helpers.errors import DataError
from helpers.studies.gpds.baselines import ALPHAS
from helpers.studies.gpds.board import ManyRidge, drug_board


def responses(seed=0, lines=80, genes=30, drugs=4, missing=0.2):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(lines, genes))
    y = x @ rng.normal(size=(genes, drugs)) + 3 * rng.normal(size=(lines, drugs)) + 5
    y[:, 1:][rng.random((lines, drugs - 1)) < missing] = np.nan
    return x, y


def test_each_drug_is_its_own_ridge_regression_with_its_own_penalty():
    x, y = responses()
    new = np.random.default_rng(1).normal(size=(9, 30))
    many = ManyRidge().fit(x, y)
    predicted = many.predict(new)
    for j, column in enumerate(y.T):
        known = ~np.isnan(column)
        alone = RidgeCV(ALPHAS).fit(x[known], column[known])
        assert many.alpha_[j] == pytest.approx(alone.alpha_)
        assert predicted[:, j] == pytest.approx(alone.predict(new), abs=1e-3)


def test_more_genes_than_lines():
    x, y = responses(genes=200)
    known = ~np.isnan(y[:, 1])
    alone = RidgeCV(ALPHAS).fit(x[known], y[known, 1])
    assert ManyRidge().fit(x, y).predict(x)[:, 1] == pytest.approx(alone.predict(x), abs=1e-2)


def test_a_drug_without_values_is_refused():
    x, y = responses()
    y[:, 2] = np.nan
    with pytest.raises(DataError, match="fewer than two values"):
        ManyRidge().fit(x, y)


@pytest.fixture(scope="module")
def tables():
    x, y = responses(lines=120, drugs=5)
    lines = [f"L{i}" for i in range(120)]
    drugs = [f"D{i}" for i in range(5)]
    lineage = pd.Series(np.repeat(["a", "b", "c"], 40), lines)
    y[:, 4] = lineage.map({"a": 6.0, "b": 3.0, "c": 0.0}) + 0.1 * np.random.default_rng(2).normal(size=120)
    return pd.DataFrame(x + 5, lines), pd.DataFrame(y, lines, drugs), lineage


def test_board_tells_lineage_from_genes(tables):
    expression, response, lineage = tables
    board = drug_board(expression, response, lineage, other=response * 2, min_lines=50).set_index("drug")
    assert list(board.index) == list(board["within lineages"].sort_values(ascending=False).index)
    assert board.loc["D0", "within lineages"] > 0.5 > board.loc["D4", "within lineages"]
    assert board.loc["D4", "lineage mean"] > 0.7
    assert board["ceiling"].to_numpy() == pytest.approx(1)
    assert board.loc["D1", "lines"] == response["D1"].notna().sum()


def test_correlation_within_lineages_by_hand(tables):
    from helpers.studies.gpds.board import _within

    _, response, lineage = tables
    y = response.to_numpy()
    predicted = np.random.default_rng(3).normal(size=y.shape)
    total = weight = 0
    for group in "abc":
        rows = (lineage == group).to_numpy() & ~np.isnan(y[:, 1])
        total += rows.sum() * stats.spearmanr(predicted[rows, 1], y[rows, 1]).statistic
        weight += rows.sum()
    assert _within(predicted, y, lineage.to_numpy(str), 8)[1] == pytest.approx(total / weight)


def test_a_reduced_board_has_the_drugs_asked_for(tables):
    expression, response, lineage = tables
    board = drug_board(expression, response, lineage, min_lines=50, n_drugs=2)
    assert sorted(board["drug"]) == ["D0", "D4"]
    asked = drug_board(expression, response, lineage, min_lines=50, n_drugs=2, always="D3")
    assert sorted(asked["drug"]) == ["D0", "D3", "D4"]
    assert board["ceiling"].isna().all()
