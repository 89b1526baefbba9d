"""Own data and own models: same folds, nothing learned from the test part, one ranking, one page."""

from __future__ import annotations

import errno
import json
import re
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import LogisticRegression, Ridge, RidgeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from typer.testing import CliRunner

from helpers.bench import SPLITS, baselines, bench, estimator, of_studies, pairs_job, pairs_of, rank
from helpers.bench.contenders import own_model, own_sources
from helpers.bench.page import as_json, page_html
from helpers.bench.pairs import Pairs, group_of, pair_folds
from helpers.cli import app
from helpers.data.types import Provenance, ResponseData, SourceFile
from helpers.errors import DataError, ParameterError, RunError
from helpers.evaluation.protocol import Fold, Model, each_fold, predictions

LINES, DRUGS, GENES = 40, 8, 12


@pytest.fixture(scope="module")
def data() -> ResponseData:
    """Return pairs whose response is a gene's value, with a sign for each kind of drug, plus a mean."""
    rng = np.random.default_rng(0)
    lines, drugs = [f"l{n:02}" for n in range(LINES)], [f"d{n}" for n in range(DRUGS)]
    expression = pd.DataFrame(rng.normal(5, 1, (LINES, GENES)), lines, [f"G{n}" for n in range(GENES)])
    kind = np.arange(DRUGS) % 2
    bits = np.eye(2, dtype=np.uint8)[kind].repeat(4, axis=1)
    sign = np.where(kind == 0, 1, -1)
    value = sign * (expression["G0"].to_numpy()[:, None] - 5) * 2 + rng.normal(0, 2, DRUGS)
    table = pd.DataFrame(value, lines, drugs).melt(var_name="drug", value_name="value", ignore_index=False)
    table = table.reset_index(names="line")
    median = table.groupby("drug")["value"].transform("median")
    return ResponseData(
        "mine",
        expression,
        table.assign(resistant=(table["value"] > median).astype(np.int8), auc=np.nan),
        pd.DataFrame(bits, drugs),
        pd.DataFrame(
            {
                "cancer_type": [f"t{n % 4}" for n in range(LINES)],
                "patient": [f"p{n // 2}" for n in range(LINES)],
            },
            lines,
        ),
        pd.DataFrame({"pathway": "unknown"}, drugs),
        Provenance("own", (SourceFile("x.csv", "0" * 64),), ("a note",)),
    )


@pytest.fixture(scope="module")
def pairs(data) -> Pairs:
    return Pairs(data, data.response["value"].to_numpy())


@pytest.mark.parametrize("split", SPLITS)
def test_nothing_of_the_test_part_is_trained_on(pairs, split):
    pairs = replace(pairs, split=split)
    folds = pair_folds(pairs, 4, 2)
    assert {fold.seed for fold in folds} == {0, 1}
    for fold in folds:
        if split == "pairs":
            key = np.char.add(pairs.line.astype(str), np.char.add("|", pairs.drug.astype(str)))
        else:
            key = group_of(pairs)
        assert not set(key[fold.train]) & set(key[fold.test])


def test_lines_of_one_patient_stay_together(pairs):
    for fold in pair_folds(replace(pairs, split="lines"), 4, 1):
        patient = pairs.data.lines["patient"].to_numpy()[pairs.line]
        assert not set(patient[fold.train]) & set(patient[fold.test])


def test_columns_are_made_of_the_training_part(pairs):
    fold = next(fold for fold in pair_folds(replace(pairs, split="drugs"), 4, 1))
    columns = pairs.columns(fold, ("one-hot", "structure", "expression"))
    unseen = set(pairs.data.fingerprints.index[np.unique(pairs.drug[fold.test])])
    assert not {name for name in columns if name.split()[-1] in unseen}
    assert (columns.filter(like="drug ").to_numpy()[fold.test] == 0).all()
    fold = pair_folds(replace(pairs, split="lines"), 4, 1)[0]
    seen = pairs.genes(fold)[np.unique(pairs.line[fold.train])]
    np.testing.assert_allclose(seen.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(seen.std(axis=0), 1, atol=1e-5)


def test_similarity_is_tanimoto(pairs):
    a, b = pairs.data.fingerprints.to_numpy()[:2]
    assert pairs.similarity[0, 1] == (a & b).sum() / (a | b).sum() == 0
    assert pairs.similarity[0, 2] == 1


def test_kernel_ridge_equals_the_exact_one(pairs):
    fold = pair_folds(replace(pairs, split="lines"), 4, 1)[0]
    genes = pairs.genes(fold)
    squared = ((genes[:, None] - genes[None]) ** 2).mean(axis=2)
    kernel = (
        np.exp(-squared)[np.ix_(pairs.line, pairs.line)] * pairs.similarity[np.ix_(pairs.drug, pairs.drug)]
    )
    y, centre = pairs.y[fold.train], pairs.y[fold.train].mean()
    exact = KernelRidge(alpha=1.0, kernel="precomputed").fit(
        kernel[np.ix_(fold.train, fold.train)], y - centre
    )
    expected = centre + exact.predict(kernel[np.ix_(fold.test, fold.train)])
    model = next(model for model in baselines(structures=True) if model.name == "Kernel ridge")
    (found,) = model.predict(pairs, [fold])
    np.testing.assert_allclose(found, expected, atol=1e-3)


def test_means(pairs):
    fold = Fold("0", np.flatnonzero(pairs.drug < 4), np.flatnonzero(pairs.drug >= 4))
    found = {m.name: next(iter(m.predict(pairs, [fold]))) for m in baselines(structures=False)[:4]}
    mean = pairs.y[fold.train].mean()
    np.testing.assert_allclose(found["Global mean"], mean)
    np.testing.assert_allclose(found["Drug mean"], mean)  # none of these drugs was seen
    train = pd.Series(pairs.y[fold.train]).groupby(pairs.line[fold.train]).mean()
    np.testing.assert_allclose(found["Line mean"], train[pairs.line[fold.test]])


@pytest.mark.parametrize(
    ("split", "target"), [("lines", "value"), ("pairs", "resistant"), ("drugs", "resistant")]
)
def test_the_planted_truth_is_found(data, split, target):
    job = pairs_job(data, split, target=target, n_splits=4)
    ranking = rank(job, baselines(structures=True))
    value = ranking.summary[ranking.summary["metric"] == job.metric].set_index("model")["value"]
    assert value.index[0] in ("Kernel ridge", "Random forest")
    assert value.iloc[0] > 0.8
    assert value["Drug mean"] == pytest.approx(0.5 if target == "resistant" else 0.0)
    assert set(ranking.differences["model"]) == set(value.index) - {value.index[0]}
    assert ranking.excluded == []


@pytest.mark.parametrize(
    "model",
    [
        LogisticRegression(),
        HistGradientBoostingClassifier(max_iter=5),
        RidgeClassifier(),  # has no probabilities
        Ridge(),
        make_pipeline(StandardScaler(), LogisticRegression()),
    ],
    ids=lambda model: type(model).__name__,
)
def test_an_estimator_runs_as_it_is(data, model):
    ranking = rank(pairs_job(data, "drugs", n_splits=4), [Model("mine", each_fold(estimator(model)))])
    assert ranking.summary["n"].max() == DRUGS


class Broken(Ridge):
    """Fails."""

    def fit(self, X, y):
        """Fail."""
        raise RuntimeError("no memory left")


@pytest.mark.parametrize(
    ("model", "target", "message"),
    [
        (LogisticRegression(), "value", "is a classifier; use --target resistant"),
        (Broken(), "value", "Broken failed in fold 0: RuntimeError: no memory left"),
    ],
)
def test_estimators_that_fail_say_so(data, model, target, message):
    with pytest.raises(ParameterError, match=message):
        rank(pairs_job(data, "lines", target=target), [Model("mine", each_fold(estimator(model)))])


def test_what_is_no_estimator(tmp_path):
    with pytest.raises(ParameterError, match="dict is no estimator"):
        estimator({})
    path = tmp_path / "my.py"
    path.write_text("import nothing_of_that_name\n", encoding="utf-8")
    for where, message in (
        ("nowhere.py:Model", "no model 'nowhere.py:Model'"),
        (str(path), "give a Python file and a name in it"),
        (f"{path}:Model", "No module named 'nothing_of_that_name'"),
    ):
        with pytest.raises(ParameterError, match=message):
            own_model(where, ("expression",))
    path.write_text("from sklearn.linear_model import Ridge as Model\n", encoding="utf-8")
    assert own_model(f"{path}:Model", ("expression",)).name == "Model (yours)"


def test_an_own_model_may_import_what_lies_beside_it_and_be_fitted_by_workers(data, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "own_layers.py").write_text("def half(x):\n    return x / 2\n", encoding="utf-8")
    (tmp_path / "my_searched.py").write_text(
        """
import numpy as np
from own_layers import half
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.model_selection import GridSearchCV


class Halved(RegressorMixin, BaseEstimator):
    def __init__(self, times=1):
        self.times = times

    def fit(self, X, y):
        self.level_ = self.times * half(np.mean(y))
        return self

    def predict(self, X):
        return np.full(len(X), self.level_)


def searched():
    return GridSearchCV(Halved(), {"times": [2]}, n_jobs=2, cv=2)
""",
        encoding="utf-8",
    )
    model = own_model(f"{tmp_path / 'my_searched.py'}:searched", ("expression",))
    job = pairs_job(data, "lines", target="value")
    (fold, predicted), *_ = [(f, p) for _, f, p in predictions(job.data, job.folds, [model])]
    assert predicted == pytest.approx(job.data.y[fold.train].mean())  # two halves
    # Kept predictions belong to these files: an edit of either makes them again.
    assert {tmp_path / "own_layers.py", tmp_path / "my_searched.py"} <= set(own_sources())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"split": "genes"}, "unknown split 'genes'; one of pairs, lines, types, drugs"),
        ({"target": "ic50"}, "unknown target 'ic50'"),
        ({"target": "auc"}, "the response has no auc"),
    ],
)
def test_choices_that_cannot_be(data, options, message):
    with pytest.raises((ParameterError, DataError), match=message):
        pairs_job(data, **({"split": "lines"} | options))


def test_drugs_that_are_not_scored_are_named(data):
    response = data.response.copy()
    response.loc[response["drug"] == "d3", "resistant"] = 1
    ranking = rank(pairs_job(replace(data, response=response), "drugs"), baselines(structures=True)[:3])
    assert ranking.excluded == ["d3: all its pairs have one label"]
    assert ranking.summary["n"].min() == DRUGS - 1


def test_a_killed_run_resumes_with_the_same_numbers(data, tmp_path):
    calls = []

    def fit(pairs, fold):
        calls.append(fold.name)
        return pairs.y[fold.test] + 0.1

    models = [Model("mine", each_fold(fit)), *baselines(structures=True)[:2]]
    job = pairs_job(data, "lines", target="value")
    first = rank(job, models, cache=tmp_path)
    assert len(calls) == 5
    second = rank(job, models, cache=tmp_path)
    assert len(calls) == 5
    pd.testing.assert_frame_equal(first.summary, second.summary)
    rank(pairs_job(data, "lines", target="value", seeds=2), models, cache=tmp_path)
    assert len(calls) == 10, "the folds of the first seed are there, those of the second are not"
    rank(pairs_job(data, "lines", target="value", n_splits=4), models, cache=tmp_path)
    assert len(calls) == 14, "other folds are other predictions"


def test_a_run_killed_inside_a_model_goes_on_with_the_next_fold(data, tmp_path):
    calls, reports = [], []

    def fit(pairs, fold):
        calls.append(fold.name)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return pairs.y[fold.test] + float(fold.name)

    job = pairs_job(data, "lines", target="value")
    with pytest.raises(KeyboardInterrupt):
        rank(job, [Model("mine", each_fold(fit))], cache=tmp_path)
    resumed = rank(
        job,
        [Model("mine", each_fold(fit))],
        cache=tmp_path,
        progress=lambda name, done, total: reports.append((name, done, total)),
    )
    assert calls == ["0", "1", "2", "2", "3", "4"]
    assert reports == [*(("mine", done, 5) for done in range(1, 6)), ("all models", 1, 1)]
    at_once = rank(job, [Model("mine", each_fold(fit), batch=5)], cache=tmp_path / "other")
    pd.testing.assert_frame_equal(resumed.summary, at_once.summary)


def test_folds_that_cut_the_same_rows_elsewhere_are_other_folds(data, tmp_path):
    job = pairs_job(data, "lines", target="value")
    rows = np.arange(len(job.data.y))
    models = [Model("mine", each_fold(lambda pairs, fold: np.full(len(fold.test), float(len(fold.train)))))]
    for cut in (200, 240):  # train, then test: the same sequence of rows
        folds = [Fold("0", rows[:cut], rows[cut:]), Fold("1", rows[cut:], rows[:cut])]
        predicted = {}
        cut_job = replace(job, folds=folds, judge=predicted.update)
        rank(cut_job, models, cache=tmp_path)
        assert [set(part) for part in predicted["mine"]] == [{float(cut)}, {float(len(rows) - cut)}]


def test_a_full_disk_is_one_error_that_says_what_is_kept(data, tmp_path, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    job, out = pairs_job(data, "lines", target="value"), tmp_path / "out"
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match=r"cannot write .*file.none: Not a directory"):
        bench(
            job, tmp_path / "file" / "none", networks=False, progress=lambda *_: pytest.fail("computed first")
        )
    monkeypatch.setattr("helpers.bench.job.write", full)
    with pytest.raises(
        RunError, match=r"cannot write .*out: No space left on device\. Make room.*could be kept"
    ):
        bench(job, out, networks=False)
    kept = {path: path.stat().st_mtime_ns for path in out.rglob("*.json")}
    assert kept
    monkeypatch.undo()
    bench(job, out, networks=False)
    assert {path: path.stat().st_mtime_ns for path in kept} == kept


def test_damaged_predictions_are_made_again(data, tmp_path):
    job, models = pairs_job(data, "lines", target="value"), baselines(structures=True)[:3]
    first = rank(job, models, cache=tmp_path)
    kept = sorted(tmp_path.rglob("*.json"))
    assert len(kept) == 3 * 5
    for path in kept:
        content = bytearray(path.read_bytes())
        content[-5] ^= 1  # a digit becomes another one
        path.write_bytes(content)
    with pytest.warns(UserWarning, match="is not as it was written; made again"):
        second = rank(job, models, cache=tmp_path)
    pd.testing.assert_frame_equal(first.summary, second.summary)


def test_hostile_names_are_text_on_the_page(data):
    bad = "<script>alert(1)</script>"
    models = [Model(bad, baselines(structures=True)[0].predict), *baselines(structures=True)[1:3]]
    report = pd.DataFrame({"found": [""], "how": ["lost"], "why": [bad]}, [bad])
    notes = replace(data.provenance, notes=(bad,))
    job = pairs_job(replace(data, name=bad, provenance=notes), "drugs", reports={"line": report})
    content = as_json(job, rank(job, models), {})
    assert json.loads(json.dumps(content, allow_nan=False)) == content
    assert "<script" not in page_html(content)
    assert "&lt;script&gt;" in page_html(content)


@pytest.fixture
def files(data, tmp_path) -> dict[str, str]:
    response = data.response.rename(columns={"value": "ln_ic50"}).drop(columns=["auc", "resistant"])
    smiles = {name: "CCO" if at % 2 == 0 else "c1ccccc1N" for at, name in enumerate(data.fingerprints.index)}
    tables = {
        "expression": data.expression.rename_axis("line").reset_index(),
        "response": response,
        "structures": pd.DataFrame({"drug": smiles.keys(), "smiles": smiles.values()}),
    }
    for name, table in tables.items():
        table.to_csv(tmp_path / f"{name}.csv", index=False)
    return {name: str(tmp_path / f"{name}.csv") for name in tables}


def test_the_command_from_files_to_a_page(files, tmp_path):
    (tmp_path / "my.py").write_text("from sklearn.linear_model import LogisticRegression\n", encoding="utf-8")
    options = [part for name, path in files.items() for part in (f"--{name}", path)]
    model = ["--model", f"{tmp_path}/my.py:LogisticRegression", "--features", "structure,expression"]
    done = CliRunner().invoke(
        app, ["bench", *options, "--split", "drugs", *model, "--no-networks", "--out", f"{tmp_path}/out"]
    )
    assert done.exit_code == 0, done.output
    assert "LogisticRegression (yours)" in done.output
    content = json.loads((tmp_path / "out" / "results.json").read_text(encoding="utf-8"))
    assert (content["tier"], content["asks"]) == ("own", "unseen drugs")
    assert content["counts"]["pairs"] == LINES * DRUGS
    assert [file["name"] for file in content["files"]] == ["expression.csv", "response.csv", "structures.csv"]
    assert "Labels follow the waterfall rule on ln IC50." in content["notes"]
    assert "unseen drugs" in (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    assert re.search(r"all models: (\d+) of \1, \d+ s after the start", done.output)


def test_of_other_code_or_choices_nothing_is_left(data, tmp_path):
    (tmp_path / "my.py").write_text("from sklearn.linear_model import Ridge\n", encoding="utf-8")
    job = pairs_job(data, "lines", target="value", n_splits=2)
    mine = tmp_path / "out" / "cache" / "mine" / "table.csv"
    mine.parent.mkdir(parents=True)
    mine.write_text("not of the bench", encoding="utf-8")
    for features in (["structure"], ["expression"]):
        bench(
            job,
            tmp_path / "out",
            model=f"{tmp_path}/my.py:Ridge",
            features=features,
            networks=False,
        )
        assert len(list((tmp_path / "out" / "cache").iterdir())) == 2
    assert mine.is_file()


def test_a_bad_file_ends_in_one_message(files, tmp_path):
    with pytest.raises(DataError, match=r"missing\.csv: neither a file nor a registered key"):
        pairs_of("missing.csv", files["response"], "lines")


@pytest.mark.parametrize(
    ("split", "target", "expected"),
    [
        ("lines", "resistant", {"RefDNN", "Random Forest, published", "Ridge per drug", "Drug x type"}),
        ("drugs", "resistant", {"RefDNN", "Mean IC50 rank", "Nearest drug's IC50 rank"}),
        ("lines", "value", set()),  # the study's models are of labels
    ],
)
def test_the_studies_enter_their_models(data, split, target, expected):
    job = pairs_job(data, split, target=target)
    names = {model.name for model in of_studies(job, networks=True)}
    assert expected <= names
    assert not names & {model.name for model in baselines(structures=True)}
    assert not {name for name in names if "RefDNN" in name} or target == "resistant"
    assert "RefDNN" not in {model.name for model in of_studies(job, networks=False)}


def test_a_study_s_model_is_fitted_on_the_training_part_alone(data):
    job = pairs_job(data, "lines", n_splits=4)
    model = next(one for one in of_studies(job, networks=False) if one.name == "Ridge per drug")
    fold = job.folds[0]
    (found,) = model.predict(job.data, [fold])
    response = data.response.copy()
    response.loc[fold.test, "resistant"] = 1 - response.loc[fold.test, "resistant"]
    hidden = pairs_job(replace(data, response=response.assign(value=np.nan)), "lines", n_splits=4)
    model = next(one for one in of_studies(hidden, networks=False) if one.name == "Ridge per drug")
    (again,) = model.predict(hidden.data, [fold])
    np.testing.assert_allclose(again, found)


@pytest.mark.parametrize("options", [["--expression", "x.csv"], ["--changes", "x.csv"], ["--cells", "x.csv"]])
def test_options_that_are_missing_are_named(options):
    done = CliRunner().invoke(app, ["bench", *options])
    assert done.exit_code == 1
    assert "is missing" in done.output
