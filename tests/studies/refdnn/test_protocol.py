"""Cross-validation of pair models: same folds for all, nothing leaks, nothing is lost."""

from dataclasses import replace
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest

from helpers.errors import DataError
from helpers.evaluation.metrics import classification_metrics
from helpers.evaluation.space import Float, Integer
from helpers.evaluation.splits import Fold, leave_one_group_out, stratified_pair_folds
from helpers.studies.refdnn.baselines.base import PairClassifier
from helpers.studies.refdnn.baselines.prevalence import AdditiveLogistic, DrugPrevalence
from helpers.studies.refdnn.contenders import (
    ABLATIONS,
    JUDGED_ABLATIONS,
    SCALE_MATCHED,
    ablation_contenders,
    encoder_weights,
    fixed_contenders,
    left_out_contenders,
    published_contenders,
    rivals,
    searched_settings,
    type_contenders,
    unseen_drug_contenders,
)
from helpers.studies.refdnn.fits import Contender
from helpers.studies.refdnn.model import RefDNNClassifier
from helpers.studies.refdnn.model.published import REFDNN_FIXED, scale_matched
from helpers.studies.refdnn.model.stream import shuffled_stream
from helpers.studies.refdnn.pairs import PairTable
from helpers.studies.refdnn.protocol import cross_validate
from helpers.studies.refdnn.twin import simulate_response
from studies.refdnn.world import small_features

SMALL = {"steps": 40, "batch_size": 16, "evaluate_every": 20, "first_evaluation": 20}


@pytest.fixture(scope="module")
def table():
    data, _ = simulate_response(n_lines=40, n_drugs=6, n_genes=20, seed=1)
    return PairTable.from_data(data)


@pytest.fixture(scope="module")
def folds(table):
    return stratified_pair_folds(table.drugs, 3, 0)


def network(table, **settings):
    return RefDNNClassifier(table.features, 4, **(SMALL | settings))


def test_every_pair_is_scored_by_the_fold_that_held_it_out(table, folds):
    result = cross_validate(table, [folds], [Contender("Prevalence", DrugPrevalence(table.features))])
    for i, fold in enumerate(folds):
        assert (result.folds[0, fold.test] == i).all()
        y = table.y[fold.train]
        for drug in np.unique(table.drugs):
            known = y[table.drugs[fold.train] == drug]
            rows = fold.test[table.drugs[fold.test] == drug]
            # The published split fits on 80 %, so only the closed form of a whole fit is checked below.
            assert len(np.unique(result.scores["Prevalence"][0, rows])) <= 1
            assert len(known)


def test_whole_training_part_gives_the_closed_form_of_prevalence(table, folds):
    contender = Contender("Prevalence", DrugPrevalence(table.features), published_split=False)
    result = cross_validate(table, [folds], [contender])
    fold = folds[0]
    for drug in np.unique(table.drugs):
        labels = table.y[fold.train][table.drugs[fold.train] == drug]
        rows = fold.test[table.drugs[fold.test] == drug]
        expected = (labels.sum() + 0.5) / (len(labels) + 1)
        np.testing.assert_allclose(result.scores["Prevalence"][0, rows], expected, rtol=1e-6)


def test_metrics_are_those_of_each_fold(table, folds):
    contender = Contender("Additive", AdditiveLogistic(table.features))
    result = cross_validate(table, [folds], [contender])
    metrics = result.metrics().set_index(["fold", "metric"])["value"]
    for fold in folds:
        direct = classification_metrics(table.y[fold.test], result.scores["Additive"][0, fold.test])
        for metric, value in direct.items():
            assert metrics[fold.name, metric] == pytest.approx(value)


def test_test_labels_never_reach_a_model(table, folds):
    """Labels of a fold's test part are turned round; its scores must not move, searches included."""
    space = {"hidden_units": Integer(2, 5), "lr_adam": Float(1e-3, 1e-2, log=True)}
    contender = Contender("RefDNN", network(table), space)
    fold = folds[0]
    turned = table.y.copy()
    turned[fold.test] = 1 - turned[fold.test]
    other = PairTable(table.features, table.codes, turned, table.value, table.cancer_type)
    runs = [
        cross_validate(t, [[fold]], [contender], n_trials=3, n_startup=2, n_inner=2) for t in (table, other)
    ]
    np.testing.assert_array_equal(*(r.scores["RefDNN"][0, fold.test] for r in runs))
    assert runs[0].chosen.equals(runs[1].chosen)


class Recorder(PairClassifier):
    """Remembers the pairs of each fit, and whether another part was held out to watch."""

    fits: ClassVar[list] = []

    def __init__(self, features, depth=1):
        self.features = features
        self.depth = depth

    def _fit(self, codes, y, validation, value):
        self.fits.append(codes)

    def _score(self, codes):
        return np.full(len(codes), 0.6)


def test_refit_set_is_shuffled_and_inner_folds_keep_the_order_of_the_table():
    """40 drugs in blocks of 600 rows: without a shuffle, a buffer of 10,000 sees part of the drugs."""
    features = small_features(n_lines=600, n_drugs=40)
    codes = np.array([(line, drug) for drug in range(40) for line in range(600)])
    table = PairTable(features, codes, codes[:, 0] % 2, codes[:, 0].astype(float), np.full(len(codes), "a"))
    fold = stratified_pair_folds(table.drugs, 5, 0)[0]
    Recorder.fits.clear()
    contender = Contender("Recorder", Recorder(features), {"depth": Integer(1, 2)})
    cross_validate(table, [[fold]], [contender], n_trials=1, n_startup=1, n_inner=3)
    *inner, final = Recorder.fits
    drugs_drawn = [
        len(np.unique(fit[shuffled_stream(len(fit), 20 * 64, 10_000, np.random.default_rng(0)), 1]))
        for fit in (*inner, final)
    ]
    assert all((np.diff(fit[:, 1]) >= 0).all() for fit in inner)
    assert len(final) == round(0.8 * len(fold.train))
    assert drugs_drawn[-1] == 40
    assert max(drugs_drawn[:-1]) < 40


def test_search_is_recorded_and_resumes_with_equal_numbers(table, folds, tmp_path):
    space = {"hidden_units": Integer(2, 5)}
    contender = Contender("RefDNN", network(table), space)
    settings = {"n_trials": 4, "n_startup": 2, "n_inner": 2, "seed": 3}
    whole = cross_validate(table, [folds], [contender], **settings)
    assert len(whole.trials) == 4 * len(folds)
    assert set(whole.chosen["hidden_units"]) <= {2, 3, 4, 5}

    def killed(what, done, total):
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cross_validate(table, [folds], [contender], **settings, journals=tmp_path, progress=killed)
    resumed = cross_validate(table, [folds], [contender], **settings, journals=tmp_path)
    np.testing.assert_array_equal(resumed.scores["RefDNN"], whole.scores["RefDNN"])
    pd.testing.assert_frame_equal(resumed.trials, whole.trials)


def test_a_stored_search_is_not_reused_for_other_settings(table, folds, tmp_path):
    space = {"hidden_units": Integer(2, 5)}
    settings = {"n_trials": 2, "n_startup": 1, "n_inner": 2, "journals": tmp_path}
    for steps in (40, 60):
        cross_validate(table, [folds], [Contender("RefDNN", network(table, steps=steps), space)], **settings)
    assert len(list(tmp_path.glob("*.journal"))) == 2


def test_threads_do_not_change_the_numbers(table, folds):
    contenders = [
        Contender("RefDNN", network(table)),
        Contender("Additive", AdditiveLogistic(table.features)),
    ]
    one, two = (cross_validate(table, [folds], contenders, n_jobs=n) for n in (1, 2))
    for model in one.models:
        np.testing.assert_array_equal(one.scores[model], two.scores[model])


def test_repeats_differ_and_are_kept_apart(table):
    repeats = [stratified_pair_folds(table.drugs, 3, s) for s in (0, 1)]
    result = cross_validate(table, repeats, [Contender("RefDNN", network(table), keep=encoder_weights)])
    assert result.n_seeds == 2
    assert not np.array_equal(result.folds[0], result.folds[1])
    assert set(result.kept) == {("RefDNN", s, str(f)) for s in (0, 1) for f in range(3)}
    weights = result.kept["RefDNN", 0, "0"]
    assert weights.shape == (20, 6)
    assert list(weights.columns) == list(table.features.drug_names)


def test_left_out_drugs_are_scored_and_one_class_drugs_have_no_auroc():
    data, _ = simulate_response(n_lines=30, n_drugs=5, n_genes=15, seed=2, one_class_drugs=1)
    table = PairTable.from_data(data)
    folds = leave_one_group_out(table.drug_names())
    contenders = [Contender("RefDNN", network(table)), *unseen_drug_contenders(table.features, every=True)]
    result = cross_validate(table, [folds], contenders)
    assert all(np.isfinite(p).all() for p in result.scores.values())
    auroc = result.drug_auroc("RefDNN")
    assert list(auroc["drug"]) == list(table.features.drug_names)
    labels = pd.Series(table.y).groupby(table.drugs)
    one_class = labels.nunique().to_numpy() == 1
    assert one_class.any()
    np.testing.assert_array_equal(auroc["auroc"].isna(), one_class)
    np.testing.assert_array_equal(auroc["n_minority"] == 0, one_class)


def test_subset_evaluates_fewer_pairs_without_new_fits(table, folds):
    result = cross_validate(table, [folds], [Contender("Additive", AdditiveLogistic(table.features))])
    keep = table.drugs < 3
    part = result.subset(keep)
    assert set(part.drugs) == {0, 1, 2}
    np.testing.assert_array_equal(part.scores["Additive"], result.scores["Additive"][:, keep])


def test_a_fold_with_one_class_is_named(table):
    resistant = np.flatnonzero(table.y == 1)
    fold = Fold("skin", resistant[:-5], resistant[-5:])
    with pytest.raises(DataError, match=r"fold 'skin'.*label"):
        cross_validate(table, [[fold]], [Contender("Prevalence", DrugPrevalence(table.features))])


def test_gpu_route_gives_the_numbers_of_the_threads(table, folds, monkeypatch):
    """The batched route, forced onto the CPU, fits the same models up to rounding."""
    from helpers.studies.refdnn.model import batched, estimator

    contender = Contender("RefDNN", network(table, lr_ftrl=0.01, l1=0.01))
    threads = cross_validate(table, [folds], [contender])
    monkeypatch.setattr(estimator.RefDNNClassifier, "_device", lambda self: "cuda")
    fit = batched.fit_batch
    monkeypatch.setattr(estimator.batched, "fit_batch", lambda tasks, device: fit(tasks, "cpu"))
    gpu = cross_validate(table, [folds], [contender])
    np.testing.assert_allclose(gpu.scores["RefDNN"], threads.scores["RefDNN"], atol=2e-3)


def test_contenders_have_the_published_names_and_settings(table):
    published = published_contenders(table.features, "CCLE", search=True, steps=5000, device="cpu")
    assert [c.name for c in published] == ["RefDNN", "RefDNN-test", "Random Forest", "Elastic Net"]
    assert all(c.published_split for c in published)
    full, ablation = published[0].estimator, published[1].estimator
    changed = {k for k, v in full.get_params().items() if ablation.get_params()[k] != v and k != "features"}
    assert changed == {"encoder", "loss_weights"}
    assert set(published[1].space) == {"hidden_units", "lr_adam"}
    simple = left_out_contenders(table.features, search=False, every=True)
    assert not any(c.published_split for c in simple)
    assert len({c.name for c in [*published, *simple]}) == len(published) + len(simple)
    without = left_out_contenders(table.features, search=False, every=True, nets=False)
    assert {c.name for c in simple} - {c.name for c in without} == {
        "Elastic Net, scaled",
        "Elastic Net + one-hot",
        "Elastic Net + similarity",
        "Elastic Net + fingerprint",
    }
    letters = ablation_contenders(table.features, "GDSC", search=[], steps=100, device="cpu")
    assert all(c.space is None for c in letters)
    assert {c.name for c in letters} == set(ABLATIONS)
    some = ablation_contenders(table.features, "GDSC", search=JUDGED_ABLATIONS, steps=100, device="cpu")
    assert [c.name for c in some if c.space is None] == ["(d) encoder only", "(e) no expression"]
    fixed = fixed_contenders(table.features, "CCLE", steps=100, device="cpu")
    assert [c.name for c in fixed] == ["RefDNN", "Random Forest", "Elastic Net", SCALE_MATCHED]
    assert rivals([c.name for c in (*published, *fixed, *simple)]) == [c.name for c in simple]
    assert all(c.space is None for c in fixed)


def test_the_best_candidate_of_all_folds_becomes_the_settings():
    names = ["model", "value", "hidden_units", "lr_ftrl", "lr_adam", "l1", "l2"]
    rows = [
        ("RefDNN", 0.7, 8, 0.1, 0.2, 0.3, 0.4),
        ("RefDNN", 0.9, 16.0, 1.1, 1.2, 1.3, 1.4),
        ("RefDNN-test", 1.0, 4, 2, 2, 2, 2),
    ]
    settings = searched_settings(pd.DataFrame(rows, columns=names))
    assert settings == {"hidden_units": 16, "lr_ftrl": 1.1, "lr_adam": 1.2, "l1": 1.3, "l2": 1.4}
    assert isinstance(settings["hidden_units"], int)


def test_the_scale_matched_rate_moves_a_logit_as_far_as_with_the_genes_of_the_study():
    fixed, matched = REFDNN_FIXED["GDSC"], scale_matched("GDSC", 1778)
    assert matched["lr_ftrl"] == pytest.approx(10 * fixed["lr_ftrl"])
    assert {k: v for k, v in matched.items() if k != "lr_ftrl"} == {
        k: v for k, v in fixed.items() if k != "lr_ftrl"
    }
    assert scale_matched("CCLE", 18_926) == REFDNN_FIXED["CCLE"], "nothing changes on the study's own genes"


def test_another_setting_of_refdnn_can_take_its_place(table, folds):
    models = [Contender("Additive", AdditiveLogistic(table.features))]
    models += [Contender(name, network(table, lr_adam=lr)) for name, lr in (("RefDNN", 0.01), ("other", 0.1))]
    result = cross_validate(table, [folds], models)
    swapped = result.as_refdnn("other")
    assert set(swapped.models) == {"RefDNN", "Additive"}
    np.testing.assert_array_equal(swapped.scores["RefDNN"], result.scores["other"])
    assert result.seconds.keys() == result.scores.keys()


class Box(dict):
    """Keeps outcomes, and remembers how many were put."""

    puts = 0

    def put(self, key, value, seconds):
        assert seconds >= 0
        self.puts += 1
        self[key] = value


def test_kept_fits_are_found_again_and_change_no_number(table, folds):
    space = {"hidden_units": Integer(2, 5)}
    contenders = [
        Contender("RefDNN", network(table), space, keep=encoder_weights),
        Contender("Additive", AdditiveLogistic(table.features)),
    ]
    settings = {"n_trials": 3, "n_startup": 2, "n_inner": 2}
    alone = cross_validate(table, [folds], contenders, **settings)
    box = Box()
    first = cross_validate(table, [folds], contenders, **settings, fits=box)
    assert box.puts == 6
    again = cross_validate(table, [folds], contenders, **settings, fits=box)
    assert box.puts == 6
    for result in (first, again):
        for model in alone.models:
            np.testing.assert_array_equal(result.scores[model], alone.scores[model])
        pd.testing.assert_frame_equal(result.chosen, alone.chosen)
        pd.testing.assert_frame_equal(result.trials, alone.trials)
        pd.testing.assert_frame_equal(result.kept["RefDNN", 0, "1"], alone.kept["RefDNN", 0, "1"])
    assert again.seconds == first.seconds


def test_fits_of_other_chapters_are_found_by_what_they_are(table, folds):
    """Another name, another list of folds, a table read anew: equal fits are one; anything else is not."""
    box = Box()
    cross_validate(table, [folds], [Contender("RefDNN", network(table))], fits=box)
    data, _ = simulate_response(n_lines=40, n_drugs=6, n_genes=20, seed=1)
    anew = PairTable.from_data(data)
    assert anew.features.similarity.shape == (6, 6)
    cross_validate(anew, [folds[:2]], [Contender("as published", network(anew))], fits=box)
    assert box.puts == 3
    turned = replace(table, y=1 - table.y)
    others = [
        (table, {"seed": 1}, Contender("RefDNN", network(table))),
        (table, {}, Contender("RefDNN", network(table, lr_adam=0.5))),
        (table, {}, Contender("RefDNN", network(table), published_split=False)),
        (table, {}, Contender("RefDNN", network(table), table_order=True)),
        (table, {}, Contender("RefDNN", network(table), keep=encoder_weights)),
        (turned, {}, Contender("RefDNN", network(table))),
    ]
    for i, (pairs, settings, contender) in enumerate(others, 4):
        cross_validate(pairs, [folds[:1]], [contender], **settings, fits=box)
        assert box.puts == i, contender


def test_a_search_is_found_only_under_its_own_budget(table, folds):
    space, box = {"hidden_units": Integer(2, 5)}, Box()
    contender = Contender("RefDNN", network(table), space)
    settings = {"n_trials": 2, "n_startup": 1, "n_inner": 2}
    changes = [{}, {"n_trials": 3}, {"n_startup": 2}, {"n_inner": 3}]
    for i, change in enumerate(changes, 1):
        cross_validate(table, [folds[:1]], [contender], **(settings | change), fits=box)
        assert box.puts == i
    cross_validate(table, [folds], [contender], **settings, fits=box)
    assert box.puts == len(changes) + 2, "two more folds of the first budget"
    named = Contender("another name", network(table), space)
    cross_validate(table, [folds[:1]], [named], **settings, fits=box)
    assert box.puts == len(changes) + 3, "candidates depend on the name of the search"


def test_the_cancer_type_is_a_further_input_and_nothing_else_changes(table, folds):
    known = table.features.with_types()
    types = np.unique(table.features.line_types)
    n_genes = len(table.features.gene_names)
    np.testing.assert_array_equal(known.expression[:, :n_genes], table.features.expression)
    mark = known.expression[:, n_genes:] > 0
    assert (mark.sum(axis=1) == 1).all()
    np.testing.assert_array_equal(types[mark.argmax(axis=1)], table.features.line_types)
    models = type_contenders(table.features, "GDSC", steps=100, device="cpu")
    assert [c.name for c in models] == [
        "RefDNN",
        "Kernel ridge",
        "RefDNN + cancer type",
        "Kernel ridge + cancer type",
    ]
    rates = {c.estimator.lr_ftrl for c in models if "RefDNN" in c.name}
    assert len(rates) == 1, "the further inputs do not change the rate"
    result = cross_validate(table, [folds], models)
    assert not np.array_equal(result.scores["Kernel ridge"], result.scores["Kernel ridge + cancer type"])
