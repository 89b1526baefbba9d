"""Sphinx extension: two extensions of Jupyter Book may read pages side by side, though they do not say so."""

from __future__ import annotations

from sphinx.application import Sphinx

#: The first numbers sections when all pages are read, the second only works for LaTeX.
SILENT = ("sphinx_multitoc_numbering", "sphinx_jupyterbook_latex")


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    for name in SILENT:
        app.setup_extension(name)
        app.extensions[name].parallel_read_safe = True
    return {"parallel_read_safe": True, "parallel_write_safe": True}
