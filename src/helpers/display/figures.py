"""A figure with its caption, as notebooks and pages show it."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

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
    """

    body: str
    caption: str
    name: str
    alt: str
    csv: str | None = None

    def _repr_html_(self) -> str:
        svg = self.body.replace("<svg ", f'<svg role="img" aria-label="{escape(self.alt)}" ', 1)
        # Read by figures.js; a text that closed the script would end it early.
        csv = "" if self.csv is None else self.csv.replace("</", "<\\/")
        data = f'<script type="text/csv">{csv}</script>' if csv else ""
        return (
            f'{STYLE}<figure class="hs-figure" data-name="{escape(self.name)}">'
            f'<div class="hs-scroll">{svg}</div>'
            f"<figcaption>{escape(self.caption)}</figcaption>{data}</figure>"
        )

    def __repr__(self) -> str:
        return f"Figure: {self.alt} {self.caption}"
