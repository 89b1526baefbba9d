import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt

from helpers.errors import DataError
from helpers.plots.hover import chart_spec
from helpers.studies.gpds.figures import board
from helpers.studies.gpds.plots import (
    curves,
    cut_density,
    error_strips,
    line_densities,
    list_heatmap,
    mean_variance,
    scores_against_response,
    seed_agreement,
    true_against_predicted,
)


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


def texts(figure):
    """All words of a figure: titles, labels, legends."""
    figure.canvas.draw()
    return " | ".join(t.get_text() for t in figure.findobj(plt.Text))


def test_mean_variance_counts_the_genes_on_either_side():
    table = pd.DataFrame({"mean": [1.0, 3, 4], "variance": [2.0, 0.5, 1.5], "kept": [False, False, True]})
    words = texts(mean_variance(table, min_mean=1.9, min_variance=1, title="Genes"))
    assert "dropped (2 genes)" in words and "kept (1 genes)" in words and "mean 1.9" in words


def test_density_shows_the_cut_and_counts_infinite_values():
    values = np.append(np.random.default_rng(0).normal(size=99), -np.inf)
    words = texts(cut_density(values, 0, title="Means", xlabel="ln variance"))
    assert f"{int((values >= 0).sum())} of 100 above" in words


def test_true_against_predicted_draws_three_lines():
    table = pd.DataFrame({"measured": [1.0, 2, 3], "predicted": [1.5, 1.5, 3], "training_mean": 2.0})
    figure = true_against_predicted(table, title="t", unit="ln IC50")
    assert "slope 0.75" in texts(figure)
    assert len(figure.axes[0].lines) == 4


def test_line_densities_take_constant_predictions():
    cells = pd.DataFrame(
        {"line": ["A"] * 5 + ["B"] * 5, "predicted": [0.4] * 5 + [0.1, 0.2, 0.3, 0.35, 0.9], "measured": 0.7}
    )
    figure = line_densities(cells, {"bulk": pd.Series({"A": 0.6})}, title="t", unit="response", constant=0.5)
    words = texts(figure)
    assert "A (5 cells)" in words and "measured" in words and "bulk" in words and "training mean" in words


def test_strips_count_diverged_networks_and_do_not_draw_them():
    table = pd.DataFrame({"model": ["net"] * 4, "value": [1.0, 2, 3, np.inf]})
    figure = error_strips(table, title="t", xlabel="MSE", marks={"published": 0.08})
    words = texts(figure)
    assert "net (n = 3 of 4)" in words and "published 0.08" in words
    points, bar = figure.axes[0].lines[:2]
    assert sorted(points.get_xdata()) == [1, 2, 3] and set(bar.get_xdata()) == {2}


def test_curves_draw_what_they_are_given():
    table = pd.DataFrame({"model": ["Ridge"] * 2, "lines": [60, 476], "value": [0.4, 0.5]})
    words = texts(curves(table.assign(low=0.3, high=0.6), title="t", xlabel="lines", ylabel="rho"))
    assert "Ridge" in words and "476" in words


def test_a_drug_of_the_board_says_its_name():
    numbers = {"lines": 300, "ridge": 0.2, "ceiling": np.nan}
    drugs = pd.DataFrame({"drug": ["A", "B"], "lineage mean": [0.1, 0.2], "within lineages": [0.4, np.nan]})
    figure, name, caption = board(drugs.assign(**numbers), "A")
    spec = chart_spec(figure)
    assert spec["encoding"]["tooltip"][0]["field"] == "drug"
    assert spec["title"] == "1 of 2 drugs are predicted within lineages (above 0.3)"
    assert [row["shown"] for row in next(iter(spec["datasets"].values()))] == ["A", "other drugs"]
    assert name == "board" and "(2)" in caption


def test_scores_and_agreement_and_heatmap():
    table = pd.DataFrame({"list": ["L1"] * 4, "x": [1, 2, 3, 4], "y": [0.1, 0.2, 0.4, 0.3]})
    assert "Spearman 0.80, n = 4 lines" in texts(
        scores_against_response(table, title="t", xlabel="x", ylabel="y")
    )
    seeds = pd.DataFrame({"list": ["L7", "L7", "L8"], "agreement": [0.2, 0.4, 0.1]})
    assert "L8" in texts(seed_agreement(seeds, title="t"))
    pairs = pd.DataFrame({"first": ["L1"], "second": ["L2"], "drug": ["d"], "spearman": [-0.25]})
    assert "-.25" in texts(list_heatmap(pairs, title="t"))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: cut_density([np.nan, 1.0], 0, title="", xlabel=""), "two different finite values"),
        (lambda: seed_agreement(pd.DataFrame({"list": []}), title=""), "agreement"),
        (
            lambda: true_against_predicted(pd.DataFrame({"measured": [1]}), title="", unit=""),
            "lacks the column",
        ),
    ],
)
def test_bad_tables_are_refused(call, message):
    with pytest.raises(DataError, match=message):
        call()
