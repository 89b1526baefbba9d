"""Own files joined by name: what is kept, what is lost, and why."""

from __future__ import annotations

import pandas as pd
import pytest

from helpers.data.join import match, normalised, summary
from helpers.data.own import load_own
from helpers.errors import DataError

KNOWN = pd.DataFrame(
    {
        "cosmic_id": ["905933", "905938", "", "1"],
        "name": ["NIHOVCAR3", "A549", "HELA", "HELA"],
        "synonyms": ["", "Lung 549, L549", "", ""],
    },
    ["ACH-1", "ACH-2", "ACH-3", "ACH-4"],
)


@pytest.mark.parametrize(
    ("name", "cosmic_id", "found", "how"),
    [
        ("anything", "905933", "ACH-1", "id"),
        ("905938", "", "ACH-2", "id"),
        ("ACH-3", "", "ACH-3", "name"),
        ("L549", "", "ACH-2", "name"),
        ("NIH:OVCAR-3", "", "ACH-1", "normalised name"),
        ("A549_LUNG", "", "ACH-2", "normalised name"),
        ("A549", "905933", "ACH-1", "id"),
        ("HELA", "", "", "lost"),
        ("MCF7", "", "", "lost"),
        ("MCF7", "7", "", "lost"),
    ],
)
def test_id_then_name_or_synonym_then_normalised_name(name, cosmic_id, found, how):
    asked = pd.DataFrame({"cosmic_id": [cosmic_id, "905938"]}, [name, "other"])
    report = match(asked, KNOWN, "line")
    assert report.loc[name, ["found", "how"]].tolist() == [found, how]


def test_the_report_says_why():
    report = match(pd.DataFrame(index=["HeLa", "L549", "x"]), KNOWN, "line")
    assert report["why"].tolist() == ["could be each of ACH-3, ACH-4", "L549", "not in the other table"]
    assert summary(report, "line") == "1 of 3 lines joined (1 by name); lost: HeLa, x."
    with pytest.raises(DataError, match=r"no line is in both tables \(asked \['x'\]"):
        match(pd.DataFrame(index=["x"]), KNOWN, "line")


def test_normalised_names():
    assert normalised("NIH: OVCAR-3") == normalised("nihovcar3_OVARY".upper()) == "nihovcar3"


FILES = {
    "expression.csv": "﻿,TP53,EGFR\n905933,1.5,2\n905938,0.2,3\n907053,4,1\n",
    "response.csv": "line,drug,value,label\n905933,Cisplatin,2.1,1\n905933,Gefitinib,-1,0\n"
    "905938,Cisplatin,0.3,0\n999999,Gefitinib,3,1\n",
    "structures.csv": "drug,smiles\ncis-platin,N\nGefitinib,CCO\n",
    "models.csv": "ModelID,COSMICID,PatientID,OncotreeLineage\nACH-1,905933,P1,Lung\nACH-2,905938,P1,Skin\n",
}


@pytest.fixture
def own(tmp_path):
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return {name.removesuffix(".csv"): tmp_path / name for name in FILES}


def test_own_real_data_are_own_and_named_by_hash(own):
    data, reports = load_own(own["expression"], own["response"])
    assert data.tier == "own"
    assert [(file.name, len(file.sha256)) for file in data.provenance.files] == [
        ("expression.csv", 64),
        ("response.csv", 64),
    ]
    notes = " ".join(data.provenance.notes)
    for sentence in ("has 3 lines", "2 of 3 lines joined", "3 of 4 pairs", "1 was taken as resistant"):
        assert sentence in notes
    assert reports["line"]["how"].tolist() == ["id", "id", "lost"]
    assert data.response["resistant"].tolist() == [1, 0, 0]


def test_ids_of_two_kinds_are_joined_by_a_table_of_lines(own):
    text = own["expression"].read_text(encoding="utf-8")
    for cosmic, model in (("905933", "ACH-1"), ("905938", "ACH-2"), ("907053", "ACH-9")):
        text = text.replace(cosmic, model)
    own["expression"].write_text(text, encoding="utf-8")
    data, _ = load_own(own["expression"], own["response"], own["structures"], own["models"])
    assert data.lines["patient"].tolist() == ["P1", "P1"]
    assert data.lines["cancer_type"].tolist() == ["Lung", "Skin"]
    assert data.fingerprints.index.tolist() == ["Gefitinib", "cis-platin"]


def test_synonyms_of_drugs(own, tmp_path):
    drugs = tmp_path / "drugs.csv"
    drugs.write_text('DRUG_ID,DRUG_NAME,SYNONYMS\n5,cis-platin,"Platinol, CDDP"\n', encoding="utf-8")
    text = own["response"].read_text(encoding="utf-8")
    own["response"].write_text(text.replace("Cisplatin", "Platinol"), encoding="utf-8")
    _, reports = load_own(own["expression"], own["response"], own["structures"], drugs=drugs)
    assert reports["drug"].loc["Platinol", ["found", "how"]].tolist() == ["cis-platin", "name"]


def test_labels_that_a_file_does_not_have_follow_the_waterfall_rule(tmp_path):
    lines = [f"l{n}" for n in range(6)]
    expression, response = tmp_path / "x.csv", tmp_path / "r.csv"
    pd.DataFrame({"TP53": range(6)}, lines).to_csv(expression, index_label="line")
    pd.DataFrame({"line": lines, "drug": "X", "ln_ic50": [-3, -2, 3, 3.1, 3.2, 3.3]}).to_csv(
        response, index=False
    )
    data, _ = load_own(expression, response)
    assert data.response["resistant"].tolist() == [0, 0, 0, 1, 1, 1]
    assert "Labels follow the waterfall rule on ln IC50." in data.provenance.notes
