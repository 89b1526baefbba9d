"""Whatever RefDNN's data, models, files and steps are given, they answer or refuse in one sentence."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning

from helpers.errors import DataError, HelpersError, ParameterError
from helpers.evaluation.protocol import Fold
from helpers.studies.refdnn import (
    atlas,
    categories,
    comparisons,
    contenders,
    files,
    folds,
    gene_sets,
    heldout_genes,
    plots,
    report_tables,
    setting_map,
    within_drugs,
)
from helpers.studies.refdnn.baselines.base import PairClassifier
from helpers.studies.refdnn.baselines.forest import ExpressionForest, PairForest
from helpers.studies.refdnn.baselines.kronecker import KroneckerRidge
from helpers.studies.refdnn.baselines.linear import ExpressionElasticNet, PairElasticNet
from helpers.studies.refdnn.baselines.per_drug import DrugElasticNet, DrugTypeMean, PairBoosting
from helpers.studies.refdnn.baselines.prevalence import AdditiveLogistic, DrugPrevalence, LinePrevalence
from helpers.studies.refdnn.baselines.ranking import MeanRankOfLine
from helpers.studies.refdnn.biomarkers import differential_expression, gene_panel, top_genes
from helpers.studies.refdnn.data import load_response
from helpers.studies.refdnn.features import PairFeatures, tanimoto
from helpers.studies.refdnn.model import Layout, RefDNNClassifier, fit_many
from helpers.studies.refdnn.model.holdout import stratified_holdout
from helpers.studies.refdnn.model.published import scale_matched
from helpers.studies.refdnn.pairs import PairTable
from helpers.studies.refdnn.protocol import Contender, cross_validate
from helpers.studies.refdnn.twin import simulate_response
from studies.refdnn.world import small_features, small_pairs

NAN, INF = np.nan, np.inf
FEATURES = small_features()
X, Y, VALUE = small_pairs(FEATURES)
N = len(Y)
NAMED = pd.DataFrame({"line": FEATURES.line_names[X[:, 0]], "drug": FEATURES.drug_names[X[:, 1]]})
ELSEWHERE = pd.Series(Y, NAMED.index + 1000)
NET = {"hidden_units": 4, "steps": 20, "batch_size": 8, "evaluate_every": 10, "first_evaluation": 10}
DATA, TRUTH = simulate_response(n_lines=40, n_drugs=4, n_genes=30, n_cancer_types=4, seed=0)
OF_DATA = PairTable.from_data(DATA)
SHUFFLED = np.random.default_rng(0).permutation(len(DATA.response))
EXPRESSION = pd.DataFrame(FEATURES.expression, FEATURES.line_names, FEATURES.gene_names)
RESISTANT = np.arange(30) % 2 == 0
TISSUE = np.repeat(["blood", "skin"], 15)
TABLE = PairTable(FEATURES, X, Y, VALUE, FEATURES.line_types[X[:, 0]], FEATURES.line_names[X[:, 0]])
FOLDS = folds.repeated_pair_folds(TABLE, 2, 1)
KNOWN = Contender("Prevalence", DrugPrevalence(FEATURES), published_split=False)
RESULT = cross_validate(TABLE, FOLDS, [replace(KNOWN, name=name) for name in ("RefDNN", "Prevalence")])
METRICS = comparisons.metric_table({"CCLE": RESULT})
FOUND = comparisons.compare_over_folds(METRICS, 1.0, rivals=["Prevalence"])
BY_DRUG = pd.DataFrame(
    {"category": list("aaabbb"), "item": list("uvwxyz"), "value": [0.1, 0.2, 0.3, 0.7, 0.8, 0.9]}
)
KERNEL = pd.DataFrame(np.ones((2, 1)), ["G0", "G1"], ["D00"])
HELDOUT = pd.DataFrame(
    {"seed": 0, "fold": "0", "drug": "D00", "ranking": "random", "direction": "encoder", "genes": [("G0",)]}
)


def first(values, entry, dtype=float):
    """Return a copy whose first entry is another."""
    found = np.array(values, dtype)
    found.flat[0] = entry
    return found


def text(tmp_path, content):
    path = tmp_path / "file"
    path.write_text(content, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"expression": first(FEATURES.expression, "high", object)}, "expression: values are no numbers"),
        ({"expression": sparse.csr_matrix(FEATURES.expression)}, "sparse"),
        ({"expression": FEATURES.expression + 1j}, "complex"),
        ({"expression": np.empty((30, 0)), "gene_names": []}, "gene_names: must be a list of names"),
        *(
            ({"fingerprints": first(FEATURES.fingerprints, bad)}, "fingerprints: must hold only 0 and 1")
            for bad in (0.5, -1, NAN, 7, 257)
        ),
        ({"fingerprints": None}, "fingerprints"),
        ({"fingerprints": np.empty((6, 0))}, "must be a table of drugs x bits"),
        ({"line_names": ["L0"] * 30}, "line_names: names repeat"),
        ({"drug_names": None}, "drug_names"),
        ({"gene_names": ["G0"] * 8}, "gene_names: names repeat"),
        ({"line_types": FEATURES.line_types[:3]}, "line_types: has shape"),
        ({"line_types": [None, *FEATURES.line_types[1:]]}, "1 of 30 entries are missing"),
    ],
)
def test_features(change, message):
    with pytest.raises(DataError, match=message):
        replace(FEATURES, **change)


@pytest.mark.parametrize("bits", [[[0.5, 1]], [[NAN, 1]], [[-1, 1]], [0, 1], [["a"]], None])
def test_similarity_is_of_bits(bits):
    with pytest.raises(DataError, match="fingerprints"):
        tanimoto(bits)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"y": Y[1:]}, "labels have shape"),
        ({"codes": X[1:]}, "labels have shape"),
        ({"value": VALUE[1:]}, "one number a pair"),
        ({"value": first(VALUE, INF)}, "not infinite"),
        ({"cancer_type": TABLE.cancer_type[1:]}, "cancer_type: has shape"),
        ({"patient": first(TABLE.patient, None, object)}, "patient: 1 of"),
        ({"y": first(Y, 2)}, "labels must be 0"),
        ({"y": first(Y, NAN)}, "labels must be 0"),
        ({"y": Y.astype(str)}, "labels must be 0"),
        ({"codes": X + 100}, "exceed"),
        ({"codes": X.astype(float)}, "integer codes"),
        ({"features": None}, "use PairTable.from_data"),
    ],
)
def test_tables_of_pairs(change, message):
    with pytest.raises(DataError, match=message):
        replace(TABLE, **change)


def test_a_missing_patient_or_annotation_is_said():
    patient = [None, *DATA.lines["patient"][1:]]
    with pytest.raises(DataError, match=r"1 row\(s\) have no patient"):
        PairTable.from_data(replace(DATA, lines=DATA.lines.assign(patient=patient)))
    without = PairTable.from_data(replace(DATA, lines=DATA.lines.drop(columns="patient")))
    assert (without.patients == without.lines).all()
    alone = DATA.expression.iloc[:1].rename(index={DATA.expression.index[0]: "new"})
    with pytest.raises(DataError, match=r"1 lines of the expression have no annotation, first \['new'\]"):
        PairFeatures.from_data(replace(DATA, expression=pd.concat([DATA.expression, alone])))
    for make in (PairFeatures.from_data, PairTable.from_data):
        with pytest.raises(DataError, match="need a ResponseData, got NoneType"):
            make(None)


@pytest.mark.parametrize(
    ("pairs", "labels", "message"),
    [
        (X, Y + 0j, "labels must be 0"),
        (X, first(Y, None, object), "labels must be 0"),
        (NAMED, ELSEWHERE, "X and y: the rows of the two have other names"),
        (NAMED, pd.Series(Y, NAMED.index).iloc[::-1], "X and y: the rows of the two have other names"),
        (pd.concat([NAMED, NAMED["line"]], axis=1), Y, "duplicated columns"),
    ],
)
def test_labels_and_rows(pairs, labels, message):
    with pytest.raises(DataError, match=message):
        DrugPrevalence(FEATURES).fit(pairs, labels)


@pytest.mark.parametrize(
    "value",
    [first(VALUE, INF), ["high"] * N, 1.0, VALUE[:, None], VALUE + 1j, sparse.csr_matrix(VALUE), ELSEWHERE],
    ids=["infinite", "text", "scalar", "table", "complex", "sparse", "other rows"],
)
def test_measured_values(value):
    with pytest.raises(DataError):
        MeanRankOfLine(FEATURES).fit(NAMED, Y, value=value)


@pytest.mark.parametrize("validation", [3, (X,), (NAMED, ELSEWHERE)])
def test_validation(validation):
    with pytest.raises(DataError):
        RefDNNClassifier(FEATURES, **NET, device="cpu").fit(X, Y, validation=validation)


SETTINGS: list[tuple[type[PairClassifier], str, tuple]] = [
    (RefDNNClassifier, "hidden_units", (NAN, True, "a", 2.5)),
    (RefDNNClassifier, "first_evaluation", (-1, NAN, None)),
    (RefDNNClassifier, "patience", (-1, NAN, "a")),
    (RefDNNClassifier, "lr_adam", (INF, True, "a", None)),
    (RefDNNClassifier, "l1", (-1, NAN, None)),
    (RefDNNClassifier, "loss_weights", (None, (1.0,), (1.0, 1.0, 1.0), (NAN, 1.0), ("a", "b"))),
    (RefDNNClassifier, "encoder", (np.array(["ftrl", "adam"]),)),
    (RefDNNClassifier, "affine", (NAN, "no", None)),
    (RefDNNClassifier, "random_state", (-1, "a", None)),
    (ExpressionForest, "n_estimators", (0, -1, NAN, "a")),
    (PairForest, "max_depth", (0, 2.5)),
    (PairForest, "max_samples", (0, 1.5, 10**6)),
    (KroneckerRidge, "alpha", (INF, True, "a")),
    (KroneckerRidge, "gamma", (-1, NAN)),
    (KroneckerRidge, "tol", (-1, NAN, INF)),
    (KroneckerRidge, "max_iter", (0, -1, 2.5)),
    (ExpressionElasticNet, "alpha", (0, -1, None)),
    (PairElasticNet, "alpha", (-1, NAN, "a")),
    (PairElasticNet, "l1_ratio", (-1, 2, NAN)),
    (PairElasticNet, "max_iter", (0, NAN)),
    (PairElasticNet, "scaled", ("no", None)),
    (DrugElasticNet, "l1_ratio", (2, NAN)),
    (DrugTypeMean, "prior", (0, -1, NAN, INF, "a")),
    (PairBoosting, "n_components", (0, 2.5, INF)),
    (PairBoosting, "learning_rate", (0, "a")),
    (AdditiveLogistic, "C", (0, -1, NAN, None)),
]


@pytest.mark.parametrize(
    ("model", "name", "value"), [(model, name, value) for model, name, values in SETTINGS for value in values]
)
def test_settings(model, name, value):
    others = NET | {"device": "cpu"} if model is RefDNNClassifier else {}
    with pytest.raises(ParameterError, match=name):
        model(FEATURES, **(others | {name: value})).fit(X, Y)


@pytest.mark.parametrize("encoder", ["ftrl", "adam"])
def test_a_fit_that_diverged_from_the_start_predicts_nothing(encoder):
    # Expression beyond float32's square: the first logits overflow.
    wild = replace(FEATURES, expression=np.array(FEATURES.expression) * 1e37)
    rates = {"lr_ftrl": 1e12, "lr_adam": 1e12, "l1": 0.0, "l2": 0.0}
    model = RefDNNClassifier(wild, **NET, **rates, encoder=encoder, device="cpu")
    with pytest.warns(ConvergenceWarning, match=r"no loss was finite, so every pair .* lr_ftrl=1e\+12 or"):
        model.fit(X, Y)
    assert model.diverged_ and (model.predict_proba(X) == 0.5).all()
    assert np.isnan(model.weights_).all()  # start values would rank genes


@pytest.mark.parametrize("model", [PairForest, KroneckerRidge, DrugElasticNet, PairBoosting])
def test_no_pairs_to_predict(model):
    few = {"n_estimators": 2} if model is PairForest else {}
    fitted = model(FEATURES, **few).fit(X, Y)
    with pytest.raises(DataError, match="no pairs to predict"):
        fitted.predict(X[:0])


OTHER_LINES = replace(FEATURES, line_names=[f"Q{i}" for i in range(30)])
REORDERED = replace(FEATURES, expression=FEATURES.expression[::-1], line_names=FEATURES.line_names[::-1])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"table": None}, "must be a PairTable"),
        ({"contenders": []}, "list of Contender"),
        ({"contenders": [KNOWN, Contender("Prevalence", LinePrevalence(FEATURES))]}, "its own name"),
        ({"contenders": [DrugPrevalence(FEATURES)]}, "must be a Contender"),
        (
            {"contenders": [Contender("x", KroneckerRidge(OTHER_LINES))]},
            "x: its features have other line_names",
        ),
        ({"contenders": [Contender("x", KroneckerRidge(REORDERED))]}, "or in another order"),
        ({"repeats": []}, "list of lists"),
        ({"repeats": FOLDS[0]}, "list of lists"),
        ({"repeats": [[FOLDS[0][0], replace(FOLDS[0][0], name="again")]]}, "tested twice"),
        ({"repeats": [[replace(fold, name="0") for fold in FOLDS[0]]]}, "share a name"),
        ({"repeats": [[Fold("0", np.arange(50), np.array([10**6]))]]}, "fold '0': needs rows"),
        ({"repeats": [[Fold("0", np.arange(50), np.array([-1]))]]}, "fold '0': needs rows"),
        ({"repeats": [[Fold("0", np.arange(50), np.array([], int))]]}, "fold '0': needs rows"),
        ({"seed": "a"}, "seed must be"),
        ({"n_trials": "a"}, "n_trials must be"),
        ({"n_jobs": 0}, "n_jobs must be"),
    ],
)
def test_protocols(changes, message):
    with pytest.raises(DataError, match=message):
        cross_validate(**({"table": TABLE, "repeats": FOLDS, "contenders": [KNOWN]} | changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"y": RESULT.y[1:]},
        {"y": first(RESULT.y, 2)},
        {"lines": RESULT.lines[1:]},
        {"drugs": RESULT.drugs + 1},
        {"folds": RESULT.folds + 1},
        {"folds": RESULT.folds[:, 1:]},
        {"drug_names": np.array(["D"] * 6)},
        {"fold_names": ["0", "0"]},
        {"scores": {"a": RESULT.scores["RefDNN"][:, 1:]}},
        {"scores": {"a": np.full((1, N), "x")}},
        {"scores": None},
    ],
)
def test_out_of_fold_scores(changes):
    with pytest.raises(DataError):
        replace(RESULT, **changes)


BOTH, SECOND = {"CCLE": RESULT}, [("RefDNN", "Prevalence")]
STEPS = [
    lambda: RESULT.metrics(["nope"]),
    lambda: RESULT.metrics("RefDNN"),
    lambda: RESULT.drug_auroc("nope"),
    lambda: RESULT.drug_auroc("RefDNN", np.zeros(N + 1)),
    lambda: RESULT.drug_auroc("RefDNN", np.full(N, NAN)),
    lambda: RESULT.as_refdnn("nope"),
    lambda: RESULT.subset(np.arange(3)),
    lambda: RESULT.subset(np.full(N, "yes")),
    lambda: RESULT.subset(np.zeros(N, bool)),
    lambda: fit_many([(DrugPrevalence(FEATURES), X, Y, None)]),
    lambda: fit_many(None),
    lambda: Layout(0, 1, 1),
    lambda: Layout(3, 1, 2.5),
    lambda: stratified_holdout(X[:, 1], NAN),
    lambda: stratified_holdout(X[:, 1], 0.2, -1),
    lambda: stratified_holdout(X, 0.2),
    lambda: stratified_holdout(first(X[:, 1], NAN), 0.2),
    lambda: scale_matched("mine", 100),
    lambda: scale_matched("CCLE", 0),
    lambda: contenders.fixed_contenders(FEATURES, "mine", steps=20, device="cpu"),
    lambda: contenders.variant_contenders(FEATURES, "CCLE", {"x": {"nope": 1}}, steps=20, device="cpu"),
    lambda: contenders.searched_settings(pd.DataFrame()),
    lambda: setting_map.map_contenders(FEATURES, "CCLE", [20], orders=["nope"], device="cpu"),
    lambda: setting_map.map_table(BOTH, 1.0),
    lambda: folds.repeated_pair_folds(TABLE, 3, 0),
    lambda: folds.left_out_folds(TABLE.drugs, -1),
    lambda: folds.left_out_folds(TABLE.drugs, 0, np.append(TABLE.patients, "x")),
    lambda: folds.relabelled(DATA, OF_DATA, NAN),
    lambda: folds.relabelled(DATA, TABLE, 1.0),
    lambda: folds.relabelled(replace(DATA, response=DATA.response.iloc[SHUFFLED]), OF_DATA, 1.0),
    lambda: folds.relabelled(replace(DATA, response=DATA.response.assign(value=NAN)), OF_DATA, 1.0),
    lambda: folds.relabelled(replace(DATA, drugs=DATA.drugs[["pathway"]]), OF_DATA, 1.0),
    lambda: folds.relabelled(replace(DATA, drugs=DATA.drugs.assign(max_concentration=NAN)), OF_DATA, 1.0),
    lambda: folds.varied_cases({"CCLE": OF_DATA}, DATA, OF_DATA, 3),
    lambda: load_response("CCLE", "simulated", seed=-1),
    lambda: load_response("CCLE", "simulated", expression=[]),
    lambda: simulate_response(n_bits=1.5),
    lambda: simulate_response(repeated_drugs=-1),
    lambda: top_genes(pd.Series([1.0, NAN]), 1),
    lambda: top_genes(pd.Series([1.0, 2.0], ["a", "a"]), 1),
    lambda: top_genes(pd.Series([1.0, 2.0]), 0),
    lambda: top_genes(pd.Series([1.0], ["a"]), 1, pd.Series([1.0], ["b"])),
    lambda: differential_expression(EXPRESSION, RESISTANT[1:]),
    lambda: differential_expression(EXPRESSION, first(RESISTANT, NAN)),
    lambda: differential_expression(EXPRESSION, np.arange(30) % 3),
    lambda: differential_expression(EXPRESSION, pd.Series(RESISTANT, FEATURES.line_names[::-1])),
    lambda: differential_expression(EXPRESSION.replace(EXPRESSION.iloc[0, 0], NAN), RESISTANT),
    lambda: differential_expression(EXPRESSION, RESISTANT, np.append(TISSUE, "skin")),
    lambda: gene_panel(DATA, DATA.drugs.index[0], ["nope"]),
    lambda: gene_panel(DATA, DATA.drugs.index[0], "gene-01"),
    lambda: gene_sets.set_tests(EXPRESSION, RESISTANT, TISSUE, ["G0", "nope"], 5),
    lambda: gene_sets.set_tests(EXPRESSION, RESISTANT, TISSUE, ["G0", "G0"], 5),
    lambda: gene_sets.set_tests(EXPRESSION, TISSUE == "skin", TISSUE, ["G0"], 5),
    lambda: gene_sets.set_tests(EXPRESSION, RESISTANT, pd.Series(TISSUE), ["G0"], 5),
    lambda: gene_sets.set_tests(EXPRESSION, RESISTANT, TISSUE, ["G0"], 0),
    lambda: gene_sets.response_of(DATA, "nope"),
    lambda: gene_sets.tissue_counts(np.arange(30) % 3, TISSUE),
    lambda: gene_sets.set_ranks({"m": [KERNEL]}, {"s": (["nope"], None)}, 0.2),
    lambda: gene_sets.set_ranks({"m": []}, {"s": (["G0"], None)}, 0.2),
    lambda: heldout_genes.heldout_biomarkers(TABLE, {"e": (RESULT, "RefDNN")}, pd.Series(TISSUE)),
    lambda: heldout_genes.crossed_mean(pd.DataFrame(np.ones((3, 3))), NAN),
    lambda: heldout_genes.crossed_mean(pd.DataFrame(np.full((3, 3), INF)), 0.2),
    lambda: heldout_genes.ranking_scores(HELDOUT, scope="nope"),
    lambda: heldout_genes.list_stability(HELDOUT),
    lambda: heldout_genes.ranking_gaps({"a": HELDOUT}, 0.2, "nope"),
    lambda: heldout_genes.encoder_gaps({"a": {}}, 0.2),
    lambda: atlas.drug_scores(RESULT, "nope"),
    lambda: atlas.best_simple(pd.DataFrame({"A": [0.5]}, ["d"]), pd.Index(["other"])),
    lambda: atlas.ceilings(DATA, 2.0),
    lambda: atlas.ceilings(DATA, 0.9, 0),
    lambda: atlas.atlas_table(DATA, {}, pd.DataFrame(), {}),
    lambda: atlas.counted_drugs(pd.DataFrame({"a": [1]})),
    lambda: categories.drugs_by_category(DATA, RESULT),
    lambda: categories.category_medians(BY_DRUG, 0),
    lambda: categories.category_medians(BY_DRUG.assign(value=INF)),
    lambda: categories.category_medians(BY_DRUG.assign(category=[None, *"aabbb"])),
    lambda: categories.category_effect(BY_DRUG["value"], BY_DRUG["category"].iloc[::-1]),
    lambda: categories.category_effect(np.ones(6), BY_DRUG["category"]),
    lambda: categories.category_effect(BY_DRUG["value"], BY_DRUG["category"], 0),
    lambda: categories.end_difference(BY_DRUG, ["a"], ["a"]),
    lambda: categories.end_difference(BY_DRUG, "a", ["b"]),
    lambda: comparisons.metric_table({}),
    lambda: comparisons.metric_table(BOTH, ["nope"]),
    lambda: comparisons.metric_table(BOTH, metrics=["nope"]),
    lambda: comparisons.compare_over_folds(METRICS, "a"),
    lambda: comparisons.compare_over_folds(METRICS.drop(columns="data"), 1.0),
    lambda: comparisons.compare_over_groups(METRICS.iloc[:0]),
    lambda: comparisons.paired_over_folds(METRICS, [("RefDNN", "nope")], 1.0),
    lambda: comparisons.weighted_over_groups(METRICS, ["Prevalence"], "nope", 5),
    lambda: comparisons.line_bootstrap(BOTH, "nope", 5),
    lambda: comparisons.median_gaps(FOUND, FOUND, "nope"),
    lambda: FOUND.finding("nope", "AUCROC"),
    lambda: FOUND.ranking(["nope"]),
    lambda: within_drugs.drug_bootstrap(BOTH, {"other": RESULT}, SECOND, 5),
    lambda: within_drugs.drug_bootstrap(BOTH, {"CCLE": replace(RESULT, y=RESULT.y[::-1])}, SECOND, 5),
    lambda: within_drugs.drug_bootstrap(BOTH, BOTH, SECOND, 5, 0, {"CCLE": np.zeros(N + 3)}),
    lambda: within_drugs.mean_within(BOTH, ["RefDNN"], {}),
    lambda: within_drugs.strongest_over_drugs({}, ["Prevalence"], 5),
    lambda: report_tables.data_table({"mine": TABLE}),
    lambda: plots.category_boxes(BY_DRUG.assign(value=INF), title="t", xlabel="x"),
    lambda: plots.category_boxes(BY_DRUG.assign(category=[None, *"aabbb"]), title="t", xlabel="x"),
    lambda: plots.paired_boxes(pd.DataFrame({"a": [INF], "b": [1.0]}), title="t", ylabel="y"),
]


@pytest.mark.parametrize("step", STEPS)
def test_steps(step):
    with pytest.raises(HelpersError):
        step()


@pytest.mark.parametrize(
    ("read", "content"),
    [
        (files.read_response, "Drug,Cell,Label,LN_IC50\na,1,Resistance,inf\na,2,S,1\n"),
        (files.read_response, "Drug,Drug,Cell,Label\na,b,1,Resistance\n"),
        (files.read_expression, "Gene,l1\n"),
        (files.read_expression, "Gene,l1,l2\n1,inf,2\n"),
        (files.read_expression, "Gene,l1,l2\n1,1,2\n,1,2\n"),
        (files.read_fingerprints, ""),
        (files.read_fingerprints, "Name,FP1\na,1\n,1\n"),
        (files.read_fingerprints, "Name,FP1,FP2\na,1\n"),
        (
            files.read_annotation,
            "COSMIC identifier\tCancer Type (matching TCGA label)\tSample Name\n\tLUAD\ta\n",
        ),
    ],
)
def test_files(tmp_path, read, content):
    with pytest.raises(DataError):
        read(text(tmp_path, content))


@pytest.mark.parametrize(
    "read", [files.read_response, files.read_expression, files.read_fingerprints, files.read_annotation]
)
def test_a_file_that_is_not_there(tmp_path, read):
    for path in (tmp_path / "none.csv", tmp_path):
        with pytest.raises(DataError):
            read(path)
