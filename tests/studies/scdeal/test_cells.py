"""Readers of the chapter's single cells, on small files of their form and on the real panel."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from helpers.data.bulk import load_bulk
from helpers.data.cells import normalise
from helpers.data.sources import Sources
from helpers.errors import DataError
from helpers.studies.scdeal.cells import entrez_symbols, load_cells, read_scaled_table
from helpers.studies.scdeal.geo import FILES, read_geo

TABLES = ("A375", "SCAD-Gefitinib", "SCAD-Vorinostat", "SCAD-Afatinib")


def test_entrez_ids_of_well_known_genes():
    symbols = entrez_symbols()
    known = {"672": "BRCA1", "1956": "EGFR", "7157": "TP53", "673": "BRAF", "2064": "ERBB2"}
    assert symbols[list(known)].to_dict() == known
    assert symbols.is_unique
    assert symbols.index.is_unique


def test_a_scaled_table(tmp_path):
    path = tmp_path / "table.tsv"
    path.write_text("\tresponse\t1\t20\nc1\t1\t-0.5\t2\nc2\t0\t0.5\t-2\n", encoding="utf-8")
    values, resistant = read_scaled_table(path)
    assert list(values.columns) == ["1", "20"]
    assert resistant.to_dict() == {"c1": 0.0, "c2": 1.0}


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


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("atlas",), "unknown single-cell data set 'atlas'"),
        (("A375", "some"), "unknown data choice 'some'"),
        (("A375", "paper"), "A375 is on the panel tier; the paper tier has GSE117872-HN120"),
        (("GSE112274", "panel"), "GSE112274 is on the paper tier"),
        (("GSE112274", "simulated"), "no simulated twin of 'GSE112274'"),
        (("A375", "panel"), "helpers data fetch --tier panel"),
        (("GSE112274", "paper"), "obtained by hand"),
    ],
)
def test_sets_that_cannot_be_had(arguments, message, real_registry):
    with pytest.raises(DataError, match=message):
        load_cells(*arguments, registry=real_registry)


@pytest.mark.parametrize("name", TABLES)
def test_twins_of_tables_are_z_scores_of_cells_of_the_panel(name):
    cells, panel = load_cells(name, "simulated", seed=2), load_bulk("GDSC2", "simulated", seed=2)
    assert cells.uns["name"] == name
    assert cells.uns["provenance"].tier == "simulated"
    assert cells.uns["units"] == "z-scores"
    assert cells.obs["model_id"].isin(panel.expression.index).all()
    assert cells.obs["resistant"].notna().all()
    np.testing.assert_allclose(cells.X.mean(axis=0), 0, atol=1e-5)
    with pytest.raises(DataError, match="normalise needs counts, got z-scores"):
        normalise(cells)


def test_sets_of_the_core_are_at_hand():
    cells = load_cells("lung-mixology", "simulated")
    assert cells.uns["units"] == "counts"
    assert cells.obs["resistant"].isna().all()


def test_the_two_tables_that_share_cells_have_opposite_labels():
    one, other = (load_cells(f"SCAD-{drug}", "simulated") for drug in ("Gefitinib", "Vorinostat"))
    np.testing.assert_array_equal(one.X, other.X)
    assert (one.obs["resistant"] + other.obs["resistant"] == 1).all()


# The paper's own files, in small ------------------------------------------------------------------

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
    cells = read_geo("GSE117872-HN120", files)
    assert cells.obs["resistant"].to_dict() == {"a": 0.0, "b": 1.0, "d": 0.0}
    assert cells.uns["units"] == "TPM"
    assert cells["d"].X.toarray().tolist() == [[0, 7]]


def test_kong_cells_by_name(tmp_path):
    files = sources(
        tmp_path, "GSE112274", counts=GENES.format("PC9_parental_1,PC9_G3_1,PC9_LOW_1,PC9_parental_2")
    )
    assert read_geo("GSE112274", files).obs["resistant"].tolist() == [0, 1, 1, 0]


@pytest.mark.parametrize(
    ("name", "info"),
    [
        ("GSE140440", "x\tPC3_Res\ny\tPC3_Sen\nz\tDU_Res\nw\tDU\n"),
        ("GSE149383", "x,res1\ny,par\nz,res\nw,par\n"),
    ],
)
def test_cells_described_in_their_order(tmp_path, name, info):
    files = sources(tmp_path, name, counts=GENES.format("a,b,c,d"), info=info)
    assert read_geo(name, files).obs["resistant"].tolist() == [1, 0, 1, 0]
    files.paths[FILES[name][1]].write_text(info.rsplit("w", 1)[0], encoding="utf-8")
    with pytest.raises(DataError, match="describes 3 cells, the table has 4"):
        read_geo(name, files)


def test_bell_cells_without_empty_wells(tmp_path, monkeypatch):
    about = pd.DataFrame(
        {
            "Plate#": ["P1", None, "P2", "P2"],
            "Well position": ["A1=1", "A2=2", "A1=1", "A2=2"],
            "Sample name": ["RESISTANT", "RESISTANT w", "PARENTAL", "EMPTY"],
        }
    )
    monkeypatch.setattr("helpers.studies.scdeal.geo.pd.read_excel", lambda *a, **k: about)
    files = sources(tmp_path, "GSE110894", counts=GENES.format("P2_A1,P1_A1,P1_A2,P2_A2"), info="xlsx")
    cells = read_geo("GSE110894", files)
    assert cells.obs["resistant"].to_dict() == {"P2_A1": 0.0, "P1_A1": 1.0, "P1_A2": 1.0}


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
    assert (cells.obs["resistant"] == 0).sum() == sensitive
    assert (~cells.var_names.str.startswith("ENTREZ:")).sum() == symbols
    assert cells.uns["units"] == "z-scores"
