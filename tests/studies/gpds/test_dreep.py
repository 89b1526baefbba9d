import numpy as np
import pandas as pd
import pytest
from scipy import sparse, stats

from helpers.errors import DataError, ParameterError
from helpers.studies.gpds.dreep import (
    cell_weights,
    dreep_score,
    enrichment_scores,
    gf_icf,
    marker_sets,
    null_table,
    p_values,
)
from helpers.studies.gpds.dreep_null import permuted_endpoints, permuted_response_scores

RNG = np.random.default_rng(0)


def running_sum(members, scores):
    """Walk down the list, up by 1/k at a member, down by 1/(N - k) elsewhere; the largest deviation."""
    member = np.isin(np.argsort(-scores, kind="stable"), members)
    steps = np.where(member, 1 / member.sum(), -1 / (~member).sum())
    walk = np.cumsum(steps)
    high, low = walk.max(), walk.min()
    return 0.0 if abs(high + low) < 1e-12 else (high if high > -low else low)


@pytest.mark.parametrize(("n", "k"), [(300, 25), (40, 39), (50, 1), (2855, 250)])
def test_scores_same_as_a_running_sum(n, k):
    members = np.stack([RNG.permutation(n)[:k] for _ in range(250)])
    scores = RNG.normal(size=(n, 2))
    found = enrichment_scores(members, scores)
    for j in range(2):
        assert found[:, j] == pytest.approx([running_sum(m, scores[:, j]) for m in members], abs=1e-12)
    assert np.array_equal(enrichment_scores(members, scores[:, 0]), found[:, 0])


def test_ends_of_the_list_and_its_reversal():
    scores = RNG.normal(size=100)
    order = np.argsort(-scores)
    assert enrichment_scores(np.stack([order[:10], order[-10:]]), scores) == pytest.approx([1, -1])
    members = np.stack([RNG.permutation(100)[:10] for _ in range(200)])
    assert enrichment_scores(members, -scores) == pytest.approx(
        -enrichment_scores(members, scores), abs=1e-12
    )
    assert np.isnan(enrichment_scores(np.full((1, 10), -1), scores)).all()


def test_equal_deviations_score_zero():
    assert enrichment_scores(np.array([[0, 3]]), np.array([4.0, 3, 2, 1])) == 0


def test_null_table_has_the_published_quantiles_and_is_that_of_random_sets():
    null = null_table(250, 2855, 20_000)
    assert np.quantile(np.abs(null), [0.95, 0.99, 0.999]) == pytest.approx([0.089, 0.107, 0.127], abs=0.004)
    members = np.stack([RNG.permutation(300)[:30] for _ in range(3000)])
    scores = enrichment_scores(members, RNG.normal(size=300))
    assert stats.ks_2samp(scores, null_table(30, 300, 20_000)).pvalue > 0.01
    assert np.array_equal(null_table(5, 50, 100, seed=3), null_table(5, 50, 100, seed=3))


def test_p_values_by_hand():
    null = np.array([-0.5, -0.2, -0.1, 0.0, 0.1, 0.3, 0.6])
    found = p_values(np.array([0.3, 0.7, -0.2, -0.9, 0.0, np.nan]), null)
    assert found[:5] == pytest.approx([(1 + 2) / (1 + 4), 1 / 5, (1 + 2) / (1 + 4), 1 / 5, 1])
    assert np.isnan(found[5])


def test_p_values_of_random_sets_are_uniform():
    null = null_table(20, 200, 20_000)
    p = p_values(null_table(20, 200, 2000, seed=1), null)
    assert (p < 0.05).mean() == pytest.approx(0.05, abs=0.015)
    assert (p < 0.5).mean() == pytest.approx(0.5, abs=0.04)


def test_gf_icf_by_hand():
    counts = np.array([[4, 1, 0, 5], [2, 0, 3, 5], [0, 6, 0, 4]], float)
    found = gf_icf(counts, min_cells=0, min_share=0).toarray()
    icf = np.log(4 / (np.array([2, 2, 1, 3]) + 1))
    weights = counts / counts.sum(axis=1, keepdims=True) * icf
    assert found == pytest.approx(weights / np.linalg.norm(weights, axis=1, keepdims=True))
    assert gf_icf(sparse.csr_matrix(counts * [[1], [3], [7]]), 0, 0).toarray() == pytest.approx(found)


def test_rare_genes_are_dropped_unless_their_mean_is_high():
    counts = np.zeros((200, 4))
    counts[:, 0], counts[:5, 1], counts[:5, 2], counts[:50, 3] = 3, 1, 2, 1
    seen = (gf_icf(counts).toarray() != 0).any(axis=0)
    # Gene 0 is in every cell: its inverse frequency, and so its weight, is zero.
    assert seen.tolist() == [False, False, True, True]


def test_marker_sets_take_the_largest_and_leave_poor_cells_out():
    weights = np.array([[0.1, 0.9, 0.5, 0], [0, 0, 0.2, 0], [0.3, 0.3, 0.3, 0.1]])
    sets = marker_sets(weights, list("abc"), ["D", "C", "B", "A"], k=2)
    assert sorted(sets.members[0]) == [1, 2]
    assert sets.members[1].tolist() == [-1, -1]
    # Equal weights: the first by name, B and C, whatever the order of the columns.
    assert sorted(sets.members[2]) == [1, 2]
    assert sets.complete.tolist() == [True, False, True]
    assert sets.detected.tolist() == [3, 1, 4]


def world(seed=0, n_cells=60, n_genes=120):
    rng = np.random.default_rng(seed)
    genes = pd.Index([f"G{i:03d}" for i in range(n_genes)])
    rate = np.exp(rng.normal(0, 1, n_genes)) * np.where(
        np.arange(n_cells)[:, None] < n_cells // 2, 1.0, np.exp(rng.normal(0, 1, n_genes))
    )
    counts = pd.DataFrame(rng.poisson(2 * rate), [f"c{i}" for i in range(n_cells)], genes)
    lists = pd.DataFrame(rng.normal(size=(n_genes, 3)), genes, ["x", "y", "z"])
    return counts, lists


def scored(counts, lists):
    sets = marker_sets(gf_icf(counts.to_numpy()), counts.index, counts.columns, k=15)
    return dreep_score(sets, lists, null=null_table(15, counts.shape[1], 5000))


def test_order_of_cells_and_genes_does_not_matter():
    counts, lists = world()
    first = scored(counts, lists)
    rng = np.random.default_rng(1)
    shuffled = counts.iloc[rng.permutation(len(counts)), rng.permutation(counts.shape[1])]
    second = scored(shuffled, lists.iloc[rng.permutation(len(lists))])
    for what in ("es", "p", "fdr"):
        pd.testing.assert_frame_equal(getattr(second, what).loc[counts.index], getattr(first, what))


def test_calls_by_hand():
    counts, lists = world()
    result = scored(counts, lists.assign(top=-gf_icf(counts.to_numpy()).sum(axis=0)))
    assert (result.es["top"] < 0).all() and (result.calls()["top"] == -1).all()
    drug = result.es["x"]
    expected = np.where((result.fdr["x"] < 0.1) & (drug > 0), 1, np.where((result.fdr["x"] < 0.1), -1, 0))
    assert np.array_equal(result.calls()["x"], expected)
    assert result.fdr["x"].to_numpy() == pytest.approx(stats.false_discovery_control(result.p["x"]))
    lines = np.where(np.arange(60) < 25, "A", "B")
    by_line = result.by_line(lines)
    assert by_line.loc["A", "x"] == np.median(drug[:25])
    assert by_line.loc["B", "x"] == np.median(drug[25:])


def test_other_weights():
    counts = np.array([[10, 0, 5], [1, 1, 0]])
    log = cell_weights(counts, "log-cpm").toarray()
    assert log == pytest.approx(np.log1p(counts / counts.sum(axis=1, keepdims=True) * 1e6))
    assert cell_weights(counts, "z-score") == pytest.approx(stats.zscore(log, axis=0))


def lines_world(seed=0, n_lines=60, effect=1.0):
    """Bulk lines, cells of the first 20, one drug whose response is the first latent factor."""
    rng = np.random.default_rng(seed)
    factors = rng.normal(size=(n_lines, 4))
    loading = rng.normal(size=(4, 100))
    log = 4 + 0.6 * factors @ loading + rng.normal(0, 0.3, (n_lines, 100))
    lines = [f"L{i}" for i in range(n_lines)]
    genes = pd.Index([f"G{i:03d}" for i in range(100)])
    expression = pd.DataFrame(log, lines, genes)
    response = pd.DataFrame({"drug": effect * factors[:, 0] + rng.normal(0, 0.3, n_lines)}, lines)
    line_of = np.repeat(lines[:20], 8)
    counts = rng.poisson(np.exp2(expression.loc[line_of]) / 4)
    sets = marker_sets(cell_weights(counts, "z-score"), [f"c{i}" for i in range(160)], genes, k=15)
    return expression, response, line_of, sets


def test_permuted_responses_give_no_correlation_on_average_and_true_ones_do():
    expression, response, line_of, sets = lines_world()
    table = permuted_endpoints(
        sets, line_of, expression, response, ["drug"], n_permutations=150, draws=5000
    ).set_index("permutation")
    null = table.drop(-1)["spearman"]
    assert table.loc[-1, "spearman"] > np.quantile(null, 0.975)
    # Permuted lists still follow the factors, so single ones correlate; their mean must not.
    assert abs(null.mean()) < 3 * null.std() / np.sqrt(150)
    # Random sets of genes are too narrow a null: lists that know nothing still "call" many cells.
    assert table.drop(-1)["called"].mean() > 0.2


def test_permuted_scores_use_lists_of_permuted_responses():
    expression, response, _, sets = lines_world()
    y = response["drug"].iloc[20:]
    found = permuted_response_scores(sets, expression, y, 3, seed=5)
    order = np.random.default_rng(5).permutation(y.to_numpy())
    x = expression.loc[y.index, sets.genes].to_numpy()
    r = np.array([np.corrcoef(x[:, j], order)[0, 1] for j in range(100)])
    assert found.shape == (3, 160)
    assert found[0] == pytest.approx(enrichment_scores(sets.members, r))


COUNTS, LISTS = world()


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: gf_icf(np.array([[1.0, -0.5]])), DataError, "z-scored tables cannot be weighted"),
        (lambda: gf_icf(np.array([[1.0, np.nan]])), DataError, "expected raw counts"),
        (lambda: gf_icf(np.zeros((0, 5))), DataError, "table of cells is empty: 0 cells x 5 genes"),
        (lambda: cell_weights(COUNTS, "tf-idf"), ParameterError, "method='tf-idf'"),
        (lambda: marker_sets(np.ones((2, 3)), ["a", "b"], list("xyz"), 3), DataError, "fewer than the 3"),
        (lambda: marker_sets(np.ones((2, 3)), ["a", "b"], list("xyy"), 1), DataError, "must be unique"),
        (
            lambda: marker_sets(np.ones((2, 3)), ["a"], list("xyz"), 1),
            DataError,
            "expected 1 cells x 3 genes",
        ),
        (lambda: scored(COUNTS, LISTS.iloc[:-2]), DataError, "2 are in only one of them"),
        (lambda: scored(COUNTS, LISTS.where(LISTS < 2)), DataError, "hold NaN"),
        (lambda: null_table(10, 10), DataError, "cannot be drawn"),
        (
            lambda: enrichment_scores(np.array([[0, 1]]), np.ones(2)),
            DataError,
            "cannot be scored in a list of 2",
        ),
    ],
)
def test_bad_input_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
