"""Whatever predictors and steps of changes are given, they answer or refuse with this project's error."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from helpers.data.types import Provenance
from helpers.errors import DataError, ParameterError
from helpers.evaluation.protocol import Fold
from helpers.studies.perturbation import (
    base_rates,
    ceiling,
    comparison,
    folds,
    hepatocytes,
    in_cells,
    insight,
    interaction,
    metrics,
    moderated,
    plots,
    predictors,
    printed,
    protocol,
    ranking,
)
from helpers.studies.perturbation.baselines.neighbours import CompoundNeighbours, NearestCellCopy
from helpers.studies.perturbation.baselines.simple import Additive, Constant, OneHotRidge
from helpers.studies.perturbation.baselines.trees import TreePredictor
from helpers.studies.perturbation.competition import read_de_table
from helpers.studies.perturbation.data import load_cell_means, load_changes, load_printed_block
from helpers.studies.perturbation.model import PerturbationNetwork
from helpers.studies.perturbation.model.encoder import CategoryEncoder
from helpers.studies.perturbation.twin import kaggle_twin, simulate_changes

DATA = simulate_changes(n_cells=4, n_compounds=6, n_genes=6, n_full=4, n_shared=6)
ROWS, VALUES, N = DATA.rows, DATA.matrix, len(DATA.rows)
MODELS = {"Additive": Additive(), "Network": PerturbationNetwork("GRU", 1)}


def with_first(column: str, entry: object) -> pd.DataFrame:
    return ROWS.assign(**{column: [entry, *ROWS[column][1:]]})


NO_ROWS = {
    "an array": ROWS.to_numpy(),
    "nothing": None,
    "a list for a cell": ROWS.assign(cell=[["a"]] * N),
    "a number for a compound": with_first("compound", 7),
    "a column twice": pd.concat([ROWS, ROWS[["cell"]]], axis=1),
}


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("case", NO_ROWS)
def test_rows_to_learn_from(name, case):
    with pytest.raises(DataError, match=r"must be a DataFrame|or no text|duplicated columns"):
        MODELS[name].fit(NO_ROWS[case], VALUES)


@pytest.mark.parametrize("rows", [*NO_ROWS.values(), with_first("cell", None), ROWS[:0]])
def test_rows_to_predict(rows):
    with pytest.raises(DataError):
        Constant().fit(ROWS, VALUES).predict(rows)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize(
    "values",
    [
        *(np.full(VALUES.shape, "x"), VALUES * 1j, sparse.csr_matrix(VALUES), [[1], [1, 2]]),
        pd.DataFrame(VALUES)[::-1],
    ],
    ids=["text", "complex", "sparse", "ragged", "rows in another order"],
)
def test_changes_to_learn_from(name, values):
    with pytest.raises(DataError, match=r"no numbers|text|complex|sparse|other names"):
        MODELS[name].fit(ROWS, values)


@pytest.mark.parametrize(
    "model",
    [
        *(Additive(cell_penalty=p) for p in (-1, 0, np.nan, "a", True)),
        *(Additive(n_components=k) for k in (0, -1, 1.5, "a")),
        *(OneHotRidge(a) for a in ((), (-1.0,), (np.nan,), "a", None)),
        *(CompoundNeighbours(k) for k in (0, -1, 1.5, "a", None)),
        *(TreePredictor(n_components=k) for k in (0, -1, 1.5, None)),
        *(TreePredictor(n_trees=k) for k in (0, 1.5, "a")),
        *(TreePredictor(random_state=k) for k in (-1, "a")),
    ],
    ids=repr,
)
def test_settings_of_simple_predictors(model):
    with pytest.raises(DataError, match=r"penalty|n_components|alphas|k must|n_trees|random_state"):
        model.fit(ROWS, VALUES)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        *(("epochs", (1.5, "a", True)), ("batch_size", (1.5, "a")), ("learning_rate", ("a", np.inf, True))),
        *(("units", (1.5, "a", True)), ("dropout", ("a", None)), ("random_state", (-1, "a", None))),
        *(("early_stopping", ("no", None)), ("architecture", ([],))),
    ],
)
def test_settings_of_networks(name, values):
    for value in values:
        with pytest.raises(ParameterError, match=name):
            PerturbationNetwork(**{"architecture": "GRU", "epochs": 1, name: value}).fit(ROWS, VALUES)


@pytest.mark.parametrize(
    "changes",
    [
        *({"rows": bad} for bad in (None, ROWS.to_numpy(), NO_ROWS["a column twice"])),
        *({"rows": ROWS.assign(**{name: ""})} for name in ("smiles", "lincs_id")),
        *({"rows": ROWS.assign(control=bad)} for bad in ("yes", 2)),
        {"rows": ROWS.assign(cell=ROWS["cell"].astype("category").cat.codes)},
        {"rows": ROWS.assign(block=[None, *["b"] * (N - 1)])},
        *({"values": bad} for bad in (None, VALUES, DATA.values.astype(str), DATA.values * 1j)),
        {"values": DATA.values.set_axis([np.nan, *DATA.genes[1:]], axis=1)},
        *(
            {"planted": bad}
            for bad in (DATA.planted * np.nan, DATA.planted.tolist(), pd.DataFrame(DATA.planted))
        ),
        {"unit": []},
    ],
)
def test_tables_of_changes(changes):
    with pytest.raises(DataError, match="simulated changes"):
        replace(DATA, **changes)


FIRST = pd.Series(np.arange(N) < 3)


@pytest.mark.parametrize(
    "keep", [np.ones(2, bool), ["False"] * N, np.full(N, np.nan), [0, 2] * (N // 2), FIRST[::-1]]
)
def test_choices_of_rows(keep):
    with pytest.raises(DataError, match=r"keep must|other names"):
        DATA.subset(keep)


@pytest.mark.parametrize("genes", [["nope"], ["G1", "nope"]])
def test_choices_of_genes(genes):
    fold = Fold("0", np.arange(4), np.arange(4, 8))
    model = protocol.predictor("zero", Constant("zero"))
    for call in (
        lambda: DATA.subset(genes=genes),
        lambda: protocol.run_protocol(DATA, [fold], [model], genes=pd.Index(genes)),
    ):
        with pytest.raises(DataError, match="first \\['nope'\\]"):
            call()
    assert list(DATA.subset(genes=["G2", "G1"]).genes) == ["G2", "G1"]


@pytest.mark.parametrize(
    "make",
    [folds.random_rows, folds.competition, folds.leave_compounds_out, folds.leave_cells_out],
)
@pytest.mark.parametrize("seeds", [[], None, 3, "01", [1.5], [None], [0, 0], [True], [-1]])
def test_seeds_of_folds(make, seeds):
    with pytest.raises(DataError, match="seed"):
        make(ROWS.assign(split=["public", *ROWS["split"][1:]]), seeds)


@pytest.mark.parametrize(
    "call",
    [
        *(lambda r=r: folds.random_rows(r, [0]) for r in (None, ROWS.to_numpy(), ROWS.drop(columns="split"))),
        lambda: folds.competition(ROWS.assign(split="Train"), [0]),
        lambda: folds.leave_compounds_out(with_first("compound", np.nan), [0]),
        lambda: folds.leave_cells_out(with_first("cell", None), [0]),
        lambda: folds.leave_compounds_out(ROWS.assign(block=[None, *ROWS["cell"][1:]]), [0]),
        *(lambda k=k: folds.random_rows(ROWS, [0], k) for k in (0, 1, 1.5, "a")),
        *(lambda k=k: folds.random_rows(ROWS, [0], n_used=k) for k in (-1, 1.5)),
        *(lambda k=k: folds.leave_cells_out(ROWS, [0], n_shared=k) for k in (-1, 1.5)),
    ],
)
def test_folds(call):
    with pytest.raises(DataError):
        call()


FOLDS = folds.random_rows(ROWS, [0], n_used=2)
SCORES = protocol.run_protocol(
    DATA, FOLDS, [protocol.predictor(n, m) for n, m in (("zero", Constant("zero")), ("additive", Additive()))]
)
BAD_SCORES = {
    "nothing": None,
    "empty": SCORES[:0],
    "no error": SCORES.drop(columns="error"),
    "text": SCORES.assign(error="x"),
    "NaN": SCORES.assign(error=[np.nan, *SCORES["error"][1:]]),
    "infinite": SCORES.assign(error=[np.inf, *SCORES["error"][1:]]),
    "no model": SCORES.assign(model=[None, *SCORES["model"][1:]]),
}


@pytest.mark.parametrize("case", BAD_SCORES)
def test_tables_of_scores(case):
    table, pair = BAD_SCORES[case], ("additive", "zero")
    for call in (
        lambda: comparison.summarise_models(table, "compound", 10),
        lambda: comparison.compare_models(table, [pair], "compound", 10),
        lambda: comparison.scores_by_seed(table),
        lambda: ranking.bootstrap_ranks(table, list(pair), "MAE", "compound", 10),
        lambda: ranking.rank_agreement(table, {"additive": 0.7, "zero": 0.1}),
        lambda: in_cells.compare_in_cells(table, "compound", "additive", {"z": ["zero"]}, "MAE", n_boot=10),
        lambda: insight.share_of_groups(table, [pair], "compound", "MAE"),
    ):
        with pytest.raises(DataError, match="scores"):
            call()


PRINTED = ["", "sm_name", "cell_type", "G1", "G2"]
ARRAYS = hepatocytes.load_arrays("simulated")[:36]
REPLICATES, CHANGES = interaction.replicate_changes(ARRAYS)
MEANS = DATA.cell_means()
TREES = np.random.default_rng(0).normal(size=(4, 3))


@pytest.mark.parametrize(
    "call",
    [
        lambda: comparison.compare_models(
            SCORES.drop(index=SCORES.index[0]), [("additive", "zero")], "cell", 10
        ),
        *(lambda k=k: comparison.summarise_models(SCORES, "cell", k) for k in (0, 1.5, "a", None)),
        lambda: comparison.summarise_models(SCORES, "cell", 10, -1),
        lambda: comparison.summarise_models(SCORES, "cell", 10, metrics=["AUC"]),
        *(lambda k=k: comparison.interval(np.arange(5.0), k) for k in (0, 1, -1, 95)),
        *(
            lambda p=p: ranking.rank_agreement(SCORES, p)
            for p in ({}, {"additive": 1, "GRU": 2}, {"zero": 1})
        ),
        lambda: folds.scored_already(SCORES, folds.random_rows(ROWS, [7]), ["zero"], "again"),
        lambda: folds.scored_already(SCORES, FOLDS, ["GRU"], "again"),
        lambda: protocol.predictor("additive", Additive),
        lambda: protocol.run_protocol(ROWS, FOLDS, []),
        lambda: metrics.row_scores(VALUES, VALUES, np.nan),
        lambda: metrics.row_scores(VALUES, VALUES, -1),
        lambda: metrics.row_scores(pd.DataFrame(VALUES), pd.DataFrame(VALUES)[::-1], 1),
        lambda: metrics.mean_scores(SCORES, np.full(len(SCORES), np.nan)),
        lambda: metrics.mean_scores(SCORES, -np.ones(len(SCORES))),
        lambda: metrics.additive_share(np.full((2, 2, 2), np.nan)),
        lambda: metrics.additive_share(VALUES),
        lambda: base_rates.class_shares(VALUES * np.nan),
        lambda: base_rates.class_shares(VALUES, -1),
        lambda: base_rates.mean_sign_agreement(pd.DataFrame([[1.0]])),
        lambda: ceiling.noise_ceiling(np.array([1, np.nan])),
        lambda: ceiling.noise_ceilings([DATA], n_boot=0),
        lambda: ceiling.printed_checks(DATA, DATA, 99),
        *(lambda k=k: ceiling.printed_checks(DATA.subset(np.arange(N) < 6), DATA, k) for k in (0, 1.5, 2)),
        lambda: insight.evenness(pd.DataFrame(np.full((5, 5), 3.0))),
        lambda: insight.learned_additivity(replace(DATA, rows=ROWS.assign(split="public")), []),
        *(lambda k=k: predictors.networks(k) for k in (0, -1, np.nan, "a")),
        *(
            lambda load=load, k=k: load("simulated", seed=k)
            for load in (load_cell_means, load_printed_block)
            for k in (-1, None)
        ),
        lambda: load_changes("L1000", "simulated", seed=1.5),
        *(
            lambda k=k: simulate_changes(**k)
            for k in ({"n_genes": 1.5}, {"coherence": 2.0}, {"strength": -1})
        ),
        *(lambda k=k: simulate_changes(k) for k in (-1, None, "a")),
        lambda: kaggle_twin(ROWS, pd.concat([MEANS, MEANS]), Provenance("panel")),
        lambda: kaggle_twin(ROWS.assign(split="public"), MEANS, Provenance("panel")),
        *(lambda k=k: DATA.thin(k) for k in (-1, 1.5, None)),
        *(
            lambda a=a: hepatocytes.contrasts(a)
            for a in (None, ARRAYS.assign(G1="x"), ARRAYS.drop(columns="duration"))
        ),
        lambda: hepatocytes.contrasts(ARRAYS.assign(**{g: 2.0 ** ARRAYS[g] for g in ARRAYS.columns[4:]})),
        lambda: interaction.replicate_changes(ARRAYS.assign(G1=np.nan)),
        lambda: interaction.variance_components(REPLICATES, CHANGES * np.nan),
        lambda: interaction.variance_components(REPLICATES[1:], CHANGES),
        lambda: interaction.component_shares(REPLICATES, CHANGES, n_boot=0),
        lambda: moderated.signed_log_p(TREES, np.array(["a", "a", "b", None]), "a"),
        lambda: CategoryEncoder().transform(ROWS),
        lambda: CategoryEncoder(features=5),
        lambda: NearestCellCopy().fit(pd.concat([ROWS, ROWS[:1]]), np.concatenate([VALUES, VALUES[:1]])),
        lambda: plots.sorted_dots(
            pd.DataFrame({"zero": [-1.0]}), order="zero", title="", xlabel="", ylabel=""
        ),
    ],
)
def test_steps(call):
    with pytest.raises(DataError):
        call()


@pytest.mark.parametrize(
    "body",
    [
        [["0", "d", "NK cells", "1", "nan"]],
        [["0", "d", "NK cells", "1", "inf"]],
        [["0", "d", "NK cells", "1", "2"], ["1", "d", "NK cells", "1", "2"]],
        [["0", "d", "NK cells", "1", "2"], ["1", "e", "B cells", "1", "2"]],
    ],
)
def test_printed_blocks(tmp_path, body):
    lines = ["".join(f"<td>{entry}</td>" for entry in row) for row in (PRINTED, *body)]
    text = f"<table>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>"
    path = tmp_path / "printed.ipynb"
    path.write_text(json.dumps({"cells": [{"outputs": [{"data": {"text/html": [text]}}]}]}), encoding="utf-8")
    with pytest.raises(DataError, match="printed"):
        printed.read_printed_block(path)


def test_a_table_whose_compound_has_no_name(tmp_path):
    table = pd.DataFrame(
        {"cell_type": ["NK"], "sm_name": [None], "sm_lincs_id": ["1"], "SMILES": ["C"], "G1": [1.0]}
    )
    table.to_parquet(tmp_path / "table.parquet")
    with pytest.raises(DataError, match="missing entries in sm_name"):
        read_de_table(tmp_path / "table.parquet")
