"""The feed of changes (Atom): versions of the changelog and executions of chapters that are of record."""

from __future__ import annotations

import re
from typing import NamedTuple
from xml.etree import ElementTree

from helpers.run.state import RunState

_VERSION = re.compile(r"^## \[(?P<name>[^\]]+)\](?:[ \-–]+(?P<date>\d{4}-\d{2}-\d{2}))?", flags=re.MULTILINE)
_ATOM = "http://www.w3.org/2005/Atom"


class _Entry(NamedTuple):
    """One item: ``path`` is that of its page, below the address of the site."""

    title: str
    path: str
    updated: str
    text: str


def changes_feed(site: str, title: str, author: str, changelog: str, record: RunState | None) -> str:
    """Return the feed as XML.

    Parameters
    ----------
    site : str
        Address of the site, with a slash at the end.
    title, author : str
        Of the book.
    changelog : str
        Text of ``CHANGELOG.md``. Versions without a date are not in the feed: they are not released.
    record : RunState or None
        ``run.json`` of the record.
    """
    entries = sorted(
        [*_versions(changelog), *_chapters(record)], key=lambda entry: entry.updated, reverse=True
    )
    feed = ElementTree.Element("feed", xmlns=_ATOM)
    _add(feed, "title", title)
    _add(feed, "id", site)
    _add(feed, "updated", entries[0].updated if entries else "1970-01-01T00:00:00Z")
    _add(_add(feed, "author"), "name", author)
    _add(feed, "link", rel="self", href=f"{site}feed.xml")
    _add(feed, "link", rel="alternate", href=site)
    for entry in entries:
        item = _add(feed, "entry")
        _add(item, "title", entry.title)
        _add(item, "id", f"{site}{entry.path}#{entry.updated}")
        _add(item, "link", rel="alternate", href=f"{site}{entry.path}")
        _add(item, "updated", entry.updated)
        _add(item, "content", entry.text, type="text")
    ElementTree.indent(feed)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(feed, encoding="unicode") + "\n"


def _add(parent: ElementTree.Element, tag: str, text: str = "", **attributes: str) -> ElementTree.Element:
    element = ElementTree.SubElement(parent, tag, attributes)
    if text:
        element.text = text
    return element


def _versions(changelog: str) -> list[_Entry]:
    marks = list(_VERSION.finditer(changelog))
    ends = [mark.start() for mark in marks[1:]] + [len(changelog)]
    return [
        _Entry(
            title=f"Version {mark['name']}",
            path="book/changelog.html",
            updated=f"{mark['date']}T00:00:00Z",
            text=changelog[mark.end() : end].strip(),
        )
        for mark, end in zip(marks, ends, strict=True)
        if mark["date"]
    ]


def _chapters(record: RunState | None) -> list[_Entry]:
    return [
        _Entry(
            title=f"Chapter {chapter[:2]} executed anew",
            path=f"notebooks/{chapter}.html",
            updated=entry.finished,
            text=f"The run of record now has the execution of commit {entry.commit or 'unknown'}.",
        )
        for chapter, entry in (record.notebooks if record else {}).items()
        if entry.finished
    ]
