"""Drugs of a response table found in a list of names: by spelling, by id with a common target, by synonym."""

import pandas as pd
import pytest

from helpers.data.drugs import COMPOUNDS, match_names, read_compounds
from helpers.data.sources import Sources
from helpers.errors import DataError

STAT = pd.DataFrame(
    {
        "drug": ["Alpha", "Betta", "681640", "WIKI4", "Nothing", "Unlisted"],
        "target": ["EGFR", "TP53, MDM2", "WEE1", "TNKS1", "X", "Y"],
    },
    index=["1", "2", "3", "4", "5", "6"],
)
COMPOUND_LIST = pd.DataFrame(
    {
        "drug": ["Alfa", "Beta", "Wee1 (old)", "Foretinib", "Nihil"],
        "synonyms": ["", "", "681640, Wee1 Inhibitor", "XL-880", ""],
        "target": ["HER2", "MDM2", "WEE1, CHEK1", "MET", "X"],
    },
    index=["1", "2", "3", "4", "5"],
)


def test_names_ids_and_synonyms_match_where_a_target_agrees():
    names = pd.Index(["Alpha", "Beta", "Wee1 Inhibitor", "Foretinib"])
    matched, notes = match_names(STAT, names, COMPOUND_LIST)
    assert matched.to_dict() == {"1": "Alpha", "2": "Beta", "3": "Wee1 Inhibitor"}
    by_id, refused = notes
    assert by_id == "2 drug(s) matched by GDSC id: Betta is Beta (id 2); 681640 is Wee1 Inhibitor (id 3)."
    assert refused.endswith("WIKI4 is Foretinib (id 4): targets TNKS1 and MET.")


def test_nothing_to_note_where_every_name_is_spelt_alike():
    matched, notes = match_names(STAT, pd.Index(["Alpha", "WIKI4"]), COMPOUND_LIST)
    assert matched.to_dict() == {"1": "Alpha", "4": "WIKI4"} and notes == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("DRUG_ID,DRUG_NAME\n1,a\n", "lacks the column.s. SYNONYMS, TARGET"),
        ("DRUG_ID,DRUG_NAME,SYNONYMS,TARGET\n1,a,,\n1,b,,\n", "the drug id '1' stands twice"),
    ],
)
def test_a_list_of_another_shape_is_refused(tmp_path, text, message):
    path = tmp_path / "compounds.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=message):
        read_compounds(Sources({COMPOUNDS: path}))
