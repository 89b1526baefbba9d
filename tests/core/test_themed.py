"""Figures on a page: they follow the theme, keep their data colours, and say what is to be seen."""

from __future__ import annotations

import itertools
import re
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt

from figures import assert_readable, texts
from helpers import plots
from helpers.plots import style
from helpers.plots.described import describe, table_of
from helpers.plots.themed import draw_svg, themed

SVG = "{http://www.w3.org/2000/svg}"
#: Grounds of the book's theme.
GROUNDS = ("#ffffff", "#121212")


@pytest.fixture(autouse=True)
def _style():
    with plt.rc_context():
        plots.use_style()
        yield
    plt.close("all")


def contrast(first, second):
    """Contrast ratio of WCAG 2."""

    def luminance(colour):
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in parts]
        return float(np.dot(linear, [0.2126, 0.7152, 0.0722]))

    dark, light = sorted((luminance(first), luminance(second)))
    return (light + 0.05) / (dark + 0.05)


def is_grey(colour):
    return colour[1:3] == colour[3:5] == colour[5:7]


def test_contrast_is_that_of_the_standard():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("colour", sorted({*style.OKABE_ITO.values(), *style._SPARE_COLOURS}))
def test_data_colours_are_seen_on_both_grounds(colour):
    if is_grey(colour):  # mixed from the text and the ground of the page
        assert f"fill: #{colour[1:]}; fill: c" in themed(f'<svg {NS}><g style="fill: {colour}"/></svg>', "a")
    else:
        assert min(contrast(colour, ground) for ground in GROUNDS) >= 3


NS = 'xmlns="http://www.w3.org/2000/svg" viewBox="0 0 400 300"'


def test_registered_models_of_one_figure_never_look_alike():
    known = list(style._MODELS)
    for names in (known, known[::-1], ["PCA", "Ridge", "GRU", "RefDNN", *(f"new {i}" for i in range(20))]):
        looks = plots.model_styles(names)
        assert len(set(looks.values())) == len(names)
    for first, second in itertools.combinations(known, 2):
        assert len(set(plots.model_styles([first, second]).values())) == 2
    alone = {name: plots.model_styles([name])[name] for name in known}
    assert plots.model_styles(["new", "RefDNN"])["RefDNN"] == alone["RefDNN"]


def drawn():
    figure, axes = plt.subplots()
    axes.plot([0, 1], [1, 2], "o", color="#0072B2", label="RefDNN")
    axes.axhline(1.5, color="0.4")
    axes.set(title="The network falls", xlabel="epoch", ylabel="error")
    figure.legend()
    return figure


def test_ink_and_ground_turn_with_the_theme_and_data_do_not():
    svg = themed(draw_svg(drawn()), "01_a")
    root = ElementTree.fromstring(svg)
    assert root.get("fill") == "currentColor"
    assert "stroke: #0072b2" in svg
    assert "stroke: #666666; stroke: color-mix(in srgb, currentColor 60%, var(--hs-ground, white))" in svg
    assert "fill: #ffffff; fill: var(--hs-ground, white)" in svg
    # Black is never left bare: on a dark ground it would not be seen.
    assert not re.search(r"(fill|stroke): #000000(?!; \1: currentColor)", svg)
    assert {text.text for text in root.iter(f"{SVG}text")} >= {"The network falls", "epoch", "error"}


def test_two_figures_of_a_page_share_no_id_and_no_style():
    texts = [themed(draw_svg(drawn()), prefix) for prefix in ("01_a", "01_b")]
    ids = [set(re.findall(r'\bid="([^"]+)"', text)) for text in texts]
    assert ids[0]
    assert ids[0].isdisjoint(ids[1])
    for text, own in zip(texts, ids, strict=True):
        assert "<style" not in text
        used = set(re.findall(r'url\(#([^)]+)\)|href="#([^"]+)"', text))
        assert {a or b for a, b in used} <= own


def test_text_on_a_heat_map_keeps_the_colour_that_was_chosen_for_its_cell():
    figure, axes = plt.subplots()
    axes.imshow([[0, 1]])
    axes.text(0, 0, "light", color="white")
    axes.text(1, 0, "dark", color="black")
    root = ElementTree.fromstring(themed(draw_svg(figure), "a"))
    found = {text.text: text for text in root.iter(f"{SVG}text")}
    assert "fill: #ffffff" in found["light"].get("style")
    assert "ground" not in found["light"].get("style")
    assert found["dark"].get("fill") == "#000000"


def test_a_title_that_would_run_off_the_figure_is_broken():
    words = (
        "GDSC: AUCROC of the network minus that of the strongest network with one loss and a trained encoder"
    )
    for draw in (lambda f, a: f.suptitle(words, x=0.01, ha="left"), lambda f, a: a.set_title(words)):
        figure, axes = plt.subplots()
        axes.plot([0, 1])
        draw(figure, axes)
        svg = draw_svg(figure)
        assert_readable(figure)
        assert " ".join(" ".join(texts(figure)).split()).count(words) == 1
        assert words not in svg


def test_a_large_scatter_is_a_picture():
    figure, axes = plt.subplots()
    axes.scatter(np.arange(5000), np.arange(5000))
    assert len(themed(draw_svg(figure), "a")) < 200_000


def test_the_description_names_titles_axes_rows_and_series():
    assert describe(drawn()) == (
        "The network falls. Across: epoch, from 0.0 to 1.0. Upwards: error, from 1.0 to 2.0. Shown: RefDNN."
    )
    table = pd.DataFrame({"label": ["Ridge", "PCA"], "difference": 0.1, "low": 0.0, "high": 0.2})
    figure = plots.forest(table, title="Ahead of both", xlabel="difference in AUROC")
    assert describe(figure).startswith("Ahead of both. Across: difference in AUROC, from ")
    assert "Upwards: Ridge, PCA." in describe(figure)
    assert table_of(figure) is table
    assert table_of(drawn()) is None
