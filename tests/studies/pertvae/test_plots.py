"""Figures of the chapter: one look a model, sizes that include none, arrows, tables that can be read."""

from __future__ import annotations

import html
import re

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from helpers.errors import DataError
from helpers.studies.pertvae import plots


def curve(models):
    rows = [(model, size, 0.5, 0.4, 0.6) for model in models for size in (0, 60)]
    return pd.DataFrame(rows, columns=["model", "size", "value", "low", "high"])


def test_a_model_looks_the_same_whatever_stands_beside_it():
    colours = set()
    for models in (["PertVAE", "PCA + shift"], ["PCA + shift", "PertVAE"]):
        axes = plots.size_curves(curve(models), title="", ylabel="", scale="linear").axes[0]
        lines = [container.lines[0] for container in axes.containers]
        found = dict(zip(models, lines, strict=True))
        colours.add((to_hex(found["PertVAE"].get_color()), found["PertVAE"].get_marker()))
    assert len(colours) == 1
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["0", "60"]


def test_a_curve_of_nothing_is_refused():
    with pytest.raises(DataError, match="size_curves"):
        plots.size_curves(curve([]), title="", ylabel="")


def test_two_arrows_a_line_start_where_it_was():
    before, after = np.zeros((3, 2)), np.arange(6.0).reshape(3, 2)
    axes = plots.latent_arrows(before, after, after + 1, title="", unit="pairs").axes[0]
    assert [tuple(arrow.xy) for arrow in axes.texts[:2]] == [tuple(after[0]), tuple(after[0] + 1)]
    assert len(axes.texts) == 6
    assert "3 pairs" in axes.get_xlabel()
    unseen = np.array([False, True, False])
    lines = {"held_out": unseen, "names": ["A549", "MCF7", "PC3"]}
    named = plots.latent_arrows(before, after, after + 1, title="", **lines).svg
    assert named.count("<title>") == 9 and "<title>MCF7, after, predicted</title>" in named
    with pytest.raises(DataError, match="three arrays"):
        plots.latent_arrows(before, after[:2], after, title="")


def test_tiny_p_values_are_written_as_bounds():
    row = {"lines": 5, "rho_rec": 0.12345, "p": 1e-9, "p_lines": 0.25, "p_flip": 0.0301, "p_holm": 1.0}
    page = plots.table_1_style(pd.DataFrame([row], ["drug"])).to_html()
    text = html.unescape(re.sub(r"</?[a-z][^>]*>", " ", page))  # what is read
    assert all(part in text for part in ("0.123", "< 0.0001", "0.25", "0.03"))
    assert "1e-09" not in text
    assert "0.12345" not in text
