"""Figures, tables and numbers on a page, as a reader uses them: in a browser, from a folder."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import altair
import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt

from helpers import plots
from helpers.book.sources import sources_data
from helpers.chapter.figures import save_figure
from helpers.claims.results import ChapterResults, Result
from helpers.display.frames import house_style, use_house_tables
from helpers.display.html import box
from helpers.display.tables import comparison
from helpers.plots.hover import hover_points
from page_checks import CUT_OFF, OVERLAPS

pytestmark = [pytest.mark.book, pytest.mark.slow]
SCRIPTS = ("house.js", "figures.js", "charts.js", "sources.js", "tables.js")


@pytest.fixture(scope="module")
def address(tmp_path_factory, repository):
    """Write a page of all components, with the styles and scripts of the book; return its address."""
    folder = tmp_path_factory.mktemp("page")
    with plt.rc_context():
        plots.use_style()
        use_house_tables()
        table = pd.DataFrame({"label": ["Ridge", "PCA"], "difference": [0.1, -0.1], "low": -0.2, "high": 0.2})
        many = pd.DataFrame({"label": [f"m{i}" for i in range(40)], "difference": 0.1, "low": 0, "high": 0.2})
        figure = plots.forest(table, title="Ahead of Ridge", xlabel="difference in AUROC")
        tall = plots.forest(many, title="Tall", xlabel="d")
        drugs = pd.DataFrame({"drug": ["a", "b"], "x": [1.5, 2.0], "y": [0.5, 0.25]})
        wide = plots.forest(table, title="Wide", xlabel="d")
        wide.text(-0.2, 0.02, "begins beyond its edge")
        panels = [plots.forest(table, title=f"Left out. {name} of a model", xlabel="d") for name in "ABC"]
        cards = [
            save_figure(wide, folder, "01_wide", "Wide.", "Two rows, too wide.", None),
            save_figure(figure, folder, "01_forest", "A forest.", "Two rows.", None),
            save_figure(tall, folder, "01_tall", "Tall.", "Many.", None),
            save_figure(hover_points(drugs, "x", "y", title="t"), folder, "01_drugs", "Drugs.", "Two.", None),
        ]
        panels = [
            save_figure(panel, folder, f"01_panel_{i}", "A panel.", f"Left out. {name} of a model.", None)
            for i, (name, panel) in enumerate(zip("ABC", panels, strict=True))
        ]
        counted = [
            save_figure(figure, folder, f"01_count_{n}", f"Figure 4{n}. Genes.", f"{n} of 10 genes.", None)
            for n in (7, 4)
        ]
    long = pd.DataFrame({"model": [f"m{i}" for i in range(40)], "n": np.arange(40)[::-1] * 100})
    results = {"a.b": Result(value=0.5, low=0.25, high=0.75, published=0.75, n=5, tier="panel")}
    run = ChapterResults(
        schema_=1, chapter="01_demo", title="A demo", profile="full", parameters={"seed": 0}, tiers={},
        inputs=[{"name": "x.csv", "sha256": "ab" * 32}], commit="c0ffee", source="s", versions={},
        device="cpu", threads=1, results=results, cells={"a.b": 7}, figures=[], times={},
    )  # fmt: skip
    data = sources_data({("01_demo", "a.b")}, {"01_demo": run}, {"01_demo": {7: "#cell-7"}})
    tables = [
        house_style(long).to_html(),
        comparison({"Network": ("a.b", results["a.b"])}, "Both.", "01_demo").to_html(),
        house_style(pd.DataFrame({"what": ["short", "long"], "why": ["No.", "Because. " * 600]})).to_html(),
    ]
    facts = box(f"<ul>{'<li>A claim of the chapter.</li>' * 40}</ul>", "<ul><li>One.</li></ul>").html
    static = repository / "book" / "_static"
    scripts = "".join(f'<script src="{(static / name).as_uri()}"></script>' for name in SCRIPTS)
    page = folder / "page.html"
    page.write_text(
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Page</title>'
        f'<link rel="stylesheet" href="{(static / "book.css").as_uri()}">{scripts}</head><body><article>'
        f'<p>It is <span class="hp-number" data-chapter="01_demo" data-result="a.b">0.500</span>.</p>'
        f"{''.join(card._repr_html_() for card in cards)}{''.join(tables)}{facts}"
        f"<div class='cell_output'>{''.join(card._repr_html_() for card in panels)}</div>"
        f"<div class='cell_output'>{''.join(card._repr_html_() for card in counted)}</div>"
        "<span id='cell-7'></span></article>"
        f'<script type="application/json" id="hp-data">{json.dumps(data)}</script></body></html>',
        encoding="utf-8",
    )
    return page.as_uri()


@pytest.fixture
def page(browser, address):
    page = browser.new_page()
    problems = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(address)
    yield page
    assert problems == []
    page.close()


def taken(page, button):
    with page.expect_download() as found:
        button.click()
    return found.value.suggested_filename, Path(found.value.path()).read_bytes()


def test_a_figure_is_taken_as_svg_png_and_csv(page):
    figure = page.locator("figure[data-name='01_forest']")
    found = dict(taken(page, button) for button in figure.locator(".hs-tools button").all())
    assert found.keys() == {"01_forest.svg", "01_forest.png", "01_forest.csv"}
    assert b"Ahead of Ridge" in found["01_forest.svg"]
    assert found["01_forest.png"].startswith(b"\x89PNG")
    assert found["01_forest.csv"].decode().splitlines()[0] == "label,difference,low,high"


def test_the_page_follows_the_theme_and_the_download_is_black_on_white(page):
    ink = "getComputedStyle(document.querySelector('figure svg text')).fill"
    page.evaluate("document.body.style.color = 'rgb(200, 210, 220)'")
    assert page.evaluate(ink) == "rgb(200, 210, 220)"
    _, svg = taken(page, page.locator("figure[data-name='01_forest'] .hs-tools button").first)
    assert b"200, 210" not in svg


def test_figures_are_named_for_those_who_do_not_see_them_and_no_text_lies_over_another(page):
    assert page.get_by_role("img", name="Two rows.").count() == 1
    assert page.evaluate(OVERLAPS) == []


def test_a_figure_grows_by_the_text_that_would_run_off_it(page):
    assert "begins beyond its edge" in page.locator("figure[data-name='01_wide'] svg").text_content()
    assert page.evaluate(CUT_OFF) == []


def test_figures_of_one_cell_share_a_place_and_paper_shows_all(page):
    tabs = page.get_by_role("tab")
    # Where titles differ by a number alone, the names come from the captions.
    assert tabs.all_inner_texts() == ["A", "B", "C", "Figure 47", "Figure 44"]
    shown = page.locator("figure[data-name^='01_panel']:visible")
    assert [one.get_attribute("data-name") for one in shown.all()] == ["01_panel_0"]
    tabs.nth(0).focus()
    page.keyboard.press("ArrowLeft")
    assert page.locator("figure[data-name^='01_count']:visible").count() == 1
    assert [one.get_attribute("data-name") for one in shown.all()] == ["01_panel_2"]
    assert page.evaluate("document.activeElement.getAttribute('aria-selected')") == "true"
    assert page.get_by_role("tab", selected=True).count() == 2
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert shown.count() == 3


def rows(page):
    return page.eval_on_selector_all(
        ".ht >> nth=0 >> tbody tr", "rows => rows.filter(r => !r.hidden).map(r => r.cells[0].textContent)"
    )


def test_a_long_table_shows_its_first_rows_and_is_opened_sorted_filtered_and_taken(page):
    table = page.locator(".ht").first
    assert len(rows(page)) == 8
    table.get_by_role("button", name="Show all 40 rows").click()
    assert len(rows(page)) == 40
    table.get_by_role("button", name="Sort by n").click()
    assert rows(page)[:2] == ["m39", "m38"]  # by number, not by text
    table.get_by_role("button", name="Sort by n").click()
    assert rows(page)[0] == "m0"
    table.get_by_role("searchbox").fill("m3")
    assert set(rows(page)) == {"m3", *(f"m3{i}" for i in range(10))}
    _, content = taken(page, table.get_by_role("button", name="Download this table as CSV"))
    found = list(csv.reader(io.StringIO(content.decode())))
    assert found[0] == ["model", "n"]
    assert ["m0", "3900"] in found


@pytest.mark.parametrize(
    ("place", "what", "limit"),
    [
        ("figure[data-name='01_tall']", "figure", 900),
        (".ht:has-text('Because')", "text", 300),
        (".hs-box:has-text('A claim')", "list", 500),
    ],
)
def test_what_is_tall_begins_on_the_page_and_opens_on_request_and_on_paper(page, place, what, limit):
    element = page.locator(place)
    assert element.bounding_box()["height"] < limit
    assert page.get_by_role("button", name=f"Show the whole {what}").count() == 1
    element.get_by_role("button", name=f"Show the whole {what}").click()
    assert element.bounding_box()["height"] > limit
    page.reload()
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert element.bounding_box()["height"] > limit


def test_a_number_says_where_it_comes_from_by_mouse_and_keyboard(page):
    note = page.locator(".hp-note")
    page.locator("p .hp-number").focus()
    page.keyboard.press("Enter")
    text = note.inner_text()
    for part in ("a.b", "[0.250, 0.750]", "cell 7", "seed = 0", f"x.csv {'ab' * 6}", "c0ffee", "A demo"):
        assert part in text
    page.keyboard.press("Escape")
    assert not note.is_visible()
    assert page.evaluate("document.activeElement.className").startswith("hp-number")
    cell = page.locator("table[data-results] .hp-known")
    assert cell.inner_text() == "0.500"
    cell.click()
    assert note.is_visible()
    assert note.locator("a").get_attribute("href") == "#cell-7"


def test_on_a_phone_intervals_stay_and_nothing_runs_off(page):
    page.set_viewport_size({"width": 390, "height": 844})
    interval = page.locator("table[data-results] td[data-label='interval']")
    box = interval.bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_without_its_library_a_chart_is_a_drawing(page):
    # vega.js is written when the book is built, so it is not beside these scripts.
    chart = page.locator("figure[data-name='01_drugs']")
    chart.scroll_into_view_if_needed()
    assert chart.locator("svg").count() == 1
    assert altair.Chart.from_json(chart.locator('script[type="application/vega+json"]').text_content())
