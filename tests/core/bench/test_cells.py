"""Single cells in the bench: joined with bulk lines, scored with intervals over their lines."""

from __future__ import annotations

import json

import anndata
import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from typer.testing import CliRunner

from helpers.bench import cells_job, cells_of, estimator, of_studies, rank
from helpers.cli import app
from helpers.data.cells_twin import simulate_cell_set
from helpers.data.own import load_own
from helpers.errors import DataError
from helpers.evaluation.protocol import Model, each_fold

LINES, GENES = 60, 40


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Write bulk lines whose response is a gene's value, and cells of sixteen of them."""
    folder = tmp_path_factory.mktemp("cells")
    rng = np.random.default_rng(0)
    lines = [f"LINE{n:02}" for n in range(LINES)]
    log = rng.uniform(1, 6, (LINES, GENES))
    genes = [f"GENE{n}" for n in range(GENES)]
    expression = pd.DataFrame(log, pd.Index(lines, name="line"), genes)
    expression.to_csv(folder / "bulk.csv")
    value = 2 * (log[:, 0] - 3.5) + rng.normal(0, 0.3, LINES)
    response = pd.DataFrame({"line": lines, "drug": "Gefitinib", "ln_ic50": value})
    response["resistant"] = (value > np.median(value)).astype(int)
    pd.concat([response, response.assign(drug="Other")]).to_csv(folder / "response.csv", index=False)
    of = np.repeat(np.arange(16), 6)
    counts = rng.poisson(40 * (2 ** log[of] - 1) / (2 ** log[of] - 1).sum(axis=1, keepdims=True) * GENES)
    names = pd.Index([f"cell{n}" for n in range(len(of))])
    obs = pd.DataFrame({"line": [f"line-{n:02}" for n in of], "patient": [f"p{n // 2}" for n in of]}, names)
    cells = anndata.AnnData(sparse.csr_matrix(counts.astype(np.float32)), obs, pd.DataFrame(index=genes))
    cells.write(folder / "cells.h5ad")
    labels = pd.DataFrame({"cell": names, "response": np.where(value[of] > np.median(value), "R", "S")})
    labels.iloc[::-1].to_csv(folder / "labels.csv", index=False)
    return folder


def job_of(files, **options):
    return cells_of(files / "cells.h5ad", files / "bulk.csv", files / "response.csv", "gefitinib", **options)


def test_cells_are_called_by_the_response_of_their_line(files):
    job = job_of(files)
    assert job.counts == {"cells": 96, "bulk lines": LINES - 16, "genes": GENES}
    assert not {f"LINE{n:02}" for n in range(16)} & set(job.data.bulk.index)
    assert job.provenance.tier == "own"
    assert [file.name for file in job.provenance.files] == ["cells.h5ad", "bulk.csv", "response.csv"]
    assert set(job.reports["line of cells"]["how"]) == {"normalised name"}
    assert job.unit == "line"


def test_labels_of_cells_are_joined_by_name(files):
    by_line, by_cell = job_of(files), job_of(files, labels=files / "labels.csv", unit="patient")
    assert by_cell.unit == "patient"
    assert "labels.csv" in {file.name for file in by_cell.provenance.files}
    model = Model("gene", each_fold(lambda data, fold: data.cells["GENE0"].to_numpy()))
    values = [rank(job, [model]).summary.set_index("metric")["value"] for job in (by_line, by_cell)]
    assert values[0]["AUCROC"] == pytest.approx(values[1]["AUCROC"])
    assert rank(by_cell, [model]).summary["n"].tolist() == [8, 8]


def test_scores_are_those_of_scikit_learn(files):
    job = job_of(files, seeds=2)
    rng = np.random.default_rng(1)
    noise = [rng.normal(size=96) for _ in range(2)]
    models = [
        Model("gene", each_fold(lambda data, fold: data.cells["GENE0"].to_numpy())),
        Model("noise", each_fold(lambda data, fold: noise[fold.seed])),
    ]
    ranking = rank(job, models)
    value = pd.read_csv(files / "response.csv").drop_duplicates("line").set_index("line")["resistant"]
    y = value[[f"LINE{n:02}" for n in np.repeat(np.arange(16), 6)]].to_numpy()
    found = ranking.summary[ranking.summary["metric"] == "AUCROC"].set_index("model")
    assert list(found.index) == ["gene", "noise"]
    assert found.loc["gene", "value"] == pytest.approx(roc_auc_score(y, job.data.cells["GENE0"]))
    assert found.loc["noise", "value"] == pytest.approx(np.mean([roc_auc_score(y, one) for one in noise]))
    (difference,) = ranking.differences.itertuples()
    assert difference.difference == pytest.approx(found.loc["gene", "value"] - found.loc["noise", "value"])
    assert difference.low < difference.difference < difference.high
    assert found.loc["gene", "low"] <= found.loc["gene", "value"] <= found.loc["gene", "high"]


def test_models_of_the_studies_find_the_planted_gene(files):
    job = job_of(files)
    ranking = rank(job, of_studies(job, networks=False))
    value = ranking.summary[ranking.summary["metric"] == "AUCROC"].set_index("model")["value"]
    assert value["logistic, own scale"] > 0.8
    assert value["ridge on bins"] > 0.8


def test_an_estimator_runs_as_it_is(files):
    job = job_of(files)
    ranking = rank(job, [Model("mine", each_fold(estimator(LogisticRegression(), ("expression",))))])
    assert ranking.summary["value"].min() > 0.8


def test_both_networks_take_part(files):
    job = job_of(files)
    names = [{model.name for model in of_studies(job, networks=on)} for on in (True, False)]
    assert names[0] - names[1] == {"scDEAL", "GPDS"}


def test_few_lines_have_no_interval(files, tmp_path):
    cells = anndata.read_h5ad(files / "cells.h5ad")
    kept = cells[cells.obs["line"].isin(["line-00", "line-01", "line-02", "line-03", "line-04"])]
    kept.copy().write(tmp_path / "few.h5ad")
    job = cells_of(tmp_path / "few.h5ad", files / "bulk.csv", files / "response.csv", "Gefitinib")
    model = Model("gene", each_fold(lambda data, fold: data.cells["GENE0"].to_numpy()))
    ranking = rank(job, [model])
    assert ranking.summary["low"].isna().all()
    assert "The cells are of 5 lines: too few for an interval." in job.provenance.notes


@pytest.mark.parametrize(
    ("drug", "unit", "message"),
    [
        ("Cisplatin", None, "no drug is called 'Cisplatin'; for example Gefitinib, Other"),
        ("Gefitinib", "donor", "no column 'donor' of cells; it has line, patient"),
    ],
)
def test_choices_that_cannot_be(files, drug, unit, message):
    with pytest.raises(DataError, match=message):
        cells_of(files / "cells.h5ad", files / "bulk.csv", files / "response.csv", drug, unit=unit)


def test_genes_of_another_kind(files):
    data, _ = load_own(files / "bulk.csv", files / "response.csv")
    cells = simulate_cell_set("mine", 4, 10, 0)
    cells.obs["resistant"] = np.arange(cells.n_obs) % 2
    cells.var_names = [f"ENSG{n:011}" for n in range(cells.n_vars)]
    with pytest.raises(DataError, match=r"share no gene .*bring both to symbols"):
        cells_job(cells, data, "Gefitinib")


def test_the_command_from_files_to_a_page(files, tmp_path):
    options = ["--cells", "cells.h5ad", "--expression", "bulk.csv", "--response", "response.csv"]
    options = [str(files / part) if part.endswith(("h5ad", "csv")) else part for part in options]
    command = ["bench", *options, "--drug", "Gefitinib", "--no-networks", "--out", f"{tmp_path}/out"]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    content = json.loads((tmp_path / "out" / "results.json").read_text(encoding="utf-8"))
    assert (content["kind"], content["unit"], content["target"]) == ("cells", "line", "resistant")
    page = (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    assert "single cells from bulk lines" in page
