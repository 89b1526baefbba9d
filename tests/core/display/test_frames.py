"""The house table: what a reader sees of a table of pandas."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from helpers.display.frames import column_format, house_style, use_house_tables


class Cells(HTMLParser):
    """Rows of texts, with the attributes of every cell."""

    def __init__(self, html):
        super().__init__()
        self.rows, self.attributes, self.caption, self.place = [], [], "", None
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        if tag == "tr":
            self.rows.append([])
            self.attributes.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")
            self.attributes[-1].append(dict(attrs))
        self.place = tag

    def handle_endtag(self, tag):
        self.place = None

    def handle_data(self, data):
        if self.place in ("td", "th"):
            self.rows[-1][-1] += data
        elif self.place == "caption":
            self.caption += data


@pytest.fixture(autouse=True)
def _house(monkeypatch):
    from pandas.io.formats.style import Styler

    for name in ("template_html_table", "template_html_style"):
        monkeypatch.setattr(Styler, name, getattr(Styler, name))
    use_house_tables()


def shown(frame):
    return Cells(house_style(frame).to_html())


def test_numbers_are_written_by_quantity():
    frame = pd.DataFrame(
        {
            "model": ["a", "b"],
            "n_lines": [1000, 21],
            "AUROC": [0.604, -3.33e-07],
            "p": [0.0482, 2.7e-9],
            "lr": [1e-4, 0.05],
            "size": [190036.4, np.nan],
            "tiny": [2.4e-5, 1.1e-5],
        }
    )
    table = shown(frame)
    assert table.rows == [
        ["model", "n lines", "AUROC", "p", "lr", "size", "tiny"],
        ["a", "1,000", "0.604", "0.048", "0.0001", "190,036", "0.000024"],
        ["b", "21", "0.000", "< 0.0001", "0.05", "–", "0.000011"],
    ]
    assert table.attributes[2][2]["data-v"] == "-3.33e-07"  # sorted by the number itself
    assert table.attributes[2][2]["data-label"] == "AUROC"


def test_low_and_high_are_one_interval_that_a_phone_keeps_beside_its_value():
    frame = pd.DataFrame({"value": [0.5], "low": [0.25], "high": [0.75], "n": [5]}, index=["Ridge"])
    html = house_style(frame).to_html()
    assert Cells(html).rows == [["", "value", "interval", "n"], ["Ridge", "0.5", "[0.250, 0.750]", "5"]]
    assert "ht-cards" in re.search(r"<table[^>]*>", html)[0]
    assert "ht-cards" not in re.search(r"<table[^>]*>", house_style(frame[["value"]]).to_html())[0]


def test_other_pairs_of_limits_are_intervals_too():
    frame = pd.DataFrame({"welch_low": [0.25], "welch_high": [np.nan], "low": [1], "shallow": [2]})
    assert shown(frame).rows == [["welch interval", "low", "shallow"], ["[0.250, –]", "1", "2"]]


@pytest.mark.parametrize(
    ("value", "text"), [(np.nan, "–"), (-0.0001, "0.000"), (0.5, "0.500"), (-0.5, "-0.500")]
)
def test_a_table_that_a_notebook_formats_itself_shows_no_nan_and_no_minus_zero(value, text):
    html = pd.DataFrame({"x": [value]}).style.format("{:.3f}").set_caption("Of <x>").to_html()
    assert Cells(html).rows[1][-1] == text
    assert Cells(html).caption == "Of <x>"


def test_an_exponent_never_stands_beside_decimals():
    html = pd.DataFrame({"x": [3.33e-07, 0.604]}).style.format("{:.3g}").to_html()
    assert [row[-1] for row in Cells(html).rows[1:]] == ["0.000000333", "0.604"]


def test_names_of_an_index_stand_in_the_one_heading_row():
    index = pd.MultiIndex.from_product([["CCLE", "GDSC"], [0.05, 0.5]], names=["data", "share"])
    table = shown(pd.DataFrame({"AUROC": [0.1234, 0.2, 0.3, 0.4]}, index=index))
    assert table.rows[0] == ["data", "share", "AUROC"]
    assert table.rows[1] == ["CCLE", "0.05", "0.123"]
    assert table.attributes[1][0]["rowspan"] == "2"
    assert table.attributes[1][-1]["data-label"] == table.attributes[2][-1]["data-label"] == "AUROC"


def test_columns_of_two_levels():
    columns = pd.MultiIndex.from_product([["mean", "sd"], ["Ridge", "PCA"]], names=[None, "model"])
    table = shown(
        pd.DataFrame([[0.11, 0.222, 0.3, 0.4]], index=pd.Index(["x"], name="share"), columns=columns)
    )
    assert table.rows[0][-2:] == ["mean", "sd"]
    assert table.rows[1] == ["share", "Ridge", "PCA", "Ridge", "PCA"]


def test_texts_are_escaped_and_equal_tables_are_equal():
    frame = pd.DataFrame({"<b>": ["<i>x</i> & y"]}, index=["a|b"])
    html = house_style(frame).to_html()
    assert Cells(html).rows == [["", "<b>"], ["a|b", "<i>x</i> & y"]]
    assert "<i>" not in html
    assert html == house_style(frame).to_html()


def test_long_tables_say_how_much_is_shown():
    table = shown(pd.DataFrame({"x": np.arange(1500)}))
    assert len(table.rows) == 1001
    assert table.caption == " The first 1,000 of 1,500 rows."


def test_equal_labels_are_no_obstacle():
    table = shown(pd.DataFrame({"x": [1, 2]}, index=["a", "a"]))
    assert [row[0] for row in table.rows[1:]] == ["a", "a"]


def test_a_column_has_one_number_of_decimals():
    write = column_format(pd.Series([0.01234, 0.5, 12.3456]), "MSE")
    assert {len(write(x).split(".")[1]) for x in (0.01234, 0.5, 12.3456)} == {3}
