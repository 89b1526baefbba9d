"""Lists of genes on held-out pairs: planted truth, equal rules of direction, no leak."""

import numpy as np
import pandas as pd
import pytest

from helpers.errors import DataError
from helpers.evaluation.splits import stratified_pair_folds
from helpers.studies.refdnn.contenders import encoder_weights
from helpers.studies.refdnn.fits import Contender
from helpers.studies.refdnn.heldout_genes import (
    DIRECTIONS,
    RANKINGS,
    crossed_mean,
    directed_auroc,
    encoder_gaps,
    finding,
    heldout_biomarkers,
    list_stability,
    overlap_table,
    ranking_gaps,
    ranking_scores,
    ranking_table,
    top_overlap,
)
from helpers.studies.refdnn.model import RefDNNClassifier
from helpers.studies.refdnn.out_of_fold import OutOfFold
from helpers.studies.refdnn.pairs import PairTable
from helpers.studies.refdnn.protocol import cross_validate
from helpers.studies.refdnn.twin import simulate_response


def test_directed_auroc_turns_genes_that_were_learnt_as_negative():
    auroc = pd.Series({"a": 0.8, "b": 0.2})
    assert directed_auroc(auroc, pd.Series({"a": 1.0, "b": -1.0}), ["a", "b"]) == pytest.approx(0.8)
    assert directed_auroc(auroc, pd.Series({"a": 1.0, "b": 1.0}), ["a", "b"]) == pytest.approx(0.5)


def test_overlap_of_lists():
    assert top_overlap([["a", "b"], ["b", "c"], ["b", "a"]]) == pytest.approx((0.5 + 1 + 0.5) / 3)
    assert np.isnan(top_overlap([["a"]]))


def test_heldout_biomarkers_find_planted_genes():
    data, truth = simulate_response(n_lines=200, n_drugs=4, n_genes=30, seed=4)
    table = PairTable.from_data(data)
    network = RefDNNClassifier(
        table.features, 4, lr_ftrl=0.01, lr_adam=3e-3, l1=1e-3, steps=600, standardise=True
    )
    folds = stratified_pair_folds(table.drugs, 3, 0)
    result = cross_validate(table, [folds], [Contender("RefDNN", network, keep=encoder_weights)])
    once = {"RefDNN": (result, "RefDNN")}
    found = heldout_biomarkers(table, once, data.lines["tissue"], k=4, min_minority=10)["RefDNN"]
    assert set(found["ranking"]) == set(RANKINGS)
    assert set(found["direction"]) == set(DIRECTIONS)
    for scope in ("all lines", "within tissue"):  # planted genes act within tissues too
        mean = ranking_scores(found, scope=scope).mean()
        assert mean["rank test"] > 0.6 > mean["random"] > 0.4
        assert mean["raw weight"] > mean["random"]
    planted = truth.weights.columns[(truth.weights != 0).any()]
    chosen = found.loc[found["ranking"] == "raw weight", "genes"].explode()
    assert chosen.isin(planted).mean() > 2 * len(planted) / 30 * 0.9
    assert list_stability(found)["rank test"].mean() > list_stability(found)["random"].mean()
    again = heldout_biomarkers(table, once, data.lines["tissue"], k=4, min_minority=10, n_jobs=2)["RefDNN"]
    pd.testing.assert_frame_equal(found, again)


def test_heldout_genes_do_not_see_the_held_out_labels():
    data, _ = simulate_response(n_lines=60, n_drugs=3, n_genes=15, seed=5)
    table = PairTable.from_data(data)
    folds = stratified_pair_folds(table.drugs, 2, 0)
    network = RefDNNClassifier(table.features, 4, steps=40, evaluate_every=20, first_evaluation=20)
    result = cross_validate(table, [folds], [Contender("RefDNN", network, keep=encoder_weights)])
    turned = table.y.copy()
    turned[folds[0].test] = 1 - turned[folds[0].test]
    other = PairTable(table.features, table.codes, turned, table.value, table.cancer_type)
    lists = [
        heldout_biomarkers(t, {"RefDNN": (result, "RefDNN")}, data.lines["tissue"], k=3, min_minority=5)[
            "RefDNN"
        ]
        .query("fold == '0' and direction == 'encoder'")
        .set_index(["drug", "ranking"])["genes"]
        for t in (table, other)
    ]
    both = lists[0].index.intersection(lists[1].index)
    assert len(both) > 0
    assert lists[0][both].equals(lists[1][both])


def test_no_ranking_wins_where_genes_mean_nothing():
    """Genes and labels are independent: with equal rules of direction all lists have the same value.

    Judged by unequal rules, as once here, a rank test's direction on random genes beats a noise encoder.
    """
    data, _ = simulate_response(n_lines=150, n_drugs=6, n_genes=60, seed=6)
    table = PairTable.from_data(data)
    rng = np.random.default_rng(0)
    y = rng.permutation(table.y)
    table = PairTable(table.features, table.codes, y, table.value, table.cancer_type)
    folds = stratified_pair_folds(table.drugs, 5, 0)
    where = np.full((1, len(table)), -1)
    for i, fold in enumerate(folds):
        where[0, fold.test] = i
    names = [fold.name for fold in folds]
    drugs = table.features.drug_names
    kept = {
        (model, 0, name): pd.DataFrame(
            rng.normal(size=(60, len(drugs))), index=table.features.gene_names, columns=drugs
        )
        for model in ("RefDNN", "other")
        for name in names
    }
    result = OutOfFold(y, table.lines, table.drugs, drugs, names, where, {}, kept=kept)
    both = {model: (result, model) for model in ("RefDNN", "other")}
    found = heldout_biomarkers(table, both, data.lines["tissue"])
    chosen = {m: t.set_index(["fold", "drug", "ranking", "direction"])["genes"] for m, t in found.items()}
    for ranking in ("rank test", "random"):  # the same lists stand beside every encoder
        lists = [table.xs(ranking, level="ranking") for table in chosen.values()]
        assert lists[0].equals(lists[1])
    gaps = ranking_gaps({"null": found["RefDNN"]}, 0.25)
    assert len(gaps) == 12
    assert ((gaps["low"] < 0) & (gaps["high"] > 0)).mean() > 0.8
    between = encoder_gaps({"null": found}, 0.25)
    assert ((between["low"] < 0) & (between["high"] > 0)).all()


def test_encoders_of_other_folds_are_refused():
    data, _ = simulate_response(n_lines=60, n_drugs=3, n_genes=15, seed=5)
    table = PairTable.from_data(data)
    kernel = pd.DataFrame(0.0, index=table.features.gene_names, columns=table.features.drug_names)
    results = []
    for seed in range(2):
        where = np.random.default_rng(seed).integers(0, 2, (1, len(table)))
        kept = {("RefDNN", 0, "a"): kernel}
        drugs = table.features.drug_names
        results.append(OutOfFold(table.y, table.lines, table.drugs, drugs, ["a", "b"], where, {}, kept=kept))
    encoders = {f"encoder {i}": (result, "RefDNN") for i, result in enumerate(results)}
    with pytest.raises(DataError, match="encoder 1: fold 'a' of seed 0 holds other pairs"):
        heldout_biomarkers(table, encoders, data.lines["tissue"])


def test_crossed_mean_covers_drugs_and_folds():
    """Over simulated drug and fold effects the interval holds the truth at least as often as it says."""
    rng = np.random.default_rng(0)
    covered = []
    for _ in range(300):
        drug, fold = rng.normal(0, 0.05, (30, 1)), rng.normal(0, 0.05, (1, 5))
        found = crossed_mean(pd.DataFrame(0.6 + drug + fold + rng.normal(0, 0.05, (30, 5))), 0.25)
        covered.append(found.low <= 0.6 <= found.high)
    assert np.mean(covered) > 0.93
    assert np.isnan(crossed_mean(pd.DataFrame([[0.1], [0.2]]), 0.25).low)


def test_tables_of_rankings():
    lists = {"raw weight": "ab", "weight x SD": "ac", "rank test": "ab", "random": "cd"}
    rows = [
        (0, fold, drug, ranking, direction, score, score - 0.1, tuple(genes))
        for fold in ("0", "1")
        for number, drug in enumerate(("d1", "d2", "d3"))
        for ranking, genes in lists.items()
        for direction in DIRECTIONS
        for score in [0.5 + 0.01 * len(ranking) + 0.01 * number + 0.005 * int(fold)]
    ]
    columns = ["seed", "fold", "drug", "ranking", "direction", "all lines", "within tissue", "genes"]
    heldout = pd.DataFrame(rows, columns=columns)
    keys = ["ranking", "direction", "scope"]
    table = ranking_table({"CCLE": heldout}, 0.25).set_index(keys)
    raw = table.loc[("raw weight", "encoder", "all lines")]
    assert raw["difference"] == pytest.approx(0.1125) and raw["n"] == 3
    assert raw["low"] < raw["difference"] < raw["high"]
    overlap = overlap_table({"CCLE": heldout}).set_index("ranking")
    assert overlap.loc["random", ["value", "n", "seeds"]].tolist() == [1.0, 3, 1]
    gaps = ranking_gaps({"CCLE": heldout}, 0.25).set_index(keys)["difference"]
    text = finding(ranking_gaps({"CCLE": heldout}, 0.25))
    assert text.endswith(" of 12 comparisons")
    of_rule = gaps.xs(("rank test", "within tissue"), level=("direction", "scope"))
    assert of_rule.to_dict() == pytest.approx({"weight x SD": -0.01, "rank test": 0.01, "random": 0.04})
