"""The loaders on tiny files in the sources' own formats."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import rdata

from helpers.data.download import cached_path
from helpers.data.registry import Registry
from helpers.errors import DataError, DownloadError
from helpers.studies.refdnn.data import load_response

BITS = "FP1,FP2,FP3"
ANNOTATION = "Sample Name\tCOSMIC identifier" + "\tx" * 7 + "\tCancer Type (matching TCGA label)\tMSI\tM\tG\n"


def annotation(rows: dict[str, str]) -> str:
    return ANNOTATION + "".join(
        f"name\t{line}" + "\ty" * 7 + f"\t{kind}\tm\tr\ta\n" for line, kind in rows.items()
    )


def r_file(path: Path) -> bytes:
    """Four lines of the fhdsl panel, one of them without a COSMIC number and with a new CCLE name."""
    models = ["ACH-1", "ACH-2", "ACH-3", "ACH-4"]
    expression = pd.DataFrame({"ModelID": models, "EGFR_Exp": [0.0, 1, 2, 3], "TP53_Exp": [4.0, 5, 6, 7]})
    metadata = pd.DataFrame(
        {
            "ModelID": [*models[::-1], "ACH-9"],
            "CCLEName": ["D_FIBROBLAST", "C_LUNG", "B_SKIN", "A_LIVER", "Z_BONE"],
            "StrippedCellLineName": ["D", "C", "B", "A", "Z"],
            "CellLineName": ["D-1", "C-1", "B-1", "A-1", "Z-1"],
            "COSMICID": [np.nan, 33.0, 22.0, 11.0, 99.0],
            "OncotreeLineage": ["Skin", "Lung", "Skin", "Liver", "Bone"],
        }
    )
    rdata.write_rda(path, {"expression": expression, "metadata": metadata})
    return path.read_bytes()


@pytest.fixture
def tiny(real_registry, tmp_path):
    """The real registry with tiny files in the cache in place of the real ones."""
    stat = (
        "Drug ID,Drug Name,Target,Target Pathway,max_conc\n"
        "1,Alpha,EGFR,EGFR signaling,2.0\n"
        '2,Beta,TP53,"Other, kinases",8.0\n'
        "3,Gamma,X,Other,1.0\n"
        "7,Beta,TP53,RTK signaling,4.0\n"
    )
    texts = {
        "refdnn-response-ccle": "Drug,Cell,Label,LN_IC50\n"
        "Beta,A_LIVER,Resistance,2.0\nBeta,D_BREAST,Sensitivity,-1\nBeta,Q_OVARY,Sensitivity,0\n"
        "Alpha,A_LIVER,Sensitivity,1\nAlpha,B_SKIN,Sensitivity,0.5\n",
        "refdnn-fingerprint-ccle": f"Name,{BITS}\nAlpha,0,1,1\nBeta,1,0,0\n",
        "dl4h-annotation-ccle": annotation({"A_LIVER": "LIHC", "B_SKIN": "SKCM", "D_BREAST": "NA"}),
        "dl4h-drug-target": "Drug,Target pathway\nAlpha,Kinases of old\nBeta,-\n",
        "cadrres-drug-stat": stat,
        "gdsc-compounds": "DRUG_ID,DRUG_NAME,SYNONYMS,TARGET\n"
        '1,Alpha,"A-1",EGFR\n2,Beta,,TP53\n3,Omega,"Gamma, O-1","Y, Z"\n7,Beta,,TP53\n',
        "depmap-models": "ModelID,PatientID\nACH-1,P-1\nACH-2,P-1\nACH-4,\n",
        "cadrres-gdsc-ic50": ",1,2,3,7\n11,1.5,3.0,0,\n22,1.0,2.9,0,5.0\n33,,4.0,0,1.0\n55,0,0,0,0\n",
        "refdnn-fingerprint-gdsc": f"Name,{BITS}\nBeta,1,0,0\nAlpha,0,1,1\nOmega,1,1,1\n",
        "refdnn-annotation-gdsc": annotation({"11": "LIHC", "22": ""}),
        "refdnn-expression-ccle": ",Gene,A_LIVER,B_SKIN,D_BREAST\n0,1956,1,2,3\n1,7157,4,5,6\n",
        "refdnn-expression-gdsc": ",11,22,33\n1956,1,2,3\n7157,4,5,6\n",
        "refdnn-response-gdsc": "Drug,Cell,Label\nAlpha,11,Resistance\nAlpha,11,Sensitivity\n"
        "Beta,22,Resistance\nBeta,77,Resistance\n",
    }
    contents = {key: text.encode() for key, text in texts.items()}
    contents["fhdsl-ccle"] = r_file(tmp_path / "panel.RData")
    files = []
    for key, content in contents.items():
        changes = {
            "bytes": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
            "git_blob_sha1": None,
        }
        file = real_registry[key].model_copy(update=changes)
        cached_path(file).parent.mkdir(parents=True, exist_ok=True)
        cached_path(file).write_bytes(content)
        files.append(file)
    return Registry(files)


def test_ccle_panel(tiny):
    data = load_response("CCLE", "panel", registry=tiny)
    assert data.tier == "panel"
    assert data.response.to_dict("list") == {
        "line": ["A_LIVER", "D_BREAST", "A_LIVER", "B_SKIN"],
        "drug": ["Beta", "Beta", "Alpha", "Alpha"],
        "resistant": [1, 0, 0, 0],
        "value": [2.0, -1.0, 1.0, 0.5],
    }
    assert data.expression.columns.tolist() == ["EGFR", "TP53"]
    assert data.expression.loc["D_BREAST"].tolist() == [3, 7], "matched by the stripped name"
    assert data.lines["cancer_type"].to_dict() == {"A_LIVER": "LIHC", "D_BREAST": "others", "B_SKIN": "SKCM"}
    assert data.lines["cosmic_id"].to_dict() == {"A_LIVER": "11", "D_BREAST": "", "B_SKIN": "22"}
    assert data.lines.loc["A_LIVER", ["name", "model_id"]].tolist() == ["A-1", "ACH-1"]
    assert data.drugs["pathway"].to_dict() == {"Alpha": "Kinases of old", "Beta": "Other, kinases"}
    notes = " ".join(data.provenance.notes)
    assert "1 of 3 lines matched by stripped name, not by CCLE name: D_BREAST" in notes
    assert "1 of 4 lines have no expression here; 1 of 5 labelled pairs" in notes
    assert "Drugs with a single label: Alpha" in notes


def test_provenance_names_each_file_by_its_hash(tiny):
    data = load_response("CCLE", "panel", registry=tiny)
    assert {file.name: file.sha256 for file in data.provenance.files} == {
        key: tiny[key].sha256
        for key in (
            "refdnn-response-ccle",
            "refdnn-fingerprint-ccle",
            "dl4h-annotation-ccle",
            "dl4h-drug-target",
            "cadrres-drug-stat",
            "fhdsl-ccle",
            "depmap-models",
        )
    }


def test_gdsc_panel_labels_by_the_highest_concentration(tiny):
    data = load_response("GDSC", "panel", registry=tiny)
    rows = [tuple(row) for row in data.response.itertuples(index=False)]
    # Alpha: log2(2 uM) = 1; an IC50 of just the limit is sensitive.
    # Beta: screen 2 has more lines, log2(8 uM) = 3.
    assert rows == [
        ("11", "Alpha", 1, 1.5),
        ("22", "Alpha", 0, 1.0),
        ("11", "Beta", 0, 3.0),
        ("22", "Beta", 0, 2.9),
        ("33", "Beta", 1, 4.0),
    ]
    assert data.fingerprints.index.tolist() == ["Beta", "Alpha"]
    assert data.drugs["max_concentration"].to_dict() == {"Alpha": 2.0, "Beta": 8.0}
    assert data.lines["cancer_type"].to_dict() == {"11": "LIHC", "22": "others", "33": "others"}
    assert data.expression.loc["33"].tolist() == [2, 6]
    notes = " ".join(data.provenance.notes)
    assert "3 of 4 screened lines have expression" in notes
    assert "ids 7 were dropped" in notes
    assert "1 line(s) without annotation" in notes
    assert "1 match(es) by id refused, the targets differ: Gamma is Omega (id 3): targets X and Y, Z" in notes
    assert data.lines["tissue"].tolist() == ["Liver", "Skin", "Lung"]
    assert data.lines["patient"].tolist() == ["P-1", "P-1", "ACH-3"]
    assert "2 lines come from 1 patients with two lines or more" in notes


def test_gdsc_panel_keeps_both_screens_on_request(tiny):
    data = load_response("GDSC", "panel", registry=tiny, repeats="keep")
    beta = data.response[data.response["drug"] == "Beta"]
    assert [tuple(row) for row in beta.itertuples(index=False)] == [
        ("11", "Beta", 0, 3.0),
        ("22", "Beta", 0, 2.9),
        ("33", "Beta", 1, 4.0),
        ("22", "Beta", 1, 5.0),  # above log2(4 uM), this screen's own limit
        ("33", "Beta", 0, 1.0),
    ]
    assert "2 pairs repeat a key" in " ".join(data.provenance.notes)


def test_ccle_of_the_paper(tiny):
    data = load_response("CCLE", "paper", registry=tiny)
    assert data.tier == "paper"
    assert data.expression.columns.tolist() == ["1956", "7157"]
    assert len(data.response) == 4
    assert "1 of 5 pairs lack expression or a fingerprint" in " ".join(data.provenance.notes)


def test_gdsc_of_the_paper_keeps_repeats(tiny):
    data = load_response("GDSC", "paper", registry=tiny)
    assert data.response["resistant"].tolist() == [1, 0, 1]
    assert data.response["value"].isna().all()
    assert data.lines["cosmic_id"].tolist() == ["11", "22"]
    assert "1 pairs repeat a (line, drug) key" in " ".join(data.provenance.notes)


def test_the_decoded_panel_is_kept_and_mended(tiny):
    first = load_response("CCLE", "panel", registry=tiny)
    (copy,) = cached_path(tiny["fhdsl-ccle"]).parents[4].glob("decoded/*")
    again = load_response("CCLE", "panel", registry=tiny)
    copy.write_bytes(b"PAR1 nonsense")
    with pytest.warns(UserWarning, match="is not as it was written; made again"):
        mended = load_response("CCLE", "panel", registry=tiny)
    for other in (again, mended):
        pd.testing.assert_frame_equal(first.expression, other.expression)
        pd.testing.assert_frame_equal(first.lines, other.lines)


def test_auto_takes_the_panel_where_it_is(tiny):
    assert load_response("GDSC", registry=tiny).tier == "panel"


@pytest.mark.parametrize("name", ["CCLE", "GDSC"])
def test_auto_falls_back_and_says_why(real_registry, name):
    data = load_response(name, registry=real_registry, seed=3)
    assert data.tier == "simulated"
    assert "stand in for the panel" in data.provenance.notes[0]
    assert "fhdsl-ccle" in data.provenance.notes[0]
    same = load_response(name, "simulated", seed=3)
    pd.testing.assert_frame_equal(data.response, same.response)


@pytest.mark.parametrize(
    ("name", "data", "missing", "command"),
    [
        ("CCLE", "panel", ["refdnn-response-ccle", "fhdsl-ccle"], "helpers data fetch --tier panel"),
        ("GDSC", "panel", ["cadrres-gdsc-ic50", "cadrres-drug-stat"], "helpers data fetch --tier panel"),
        (
            "GDSC",
            "paper",
            ["refdnn-expression-gdsc", "refdnn-response-gdsc"],
            "helpers data fetch --tier panel and helpers data fetch --tier paper",
        ),
    ],
)
def test_a_named_tier_never_falls_back(real_registry, name, data, missing, command):
    with pytest.raises(DownloadError) as error:
        load_response(name, data, registry=real_registry)
    for text in (*missing, command):
        assert text in str(error.value)


def test_damaged_content_is_an_error_even_with_auto(tiny):
    content = b"Drug,Cell,Label\nAlpha,A_LIVER,maybe\n"
    changes = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    bad = tiny["refdnn-response-ccle"].model_copy(update=changes)
    cached_path(bad).write_bytes(content)
    registry = Registry([bad, *(file for file in tiny if file.key != bad.key)])
    with pytest.raises(DataError, match="Resistance and one other word"):
        load_response("CCLE", registry=registry)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("PRISM",), "unknown data set 'PRISM'; one of CCLE, GDSC"),
        (("CCLE", "gold"), "unknown data choice 'gold'"),
    ],
)
def test_unknown_choices(arguments, message):
    with pytest.raises(DataError, match=message):
        load_response(*arguments)


@pytest.mark.parametrize(
    ("name", "option", "message"),
    [("CCLE", {"expression": "all"}, "'all'"), ("GDSC", {"repeats": "some"}, "'some'")],
)
def test_unknown_options(tiny, name, option, message):
    with pytest.raises(DataError, match=message):
        load_response(name, "panel", registry=tiny, **option)
