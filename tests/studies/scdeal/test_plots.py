import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt

from helpers.errors import DataError
from helpers.plots.style import use_style
from helpers.studies.scdeal.labels import RULES
from helpers.studies.scdeal.plots import before_after, cell_panels, differences, map_cells, run_spread


@pytest.fixture(autouse=True)
def _close():
    with plt.rc_context():
        yield
    plt.close("all")


def texts(figure):
    return [t.get_text() for t in figure.findobj(plt.Text)]


def test_panels_count_the_classes_and_name_the_clusters():
    xy = np.random.default_rng(0).random((6, 2))
    panels = {
        "label": np.array([0, 0, 1, 1, 1, 1]),
        "score": np.linspace(0.1, 0.9, 6),
        "cluster": np.array(list("aabbcc")),
    }
    figure = cell_panels(xy, panels, title="T")
    shown = texts(figure)
    assert {"resistant (2)", "sensitive (4)", "a", "b", "c", "T (n = 6 cells)", "score"} <= set(shown)
    renamed = cell_panels(xy, {"side": panels["label"]}, title="T", names={"side": {0: "left", 1: "right"}})
    assert {"left (2)", "right (4)"} <= set(texts(renamed))


def test_every_run_is_a_dot_and_rules_are_marks_at_their_mean():
    runs = pd.DataFrame({"task": ["a"] * 4 + ["b"] * 2, "value": [0.1, 0.9, 0.8, 0.2, 0.5, 0.6]})
    chosen = pd.DataFrame({"task": ["a", "a", "b"], "value": [0.9, 0.8, 0.6]})
    figure = run_spread(
        runs, {"labels": chosen}, title="T", xlabel="AUROC", chance=pd.Series({"a": 0.5, "b": 0.3})
    )
    lines = figure.axes[0].get_lines()
    dots = np.sort(np.concatenate([line.get_xdata() for line in lines if line.get_marker() == "."]))
    np.testing.assert_allclose(dots, np.sort(runs["value"]))
    marks = [float(np.ravel(line.get_xdata())[0]) for line in lines if line.get_marker() == "D"]
    assert marks == pytest.approx([0.85, 0.6])
    assert {"chance", "labels (mean)"} <= set(texts(figure))


def test_arrows_lead_from_before_to_after():
    table = pd.DataFrame({"task": ["a", "a"], "before": [0.4, 0.6], "after": [0.7, 0.5]})
    axes = before_after(table, title="T", xlabel="AUROC").axes[0]
    arrows = [a for a in axes.texts if a.arrow_patch is not None]
    assert [(a.xyann[0], a.xy[0]) for a in arrows] == [(0.4, 0.7), (0.6, 0.5)]
    low, high = axes.get_xlim()
    assert low < 0.4
    assert high > 0.7


def test_principal_components_as_a_map():
    x = np.random.default_rng(0).standard_normal((20, 5)) * [9, 3, 1, 1, 1]
    xy = map_cells(x, "pca")
    assert xy.shape == (20, 2)
    assert xy[:, 0].std() > xy[:, 1].std() > 1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: map_cells(np.eye(4), "tsne"), "unknown method"),
        (lambda: cell_panels(np.ones((3, 2)), {"a": np.ones(2)}, title=""), "another length"),
        (lambda: cell_panels(np.ones((3, 2)), {}, title=""), "3 cells"),
        (lambda: run_spread(pd.DataFrame({"task": []}), title="", xlabel=""), "lacks the column"),
        (lambda: before_after(pd.DataFrame({"task": ["a"]}), title="", xlabel=""), "lacks the column"),
    ],
)
def test_nothing_to_draw(call, message):
    with pytest.raises(DataError, match=message):
        call()


def test_long_names_of_rows_leave_room_for_the_axes():
    """They once pushed tick labels out of the figure and the legend over the axis."""
    use_style()
    limits = {"metric": "AUROC", "difference": 0.0, "low": -0.2, "high": 0.2, "n": 5}
    table = pd.DataFrame({"model": list(RULES.values()), **limits})
    drawn = differences(table, title="A finding in words " * 6, xlabel="AUROC of one minus that of another")
    drawn.canvas.draw()
    axes = drawn.axes[0]
    inside = [drawn._suptitle, axes.xaxis.label, *axes.get_yticklabels()]
    boxes = [text.get_window_extent() for text in inside]
    assert all(box.x0 >= 0 and box.x1 <= drawn.bbox.width for box in boxes)
    assert drawn.legends[0].get_window_extent().y1 <= axes.xaxis.label.get_window_extent().y0
