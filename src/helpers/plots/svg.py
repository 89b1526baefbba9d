"""A chart as SVG text, and figures whose points say what they are on hover."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from xml.etree import ElementTree

from matplotlib import pyplot as plt
from matplotlib.figure import Figure

_SVG, _LINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"


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


def named_points(figure: Figure, names: Mapping[str, Sequence[str]], *, label: str) -> SvgChart:
    """Turn a figure into a chart with a hover text on every point, and close it.

    Parameters
    ----------
    figure : Figure
    names : mapping of group id to sequence of str
        Text of each point of the lines that were drawn with ``gid=`` that id, in order.
    label : str
        What the chart is, for those who cannot see it.

    Raises
    ------
    ValueError
        If a line has another number of points than names.
    """
    stream = io.BytesIO()
    figure.savefig(stream, format="svg", metadata={"Date": None})
    plt.close(figure)
    ElementTree.register_namespace("", _SVG)
    ElementTree.register_namespace("xlink", _LINK)
    root = ElementTree.fromstring(stream.getvalue())
    for group in root.iter(f"{{{_SVG}}}g"):
        # Nothing refers to a group, and two charts on a page must not share an id.
        own = names.get(group.attrib.pop("id", ""))
        if own is not None:
            for point, name in zip(group.iter(f"{{{_SVG}}}use"), own, strict=True):
                ElementTree.SubElement(point, f"{{{_SVG}}}title").text = name
    # A style sheet would hold for the whole page.
    for left_out in ("metadata", f"defs/{{{_SVG}}}style/.."):
        for element in root.findall(f"{{{_SVG}}}{left_out}"):
            root.remove(element)
    style = "max-width:100%;height:auto;stroke-linejoin:round;stroke-linecap:butt"
    root.attrib |= {"role": "img", "aria-label": label, "style": style}
    return SvgChart(ElementTree.tostring(root, encoding="unicode"))
