from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from helpers.errors import DataError
from helpers.studies.refdnn.data import load_response
from helpers.studies.refdnn.twin import simulate_response


def entropy(share: pd.Series | float) -> float:
    p = np.clip(np.asarray(share, float), 1e-12, 1 - 1e-12)
    return float(np.mean(-p * np.log2(p) - (1 - p) * np.log2(1 - p)))


def test_the_same_seed_gives_the_same_data_and_another_seed_does_not():
    (first, truth), (again, same), (other, _) = (simulate_response(seed=seed) for seed in (5, 5, 6))
    pd.testing.assert_frame_equal(first.response, again.response)
    pd.testing.assert_frame_equal(first.expression, again.expression)
    pd.testing.assert_frame_equal(first.fingerprints, again.fingerprints)
    pd.testing.assert_frame_equal(truth.weights, same.weights)
    assert not first.expression.equals(other.expression)


@pytest.mark.parametrize("seed", range(3))
def test_marginals(seed):
    data, _ = simulate_response(seed=seed)
    values = data.expression.to_numpy()
    assert values.min() >= 0
    assert values.max() <= 14
    labels = data.response["resistant"]
    assert labels.mean() == pytest.approx(0.6, abs=0.03)
    explained = 1 - entropy(data.response.groupby("drug")["resistant"].transform("mean")) / entropy(
        labels.mean()
    )
    assert 0.35 < explained < 0.65
    expected = 0.97 * data.expression.shape[0] * len(data.drugs)
    assert len(data.response) == pytest.approx(expected, rel=0.02)


def test_labels_follow_from_values_and_highest_concentrations():
    data, _ = simulate_response(seed=1, repeated_drugs=2, one_class_drugs=2)
    limit = np.log(data.drugs["max_concentration"].loc[data.response["drug"]].to_numpy())
    np.testing.assert_array_equal(data.response["resistant"], data.response["value"].to_numpy() > limit)


def test_planted_genes_stand_out():
    """Within a drug the planted genes correlate with the value, with the planted sign; others do not."""
    data, truth = simulate_response(n_lines=300, seed=2)
    planted, others = [], []
    for drug, pairs in data.response.groupby("drug"):
        genes = data.expression.loc[pairs["line"]]
        correlation = genes.corrwith(pairs["value"].set_axis(pairs["line"]))
        weight = truth.weights.loc[drug]
        planted.append((correlation * np.sign(weight))[weight != 0])
        others.append(correlation[weight == 0].abs())
    planted, others = pd.concat(planted), pd.concat(others)
    assert planted.mean() > 0.2
    assert (planted > others.quantile(0.9)).mean() > 0.8


def test_the_latent_score_ranks_lines_within_a_drug():
    data, truth = simulate_response(seed=0)
    for drug, pairs in data.response.groupby("drug"):
        if pairs["resistant"].nunique() == 2:
            assert roc_auc_score(pairs["resistant"], truth.latent.loc[pairs["line"], drug]) > 0.75


def test_families_share_structure_and_genes():
    data, truth = simulate_response(n_drugs=12, n_families=3, seed=0)
    bits = data.fingerprints.to_numpy(float)
    common = bits @ bits.T
    size = bits.sum(axis=1)
    similarity = common / (size[:, None] + size[None] - common)
    family = truth.family.to_numpy()
    same = (family[:, None] == family[None]) & ~np.eye(len(family), dtype=bool)
    assert similarity[same].min() > similarity[family[:, None] != family[None]].max()
    support = (truth.weights != 0).groupby(truth.family).agg(["min", "max"])
    assert (support.xs("min", axis=1, level=1) == support.xs("max", axis=1, level=1)).all(axis=None)
    assert data.drugs["pathway"].tolist() == truth.family.tolist()


def test_cancer_types_shift_expression():
    data, truth = simulate_response(n_lines=300, seed=0)
    groups = data.expression.groupby(truth.cancer_type)
    between = (groups.mean() - data.expression.mean()).pow(2).mul(groups.size(), axis=0).sum()
    shuffled = data.expression.groupby(truth.cancer_type.sample(frac=1, random_state=0).to_numpy())
    chance = (shuffled.mean() - data.expression.mean()).pow(2).mul(shuffled.size(), axis=0).sum()
    assert between.median() > 1.5 * chance.median()
    assert data.lines["cancer_type"].value_counts().min() >= 3


@pytest.mark.parametrize(
    ("name", "lines", "drugs", "single", "repeated"), [("CCLE", 160, 12, 2, 0), ("GDSC", 150, 40, 0, 3)]
)
def test_twins(name, lines, drugs, single, repeated):
    data = load_response(name, "simulated", seed=1)
    assert data.tier == "simulated"
    assert data.name == name
    assert data.expression.shape == (lines, 150)
    assert len(data.drugs) == drugs
    classes = data.response.groupby("drug")["resistant"].agg(["nunique", "max"])
    assert ((classes["nunique"] == 1) & (classes["max"] == 0)).sum() == single
    again = data.response[data.response.duplicated(["line", "drug"])]
    assert again["drug"].nunique() == repeated
    assert data.response["resistant"].mean() == pytest.approx(0.6, abs=0.03)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_drugs": 2, "n_families": 3}, "do not fill"),
        ({"n_genes": 5}, "too few"),
        ({"n_lines": 10}, "too few"),
        ({"one_class_drugs": 12}, "do not fit"),
        ({"one_class_drugs": 6}, "need fewer"),
        ({"repeated_drugs": 13}, "do not fit"),
        ({"resistant": 1.0}, "must lie"),
        ({"missing": 1.0}, "must lie"),
    ],
)
def test_sizes_that_do_not_fit(arguments, message):
    with pytest.raises(DataError, match=message):
        simulate_response(**arguments)
