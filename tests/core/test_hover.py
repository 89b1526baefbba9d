"""Charts that answer when pointed at."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from helpers.errors import DataError
from helpers.plots import model_styles
from helpers.plots.hover import chart_spec, chart_svg, chart_table, chart_words, hover_points
from helpers.plots.themed import themed


@pytest.fixture
def drugs():
    return pd.DataFrame(
        {
            "drug": ["Erlotinib", "17-AAG", "A & <B>"],
            "Ridge.R2": [0.1, 0.2, 0.3],
            "network": [0.2, 0.1, 0.4],
            "model": ["RefDNN", "Ridge", "RefDNN"],
            "n": [10, 20, 30],
        }
    )


def test_a_point_says_what_it_is(drugs):
    spec = chart_spec(
        hover_points(drugs, "Ridge.R2", "network", title="Ahead", shown=["drug", "n", "network"])
    )
    assert [tip["title"] for tip in spec["encoding"]["tooltip"]] == ["drug", "n", "network"]
    assert [tip.get("format") for tip in spec["encoding"]["tooltip"]] == [None, None, ".3f"]
    [data] = spec["datasets"].values()
    assert [row["drug"] for row in data] == list(drugs["drug"])
    # A dot in a name is no path into the row.
    assert spec["encoding"]["x"]["field"] == "Ridge\\.R2"
    assert json.dumps(spec) == json.dumps(
        chart_spec(hover_points(drugs, "Ridge.R2", "network", title="Ahead", shown=["drug", "n", "network"]))
    )


def test_models_look_as_everywhere(drugs):
    spec = chart_spec(hover_points(drugs, "n", "network", title="t", colour="model"))
    scale = spec["encoding"]["color"]["scale"]
    looks = model_styles(["RefDNN", "Ridge"])
    assert dict(zip(scale["domain"], scale["range"], strict=True)) == {m: looks[m][0] for m in looks}


def test_the_drawing_needs_no_script_and_follows_the_theme(drugs):
    chart = hover_points(drugs, "Ridge.R2", "network", title="Ahead", colour="model", equal=True)
    svg = themed(chart_svg(chart), "01_x")
    assert "currentColor" in svg
    assert "Ridge" in svg
    assert "#000" not in svg.replace("#0072B2", "")
    assert svg.count('aria-roledescription="point"') == 3 or svg.count("A3.7") >= 3


def test_words_and_table(drugs):
    chart = hover_points(drugs, "n", "network", title="Ahead", colour="model", labels={"n": "lines"})
    assert chart_words(chart) == (
        "Ahead. Across: lines. Upwards: network. Colour: model – RefDNN, Ridge. 3 points."
    )
    pd.testing.assert_frame_equal(chart_table(chart)[["drug", "n"]], drugs[["drug", "n"]])


def test_what_cannot_be_drawn_is_refused(drugs):
    with pytest.raises(DataError, match=r"lacks the column\(s\) \['gone'\]"):
        hover_points(drugs, "gone", "network", title="t")
    with pytest.raises(DataError, match="empty"):
        hover_points(drugs.iloc[:0], "n", "network", title="t")
