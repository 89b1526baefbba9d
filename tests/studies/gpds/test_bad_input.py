"""Whatever models and steps of the chapter are given, they answer rightly or refuse with DataError."""

from functools import partial

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import clone

from helpers.data.cells_twin import simulate_cells
from helpers.errors import DataError, ParameterError
from helpers.studies.gpds import correlations, dreep, dreep_null, drug_ranking, folds, gene_lists, targets
from helpers.studies.gpds.baselines import (
    PLSCV,
    LineageMean,
    LineageRidge,
    NearestLines,
    PCARidge,
    bulk_baselines,
    on_gene_sets,
)
from helpers.studies.gpds.board import ManyRidge, drug_board
from helpers.studies.gpds.bulk import bulk_metrics, bulk_predictions, ensemble, line_metrics
from helpers.studies.gpds.bulk_sections import auc_like
from helpers.studies.gpds.cell_scores import cell_differences, cell_metrics, spread_of_cells
from helpers.studies.gpds.cells import cell_expression, common_genes, model_inputs, pseudo_bulk
from helpers.studies.gpds.heldout_cells import held_out_cells
from helpers.studies.gpds.list_agreement import list_similarity, mean_agreement, split_half_reliability
from helpers.studies.gpds.model import (
    GRID,
    EqualFrequencyBinner,
    GPDSRegressor,
    MeanVarianceFilter,
    gene_scores,
    gpds_pipeline,
    grid_candidates,
    integrated_gradients,
    saturation,
)
from helpers.studies.gpds.results import central
from helpers.studies.gpds.tasks import Inputs
from helpers.studies.gpds.tuning import count, tuned_setting
from helpers.studies.gpds.variants import deeper_networks

RNG = np.random.default_rng(0)
X = pd.DataFrame(
    np.clip(RNG.normal(5, 2, (30, 6)), 0, None), [f"L{i}" for i in range(30)], [f"G{j}" for j in range(6)]
)
Y = X["G0"] - X["G1"] + RNG.normal(0, 0.1, 30)
SHUFFLED, LINEAGE = Y.sample(frac=1, random_state=0), pd.Series(list("abc") * 10, X.index)
SMALL = GPDSRegressor((4, 2), epochs=1)


@pytest.mark.parametrize(
    "model",
    [
        *(SMALL, PLSCV(2, cv=3), NearestLines(3, cv=3), PCARidge(2), gpds_pipeline(SMALL)),
        *(bulk_baselines()["Ridge"], LineageMean(LINEAGE), LineageRidge(LINEAGE)),
    ],
    ids=lambda model: type(model).__name__,
)
def test_a_response_is_not_joined_by_position(model):
    with pytest.raises(DataError, match="other names, or another order"):
        clone(model).fit(X, SHUFFLED)
    named, plain = (clone(model).fit(X, y).predict(X) for y in (Y, Y.to_numpy()))
    np.testing.assert_array_equal(named, plain)


@pytest.mark.parametrize("model", [LineageMean(LINEAGE), LineageRidge(LINEAGE), bulk_baselines()["Ridge"]])
@pytest.mark.parametrize("y", [Y.where(Y > 0), Y.map(str) + "a", Y.to_numpy()[:-1], Y.to_numpy() + 1j])
def test_a_response_is_a_column_of_finite_numbers(model, y):
    with pytest.raises(DataError):
        clone(model).fit(X, y)


@pytest.mark.parametrize("model", [LineageMean, LineageRidge])
def test_annotations_of_lines(model):
    for lineage in (None, LINEAGE.to_numpy(), LINEAGE.to_dict(), pd.concat([LINEAGE, LINEAGE[:2]])):
        with pytest.raises(DataError, match="the annotation"):
            model(lineage).fit(X, Y)
    with pytest.raises(DataError, match="must be a DataFrame"):
        model(LINEAGE).fit(X.to_numpy(), Y.to_numpy())
    with pytest.raises(DataError, match="must be a DataFrame"):
        model(LINEAGE).fit(X, Y).predict(X["G0"])


@pytest.mark.parametrize("growth", [Y.to_numpy(), Y.set_axis(range(30)), Y * np.nan, Y.map(str) + "a"])
def test_proliferation(growth):
    with pytest.raises(DataError):
        LineageRidge(LINEAGE, growth).fit(X, Y)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        *((PLSCV(n), "max_components must be") for n in (0, 2.5, "a", True)),
        *((PLSCV(cv=n), "cv must be") for n in (1, 2.5, None)),
        (PLSCV(cv=31), "cannot make cv=31"),
        *((PLSCV(random_state=seed), "random_state must be") for seed in (-1, None, True)),
        *((NearestLines(n), "most must be") for n in (0, 2.5, True)),
        (NearestLines(cv=31), "cannot make cv=31"),
        *((PCARidge(n), "n_components must be") for n in (0, "a", True)),
        (PCARidge(random_state=None), "random_state must be"),
        *((LineageMean(LINEAGE, w), "weight must be") for w in (-1, np.nan, "a", True)),
        *((MeanVarianceFilter(cut), "min_mean must be") for cut in (np.nan, "a", None)),
    ],
    ids=str,
)
def test_settings_of_simple_models(model, message):
    with pytest.raises(DataError, match=message):
        model.fit(X, Y)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        *((GPDSRegressor(hidden), "hidden must be") for hidden in (None, 8)),
        *((GPDSRegressor((size,)), r"hidden\[0\] must be a whole") for size in (2.5, "a", True)),
        *((GPDSRegressor(epochs=n), "epochs must be a whole") for n in (2.5, None, True)),
        *((GPDSRegressor(batch_size=n), "batch_size must be a whole") for n in (np.nan, "a")),
        *((GPDSRegressor(lr=rate), "lr must be a number") for rate in (np.inf, "a", True)),
        *((GPDSRegressor(weight_decay=rate), "weight_decay must be") for rate in (np.nan, None)),
        *((GPDSRegressor(random_state=seed), "random_state must be") for seed in (-1, None, 0.5)),
        (GPDSRegressor(scale_target="no"), "scale_target must be"),
        (GPDSRegressor(activation=["tanh"]), "is not one of"),
        *((EqualFrequencyBinner(n), "n_bins must be a whole") for n in (2.5, np.nan, "a")),
    ],
    ids=str,
)
def test_settings_of_the_network(model, message):
    with pytest.raises(ParameterError, match=message):
        model.fit(X, Y)


NETWORK = clone(SMALL).fit(X, Y.to_numpy()).network_
TWO = np.column_stack([Y, np.where(np.arange(30) % 3, Y, np.nan)])
RIDGE = ManyRidge().fit(X.to_numpy(), TWO)


@pytest.mark.parametrize(
    "call",
    [
        lambda: bulk_baselines(gene_filter="no"),
        lambda: bulk_baselines(n_inner=1),
        lambda: bulk_baselines(n_trees=0),
        lambda: bulk_baselines(network="x"),
        lambda: on_gene_sets(["x"]),
        lambda: on_gene_sets(["Ridge"], ["x"]),
        lambda: on_gene_sets("Ridge"),
        lambda: count("x"),
        lambda: deeper_networks((0,)),
        lambda: deeper_networks(network=GPDSRegressor((4,))),
        lambda: gene_scores(NETWORK, X.to_numpy(), "d1"),
        *(
            lambda x=x, f=f: f(NETWORK, x)
            for f in (integrated_gradients, saturation)
            for x in (None, X.to_numpy()[:, :3], X.to_numpy()[0], X.to_numpy() + 1j, sparse.csr_matrix(X))
        ),
        lambda: integrated_gradients(NETWORK, X.to_numpy(), 0),
        lambda: ManyRidge().fit(X.to_numpy() + 1j, TWO),
        lambda: ManyRidge().fit(X, TWO[:-1]),
        lambda: ManyRidge().fit(X, np.where(np.isnan(TWO), np.inf, TWO)),
        lambda: ManyRidge().fit(X, pd.DataFrame(TWO, X.index)[::-1]),
        lambda: ManyRidge([]).fit(X, TWO),
        lambda: ManyRidge([-1.0]).fit(X, TWO),
        lambda: ManyRidge().predict(X),
        lambda: RIDGE.predict(X.where(X > 3)),
        lambda: RIDGE.predict(X.iloc[:, 1:]),
        *(
            lambda x=x, f=f: f(x, TWO)
            for f in (correlations.pearson_scores, correlations.spearman_scores)
            for x in (X.where(X > 3).to_numpy(), X.to_numpy() + 1j, X.to_numpy()[0])
        ),
        lambda: correlations.pearson_scores(X.to_numpy(), TWO[:-1]),
        lambda: correlations.pearson_scores(X.to_numpy(), np.where(TWO > 2, np.inf, TWO)),
        lambda: correlations.partial_scores(X.to_numpy(), TWO, np.full((30, 1), np.nan)),
    ],
)
def test_builders_and_networks(call):
    with pytest.raises(DataError):
        call()


def test_grids():
    for grid in (3, GRID | {"lr": ()}, GRID | {"lr": 0.1}):
        with pytest.raises(ParameterError):
            grid_candidates(grid)
    with pytest.raises(ParameterError, match="must be a GPDSRegressor"):
        gpds_pipeline("x")


PANEL, CELLS, _ = simulate_cells(seed=0, n_lines=40, n_cells=60, n_genes=40, n_cell_lines=8, n_drugs=2)
EXPRESSION, RESPONSE = PANEL.expression, PANEL.response
DRUG = RESPONSE.columns[0]
GENES = list(EXPRESSION.columns[:20])
MODELS = {"Ridge": bulk_baselines()["Ridge"]}
SPLITS = partial(folds.repeated_folds, n_splits=2, n_repeats=1)
TINY = {"h1": (4,), "h2": (2,), "activation": ("tanh",), "lr": (0.01,), "batch_size": (16,), "epochs": (1,)}
SCORE_CELLS = {"drugs": [DRUG], "genes": GENES, "k": 4, "n_folds": 2, "draws": 50}


@pytest.mark.parametrize(
    "call",
    [
        lambda x, y: bulk_predictions(x, y, MODELS, SPLITS),
        lambda x, y: held_out_cells(x, y, CELLS, MODELS, n_folds=2),
        lambda x, y: gene_lists.build_lists(x, y.to_frame() if isinstance(y, pd.Series) else y, ["L1"]),
        lambda x, y: tuned_setting(x, y, TINY, n_inner=2),
        lambda x, y: split_half_reliability(x, y.to_frame() if isinstance(y, pd.Series) else y, 1),
    ],
    ids=["bulk", "cells", "lists", "tuning", "halves"],
)
@pytest.mark.parametrize(
    ("x", "y"),
    [
        (None, RESPONSE[DRUG]),
        (sparse.csr_matrix(EXPRESSION), RESPONSE[DRUG]),
        (EXPRESSION, None),
        (EXPRESSION, RESPONSE[DRUG].to_numpy()),
        (EXPRESSION, RESPONSE[DRUG].map(str) + "a"),
        (EXPRESSION, pd.concat([RESPONSE[DRUG], RESPONSE[DRUG][:2]])),
        (EXPRESSION, RESPONSE[DRUG] + 1j),
    ],
    ids=["none", "sparse", "no response", "array", "text", "response twice", "complex"],
)
def test_tables_of_bulk_lines(call, x, y):
    with pytest.raises(DataError):
        call(x, y)


def test_lines_that_stand_twice():
    twice = pd.concat([EXPRESSION, EXPRESSION[:2]])
    for call in (
        lambda: bulk_predictions(twice, RESPONSE[DRUG], MODELS, SPLITS),
        lambda: tuned_setting(twice, RESPONSE[DRUG], TINY, n_inner=2),
        lambda: split_half_reliability(twice, RESPONSE, 1),
    ):
        with pytest.raises(DataError, match="duplicated row ids"):
            call()


def changed(**entries):
    cells = CELLS.copy()
    cells.obs = cells.obs.assign(**entries)
    return cells


def with_count(value):
    cells = CELLS.copy()
    cells.X = cells.X.toarray()
    cells.X[0, 0] = value
    return cells


INPUTS = cell_expression(CELLS, list(EXPRESSION.columns))
BINNED = bulk_baselines(gene_filter=False)["Ridge on bins"].fit(
    EXPRESSION, RESPONSE[DRUG].fillna(0).to_numpy()
)


@pytest.mark.parametrize(
    "call",
    [
        lambda: cell_expression(EXPRESSION, GENES),
        lambda: cell_expression(CELLS, [GENES[0], GENES[0]]),
        lambda: cell_expression(CELLS, None),
        *(lambda value=value: cell_expression(with_count(value), GENES) for value in (np.nan, np.inf, -1)),
        lambda: cell_expression(CELLS[:0].copy(), GENES),
        lambda: pseudo_bulk(CELLS, GENES, "x"),
        lambda: pseudo_bulk(changed(model_id=""), GENES),
        lambda: pseudo_bulk(changed(model_id=np.nan), GENES),
        lambda: common_genes(None, CELLS),
        lambda: common_genes(EXPRESSION, EXPRESSION),
        lambda: model_inputs(BINNED, INPUTS.iloc[:, 1:], scale="none"),
        lambda: model_inputs(BINNED, INPUTS.iloc[:, 1:], scale="cells"),
        lambda: model_inputs(SMALL, INPUTS),
        lambda: held_out_cells(EXPRESSION, RESPONSE[DRUG], CELLS, MODELS, n_folds=1),
        lambda: held_out_cells(EXPRESSION, RESPONSE[DRUG], CELLS, MODELS, n_folds=2, treatments=[]),
        lambda: held_out_cells(EXPRESSION, RESPONSE[DRUG], CELLS, {}, n_folds=2),
        lambda: drug_ranking.dreep_run(
            EXPRESSION, RESPONSE, CELLS, ["L1"], **SCORE_CELLS | {"genes": [*GENES, "x"]}
        ),
        lambda: drug_ranking.dreep_run(EXPRESSION, RESPONSE, CELLS, [], **SCORE_CELLS),
        lambda: drug_ranking.dreep_run(EXPRESSION, RESPONSE, CELLS, ["L1"], **SCORE_CELLS | {"draws": 0}),
        lambda: drug_ranking.dreep_run(EXPRESSION, RESPONSE, EXPRESSION, ["L1"], **SCORE_CELLS),
    ],
)
def test_cells(call):
    with pytest.raises(DataError):
        call()


def test_genes_of_cells_are_taken_by_name():
    pd.testing.assert_frame_equal(model_inputs(BINNED, INPUTS.iloc[:, ::-1]), model_inputs(BINNED, INPUTS))


@pytest.mark.parametrize(
    "call",
    [
        *(lambda n=n: folds.study_splits(20, n) for n in (0, -1, 0.5)),
        *(lambda share=share: folds.study_splits(20, 1, share) for share in (0, 1, 2.0, np.nan, "a", None)),
        *(lambda seed=seed: folds.repeated_folds(20, 2, 1, seed) for seed in (-1, None, "a")),
        *(lambda n=n: folds.repeated_folds(20, n) for n in (1, 0, 2.5, "a")),
        *(lambda size=size: folds.smaller_training(20, size, 2) for size in (0, -1, 0.5)),
        *(lambda n=n: folds.inner_folds(SPLITS(20)[0], n, 0) for n in (1, 11, "a")),
        *(lambda n=n: folds.with_inits(SPLITS(20), n, 0) for n in (0, -1)),
        lambda: bulk_predictions(EXPRESSION, RESPONSE[DRUG], {}, SPLITS),
        lambda: bulk_predictions(EXPRESSION, RESPONSE[DRUG], {"a": "x"}, SPLITS),
        lambda: drug_board(EXPRESSION, RESPONSE, None, min_lines=10),
        lambda: drug_board(EXPRESSION, RESPONSE, PANEL.lines["lineage"], min_lines=99),
        lambda: drug_board(EXPRESSION, RESPONSE, PANEL.lines["lineage"], min_lines=10, n_drugs=-1),
        lambda: drug_board(EXPRESSION, RESPONSE, PANEL.lines["lineage"], min_lines=10, genes="x"),
        lambda: tuned_setting(EXPRESSION, RESPONSE, TINY),
        lambda: tuned_setting(
            EXPRESSION,
            RESPONSE[DRUG],
            TINY | {"lr": (1e18,), "activation": ("relu",), "epochs": (3,)},
            n_inner=2,
        ),
        *(lambda v=v: auc_like(RESPONSE[DRUG], v) for v in (0, -1, np.nan, "a")),
        lambda: auc_like(RESPONSE[DRUG].to_numpy(), 1.0),
        *(lambda level=level: central([1.0, 2.0], level) for level in (95, 0, np.nan)),
        *(
            lambda wrong=wrong: Inputs(**{**dict.fromkeys(["task", "panel", "cells"]), **wrong})
            for wrong in ({"more_cells": None, "screen": None},)
        ),
    ],
)
def test_folds_and_sections(call):
    with pytest.raises(DataError):
        call()


KEYS = {"drug": "d", "model": "m", "source": "cells", "bins": "", "scale": ""}
LINES = pd.DataFrame({"line": list("abc"), "median": [1.0, 2, 3], "sd": 0.1}).assign(
    **KEYS, measured=[1.0, 2, 4], training_mean=2.0
)
ROWS = pd.DataFrame({"line": list("abc"), "measured": [1.0, 2, 4], "predicted": [1.0, 2, 3]}).assign(
    drug="d", seed=0, fold="0", model="m", init=0, training_mean=2.0
)


@pytest.mark.parametrize(
    "call",
    [
        lambda: bulk_metrics(None),
        lambda: bulk_metrics(ROWS[:0]),
        lambda: bulk_metrics(ROWS.drop(columns="predicted")),
        lambda: bulk_metrics(ROWS.assign(measured=np.nan)),
        lambda: bulk_metrics(pd.concat([ROWS, ROWS])),
        lambda: ensemble(ROWS, "x", "mean"),
        lambda: line_metrics(Y, SHUFFLED),
        lambda: line_metrics(Y[:3], Y[:2]),
        lambda: line_metrics(Y.where(Y > 0), Y),
        *(
            lambda table=table, call=call: call(table)
            for call in (cell_metrics, lambda table: cell_differences(table, KEYS, KEYS), spread_of_cells)
            for table in (None, LINES.drop(columns="measured"))
        ),
        lambda: cell_metrics(LINES.assign(measured=np.nan)),
        lambda: cell_metrics(pd.concat([LINES, LINES])),
        *(lambda n=n: cell_metrics(LINES, n) for n in (0, -1, 0.5)),
        *(lambda level=level: cell_metrics(LINES, 5, level=level) for level in (95, 0, "a")),
        lambda: cell_differences(LINES, {"x": 1}, KEYS),
    ],
)
def test_scores_of_lines(call):
    with pytest.raises(DataError):
        call()


COUNTS = RNG.poisson(2, (8, 12)).astype(float)
NAMES, SYMBOLS = [f"c{i}" for i in range(8)], [f"g{i:02d}" for i in range(12)]
SETS = dreep.marker_sets(dreep.cell_weights(COUNTS), NAMES, SYMBOLS, 3)
LIST = pd.DataFrame(RNG.normal(size=(12, 2)), SYMBOLS, ["d1", "d2"])
SCORES = dreep.dreep_score(SETS, LIST, null=dreep.null_table(3, 12, 50))
PROFILES = pd.DataFrame(RNG.normal(5, 1, (20, 12)), [f"L{i}" for i in range(20)], SYMBOLS)
MEASURED = pd.Series(RNG.normal(size=20), PROFILES.index)


@pytest.mark.parametrize(
    "call",
    [
        *(lambda counts=counts: dreep.cell_weights(counts) for counts in (None, COUNTS + 1j, COUNTS[0])),
        lambda: dreep.gf_icf(COUNTS, min_share=2),
        lambda: dreep.gf_icf(COUNTS, keep_mean=np.nan),
        lambda: dreep.marker_sets(pd.DataFrame(COUNTS, NAMES, SYMBOLS[::-1]), NAMES, SYMBOLS, 3),
        lambda: dreep.marker_sets(np.where(COUNTS > 3, np.nan, COUNTS), NAMES, SYMBOLS, 3),
        *(lambda k=k: dreep.marker_sets(COUNTS, NAMES, SYMBOLS, k) for k in (2.5, None, True)),
        *(lambda keep=keep: SETS.subset(keep) for keep in (np.arange(8), np.ones(3, bool), np.full(8, "a"))),
        lambda: SETS.subset(pd.Series(np.arange(8) % 2 == 0, NAMES[::-1])),
        *(lambda n=n: dreep.null_table(3, 12, n) for n in (0, -1, 0.5)),
        lambda: dreep.null_table(3, 12, 5, None),
        lambda: dreep.enrichment_scores(np.array([[0, 12]]), np.arange(12.0)),
        lambda: dreep.enrichment_scores(np.array([[0.0, 1.0]]), np.arange(12.0)),
        lambda: dreep.enrichment_scores(np.array([[0, 1]]), np.arange(12) + 1j),
        lambda: dreep.p_values(np.array([0.1]), np.array([0.5, -0.5])),
        lambda: dreep.p_values(np.array([0.1]), np.array([])),
        lambda: dreep.dreep_score(SETS, pd.concat([LIST, LIST[["d1"]]], axis=1)),
        lambda: dreep.dreep_score(SETS, None),
        *(lambda level=level: SCORES.calls(level) for level in (0, 10, np.nan, None)),
        lambda: SCORES.by_line(pd.Series(list("aabbccdd"), NAMES[::-1])),
        lambda: SCORES.by_line(list("ab")),
        lambda: dreep_null.permuted_response_scores(SETS, PROFILES.where(PROFILES > 4), MEASURED, 2),
        lambda: dreep_null.permuted_response_scores(SETS, PROFILES, MEASURED * np.nan, 2),
        lambda: dreep_null.permuted_response_scores(SETS, PROFILES, MEASURED, 0),
        lambda: dreep_null.permuted_endpoints(
            SETS, np.full(8, "zz"), PROFILES, MEASURED.to_frame("d"), ["d"], n_permutations=2, draws=50
        ),
        lambda: list_similarity({"a": LIST, "b": LIST.rename(index={"g00": "zz"})}, 3),
        lambda: list_similarity({"a": LIST, "b": LIST.where(LIST > 0)}, 3),
        *(lambda tail=tail: list_similarity({"a": LIST, "b": LIST}, tail) for tail in (0, -1, 99, "a")),
        lambda: mean_agreement(np.full((2, 4), np.nan)),
        *(
            lambda values=values: drug_ranking.sign_flip_p(values)
            for values in ([np.nan, 1], [np.inf], ["a"])
        ),
        lambda: drug_ranking.sign_flip_p(np.arange(20.0), 0),
        lambda: targets.known_targets({"d1": "g00"}, SYMBOLS, LIST, 1),
        lambda: targets.known_targets(pd.Series({"d1": "g00"}), SYMBOLS, LIST, np.nan),
        lambda: targets.target_places({"L1": LIST}, [("d1", "zz")]),
        lambda: targets.target_places({"L1": LIST.where(LIST > 0)}, [("d1", "g00")]),
        lambda: targets.target_recovery(targets.target_places({"L1": LIST}, [("d1", "g00")]), ["zz"], ["L1"]),
    ],
)
def test_ranked_lists(call):
    with pytest.raises(DataError):
        call()


def test_lists_in_another_order_are_compared_by_name():
    found = list_similarity({"a": LIST, "b": LIST[::-1]}, 3)
    np.testing.assert_allclose(found["spearman"], 1)


BY_LINE = pd.DataFrame(
    [
        {"list": n, "drug": DRUG, "line": line, "es": RNG.normal()}
        for n in ("A", "B")
        for line in RESPONSE.index
    ]
)


@pytest.mark.parametrize(
    "call",
    [
        drug_ranking.endpoints,
        lambda lines, response: drug_ranking.mean_spearman(lines, response, 5),
        lambda lines, response: drug_ranking.list_gains(lines, response, [("A", "B")], 5),
        lambda lines, response: drug_ranking.drug_gains(lines, response, "A", "B"),
        lambda lines, response: drug_ranking.pooled_auroc(lines, response, 5),
    ],
    ids=["endpoints", "spearman", "gains", "drugs", "pooled"],
)
@pytest.mark.parametrize(
    ("lines", "response"),
    [
        (None, RESPONSE),
        (BY_LINE.drop(columns="es"), RESPONSE),
        (BY_LINE.assign(es="a"), RESPONSE),
        (pd.concat([BY_LINE, BY_LINE.assign(es=9.0)]), RESPONSE),
        (BY_LINE.assign(drug="x"), RESPONSE),
        (BY_LINE, None),
        (BY_LINE, pd.concat([RESPONSE, RESPONSE[:2]])),
        (BY_LINE, RESPONSE.where(RESPONSE > 0, np.inf)),
    ],
    ids=["none", "without", "text", "twice", "drug", "no response", "lines twice", "infinite"],
)
def test_scores_along_lists(call, lines, response):
    with pytest.raises(DataError):
        call(lines, response)


@pytest.mark.parametrize(
    "options",
    [
        {"which": []},
        {"drugs": []},
        {"which": ["L7"], "n_seeds": "a"},
        {"which": ["C1"], "seed": None},
        {"which": ["L6"], "n_inner": 41},
        {"which": ["L10"], "lineage": PANEL.lines["lineage"].to_numpy()},
        {"which": ["L10"], "lineage": PANEL.lines["lineage"].set_axis(range(40))},
        {"which": ["L10"], "lineage": PANEL.lines["lineage"], "proliferation": RESPONSE[DRUG] * np.nan},
    ],
)
def test_options_of_lists(options):
    with pytest.raises((DataError, ParameterError)):
        gene_lists.build_lists(**{"expression": EXPRESSION, "response": RESPONSE, "drugs": [DRUG]} | options)


def test_sets_of_lines():
    for trainings in ([], None, [pd.Index(["zz"])]):
        with pytest.raises(DataError, match="gene lists"):
            gene_lists.fold_lists(EXPRESSION, RESPONSE, trainings, ["L1"])
    with pytest.raises(DataError, match="duplicated"):
        gene_lists.proliferation_score(pd.concat([EXPRESSION, EXPRESSION]).rename(columns={GENES[0]: "PCNA"}))
