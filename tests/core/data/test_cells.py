"""Readers of single-cell files, on small files of their form and on the real panel."""

from __future__ import annotations

import gzip

import numpy as np
import pandas as pd
import pytest

from helpers.data.bulk import load_bulk
from helpers.data.cell_files import read_plate, read_r_counts, read_scaled_table, single_cells
from helpers.data.cells import line_labels, load_cells
from helpers.data.cells_paper import FILES, load_paper, read_gene_table, read_portal_counts
from helpers.data.gene_ids import entrez_symbols, to_symbols
from helpers.data.sources import Sources
from helpers.errors import DataError


def test_entrez_ids_of_well_known_genes():
    symbols = entrez_symbols()
    known = {"672": "BRCA1", "1956": "EGFR", "7157": "TP53", "673": "BRAF", "2064": "ERBB2"}
    assert symbols[list(known)].to_dict() == known
    assert symbols.is_unique
    assert symbols.index.is_unique


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


def test_a_scaled_table(tmp_path):
    path = tmp_path / "table.tsv"
    path.write_text("\tresponse\t1\t20\nc1\t1\t-0.5\t2\nc2\t0\t0.5\t-2\n", encoding="utf-8")
    values, label = read_scaled_table(path)
    assert list(values.columns) == ["1", "20"]
    assert label.to_dict() == {"c1": 1.0, "c2": 0.0}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("\tlabel\t1\nc1\t1\t-1\n", "column response"),
        ("\tresponse\t1\nc1\t2\t-1\n", "column response"),
        ("\tresponse\t1\nc1\t1\t3\n", "expected scaled expression"),
        ("\tresponse\t1\nc1\t1\t\nc2\t0\t-1\n", "expected scaled expression"),
    ],
)
def test_scaled_tables_that_are_refused(tmp_path, text, message):
    path = tmp_path / "table.tsv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=message):
        read_scaled_table(path)


def test_a_file_that_is_no_r_matrix(tmp_path):
    path = tmp_path / "cells.rda"
    path.write_bytes(b"nothing")
    with pytest.raises(DataError, match="does not hold the sparse matrix 'atlas'"):
        read_r_counts(path, "atlas")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("atlas",), "unknown single-cell data set 'atlas'"),
        (("A375", "some"), "unknown data choice 'some'"),
        (("A375", "paper"), "A375 has no data choice 'paper'"),
        (("GSE112274", "panel"), "GSE112274 has no data choice 'panel'"),
        (("A375", "panel"), "helpers data fetch --tier panel"),
        (("GSE112274", "paper"), "obtained by hand"),
    ],
)
def test_sets_that_cannot_be_had(arguments, message, real_registry):
    with pytest.raises(DataError, match=message):
        load_cells(*arguments, registry=real_registry)


def test_without_files_the_twin_stands_in(real_registry):
    cells = load_cells("breast-atlas", registry=real_registry)
    assert cells.uns["provenance"].tier == "simulated"
    assert cells.uns["provenance"].notes[0].startswith("Simulated data stand in")


# The studies' own files, in small ------------------------------------------------------------------

GENES = "gene,{}\nEGFR,1,2,3,0\nTP53,0,1,0,7\n"


def sources(tmp_path, name, **texts) -> Sources:
    paths = {}
    for key, text in zip(FILES[name], texts.values(), strict=True):
        paths[key] = tmp_path / key
        paths[key].write_text(text, encoding="utf-8")
    return Sources(paths)


def test_sharma_cells_by_origin_with_holiday_as_sensitive(tmp_path):
    info = (
        "groups\torigin\tcluster\nb\tHN120PCR\tHN120P_Resistant\na\tHN120P\tHN120_Sensitive\n"
        "c\tHN137P\tx\nd\tHN120P\tHoliday\n"
    )
    files = sources(tmp_path, "GSE117872-HN120", counts=GENES.format("a,b,c,d"), info=info)
    cells = load_paper("GSE117872-HN120", files)
    assert cells.obs["label"].to_dict() == {"a": 1.0, "b": 0.0, "d": 1.0}
    assert cells.uns["units"] == "TPM"
    assert cells["d"].X.toarray().tolist() == [[0, 7]]


def test_kong_cells_by_name(tmp_path):
    files = sources(
        tmp_path, "GSE112274", counts=GENES.format("PC9_parental_1,PC9_G3_1,PC9_LOW_1,PC9_parental_2")
    )
    assert load_paper("GSE112274", files).obs["label"].tolist() == [1, 0, 0, 1]


@pytest.mark.parametrize(
    ("name", "info"),
    [
        ("GSE140440", "x\tPC3_Res\ny\tPC3_Sen\nz\tDU_Res\nw\tDU\n"),
        ("GSE149383", "x,res1\ny,par\nz,res\nw,par\n"),
    ],
)
def test_cells_described_in_their_order(tmp_path, name, info):
    files = sources(tmp_path, name, counts=GENES.format("a,b,c,d"), info=info)
    assert load_paper(name, files).obs["label"].tolist() == [0, 1, 0, 1]
    files.paths[FILES[name][1]].write_text(info.rsplit("w", 1)[0], encoding="utf-8")
    with pytest.raises(DataError, match="describes 3 cells, the table has 4"):
        load_paper(name, files)


def test_bell_cells_without_empty_wells(tmp_path, monkeypatch):
    about = pd.DataFrame(
        {
            "Plate#": ["P1", None, "P2", "P2"],
            "Well position": ["A1=1", "A2=2", "A1=1", "A2=2"],
            "Sample name": ["RESISTANT", "RESISTANT w", "PARENTAL", "EMPTY"],
        }
    )
    monkeypatch.setattr("helpers.data.cells_paper.pd.read_excel", lambda *a, **k: about)
    files = sources(tmp_path, "GSE110894", counts=GENES.format("P2_A1,P1_A1,P1_A2,P2_A2"), info="xlsx")
    cells = load_paper("GSE110894", files)
    assert cells.obs["label"].to_dict() == {"P2_A1": 1.0, "P1_A1": 0.0, "P1_A2": 0.0}


def test_gene_tables(tmp_path):
    path = tmp_path / "genes.txt"
    path.write_text("gene\ta\tb\nG\t1\t2\nG\t3\t4\n", encoding="utf-8")
    assert read_gene_table(path).loc["b", "G"] == 6
    for text, message in (("g,a\nG,-1\n", "negative"), ("g,a\nG,\n", "missing")):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(DataError, match=message):
            read_gene_table(path)


PORTAL = (
    "GENE\tc1\tc2\tc3\nCell_line\tMKN45_STOMACH\tSCC9_X\tMKN45_STOMACH\nPool_ID\t1\t1\t2\n"
    "EGFR\t1\t0\t2\nTP53\t0\t4\t0\n"
)


def test_pan_cancer_lines(tmp_path):
    files = sources(
        tmp_path,
        "pan-cancer-lines",
        counts=PORTAL,
        metadata="NAME\tCell_line\tPool_ID\nTYPE\tgroup\tgroup\nc3\tMKN45_STOMACH\t2\nc2\tSCC9_X\t1\n",
        models="ModelID,StrippedCellLineName,OncotreeLineage,COSMICID\nACH-000356,MKN45,Stomach,925340\n",
    )
    cells = load_paper("pan-cancer-lines", files)
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


@pytest.mark.panel
@pytest.mark.parametrize(
    ("name", "shape", "sensitive", "symbols"),
    [
        ("A375", (108, 2873), 62, 2872),
        ("SCAD-Gefitinib", (66, 2933), 33, 2933),
        ("SCAD-Vorinostat", (66, 2933), 33, 2933),
        ("SCAD-Afatinib", (120, 2876), 60, 2872),
    ],
)
def test_the_scaled_tables(panel, name, shape, sensitive, symbols):
    cells = load_cells(name, "panel", registry=panel)
    assert cells.shape == shape
    assert cells.obs["label"].sum() == sensitive
    assert (~cells.var_names.str.startswith("ENTREZ:")).sum() == symbols
    assert cells.uns["units"] == "z-scores"
