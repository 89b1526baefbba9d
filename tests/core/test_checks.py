"""Bad data that fit their form: each ends in the project's own error."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from helpers.checks import check_gene_names, check_log_response
from helpers.data.cells_twin import simulate_panel
from helpers.data.pairs_twin import simulate_pairs
from helpers.data.types import Provenance, ResponseData
from helpers.errors import DataError

LINES, DRUGS = ["a", "b", "c", "d"], ["X", "Y"]


def response_data(**changes) -> ResponseData:
    value = [-2.0, 1.0, 3.0, 4.0, -1.0, 0.0, 2.0, 5.0]
    tables = {
        "name": "own",
        "expression": pd.DataFrame([[1.0, 2], [3, 4], [5, 6], [7, 8]], LINES, ["TP53", "EGFR"]),
        "response": pd.DataFrame(
            {"line": LINES * 2, "drug": ["X"] * 4 + ["Y"] * 4, "resistant": [0, 0, 1, 1] * 2, "value": value}
        ),
        "fingerprints": pd.DataFrame([[0, 1], [1, 0]], DRUGS),
        "lines": pd.DataFrame({"cancer_type": "LUAD"}, LINES),
        "drugs": pd.DataFrame({"pathway": "unknown"}, DRUGS),
        "provenance": Provenance("own"),
    }
    return ResponseData(**(tables | changes))


def test_own_data_have_a_tier_of_their_own():
    assert response_data().tier == "own"
    with pytest.raises(DataError, match="unknown tier 'mine'; one of paper, panel, own, simulated"):
        Provenance("mine")


GOOD = response_data()


def changed(table: str, **columns) -> dict:
    return {table: getattr(GOOD, table).assign(**columns)}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (changed("response", resistant=1 - GOOD.response["resistant"]),
         "lower mean ln IC50 in 2 of 2 drugs with both labels .*did you pass 1 = sensitive"),
        (changed("response", value=-GOOD.response["value"]), "values that rise with sensitivity"),
        (changed("response", value=[np.inf, *[1.0] * 7]), "response holds infinite values in 1 row"),
        (changed("response", value="high"), "response holds text in 1 column.s., first .'value'"),
        (changed("response", value=np.exp(GOOD.response["value"] + 2)), "take the natural logarithm"),
        (changed("response", value=GOOD.response["value"] * 1e5), "fits that ran away"),
        (changed("response", line="z"), "names 1 line.s. that expression does not have"),
        ({"response": GOOD.response.drop(columns="value")}, "response lacks the column.s. value; it has"),
        ({"response": [1, 2]}, "response must be a DataFrame, got list"),
        ({"expression": 2**GOOD.expression}, "largest expression value is 256, so the scale is linear"),
        ({"expression": GOOD.expression.astype(str)}, "expression holds text in 2 column"),
        ({"expression": GOOD.expression.rename(columns={"TP53": "2-Sep"})}, "a spreadsheet turned"),
        ({"expression": GOOD.expression.replace(8, np.inf)}, "NaN or infinite values in 1 row.s., first"),
        ({"expression": GOOD.expression.to_numpy()}, "expression must be a DataFrame, got ndarray"),
        ({"expression": GOOD.expression.set_axis(["a", "a", "c", "d"])}, "duplicated row ids"),
        ({"expression": GOOD.expression.set_axis(["a", None, "c", "d"])}, "every row and column needs"),
        ({"fingerprints": GOOD.fingerprints * 2}, "only 0 and 1"),
        ({"lines": GOOD.lines.rename(columns={"cancer_type": "type"})}, "lines lacks the column.s. cancer"),
        ({"drugs": GOOD.drugs[[]]}, "drugs lacks the column.s. pathway"),
    ],
)  # fmt: skip
def test_response_data_refuse(changes, message):
    with pytest.raises(DataError, match=message):
        response_data(**changes)


@pytest.mark.parametrize("keep", [[True], ["yes"] * 8, [True] * 9, [np.nan] * 8])
def test_a_subset_needs_one_truth_value_a_row(keep):
    with pytest.raises(DataError, match="one truth value for each of 8 rows"):
        GOOD.subset(keep)


def test_a_bulk_panel_refuses_labels_of_the_other_direction():
    panel = simulate_panel("GDSC2", 0)
    with pytest.raises(DataError, match="pairs labelled resistant have the lower mean response"):
        replace(panel, resistant=1 - panel.resistant)
    with pytest.raises(DataError, match="response holds infinite values in 1 row"):
        replace(panel, response=panel.response.where(panel.response != panel.response.iloc[0, 0], np.inf))
    with pytest.raises(DataError, match=r"lacks the column.s. cosmic_id"):
        replace(panel, lines=panel.lines.drop(columns="cosmic_id"))


def test_pairs_refuse():
    pairs, _ = simulate_pairs("twin", n_lines=5, effects={"shift": 4})
    for change, message in (
        ({"pre": pairs.pre.astype(str)}, "pre holds text"),
        ({"post": pairs.post.to_numpy()}, "post must be a DataFrame, got ndarray"),
        ({"pairs": None}, "pairs must be a DataFrame, got NoneType"),
        ({"pairs": pairs.pairs.drop(columns="dose")}, "pairs lacks the column.s. dose"),
    ):
        with pytest.raises(DataError, match=message):
            replace(pairs, **change)


@pytest.mark.parametrize("name", ["2-Sep", "1-Dec", "Mar-01", "2023-03-01 00:00:00", "9/2/2021", "2.31E+19"])
def test_gene_names_made_by_a_spreadsheet(name):
    with pytest.raises(DataError, match="a spreadsheet turned"):
        check_gene_names(pd.Index(["TP53", name]), "file.csv")


def test_gene_names_that_only_look_like_dates():
    check_gene_names(
        pd.Index(["SEPT2", "MARCH1", "DEC1", "HLA-A", "7157", "NKX2-1", "MT-ND1", "1.5"]), "file.csv"
    )


def test_concentrations_in_molar():
    with pytest.raises(DataError, match="as of concentrations in M"):
        check_log_response(np.log(np.geomspace(1e-8, 1e-5, 20)), "own")


def test_small_concentrations_are_no_logarithms():
    with pytest.raises(DataError, match="are concentrations, not their logarithm"):
        check_log_response(np.geomspace(0.01, 30, 40), "own")
    check_log_response(np.linspace(0.01, 6, 40), "own")
