"""Sphinx extension: the buttons above a page lead to what can really be edited or opened.

The theme knows the staged tree. In the repository a chapter is a percent script, a page of the API reference
is no file at all, Colab needs a notebook that installs the package, and Binder has an environment for one
chapter.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

from helpers.book.article import SUFFIX

#: Branch of the repository that holds the notebooks with an install cell; a workflow pushes it.
COLAB_BRANCH = "colab"
_AFTER_THE_THEME = 900

Button = dict[str, Any]


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx.

    The setting ``binder_notebooks`` maps a page to the notebook that Binder opens for it.
    """
    app.add_config_value("binder_notebooks", {}, "html")
    app.connect("html-page-context", _mend, priority=_AFTER_THE_THEME)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _mend(app: Sphinx, page: str, _template: str, context: dict[str, Any], _doctree: object) -> None:
    binder = app.config.binder_notebooks
    has_colab = (Path(app.srcdir) / "book" / "extra" / "colab" / f"{Path(page).name}.ipynb").is_file()
    context["header_buttons"] = mended(context.get("header_buttons", []), page, binder, has_colab)


def mended(buttons: list[Button], page: str, binder: Mapping[str, str], has_colab: bool) -> list[Button]:
    """Return the buttons of a page, groups included; those that would lead nowhere are left out.

    Parameters
    ----------
    buttons : list of dict
        As the theme has them.
    page : str
        Name of the page, for example ``notebooks/01_refdnn_reproduction``.
    binder : mapping of str to str
        Notebook that Binder opens, by page.
    has_colab : bool
        Whether this chapter has a notebook for Colab.
    """
    kept = []
    for button in buttons:
        if button["type"] == "group":
            inside = mended(button["buttons"], page, binder, has_colab)
            kept += [{**button, "buttons": inside}] if inside else []
        elif (url := _address(button, page, binder, has_colab)) is not None:
            kept.append({**button, "url": url} if "url" in button else button)
    return kept


def _address(button: Button, page: str, binder: Mapping[str, str], has_colab: bool) -> str | None:
    """Return where a button leads, None if nowhere."""
    url, name = str(button.get("url", "")), page.rpartition("/")[2]
    if button.get("label") == "source-edit-button":
        if page.startswith("book/api/"):
            return None
        return re.sub(rf"(/notebooks/[^/]+?)({SUFFIX})?\.ipynb$", r"\1.py", url)
    if button.get("text") == "Colab":
        return re.sub(r"/blob/.*", f"/blob/{COLAB_BRANCH}/{name}.ipynb", url) if has_colab else None
    if button.get("text") == "Binder":
        return re.sub(r"urlpath=.*", f"urlpath=lab/tree/{binder[page]}", url) if page in binder else None
    return url
