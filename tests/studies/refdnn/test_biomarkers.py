"""Biomarker statistics against SciPy and planted truth."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from helpers.errors import DataError
from helpers.studies.refdnn.biomarkers import (
    differential_expression,
    figure_drugs,
    gene_panel,
    recovered_genes,
    substitute_drug,
    top_genes,
)
from helpers.studies.refdnn.categories import (
    category_effect,
    category_medians,
    category_tests,
    drugs_by_category,
    end_difference,
    published_medians,
)
from helpers.studies.refdnn.out_of_fold import OutOfFold
from helpers.studies.refdnn.pairs import PairTable
from helpers.studies.refdnn.twin import simulate_response


def test_top_genes_rank_by_size_or_by_effect_of_one_sd():
    weights = pd.Series({"a": 0.1, "b": -3.0, "c": 2.0})
    assert top_genes(weights, 2) == ["b", "c"]
    assert top_genes(weights, 1, pd.Series({"a": 100.0, "b": 1.0, "c": 1.0})) == ["a"]


def test_differential_expression_same_as_scipy():
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.normal(size=(30, 4)), columns=list("abcd"))
    resistant = rng.random(30) < 0.4
    ours = differential_expression(table, resistant)
    for gene in table:
        test = stats.mannwhitneyu(
            table.loc[resistant, gene], table.loc[~resistant, gene], method="asymptotic"
        )
        assert ours.loc[gene, "p"] == pytest.approx(test.pvalue)
        assert ours.loc[gene, "auroc"] == pytest.approx(
            test.statistic / (resistant.sum() * (~resistant).sum())
        )
    with pytest.raises(DataError, match="both classes"):
        differential_expression(table, np.ones(30, bool))


def test_figure_drugs_are_the_papers_or_the_best_measured():
    data, _ = simulate_response(n_lines=40, n_drugs=3, n_genes=12, seed=5)
    assert figure_drugs(data) == list(data.response["drug"].value_counts().index[:2])
    names = {"drug-1": "Nilotinib"}
    renamed = replace(
        data,
        response=data.response.replace({"drug": names}),
        fingerprints=data.fingerprints.rename(names),
        drugs=data.drugs.rename(names),
    )
    assert figure_drugs(renamed) == ["Nilotinib"]


def test_the_substitute_has_most_lines_in_both_classes_within_its_pathway():
    data, _ = simulate_response(n_lines=40, n_drugs=6, n_genes=12, seed=5)
    counts = data.response.groupby("drug")["resistant"].agg(["sum", "count"])
    rarer = np.minimum(counts["sum"], counts["count"] - counts["sum"]).sort_values()
    named = [rarer.index[0], rarer.index[2]]
    drugs = data.drugs.assign(
        pathway=["DNA replication" if d in named else "Other" for d in data.drugs.index]
    )
    assert substitute_drug(replace(data, drugs=drugs)) == named[1]
    assert substitute_drug(replace(data, drugs=drugs.assign(pathway="Other"))) == rarer.idxmax()


def test_gene_panel_tests_the_genes_that_are_measured():
    data, truth = simulate_response(n_lines=150, n_drugs=3, n_genes=20, seed=5)
    drug = data.response["drug"].iloc[0]
    planted = truth.weights.columns[truth.weights.loc[drug] != 0]
    panel = gene_panel(data, drug, [*planted, "not measured"])
    rows = data.response[data.response["drug"] == drug]
    resistant = rows["resistant"].to_numpy() == 1
    direct = differential_expression(data.expression.loc[rows["line"], planted], resistant)
    assert panel.p_values == direct["p_adjusted"].to_dict()
    assert panel.n == len(rows)
    assert panel.share_significant == (direct["p_adjusted"] < 0.05).mean()
    counts = panel.table.groupby("response")["gene"].count() // len(planted)
    assert counts.to_dict() == {"R": (rows["resistant"] == 1).sum(), "S": (rows["resistant"] == 0).sum()}


def test_recovered_genes_count_planted_ones_among_the_largest_weights():
    planted = pd.DataFrame([[1, 0, 0, -1], [0, 2, 0, 0]], index=["d1", "d2"], columns=list("abcd"))
    right = pd.DataFrame({"d1": [3, 0, 0, -2], "d2": [0, 1, 0.5, 0]}, index=list("abcd"))
    assert recovered_genes([right], planted, k=2) == (0.75, 2)
    assert recovered_genes([right, -right], planted, k=1) == (1.0, 4)


# Categories


def test_category_effect_sees_planted_categories_and_keeps_its_level():
    rng = np.random.default_rng(6)
    labels = np.repeat(list("abcd"), 12)
    shift = pd.Series({"a": 0.0, "b": 0.5, "c": 1.0, "d": 1.5})[labels].to_numpy()
    assert category_effect(shift + rng.normal(0, 0.5, 48), labels, 500).p < 0.01
    null = [category_effect(rng.normal(size=48), labels, 200, seed).p for seed in range(60)]
    assert np.mean(np.array(null) < 0.1) < 0.25
    with pytest.raises(DataError, match="two of them"):
        category_effect(np.arange(3.0), np.array(["a", "a", "a"]))


def test_category_medians_and_ends():
    table = pd.DataFrame({"category": list("aaaabbbbc"), "value": [1, 2, 3, np.nan, 5, 6, 7, 8, 9.0]})
    medians = category_medians(table, n_boot=200)
    assert list(medians.index) == ["c", "b", "a"]
    assert (medians.loc["a", "median"], medians.loc["a", "n"]) == (2, 3)
    assert np.isnan(medians.loc["c", "low"])
    ends = end_difference(table, ["b"], ["a"], n_boot=300)
    assert ends.difference == 4.5
    assert ends.low > 0
    assert np.isnan(end_difference(table, ["c"], ["a"]).difference)


def test_drugs_are_grouped_by_pathway_and_tested():
    data, _ = simulate_response(n_lines=60, n_drugs=12, n_genes=30, seed=3, n_families=3)
    table = PairTable.from_data(data)
    rng = np.random.default_rng(0)
    scores = {"RefDNN": table.y + rng.normal(size=len(table)), "Line only": rng.random(len(table))}
    scores = {model: p[None].astype(np.float32) for model, p in scores.items()}
    names, where = list(table.features.drug_names), table.drugs[None]
    result = OutOfFold(table.y, table.lines, table.drugs, table.features.drug_names, names, where, scores)
    by_drug = drugs_by_category(data, result)
    assert by_drug["category"].tolist() == data.drugs["pathway"].reindex(by_drug["item"]).tolist()
    beyond = result.drug_auroc("RefDNN")["auroc"] - result.drug_auroc("Line only")["auroc"]
    np.testing.assert_array_equal(by_drug["beyond line only"], beyond)

    medians = category_medians(by_drug)
    of_first = SimpleNamespace(median=0.7)
    published = {f"GDSC.lodocv_category.{medians.index[0]}.RefDNN.AUCROC": of_first}
    medians["published"] = published_medians(medians.index, published)
    assert medians["published"].iloc[0] == 0.7 and medians["published"].iloc[1:].isna().all()
    agreement = category_tests(by_drug, medians).set_index("what").loc["rank_agreement"]
    assert np.isnan(agreement["value"]) and agreement["n"] == 1
    tests = category_tests(by_drug, medians.assign(published=medians["median"])).set_index("what")
    assert tests.loc["rank_agreement", ["value", "n"]].tolist() == [1.0, 3]
    assert tests.loc["effect", "value"] == category_effect(by_drug["value"], by_drug["category"]).difference
    assert tests["unit"].notna().tolist() == [False, True, False, False]
