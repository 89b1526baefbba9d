from functools import partial

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from statsmodels.stats.multitest import multipletests

from helpers.data.cells_twin import simulate_cells
from helpers.errors import DataError, ParameterError
from helpers.evaluation.comparison import compare_folds
from helpers.evaluation.multiple_testing import holm
from helpers.studies.gpds.baselines import bulk_baselines
from helpers.studies.gpds.bulk import (
    bulk_metrics,
    bulk_predictions,
    ensemble,
    line_metrics,
)
from helpers.studies.gpds.cell_scores import cell_differences, cell_metrics, name_ways, spread_of_cells
from helpers.studies.gpds.cells import (
    cell_expression,
    common_genes,
    model_inputs,
    pseudo_bulk,
)
from helpers.studies.gpds.correlations import masked_spearman
from helpers.studies.gpds.drug_ranking import (
    dreep_run,
    drug_gains,
    endpoints,
    holm_results,
    list_gains,
    mean_spearman,
    pooled_auroc,
    sign_flip_p,
)
from helpers.studies.gpds.folds import repeated_folds, study_splits
from helpers.studies.gpds.heldout_cells import held_out_cells
from helpers.studies.gpds.hypotheses import cell_hypotheses
from helpers.studies.gpds.model import EqualFrequencyBinner, GPDSRegressor, MeanVarianceFilter, gpds_pipeline
from helpers.studies.gpds.tuning import grid_search
from helpers.studies.gpds.variants import sensitivity_models

PANEL, CELLS, TRUTH = simulate_cells(seed=0, n_lines=90, n_cells=160, n_genes=200)
DRUG = PANEL.response.columns[0]
NETWORK = GPDSRegressor(hidden=(8, 4), epochs=10)
SIMPLE = {name: m for name, m in bulk_baselines(n_inner=3).items() if name in ("training mean", "Ridge")}
GENES = common_genes(PANEL.expression, CELLS)
LIST_GENES = [g for g in MeanVarianceFilter().fit(PANEL.expression).get_feature_names_out() if g in GENES]


NETWORKS = {
    "network": gpds_pipeline(NETWORK),
    "no scaling": gpds_pipeline(NETWORK, scale=False),
    "Permuted target": bulk_baselines(network=NETWORK)["Permuted target"],
}


@pytest.fixture(scope="module")
def predictions():
    models = NETWORKS | SIMPLE
    folds = partial(repeated_folds, n_splits=3, n_repeats=2)
    return bulk_predictions(PANEL.expression, PANEL.response[DRUG], models, folds, n_inits=2)


def test_splits_are_disjoint_and_complete():
    for fold in [*study_splits(100, 3), *repeated_folds(100, 5, 2)]:
        assert sorted([*fold.train, *fold.test]) == list(range(100))
    assert len(study_splits(100, 1)[0].test) == 5
    assert sorted(np.concatenate([f.test for f in repeated_folds(100, 5, 1)])) == list(range(100))


@pytest.mark.parametrize("name", NETWORKS)
def test_network_in_the_batch_is_the_network_alone(predictions, name):
    y = PANEL.response[DRUG].dropna()
    fold = repeated_folds(len(y), 3, 2)[5]
    x = PANEL.expression.loc[y.index]
    model = clone(NETWORKS[name]).set_params(network__random_state=1)
    alone = model.fit(x.iloc[fold.train], y.to_numpy()[fold.train]).predict(x.iloc[fold.test])
    part = predictions.query("model == @name and seed == 1 and fold == '2' and init == 1")
    assert part["line"].tolist() == x.index[fold.test].tolist()
    assert part["predicted"].to_numpy() == pytest.approx(alone, abs=1e-4)
    assert part["measured"].to_numpy() == pytest.approx(y.to_numpy()[fold.test])


def test_mean_predictor_is_never_better_than_the_mean(predictions):
    metrics = bulk_metrics(predictions)
    assert (metrics.query("model == 'training mean' and metric == 'R2'")["value"] <= 0).all()
    assert metrics.query("model == 'training mean' and metric == 'Spearman'")["value"].isna().all()
    ridge, mean = (
        metrics.query(f"model == '{m}' and metric == 'MSE'")["value"] for m in ("Ridge", "training mean")
    )
    assert ridge.mean() < 0.7 * mean.mean()
    table = compare_folds(metrics.query("metric == 'MSE/Var'"), "network", 0.5)
    assert table["n"].tolist() == [6] * (len(NETWORKS) + len(SIMPLE) - 1)


def test_line_metrics_by_hand_and_of_a_diverged_network():
    y, p = np.array([1.0, 2, 4]), np.array([1.5, 2, 3])
    found = line_metrics(y, p)
    assert found["MSE"] == pytest.approx(1.25 / 3)
    assert found["R2"] == pytest.approx(1 - 1.25 / ((y - y.mean()) ** 2).sum())
    assert found["MSE/Var"] + found["R2"] == pytest.approx(1)
    assert (found["Pearson"], found["Spearman"]) == (pytest.approx(np.corrcoef(y, p)[0, 1]), 1)
    assert found["slope"] == pytest.approx(np.polyfit(y, p, 1)[0])
    assert line_metrics(y, p * np.nan)["MSE"] == np.inf


def test_ensemble_averages_the_networks(predictions):
    mean = ensemble(predictions, "network", "ensemble")
    part = predictions.query("model == 'network'").groupby(["seed", "fold", "line"])["predicted"].mean()
    found = mean.set_index(["seed", "fold", "line"])["predicted"]
    assert found.sort_index().to_numpy() == pytest.approx(part.sort_index().to_numpy())
    assert set(bulk_metrics(mean)["model"]) == {"ensemble"}


def test_many_drugs_and_missing_values():
    drugs = PANEL.response.columns[:2]
    found = bulk_predictions(
        PANEL.expression, PANEL.response[drugs], SIMPLE, partial(repeated_folds, n_repeats=1)
    )
    for drug in drugs:
        tested = found.query("model == 'Ridge' and drug == @drug")["line"]
        assert sorted(tested) == sorted(PANEL.response[drug].dropna().index)


def test_sensitivity_models_run():
    one = partial(study_splits, n_repeats=1)
    found = bulk_predictions(PANEL.expression, PANEL.response[DRUG], sensitivity_models(NETWORK), one)
    assert found.groupby("model")["predicted"].std().gt(0).all()
    assert found["model"].nunique() == 10


def test_grid_search_chooses_the_best_and_marks_divergence():
    grid = {"h1": (8,), "h2": (4,), "activation": ("relu",), "lr": (0.01, 1e18), "batch_size": (16,)}
    result = grid_search(
        PANEL.expression,
        PANEL.response[DRUG],
        partial(study_splits, n_repeats=2),
        grid | {"epochs": (2, 10)},
        n_inner=3,
    )
    assert len(result.trials) == 8
    assert result.trials["diverged"].equals(result.trials["lr"] > 1)
    assert np.isinf(result.trials.loc[result.trials["diverged"], "inner_mse"]).all()
    for (_, fold), trials in result.trials.groupby(["seed", "fold"]):
        chosen = result.chosen[(result.chosen["seed"] == trials["seed"].iloc[0])].set_index("selection")
        assert chosen.loc["best on test (optimistic)", "test_mse"] == trials["test_mse"].min()
        best = trials.loc[trials["inner_mse"].idxmin()]
        assert chosen.loc["inner folds", ["candidate", "test_mse"]].tolist() == [
            best.candidate,
            best.test_mse,
        ]
        assert chosen.loc["mean", "test_r2"] <= 0
        assert fold == "0"


def test_cell_units_by_hand():
    counts = CELLS[:, GENES].X.toarray()
    cpm = counts / np.asarray(CELLS.X.sum(axis=1)).reshape(-1, 1) * 1e6
    assert cell_expression(CELLS, GENES).to_numpy() == pytest.approx(np.log2(1 + cpm / 10), rel=1e-4)
    line = CELLS.obs["model_id"].to_numpy(str)
    profile = pseudo_bulk(CELLS, GENES)
    assert profile.loc[line[0]].to_numpy() == pytest.approx(
        np.log2(1 + cpm[line == line[0]].mean(axis=0)), rel=1e-4
    )


def test_inputs_of_cells_by_hand():
    y = PANEL.response[DRUG].dropna()
    train = PANEL.expression.loc[y.index, GENES]
    model = gpds_pipeline(NETWORK).fit(train, y)
    table = cell_expression(CELLS, GENES)
    kept = train.columns[model["filter"].support_]
    scaler = model["scale"]

    def scaled(binned):
        return (np.asarray(binned) - scaler.mean_) / scaler.scale_

    own = EqualFrequencyBinner().fit_transform(table[kept])
    assert model_inputs(model, table).to_numpy() == pytest.approx(scaled(own), abs=1e-5)
    bulk = model["bins"].transform(table[kept])
    found = model_inputs(model, table, bins="bulk-edges")
    assert found.to_numpy() == pytest.approx(scaled(bulk), abs=1e-5)
    assert np.array_equal(model_inputs(model, table, scale="none"), own)
    by_cells = model_inputs(model, table, scale="cells")
    assert by_cells.to_numpy().mean(axis=0) == pytest.approx(0, abs=1e-5)
    # The lines themselves, binned by the training lines, are what the model was trained on.
    again = model["network"].predict(model_inputs(model, train, bins="bulk-edges"))
    assert again == pytest.approx(model.predict(train), abs=1e-5)


@pytest.fixture(scope="module")
def held_out():
    models = {"network": gpds_pipeline(NETWORK), "Ridge": SIMPLE["Ridge"]}
    return held_out_cells(PANEL.expression, PANEL.response[DRUG], CELLS, models, n_folds=4, n_inits=2)


def test_held_out_cells_cover_every_line_once(held_out):
    y = PANEL.response[DRUG].dropna()
    with_cells = sorted(set(CELLS.obs["model_id"]) & set(y.index))
    for _, part in held_out.lines.groupby(["model", "source", "bins", "scale"]):
        assert sorted(part["line"]) == with_cells
        assert part.set_index("line")["measured"].sort_index().tolist() == y[with_cells].tolist()
    cells = held_out.cells.query("model == 'network' and bins == 'cells-own' and scale == 'bulk'")
    assert sorted(cells["cell"]) == sorted(CELLS.obs_names[CELLS.obs["model_id"].isin(with_cells)])
    lines = held_out.lines.query(
        "model == 'network' and source == 'cells' and bins == 'cells-own' and scale == 'bulk'"
    ).set_index("line")
    medians = cells.groupby("line")["predicted"].median()
    assert lines["median"].sort_index().to_numpy() == pytest.approx(medians.sort_index().to_numpy())


def test_response_of_a_held_out_line_does_not_leak(held_out):
    """Other responses of a fold's own lines leave their predictions as they are."""
    lines = held_out.lines
    own = lines.loc[lines["fold"] == "0", "line"].unique()
    changed = PANEL.response[DRUG].copy()
    changed[own] += 100
    again = held_out_cells(
        PANEL.expression,
        changed,
        CELLS,
        {"Ridge": SIMPLE["Ridge"]},
        n_folds=4,
        treatments=[("cells-own", "bulk")],
    ).lines
    keep = "model == 'Ridge' and bins in ('', 'cells-own') and scale in ('', 'bulk')"
    tables = [t[t["line"].isin(own)].query(keep) for t in (lines, again)]
    first, second = (t.sort_values(["source", "line"]) for t in tables)
    assert first["median"].tolist() == second["median"].tolist()
    assert (second["measured"].to_numpy() - first["measured"].to_numpy() == 100).all()


def test_cell_metrics_by_hand_and_paired_differences(held_out):
    key = {"model": "Ridge", "source": "cells", "bins": "cells-own", "scale": "bulk"}
    lines = held_out.lines
    part = lines[(lines[list(key)] == pd.Series(key)).all(axis=1)]
    table = cell_metrics(lines, 200)
    found = table[(table[list(key)] == pd.Series(key)).all(axis=1)].set_index("metric")
    expected = line_metrics(part["measured"].to_numpy(), part["median"].to_numpy())
    for metric in ("R2", "Spearman"):
        assert found.loc[metric, "value"] == pytest.approx(expected[metric])
        assert found.loc[metric, "low"] <= found.loc[metric, "value"] <= found.loc[metric, "high"]
    constant = ((part["training_mean"] - part["measured"]) ** 2).mean()
    assert found.loc["MSE/constant", "value"] == pytest.approx(expected["MSE"] / constant)
    within = part["sd"].median() / part["measured"].std(ddof=0)
    assert found.loc["spread within lines", "value"] == pytest.approx(within)
    same = cell_differences(lines, key, key, 50)
    assert (same["difference"] == 0).all() and (same["high"] == 0).all()
    bulk = cell_differences(lines, {"model": "Ridge", "source": "bulk"}, key, 50).set_index("metric")
    other = table.query("model == 'Ridge' and source == 'bulk' and metric == 'R2'")["value"].iloc[0]
    assert bulk.loc["R2", "difference"] == pytest.approx(other - found.loc["R2", "value"])


@pytest.mark.parametrize(("between", "within"), [(2.0, 0.5), (0.0, 1.0)])
def test_spread_of_cells_recovers_planted_components(between, within):
    rng = np.random.default_rng(1)
    line = np.repeat(np.arange(200), 15)
    predicted = rng.normal(0, between, 200)[line] + rng.normal(0, within, len(line))
    keys = {"drug": "d", "model": "m", "source": "cells", "bins": "", "scale": ""}
    cells = pd.DataFrame({"line": line, "predicted": predicted, "measured": line / 10.0}).assign(**keys)
    found = spread_of_cells(cells).iloc[0]
    assert found["sd_between"] == pytest.approx(between, abs=0.25)
    assert found["sd_within"] == pytest.approx(within, abs=0.05)
    assert found["share_between"] == pytest.approx(between**2 / (between**2 + within**2), abs=0.05)


def test_hypotheses_say_what_the_network_answers():
    y = PANEL.response[DRUG].dropna()
    train, held = y.index[15:], y.index[:15]
    x = PANEL.expression[GENES]
    model = gpds_pipeline(NETWORK).fit(x.loc[train], y[train])
    table = cell_hypotheses(
        model, cell_expression(CELLS, GENES), x.loc[train], x.loc[held], y[train]
    ).set_index("condition")
    assert table.loc["measured, training lines", "median"] == y[train].median()
    lowest = np.full((1, x.shape[1]), 0.0)
    expected = model.predict(pd.DataFrame(lowest, columns=x.columns))[0]
    assert table.loc["every gene in its lowest bin", "median"] == pytest.approx(expected, abs=1e-5)
    bulk = model.predict(x.loc[held])
    assert table.loc["bulk profiles of held-out lines", "sd"] == pytest.approx(bulk.std(), abs=1e-5)
    assert table.loc["cells binned, not scaled", "out_of_range"] > 0.5
    assert table.loc["every gene in its lowest bin", "lowest"] == 1


@pytest.fixture(scope="module")
def run():
    return dreep_run(
        PANEL.expression,
        PANEL.response,
        CELLS,
        ["L1", "L3", "L7", "C1", "C2"],
        genes=LIST_GENES,
        k=8,
        n_folds=4,
        n_seeds=2,
        network=NETWORK,
        draws=5000,
    )


def test_no_scored_line_builds_its_list(run):
    assert sorted(run.folds.unique()) == list("0123")
    for line, fold in run.folds.items():
        assert line not in run.training[fold]
    assert set(run.lines["line"]) == set(run.folds.index)
    assert run.genes.tolist() == LIST_GENES


def test_response_of_scored_lines_does_not_leak(run):
    own = run.folds.index[run.folds == "0"]
    changed = PANEL.response.copy()
    changed.loc[own] = changed.loc[own] * -5 + 3
    again = dreep_run(
        PANEL.expression, changed, CELLS, ["L1", "L3"], genes=LIST_GENES, k=8, n_folds=4, draws=5000
    )
    keys = ["list", "drug", "line"]
    first, second = (t[t["line"].isin(own)].set_index(keys)["es"] for t in (run.lines, again.lines))
    assert len(second) > 0
    assert first.loc[["L1", "L3"]].sort_index().equals(second.sort_index())


def test_planted_drugs_are_found_and_controls_are_not(run):
    means = mean_spearman(run.lines, PANEL.response, 200).set_index("list")
    assert means.loc["L1", "low"] > 0.2 and means.loc["L3", "low"] > 0.2
    assert abs(means.loc["C1", "value"]) < 0.2
    table = endpoints(run.lines, PANEL.response)
    part = table.query("list == 'L1' and drug == @DRUG").set_index("endpoint")["value"]
    es = run.lines.query("list == 'L1' and drug == @DRUG").set_index("line")["es"]
    both = pd.DataFrame({"es": es, "y": PANEL.response[DRUG]}).dropna()
    assert part["Spearman"] == pytest.approx(stats.spearmanr(both["es"], both["y"]).statistic)
    assert part["AUROC of thirds"] > 0.6
    assert pooled_auroc(run.lines, PANEL.response, 100)["L1"].low > 0.5


def test_permuted_responses_leave_no_agreement(run):
    """Lines get the response of another line: the endpoint is zero on average over drugs."""
    rng = np.random.default_rng(0)
    found = []
    for _ in range(8):
        order = rng.permutation(len(PANEL.response))
        other = PANEL.response.iloc[order].set_axis(PANEL.response.index)
        again = dreep_run(
            PANEL.expression, other, CELLS, ["L1"], genes=LIST_GENES, k=8, n_folds=4, draws=1000
        )
        found.append(mean_spearman(again.lines, other, 10)["value"].iloc[0])
    assert abs(np.mean(found)) < 0.15


def test_lists_built_with_the_scored_lines_are_marked():
    both = dreep_run(
        PANEL.expression, PANEL.response, CELLS, ["L1"], genes=LIST_GENES, k=8, leave_out=False, draws=1000
    )
    assert both.folds.unique().tolist() == [""]
    assert set(both.folds.index) <= set(both.training[""])


def test_gains_by_hand(run):
    gains = list_gains(run.lines, PANEL.response, [("L3", "C1"), ("L7", "L1"), ("L1", "L1")], 200)
    each = drug_gains(run.lines, PANEL.response, "L3", "C1")
    assert gains.loc[0, "difference"] == pytest.approx(each["gain"].mean())
    assert gains.loc[0, "low"] > 0 and gains.loc[0, "p_holm"] >= gains.loc[0, "p"]
    assert gains.loc[2, ["difference", "low", "high"]].tolist() == [0, 0, 0]
    means = mean_spearman(run.lines, PANEL.response, 10).set_index("list")["value"]
    assert gains.loc[1, "difference"] == pytest.approx(means["L7"] - means["L1"])


def test_sign_flips_and_holm_same_as_oracles():
    rng = np.random.default_rng(0)
    x = rng.normal(0.4, 1, 10)
    exact = stats.permutation_test((x,), np.mean, permutation_type="samples", n_resamples=np.inf).pvalue
    assert sign_flip_p(x) == pytest.approx(exact)
    many = rng.normal(0.3, 1, 40)
    assert sign_flip_p(many) == pytest.approx(stats.ttest_1samp(many, 0).pvalue, abs=0.02)
    p = np.array([0.01, 0.2, 0.03, 0.5])
    assert holm(p) == pytest.approx(multipletests(p, method="holm")[1])
    assert np.isnan(sign_flip_p([])) and np.isnan(holm([np.nan, 0.1])[0])


def test_masked_spearman_same_as_scipy():
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 6, (20, 5)).astype(float), rng.normal(size=(20, 5))
    a[rng.random(a.shape) < 0.2] = np.nan
    b[:, 4] = 1.0
    found = masked_spearman(a, b)
    for j in range(4):
        assert found[j] == pytest.approx(stats.spearmanr(a[:, j], b[:, j], nan_policy="omit").statistic)
    assert np.isnan(found[4])


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: common_genes(PANEL.expression.add_prefix("x"), CELLS), DataError, "share no gene"),
        (lambda: cell_expression(CELLS, ["none"]), DataError, "the cells lack 1 of 1 genes"),
        (lambda: cell_expression(CELLS, GENES, "TPM"), ParameterError, "units='TPM'"),
        (
            lambda: model_inputs(make_pipeline(EqualFrequencyBinner()), PANEL.expression, bins="x"),
            ParameterError,
            "bins='x' is not one of",
        ),
        (
            lambda: held_out_cells(
                PANEL.expression, PANEL.response[DRUG], CELLS, {"Ridge": SIMPLE["Ridge"]}, n_folds=80
            ),
            DataError,
            "80 folds need as many",
        ),
        (
            lambda: held_out_cells(PANEL.expression, PANEL.response[DRUG], CELLS, SIMPLE),
            ParameterError,
            r"\['training mean'\] look at lines, not genes",
        ),
        (
            lambda: dreep_run(PANEL.expression[40:], PANEL.response, CELLS, ["L1"], genes=LIST_GENES, k=8),
            DataError,
            "0 lines have cells",
        ),
        (
            lambda: bulk_predictions(PANEL.expression[:5], PANEL.response[DRUG], SIMPLE),
            DataError,
            "at least 10 are needed",
        ),
        (lambda: repeated_folds(3, 5), DataError, "3 lines cannot make 5 folds"),
        (
            lambda: grid_search(PANEL.expression, PANEL.response.iloc[:, :2], study_splits),
            DataError,
            "the response to one drug",
        ),
    ],
)
def test_bad_input_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_z_scores_are_not_taken_for_counts(held_out):
    scaled = CELLS.copy()
    scaled.uns["units"] = "z-scores"
    with pytest.raises(DataError, match="these cells hold z-scores"):
        cell_expression(scaled, GENES)
    key = {"model": "Ridge"}
    with pytest.raises(DataError, match="expected one a line"):
        cell_differences(held_out.lines, key, key)


def test_ways_are_picked_and_named():
    rows = [
        (model, *way, metric, value)
        for model in ("network", "Ridge")
        for way in (("bulk", "", ""), ("cells", "cells-own", "bulk"), ("cells", "per-cell", "bulk"))
        for metric, value in (("R2", -0.5), ("spread within lines", np.nan))
    ]
    table = pd.DataFrame(rows, columns=["model", "source", "bins", "scale", "metric", "value"])
    found = name_ways(table, {"cells": ("cells", "cells-own", "bulk"), "bulk": ("bulk", "", "")})
    # Undefined values are left out.
    assert found[["way", "model", "metric"]].to_numpy().tolist() == [
        [way, model, "R2"] for way in ("cells", "bulk") for model in ("network", "Ridge")
    ]


def test_what_is_recorded_of_gains_is_the_adjusted_p():
    gains = pd.DataFrame({"difference": [-0.1], "p": [0.01], "p_holm": [0.03]})
    assert holm_results(gains)["p"].tolist() == [0.03]
