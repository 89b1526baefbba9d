"""The pieces of HTML that notebooks and pages are made of."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from html import escape, unescape

# Tints and inherited text colour: readable in the light and in the dark theme.
STYLE = """<style>
.hs-box {border: 1px solid rgba(128,128,128,0.5); border-radius: 0.4rem; padding: 0.6rem 0.8rem;
 margin: 0.6rem 0; overflow-x: auto;}
.hs-box p, .hs-box ul, .hs-box ol {margin: 0.25rem 0;}
.hs-banner {border: 2px solid rgb(213,94,0); background: rgba(213,94,0,0.18); border-radius: 0.4rem;
 padding: 0.5rem 0.8rem; margin: 0.6rem 0; font-weight: 600;}
.hs-box table {border-collapse: collapse; margin: 0.3rem 0; font-size: 0.9rem;}
.hs-box th, .hs-box td {text-align: left; vertical-align: top; padding: 0.3rem 0.6rem; white-space: normal;
 border: 0; border-bottom: 1px solid rgba(128,128,128,0.35); background: transparent; color: inherit;}
.hs-box code {overflow-wrap: anywhere;}
.hs-figure {margin: 0.8rem 0; --hs-ground: var(--pst-color-background, var(--jp-layout-color0, white));}
.hs-figure svg {display: block; height: auto; overflow: visible;}
.hs-scroll {overflow-x: auto;}
.hs-figure figcaption {font-size: 0.9rem; margin-top: 0.3rem; color: inherit !important;
 font-weight: 400; text-align: left;}
</style>"""


class Html:
    """A piece of HTML that a notebook shows; plain text where HTML is not shown."""

    def __init__(self, html: str) -> None:
        self.html = html

    def _repr_html_(self) -> str:
        return self.html

    def __repr__(self) -> str:
        without_style = re.sub(r"<style>.*?</style>", "", self.html, flags=re.DOTALL)
        text = unescape(re.sub(r"<[^>]+>", " ", without_style))
        return re.sub(r"\s+", " ", text).strip()


def box(*parts: str) -> Html:
    """Put paragraphs into a box; parts are HTML."""
    return Html(STYLE + f'<div class="hs-box">{"".join(parts)}</div>')


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], style: str = "") -> str:
    """Return a table of plain texts as HTML; ``style`` is its class."""
    head = "".join(f'<th scope="col">{escape(column)}</th>' for column in columns)
    body = "".join(f"<tr>{''.join(f'<td>{escape(str(cell))}</td>' for cell in row)}</tr>" for row in rows)
    kind = f' class="{style}"' if style else ""
    return f"<table{kind}><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
