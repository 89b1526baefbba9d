from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

from helpers.data.binarise import binarise
from helpers.data.bulk import load_bulk
from helpers.data.cells_twin import simulate_cells
from helpers.data.types import Provenance
from helpers.errors import DataError


@pytest.fixture(scope="module")
def twin():
    return simulate_cells(0)[0]


def test_subset_keeps_the_order_asked_for(twin):
    wanted = twin.expression.index[[5, 2, 9]]
    part = twin.subset(wanted)
    for table in (part.expression, part.response, part.resistant, part.lines):
        assert list(table.index) == list(wanted)
    assert part.counts.startswith("3 lines, 300 genes, 12 drugs")


@pytest.mark.parametrize("wanted", [[], ["nobody"]])
def test_subset_of_unknown_or_no_lines(twin, wanted):
    with pytest.raises(DataError, match="cannot take"):
        twin.subset(wanted)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"response": lambda t: t.iloc[1:]}, "index of response differs"),
        ({"resistant": lambda t: t.iloc[:, 1:]}, "drugs of resistant differ"),
        ({"drugs": lambda t: t.iloc[1:]}, "drugs of drugs differ"),
        ({"resistant": lambda t: t + 1}, "resistant must hold 1"),
        ({"expression": lambda t: t.where(t > 3)}, "NaN or infinite"),
        ({"response": lambda t: t.replace(t.iloc[0, 0], np.inf)}, "infinite values"),
        ({"expression": lambda t: t.set_axis(["a"] * t.shape[1], axis=1)}, "duplicated column ids"),
        ({"expression": lambda t: t.iloc[:, :0]}, "is empty"),
    ],
)
def test_tables_that_do_not_fit(twin, change, message):
    (name, how), *_ = change.items()
    with pytest.raises(DataError, match=message):
        dataclasses.replace(twin, **{name: how(getattr(twin, name))})


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("median", [0, 0, 0, 1, 1, np.nan]),
        ("third", [0, 0, 1, 1, 1, np.nan]),
        ("thirds", [0, 0, np.nan, 1, 1, np.nan]),
        ("waterfall", [0, 0, 0, 1, 1, np.nan]),  # a straight line: the median
    ],
)
def test_rules_on_evenly_spaced_values(rule, expected):
    values = pd.DataFrame({"drug": [1.0, 2, 3, 4, 5, np.nan]})
    np.testing.assert_array_equal(binarise(values, rule)["drug"], expected)


def test_the_waterfall_is_cut_at_its_knee():
    # Eight sensitive lines rise steeply to a plateau of 92: the point farthest from the chord.
    value = np.concatenate([np.linspace(-8, 2, 9), np.linspace(2.02, 3, 91)])
    resistant = binarise(pd.DataFrame({"drug": value[::-1]}))["drug"]
    assert (resistant == 0).sum() == 9
    assert (resistant.to_numpy() == (value[::-1] > 2)).all()


def test_low_values_are_sensitive_whatever_the_rule(twin):
    for rule in ("median", "third", "thirds", "waterfall"):
        resistant = binarise(twin.response, rule)
        for drug in twin.response.columns:
            low = twin.response[drug][resistant[drug] == 0]
            assert low.max() <= twin.response[drug][resistant[drug] == 1].min()


def test_too_few_values_and_unknown_rules():
    values = pd.DataFrame({"few": [1.0, 2, np.nan], "flat": [1.0, 1, 1]})
    resistant = binarise(values)
    assert resistant["few"].isna().all()
    assert (resistant["flat"] == 0).all()
    with pytest.raises(DataError, match="unknown rule 'guess'; one of waterfall, median"):
        binarise(values, "guess")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("GDSC9",), "unknown response 'GDSC9'"),
        (("GDSC2", "best"), "unknown data choice 'best'"),
        (("GDSC", "paper"), "GDSC is on the panel tier; the paper tier has GDSC2"),
        (("GDSC2", "panel"), "helpers data fetch --tier panel"),
        (("GDSC2", "paper"), "helpers data fetch --tier paper"),
    ],
)
def test_choices_that_cannot_be_met(arguments, message, real_registry):
    with pytest.raises(DataError, match=message):
        load_bulk(*arguments, registry=real_registry)


def test_without_files_the_twin_stands_in_and_says_so(real_registry):
    panel = load_bulk("GDSC2", "auto", seed=3, registry=real_registry)
    assert panel.tier == "simulated"
    assert panel.provenance.notes[0].startswith("Simulated data stand in for the panel files.")
    pd.testing.assert_frame_equal(panel.response, load_bulk("GDSC2", "simulated", seed=3).response)


EXPRESSION = ",EGFR (1956),TP53 (7157),TP53 (9)\nACH-1,1.5,0,2\nACH-2,3,4,5\n"


FITS = pd.DataFrame(
    {
        "COSMIC_ID": [11, 11, 12, 11],
        "DRUG_ID": [1003, 1003, 1003, 5],
        "DRUG_NAME": ["Camptothecin"] * 3 + ["Other"],
        "AUC": [0.4, 0.6, 0.9, 1.0],
    }
)


def test_the_paper_tier_joins_its_three_files(tmp_path):
    from helpers.data import bulk_paper
    from helpers.data.sources import Sources

    (tmp_path / "e.csv").write_text(EXPRESSION + "ACH-3,1,1,1\n", encoding="utf-8")
    (tmp_path / "m.csv").write_text(
        "ModelID,StrippedCellLineName,OncotreeLineage,COSMICID\nACH-1,A,Lung,11\nACH-2,B,Skin,12\nACH-3,C,Skin,\n",
        encoding="utf-8",
    )
    pd.concat([FITS, FITS.assign(COSMIC_ID=99)]).to_excel(tmp_path / "f.xlsx", index=False)
    panel = bulk_paper.load_paper(
        Sources(
            {
                bulk_paper.EXPRESSION: tmp_path / "e.csv",
                bulk_paper.MODELS: tmp_path / "m.csv",
                bulk_paper.RESPONSE: tmp_path / "f.xlsx",
            }
        )
    )
    assert list(panel.expression.index) == ["ACH-1", "ACH-2"]
    assert panel.tier == "paper"
    assert panel.response.loc["ACH-1", "Camptothecin (GDSC2:1003)"] == 0.5
    assert panel.lines.loc["ACH-2"].tolist() == ["B", "Skin", "12"]
    assert "2 of 3 screened lines" in " ".join(panel.provenance.notes)
    assert isinstance(panel.provenance, Provenance)


@pytest.mark.panel
def test_the_panel_has_the_documented_counts(panel):
    bulk = load_bulk("GDSC2", "panel", registry=panel)
    assert bulk.expression.shape == (596, 535)
    assert bulk.response.shape == (596, 192)
    assert bulk.response.isna().sum().idxmin() == "Camptothecin"
    assert bulk.response["Camptothecin"].notna().sum() == 595
    assert (bulk.lines["lineage"] != "").all()


@pytest.mark.panel
def test_calls_of_gdsc_follow_the_maximum_concentration(panel):
    bulk = load_bulk("GDSC", "panel", registry=panel)
    assert bulk.response.shape == (697, 223)
    limit = np.log(bulk.drugs["max_concentration"])
    measured = bulk.response.notna()
    pd.testing.assert_frame_equal(
        bulk.resistant, (bulk.response > limit).astype(float).where(measured), check_names=False
    )


@pytest.mark.panel
def test_both_response_tables_agree_on_the_order_of_lines(panel):
    """Two fits of two screens: the same lines are sensitive, or a column was mixed up."""
    one, other = (load_bulk(name, "panel", registry=panel).response for name in ("GDSC2", "GDSC"))
    shared = ["Camptothecin", "Gefitinib", "Docetaxel", "PLX-4720", "Nutlin-3a (-)", "Afatinib"]
    lines = one.index.intersection(other.index)
    agreement = one.loc[lines, shared].corrwith(other.loc[lines, shared], method="spearman")
    assert agreement.min() > 0.25
    assert agreement["Camptothecin"] > 0.5
