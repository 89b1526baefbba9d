"""Sphinx extension: where a page first uses a term of the glossary, the word links to its definition.

The definition is the link's title, so that it can be read by pointing at the word. Synonyms, which stand
above one definition, count as one term.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx

# Links inside these would be wrong (links, headings) or in the way (code, captions, what autodoc writes).
_CLOSED = (
    nodes.reference,
    nodes.title,
    nodes.literal,
    nodes.literal_block,
    nodes.raw,
    nodes.math,
    nodes.caption,
    nodes.term,
    nodes.topic,
    nodes.thead,
    nodes.citation,
    addnodes.desc,
    addnodes.pending_xref,
)


class _Term(NamedTuple):
    """Where a term is defined, and how."""

    page: str
    anchor: str
    definition: str


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx.

    Two settings are added: ``glossary_page``, the name of the page with the glossary, and
    ``glossary_everyday``, the terms that are also everyday words and so are not linked.
    """
    app.add_config_value("glossary_page", "", "env")
    app.add_config_value("glossary_everyday", [], "env")
    app.add_css_file("words.css")  # in book/_static
    app.connect("doctree-resolved", _link_terms)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _link_terms(app: Sphinx, doctree: nodes.document, page: str) -> None:
    if not app.config.glossary_page or page == app.config.glossary_page:
        return
    terms = _terms(app)
    pattern = _pattern([name for name in terms if name not in app.config.glossary_everyday])
    seen: set[str] = set()
    for text in list(doctree.findall(nodes.Text)):
        if _is_prose(text) and (pieces := _linked(app, text, page, pattern, terms, seen)):
            text.parent.replace(text, pieces)


def _terms(app: Sphinx) -> dict[str, _Term]:
    """Return every name of every term."""
    page = app.config.glossary_page
    found = {}
    for item in app.env.get_doctree(page).findall(nodes.definition_list_item):
        names = [child for child in item.children if isinstance(child, nodes.term)]
        definition = "".join(
            text.astext()
            for text in item.children[-1].findall(nodes.Text)
            if not _inside(text, (addnodes.pending_xref, nodes.literal))
        )
        definition = re.sub(r" +(?=[.:,])", "", re.sub(r"\s+", " ", definition)).strip()  # citations are gone
        for name in names:
            # A page that links "AUROC" must not link "AUCROC" again: all have the anchor of the first.
            found[name.astext()] = _Term(page, names[0]["ids"][0], definition)
    return found


def _pattern(names: list[str]) -> re.Pattern[str]:
    """Return what finds any of the names, the longer first; a word may be plural, begin a sentence."""
    forms = []
    for name in sorted(names, key=len, reverse=True):
        word = re.escape(name)
        if not _is_acronym(name):
            word = f"(?i:{word})"
        forms.append(rf"{word}(?:s|es)?")
    return re.compile(rf"(?<![\w-])(?:{'|'.join(forms)})(?![\w-])") if forms else re.compile(r"(?!)")


def _is_acronym(name: str) -> bool:
    return sum(letter.isupper() for letter in name) > 1


def _term_of(word: str, terms: Mapping[str, _Term]) -> _Term | None:
    for end in ("", "s", "es"):
        stem = word.removesuffix(end)
        for name, term in terms.items():
            if stem == name or (not _is_acronym(name) and stem.lower() == name.lower()):
                return term
    return None


def _is_prose(text: nodes.Text) -> bool:
    return _inside(text, (nodes.paragraph,)) and not _inside(text, _CLOSED) and not _in_raw_link(text)


def _in_raw_link(text: nodes.Text) -> bool:
    """Say whether a text is inside a link that is written as HTML: its tags are siblings."""
    before = text.parent.children[: text.parent.index(text)]
    html = "".join(node.astext() for node in before if isinstance(node, nodes.raw))
    return html.count("<a ") > html.count("</a>")


def _inside(node: nodes.Node, kinds: tuple[type[nodes.Node], ...]) -> bool:
    parent = node.parent
    while parent is not None:
        if isinstance(parent, kinds):
            return True
        parent = parent.parent
    return False


def _linked(
    app: Sphinx,
    text: nodes.Text,
    page: str,
    pattern: re.Pattern[str],
    terms: Mapping[str, _Term],
    seen: set[str],
) -> list[nodes.Node]:
    """Return the pieces that replace a text, or nothing if no term is used there for the first time."""
    content, pieces, start = text.astext(), list[Any](), 0
    for match in pattern.finditer(content):
        term = _term_of(match[0], terms)
        if term is None or term.anchor in seen:
            continue
        seen.add(term.anchor)
        address = f"{app.builder.get_relative_uri(page, term.page)}#{term.anchor}"
        link = nodes.reference(
            "", match[0], refuri=address, reftitle=term.definition, internal=True, classes=["hb-term"]
        )
        pieces += [nodes.Text(content[start : match.start()]), link]
        start = match.end()
    return [*pieces, nodes.Text(content[start:])] if pieces else []
