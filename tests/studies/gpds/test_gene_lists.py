import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.linear_model import LinearRegression, RidgeCV
from sklearn.preprocessing import StandardScaler

from helpers.errors import DataError, ParameterError
from helpers.studies.gpds.baselines import ALPHAS
from helpers.studies.gpds.correlations import partial_scores, pearson_scores, spearman_scores
from helpers.studies.gpds.gene_lists import LISTS, PROLIFERATION_GENES, build_lists, proliferation_score
from helpers.studies.gpds.list_agreement import list_similarity, mean_agreement, split_half_reliability
from helpers.studies.gpds.model import EqualFrequencyBinner, GPDSRegressor

NETWORK = GPDSRegressor(hidden=(8, 4), epochs=20)


def world(n=90, g=30, seed=0):
    rng = np.random.default_rng(seed)
    x = 5 + rng.normal(size=(n, 3)) @ rng.normal(size=(3, g)) * 0.5 + rng.normal(size=(n, g))
    y = np.column_stack([x[:, 0] - x[:, 1], x[:, 2] + 0.5 * x[:, 3], x[:, 4]]) + rng.normal(0, 0.5, (n, 3))
    y[rng.random(y.shape) < 0.1] = np.nan
    lines = [f"L{i}" for i in range(n)]
    expression = pd.DataFrame(np.clip(x, 0, None), lines, [f"G{j:02d}" for j in range(g)])
    return expression, pd.DataFrame(y, lines, ["a", "b", "c"])


EXPRESSION, RESPONSE = world()
LINEAGE = pd.Series(np.array(["x", "y", "z"])[np.arange(90) % 3], EXPRESSION.index)
GROWTH = EXPRESSION["G05"] + 0.1


@pytest.mark.parametrize(
    ("ours", "oracle"), [(pearson_scores, stats.pearsonr), (spearman_scores, stats.spearmanr)]
)
def test_correlations_same_as_scipy_with_missing_responses(ours, oracle):
    x, y = EXPRESSION.to_numpy(), RESPONSE.to_numpy()
    found = ours(x, y)
    for d in range(3):
        known = ~np.isnan(y[:, d])
        expected = [oracle(x[known, j], y[known, d]).statistic for j in range(30)]
        assert found[:, d] == pytest.approx(expected, abs=1e-10)


def test_constant_genes_and_responses_correlate_with_nothing():
    x = EXPRESSION.to_numpy().copy()
    x[:, 3] = 7.1
    found = pearson_scores(x, np.column_stack([RESPONSE["a"], np.full(90, 0.3)]))
    assert found[3, 0] == 0 and not found[:, 1].any()


def test_partial_correlation_same_as_residuals_of_two_regressions():
    covariates = np.column_stack([pd.get_dummies(LINEAGE, dtype=float), GROWTH])
    x, y = EXPRESSION.to_numpy(), RESPONSE.to_numpy()
    known = ~np.isnan(y[:, 1])
    left = [
        v[known] - LinearRegression().fit(covariates[known], v[known]).predict(covariates[known])
        for v in (x[:, 7], y[:, 1])
    ]
    found = partial_scores(x, y, covariates)[7, 1]
    assert found == pytest.approx(np.corrcoef(*left)[0, 1])
    lists = build_lists(EXPRESSION, RESPONSE, ["L10"], lineage=LINEAGE, proliferation=GROWTH).scores["L10"]
    assert lists.loc["G07", "b"] == pytest.approx(found)


@pytest.fixture(scope="module")
def every():
    return build_lists(
        EXPRESSION,
        RESPONSE,
        list(LISTS),
        lineage=LINEAGE,
        proliferation=GROWTH,
        network=NETWORK,
        tuned=NETWORK,
        n_seeds=3,
        tuned_seeds=3,
        n_inner=3,
    )


def test_all_lists_have_all_genes_and_drugs(every):
    assert list(every.scores) == list(LISTS)
    for scores in every.scores.values():
        assert scores.index.equals(EXPRESSION.columns)
        assert scores.columns.tolist() == ["a", "b", "c"]
        assert np.isfinite(scores.to_numpy()).all()


@pytest.mark.parametrize("name", [n for n in LISTS if n[0] == "L"])
def test_planted_genes_lead_every_list_with_their_sign(every, name):
    scores = every.scores[name]["a"]
    assert scores.rank()["G00"] >= 28
    assert scores.rank()["G01"] <= 3


def test_ridge_list_by_hand(every):
    binned = EqualFrequencyBinner().fit_transform(EXPRESSION)
    known = RESPONSE["a"].notna().to_numpy()
    x = StandardScaler().fit_transform(binned[known].astype(float))
    oracle = RidgeCV(ALPHAS).fit(x, RESPONSE["a"][known]).coef_
    assert every.scores["L3"]["a"].to_numpy() == pytest.approx(oracle, abs=1e-4)


def test_controls(every):
    scores = every.scores
    assert sorted(scores["C1"]["a"]) == list(range(30))
    assert scores["C2"]["b"].to_numpy() == pytest.approx(EXPRESSION.mean().to_numpy())
    for drug in RESPONSE:
        same = [d for d in RESPONSE if np.array_equal(scores["C3"][drug], scores["L1"][d])]
        assert len(same) == 1 and same != [drug]
    assert scores["C4"]["a"].to_numpy() == pytest.approx(scores["L1"].mean(axis=1).to_numpy())
    one = build_lists(EXPRESSION, RESPONSE, ["C3", "C4", "L1"], drugs=["b"]).scores
    assert np.array_equal(one["C4"]["b"], scores["C4"]["b"])
    assert not np.allclose(one["C3"]["b"], one["L1"]["b"])


def test_reversed_response_reverses_the_lists(every):
    reverse = build_lists(EXPRESSION, -RESPONSE, ["L1", "L2", "L3", "L6"], n_inner=3).scores
    for name, scores in reverse.items():
        assert scores.to_numpy() == pytest.approx(-every.scores[name].to_numpy(), abs=1e-6)


def test_seeds_are_reported(every):
    seeds = every.seeds
    assert seeds["list"].value_counts().to_dict() == {"L7": 3, "L8": 3, "L9": 3, "L11": 3}
    assert (seeds["n_seeds"] == 3).all() and not seeds["diverged"].any()
    assert seeds["agreement"].between(-1, 1).all()
    again = build_lists(EXPRESSION, RESPONSE, ["L7"], network=NETWORK, n_seeds=3, n_jobs=2)
    assert np.array_equal(again.scores["L7"], every.scores["L7"])


def test_the_tuned_list_is_the_product_of_the_weights_of_its_own_setting(every):
    assert np.array_equal(every.scores["L11"], every.scores["L7"])
    other = GPDSRegressor(hidden=(8, 4), epochs=2)
    lists = build_lists(EXPRESSION, RESPONSE, ["L7", "L11"], network=NETWORK, tuned=other, n_seeds=3)
    assert np.array_equal(lists.scores["L7"], every.scores["L7"])
    assert not np.allclose(lists.scores["L11"], lists.scores["L7"], atol=0.1)


def test_similarity_by_hand(every):
    table = list_similarity({n: every.scores[n] for n in ("L1", "L2", "C2")}, tail=5)
    row = table.query("first == 'L1' and second == 'L2' and drug == 'a'").iloc[0]
    a, b = every.scores["L1"]["a"], every.scores["L2"]["a"]
    assert row["spearman"] == pytest.approx(stats.spearmanr(a, b).statistic)
    top = len(set(a.nlargest(5).index) & set(b.nlargest(5).index))
    bottom = len(set(a.nsmallest(5).index) & set(b.nsmallest(5).index))
    assert row["overlap"] == pytest.approx((top + bottom) / 10)
    assert row["chance"] == pytest.approx(5 / 30)


def test_halves_of_the_lines_agree_where_there_is_signal_only():
    noise = RESPONSE.apply(lambda y: np.random.default_rng(1).permutation(y))
    signal, none = (
        split_half_reliability(EXPRESSION, r, repeats=20)["spearman"].mean() for r in (RESPONSE, noise)
    )
    assert signal > 0.5
    assert abs(none) < 0.3
    assert np.isnan(mean_agreement(np.ones((1, 4))))
    assert mean_agreement(np.array([[1.0, 2, 3], [1, 2, 3], [3, 2, 1]])) == pytest.approx(-1 / 3)


def test_proliferation_score_uses_the_genes_that_are_there():
    table = EXPRESSION.iloc[:, :3].set_axis(["MKI67", "TP53", "TTK"], axis=1)
    assert {"MKI67", "TTK"} <= set(PROLIFERATION_GENES)
    expected = ((table - table.mean()) / table.std())[["MKI67", "TTK"]].mean(axis=1)
    assert proliferation_score(table).to_numpy() == pytest.approx(expected.to_numpy())


@pytest.mark.panel
def test_epithelial_genes_are_at_the_sensitive_end_of_egfr_inhibitors():
    """The sign of the lists on real data: low ln IC50 is sensitive, so these correlate negatively."""
    from helpers.data.bulk import load_bulk

    panel = load_bulk("GDSC2", "panel")
    drugs = ["Gefitinib", "Erlotinib", "Afatinib", "Osimertinib", "Sapitinib"]
    rank = build_lists(panel.expression, panel.response, ["L1"], drugs=drugs).scores["L1"].rank(pct=True)
    assert (rank.loc[["TP63", "CDH1", "ESRP1", "SYK"]].median(axis=1) < 0.05).all()


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: build_lists(EXPRESSION, RESPONSE, ["L99"]), ParameterError, r"unknown list\(s\) \['L99'\]"),
        (lambda: build_lists(EXPRESSION, RESPONSE, ["L11"]), ParameterError, "L11 needs the settings"),
        (lambda: build_lists(EXPRESSION, RESPONSE, ["L10"]), ParameterError, "L10 needs the lineage"),
        (lambda: build_lists(EXPRESSION, RESPONSE, ["L1"], drugs=["z"]), DataError, r"drug\(s\) \['z'\]"),
        (lambda: build_lists(EXPRESSION, RESPONSE[["a"]], ["C3"]), DataError, "has only one"),
        (lambda: build_lists(EXPRESSION[:9], RESPONSE, ["L1"]), DataError, "fewer than 10 lines"),
        (
            lambda: build_lists(EXPRESSION.set_axis(range(90)), RESPONSE, ["L1"]),
            DataError,
            "no line in common",
        ),
        (lambda: build_lists(EXPRESSION.where(EXPRESSION > 3), RESPONSE, ["L1"]), DataError, "holds NaN"),
        (
            lambda: build_lists(
                EXPRESSION, RESPONSE, ["L7"], n_seeds=2, network=GPDSRegressor(activation="relu", lr=1e18)
            ),
            DataError,
            "all 2 networks of a diverged",
        ),
        (lambda: proliferation_score(EXPRESSION), DataError, "none of the proliferation genes"),
    ],
)
def test_bad_input_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
