"""The atlas of drugs: scores within drug and fold, the second screen, and one row a drug."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from helpers.evaluation.splits import line_folds, stratified_pair_folds
from helpers.plots.hover import chart_spec, chart_words
from helpers.studies.refdnn import atlas
from helpers.studies.refdnn.out_of_fold import OutOfFold
from helpers.studies.refdnn.pairs import PairTable
from helpers.studies.refdnn.twin import simulate_response, simulate_twin


def out_of_fold(table, folds, scores):
    where = np.full((1, len(table)), -1)
    for i, fold in enumerate(folds):
        where[0, fold.test] = i
    names = [fold.name for fold in folds]
    scores = {model: p[None].astype(np.float32) for model, p in scores.items()}
    drugs = table.features.drug_names
    return OutOfFold(table.y, table.lines, table.drugs, drugs, names, where, scores)


@pytest.fixture(scope="module")
def world():
    data, _ = simulate_response("GDSC", n_lines=200, n_drugs=6, n_genes=30, seed=2)
    table = PairTable.from_data(data)
    folds = line_folds(table.lines, 4, 0)
    rng = np.random.default_rng(0)
    scores = {
        "RefDNN": rng.random(len(table)),
        "RefDNN, scale-matched": table.y + rng.normal(0, 0.1, len(table)),  # no simple model, however good
        "good": table.y + rng.normal(0, 0.7, len(table)),
        "poor": table.y + rng.normal(0, 3, len(table)),
    }
    return data, table, folds, scores


def test_scores_compare_lines_of_one_fold_only(world):
    _, table, folds, scores = world
    found = atlas.drug_scores(out_of_fold(table, folds, scores), "good")
    drug = table.drugs == 0
    by_fold = [(table.y[rows], scores["good"][rows]) for f in folds if (rows := f.test[drug[f.test]]).size]
    size = [y.sum() * (1 - y).sum() for y, _ in by_fold]
    expected = np.average([roc_auc_score(y, p) for y, p in by_fold], weights=size)
    assert found["auroc"].iloc[0] == pytest.approx(expected, abs=1e-6)


def test_a_score_of_the_fold_alone_is_worth_nothing(world):
    """The prevalence of a drug in training falls where it is high in the test part: pooled, below 0.5."""
    _, table, folds, _ = world
    p = np.zeros(len(table))
    for fold in folds:
        for drug in range(6):
            train, test = (rows[table.drugs[rows] == drug] for rows in (fold.train, fold.test))
            p[test] = table.y[train].mean()
    found = atlas.drug_scores(out_of_fold(table, folds, {"Prevalence": p}), "Prevalence")
    np.testing.assert_array_equal(found["auroc"].dropna(), 0.5)
    assert found["p"].isna().all()


def test_ceilings_are_what_a_second_screen_and_the_truth_do():
    """Estimated from one screen and the reliability, they are the AUROC of what was simulated."""
    rng = np.random.default_rng(1)
    data, _ = simulate_response(n_lines=3000, n_drugs=2, n_genes=12, seed=0, missing=0, genes_per_family=2)
    truth, noise = rng.normal(0, 1, len(data.response)), 1.0
    first, second = (truth + rng.normal(0, noise, len(truth)) for _ in range(2))
    label = (first > 0.3).astype(np.int8)
    data = replace(data, response=data.response.assign(value=first, resistant=label))
    estimate = atlas.ceilings(data, 1 / (1 + noise**2))
    for drug, row in estimate.iterrows():
        rows = (data.response["drug"] == drug).to_numpy()
        assert row["second screen"] == pytest.approx(roc_auc_score(label[rows], second[rows]), abs=0.02)
        assert row["noise ceiling"] == pytest.approx(roc_auc_score(label[rows], truth[rows]), abs=0.02)


def test_reliability_comes_from_the_repeated_keys():
    data = simulate_twin("GDSC", 3)
    reliability, measured = atlas.screen_reliability(data)
    assert len(measured) == 3 and (measured["auroc"] > 0.7).all()
    drug = measured.index[0]
    pairs = data.response[data.response["drug"] == drug].groupby("line")["value"].apply(list)
    both = np.array([values for values in pairs if len(values) == 2])
    assert measured.loc[drug, "n"] == len(both)
    rho = stats.spearmanr(both[:, 0], both[:, 1]).statistic
    assert measured.loc[drug, "correlation"] == pytest.approx(2 * np.sin(np.pi * rho / 6), abs=0.05)
    assert reliability == pytest.approx(measured["correlation"].mean())
    once = replace(data, response=data.response.drop_duplicates(["line", "drug"]))
    nothing, none = atlas.screen_reliability(once)
    assert np.isnan(nothing) and none.empty
    assert atlas.ceilings(once, nothing).isna().all(axis=None)


def test_one_row_a_drug_and_the_best_simple_model_by_its_mean(world):
    data, table, folds, scores = world
    unseen = out_of_fold(table, folds, scores)
    known = out_of_fold(table, stratified_pair_folds(table.drugs, 4, 0), scores)
    protocols = {"known pairs": [known], "unseen lines": [unseen]}
    protocols |= {"unseen types": [unseen], "unseen drugs": [unseen]}
    drug = data.drugs.index[0]
    published = {f"GDSC.class_balance.{drug}": SimpleNamespace(mean=0.4, median=None)}
    ceiling = pd.DataFrame({"second screen": 0.7, "noise ceiling": 0.9}, index=data.drugs.index)
    found, simple = atlas.atlas_table(data, protocols, ceiling, published)
    assert set(simple.values()) == {"good"}
    assert found["drug"].tolist() == list(data.drugs.index)
    assert (found["resistant"] + found["sensitive"]).sum() == len(table)
    assert found.set_index("drug")["published resistant share"].to_dict()[drug] == 0.4
    both = atlas.counted_drugs(found)
    assert len(both) and (both["predictable"] == "yes").all() and (both["best simple model"] == "good").all()
    assert atlas.score_columns(found, "RefDNN").shape == (len(both), 4)
    summary = atlas.atlas_summary(found).set_index("what")
    assert summary.loc["predictable", ["value", "n"]].tolist() == [len(both), len(both)]
    assert summary.loc["unseen lines.simple above RefDNN", "value"] == len(both)
    assert atlas.finding(found, simple).startswith(f"{len(both)} of {len(both)} drugs")
    chart = atlas.drug_chart(found)
    [rows] = [rows for rows in chart_spec(chart)["datasets"].values() if "drug" in rows[0]]
    assert [row["drug"] for row in rows] == list(both["drug"])
    assert chart_words(chart).startswith(
        f"On unseen lines RefDNN is above the simple model in 0 of {len(both)} drugs"
    )


def test_noise_is_seldom_called_predictable(world):
    _, table, folds, _ = world
    rng = np.random.default_rng(5)
    p = []
    for _ in range(40):
        found = atlas.drug_scores(out_of_fold(table, folds, {"m": rng.random(len(table))}), "m")["p"].dropna()
        p += list(found)
    assert stats.kstest(p, "uniform").pvalue > 0.001
