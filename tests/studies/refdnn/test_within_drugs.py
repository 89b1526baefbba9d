"""AUROC within drugs: no credit for a fit's scale, and intervals that resample lines and drugs."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import spearmanr

from helpers.studies.refdnn.out_of_fold import OutOfFold
from helpers.studies.refdnn.within_drugs import (
    drug_agreement,
    drug_bootstrap,
    mean_within,
    strongest_over_drugs,
)


@pytest.fixture
def left_out():
    """Cancer types that differ in resistance; each is left out in turn, and each drug is."""
    rng = np.random.default_rng(2)
    lines, drugs = (a.ravel() for a in np.meshgrid(np.arange(60), np.arange(5), indexing="ij"))
    types = lines // 15
    y = (rng.random(300) < np.array([0.2, 0.4, 0.6, 0.8])[types]).astype(int)
    prevalence = np.array([y[(types != t) & (drugs == d)].mean() for t, d in zip(types, drugs, strict=True)])
    signal = y + rng.normal(0, 1, 300)
    names = np.array(list("abcde"))
    results = [
        OutOfFold(
            y, lines, drugs, names, list("01234"), folds[None], {"RefDNN": p[None], "Prevalence": q[None]}
        )
        for folds, p, q in ((types, prevalence + 0.3 * signal, prevalence), (drugs, signal, 0 * signal))
    ]
    return results, types


def test_a_model_that_knows_only_the_drug_scores_half_in_every_protocol(left_out):
    (by_type, by_drug), types = left_out
    assert (by_type.drug_auroc("Prevalence")["auroc"] == 0.5).all()
    assert (by_drug.drug_auroc("Prevalence", types)["auroc"] == 0.5).all()
    levels = mean_within({"CCLE": by_type}, ["Prevalence", "RefDNN"], {"CCLE": types})
    assert levels["value"].iloc[0] == 0.5 < levels["value"].iloc[1]
    assert (levels["n"] == 5).all()


def test_drug_bootstrap_is_the_mean_gap_of_the_same_comparisons(left_out):
    (by_type, by_drug), types = left_out
    one, two = {"CCLE": by_type}, {"CCLE": by_drug}
    gap = drug_bootstrap(one, two, [("RefDNN", "RefDNN")], 100, strata={"CCLE": types}).iloc[0]
    direct = [r.drug_auroc("RefDNN", types)["auroc"].mean() for r in (by_type, by_drug)]
    assert gap["difference"] == pytest.approx(direct[0] - direct[1])
    assert gap["low"] <= gap["difference"] <= gap["high"]
    assert gap["n"] == 5
    over = drug_bootstrap(one, one, [("RefDNN", "Prevalence")], 100).iloc[0]
    assert over["difference"] == pytest.approx(by_type.drug_auroc("RefDNN")["auroc"].mean() - 0.5)
    assert over["p"] < 0.05


def test_the_strongest_over_drugs_bounds_the_differences_to_all(left_out):
    (_, by_drug), _ = left_out
    rng = np.random.default_rng(5)
    others = {name: by_drug.y[None] + rng.normal(0, s, (1, 300)) for name, s in (("A", 1.5), ("B", 4.0))}
    result = replace(by_drug, scores=by_drug.scores | others)
    found = strongest_over_drugs({"CCLE": result}, ["A", "B"], 100).iloc[0]
    assert found["rival"] == "A"
    each = drug_bootstrap(
        {"CCLE": result}, {"CCLE": result}, [("RefDNN", "A"), ("RefDNN", "B")], 100
    ).set_index("model")
    assert found["difference"] == pytest.approx(each.loc["A", "difference"])
    assert found["low"] == pytest.approx(min(each["low"].min(), found["difference"]))


def test_agreement_over_drugs_is_spearmans_with_an_interval_inside_its_bounds():
    rng = np.random.default_rng(0)
    lines, drugs = (a.ravel() for a in np.meshgrid(np.arange(40), np.arange(12), indexing="ij"))
    y = (rng.random(480) < 0.5).astype(int)
    own = y + rng.normal(0, 1 + drugs / 3)
    alike = own + rng.normal(0, 0.3, 480)
    names = np.array([f"d{i:02d}" for i in range(12)])
    scores = {"RefDNN": own[None], "alike": alike[None]}
    result = OutOfFold(y, lines, drugs, names, list(names), drugs[None], scores)
    row = drug_agreement({"GDSC": result}, ["alike"]).iloc[0]
    aurocs = [result.drug_auroc(m)["auroc"] for m in scores]
    assert row["value"] == pytest.approx(spearmanr(*aurocs).statistic)
    assert -1 < row["low"] < row["value"] < row["high"] < 1
    assert row["n"] == 12
