"""Sphinx extension: the id of a claim is an entry of the search, wherever a page shows that claim.

The order of what is found is in ``book/_static/search-order.js``.
"""

from __future__ import annotations

import re

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx

_ANCHOR = re.compile(r'\bid="(claim-([^"]+))"')


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("doctree-resolved", _index_claims)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _index_claims(_app: Sphinx, doctree: nodes.document, _page: str) -> None:
    shown = {
        anchor: claim for raw in doctree.findall(nodes.raw) for anchor, claim in _ANCHOR.findall(raw.astext())
    }
    entries = [("single", claim, anchor, "main", None) for anchor, claim in shown.items()]
    if entries:
        doctree.append(addnodes.index(entries=entries))
