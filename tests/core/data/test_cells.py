"""Readers of single-cell files, on small files of their form and on the real panel."""

from __future__ import annotations

import gzip

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData

from helpers.data.bulk import load_bulk
from helpers.data.cell_files import read_plate, read_r_counts, single_cells
from helpers.data.cells import line_labels, load_cells
from helpers.data.cells_paper import (
    FILES,
    H5AD_FILES,
    load_pan_cancer,
    load_pan_cancer_h5ad,
    read_portal_counts,
)
from helpers.data.gene_ids import to_symbols
from helpers.data.sources import Sources
from helpers.errors import DataError


def test_symbols_are_unique_and_the_id_with_more_counts_stays():
    symbols = pd.Series({"E1": "A", "E2": "B", "E3": "A"})
    names, kept, notes = to_symbols(pd.Index(["E1", "E2", "E3", "E4"]), symbols, np.array([1, 1, 5, 1]))
    assert list(names) == ["B", "A", "E4"]
    assert list(kept) == [1, 2, 3]
    assert notes[0].startswith("3 of 4 genes have a symbol")
    assert "1 gene ids share" in notes[1]


@pytest.mark.parametrize(
    ("ids", "message"), [(["E1", "E1"], "stands twice"), (["x", "y"], "none of 2 gene ids")]
)
def test_ids_that_cannot_be_mapped(ids, message):
    with pytest.raises(DataError, match=message):
        to_symbols(pd.Index(ids), pd.Series({"E1": "A"}), np.ones(len(ids)))


@pytest.fixture
def plate(tmp_path):
    def write(counts: str, metadata: str):
        for name, text in (("counts.csv.gz", counts), ("metadata.csv.gz", metadata)):
            with gzip.open(tmp_path / name, "wt", encoding="utf-8") as stream:
                stream.write(text)
        return tmp_path / "counts.csv.gz", tmp_path / "metadata.csv.gz"

    return write


COUNTS = ",A1,A2,A3\nE1,1,0,2\nE2,0,0,5\n"
METADATA = ",cell_number,cell_line_demuxlet,demuxlet_cls\nA1,1,H838,SNG\nA2,2,A549,SNG\nA3,1,A549,DBL\n"


def test_plates(plate):
    counts, metadata = read_plate(*plate(COUNTS, METADATA))
    assert counts.loc["A3"].tolist() == [2, 5]
    assert single_cells(metadata).tolist() == [True, False, False]


def test_a_sorted_line_must_be_the_called_one():
    metadata = pd.DataFrame(
        {
            "demuxlet_cls": ["SNG", "SNG"],
            "cell_line": ["A549", "H838"],
            "cell_line_demuxlet": ["A549", "A549"],
        }
    )
    assert single_cells(metadata).tolist() == [True, False]


@pytest.mark.parametrize(
    ("counts", "metadata", "message"),
    [
        (COUNTS.replace("A3", "A4"), METADATA, "do not name the same cells"),
        (COUNTS, METADATA.replace("demuxlet_cls", "class"), "lacks the column.s. demuxlet_cls"),
        (COUNTS.replace("5", "0.5"), METADATA, "expected counts"),
        (COUNTS.replace("5", "-5"), METADATA, "expected counts"),
    ],
)
def test_plates_that_are_refused(plate, counts, metadata, message):
    with pytest.raises(DataError, match=message):
        read_plate(*plate(counts, metadata))


def test_a_file_that_is_no_r_matrix(tmp_path):
    path = tmp_path / "cells.rda"
    path.write_bytes(b"nothing")
    with pytest.raises(DataError, match="does not hold the sparse matrix 'atlas'"):
        read_r_counts(path, "atlas")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("atlas",), "unknown single-cell data set 'atlas'"),
        (("breast-atlas", "some"), "unknown data choice 'some'"),
        (("breast-atlas", "paper"), "the paper tier has pan-cancer-lines"),
        (("pan-cancer-lines", "panel"), "is on the paper tier"),
        (("lung-mixology", "panel"), "helpers data fetch --tier panel"),
    ],
)
def test_sets_that_cannot_be_had(arguments, message, real_registry):
    with pytest.raises(DataError, match=message):
        load_cells(*arguments, registry=real_registry)


def test_without_files_the_twin_stands_in(real_registry):
    cells = load_cells("breast-atlas", registry=real_registry)
    assert cells.uns["provenance"].tier == "simulated"
    assert cells.uns["provenance"].notes[0].startswith("Simulated data stand in")


# The pan-cancer lines, in small ------------------------------------------------------------

PORTAL = (
    "GENE\tc1\tc2\tc3\nCell_line\tMKN45_STOMACH\tSCC9_X\tMKN45_STOMACH\nPool_ID\t1\t1\t2\n"
    "EGFR\t1\t0\t2\nTP53\t0\t4\t0\n"
)


def test_pan_cancer_lines(tmp_path):
    texts = (
        PORTAL,
        "NAME\tCell_line\tPool_ID\nTYPE\tgroup\tgroup\nc3\tMKN45_STOMACH\t2\nc2\tSCC9_X\t1\n",
        "ModelID,StrippedCellLineName,OncotreeLineage,COSMICID\nACH-000356,MKN45,Stomach,925340\n",
    )
    for key, text in zip(FILES, texts, strict=True):
        (tmp_path / key).write_text(text, encoding="utf-8")
    cells = load_pan_cancer(Sources({key: tmp_path / key for key in FILES}))
    assert list(cells.obs_names) == ["c2", "c3"]
    assert cells.obs["model_id"].tolist() == ["", "ACH-000356"]
    assert cells.obs["batch"].tolist() == ["1", "2"]
    assert cells.X.toarray().tolist() == [[0, 4], [2, 0]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (PORTAL.replace("Pool_ID", "Pool"), "expected header rows"),
        (PORTAL.replace("TP53", "EGFR"), "must be unique"),
        (PORTAL.replace("4", "0.4"), "expected counts"),
    ],
)
def test_portal_files_that_are_refused(tmp_path, text, message):
    path = tmp_path / "counts.txt"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=message):
        read_portal_counts(path)


MODELS = "ModelID,StrippedCellLineName,OncotreeLineage,COSMICID\nACH-000356,MKN45,Stomach,925340\n"
THREE_CELLS = [[0, 4], [1, 0], [2, 0]]


@pytest.fixture
def h5ad(tmp_path):
    """Writes an h5ad file of three cells and its models; returns what its loader makes of it."""

    def load(values, *, layer=None, column="Cell_line"):
        obs = pd.DataFrame({column: ["MKN45_STOMACH", "SCC9_X", "MKN45_STOMACH"]}, index=["c1", "c2", "c3"])
        made = AnnData(np.asarray(values, float), obs, pd.DataFrame(index=["EGFR", "TP53"]))
        if layer is not None:
            made.layers["counts"] = np.asarray(layer, float)
        made.write_h5ad(tmp_path / "cells.h5ad")
        (tmp_path / "models.csv").write_text(MODELS, encoding="utf-8")
        paths = (tmp_path / "cells.h5ad", tmp_path / "models.csv")
        return load_pan_cancer_h5ad(Sources(dict(zip(H5AD_FILES, paths, strict=True))))

    return load


def test_pan_cancer_lines_as_h5ad(h5ad):
    cells = h5ad(THREE_CELLS)
    assert cells.obs["model_id"].tolist() == ["ACH-000356", "", "ACH-000356"]
    assert cells.X.toarray().tolist() == THREE_CELLS
    assert cells.uns["units"] == "counts"


def test_counts_of_a_layer_come_before_logarithms(h5ad):
    cells = h5ad(np.log1p(THREE_CELLS), layer=THREE_CELLS, column="cell_line")
    assert cells.X.toarray().tolist() == THREE_CELLS


def test_h5ad_files_that_are_refused(h5ad):
    with pytest.raises(DataError, match="expected counts"):
        h5ad(np.log1p(THREE_CELLS))
    with pytest.raises(DataError, match="names the line of a cell"):
        h5ad(THREE_CELLS, column="who")


# The real panel ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def atlas(panel):
    return load_cells("breast-atlas", "panel", registry=panel)


@pytest.mark.panel
def test_the_breast_atlas(panel, atlas):
    cells = atlas
    assert cells.shape == (930, 29_934)
    assert (cells.obs["line"].value_counts() == 30).all()
    assert cells.obs.loc[cells.obs["model_id"] != "", "line"].nunique() == 28
    assert cells.var_names.is_unique
    bulk = load_bulk("GDSC2", "panel", registry=panel)
    assert cells.var_names.isin(bulk.expression.columns).sum() == 478
    value = line_labels(cells, bulk, "Camptothecin", what="response")
    assert value.groupby(cells.obs["line"]).first().notna().sum() == 26


@pytest.mark.panel
def test_cells_of_the_atlas_resemble_the_bulk_of_their_own_line(panel, atlas):
    """Names and genes fit together: pseudo-bulk correlates best with the line of the same name."""
    bulk = load_bulk("GDSC2", "panel", registry=panel).expression
    cells = atlas[atlas.obs["model_id"].isin(bulk.index).to_numpy()]
    genes = bulk.columns.intersection(cells.var_names)
    counts = pd.DataFrame(cells[:, genes].X.toarray(), index=cells.obs["model_id"]).groupby(level=0).sum()
    pseudo = np.log2(1e6 * counts.div(counts.sum(axis=1), axis=0) + 1)
    x, y = (t - t.mean(axis=0) for t in (pseudo.to_numpy(), bulk.loc[pseudo.index, genes].to_numpy()))
    likeness = np.corrcoef(x, y)[: len(x), len(x) :]
    assert (likeness.argmax(axis=1) == np.arange(len(x))).mean() > 0.9


@pytest.mark.panel
def test_the_lung_plates(panel):
    cells = load_cells("lung-mixology", "panel", registry=panel)
    assert cells.shape == (544, 13_558)
    assert cells.obs["batch"].value_counts().to_dict() == {"3cl": 240, "p2": 155, "p1": 149}
    assert set(cells.obs["line"]) == {"A549", "HCC827", "NCIH838", "NCIH1975", "NCIH2228"}
    assert (cells.obs["model_id"] != "").all()
    assert (cells.obs["lineage"] == "Lung").all()
