"""The pieces of HTML that notebooks and pages are made of."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from html import escape, unescape

# Tints and inherited text colour: readable in the light and in the dark theme.
STYLE = """<style>
.hs-box {border: 1px solid rgba(128,128,128,0.5); border-radius: 0.4rem; padding: 0.6rem 0.8rem;
 margin: 0.6rem 0; overflow-x: auto;}
.hs-box p, .hs-box ul, .hs-box ol {margin: 0.25rem 0;}
.hs-banner {border: 2px solid rgb(213,94,0); background: rgba(213,94,0,0.18); border-radius: 0.4rem;
 padding: 0.5rem 0.8rem; margin: 0.6rem 0; font-weight: 600;}
.hs-box code {overflow-wrap: anywhere;}
.hs-figure {margin: 0.8rem 0; --hs-ground: var(--pst-color-background, var(--jp-layout-color0, white));}
.hs-figure svg {display: block; height: auto; overflow: visible;}
.hs-scroll {overflow-x: auto;}
.ht {margin: 0.6rem 0; --hs-ground: var(--pst-color-background, var(--jp-layout-color0, white));}
.ht table.ht-table {display: table; width: auto; margin: 0; border-collapse: collapse; font-size: 0.85rem;
 font-variant-numeric: tabular-nums; table-layout: auto; color: inherit; border: 0;}
.ht table.ht-table caption {caption-side: top; text-align: left; color: inherit; padding: 0 0 0.3rem;}
.ht table.ht-table tr {background: transparent !important;}
.ht table.ht-table th, .ht table.ht-table td {text-align: left; vertical-align: top;
 padding: 0.25rem 0.7rem 0.25rem 0; border: 0;
 border-bottom: 1px solid rgba(128,128,128,0.35); background: transparent; color: inherit;
 white-space: normal; max-width: 28rem;}
.ht table.ht-table thead th {font-weight: 600; vertical-align: bottom;}
.ht table.ht-table .n {text-align: right; white-space: nowrap;}
.ht table.ht-table thead .n {text-align: right; white-space: normal;}
.ht table.ht-table tbody th {font-weight: 400;}
.ht table.ht-table tr > :first-child {position: sticky; left: 0; background: var(--hs-ground);
 min-width: 5rem;}
@media (max-width: 640px) {
 .ht table.ht-cards, .ht .ht-cards tbody {display: block;}
 .ht table.ht-cards caption {display: block;}
 .ht .ht-cards thead {position: absolute; clip-path: inset(50%);}
 .ht .ht-cards tbody tr {display: grid; grid-template-columns: 1fr 1fr; column-gap: 0.8rem;
  border: 1px solid rgba(128,128,128,0.45); border-radius: 0.4rem; margin: 0 0 0.5rem;
  padding: 0.2rem 0.5rem;}
 .ht table.ht-cards tbody th {grid-column: 1 / -1; font-weight: 600; border: 0; position: static;}
 .ht table.ht-cards tbody td {border: 0; text-align: left !important; padding: 0.1rem 0; position: static;
  overflow-wrap: anywhere;}
 .ht .ht-cards td::before {content: attr(data-label) ": "; opacity: 0.8; font-size: 0.75rem;}
}
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


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], caption: str = "") -> str:
    """Return a table of plain texts as HTML, without :data:`STYLE`."""
    head = "".join(f'<th scope="col">{escape(column)}</th>' for column in columns)
    body = "".join(f"<tr>{''.join(_cells(columns, row))}</tr>" for row in rows)
    return table_element(f"<tr>{head}</tr>", body, caption, cards=has_interval(columns))


def _cells(columns: Sequence[str], row: Sequence[object]) -> Iterator[str]:
    for name, cell in zip(columns, row, strict=True):
        label = f' data-label="{escape(name)}"' if has_interval(columns) else ""
        yield f"<td{label}>{escape(str(cell))}</td>"


def has_interval(columns: Iterable[str]) -> bool:
    """Say whether one of the columns is an interval, which a reader wants beside its value."""
    return any(re.search(r"^(95 % |\w+ )?interval$|\[95 % interval\]", column) for column in columns)


def table_element(
    head: str, body: str, caption: str = "", attributes: str = "", *, cards: bool = False
) -> str:
    """Return the house table of rows that are HTML already.

    With ``cards`` it turns into one card a row on a phone, so that intervals stay beside their values; else
    it scrolls sideways below its first column.
    """
    kind = "ht-table ht-cards" if cards else "ht-table"
    title = f"<caption>{escape(caption)}</caption>" if caption else ""
    return (
        f'<div class="ht"><div class="hs-scroll"><table class="{kind}" {attributes}>{title}'
        f"<thead>{head}</thead><tbody>{body}</tbody></table></div></div>"
    )
