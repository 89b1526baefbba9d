from __future__ import annotations

from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt

from figures import assert_readable, texts
from helpers import plots
from helpers.errors import DataError


@pytest.fixture(autouse=True)
def _close():
    with plt.rc_context():
        plots.use_style()
        yield
    plt.close("all")


def scores():
    rows = [(k, m, 0.8, 0.7, 0.9) for k in ("AUCROC", "F1") for m in ("RefDNN", "Additive")]
    table = pd.DataFrame(rows, columns=["metric", "model", "value", "low", "high"])
    table.loc[0, ["low", "high"]] = np.nan
    return table


def test_known_models_keep_their_colour_and_others_differ():
    alone = plots.model_styles(["RefDNN"])["RefDNN"]
    styles = plots.model_styles(["new A", "RefDNN", "Random Forest", "new B"])
    assert styles["RefDNN"] == alone
    assert len({colour for colour, _ in styles.values()}) == 4
    assert len({marker for _, marker in styles.values()}) == 4


def test_metric_bars_draw_values_and_published():
    published = pd.DataFrame({"metric": ["F1", "other"], "model": ["RefDNN"] * 2, "value": [0.75, 0.1]})
    figure = plots.metric_bars(scores(), published, title="CCLE, n = 5 folds")
    drawn = [y for line in figure.axes[0].lines for y in np.atleast_1d(line.get_ydata())]
    assert drawn.count(0.75) == 1
    assert 0.1 not in drawn
    assert {"RefDNN", "Additive", "published (open)", "CCLE, n = 5 folds"} <= set(texts(figure))


def test_agreement_counts_what_it_leaves_out():
    table = pd.DataFrame({"published": [0.5, 0.6, np.nan], "ours": [0.5, 0.7, 0.8], "model": "RefDNN"})
    assert "published (n = 2 values, 1 undefined left out)" in texts(plots.agreement(table, title="t"))


def test_forest_writes_each_difference_and_marks_those_that_exclude_zero():
    table = pd.DataFrame(
        {"label": ["a", "b", "c"], "difference": [0.1, 0.0, np.nan], "low": [0.05, -0.1, np.nan]}
    ).assign(high=lambda t: t["difference"] + 0.1)
    figure = plots.forest(table, title="t", xlabel="difference in AUROC", margin=0.01)
    found = texts(figure)
    assert "+0.100 [+0.050, +0.200]" in found
    assert "undefined" in found
    faces = [line.get_markerfacecolor() for line in figure.axes[0].lines if line.get_marker() == "o"]
    assert faces == [plots.OKABE_ITO["blue"], "white"]


def test_forest_heads_groups():
    table = pd.DataFrame({"label": ["a", "a"], "group": ["CCLE", "GDSC"], "difference": 0.1}).assign(
        low=0.0, high=0.2
    )
    found = texts(plots.forest(table, title="t", xlabel="x"))
    assert {"CCLE", "GDSC"} <= set(found)


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (
            lambda: plots.metric_bars(scores().drop(columns="low"), title="t"),
            r"lacks the column\(s\) \['low'\]",
        ),
        (lambda: plots.metric_bars(scores().iloc[:0], title="t"), "the table is empty"),
        (lambda: plots.agreement(scores(), title="t"), "lacks the column"),
        (lambda: plots.forest(scores(), title="t", xlabel="x"), "lacks the column"),
    ],
)
def test_tables_that_cannot_be_drawn_are_refused(draw, message):
    with pytest.raises(DataError, match=message):
        draw()


def test_nothing_runs_off_the_figure_or_overlaps():
    names = ["Random Forest", "Elastic Net", "Additive", "Prevalence"]
    table = pd.DataFrame({"label": names, "difference": 0.1}).assign(low=0.0, high=0.2)
    assert_readable(plots.forest(table, title="A title", xlabel="difference in AUROC"))


def test_every_point_of_a_chart_says_its_name_and_no_id_is_left_to_clash():
    figure, axis = plt.subplots()
    axis.plot([1, 2, 3], [1, 2, 3], "o", gid="a")
    axis.plot([1, 2], [3, 1], "s", gid="other")
    chart = plots.named_points(figure, {"a": ["x & y", "z", "w"]}, label="a chart")
    root = ElementTree.fromstring(chart.svg)
    titles = [t.text for t in root.iter("{http://www.w3.org/2000/svg}title")]
    assert titles == ["x & y", "z", "w"]
    assert not [g for g in root.iter("{http://www.w3.org/2000/svg}g") if "id" in g.attrib]
    assert root.get("aria-label") == "a chart"
    assert "<style" not in chart.svg, "it would hold for the whole page"
    figure, axis = plt.subplots()
    axis.plot([1, 2], [3, 1], "s", gid="a")
    with pytest.raises(ValueError, match="shorter"):
        plots.named_points(figure, {"a": ["one"]}, label="")


def test_long_names_leave_the_axis_of_a_forest_its_room():
    name = "random, sign of the encoder's weight, within tissue, all lines of the second screen"
    table = pd.DataFrame({"label": [name, "short"], "difference": [-0.04, 0.1]})
    table = table.assign(low=table["difference"] - 0.1, high=table["difference"] + 0.1)
    figure = plots.forest(table, title="t", xlabel="x")
    assert_readable(figure)
    assert figure.axes[0].get_position().width > 0.3


def test_a_difference_beyond_the_reach_of_a_forest_is_an_arrow_at_its_edge():
    table = pd.DataFrame({"label": list("abc"), "difference": [0.4, -0.3, 0.02]})
    table = table.assign(low=table["difference"] - 0.05, high=table["difference"] + 0.05)
    figure = plots.forest(table, title="t", xlabel="x", reach=0.1)
    drawn = {
        line.get_marker(): line.get_xdata()[0] for line in figure.axes[0].lines if len(line.get_xdata()) == 1
    }
    assert drawn == {">": 0.1, "<": -0.1, "o": 0.02}
    low, high = figure.axes[0].get_xlim()
    assert -0.15 < low < high < 0.15
    assert any("+0.400 [+0.350, +0.450]" in text for text in texts(figure)), "numbers stay as they are"


def test_kernel_ridge_keeps_its_colour_beside_any_models():
    alone = plots.model_styles(["Kernel ridge"])["Kernel ridge"]
    for others in (["a"], ["a", "RefDNN", "b"]):
        styles = plots.model_styles([*others, "Kernel ridge"])
        assert styles["Kernel ridge"] == alone
        assert len({colour for colour, _ in styles.values()}) == len(styles)


def test_long_names_of_metrics_do_not_overlap():
    names = ["lines vary by 0.06", "lines vary by 0.13", "lines vary by 0.34", "lines vary by 0.06, 19 lines"]
    rows = [(name, model, 0.2, 0.1, 0.3) for name in names for model in ("RefDNN", "PCA", "Ridge")]
    table = pd.DataFrame(rows, columns=["metric", "model", "value", "low", "high"])
    assert_readable(plots.metric_bars(table, title="A title"))
