import dataclasses
import json

import anndata
import numpy as np
import pandas as pd
import pytest

from helpers.data.download import cached_path
from helpers.data.hashes import git_blob_sha1
from helpers.data.registry import Registry
from helpers.data.sources import Sources
from helpers.data.types import Provenance
from helpers.errors import DataError, DownloadError
from helpers.studies.perturbation.competition import DESIGN, kaggle_design, read_de_table
from helpers.studies.perturbation.data import NAMES, load_cell_means, load_changes, load_printed_block
from helpers.studies.perturbation.printed import matched_genes, read_printed_block
from helpers.studies.perturbation.twin import NULL_RMS, TRAIN_RMS, kaggle_twin, simulate_changes
from helpers.studies.perturbation.types import ExpressionChanges


def rms(values):
    return np.sqrt((np.asarray(values) ** 2).mean(axis=1))


@pytest.fixture
def small() -> ExpressionChanges:
    return simulate_changes(0, n_compounds=6, n_shared=3, n_genes=5)


def test_null_entries_have_uniform_p():
    """Strength zero leaves sign x -log10(uniform): mean |y| is 1 / ln 10."""
    data = simulate_changes(1, n_genes=400, strength=1e-9)
    noise = data.matrix - data.planted
    # What all rows of a cell share is part of the null's size, of which single rows keep half at least.
    left = np.sqrt(np.maximum(NULL_RMS**2 - (data.planted**2).mean(axis=1), (NULL_RMS / 2) ** 2))
    for name, rows in data.rows.groupby("cell").indices.items():
        assert rms(noise[rows]).mean() == pytest.approx(left[rows].mean(), rel=0.05), name
    assert (np.abs(noise) / left[:, None] * NULL_RMS).mean() == pytest.approx(1 / np.log(10), rel=0.02)


def test_an_additive_world_has_no_effect_of_single_pairs():
    """Without interaction, two compounds differ by the same pattern in all cells, up to its strength."""
    data = simulate_changes(
        2, n_full=6, n_shared=4, n_compounds=4, n_genes=300, interaction=0, coherence=1e-6
    )
    expected = data.planted.reshape(6, 4, 300)
    contrast = expected - expected.mean(axis=1, keepdims=True)
    spread = contrast - contrast.mean(axis=0)
    assert np.abs(spread).max() < 1e-3 * np.abs(contrast).max()
    mixed = simulate_changes(2, n_full=6, n_shared=4, n_compounds=4, n_genes=300, interaction=1)
    mixed = mixed.planted.reshape(6, 4, 300)
    contrast = mixed - mixed.mean(axis=1, keepdims=True)
    assert (contrast - contrast.mean(axis=0)).std() > 0.3 * contrast.std()


def test_same_seed_same_bits_and_another_seed_another_world():
    first, again, other = (simulate_changes(seed, n_genes=20) for seed in (3, 3, 4))
    pd.testing.assert_frame_equal(first.values, again.values)
    assert not np.allclose(first.values, other.values)


def test_splits_of_the_design():
    rows = simulate_changes(0, n_cells=5, n_full=3, n_shared=4, n_compounds=10, n_genes=3).rows
    train = rows[rows["split"] == "train"]
    assert (train["cell"].value_counts() == [10, 10, 10, 4, 4]).all()
    assert set(rows.loc[rows["split"] != "train", "compound"]).isdisjoint(
        train.loc[train["cell"] == "B cells", "compound"]
    )


@pytest.mark.parametrize("change", [{"n_full": 9}, {"n_shared": 0}, {"n_genes": 0}])
def test_an_impossible_design_is_refused(change):
    with pytest.raises(DataError, match="no such design"):
        simulate_changes(**change)


def toy_design(n_compounds=40, n_genes=60):
    rng = np.random.default_rng(0)
    rows = simulate_changes(0, n_compounds=n_compounds, n_shared=8, n_genes=2).rows
    cells = list(rows["cell"].unique())
    means = pd.DataFrame(
        rng.normal(0.3, 0.5, (6, n_genes)), index=cells, columns=[f"g{i}" for i in range(n_genes)]
    )
    return rows, means


def test_the_twin_has_the_given_means_the_published_spread_and_calls_itself_simulated():
    rows, means = toy_design()
    data = kaggle_twin(rows, means, Provenance("panel", notes=("a note",)), seed=1)
    train = (rows["split"] == "train").to_numpy()
    np.testing.assert_allclose(data.cell_means().loc[means.index], means, atol=1e-4)
    assert data.matrix.dtype == np.float32 and data.matrix.shape == data.values.shape
    assert rms(data.values[train]).mean() == pytest.approx(TRAIN_RMS, rel=0.1)
    assert data.tier == "simulated"
    assert "SIMULATED" in data.provenance.notes[0] and data.provenance.notes[1] == "a note"
    assert rms(data.values[~train]).mean() < rms(data.values[train]).mean()


def test_the_twin_needs_a_mean_of_every_cell():
    rows, means = toy_design()
    with pytest.raises(DataError, match=r"lacks the cell type.*NK cells"):
        kaggle_twin(rows, means.drop(index="NK cells"), Provenance("panel"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: {"rows": d.rows.drop(columns="smiles")}, "lacks the column"),
        (lambda d: {"rows": d.rows.iloc[:0], "values": d.values.iloc[:0]}, "no rows or no genes"),
        (lambda d: {"rows": d.rows.set_index(d.rows.index + 1)}, "same index"),
        (lambda d: {"values": d.values.set_axis(["a", "a", "b", "c", "d"], axis=1)}, "stand twice"),
        (lambda d: {"rows": d.rows.assign(smiles=None)}, "missing entries"),
        (lambda d: {"rows": d.rows.assign(cell="one")}, "stands twice"),
        (lambda d: {"rows": d.rows.assign(lincs_id=[str(i) for i in d.rows.index])}, "two entries"),
        (lambda d: {"rows": d.rows.assign(split="later")}, "unknown split"),
        (lambda d: {"unit": "percent"}, "unknown unit"),
        (lambda d: {"values": d.values.mask(d.values.index.to_series() == 2)}, r"first \[2\]"),
    ],
)
def test_bad_tables_are_refused(small, change, message):
    with pytest.raises(DataError, match=message):
        dataclasses.replace(small, **change(small))


def test_subset_and_thin_keep_rows_and_genes_together(small):
    part = small.subset(small.rows["cell"] == "B cells", small.values.columns[[1, 3]])
    assert part.values.shape == (6, 2) and list(part.values.columns) == ["G2", "G4"]
    source = small.values.loc[(small.rows["cell"] == "B cells").to_numpy(), ["G2", "G4"]]
    np.testing.assert_array_equal(part.values, source)
    assert small.thin(0) is small and small.thin(99) is small
    assert list(small.thin(3).values.columns) == ["G1", "G3", "G5"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [({"name": "GDSC"}, "unknown data set 'GDSC'"), ({"data": "gold"}, "unknown data choice 'gold'")],
)
def test_unknown_choices(arguments, message):
    with pytest.raises(DataError, match=message):
        load_changes(**arguments)


@pytest.mark.parametrize("name", NAMES)
def test_the_small_stand_in_of_every_data_set(name):
    data = load_changes(name, "simulated", seed=2)
    assert (data.name, data.tier) == (name, "simulated")
    assert data.values.shape[1] >= 50


# Files of the competition --------------------------------------------------------------------


def table(n=4):
    return pd.DataFrame(
        {
            "cell_type": ["NK cells", "B cells"] * (n // 2),
            "sm_name": ["Belinostat", "Belinostat", "Idelalisib", "Idelalisib"][:n],
            "sm_lincs_id": ["L1", "L1", "L2", "L2"][:n],
            "SMILES": ["CO", "CO", "CN", "CN"][:n],
            "control": [True, True, False, False][:n],
            "A1BG": np.arange(n) - 1.5,
            "A2M": np.arange(n) / 7,
        }
    )


def h5ad(path, rows, split):
    obs = rows.drop(columns=["control", "A1BG", "A2M"]).assign(split=split).set_axis(map(str, rows.index))
    cells = anndata.AnnData(rows[["A1BG", "A2M"]].to_numpy(np.float32), obs=obs)
    cells.var_names = ["A1BG", "A2M"]
    cells.write_h5ad(path)
    return path


def test_parquet_and_h5ad_of_the_same_rows_are_read_alike(tmp_path):
    table().to_parquet(tmp_path / "de_train.parquet")
    split = ["control", "control", "train", "train"]
    first = read_de_table(tmp_path / "de_train.parquet")
    second = read_de_table(h5ad(tmp_path / "train.h5ad", table(), split))
    pd.testing.assert_frame_equal(first, second)
    assert list(first["control"]) == [True, True, False, False]
    assert list(first["A1BG"]) == [-1.5, -0.5, 0.5, 1.5]


@pytest.fixture
def cached(tmp_path, monkeypatch, real_registry):
    """Put a small file into the place of a large one; returns the registry that expects it."""
    monkeypatch.setenv("HELPERS_CACHE", str(tmp_path / "cache"))
    files = {file.key: file for file in real_registry if file.key.startswith("kaggle-de-")}

    def put(**content):
        for name, write in content.items():
            key = {"train": "kaggle-de-train", "train_h5ad": "kaggle-de-train-h5ad"}.get(
                name, "kaggle-de-test-h5ad"
            )
            place = cached_path(files[key])
            place.parent.mkdir(parents=True, exist_ok=True)
            write(place)
            known = {"bytes": place.stat().st_size}
            if key == "kaggle-de-train":
                known |= {"git_blob_sha1": git_blob_sha1(place)}
            files[key] = files[key].model_copy(update=known)
        return Registry(list(files.values()))

    return put


def test_the_full_tables_with_and_without_test_rows(cached):
    train_only = load_changes("Kaggle", "paper", registry=cached(train=table(2).to_parquet))
    assert train_only.tier == "paper" and set(train_only.rows["split"]) == {"train"}
    assert "test rows are not here" in train_only.provenance.notes[0]
    registry = cached(
        test=lambda path: h5ad(path, table().iloc[2:], ["public_test", "private_test"]),
    )
    both = load_changes("Kaggle", "paper", registry=registry)
    assert list(both.rows["split"]) == ["train", "train", "public", "private"]
    assert len(both.provenance.files) == 2 and both.unit == "signed -log10 p"


def test_the_organisers_training_file_serves_where_kaggles_is_missing(cached):
    registry = cached(
        train_h5ad=lambda path: h5ad(path, table(2), ["control", "control"]),
        test=lambda path: h5ad(path, table().iloc[2:], ["public_test", "private_test"]),
    )
    data = load_changes("Kaggle", "paper", registry=registry)
    assert list(data.rows["control"]) == [True, True, False, False]
    assert list(data.values["A1BG"]) == [-1.5, -0.5, 0.5, 1.5]
    assert any("only their size was checked" in note for note in data.provenance.notes)


def test_test_rows_with_other_genes_are_refused(cached):
    registry = cached(
        train=table(2).drop(columns="A2M").to_parquet,
        test=lambda path: h5ad(path, table().iloc[2:], ["public_test", "private_test"]),
    )
    with pytest.raises(DataError, match="genes differ"):
        load_changes("Kaggle", "paper", registry=registry)


def test_without_any_training_table_the_message_names_it(real_registry):
    with pytest.raises(DownloadError, match=r"kaggle-de-train-h5ad(?s:.)*helpers data fetch --tier paper"):
        load_changes("Kaggle", "paper", registry=real_registry)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.drop(columns="SMILES"), "SMILES"),
        (lambda t: t.assign(A1BG="text"), "not a readable table"),
    ],
)
def test_damaged_tables(tmp_path, change, message):
    change(table()).to_parquet(tmp_path / "bad.parquet")
    with pytest.raises(DataError, match=message):
        read_de_table(tmp_path / "bad.parquet")


def test_an_unknown_split_in_the_h5ad(tmp_path):
    with pytest.raises(DataError, match=r"unknown split\(s\) \['later'\]"):
        read_de_table(h5ad(tmp_path / "a.h5ad", table(), "later"))
    (tmp_path / "b.h5ad").write_bytes(b"no file")
    with pytest.raises(DataError, match="not a readable table"):
        read_de_table(tmp_path / "b.h5ad")


# The panel -----------------------------------------------------------------------------------


@pytest.mark.panel
def test_signatures_of_the_panel(panel):
    data = load_changes("L1000", "panel", registry=panel)
    assert data.values.shape == (130, 978) and data.rows["cell"].nunique() == 64
    assert data.rows["compound"].value_counts().to_dict() == {
        "vemurafenib": 61,
        "atorvastatin": 56,
        "venlafaxine": 13,
    }
    assert np.abs(data.values.to_numpy()).max() == pytest.approx(10)
    assert (data.unit, data.tier) == ("z-score", "panel")


@pytest.mark.panel
def test_pair_changes_of_the_panel(panel):
    data = load_changes("TranSiGen", "paper", registry=panel)
    assert data.values.shape == (100, 978) and data.tier == "panel"
    assert (data.rows["cell"].nunique(), data.rows["compound"].nunique()) == (43, 14)


@pytest.mark.panel
def test_the_real_design_with_simulated_targets(panel):
    sources = Sources.fetch(panel, DESIGN)
    rows, means, _ = kaggle_design(sources)
    assert means.shape == (6, 18_211)
    train = rows[rows["split"] == "train"]
    assert len(train) == 614 and tuple(train.iloc[0][["cell", "compound"]]) == ("NK cells", "Clotrimazole")
    assert train["cell"].value_counts()[["T cells CD8+", "B cells"]].tolist() == [142, 17]
    test = rows[rows["split"] != "train"]
    assert test["cell"].value_counts().to_dict() == {"B cells": 128, "Myeloid cells": 127}
    assert test.groupby("split")["compound"].nunique().to_dict() == {"private": 79, "public": 50}
    assert rows["smiles"].str.len().agg(["min", "max"]).tolist() == [8, 122]
    assert set(train.loc[train["control"], "compound"]) == {"Belinostat", "Dabrafenib"}
    data = load_changes("Kaggle", "panel", registry=panel)
    assert data.values.shape == (869, 18_211) and data.tier == "simulated"
    assert len(data.provenance.files) == 5


@pytest.mark.panel
def test_the_means_of_cell_types_are_real_on_the_panel(panel):
    """The shares of genes with a positive mean, as the protocol sheet counts them."""
    means = load_cell_means("panel", registry=panel)
    assert (means.tier, means.values.shape) == ("panel", (6, 18_211))
    up = (means.values > 0).mean(axis=1).set_axis(means.rows["cell"])
    assert up["NK cells"] == pytest.approx(0.77, abs=0.005)
    assert up["T cells CD8+"] == pytest.approx(0.56, abs=0.005)
    assert up["T regulatory cells"] == pytest.approx(0.82, abs=0.005)


def test_without_files_auto_falls_back_and_panel_does_not(tmp_path, monkeypatch, real_registry):
    for name, value in (("HELPERS_CACHE", str(tmp_path)), ("HELPERS_OFFLINE", "1")):
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("HELPERS_DATA_MIRROR", raising=False)
    data = load_changes("Kaggle", "auto", registry=real_registry)
    assert data.tier == "simulated" and "stand in for the panel" in data.provenance.notes[0]
    assert load_cell_means("auto", registry=real_registry).tier == "simulated"
    with pytest.raises(DownloadError, match=r"Kaggle means \(panel\)"):
        load_cell_means("panel", registry=real_registry)
    with pytest.raises(DownloadError, match=r"L1000 \(panel\).*(?s:.)*helpers data fetch --tier panel"):
        load_changes("L1000", "panel", registry=real_registry)


@pytest.mark.panel
def test_hepatocytes_of_the_panel(panel):
    data = load_changes("TG-GATEs", "panel", registry=panel)
    assert data.values.shape == (669, 196) and data.unit == "signed -log10 p"
    assert (data.rows["cell"].nunique(), data.rows["compound"].nunique()) == (6, 146)
    assert data.rows.groupby("block")["compound"].nunique().max() == 1
    assert 2 >= data.rows.groupby("block").size().max() > 1


@pytest.mark.panel
def test_rows_of_the_pairs_know_their_vehicle(panel):
    rows = load_changes("TranSiGen", "panel", registry=panel).rows
    assert rows.groupby("block")["cell"].nunique().max() == 1
    assert rows["cell"].nunique() < rows["block"].nunique() < len(rows)


@pytest.mark.panel
def test_the_printed_block_and_what_a_constant_sign_scores_there(panel):
    """Numbers as they were counted by hand from the printed table."""
    block = load_printed_block("panel", registry=panel)
    assert block.values.shape == (25, 97) and block.tier == "panel"
    assert tuple(block.rows.iloc[0][["cell", "compound"]]) == ("NK cells", "Clotrimazole")
    assert block.values.iloc[0].loc["A1BG"] == pytest.approx(0.10472)
    assert block.values.iloc[0].loc["A1BG-AS1"] == pytest.approx(-0.0775242)
    assert np.abs(block.matrix).mean() == pytest.approx(0.520, abs=5e-4)
    assert (block.matrix > 0).mean() == pytest.approx(0.573, abs=5e-4)


def notebook(table: str) -> str:
    return json.dumps({"cells": [{"outputs": [{"data": {"text/html": [table]}}]}]})


def test_a_printed_table_is_read_without_what_it_left_out(tmp_path):
    path = tmp_path / "n.ipynb"
    head = "<tr><th>Row</th><th>sm_name</th><th>cell_type</th><th>A_1</th><th>B</th><th>⋯</th></tr>"
    body = "<tr><td>1</td><td>x</td><td>1</td><td>-0.5</td><td>2</td><td>⋯</td></tr>"
    dots = "<tr>" + "<td>⋮</td>" * 6 + "</tr>"
    path.write_text(notebook(f"<table>{head}{dots}{body}</table>"), encoding="utf-8")
    block = read_printed_block(path)
    assert block.to_dict("index") == {"x": {"A_1": -0.5, "B": 2.0}}
    assert list(matched_genes(block, pd.Index(["C", "A-1", "B"])).columns) == ["A-1", "B"]
    for genes in (["B"], ["A-1", "A.1", "B"]):
        with pytest.raises(DataError, match="printed gene"):
            matched_genes(block, pd.Index(genes))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("no json", "not a readable notebook"),
        (notebook("<table><tr><th>a</th></tr></table>"), "no output holds a table"),
        (notebook("<tr><th>sm_name</th><th>cell_type</th><th>A</th></tr>"), "has no rows"),
        (
            notebook(
                "<tr><th>Row</th><th>sm_name</th><th>cell_type</th><th>A</th></tr>"
                "<tr><td>1</td><td>x</td><td>1</td><td>much</td></tr>"
            ),
            "is damaged",
        ),
    ],
)
def test_notebooks_without_the_table_are_refused(tmp_path, text, message):
    (tmp_path / "n.ipynb").write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=message):
        read_printed_block(tmp_path / "n.ipynb")
