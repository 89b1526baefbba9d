"""A chart as SVG text."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class SvgChart:
    """A chart as SVG text; notebooks show it in place.

    Attributes
    ----------
    svg : str
        A complete ``<svg>`` element.
    """

    svg: str

    def _repr_html_(self) -> str:
        return self.svg
