"""Whatever models and steps of the chapter are given, they answer rightly or refuse with DataError."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from helpers.data.sources import Sources
from helpers.errors import DataError, ParameterError
from helpers.studies.scdeal import checks, comparison, critical_genes, labels, oracles, selection, simple
from helpers.studies.scdeal import metrics as scores
from helpers.studies.scdeal.baselines import BulkLogistic, CoralLogistic, RandomEncoder
from helpers.studies.scdeal.cells import load_cells, read_scaled_table
from helpers.studies.scdeal.geo import FILES, read_geo
from helpers.studies.scdeal.labels import AuthorLabels, LineLabels, plain_name
from helpers.studies.scdeal.lines import EXPRESSION, load_lines
from helpers.studies.scdeal.lines import _read as read_lines
from helpers.studies.scdeal.model import ScDEAL, cell_clusters
from helpers.studies.scdeal.plots import cell_panels, map_cells
from helpers.studies.scdeal.protocol import TransferRuns, answer_metrics, grid_settings, plan, run_scdeal
from helpers.studies.scdeal.sources import compare_sources
from helpers.studies.scdeal.tasks import describe, make_tasks, prepare_cells, tier_sets, transfer_task
from studies.scdeal.world import SMALL, make_world

BULK, LABELS, CELLS, STATE = make_world(lines=40, genes=12, cells=20)
QUICK = SMALL | {"epochs": 0, "device": "cpu"}
SHUFFLED = LABELS.sample(frac=1, random_state=0)
CLASSES = LABELS.astype(int)


def with_entry(x, value):
    x = x.astype(complex if isinstance(value, complex) else object)
    x.iloc[1, 1] = value
    return x


TABLES = {
    "text": with_entry(CELLS, "high"),
    "complex": with_entry(CELLS, 1 + 2j),
    "sparse": sparse.csr_matrix(CELLS.to_numpy()),
}


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_tables_that_scdeal_refuses(table):
    with pytest.raises(DataError, match=r"no numbers|complex|sparse"):
        ScDEAL(**QUICK).fit(BULK, LABELS, table)
    fitted = ScDEAL(**QUICK).fit(BULK, LABELS, CELLS)
    for answer in (fitted.predict, fitted.predict_before, fitted.integrated_gradients):
        with pytest.raises(DataError, match=r"no numbers|complex|sparse"):
            answer(table)


@pytest.mark.parametrize(
    ("bulk", "labels_of_lines", "message"),
    [
        (BULK, LABELS.map({0.0: "R", 1.0: "S"}), "bulk labels: values are no numbers"),
        (BULK, LABELS.to_numpy() + 1j, "bulk labels: values are complex"),
        (BULK, pd.concat([LABELS, LABELS[:2]]), "names a row twice"),
        (BULK, LABELS.set_axis(range(40)), "names none of the 40 rows"),
        (BULK.set_axis(["x"] * 40), LABELS.to_numpy(), "a line stands twice"),
    ],
)
def test_lines_that_scdeal_refuses(bulk, labels_of_lines, message):
    with pytest.raises(DataError, match=message):
        ScDEAL(**QUICK).fit(bulk, labels_of_lines, CELLS)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"reading": ["faithful"]}, "is not one of faithful"),
        ({"bottleneck": 8.5}, "bottleneck must be a whole number"),
        ({"encoder": None}, "encoder must be a tuple"),
        ({"encoder": (8.5,)}, r"encoder\[0\] must be a whole number"),
        ({"predictor": 8}, "predictor must be a tuple"),
        ({"dropout": "a"}, "dropout must be a number"),
        ({"denoising": "no"}, "denoising must be True or False"),
        ({"epochs": True}, "epochs must be a whole number"),
        ({"epochs": 2.5}, "epochs must be a whole number"),
        ({"batch_size": None}, "batch_size must be a whole number"),
        ({"mmd_weight": np.inf}, "mmd_weight must not be negative or infinite"),
        ({"cluster_weight": "a"}, "cluster_weight must be a number"),
        ({"random_state": None}, "random_state must be a whole number"),
        ({"random_state": -1}, "random_state must not be negative"),
    ],
)
def test_settings_that_scdeal_refuses(setting, message):
    with pytest.raises(ParameterError, match=message):
        ScDEAL(**QUICK | setting).fit(BULK, LABELS, CELLS)


def test_what_a_fitted_scdeal_refuses():
    fitted = ScDEAL(**QUICK).fit(BULK, LABELS, CELLS)
    with pytest.raises(DataError, match="needs two cells at least"):
        fitted.predict_before(CELLS[:1])
    assert fitted.predict(CELLS[:1]).shape == (1,)
    with pytest.raises(DataError, match="needs two cells at least"):
        ScDEAL(**QUICK, prediction="train").fit(BULK, LABELS, CELLS).predict(CELLS[:1])
    for steps in (2.5, "a", None, True):
        with pytest.raises(ParameterError, match="steps must be a whole number"):
            fitted.integrated_gradients(CELLS, steps=steps)
    with pytest.raises(ParameterError, match="target must be 0"):
        fitted.integrated_gradients(CELLS, target=True)


def test_labels_of_lines_are_joined_by_name():
    models = [RandomEncoder(4).fit(BULK, y, CELLS) for y in (CLASSES, CLASSES[SHUFFLED.index])]
    first, second = (model.predict_proba(CELLS) for model in models)
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ((BULK.to_numpy(), CLASSES, CELLS), "must be a DataFrame"),
        ((None, CLASSES, CELLS), "must be a DataFrame"),
        ((BULK, CLASSES.set_axis(range(40)), CELLS), "names none of the 40 rows"),
        ((BULK, pd.concat([CLASSES, CLASSES[:2]]), CELLS), "names a row twice"),
        ((BULK.set_axis(["x"] * 40), CLASSES.to_numpy(), CELLS), "duplicated row ids"),
        ((BULK, CLASSES, CELLS[["gene0", "gene1", "gene1"]]), "a gene stands twice"),
        ((BULK, CLASSES, CELLS[[]]), "share no gene name"),
        *(
            (((BULK, CLASSES, TABLES[kind]), message))
            for kind, message in (("text", "text"), ("complex", "text"))
        ),
        ((BULK, CLASSES, TABLES["sparse"]), "must be a DataFrame"),
    ],
)
def test_what_simple_models_refuse(given, message):
    with pytest.raises(DataError, match=message):
        BulkLogistic().fit(*given)
    if given[0] is BULK and given[1] is CLASSES:
        fitted = RandomEncoder(4).fit(BULK, CLASSES, CELLS)
        with pytest.raises(DataError, match=f"{message}|lack 12 gene|lack 10 gene"):
            fitted.predict(given[2])


@pytest.mark.parametrize(
    "model",
    [
        *(CoralLogistic(n) for n in (0, -1, 2.5, "a", None, True)),
        *(RandomEncoder(n) for n in (0, 2.5, np.nan)),
        *(RandomEncoder(4, seed) for seed in (-1, None, 0.5, True)),
    ],
    ids=str,
)
def test_settings_that_simple_models_refuse(model):
    with pytest.raises(DataError, match="must be a whole number"):
        model.fit(BULK, CLASSES, CELLS)


Y, SCORE, LINES = np.array([0, 1, 0, 1]), np.array([0.1, 0.9, 0.4, 0.6]), np.array(list("abcd"))
NAMED, OTHER = pd.Series(Y, LINES), pd.Series(SCORE, LINES)[::-1]


@pytest.mark.parametrize(
    "call",
    [
        lambda: scores.cell_metrics(NAMED, OTHER),
        lambda: scores.cell_metrics(Y, SCORE + 1j),
        lambda: scores.cell_metrics(Y, list("abcd")),
        lambda: scores.cell_metrics(Y, np.where(Y, np.inf, 0)),
        lambda: scores.line_table(NAMED, NAMED, pd.Series(LINES, LINES[::-1])),
        lambda: scores.line_table(Y, SCORE, np.array(["a", np.nan, "b", "c"], object)),
        lambda: scores.auroc_by_line(Y, SCORE, LINES[:2], 10),
        lambda: scores.auroc_by_line(NAMED, OTHER, LINES, 10),
        lambda: scores.chance_levels(None),
        lambda: scores.constant_f1("a"),
        lambda: scores.constant_f1(True),
        lambda: oracles.cluster_majority(np.array([0, 1, np.nan, 1]), LINES),
        lambda: oracles.cluster_majority(np.array([0, 1, 2, 1]), LINES),
        lambda: oracles.cluster_majority(Y, np.array([0, np.nan, 1, 1])),
        lambda: oracles.cluster_means(np.array([0, np.nan, 1, 1]), LINES),
        lambda: oracles.cluster_means(SCORE, LINES[:2]),
        lambda: oracles.best_split(Y, {}),
        lambda: oracles.best_of_tosses(Y, Y, 0),
        lambda: oracles.best_of_tosses(Y, Y, np.nan),
        lambda: oracles.best_of_tosses(Y, Y, 5, "accuracy"),
        lambda: oracles.two_states(sparse.csr_matrix(CELLS.to_numpy())),
        lambda: oracles.two_states(CELLS.to_numpy() + 1j),
        lambda: oracles.two_states(CELLS.to_numpy(), seed=None),
        lambda: oracles.few_shot(CELLS.to_numpy(), STATE[:8]),
        lambda: oracles.few_shot(CELLS.to_numpy(), STATE, per_class=0),
        lambda: oracles.few_shot(CELLS.to_numpy(), STATE, lines=LINES),
        lambda: cell_clusters(with_entry(CELLS, np.nan)),
        lambda: cell_clusters(CELLS[:1]),
        lambda: cell_clusters(CELLS, resolution=np.nan),
        lambda: cell_clusters(CELLS, seed=None),
        lambda: map_cells(CELLS.to_numpy()[:, :1], "pca"),
        lambda: map_cells(np.full((5, 5), np.nan), "pca"),
        lambda: cell_panels(np.ones((4, 3)), {"label": Y}, title=""),
        lambda: answer_metrics(Y, SCORE),
    ],
)
def test_scores_and_yardsticks(call):
    with pytest.raises(DataError):
        call()


X = np.random.default_rng(0).normal(size=(20, 4))
GENES = np.array(list("abcd"))
FOUND = {0: ["a"], 1: ["b"]}


@pytest.mark.parametrize(
    "call",
    [
        lambda: critical_genes.class_genes(pd.DataFrame(X, columns=GENES), STATE, GENES[::-1]),
        lambda: critical_genes.class_genes(X, STATE, np.array(list("aabc"))),
        lambda: critical_genes.class_genes(X + 1j, STATE, GENES),
        lambda: critical_genes.class_genes(X, np.column_stack([STATE, STATE]), GENES),
        *(lambda n=n: critical_genes.class_genes(X, STATE, GENES, n) for n in (0, -1, None, True, "a")),
        lambda: critical_genes.critical_genes(np.where(X > 1, np.nan, X), STATE, GENES),
        lambda: critical_genes.module_check(X, STATE, STATE, GENES, n_null=0),
        lambda: critical_genes.shared_fraction(FOUND, {0: ["a"]}),
        lambda: critical_genes.chance_fraction(FOUND, FOUND, 0),
    ],
)
def test_lists_of_genes(call):
    with pytest.raises(DataError):
        call()


@pytest.fixture(scope="module")
def lines():
    return load_lines("simulated")


@pytest.fixture(scope="module")
def cells(lines):
    return prepare_cells(load_cells("A375", "simulated"), lines.panel.expression.columns, max_cells=40)


@pytest.fixture(scope="module")
def task(lines, cells):
    made = transfer_task(lines.panel, cells, "PLX-4720")
    return replace(made, bulk_x=made.bulk_x.iloc[:, :30], cells_x=made.cells_x.iloc[:, :30])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: {"bulk_x": None}, "must be a DataFrame"),
        (lambda t: {"bulk_x": with_entry(t.bulk_x, "high")}, "holds text"),
        (lambda t: {"cells_x": with_entry(t.cells_x, np.nan).astype(float)}, "NaN or infinite"),
        (lambda t: {"cells_x": t.cells_x.iloc[:, [0, 1, 1]]}, "duplicated column ids"),
        (lambda t: {"cells_x": t.cells_x[:0]}, "is empty"),
        (lambda t: {"bulk_sensitive": t.bulk_sensitive[:-1]}, "must be 0 or 1, one each"),
        (lambda t: {"bulk_sensitive": t.bulk_sensitive + 1}, "must be 0 or 1"),
        (lambda t: {"cells_sensitive": pd.Series(t.cells_sensitive, t.cells_x.index[::-1])}, "another order"),
        (lambda t: {"lines": t.lines[:-1]}, "one row for each of"),
    ],
)
def test_tasks(task, change, message):
    with pytest.raises(DataError, match=message):
        replace(task, **change(task))


def labelled(cells, values):
    cells = cells.copy()
    cells.obs["resistant"] = values
    return cells


def test_making_of_tasks(lines, cells):
    panel, resistant = lines.panel, lines.panel.resistant["PLX-4720"]
    half = np.arange(cells.n_obs) % 2
    without = cells.copy()
    del without.obs["line"]
    for call in (
        lambda: transfer_task(None, cells, "PLX-4720"),
        lambda: transfer_task(panel, CELLS, "PLX-4720"),
        lambda: transfer_task(panel, cells, ["PLX-4720"]),
        lambda: transfer_task(panel, without, "PLX-4720"),
        lambda: transfer_task(panel, labelled(cells, np.where(half, "R", "S")), "PLX-4720"),
        lambda: transfer_task(panel, labelled(cells, half / 2), "PLX-4720"),
        *(
            lambda wrong=wrong: transfer_task(panel, cells, "PLX-4720", bulk_resistant=wrong)
            for wrong in (
                resistant.to_numpy(),
                resistant / 2,
                resistant.map({0.0: "S", 1.0: "R"}),
                pd.concat([resistant, resistant[:3]]),
            )
        ),
        lambda: make_tasks(lines, {}, {"A375": (("PLX-4720",), "A375")}),
        lambda: describe([]),
        lambda: tier_sets("papr"),
        lambda: tier_sets("panel", -1),
        lambda: prepare_cells(CELLS, panel.expression.columns),
        lambda: prepare_cells(cells, None),
        *(
            lambda setting=setting: prepare_cells(cells, panel.expression.columns, **setting)
            for setting in ({"top_genes": 0}, {"max_cells": -1}, {"max_cells": None}, {"seed": None})
        ),
    ):
        with pytest.raises(DataError):
            call()


def test_labels_by_rules(lines):
    table, provenance = lines.authors.table, lines.authors.provenance
    for wrong in (
        None,
        table + 1,
        table / 2,
        pd.concat([table, table[:1]]),
        table.add_suffix("-a"),
        table[:0],
    ):
        with pytest.raises(DataError):
            AuthorLabels(wrong, provenance)
    with pytest.raises(DataError, match="Provenance"):
        AuthorLabels(table, None)
    for wrong in ({"panel": BULK}, {"authors": table}, {"other": BULK}):
        with pytest.raises(DataError, match="cannot be a DataFrame"):
            replace(lines, **wrong)
    for call in (
        lambda: LineLabels.resistant(lines, None, "authors"),
        lambda: lines.resistant("Cisplatin", ["authors"]),
        lambda: lines.resistant("Water", "waterfall"),
        lambda: lines.rules("Cisplatin"),
        lambda: lines.describe("Cisplatin"),
        lambda: compare_sources(lines, "Cisplatin"),
        lambda: plain_name(1),
    ):
        with pytest.raises(DataError):
            call()
    assert lines.rules(["Water"]) == []


@pytest.mark.parametrize(
    "text", ["", "<html></html>", "\x00\xff", "\tresponse\nc1\t1\n", "\tresponse\t1\nc\t1\tx\n"]
)
def test_files(tmp_path, text):
    path = tmp_path / "file.csv"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(DataError):
        read_scaled_table(path)
    if text.startswith("\t"):
        return
    name = "GSE117872-HN120"
    values = tmp_path / "values.tsv"
    values.write_text("\tc1\tc2\nTP53\t1\t2\nEGFR\t3\t4\n", encoding="utf-8")
    for call in (
        lambda: read_lines(Sources({EXPRESSION: path})),
        lambda: labels._read(Sources({labels.TABLE: path})),
        lambda: read_geo(name, Sources(dict(zip(FILES[name], (values, path), strict=True)))),
    ):
        with pytest.raises(DataError):
            call()


def test_more_files(tmp_path):
    path = tmp_path / "file.csv"
    for call in (lambda: read_scaled_table(path), lambda: read_geo("GSE1", Sources({}))):
        with pytest.raises(DataError):
            call()
    path.write_text("\tresponse\t1\nc1\t1\t1\nc1\t0\t-1\n", encoding="utf-8")
    with pytest.raises(DataError, match="a cell stands twice"):
        read_scaled_table(path)


RUNS = pd.DataFrame(
    [
        {"task": f"{s} {t}", "cell_set": s, "setting": w, "seed": k, "bulk_loss": k, "transfer_loss": t}
        | {"F1": 0.5, "AUROC": 0.1 * t + 0.4, "before AUROC": 0.5}
        for s in "AB"
        for t in (1, 2)
        for w in "pq"
        for k in (0, 1)
    ]
)


@pytest.mark.parametrize(
    "call",
    [
        lambda rows: selection.over_sets(rows, "AUROC"),
        lambda rows: selection.over_half(rows),
        lambda rows: selection.seed_summary(rows),
        lambda rows: comparison.task_means(rows, "AUROC"),
        lambda rows: comparison.difference(RUNS, rows, "AUROC"),
        lambda rows: comparison.loss(rows, RUNS),
        lambda rows: comparison.gain_of_transfer(rows, "AUROC"),
        lambda rows: comparison.share_below_half(rows),
        lambda rows: comparison.ranking(rows, ["AUROC"]),
        lambda rows: comparison.over_strongest(RUNS, rows, ["p"], ["AUROC"]),
        lambda rows: comparison.spread_against_coin(rows, told=RUNS),
    ],
)
@pytest.mark.parametrize(
    "rows", [None, RUNS.drop(columns="AUROC"), RUNS.assign(AUROC="a")], ids=["none", "without", "text"]
)
def test_tables_of_runs(call, rows):
    with pytest.raises(DataError):
        call(rows)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: selection.select_once(None), "must be a DataFrame"),
        (lambda: selection.select_runs(RUNS.assign(F1="a"), "target_selected"), "no numbers"),
        (lambda: selection.over_sets(RUNS, RUNS["AUROC"][::-1]), "another order"),
        (lambda: selection.over_sets(RUNS, RUNS["AUROC"][:3]), "a value for each of 16 rows"),
        (
            lambda: selection.select_runs(RUNS.assign(bulk_loss=np.nan), "bulk_selected"),
            "nothing to choose by",
        ),
        (lambda: selection.select_runs(RUNS.assign(F1=np.inf), "target_selected"), "infinite"),
        (lambda: selection.select_runs(RUNS[:0], "unselected"), "empty table"),
        (lambda: comparison.loss(RUNS, RUNS[2:].query("task != 'A 1'")), "not the same tasks"),
        (lambda: comparison.share_below_half(RUNS.assign(AUROC=np.nan)), "have no AUROC"),
        (lambda: comparison.over_strongest(RUNS, RUNS, ["z"], ["AUROC"]), "no rows of z"),
        (lambda: comparison.over_chance(RUNS, "AUROC", tasks=[]), "nothing to subtract"),
        (lambda: comparison.over_chance(RUNS, "AMI", tasks=[]), "no chance level"),
        (lambda: TransferRuns.join([]), "there are no runs"),
        (lambda: TransferRuns(None), "must be a DataFrame"),
        (lambda: TransferRuns(RUNS).pick(None), "expected several names"),
        (lambda: TransferRuns(RUNS).outputs("A 1", "p", 0), "no scores of task 'A 1'"),
        (lambda: plan([], {}, [0], [0]), "there is no setting"),
        (lambda: grid_settings("a", "none", {}), "whole numbers"),
        (lambda: grid_settings(32, "none", {}), "expected texts"),
        (lambda: checks.make_twin("x", 0), "unknown twin"),
        (lambda: checks.opposite_pair([], RUNS, 0), "two tasks on the same cells"),
    ],
)
def test_steps(call, message):
    with pytest.raises(DataError, match=message):
        call()


def test_steps_on_tasks(task, lines):
    for call, message in (
        (lambda: run_scdeal([], {"a": {}}, [0]), "one of each at least"),
        (lambda: run_scdeal([task], {}, [0]), "one of each at least"),
        (lambda: run_scdeal([task], {"a": {}}, []), "one at least"),
        (lambda: run_scdeal([task], {"a": {"layers": 3}}, [0]), "cannot name layers"),
        (lambda: run_scdeal([task], {"a": {"device": "cpu"}}, [0]), "cannot name device"),
        (lambda: run_scdeal([task], {"a": {}}, [-1]), "a seed must be"),
        (lambda: simple.run_simple(task, []), "one at least"),
        (lambda: checks.mislabelled(task, "x", lines, "authors", 0), "unknown kind"),
        (lambda: checks.mislabelled(task, "permuted labels", lines, "authors", None), "seed must be"),
        (lambda: checks.with_permuted_names(task, None), "seed must be"),
        (lambda: checks.with_fewer_lines(task, 0.5, 0), "lines must be a whole number"),
        (lambda: checks.with_fewer_lines(task, len(task.bulk_x) - 1, 0), "cannot draw"),
        (lambda: checks.bulk_prediction(task, ["a"]), "a seed must be"),
        (lambda: checks.one_bit([task], 0, 0), "tosses must be"),
    ):
        with pytest.raises(DataError, match=message):
            call()
