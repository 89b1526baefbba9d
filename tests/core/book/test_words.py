"""Links from words to the glossary, and what the search finds first, on a small site."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest

PAGES = {
    "index": """# Front

See <a href="x.json">pseudo-bulk.json</a>.
A first AUROC, a second AUCROC, and `AUROC` as code. Line-drug pairs; [a pseudo-bulk](glossary.md).

```{raw} html
<details id="claim-toy-one-two"><summary>AUROC in a figure</summary></details>
```

Pseudobulk of one run. Cell lines are lines.

```{toctree}
glossary
book/api/part
```
""",
    "glossary": """# Glossary

```{glossary}
AUCROC
AUROC
  Ranks a random *positive* above a random negative.

cell line
  Cells of one tumour.

line-drug pair
  One cell line with one drug.

pseudo-bulk
pseudobulk
  The mean of the cells.

run
  One execution.
```
""",
    "book/api/part": "# AUROC in the package\n\nAn AUROC, and toy-one-two.\n",
}


@pytest.fixture(scope="module")
def site(tmp_path_factory, repository):
    root = tmp_path_factory.mktemp("site")
    for name, text in PAGES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / f"{name}.md").write_text(text, encoding="utf-8")
    order = repository / "book" / "_static" / "search-order.js"
    settings = {
        "extensions": ["myst_parser", "helpers.book.glossary", "helpers.book.search"],
        "html_theme": "basic",
        "glossary_page": "glossary",
        "glossary_everyday": ["run"],
        "html_search_scorer": str(order),
    }
    (root / "conf.py").write_text(
        "\n".join(f"{name} = {value!r}" for name, value in settings.items()), encoding="utf-8"
    )
    command = [sys.executable, "-m", "sphinx", "-q", "-n", "-W", str(root), str(root / "html")]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr
    return root / "html"


def links(page):
    found = re.findall(r'<a class="hb-term[^"]*" href="([^"]*)" title="([^"]*)">([^<]*)</a>', page)
    return {word: (address, title) for address, title, word in found}


def test_first_use_of_a_term_links_to_its_definition(site):
    page = (site / "index.html").read_text(encoding="utf-8")
    assert links(page) == {
        "AUROC": ("glossary.html#term-AUCROC", "Ranks a random positive above a random negative."),
        "Line-drug pairs": ("glossary.html#term-line-drug-pair", "One cell line with one drug."),
        "Pseudobulk": ("glossary.html#term-pseudo-bulk", "The mean of the cells."),
        "Cell lines": ("glossary.html#term-cell-line", "Cells of one tumour."),
    }
    assert 'id="term-AUCROC"' in (site / "glossary.html").read_text(encoding="utf-8")


def test_address_is_relative_to_the_page(site):
    page = (site / "book" / "api" / "part.html").read_text(encoding="utf-8")
    assert links(page)["AUROC"][0] == "../../glossary.html#term-AUCROC"
    assert "hb-term" not in re.search(r"<h1>.*?</h1>", page)[0]


def test_claims_and_synonyms_are_entries_of_the_search(site):
    index = json.loads((site / "searchindex.js").read_text(encoding="utf-8")[len("Search.setIndex(") : -1])
    entries = index["indexentries"]
    names = index["docnames"]
    assert [(names[page], anchor) for page, anchor, _ in entries["toy-one-two"]] == [
        ("index", "claim-toy-one-two")
    ]
    for word in ("auroc", "aucroc"):
        assert [names[page] for page, _, _ in entries[word]] == ["glossary"]
    assert "book/api" in (site / "_static" / "language_data.js").read_text(encoding="utf-8")
