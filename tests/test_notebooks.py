"""The real notebooks on simulated data, the real book, and its pages in a browser."""

from __future__ import annotations

import functools
import http.server
import threading
from pathlib import Path

import nbformat
import pytest

from helpers.book import build_book
from helpers.claims.register import load_register
from helpers.run import find_chapters
from page_checks import ALIKE, OVERLAPS, THEMES, VISIBLE, WIDTHS, forbidden, violations

# The limit is for a notebook or a browser that hangs, not for a slow machine.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

REPOSITORY = Path(__file__).parents[1]
CHAPTERS = find_chapters(REPOSITORY)


@pytest.fixture(scope="session")
def site(smoke):
    """Build the book of the smoke run; warnings are errors. Return the folder of the pages."""
    return build_book(REPOSITORY, smoke.folder, smoke.folder.parent / "build")


@pytest.fixture(scope="session")
def address(site):
    """Serve the pages on this machine."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(site)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_notebook_runs_on_simulated_data(smoke, chapter):
    entry = smoke.record.notebooks[chapter]
    assert entry.error is None
    assert entry.status == "done"
    notebook = nbformat.read(smoke.folder / "notebooks" / f"{chapter}.ipynb", as_version=4)
    assert any(cell.get("outputs") for cell in notebook.cells)


PROSE = ["book/index", "book/build", "book/data", "book/statistics", "book/api"]
PAGES = [*PROSE, *(f"notebooks/{chapter}" for chapter in CHAPTERS)]


@pytest.mark.parametrize("name", PAGES)
def test_page_opens_without_errors_or_broken_images(browser, address, name):
    page = browser.new_page()
    problems, outside = [], []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda message: problems.append(message) if message.type == "error" else None)
    page.on("requestfailed", lambda request: outside.append(request.url))
    response = page.goto(f"{address}/{name}.html")
    assert response.ok
    page.wait_for_load_state("networkidle")
    # Only MathJax comes from elsewhere (pages with formulas): without network the formulas stay as text.
    assert [url for url in outside if "mathjax" not in url] == []
    own = [p if isinstance(p, str) else p.text for p in problems if "mathjax" not in _url(p)]
    assert own == []
    broken = "images => images.filter(i => !i.complete || !i.naturalWidth).map(i => i.src.slice(0, 80))"
    assert page.eval_on_selector_all("img", broken) == []
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    page.close()


def _url(message):
    return "" if isinstance(message, str) else message.location.get("url", "")


@pytest.mark.parametrize("name", ["book/index", "notebooks/07_verdicts"])
def test_board_shows_every_claim_with_three_verdicts(browser, address, name):
    claims = {c.id for chapter in load_register(REPOSITORY / "data").values() for c in chapter.claims}
    page = browser.new_page()
    page.goto(f"{address}/{name}.html")
    rows = page.eval_on_selector_all(
        ".hv-board tr[data-claim]",
        "rows => rows.map(r => [r.dataset.claim, r.querySelectorAll('td .hv-chip').length])",
    )
    assert claims
    assert sorted(rows) == sorted([claim, 3] for claim in claims)
    page.close()


def test_board_is_searched_filtered_sorted_and_linked(browser, address):
    page = browser.new_page()
    page.goto(f"{address}/book/index.html")
    shown = ".hv-board tr[data-claim]:visible"
    everything = page.locator(shown).count()
    page.fill(".hx-bar input", "biomarkers")
    assert 0 < page.locator(shown).count() < everything
    page.fill(".hx-bar input", "")
    page.get_by_label("Outcome", exact=True).select_option("not testable here")
    page.get_by_label("Sort", exact=True).select_option("claim")
    ids = page.eval_on_selector_all(shown, "rows => rows.map(r => r.dataset.claim)")
    assert ids == sorted(ids)
    page.get_by_label("Outcome", exact=True).select_option("")
    page.get_by_role("button", name="Matrix").click()
    assert page.locator(".hv-board .hv-word:visible").count() == 0
    claim = ids[0]
    page.goto(f"{address}/book/index.html#claim={claim}")
    page.reload()
    assert page.locator(f"[id='claim-{claim}']").get_attribute("open") is not None
    assert page.request.get(f"{address}/claims.json").json()[0]["parts"].keys() >= {"sound"}
    page.close()


def test_every_claim_links_to_where_it_is_judged(browser, address):
    page = browser.new_page()
    page.goto(f"{address}/book/index.html")
    links = set(page.eval_on_selector_all(".hv-board tbody th a", "links => links.map(a => a.href)"))
    assert links
    for link in links:
        page.goto(link)
        anchor = link.split("#")[1]
        assert page.locator(f"[id='{anchor}']").count() == 1
    page.close()


def test_front_page_says_that_the_data_are_simulated(browser, address):
    page = browser.new_page()
    page.goto(f"{address}/index.html")
    page.wait_for_url("**/book/index.html")
    assert "built on simulated data" in page.inner_text(".warning")
    page.close()


def test_search_finds_a_term(browser, address):
    page = browser.new_page()
    page.goto(f"{address}/search.html?q=fingerprint")
    page.wait_for_selector("#search-results li a")
    assert "book/glossary.html" in " ".join(
        page.eval_on_selector_all("#search-results li a", "links => links.map(a => a.href)")
    )
    page.close()


#: Pages whose kinds differ: front page, an article, a table of all values, prose.
LOOKED_AT = [
    "book/index",
    "notebooks/02_refdnn_ablation",
    "notebooks/07_verdicts",
    "book/statistics",
    "book/build",
]
RULES = ("color-contrast", "scrollable-region-focusable", "svg-img-alt", "image-alt", "button-name", "label")


@pytest.mark.parametrize("name", LOOKED_AT)
@pytest.mark.parametrize("theme", THEMES)
def test_pages_hold_at_three_widths_in_both_themes(browser, address, name, theme):
    page = browser.new_page()
    page.add_init_script(f"localStorage.setItem('mode', '{theme}'); localStorage.setItem('theme', '{theme}')")
    page.goto(f"{address}/{name}.html")
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), width
    assert violations(page, RULES) == []
    page.close()


@pytest.mark.parametrize("name", PAGES)
def test_no_reader_sees_what_no_reader_should(browser, address, name):
    page = browser.new_page()
    page.goto(f"{address}/{name}.html")
    assert forbidden(page.evaluate(VISIBLE)) == []
    assert page.evaluate(OVERLAPS) == []
    assert page.evaluate(ALIKE) == []
    page.close()


@pytest.mark.parametrize("chapter", [name for name in CHAPTERS if name != "07_verdicts"])
def test_cited_numbers_know_where_they_come_from(browser, address, chapter):
    page = browser.new_page()
    page.goto(f"{address}/notebooks/{chapter}.html")
    numbers = page.locator(".hp-known")
    assert numbers.count() > 0
    numbers.first.click()
    text = page.locator(".hp-note").inner_text()
    assert all(word in text for word in ("Result", "Computed by", "Parameters", "Commit"))
    page.close()
