"""Response from expression before and after treatment: labels by line, and what inputs can bring."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from helpers.data.pairs_twin import simulate_pairs
from helpers.data.types import BulkPanel, Provenance
from helpers.errors import DataError
from helpers.studies.pertvae import response

TINY = {
    "hidden": (16,),
    "latent": 4,
    "context": 4,
    "flow_hidden": 8,
    "epochs": 3,
    "first_stop": 1,
    "draws": 2,
}


@pytest.fixture(scope="module")
def twin():
    return simulate_pairs(effects={"none": 30}, n_lines=30, n_genes=25, replicates=2, n_singletons=5)[0]


def panel_of(names, values) -> BulkPanel:
    index = [f"ACH-{i}" for i in range(len(names))]
    table = pd.DataFrame({"X": values}, index)
    lines = pd.DataFrame({"name": names, "lineage": "unknown", "cosmic_id": ""}, index)
    expression = pd.DataFrame({"G": np.zeros(len(names), np.float32)}, index)
    drugs = pd.DataFrame({"drug_id": ["1"]}, index=["X"])
    calls = (table > 0).astype(float).where(table.notna())
    return BulkPanel("P", expression, table, calls, lines, drugs, Provenance("panel", notes=("test",)))


def test_a_line_gets_its_own_response_and_counts_once(twin):
    real = replace(twin, provenance=Provenance("panel", notes=("test",)))
    names = sorted(set(twin.pairs["line"]))
    panel = panel_of([*names[:12], "elsewhere"], [*np.arange(12.0), 99.0])
    labelled = response.label_pairs(real, "none", panel, "X")
    assert labelled.pairs.pairs["line"].to_list() == names[:12]
    assert labelled.response.tolist() == list(range(12))
    own = twin.post[twin.pairs["line"] == names[3]].mean()
    assert np.allclose(labelled.pairs.post.iloc[3], own, atol=1e-5)
    with pytest.raises(DataError, match="2 lines of none have a response to X"):
        response.label_pairs(real, "none", panel_of(names[:2], [1.0, 2.0]), "X")
    with pytest.raises(DataError, match="no response to 'Y'"):
        response.label_pairs(real, "none", panel, "Y")


def test_a_response_that_lies_in_the_measured_change_is_found_there_alone(twin):
    """The drug does nothing, so the change is noise of the wells; no profile before it knows that noise."""
    labelled = response.label_pairs(twin, "none", None, "")
    change = labelled.pairs.change.to_numpy(float)
    labelled = replace(labelled, response=10 * (change @ np.ones(change.shape[1])))
    table = response.compare_inputs(response.predict_response(labelled, TINY)).set_index("what")
    assert table.loc["before and measured change minus before", "high"] < 0
    assert table.loc["before and predicted change minus before", "high"] > -0.2 * table.loc["before", "value"]
    gap = table.loc["before and measured change", "value"] - table.loc["before", "value"]
    assert table.loc["before and measured change minus before", "value"] == pytest.approx(gap)
    assert (table["n"] == 30).all()
