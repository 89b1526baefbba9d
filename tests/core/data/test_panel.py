"""The loaders on the real panel: counts that its documentation states, and the study's own balance."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from helpers.data import ResponseData
from helpers.data.download import fetch
from helpers.studies.refdnn.data import load_response
from helpers.studies.refdnn.files import read_response

pytestmark = pytest.mark.panel


@pytest.fixture(scope="module")
def ccle(panel) -> ResponseData:
    return load_response("CCLE", "panel", registry=panel)


@pytest.fixture(scope="module")
def gdsc(panel) -> ResponseData:
    return load_response("GDSC", "panel", registry=panel)


@pytest.fixture(scope="module")
def published() -> pd.DataFrame:
    from helpers.project import project_root

    entries = json.loads((project_root() / "data" / "refdnn" / "published.json").read_text(encoding="utf-8"))
    table = pd.DataFrame([entry for entry in entries if entry["protocol"] == "class_balance"])
    return table.assign(drug=table["metric"].str.split(":", n=1).str[1])


def test_the_source_of_ccle_has_the_documented_counts(panel):
    source = read_response(fetch(panel["refdnn-response-ccle"]))
    assert len(source) == 5724
    assert source["line"].nunique() == 491
    assert source["drug"].nunique() == 12
    assert source["resistant"].sum() == 3402
    assert not source.duplicated(["line", "drug"]).any()


def test_ccle(ccle):
    assert len(ccle.response) == 5513
    assert ccle.expression.shape == (473, 535)
    assert ccle.fingerprints.shape == (12, 3072)
    assert ccle.lines["cancer_type"].nunique() == 23
    single = ccle.response.groupby("drug")["resistant"].nunique()
    assert set(single[single == 1].index) == {"Nutlin-3a (-)", "PLX-4720"}
    assert ccle.response["value"].max() == pytest.approx(np.log(8))
    assert (ccle.drugs["pathway"] != "unknown").all()


def test_patients_of_ccle_and_gdsc(ccle, gdsc):
    """Eight patients have two lines with expression here: SW480 and SW620, SKBR3 and AU565 ..."""
    shared = ccle.lines[ccle.lines["patient"].duplicated(keep=False)]
    assert len(shared) == 16 and shared["patient"].nunique() == 8
    assert (
        ccle.lines.loc["SW480_LARGE_INTESTINE", "patient"]
        == ccle.lines.loc["SW620_LARGE_INTESTINE", "patient"]
    )
    assert not gdsc.lines["patient"].duplicated().any()


def test_ccle_labels_follow_from_the_values(ccle):
    """Per drug one cut of the ln IC50 separates the labels."""
    for _, pairs in ccle.response.groupby("drug"):
        by_label = pairs.groupby("resistant")["value"]
        if pairs["resistant"].nunique() == 2:
            assert by_label.max()[0] < by_label.min()[1]


def test_ccle_joined(panel):
    data = load_response("CCLE", "panel", registry=panel, expression="joined")
    assert data.expression.shape == (387, 1303)
    assert len(data.response) == 4517
    assert "23 genes that both measure" in " ".join(data.provenance.notes)


def test_gdsc(gdsc):
    assert len(gdsc.response) == 110_427
    assert gdsc.response["drug"].nunique() == 201
    assert gdsc.response["line"].nunique() == 697
    assert gdsc.expression.shape == (697, 535)
    assert gdsc.fingerprints.shape == (201, 3072)
    assert not gdsc.response.duplicated(["line", "drug"]).any()
    assert gdsc.lines["cancer_type"].nunique() == 31
    assert (gdsc.drugs["pathway"] != "unknown").all()


def test_drugs_that_only_their_id_matches(gdsc):
    assert {"Lestaurtinib", "BX795", "Wee1 Inhibitor"} <= set(gdsc.drugs.index)
    assert "Foretinib" not in gdsc.drugs.index  # id 308 is WIKI4 in the response table
    assert gdsc.drugs.loc["Wee1 Inhibitor", "target"] == "WEE1, CHEK1"


def test_gdsc_with_both_screens(panel):
    data = load_response("GDSC", "panel", registry=panel, repeats="keep")
    again = data.response.duplicated(["line", "drug"])
    assert len(data.response) == 112_343
    assert again.sum() == 1814
    assert set(data.response.loc[again, "drug"]) == {"AKT inhibitor VIII", "AZD6482", "Avagacestat"}


def test_gdsc_balance_agrees_with_the_study(gdsc, published):
    theirs = published[published["dataset"] == "GDSC"].set_index("drug")["mean"]
    ours = gdsc.response.groupby("drug")["resistant"].mean()
    assert ours.index.isin(theirs.index).all()
    assert spearmanr(ours, theirs[ours.index]).statistic > 0.9
    assert abs(ours - theirs[ours.index]).median() < 0.05


def test_ccle_balance_agrees_with_the_study(ccle, published):
    theirs = published[published["dataset"] == "CCLE"].set_index("drug")["mean"]
    ours = ccle.response.groupby("drug")["resistant"].mean()
    assert set(ours.index) == set(theirs.index)
    assert (abs(ours - theirs[ours.index]) < 0.02).all()


def test_the_same_line_has_the_same_expression_in_both(ccle, gdsc):
    models = ccle.lines.reset_index(names="ccle").merge(gdsc.lines.reset_index(names="gdsc"), on="model_id")
    assert len(models) > 300
    left, right = ccle.expression.loc[models["ccle"]], gdsc.expression.loc[models["gdsc"]]
    np.testing.assert_array_equal(left.to_numpy(), right.to_numpy())
    assert (models["cosmic_id_x"] == models["cosmic_id_y"]).all()
