"""Treatment pairs of chapter 05: wells paired by plate, the paper's files, tiers, the real panel."""

from __future__ import annotations

import h5py
import numpy as np
import pandas as pd
import pytest

from helpers.data.sources import Sources
from helpers.errors import DataError, DownloadError
from helpers.studies.pertvae import paper_files, untreated
from helpers.studies.pertvae.data import TABLES, load_pairs
from helpers.studies.pertvae.wells import pair_wells

# Plates -----------------------------------------------------------------------------------------


def test_a_treated_well_meets_the_vehicles_of_its_own_plate_only():
    values = pd.DataFrame([[1.0], [3.0], [10.0], [5.0], [50.0], [7.0]], list("abcdef"), ["G"])
    wells = pd.DataFrame({"line": "L", "batch": ["P1", "P1", "P2", "P1", "P2", "P3"]}, index=values.index)
    vehicle = np.array([True, True, True, False, False, False])
    pre, post, pairs, dropped = pair_wells(values, wells, ~vehicle, vehicle)
    # By hand: P1 has vehicles 1 and 3, P2 has 10, P3 has none.
    assert pre["G"].to_list() == [2.0, 10.0]
    assert post["G"].to_list() == [5.0, 50.0]
    assert pairs["vehicles"].to_list() == [2, 1]
    assert dropped == 1


def test_plates_without_any_vehicle_are_refused():
    values = pd.DataFrame([[1.0], [2.0]], list("ab"), ["G"])
    wells = pd.DataFrame({"line": "L", "batch": ["P1", "P2"]}, index=values.index)
    with pytest.raises(DataError, match="none of 1 treated wells has a vehicle well"):
        pair_wells(values, wells, np.array([True, False]), np.array([False, True]))


def write_gctx(path, values, wells, genes):
    with h5py.File(path, "w") as file:
        file["0/DATA/0/matrix"] = values
        file["0/META/COL/id"] = np.array(wells, dtype="S")
        file["0/META/ROW/id"] = np.array(genes, dtype="S")
    return path


# Paper tier, on small files of the documented form ----------------------------------------------


def lincs_files(folder) -> Sources:
    rows = [
        # id, plate, name, type, dose, time, line
        ("w1", "P1", "DMSO", "ctl_vehicle", "-666", "24", "A549"),
        ("w2", "P1", "dmso", "ctl_vehicle", "-666", "24", "A549"),
        ("w3", "P1", "vorinostat", "trt_cp", "10", "24", "A549"),
        ("w4", "P1", "vorinostat", "trt_cp", "1", "24", "A549"),  # not the highest dose
        ("w5", "P1", "sn-38", "trt_cp", "9", "24", "A549"),
        ("w6", "P2", "SN 38", "trt_cp", "10", "24", "MCF7"),  # no vehicle on its plate
        ("w7", "P1", "vorinostat", "trt_cp", "10", "6", "A549"),  # 6 h
        ("w8", "P1", "aspirin", "trt_cp", "10", "24", "A549"),  # not a drug of the paper
        ("w9", "P1", "H2O", "ctl_vehicle", "-666", "24", "A549"),  # no DMSO
    ]
    columns = ["inst_id", "rna_plate", "pert_iname", "pert_type", "pert_dose", "pert_time", "cell_id"]
    pd.DataFrame(rows, columns=columns).to_csv(folder / "wells.txt", sep="\t", index=False)
    genes = pd.DataFrame(
        {"pr_gene_id": ["7", "8", "9"], "pr_gene_symbol": ["G7", "G8", "G9"], "pr_is_lm": ["1", "0", "1"]}
    )
    genes.to_csv(folder / "genes.txt", sep="\t", index=False)
    # The value of well k, gene g is k + g / 10.
    values = np.arange(1, 10)[:, None] + np.array([0.7, 0.8, 0.9])
    write_gctx(folder / "level3.gctx", values, [row[0] for row in rows], ["7", "8", "9"])
    names = {
        paper_files.LEVEL3: "level3.gctx",
        paper_files.WELLS: "wells.txt",
        paper_files.GENES: "genes.txt",
        untreated.CCLE: "ccle.csv",
        untreated.GDSC: "gdsc.csv",
        untreated.FHDSL: "names",
    }
    # The running number of CCLE's table is no gene id; 9 is a landmark, 5 is none.
    ccle = {"": [7, 8, 9], "Gene": [7, 9, 5], "A549_LUNG": [4.0, 2, 0], "MCF7_BREAST": [6.0, 4, 0]}
    pd.DataFrame(ccle).to_csv(folder / "ccle.csv", index=False)
    gdsc = {"GENE": [9, 7], "1": [10.0, 3], "2": [30.0, 5], "3": [20.0, 4]}
    pd.DataFrame(gdsc).to_csv(folder / "gdsc.csv", index=False)
    (folder / "names").write_text("read by cosmic_names", encoding="utf-8")
    return Sources({key: folder / name for key, name in names.items()})


@pytest.fixture(autouse=True)
def cosmic_names(monkeypatch):
    """COSMIC 1 is A549, which CCLE has as well; 2 is HT29; 3 has no name."""
    lines = pd.DataFrame({"cosmic_id": ["1", "2", ""], "stripped_name": ["A549", "HT29", "X"]})
    monkeypatch.setattr(untreated, "fhdsl_panel", lambda sources: (None, lines))


def test_untreated_lines_of_two_arrays_share_a_scale(tmp_path):
    profiles, lines = untreated.read_untreated(lincs_files(tmp_path), pd.Series({7: "G7", 9: "G9"}))
    assert lines.to_list() == ["A549", "MCF7", "HT29", "COSMIC 3"]
    assert profiles.index.to_list() == ["CCLE A549", "CCLE MCF7", "GDSC HT29", "GDSC COSMIC 3"]
    # By hand: CCLE's G9 has mean 3 and spread sqrt(2); GDSC's has mean 20 and spread 10.
    assert profiles.loc["GDSC HT29", "G9"] == pytest.approx(3 + np.sqrt(2))
    assert profiles.loc["GDSC COSMIC 3", "G7"] == pytest.approx(5)
    with pytest.raises(DataError, match="share no landmark gene"):
        untreated.read_untreated(lincs_files(tmp_path), pd.Series({11: "G11"}))


def test_lincs_takes_highest_dose_own_plate_and_landmarks(tmp_path):
    data = paper_files.read_lincs(lincs_files(tmp_path))
    assert data.tier == "paper"
    assert data.pairs.index.to_list() == ["w3", "w5"]  # 9 uM is within 20 % of SN-38's 10
    assert data.pairs["drug"].to_list() == ["vorinostat", "SN-38"]
    assert data.pre.columns.to_list() == ["G7", "G9"]
    assert np.allclose(data.pre.to_numpy(), [[2.2, 2.4]] * 2)  # mean of wells 1 and 2
    assert np.allclose(data.post.to_numpy(), [[3.7, 3.9], [5.7, 5.9]])
    assert any("1 treated wells are on plates without" in note for note in data.provenance.notes)
    assert data.singleton_lines.to_list() == ["A549", "MCF7", "HT29", "COSMIC 3"]
    assert any("2 of 19 drugs found" in note for note in data.provenance.notes)


def test_drvae_file_is_read_by_its_names(tmp_path):
    path = tmp_path / "d.h5"
    with h5py.File(path, "w") as file:
        file["pair_x1"], file["pair_x2"], file["sing_x1"] = np.zeros((2, 3)), np.ones((2, 3)), np.ones((1, 3))
        for key, values in {"pair_cid": [b"A", b"B"], "pair_drug": [b"x", b"x"], "sing_cid": [b"C"]}.items():
            file[key] = np.array(values)
        file["pair_conc"], file["pair_dur"] = [10.0, 10.0], [6.0, 6.0]
    data = paper_files.read_drvae(Sources({paper_files.DRVAE: path}))
    assert data.pairs["line"].to_list() == ["A", "B"]
    assert data.singleton_lines.to_list() == ["C"]
    with h5py.File(path, "a") as file:
        del file["pair_x2"]
    with pytest.raises(DataError, match="not the HDF5 file of the authors"):
        paper_files.read_drvae(Sources({paper_files.DRVAE: path}))


# Entry ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", TABLES)
def test_every_name_has_a_simulated_twin(name):
    data = load_pairs(name, "simulated")
    assert data.name == name
    assert data.tier == "simulated"


def test_without_files_auto_falls_back_and_panel_does_not():
    data = load_pairs("transigen", "auto")
    assert data.tier == "simulated"
    assert "stand in for the panel files" in data.provenance.notes[0]
    with pytest.raises(DownloadError, match="helpers data fetch --tier panel"):
        load_pairs("transigen", "panel")
    with pytest.raises(DownloadError, match="helpers data fetch --tier paper"):
        load_pairs("lincs", "paper")


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("nothing", "auto", "unknown set of pairs 'nothing'"),
        ("transigen", "nothing", "unknown data choice"),
        ("transigen", "paper", "on the panel tier; the paper tier has lincs, drvae"),
        ("lincs", "panel", "on the paper tier"),
    ],
)
def test_wrong_names_and_tiers(name, data, message):
    with pytest.raises(DataError, match=message):
        load_pairs(name, data)


# Real panel -------------------------------------------------------------------------------------


@pytest.mark.panel
def test_the_real_panel_has_the_documented_counts(panel):
    pairs = load_pairs("transigen", "panel")
    wells = load_pairs("slinky", "panel")
    assert wells.drugs().loc["amoxicillin"].to_list() == [8, 29, 5]
    assert wells.pairs["vehicles"].between(8, 13).all()
    assert wells.pre.columns.equals(pairs.pre.columns)


@pytest.mark.panel
def test_the_gene_order_of_the_pairs_fits_other_files(panel):
    """The pairs come without gene ids: the basal A549 of one file must agree with wells of another."""
    pairs, wells, plate = (load_pairs(name, "panel") for name in ("transigen", "slinky", "cmapm"))
    a375 = pairs.pre[pairs.pairs["line"] == "A375"].mean()
    own = wells.pre[wells.pairs["line"] == "A375"].mean()
    assert a375.corr(own, method="spearman") > 0.8
    assert a375.corr(plate.pre.mean(), method="spearman") > 0.8
    shuffled = pd.Series(np.random.default_rng(0).permutation(own.to_numpy()), own.index)
    assert abs(a375.corr(shuffled, method="spearman")) < 0.2
