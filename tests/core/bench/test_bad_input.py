"""Whatever a user gives the bench, it ranks or refuses in one sentence."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.linear_model import Ridge

from helpers.bench import bench, cells_job, changes_job, changes_of, estimator, pairs_job, rank
from helpers.bench.contenders import own_model
from helpers.data.cells_twin import simulate_cell_set
from helpers.data.own import load_own
from helpers.data.types import ResponseData
from helpers.errors import DataError, HelpersError, ParameterError
from helpers.evaluation.protocol import Model, each_fold

LINES, DRUGS = [f"l{n:02}" for n in range(20)], [f"d{n}" for n in range(4)]
EXPRESSION = pd.DataFrame(np.random.default_rng(0).normal(5, 1, (20, 6)), LINES, [f"G{n}" for n in range(6)])
RESPONSE = pd.DataFrame([(line, drug) for drug in DRUGS for line in LINES], columns=["line", "drug"])
RESPONSE["value"] = np.tile(EXPRESSION["G0"].to_numpy(), 4) - 5
RESPONSE["resistant"] = (RESPONSE["value"] > 0).astype(np.int8)
DATA = ResponseData(
    "mine",
    EXPRESSION,
    RESPONSE.assign(auc=0.5),
    pd.DataFrame(np.eye(4, dtype=np.uint8), DRUGS),
    pd.DataFrame({"cancer_type": "unknown", "patient": LINES}, LINES),
    pd.DataFrame({"pathway": "unknown"}, DRUGS),
)
RIDGE = Model("Ridge", each_fold(estimator(Ridge())))


class Plain:
    """An estimator that derives from nothing, and says what it is told to."""

    def __init__(self, says):
        self.says = says

    def fit(self, X, y):
        return self

    def predict(self, X):
        return self.says(len(X))


@pytest.mark.parametrize("split", ["pairs", "lines", "drugs"])
@pytest.mark.parametrize(
    "options", [{"n_splits": n} for n in (np.inf, "a", None)] + [{"seeds": 1.5}, {"seeds": "a"}]
)
def test_numbers_of_folds(split, options):
    with pytest.raises(ParameterError, match=f"{next(iter(options))} must be a whole number"):
        pairs_job(DATA, split, **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"data": None}, "need a ResponseData"),
        ({"split": ["pairs"]}, "unknown split"),
        ({"target": ["auc"]}, "unknown target"),
        ({"data": replace(DATA, response=RESPONSE.assign(auc="high")), "target": "auc"}, "holds text"),
        ({"data": replace(DATA, response=RESPONSE.assign(auc=np.inf)), "target": "auc"}, "infinite"),
        (
            {"data": replace(DATA, lines=DATA.lines.assign(patient=[None, *LINES[1:]])), "split": "lines"},
            "1 row.* have no patient",
        ),
    ],
)
def test_pairs(options, message):
    with pytest.raises(HelpersError, match=message):
        pairs_job(**({"data": DATA, "split": "pairs"} | options))


@pytest.mark.parametrize("target", ["value", "resistant"])
@pytest.mark.parametrize(
    "says",
    [
        lambda n: np.full(n, np.nan),
        lambda n: np.append(np.arange(n - 1.0), np.inf),
        lambda n: ["high"] * n,
        lambda n: np.zeros((n, 2)),
        lambda n: np.full(n, 1j),
        lambda n: np.zeros(n - 1),
        lambda n: sparse.csr_matrix(np.ones((n, 1))),
    ],
    ids=["nan", "one infinite", "text", "two columns", "complex", "too few", "sparse"],
)
def test_predictions_of_an_own_model(target, says):
    mine = Model("mine", each_fold(estimator(Plain(says))))
    with pytest.raises(HelpersError):
        rank(pairs_job(DATA, "pairs", target=target), [RIDGE, mine])


def test_a_plain_own_model_is_ranked():
    mine = Model("mine", each_fold(estimator(Plain(np.arange))))
    assert set(rank(pairs_job(DATA, "pairs", target="value"), [RIDGE, mine]).summary["model"]) == {
        "Ridge",
        "mine",
    }


@pytest.mark.parametrize(
    ("job", "models"),
    [(None, [RIDGE]), ("pairs", None), ("pairs", [RIDGE, RIDGE]), ("pairs", [Ridge()]), ("pairs", [])],
)
def test_rankings(job, models):
    with pytest.raises(DataError, match="rank: "):
        rank(None if job is None else pairs_job(DATA, job), models)


@pytest.mark.parametrize("features", [None, 3, []])
def test_features(features, tmp_path):
    job = pairs_job(DATA, "pairs")
    with pytest.raises(ParameterError, match="unknown features"):
        rank(job, [Model("mine", each_fold(estimator(Ridge(), features)))])
    if features is not None:
        with pytest.raises(ParameterError, match="unknown features"):
            bench(job, tmp_path, features=features, networks=False)


def test_jobs_folders_and_models(tmp_path):
    for job, out in ((None, tmp_path), (pairs_job(DATA, "pairs"), None)):
        with pytest.raises(ParameterError, match="needs a Job and a folder"):
            bench(job, out)
    (tmp_path / "leaves.py").write_text("import sys\nsys.exit(1)\n", encoding="utf-8")
    for where in (3, f"{tmp_path / 'leaves.py'}:Model"):
        with pytest.raises(ParameterError):
            own_model(where, ("expression",))


CHANGES = pd.DataFrame(np.random.default_rng(0).normal(size=(12, 3)), columns=list("ABC")).assign(
    cell=[f"c{n % 4}" for n in range(12)], compound=[f"k{n // 4}" for n in range(12)]
)


@pytest.mark.parametrize("values", [np.nan, "short"])
def test_predicted_changes(values, tmp_path):
    CHANGES.to_csv(tmp_path / "changes.csv", index=False)
    shape = (2,) if values == "short" else (3,)
    entry = 1.0 if values == "short" else values
    model = Model("mine", each_fold(lambda data, fold: np.full((len(fold.test), *shape), entry)))
    with pytest.raises(DataError, match="mine, fold 0"):
        rank(changes_of(tmp_path / "changes.csv", "pairs", n_splits=2), [model])


def test_changes():
    for options in ({"n_splits": "a"}, {"seeds": None}):
        with pytest.raises(ParameterError):
            changes_job(None, "lines", **options)
    with pytest.raises(DataError, match="need what read"):
        changes_job(None, "pairs")


@pytest.fixture(scope="module")
def cells():
    return simulate_cell_set("breast-atlas", 8, 3, 0)


def without(part, name):
    def change(cells):
        del getattr(cells, part)[name]

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (without("obs", "line"), r"lack obs\['line'\]"),
        (without("obs", "resistant"), r"lack obs\['resistant'\]"),
        (without("uns", "units"), r"lack uns\['units'\]"),
        (lambda cells: cells.obs.insert(0, "unit", [None, *["a"] * (cells.n_obs - 1)]), "unit: 1 of"),
        (lambda cells: cells.obs.__setitem__("resistant", np.arange(cells.n_obs) / 2), "must hold 1, 0"),
        (lambda cells: setattr(cells, "X", np.full(cells.shape, np.nan)), "NaN or infinite"),
        (lambda cells: setattr(cells, "var_names", ["GENE"] * cells.n_vars), "genes repeat a name"),
        (lambda cells: setattr(cells, "obs_names", ["cell"] * cells.n_obs), "cells repeat a name"),
    ],
)
def test_cells(cells, change, message):
    changed = cells.copy()
    change(changed)
    with pytest.raises(DataError, match=message):
        cells_job(changed, DATA, "d0", unit="unit" if "unit" in changed.obs else None)


def test_what_are_no_cells(cells):
    for given in ((EXPRESSION, DATA, "d0"), (cells, None, "d0"), (cells, DATA, 3)):
        with pytest.raises(DataError, match="need AnnData, ResponseData and the name of a drug"):
            cells_job(*given)
    with pytest.raises(ParameterError, match="seeds must be"):
        cells_job(cells, DATA, "d0", seeds=1.5)


@pytest.mark.parametrize("linear", ["no", None, np.nan])
def test_whether_expression_is_linear_is_a_truth_value(linear, tmp_path):
    (tmp_path / "x.csv").write_text("line,TP53\na,1\nb,2\nc,4\n", encoding="utf-8")
    (tmp_path / "r.csv").write_text("line,drug,ln_ic50\na,X,1\nb,X,2\nc,X,3\n", encoding="utf-8")
    with pytest.raises(DataError, match="linear: must be True or False"):
        load_own(tmp_path / "x.csv", tmp_path / "r.csv", linear=linear)
