"""The real notebooks on simulated data, the real book, and its pages in a browser."""

from __future__ import annotations

import functools
import http.server
import json
import re
import threading
from pathlib import Path
from xml.etree import ElementTree

import nbformat
import pytest
import yaml

from helpers.book import build_book
from helpers.claims.register import load_register
from helpers.run.notebooks import find_chapters
from page_checks import ALIKE, CUT_OFF, OVERLAPS, THEMES, VISIBLE, WIDTHS, forbidden, violations

# The limit is for a notebook or a browser that hangs, not for a slow machine.
pytestmark = [pytest.mark.book, pytest.mark.slow, pytest.mark.timeout(1800)]

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
    page.fill(".hx-bar input", "Meng 2022")  # the origin of a claim
    assert 0 < page.locator(shown).count() < everything
    page.fill(".hx-bar input", "")
    page.get_by_label("Outcome", exact=True).select_option("not testable here")
    page.get_by_label("Sort", exact=True).select_option("claim")
    ids = page.eval_on_selector_all(shown, "rows => rows.map(r => r.dataset.claim)")
    assert ids == sorted(ids)
    page.get_by_label("Outcome", exact=True).select_option("")
    assert page.locator(".hv-board .hv-word:visible").count() == 0  # it begins as a matrix
    page.get_by_role("button", name="Matrix").click()
    assert page.locator(".hv-board .hv-word:visible").count() >= 3 * everything
    claim = ids[0]
    page.goto(f"{address}/book/index.html#claim={claim}")
    page.reload()
    assert page.locator(f"[id='claim-{claim}']").get_attribute("open") is not None
    assert page.request.get(f"{address}/claims.json").json()[0]["parts"].keys() >= {"sound"}
    page.close()


def test_a_board_of_all_chapters_begins_as_a_matrix_and_a_link_opens_the_evidence(browser, address):
    page = browser.new_page()
    page.goto(f"{address}/notebooks/07_verdicts.html")
    assert page.locator(".hv-board tr :is(.hv-word, .hv-meta):visible").count() == 0
    assert page.locator(".hv-board .hv-chip:text('unresolved'):visible").count() == 1, "no key to the symbols"
    claim = page.locator(".hv-board tr[data-claim]").last.get_attribute("data-claim")
    page.locator(f".hv-board a[href='#claim-{claim}']").first.click()
    page.locator(f"details[id='claim-{claim}'][open] > summary").wait_for(state="visible")
    page.close()


def test_every_claim_links_to_where_it_is_judged(browser, address):
    page = browser.new_page()
    page.goto(f"{address}/book/index.html")
    links = set(page.eval_on_selector_all(".hv-board tbody th a", "links => links.map(a => a.href)"))
    assert links
    anchors = {}
    for link in links:
        place, anchor = link.split("#")
        anchors.setdefault(place, []).append(anchor)
    for place, names in anchors.items():
        page.goto(place)
        assert [page.locator(f"[id='{name}']").count() for name in names] == [1] * len(names), place
    page.close()


def test_front_page_says_that_the_data_are_simulated(browser, address):
    page = browser.new_page()
    page.goto(f"{address}/index.html")
    page.wait_for_url("**/book/index.html")
    assert "This book is on simulated data" in page.inner_text(".warning")
    page.close()


def found(browser, address, query):
    """Where the results of a search lead, the first first."""
    page = browser.new_page()
    page.goto(f"{address}/search.html?q={query}")
    # Results are written one by one; the count above them comes last.
    page.wait_for_selector("#search-results .search-summary:has-text('Search finished')")
    links = page.eval_on_selector_all("#search-results li a", "links => links.map(a => a.href)")
    page.close()
    return [link.removeprefix(f"{address}/") for link in links]


@pytest.mark.parametrize("query", ["fingerprint", "AUROC", "AUCROC", "pseudobulk", "cell line"])
def test_search_finds_a_term_and_its_synonyms_before_the_package(browser, address, query):
    links = found(browser, address, query)
    assert links[0].startswith("book/glossary.html#term-")
    of_package = [link.startswith("book/api") for link in links]
    assert of_package == sorted(of_package)


def test_search_finds_a_claim_by_its_id(browser, address):
    claim = next(c.id for chapter in load_register(REPOSITORY / "data").values() for c in chapter.claims)
    assert found(browser, address, claim)[0].split("#")[1] == f"claim-{claim}"


def test_pages_say_what_they_are_where_they_belong_and_of_when(site):
    home = yaml.safe_load((REPOSITORY / "_config.yml").read_text(encoding="utf-8"))["html"]["baseurl"]
    for name in ("book/index", "book/statistics", f"notebooks/{CHAPTERS[0]}"):
        text = (site / f"{name}.html").read_text(encoding="utf-8")
        assert f'<link rel="canonical" href="{home}{name}.html"' in text
        assert f'href="{home}feed.xml"' in text
        for mark in ('name="description"', 'property="og:description"', 'property="og:image"'):
            [content] = re.findall(rf'<meta {mark} content="([^"]*)"', text)
            assert len(content) > 40
        [edition] = re.findall(r'<p class="hb-edition">(.*?)</p>', text)
        assert re.search(r"Version \d+\.\d+\.\d+\. .*\d{4}-\d{2}-\d{2}", edition)


def test_site_has_what_others_read(site):
    ElementTree.parse(site / "feed.xml")
    crate = json.loads((site / "record" / "ro-crate-metadata.json").read_text(encoding="utf-8"))
    for entity in crate["@graph"]:
        if entity["@type"] == "File":
            assert (site / "record" / entity["@id"]).stat().st_size == int(entity["contentSize"])
    assert len(list((site / "colab").glob("*.ipynb"))) == len(CHAPTERS) - 1


def test_missing_page_is_answered_in_the_theme_from_any_depth(browser, site):
    """As a project page is served: below a folder, and with 404.html in place of what is not there."""
    home = yaml.safe_load((REPOSITORY / "_config.yml").read_text(encoding="utf-8"))["html"]["baseurl"]
    folder = f"/{home.rstrip('/').rpartition('/')[2]}/"

    class Pages(http.server.SimpleHTTPRequestHandler):
        def translate_path(self, path):
            return super().translate_path(path.removeprefix(folder[:-1]))

        def send_error(self, code, *_):
            content = (site / "404.html").read_bytes()
            self.send_response(code)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Pages, directory=str(site)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    page, failed = browser.new_page(), []
    here = f"http://127.0.0.1:{server.server_port}{folder}"
    page.on(
        "response",
        lambda r: failed.append(r.url) if r.status >= 400 and r.url != f"{here}no/such/page" else None,
    )
    assert page.goto(f"{here}no/such/page").status == 404
    page.wait_for_load_state("networkidle")
    assert "not in the book" in page.inner_text("article")
    assert failed == []
    page.click("article a >> text=front page")
    page.wait_for_url("**/book/index.html")
    page.close()
    server.shutdown()
    server.server_close()
    thread.join()


def test_words_are_linked_and_buttons_lead_to_the_repository(browser, address):
    page = browser.new_page()
    page.goto(f"{address}/notebooks/02_refdnn_ablation.html")
    edit = page.locator(".btn-source-edit-button").first.get_attribute("href")
    assert edit.endswith("/edit/main/notebooks/02_refdnn_ablation.py")
    launch = page.eval_on_selector_all(".dropdown-launch-buttons a", "links => links.map(a => a.href)")
    assert any(link.endswith("urlpath=lab/tree/smoke/02_refdnn_ablation.ipynb") for link in launch)
    assert any(link.endswith("/blob/colab/02_refdnn_ablation.ipynb") for link in launch)
    words = page.eval_on_selector_all(
        "a.hb-term", "links => links.map(a => [a.getAttribute('href'), a.title])"
    )
    assert words
    assert all(href.startswith("../book/glossary.html#term-") and title for href, title in words)
    assert len({href for href, _ in words}) == len(words)
    page.close()


#: Pages whose kinds differ: front page, an article, a table of all values, prose.
LOOKED_AT = [
    "book/index",
    "notebooks/02_refdnn_ablation",
    "notebooks/07_verdicts",
    "book/statistics",
    "book/build",
]
RULES = (
    "color-contrast", "scrollable-region-focusable", "svg-img-alt", "image-alt", "button-name", "label",
    "link-name", "target-size",
)  # fmt: skip


#: The place of a board scrolls, so that a wide one would hide its last column and widen no page.
BOARDS_FIT = """[...document.querySelectorAll('.hv-board')].every((board) => {
  const edge = board.parentElement.getBoundingClientRect().right + 1;
  return [...board.querySelectorAll('table')].every((table) => table.getBoundingClientRect().right <= edge);
})"""


@pytest.mark.parametrize("name", LOOKED_AT)
@pytest.mark.parametrize("theme", THEMES)
def test_pages_hold_at_three_widths_in_both_themes(browser, address, name, theme):
    page = browser.new_page()
    page.add_init_script(f"localStorage.setItem('mode', '{theme}'); localStorage.setItem('theme', '{theme}')")
    page.goto(f"{address}/{name}.html")
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), width
        assert page.evaluate(BOARDS_FIT), width
    assert violations(page, RULES) == []
    page.close()


@pytest.mark.parametrize("name", PAGES)
def test_no_reader_sees_what_no_reader_should(browser, address, name):
    page = browser.new_page()
    page.goto(f"{address}/{name}.html")
    page.evaluate("document.querySelectorAll('figure[hidden]').forEach(one => { one.hidden = false; })")
    assert forbidden(page.evaluate(VISIBLE)) == []
    assert page.evaluate(OVERLAPS) == []
    assert page.evaluate(CUT_OFF) == []
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
