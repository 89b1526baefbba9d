"""The tables of the chapter with all verdicts."""

from __future__ import annotations

import json
import re
from html import unescape

from helpers.claims.register import load_register
from helpers.claims.results import load_results
from helpers.claims.verdict import judge_run
from helpers.display.export import claims_data
from helpers.display.tables import input_table, published_and_ours, sensitivity


def test_published_and_ours_lists_what_has_both(toy):
    toy.write_results(
        toy.folder,
        "01_first",
        both={"value": 0.75, "published": 0.8, "low": 0.7, "high": 0.8, "n": 5},
        unpublished={"value": 0.5},
        undefined={"value": None, "published": 0.5},
    )
    table = published_and_ours(load_results(toy.folder))
    [row] = table.data.to_dict("records")
    assert row == {
        "chapter": "01", "value": "toy.both", "published": "0.800", "ours": "0.750", "difference": "-0.050",
        "interval": "[0.700, 0.800]", "n": "5", "input": "panel",
    }  # fmt: skip
    [attribute] = re.findall('data-results="([^"]*)"', table.to_html())
    assert json.loads(unescape(attribute)) == [["01_first", "toy.both"]]


def test_sensitivity_has_three_rows_a_claim(toy):
    toy.claim("01_first", above=1.0)
    toy.write_results(toy.folder, "01_first", level={"value": 2.0})
    table = sensitivity(judge_run(load_register(toy.root / "data"), load_results(toy.folder)))
    assert list(table["part"]) == ["Repeated", "Sound", "Survives"]
    assert set(table["verdict"]) == {"holds"}
    assert set(table["halved"]) == {"–"}  # the rule has no tolerance


def test_verdicts_as_data_carry_every_number(toy):
    toy.claim("01_first", above=1.0)
    toy.write_results(toy.folder, "01_first", level={"value": 0.5})
    verdicts = judge_run(load_register(toy.root / "data"), load_results(toy.folder))
    [claim] = claims_data(verdicts)
    assert (claim["id"], claim["parts"]["sound"]["outcome"]) == ("toy-01", "fails")
    [condition] = claim["parts"]["sound"]["conditions"]
    assert (condition["result"], condition["value"], condition["bound"]) == ("toy.level", 0.5, 1.0)
    assert json.loads(json.dumps(claims_data(verdicts))) == claims_data(verdicts)


def test_empty_runs_give_empty_tables_with_their_columns(toy):
    assert list(published_and_ours({}).data.columns)[:2] == ["chapter", "value"]
    assert next(iter(input_table({}).columns)) == "chapter"
    assert sensitivity([]).empty
