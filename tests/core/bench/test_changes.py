"""Tables of perturbation in the bench: readers, folds, scores, and what the studies enter."""

from __future__ import annotations

import json

import anndata
import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression, Ridge
from typer.testing import CliRunner

from helpers.bench import changes_job, estimator, of_studies, rank
from helpers.cli import app
from helpers.data.readers import read
from helpers.errors import DataError, ParameterError
from helpers.evaluation.protocol import Model, each_fold

CELLS, COMPOUNDS, GENES = 6, 8, 10


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    """Return changes that are a cell's effect plus a compound's, and a little noise."""
    rng = np.random.default_rng(0)
    cell, compound = rng.normal(0, 1, (CELLS, GENES)), rng.normal(0, 3, (COMPOUNDS, GENES))
    values = cell[:, None] + compound[None] + rng.normal(0, 0.1, (CELLS, COMPOUNDS, GENES))
    index = pd.MultiIndex.from_product(
        [[f"T{n}" for n in range(CELLS)], [f"drug {n}" for n in range(COMPOUNDS)]],
        names=["cell_type", "sm_name"],
    )
    genes = [f"G{n}" for n in range(GENES)]
    return pd.DataFrame(values.reshape(-1, GENES), index, genes).reset_index()


@pytest.fixture
def path(table, tmp_path):
    path = tmp_path / "de_train.csv"
    smiles = {f"drug {n}": "C" * (n + 1) + "O" for n in range(COMPOUNDS)}
    table.assign(SMILES=table["sm_name"].map(smiles), control="False").to_csv(path, index=False)
    return path


def test_rows_and_genes_are_told_apart(path, table):
    found = read(path, "changes")
    rows, values = found.content
    assert rows["cell"].tolist() == table["cell_type"].tolist()
    assert rows.loc[0, ["compound", "lincs_id", "smiles"]].tolist() == ["drug 0", "drug 0", "CO"]
    np.testing.assert_allclose(values, table.filter(like="G"), atol=1e-6)
    assert found.provenance.notes == ("1 column(s) describe and are no genes: control.",)


def test_an_h5ad_file_gives_the_same(path, table, tmp_path):
    obs = table[["cell_type", "sm_name"]].set_axis([f"row {n}" for n in range(len(table))])
    values = table.filter(like="G")
    anndata.AnnData(values.to_numpy(), obs, pd.DataFrame(index=values.columns)).write(tmp_path / "x.h5ad")
    rows, values = read(tmp_path / "x.h5ad", "changes").content
    of_text = read(path, "changes").content
    assert (rows[["cell", "compound"]] == of_text[0][["cell", "compound"]]).all(axis=None)
    pd.testing.assert_frame_equal(values, of_text[1], check_exact=False)


def test_replicates_are_averaged(table, tmp_path):
    double = pd.concat([table, table.assign(**{"G0": table["G0"] + 2})])
    double.to_parquet(tmp_path / "twice.parquet")
    found = read(tmp_path / "twice.parquet", "changes")
    np.testing.assert_allclose(found.content[1]["G0"], table["G0"] + 1, atol=1e-6)
    assert "48 of 96 rows repeat a cell and a compound; their mean was taken." in found.provenance.notes


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.drop(columns="sm_name"), "48 row.s. name no compound .*give a column 'compound'"),
        (lambda t: t.assign(sm_name=t["sm_name"].where(t["sm_name"] != "drug 1", "")), "6 row.s. name no"),
        (lambda t: t.assign(G0=np.inf), "infinite"),
        (
            lambda t: t.assign(G0=t["G0"].astype(object).where(t.index != 3, "high")),
            "'G0' holds 'high' among",
        ),
        (lambda t: t.rename(columns={"G0": "2-Sep"}), "a spreadsheet turned"),
        (lambda t: t[["cell_type", "sm_name"]], "rows x genes is empty"),
    ],
)
def test_tables_that_are_refused(table, tmp_path, change, message):
    path = tmp_path / "bad.csv"
    change(table).to_csv(path, index=False)
    with pytest.raises(DataError, match=message):
        read(path, "changes")


@pytest.mark.parametrize(("split", "column"), [("lines", "cell"), ("drugs", "compound")])
def test_a_group_is_on_one_side_of_a_fold(path, split, column):
    job = changes_job(read(path, "changes"), split, n_splits=3, seeds=2)
    assert job.seeds == 2
    for fold in job.folds:
        names = job.data.table[column].to_numpy()
        assert not set(names[fold.train]) & set(names[fold.test])
        columns = job.data.columns(fold, ("one-hot", "structure"))
        assert not [name for name in columns if name.partition(" ")[2] in set(names[fold.test])]


@pytest.mark.parametrize(
    ("split", "best", "above"), [("pairs", "additive", 0.95), ("lines", "compound mean", 0.8)]
)
def test_the_planted_truth_is_found(path, split, best, above):
    job = changes_job(read(path, "changes"), split, n_splits=3)
    ranking = rank(job, of_studies(job, networks=False))
    wide = ranking.summary.pivot_table(index="model", columns="metric", values="value")
    assert wide.loc[best, "sign accuracy"] > above
    assert wide.loc[best, "sign accuracy"] > wide["sign accuracy"].max() - 0.05
    zero = job.data.changes.astype(float)
    assert wide.loc["zero", "sign accuracy"] == 0
    assert wide.loc["zero", "Pearson"] == 0
    if split == "lines":  # the median over cells of each cell's error
        of_cell = np.abs(zero).mean(axis=1).reshape(CELLS, COMPOUNDS).mean(axis=1)
        assert wide.loc["zero", "MAE"] == pytest.approx(np.median(of_cell), rel=1e-5)


def test_every_network_of_the_study_takes_part(path):
    job = changes_job(read(path, "changes"), "pairs")
    more = {model.name for model in of_studies(job, networks=True)}
    assert more - {model.name for model in of_studies(job, networks=False)} == {
        *("LSTM", "GRU", "GRU3", "GRU3-ATTN", "Transformer", "Autoencoder")
    }
    assert "similar structure" in more


def test_an_estimator_runs_as_it_is(path):
    job = changes_job(read(path, "changes"), "drugs")
    features = ("one-hot", "structure")
    ranking = rank(job, [Model("mine", each_fold(estimator(Ridge(), features)))])
    assert ranking.summary["n"].max() == COMPOUNDS
    with pytest.raises(ParameterError, match="is a classifier; use --target resistant, or a regressor"):
        rank(job, [Model("mine", each_fold(estimator(LogisticRegression(), features)))])


def test_the_command_from_a_file_to_a_page(path, tmp_path):
    options = ["--changes", str(path), "--split", "drugs", "--no-networks", "--out", f"{tmp_path}/out"]
    done = CliRunner().invoke(app, ["bench", *options])
    assert done.exit_code == 0, done.output
    content = json.loads((tmp_path / "out" / "results.json").read_text(encoding="utf-8"))
    assert (content["kind"], content["tier"], content["unit"]) == ("changes", "own", "compound")
    assert content["counts"] == {"rows": 48, "cells": CELLS, "compounds": COMPOUNDS, "genes": GENES}
    assert content["files"][0]["name"] == "de_train.csv"
    assert "unseen compounds" in (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
