"""Feed, changelog, crate and notebooks for Colab, against the files and standards that they speak of."""

from __future__ import annotations

import ast
import hashlib
import json
import tomllib
from xml.etree import ElementTree

import nbformat
import pytest
import yaml

import helpers
from helpers.book.colab import colab_notebooks
from helpers.book.crate import record_crate
from helpers.book.edition import edition
from helpers.book.feed import changes_feed
from helpers.book.publication import changelog_page
from helpers.run.notebooks import find_chapters
from helpers.run.state import NotebookState, RunState

ATOM = {"a": "http://www.w3.org/2005/Atom"}
CHANGELOG = """# Changelog

## [Unreleased]

- Not out yet.

## [1.1.0] - 2026-03-02

- New ([page](book/own-data.md)).

## [1.0.0] - 2026-01-01

- First.
"""


def state(**times):
    run = RunState(profile="full")
    for chapter, finished in times.items():
        run.notebooks[chapter] = NotebookState(
            status="done", started=finished, finished=finished, commit="c0ffee", parameters={"seed": 0}
        )
    return run


def test_feed_has_released_versions_and_chapters_of_record_the_latest_first():
    run = state(**{"01_demo": "2026-02-01T10:00:00+00:00"})
    root = ElementTree.fromstring(changes_feed("https://x.org/b/", "T & U", "A", CHANGELOG, run))
    assert root.find("a:title", ATOM).text == "T & U"
    assert root.find("a:updated", ATOM).text == "2026-03-02T00:00:00Z"
    titles = [entry.find("a:title", ATOM).text for entry in root.findall("a:entry", ATOM)]
    assert titles == ["Version 1.1.0", "Chapter 01 executed anew", "Version 1.0.0"]
    ids = [entry.find("a:id", ATOM).text for entry in root.findall("a:entry", ATOM)]
    assert len(set(ids)) == 3
    links = [entry.find("a:link", ATOM).get("href") for entry in root.findall("a:entry", ATOM)]
    assert links[1] == "https://x.org/b/notebooks/01_demo.html"


def test_changelog_page_links_from_the_folder_of_the_book():
    page = changelog_page(CHANGELOG)
    assert "[page](own-data.md)" in page
    assert not page.lstrip().startswith("# ")


def test_a_page_says_whose_numbers_it_shows():
    record, quick = state(a="2026-02-01T10:00:00"), state(a="2026-02-03T10:00:00")
    quick.profile = "quick"
    assert edition(record, record, shows_record=True) == {
        "version": helpers.__version__,
        "numbers": "Numbers: run of record of 2026-02-01.",
    }
    shown = edition(quick, record, shows_record=False)["numbers"]
    assert "2026-02-03, profile quick" in shown
    assert "record is of 2026-02-01" in shown


def test_crate_describes_every_file_of_the_record_and_what_made_it(tmp_path):
    run = state(**{"01_demo": "2026-02-01T10:00:00"})
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "01_demo.json").write_text("{}", encoding="utf-8")
    run.notebooks["01_demo"].outputs = {"results/01_demo.json": "?"}
    run.save(tmp_path)
    crate = record_crate(tmp_path, "Book", "https://example.org/r", "Authors")
    graph = {entity["@id"]: entity for entity in crate["@graph"]}
    assert len(graph) == len(crate["@graph"])
    # What RO-Crate 1.1 asks for: the descriptor, and a root dataset with name, description, date and licence.
    assert graph["ro-crate-metadata.json"]["about"] == {"@id": "./"}
    assert {"name", "description", "datePublished", "license"} <= graph["./"].keys()
    parts = {part["@id"] for part in graph["./"]["hasPart"]}
    assert parts == {"run.json", "results/01_demo.json"}
    for name in parts:
        content = (tmp_path / name).read_bytes()
        assert graph[name]["sha256"] == hashlib.sha256(content).hexdigest()
        assert graph[name]["contentSize"] == str(len(content))
    action = graph["#01_demo"]
    assert action["result"] == [{"@id": "results/01_demo.json"}]
    assert [graph[parameter["@id"]]["value"] for parameter in action["object"]] == ["0"]
    assert action["instrument"]["@id"] in graph


def test_crate_of_the_record_is_complete(repository):
    record = repository / "book" / "record"
    crate = record_crate(record, "Book", "https://example.org/r", "Authors")
    parts = {part["@id"] for part in crate["@graph"][1]["hasPart"]}
    assert parts == {p.relative_to(record).as_posix() for p in record.rglob("*") if p.is_file()}
    json.dumps(crate)


def test_colab_notebooks_install_the_package_and_are_the_source_else(repository):
    notebooks = colab_notebooks(repository, "https://example.org/r")
    assert sorted([*notebooks, "07_verdicts"]) == find_chapters(repository)
    assert notebooks == colab_notebooks(repository, "https://example.org/r")
    first, *others = nbformat.reads(notebooks["02_refdnn_ablation"], as_version=4).cells
    nbformat.validate(nbformat.reads(notebooks["02_refdnn_ablation"], as_version=4))
    assert "git clone --quiet --depth 1 https://example.org/r /content/book" in first.source
    assert "optuna" in first.source
    assert "tensorflow" not in first.source
    plain = [line for line in first.source.splitlines() if line[:1] not in "!%"]
    ast.parse("\n".join(plain))
    source = nbformat.read(repository / "notebooks" / "02_refdnn_ablation.ipynb", as_version=4)
    assert [cell.source for cell in others] == [cell.source for cell in source.cells]


def test_citation_zenodo_and_package_say_the_same(repository):
    citation = yaml.safe_load((repository / "CITATION.cff").read_text(encoding="utf-8"))
    zenodo = json.loads((repository / ".zenodo.json").read_text(encoding="utf-8"))
    project = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert citation["version"] == zenodo["version"] == project["version"] == helpers.__version__
    assert citation["title"] == zenodo["title"]
    assert citation["license"] == zenodo["license"] == project["license"]
    assert citation["keywords"] == zenodo["keywords"]
    assert [a["name"] for a in citation["authors"]] == [c["name"] for c in zenodo["creators"]]
    config = yaml.safe_load((repository / "_config.yml").read_text(encoding="utf-8"))
    assert config["title"] == citation["title"]
    assert citation["repository-code"] == config["repository"]["url"]
    assert citation["url"] == config["html"]["baseurl"] == config["sphinx"]["config"]["ogp_site_url"]


@pytest.mark.parametrize("key", ["notfound_urls_prefix", "ogp_image"])
def test_addresses_of_the_site_agree(repository, key):
    config = yaml.safe_load((repository / "_config.yml").read_text(encoding="utf-8"))
    site, value = config["html"]["baseurl"], config["sphinx"]["config"][key]
    assert site.endswith(value) or value.startswith(site)
    if value.startswith(site):
        assert (repository / "book" / value.removeprefix(site)).is_file()
