"""A figure with its caption, as notebooks and pages show it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

from helpers.display.html import STYLE


@dataclass(frozen=True)
class FigureCard:
    """A figure with its caption.

    Attributes
    ----------
    body : str
        ``<svg>`` element.
    caption : str
    name : str
        Of the files that a page offers.
    alt : str
        What is to be seen, for those who do not see it.
    csv : str or None
        The table that is drawn.
    spec : mapping or None
        Vega-Lite, for a chart that answers when pointed at.
    """

    body: str
    caption: str
    name: str
    alt: str
    csv: str | None = None
    spec: Mapping[str, Any] | None = None

    def _repr_html_(self) -> str:
        svg = self.body.replace("<svg ", f'<svg role="img" aria-label="{escape(self.alt)}" ', 1)
        data = _script("text/csv", self.csv) + _script(
            "application/vega+json", None if self.spec is None else json.dumps(self.spec)
        )
        return (
            f'{STYLE}<figure class="hs-figure" data-name="{escape(self.name)}">'
            f'<div class="hs-scroll">{svg}</div>'
            f"<figcaption>{escape(self.caption)}</figcaption>{data}</figure>"
        )

    def __repr__(self) -> str:
        return f"Figure: {self.alt} {self.caption}"


def _script(kind: str, text: str | None) -> str:
    """Put a text beside the figure for the scripts of a page; one that closed the element would end it."""
    return "" if text is None else f'<script type="{kind}">{text.replace("</", "<" + chr(92) + "/")}</script>'
