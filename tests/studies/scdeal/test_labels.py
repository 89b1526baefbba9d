"""Labels of bulk lines by each rule, against the responses and the authors' table."""

import dataclasses

import numpy as np
import pytest

from helpers.data.sources import Sources
from helpers.errors import DataError
from helpers.studies.scdeal import labels
from helpers.studies.scdeal.labels import AuthorLabels, plain_name
from helpers.studies.scdeal.lines import load_lines
from helpers.studies.scdeal.tasks import PANEL, PAPER

DRUGS = [drug for drugs, _ in PANEL.values() for drug in drugs]


@pytest.fixture(scope="module")
def lines():
    return load_lines("simulated")


def test_names_meet_across_spellings():
    assert plain_name("I.BET.762") == plain_name("I-BET-762") == "IBET762"
    assert plain_name("X5.FLUOROURACIL") == plain_name("5-Fluorouracil")
    assert plain_name("XAV939") == "XAV939"


def test_prevalence_takes_the_lowest_responses(lines):
    share = lines.authors.share("Cisplatin")
    called = lines.resistant("Cisplatin", "prevalence").dropna()
    value = lines.panel.response["Cisplatin"].reindex(called.index)
    assert (1 - called).mean() == pytest.approx(share, abs=1 / len(called))
    assert value[called == 0].max() < value[called == 1].min()


def test_a_waterfall_that_falls_back_says_so(lines):
    straight = np.arange(len(lines.panel.response)) / 10.0
    response = lines.panel.response.assign(Cisplatin=straight)
    panel = dataclasses.replace(lines.panel, response=response)
    table = dataclasses.replace(lines, panel=panel).describe(["Cisplatin"]).set_index("rule")
    assert table["fell back"].to_dict() == {rule: rule == "waterfall" for rule in table.index}
    assert table.loc["waterfall", "value"] == pytest.approx(0.5)


def test_rules_are_those_that_give_every_drug_two_classes(lines):
    assert lines.rules(DRUGS) == list(labels.RULES)
    assert dataclasses.replace(lines, other=None).rules(DRUGS) == ["authors", "prevalence", "waterfall"]
    with pytest.raises(DataError, match="unknown rule 'guess'"):
        lines.resistant("Cisplatin", "guess")
    with pytest.raises(DataError, match="no drug 'Water'"):
        lines.resistant("Water", "authors")
    constant = AuthorLabels(lines.authors.table * 0, lines.authors.provenance)
    with pytest.raises(DataError, match="does not give Cisplatin two classes"):
        dataclasses.replace(lines, authors=constant).resistant("Cisplatin", "authors")


def test_the_table_is_read_by_cosmic_number(tmp_path, lines):
    path = tmp_path / "table.csv"
    path.write_text(
        ",X5.FLUOROURACIL,CISPLATIN\nDATA.1,resistant,sensitive\nACH-2,sensitive,\n", encoding="utf-8"
    )
    found = labels._read(Sources({labels.TABLE: path}))
    assert found.table.loc["DATA.1"].tolist() == [1, 0]
    two = lines.panel.subset(lines.panel.lines.index[:2])
    about = two.lines.assign(cosmic_id=["1", ""])
    assert found.lines(dataclasses.replace(two, lines=about), "Cisplatin").tolist()[0] == 0
    assert found.share("Cisplatin") == 1
    path.write_text(",A\nx,maybe\n", encoding="utf-8")
    with pytest.raises(DataError, match="expected unique lines x drugs"):
        labels._read(Sources({labels.TABLE: path}))


@pytest.mark.panel
def test_the_authors_table_on_the_panel():
    found = load_lines("panel")
    table = found.describe(DRUGS).pivot(index="drug", columns="rule", values="value")
    assert table["authors"].between(0.04, 0.18).all()
    assert (table["prevalence"] - table["authors"]).abs().max() < 0.015
    fell = found.describe(DRUGS).query("`fell back`")["drug"]
    assert set(fell) == {"PLX-4720", "Vorinostat", "Cisplatin", "Docetaxel", "Erlotinib", "I-BET-762"}
    # The table keeps the drugs of the paper's own sets.
    assert all(drug in found.authors.table for drugs, _ in PAPER.values() for drug in drugs)
