"""Building a toy book: pages in place, and the last good ones kept when a build fails."""

from __future__ import annotations

import pytest

from helpers.book import build_book
from helpers.errors import RunError
from helpers.run.state import RunState

pytestmark = [pytest.mark.book, pytest.mark.slow]


@pytest.fixture
def book(toy):
    (toy.root / "book").mkdir()
    (toy.root / "book" / "index.md").write_text(
        "# Toy\n\n```{include} generated/board.md\n```\n", encoding="utf-8"
    )
    (toy.root / "_config.yml").write_text(
        "title: Toy\nonly_build_toc_files: true\nexecute: {execute_notebooks: 'off'}\n", encoding="utf-8"
    )
    (toy.root / "_toc.yml").write_text(
        "format: jb-book\nroot: book/index\nchapters:\n- file: notebooks/01_first\n", encoding="utf-8"
    )
    toy.notebook("01_first")
    toy.claim("01_first", above=1.0)
    toy.folder.mkdir(parents=True)
    RunState(profile="smoke").save(toy.folder)
    return toy


def test_build_then_a_broken_build_keeps_the_last_good_pages(book):
    out = book.root / "_build"
    html = build_book(book.root, book.folder, out)
    assert html == out / "html"
    assert 'data-claim="toy-01"' in (html / "book" / "index.html").read_text(encoding="utf-8")
    assert "not executed in the run" in (html / "notebooks" / "01_first.html").read_text(encoding="utf-8")

    index = book.root / "book" / "index.md"
    index.write_text(
        index.read_text(encoding="utf-8") + "\nSee [there](gone.md) and {term}`nowhere`.\n", encoding="utf-8"
    )
    with pytest.raises(RunError, match=r"(?s)the book was not built: .*build\.log.*book/index\.md.*nowhere"):
        build_book(book.root, book.folder, out)
    assert "gone" not in (html / "book" / "index.html").read_text(encoding="utf-8")
    assert "nowhere" in (out / "build.log").read_text(encoding="utf-8")
