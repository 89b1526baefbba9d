"""AUROC within drugs: no credit for a fit's scale, and intervals that resample lines and drugs."""

import numpy as np
import pytest

from helpers.studies.refdnn.out_of_fold import OutOfFold
from helpers.studies.refdnn.within_drugs import drug_bootstrap, mean_within


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
