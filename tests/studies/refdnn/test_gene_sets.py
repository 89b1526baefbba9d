"""Published gene sets on data with planted truth: genes of resistance, and genes of a tissue only."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from helpers.errors import DataError
from helpers.studies.refdnn.biomarkers import differential_expression
from helpers.studies.refdnn.gene_sets import (
    NULLS,
    PUBLISHED_GENES,
    SHARED_GENES,
    published_genes,
    response_of,
    set_ranks,
    set_tests,
    shared_genes,
    tissue_counts,
)
from helpers.studies.refdnn.twin import simulate_response


def world(effect: float, seed: int = 0):
    """200 lines, half of them blood; blood is sensitive more often, and ten genes differ with blood.

    The ten genes follow the tissue; with ``effect`` they also follow resistance within a tissue.
    """
    rng = np.random.default_rng(seed)
    tissue = np.repeat(["Blood", "Solid"], 100)
    blood = tissue == "Blood"
    resistant = rng.random(200) > np.where(blood, 0.6, 0.05)
    values = rng.normal(size=(200, 120))
    values[:, :10] += np.where(blood, -1.0, 1.0)[:, None] + effect * resistant[:, None]
    names = [f"g{i}" for i in range(120)]
    return pd.DataFrame(values, columns=names), resistant, tissue, names[:10]


def test_genes_of_a_tissue_pass_the_plain_test_and_fail_within_tissues():
    found = set_tests(*world(0.0)[:3], world(0.0)[3], n_draws=400).set_index(["null", "statistic"])
    plain = found.loc[("random genes", "strength")]
    assert plain["low"] > 0 and plain["p"] < 0.01
    within = found.loc[("random genes within tissue", "strength")]
    assert within["low"] < 0 < within["high"]
    shuffled = found.loc[("labels shuffled within tissue", "strength")]
    assert shuffled["low"] < 0 < shuffled["high"]


def test_genes_of_resistance_pass_every_null():
    found = set_tests(*world(1.0)[:3], world(1.0)[3], n_draws=400)
    strength = found[found["statistic"] == "strength"]
    assert strength["null"].tolist() == list(NULLS)
    assert (strength["low"] > 0).all() and (strength["p"] < 0.01).all()


def test_random_genes_do_not_beat_random_genes_too_often():
    x, resistant, tissue, _ = world(0.0)
    rng = np.random.default_rng(1)
    p = [
        set_tests(x, resistant, tissue, list(rng.choice(x.columns, 10, replace=False)), 100, seed)["p"].iloc[
            1
        ]
        for seed in range(60)
    ]
    assert np.mean(np.array(p) < 0.1) < 0.25


def test_the_count_of_significant_genes_is_that_of_the_plain_table():
    x, resistant, tissue, genes = world(0.3)
    found = set_tests(x, resistant, tissue, genes, n_draws=50).set_index(["null", "statistic"])["observed"]
    for strata, null in ((None, NULLS[0]), (tissue, NULLS[1])):
        table = differential_expression(x[genes], resistant, strata)
        assert found[null, "significant"] == (table["p_adjusted"] < 0.05).sum()
        assert found[null, "strength"] == pytest.approx((table["auroc"] - 0.5).abs().mean())


def test_within_strata_only_lines_of_one_stratum_are_compared():
    rng = np.random.default_rng(2)
    x = pd.DataFrame(rng.integers(0, 5, (60, 3)).astype(float), columns=list("abc"))
    resistant, strata = rng.random(60) < 0.5, np.repeat([0, 1, 2], 20)
    resistant[strata == 2] = True  # one class: says nothing
    ours = differential_expression(x, resistant, strata)
    pairs = [
        (i, j)
        for i in range(60)
        for j in range(60)
        if strata[i] == strata[j] and resistant[i] and not resistant[j]
    ]
    for gene in x:
        v = x[gene].to_numpy()
        higher = np.mean([(v[i] > v[j]) + 0.5 * (v[i] == v[j]) for i, j in pairs])
        assert ours.loc[gene, "auroc"] == pytest.approx(higher)
    # The variance against labels shuffled within strata.
    v, u = x["a"].to_numpy(), []
    for _ in range(4000):
        shuffled = np.concatenate([rng.permutation(resistant[strata == s]) for s in range(3)])
        u.append(sum(stats.rankdata(v[strata == s])[shuffled[strata == s]].sum() for s in range(2)))
    z = (abs(ours.loc["a", "auroc"] - 0.5) * len(pairs) - 0.5) / np.std(u)
    assert ours.loc["a", "p"] == pytest.approx(2 * stats.norm.sf(z), abs=0.03)
    with pytest.raises(DataError, match="within a stratum"):
        differential_expression(x, resistant, np.arange(60))


def test_published_lists_are_the_reports():
    assert {len(genes) for genes in PUBLISHED_GENES.values()} == {10}
    shared = set.intersection(*map(set, PUBLISHED_GENES.values()))
    assert shared == set(SHARED_GENES)


def test_response_and_tissues_of_a_drug():
    data, _ = simulate_response(n_lines=60, n_drugs=3, n_genes=30, seed=1)
    x, resistant, tissue = response_of(data, "drug-1")
    rows = data.response[data.response["drug"] == "drug-1"]
    assert len(x) == len(rows) and resistant.sum() == rows["resistant"].sum()
    counts = tissue_counts(resistant, tissue)
    assert counts["sensitive"].is_monotonic_decreasing and counts.to_numpy().sum() == len(rows)
    assert published_genes(data, "drug-1") == list(data.expression.columns[:10])


def test_the_studys_own_files_name_genes_by_entrez_number():
    data, _ = simulate_response(n_lines=40, n_drugs=3, n_genes=15, seed=1)
    object.__setattr__(data.provenance, "tier", "paper")
    data.expression.columns = ["26509", "3491", "CNN3", *map(str, range(12))]
    assert published_genes(data, "Nilotinib") == ["26509", "3491", "CNN3"]
    assert shared_genes(data) == ["3491", "CNN3"]


def test_a_panel_without_the_published_genes_is_refused():
    data, _ = simulate_response(n_lines=40, n_drugs=3, n_genes=15, seed=1)
    object.__setattr__(data.provenance, "tier", "panel")
    with pytest.raises(DataError, match="none of the published genes"):
        published_genes(data, "Nilotinib")


def test_set_ranks_see_planted_weights():
    rng = np.random.default_rng(3)
    genes = [f"g{i}" for i in range(100)]
    fits = []
    for _ in range(4):
        kernel = pd.DataFrame(rng.normal(size=(100, 3)), index=genes, columns=list("abc"))
        kernel.loc[genes[:5], "a"] = 10.0
        fits.append(kernel)
    sets = {"planted": (genes[:5], ["a"]), "other drug": (genes[:5], ["b"]), "everywhere": (genes[:5], None)}
    found = set_ranks({"RefDNN": fits}, sets, 0.25, k=10).set_index(["set", "what"])
    assert found.loc[("planted", "overlap"), "difference"] == pytest.approx(0.9)
    assert found.loc[("planted", "percentile"), "difference"] == pytest.approx(0.975 - 0.5)
    other = found.loc[("other drug", "percentile")]
    assert other["low"] < 0 < other["high"] and other["n"] == 4
    diverged = fits[0] * np.nan
    pd.testing.assert_frame_equal(
        set_ranks({"RefDNN": [diverged, *fits]}, sets, 0.25, k=10).set_index(["set", "what"]), found
    )
    with pytest.raises(DataError, match="RefDNN: has no encoder kernel"):
        set_ranks({"RefDNN": [diverged]}, sets, 0.25)
