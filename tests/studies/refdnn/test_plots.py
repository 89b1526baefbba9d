from __future__ import annotations

import xml.etree.ElementTree as ET

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt

from figures import assert_readable, texts
from helpers.errors import DataError
from helpers.plots import use_style
from helpers.studies.refdnn import plots

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(autouse=True)
def _close():
    with plt.rc_context():
        use_style()
        yield
    plt.close("all")


def categories():
    rows = [("big", f"b{i}", 0.5 + i / 20, 100) for i in range(6)] + [("small", "s<1>", 0.9, 1000)]
    return pd.DataFrame([*rows, ("small", "gone", np.nan, 3)], columns=["category", "item", "value", "n"])


def test_paired_boxes_count_wins_ties_and_losses():
    values = pd.DataFrame({"RefDNN": [0.9, 0.8, 0.7, 0.6], "Random Forest": [0.5, 0.8, 0.9, np.nan]})
    figure = plots.paired_boxes(
        values, title="t", ylabel="AUROC", unit="drugs", p_values={"Random Forest": 0.031}
    )
    found = texts(figure)
    assert "1/1/1\np = 0.031" in found
    assert "Random\nForest\nn = 3" in found
    assert "model (n = drugs)" in found
    many = values.assign(**dict.fromkeys("abcd", values["RefDNN"]))
    figure = plots.paired_boxes(many, title="t", ylabel="AUROC", unit="drugs", p_values={"a": 0.00022})
    assert "0/4/0\np =\n0.00022" in texts(figure), "a narrow column"


def test_expression_boxes_name_genes_p_and_n():
    table = pd.DataFrame(
        {"gene": ["A"] * 5 + ["B"] * 5, "response": list("RRRSS") * 2, "value": np.arange(10.0)}
    )
    found = texts(plots.expression_boxes(table, title="t", xlabel="log2", p_values={"A": 1e-6}))
    assert {"A", "B", "p < 0.0001", "resistant (n = 3 lines)", "sensitive (n = 2 lines)"} <= set(found)


def test_category_boxes_is_a_well_formed_chart_ordered_by_median():
    chart = plots.category_boxes(categories(), title="GDSC <drugs>", xlabel="AUROC", reference=0.5)
    root = ET.fromstring(chart.svg)
    labels = ["".join(text.itertext()) for text in root.iter(f"{SVG}text")]
    named = [label.split(" (n =")[0] for label in labels if "(n =" in label]
    assert named == ["small", "big"]
    assert "AUROC (7 drugs, 1 undefined left out)" in labels
    hovers = [title.text for title in root.iter(f"{SVG}title")]
    assert "s<1>: 0.900, 1,000 pairs (small)" in hovers
    assert len(hovers) == 7
    # Six values get a box, one does not.
    assert len(list(root.iter(f"{SVG}rect"))) == 1
    assert chart._repr_html_() == chart.svg


def test_category_boxes_put_points_to_scale():
    table = pd.DataFrame({"category": "c", "item": list("abc"), "value": [0.0, 0.25, 1.0]})
    root = ET.fromstring(plots.category_boxes(table, title="t", xlabel="x").svg)
    a, b, c = (float(circle.get("cx")) for circle in root.iter(f"{SVG}circle"))
    assert (b - a) / (c - a) == pytest.approx(0.25, abs=0.001)


def test_category_boxes_show_intervals_of_the_median():
    chart = plots.category_boxes(categories().assign(low=0.4, high=0.95), title="t", xlabel="x")
    hovers = [title.text for title in ET.fromstring(chart.svg).iter(f"{SVG}title")]
    assert hovers.count("interval of the median: 0.400 to 0.950") == 2


@pytest.mark.parametrize("value", [0.5, 0.0, -3.0])
def test_category_boxes_draw_a_single_value(value):
    table = pd.DataFrame({"category": ["c"], "item": ["a"], "value": [value]})
    circle = next(ET.fromstring(plots.category_boxes(table, title="t", xlabel="x").svg).iter(f"{SVG}circle"))
    assert 0 <= float(circle.get("cx")) <= 420


EMPTY = pd.DataFrame({"category": [], "item": [], "value": []})


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda: plots.category_boxes(EMPTY, title="t", xlabel="x"), "the table is empty"),
        (lambda: plots.paired_boxes(pd.DataFrame({"a": [np.nan]}), title="t", ylabel="y"), "holds no values"),
        (
            lambda: plots.paired_boxes(
                pd.DataFrame({"a": [1.0], "b": [1.0]}), title="t", ylabel="y", p_values={"c": 0.1}
            ),
            r"not compared: \['c'\]",
        ),
        (
            lambda: plots.expression_boxes(
                pd.DataFrame({"gene": ["A"], "response": ["X"], "value": [1.0]}), title="t", xlabel="x"
            ),
            r"must be R or S, got \['X'\]",
        ),
    ],
)
def test_tables_that_cannot_be_drawn_are_refused(draw, message):
    with pytest.raises(DataError, match=message):
        draw()


def test_nothing_runs_off_the_figure_or_overlaps():
    names = ["RefDNN", "Random Forest", "Elastic Net", "Additive", "Prevalence"]
    values = pd.DataFrame(np.linspace(0, 1, 50).reshape(10, 5), columns=names)
    p_values = dict.fromkeys(names[1:], 1e-9)
    assert_readable(plots.paired_boxes(values, title="A title", ylabel="AUROC", p_values=p_values))
