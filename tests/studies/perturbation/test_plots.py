"""The chapter's own plots, by what stands in the figure."""

from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from matplotlib.colors import to_hex

from helpers.errors import DataError
from helpers.studies.perturbation import plots, titles
from helpers.studies.perturbation.model import PUBLISHED

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


def points(figure, label):
    """Markers of a legend's entry: x, y, colour, marker."""
    (line,) = [line for line in figure.axes[0].lines if line.get_label() == label]
    return np.column_stack(line.get_data()), to_hex(line.get_color()), line.get_marker()


def rungs():
    steps = [("coin", 0.5), ("additive", 0.61), ("best network", 0.6), ("noise ceiling", 0.7)]
    rows = [(data, step, value + shift) for data, shift in (("x", 0), ("y", 0.1)) for step, value in steps]
    table = pd.DataFrame(rows, columns=["data", "step", "value"])
    return table.assign(low=table["value"] - 0.02, high=table["value"] + 0.02)


def test_a_ladder_has_every_step_in_the_row_of_its_data_set():
    figure = plots.ladder(rungs(), published={}, title="t")
    axis = figure.axes[0]
    assert [label.get_text() for label in axis.get_yticklabels()] == ["x", "y"]
    for step, value in (("coin", 0.5), ("additive", 0.61), ("best network", 0.6), ("noise ceiling", 0.7)):
        drawn, _, _ = points(figure, step)
        np.testing.assert_allclose(drawn[:, 0], [value, value + 0.1])
        assert (np.round(drawn[:, 1]) == [0, 1]).all()
    bars = [segment for collection in axis.collections for segment in collection.get_segments()]
    np.testing.assert_allclose([np.ptp(bar[:, 0]) for bar in bars], 0.04)
    assert axis.yaxis_inverted(), "the first data set is on top"


def test_a_published_value_stands_beside_its_own_data_set_only():
    figure = plots.ladder(rungs(), published={"y": 0.79, "elsewhere": 0.3}, title="t")
    axis = figure.axes[0]
    lines = [s for c in axis.collections for s in c.get_segments() if np.ptp(s[:, 0]) == 0]
    np.testing.assert_allclose(lines, [[[0.79, 0.6], [0.79, 1.4]]])
    assert [text.get_text() for text in axis.texts] == ["published, 79%"]


def test_what_is_no_model_does_not_look_like_one():
    figure = plots.ladder(rungs(), published={}, title="t")
    of_models = set(plots.STYLES.values())
    for step in ("coin", "best network", "noise ceiling"):
        assert points(figure, step)[1:] not in of_models
    assert points(figure, "additive")[1:] == plots.STYLES["additive"]
    assert len(of_models) == len({colour for colour, _ in of_models}) == len(plots.STYLES)
    assert set(PUBLISHED) < set(plots.STYLES)


def spans_table():
    rows = [("LSTM", "a", 0.1, 0.4, 2.0), ("LSTM", "b", 0.2, 0.5, 3.0), ("GRU", "b", 0.3, 0.6, 4.0)]
    return pd.DataFrame(rows, columns=["model", "group", "low", "mean", "high"])


def test_spans_go_from_the_least_to_the_largest_error_of_a_cell():
    figure = plots.spans(spans_table(), title="t", ylabel="error")
    axis = figure.axes[0]
    assert axis.get_yscale() == "log"
    assert [label.get_text() for label in axis.get_xticklabels()] == ["a", "b"]
    for model, means, places in (("LSTM", [0.4, 0.5], [0, 1]), ("GRU", [0.6], [1])):
        drawn, *style = points(figure, model)
        np.testing.assert_allclose(drawn[:, 1], means)
        assert (np.round(drawn[:, 0]) == places).all()
        assert tuple(style) == (plots.STYLES[model][0].lower(), plots.STYLES[model][1])
    ends = [tuple(s[:, 1]) for c in axis.collections for s in c.get_segments()]
    assert ends == [(0.1, 2.0), (0.2, 3.0), (0.3, 4.0)]


def sizes(n):
    index = [f"compound {i}" for i in range(n)]
    return pd.DataFrame({"size": np.arange(1.0, n + 1)[::-1], "GRU": np.arange(2.0, n + 2)}, index=index)


def test_many_items_say_their_names_on_hover_and_few_on_the_axis():
    options = {"order": "size", "title": "t <& t", "xlabel": "compounds", "ylabel": "error"}
    few = plots.sorted_dots(sizes(3), **options)
    assert [t.get_text() for t in few.axes[0].get_xticklabels()] == ["compound 2", "compound 1", "compound 0"]
    table = sizes(30)
    table.loc["compound 7", "GRU"] = np.nan
    root = ElementTree.fromstring(plots.sorted_dots(table, **options).svg)
    assert root.get("aria-label") == "t <& t"
    said = [title.text for use in root.iter(f"{SVG}use") for title in use.iter(f"{SVG}title")]
    order = [i for i in range(29, -1, -1) if i != 7]
    assert said == [f"compound {i}, GRU: {i + 2:.3g}" for i in order]


@pytest.mark.parametrize(
    "draw",
    [
        lambda: plots.ladder(rungs().drop(columns="low"), published={}, title="t"),
        lambda: plots.spans(spans_table()[:0], title="t", ylabel="y"),
        lambda: plots.sorted_dots(sizes(3), order="none", title="t", xlabel="x", ylabel="y"),
    ],
)
def test_tables_that_cannot_be_drawn_are_refused(draw):
    with pytest.raises(DataError, match=r"lacks the column|is empty"):
        draw()


def test_titles_say_what_the_tables_hold():
    rows = [("best network", "best simple", "x", 0.1), ("best network", "best simple", "y", -0.1)]
    rows += [("best network", "additive", "x", 0.3), ("A", "B", "x", 0.012)]
    versus = pd.DataFrame(rows, columns=["first", "second", "data", "difference"])
    versus = versus.assign(
        metric="sign accuracy", low=versus["difference"] - 0.01, high=versus["difference"] + 0.01
    )
    assert "in 1 of 2 data sets (sign accuracy)" in titles.wins(versus, "sign accuracy")
    errors = versus.assign(metric="MRRMSE")
    assert "in 1 of 2" in titles.wins(errors, "MRRMSE"), "a smaller error is better"
    assert titles.gain(versus, "x", "A", "B") == "x: A minus B: +1.2 points"
    models = [
        ("a", "MAE right", 0.2),
        ("b", "MAE right", 0.1),
        ("a", "MAE wrong", 0.5),
        ("b", "MAE wrong", 0.6),
    ]
    summary = pd.DataFrame(models, columns=["model", "metric", "value"])
    assert titles.lowest_errors(summary) == "lowest error on\nright signs: b, on wrong: a"
    signs = [("random_rows", "a", 0.6), ("random_rows", "b", 0.7), ("unseen_compounds", "a", 0.55)]
    summary = pd.DataFrame(signs, columns=["protocol", "model", "value"]).assign(metric="sign accuracy")
    assert (
        titles.by_protocol(summary, ["a", "b"])
        == "best network\n70.0% on random rows, 55.0% on unseen compounds"
    )
    table = pd.DataFrame({"model": ["a", "b"], "value": [0.6, 0.61], "low": 0.59, "high": 0.63}).assign(
        data="x", metric="sign accuracy"
    )
    assert (
        titles.spread(table, ["a", "b"], "x")
        == "x: six networks within 1.0 points,\nintervals 4.0 points wide"
    )
    assert "3-fold" in titles.range_in_cells(pd.DataFrame({"low": [1.0, 1, 1], "high": [2.0, 3, 9]}))
    assert "-1.00" in titles.error_and_size(
        pd.DataFrame({"GRU3-ATTN": [1, 2, 3], "mean |change|": [3, 2, 1]})
    )
