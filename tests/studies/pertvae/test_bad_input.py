"""Whatever models and steps of treatment pairs are given, they answer or refuse with this project's error."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import Ridge

from helpers.data.pairs_twin import simulate_pairs
from helpers.errors import DataError, ParameterError
from helpers.studies.pertvae import (
    comparison,
    latent,
    metrics,
    models,
    null_test,
    plots,
    protocol,
    response,
    signatures,
    statistics,
    tables,
    wells,
)
from helpers.studies.pertvae.baselines import MeanShift, NearestLines, PCAShift, PLSPairs, RidgePairs
from helpers.studies.pertvae.model import VAE, PertVAE, align_effect
from studies.pertvae.world import SMALL

DATA = simulate_pairs("sim", n_lines=8, n_genes=12, n_singletons=4, effects={"shift": 8})[0]
PRE, POST, ALONE = DATA.pre, DATA.post, DATA.singletons
LINES, N = DATA.pairs["line"], len(DATA.pairs)
ESTIMATORS = {"MeanShift": MeanShift(), "PertVAE": PertVAE(3, **SMALL | {"epochs": 1, "first_stop": 0})}
NOT_PROFILES = {
    "text": PRE.astype(str) + "x",
    "dates": np.full(PRE.shape, np.datetime64("2020-01-01")),
    "complex": PRE.to_numpy() * 1j,
    "sparse": sparse.csr_matrix(PRE.to_numpy()),
    "ragged": [[1], [1, 2]],
    "none": PRE[:0],
    "genes in another order": PRE[PRE.columns[::-1]],
    "other genes": PRE.rename(columns={PRE.columns[0]: "another"}),
    "a gene twice": PRE.set_axis([*PRE.columns[1:], PRE.columns[1]], axis=1),
}


@pytest.fixture(scope="module", params=ESTIMATORS)
def fitted(request):
    return ESTIMATORS[request.param].fit(PRE, POST)


@pytest.mark.parametrize("case", NOT_PROFILES)
def test_profiles_to_predict_from(fitted, case):
    with pytest.raises(DataError):
        fitted.predict(NOT_PROFILES[case])


def test_rows_in_reversed_order_are_predicted(fitted):
    assert np.allclose(fitted.predict(PRE[::-1]), fitted.predict(PRE)[::-1], atol=1e-5)


@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.parametrize(
    ("data", "message"),
    [
        *(
            ((PRE, NOT_PROFILES[case]), None)
            for case in ("text", "complex", "sparse", "genes in another order")
        ),
        ((PRE, POST[::-1]), "pre and post: the rows of the two have other names"),
        ((PRE, POST, LINES[::-1]), "the rows of the two have other names"),
        ((PRE, POST, [None, *LINES[1:]]), "a line has no name"),
        ((PRE, POST, np.array([np.nan, *range(N - 1)])), "a line has no name"),
        ((PRE, POST, None, ALONE[ALONE.columns[::-1]]), "singletons: genes differ"),
        ((PRE, POST, None, 3), "singletons must be a matrix"),
    ],
)
def test_what_is_learned_from(name, data, message):
    names = dict(
        zip(("pre", "post", "groups" if name == "MeanShift" else "lines", "singletons"), data, strict=False)
    )
    with pytest.raises(DataError, match=message):
        ESTIMATORS[name].fit(**names)


@pytest.mark.parametrize(
    ("validation", "message"),
    [((PRE,), "must be two tables"), ("ab", "must be two tables"), ((PRE, POST[::-1]), "other names")],
)
def test_what_training_stops_on(validation, message):
    with pytest.raises(DataError, match=message):
        ESTIMATORS["PertVAE"].fit(PRE, POST, validation=validation)


def test_a_predictor_before_its_fit():
    with pytest.raises(NotFittedError):
        MeanShift().predict(PRE)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        *(("latent", (1.5, "a", None, True)), ("hidden", (5, "ab", (1.5,), ("a",)))),
        *(("epochs", (1.5, "a", np.inf)), ("learning_rate", ("a", np.inf, True))),
        *(("random_state", (-1, "a", None)), ("l2", ("a", np.inf)), ("draws", (1.5, "a"))),
    ],
)
def test_settings_of_networks(name, values):
    for value in values:
        with pytest.raises(ParameterError, match=name):
            PertVAE(**{"latent": 3} | SMALL | {name: value}).fit(PRE, POST)


@pytest.mark.parametrize(
    "model",
    [
        *(PCAShift(k) for k in (0, 1.5, "a", None)),
        *(RidgePairs(a) for a in ((), (-1,), (np.nan,), "a", None)),
        *(PLSPairs(k) for k in ((), (0,), (1.5,), "a", 3)),
        *(NearestLines(k) for k in ((), (0,), (-1,), (np.nan,), 3)),
    ],
    ids=repr,
)
def test_settings_of_simple_predictors(model):
    with pytest.raises(DataError, match=r"components|alphas|neighbours"):
        model.fit(PRE, POST)


@pytest.mark.parametrize("codes", [np.full((2, 3), np.nan), np.ones((2, 4)), np.ones(3), None])
def test_codes_to_decode(codes):
    with pytest.raises(DataError, match="codes"):
        PertVAE(3, **SMALL | {"epochs": 1}).fit(PRE, POST).decode(codes)


CODES = np.random.default_rng(0).normal(size=(9, 3))
PAIR = np.ones((2, 3))
STRIPPED = pd.DataFrame({"line": "l", "batch": "p"}, list("abcd"))
WELLS = pd.DataFrame(np.ones((4, 2)), list("abcd"), ["G1", "G2"])
TREATED = np.array([1, 1, 0, 0], bool)
SETTING = {"line_sd": 0.1, "difference_sd": 0.1}


@pytest.mark.parametrize(
    "call",
    [
        lambda: align_effect(np.eye(4), np.ones(3), CODES, CODES),
        lambda: align_effect(np.eye(3), np.ones(3), CODES * 0, CODES),
        lambda: align_effect(np.eye(3) * np.nan, np.ones(3), CODES, CODES),
        lambda: VAE(3, **SMALL).fit(PRE, lines=LINES[::-1]),
        lambda: metrics.spearman_rows(PRE, POST[::-1]),
        lambda: metrics.spearman_rows(PAIR * 1j, PAIR),
        lambda: metrics.spearman_rows(PAIR[:, :0], PAIR[:, :0]),
        *(
            lambda most=most: metrics.change_correlation(PAIR, PAIR, PAIR, most)
            for most in (0, -1, 1.5, True)
        ),
        lambda: metrics.change_correlation(PAIR, PAIR[:1], PAIR),
        lambda: metrics.shared_effect(DATA.subset(np.arange(N) < 1)),
        lambda: DATA.subset((LINES.iloc[0] != LINES)[::-1]),
        lambda: wells.pair_wells(WELLS, STRIPPED, TREATED, TREATED),
        lambda: wells.pair_wells(WELLS, STRIPPED, pd.Series(TREATED, list("dcba")), ~TREATED),
        lambda: wells.pair_wells(WELLS * np.nan, STRIPPED, TREATED, ~TREATED),
        lambda: signatures.carry_over(PRE, POST.set_axis(list("stuvwxyz"))),
        lambda: signatures.carry_over(PRE * np.nan, POST),
        lambda: statistics.bootstrap_mean(CODES[0], 0),
        lambda: statistics.bootstrap_mean(CODES[0], level=95),
        lambda: statistics.bootstrap_mean(CODES[0], seed=-1),
        lambda: statistics.sign_flip_test(np.arange(20.0), None),
        *(lambda p=p: null_test.implied_line_sd(0.1, p, 50) for p in (0.6, 0, np.nan, "a")),
        *(lambda k=k: null_test.NullSetting(**SETTING | k) for k in ({"folds": 1}, {"line_sd": np.nan})),
        lambda: null_test.null_rejections(null_test.NullSetting(**SETTING), (5,), runs=2),
        lambda: null_test.null_rejections(null_test.NullSetting(**SETTING), runs=1.5),
        *(lambda r=r: response.LabelledPairs(DATA, r) for r in (np.ones(2), np.full(N, np.nan), None)),
        lambda: response.LabelledPairs(DATA, pd.Series(1.0, PRE.index[::-1])),
        lambda: latent.ProfileSet(np.ones((2, 3)), np.array(["a"])),
        lambda: latent.ProfileSet(np.full((2, 3), np.nan), np.array(["a", "b"])),
        *(lambda s=s: latent.reconstruct_by_size(latent.ProfileSet.of(DATA), s) for s in ([1.5], 5)),
        lambda: models.pertvae_model({"depth": 3}),
        lambda: models.pertvae_model({"random_state": 3}),
        lambda: models.variant_models({}, ["deeper"]),
        lambda: models.simple_models({"ridge": Ridge()}),
        lambda: plots.latent_arrows(CODES[:, :2] * np.nan, CODES[:, :2], CODES[:, :2], title="t"),
        lambda: plots.latent_arrows(CODES[:, :2], CODES[:, :2], CODES[:, :2], title="t", names=["a"]),
    ],
)
def test_steps(call):
    with pytest.raises(DataError):
        call()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        *(({"n_splits": k}, "n_splits") for k in (1.5, "a", None)),
        *(({"n_repeats": k}, "n_repeats") for k in (1.5, True)),
        *(({"at_most": k}, "at_most") for k in (0, -1, 1.5)),
        *(({"seed": k}, "seed") for k in (-1, "a")),
        *(({"lines": k}, "name in every row") for k in ([np.nan, *LINES[1:]], "abc", np.ones((8, 2)))),
    ],
)
def test_folds(settings, message):
    with pytest.raises(DataError, match=message):
        protocol.line_folds(**{"lines": LINES} | settings)


@pytest.mark.parametrize("drugs", [[], "shift", None, ["shift", "shift"]])
def test_drugs(drugs):
    with pytest.raises(DataError, match="drugs"):
        protocol.cross_validate_drugs(DATA, drugs, [])


KEYS = [(m, str(line), r) for m in ("A", "B") for line in range(3) for r in (0, 1)]
SCORES = pd.DataFrame(KEYS, columns=["model", "line", "repeat"]).assign(
    drug="d", metric="rho", fold="0", value=np.arange(12.0)
)
SCORES["pair"] = SCORES["line"]


@pytest.mark.parametrize(
    "table",
    [
        None,
        SCORES[:0],
        SCORES.drop(columns="repeat"),
        SCORES.assign(value="x"),
        SCORES.assign(value=np.where(SCORES.index == 3, np.nan, SCORES["value"])),
        SCORES.assign(value=np.where(SCORES.index == 3, np.inf, SCORES["value"])),
        SCORES.assign(line=[None, *SCORES["line"][1:]]),
        pd.concat([SCORES, SCORES.assign(value=9.0)]),
    ],
)
def test_tables_of_scores(table):
    for call in (
        lambda: comparison.compare_over_lines(table, "A", ["B"], n_boot=10),
        lambda: comparison.compare_all_drugs(table, "A", ["B"], n_boot=10),
        lambda: comparison.table_1(table, "A", "B"),
        lambda: tables.against_simple(table, "A", ["B"], ["rho"], n_boot=10),
    ):
        with pytest.raises(DataError, match="scores"):
            call()


def test_models_and_metrics_without_scores():
    for call in (
        lambda: comparison.table_1(SCORES, "C", "B"),
        lambda: comparison.table_1(SCORES, "A", "B", "change"),
        lambda: tables.against_simple(SCORES, "A", ["C"], ["rho"]),
        lambda: protocol.line_scores(SCORES, ["change"]),
        lambda: comparison.compare_over_lines(SCORES, "A", []),
    ):
        with pytest.raises(DataError, match="no scores of"):
            call()
    with pytest.raises(DataError, match="no model is named"):
        tables.singleton_curve(SCORES)
