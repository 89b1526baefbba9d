"""Sphinx extension: every page names the book's version and the date of its numbers, and links the feed."""

from __future__ import annotations

import json
from html import escape
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.config import Config

import helpers
from helpers.run.state import RunState

#: Place in the staged tree.
EDITION = Path("book") / "generated" / "edition.json"


def edition(run: RunState, record: RunState | None, shows_record: bool) -> dict[str, str]:
    """Return what a page says of itself: ``version``, and ``numbers`` in one sentence."""
    if shows_record:
        numbers = f"Numbers: run of record of {_day(run)}."
    else:
        official = f" The run of record is of {_day(record)}." if record else ""
        numbers = f"Numbers: a run of {_day(run)}, profile {run.profile}.{official}"
    return {"version": helpers.__version__, "numbers": numbers}


def _day(run: RunState) -> str:
    days = [entry.finished[:10] for entry in run.notebooks.values() if entry.finished]
    return max(days, default="an unknown date")


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("config-inited", _sign)
    app.connect("html-page-context", _link_feed)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _sign(app: Sphinx, config: Config) -> None:
    path = Path(app.confdir) / EDITION
    if path.is_file():
        found = json.loads(path.read_text(encoding="utf-8"))
        text = escape(f"Version {found['version']}. {found['numbers']}")
        options = config.html_theme_options
        options["extra_footer"] = f'{options.get("extra_footer", "")}<p class="hb-edition">{text}</p>'


def _link_feed(app: Sphinx, _page: str, _template: str, context: dict[str, Any], _doctree: object) -> None:
    if app.config.html_baseurl:
        address = f"{app.config.html_baseurl}feed.xml"
        link = f'<link rel="alternate" type="application/atom+xml" title="Changes" href="{address}">\n'
        context["metatags"] = context.get("metatags", "") + link
