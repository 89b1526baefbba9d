"""A drawn figure as SVG for a page: sharp, in the colours of the page's theme, no id met twice on a page."""

from __future__ import annotations

import io
import re
import textwrap
from xml.etree import ElementTree

import numpy as np
from matplotlib.collections import PathCollection, QuadMesh
from matplotlib.figure import Figure
from matplotlib.text import Text

_SVG, _XLINK = "{http://www.w3.org/2000/svg}", "{http://www.w3.org/1999/xlink}"
_FIXED = "own-colour"
_POINTS = 1500  # of one scatter; more are drawn as a picture inside the SVG, which would else weigh megabytes
_GREY = re.compile(r"(fill|stroke): #(([0-9a-f]{2})\3\3)(?=;|$)")
_LONG = re.compile(r"-?\d+\.\d{3,}")
_REFERENCE = re.compile(r"url\(#([^)]+)\)")
#: Verdana has the widths of DejaVu Sans, which few readers have.
_FONTS = "'DejaVu Sans', Verdana, 'Noto Sans', sans-serif"


def wrap_titles(figure: Figure) -> None:
    """Break titles that would run off the figure."""
    figure.draw_without_rendering()
    room = figure.bbox.x1
    titles = [
        *figure.texts,
        *(one for axes in figure.axes for one in axes.get_children() if isinstance(one, Text)),
    ]
    for title in titles:
        box = title.get_window_extent()
        if title.get_text() and box.x0 < room < box.x1 and not title.get_rotation():
            lines = title.get_text().split("\n")
            letters = int(max(map(len, lines)) * (room - box.x0) / box.width) - 1
            title.set_text("\n".join(textwrap.fill(line, max(letters, 20)) for line in lines))


def draw_svg(figure: Figure) -> str:
    """Draw a figure as a complete SVG file; equal figures give equal files."""
    wrap_titles(figure)
    for axes in figure.axes:
        coloured = [*axes.images, *(one for one in axes.collections if isinstance(one, QuadMesh))]
        for text in axes.texts if coloured else []:
            # Its colour was chosen against the colour below it, which does not turn with the theme.
            text.set_gid(_FIXED)
        for points in axes.collections:
            if isinstance(points, PathCollection) and np.shape(points.get_offsets())[0] > _POINTS:
                points.set_rasterized(True)
    with io.StringIO() as stream:
        figure.savefig(stream, format="svg", metadata={"Date": None}, dpi=200)
        return stream.getvalue()


def themed(svg: str, prefix: str) -> str:
    """Return a drawn SVG as an element for a page.

    Parameters
    ----------
    svg : str
        A complete file.
    prefix : str
        Put before every id; unique on the page.

    Returns
    -------
    str
        ``<svg>`` whose black, white and greys are mixed from the page's text colour and the colour of its
        ground (``--hs-ground``), so that it follows the theme; all other colours are as they were drawn.
    """
    ElementTree.register_namespace("", _SVG[1:-1])
    ElementTree.register_namespace("xlink", _XLINK[1:-1])
    root = ElementTree.fromstring(svg)
    if (facts := root.find(f"{_SVG}metadata")) is not None:
        root.remove(facts)
    for definitions in root.findall(f"{_SVG}defs"):
        for style in definitions.findall(f"{_SVG}style"):  # it would hold for every SVG of the page
            definitions.remove(style)
    width = float(root.get("viewBox", "0 0 400").split()[2])
    for name in ("width", "height", "version"):
        root.attrib.pop(name, None)
    root.attrib |= {
        "fill": "currentColor",
        "font-family": _FONTS,
        "stroke-linejoin": "round",
        # Letters of 11 units keep 9 pixels on a phone, where a wide figure scrolls.
        "style": f"width: 100%; min-width: {0.82 * width:.0f}px; max-width: {1.45 * width:.0f}px",
    }
    for child in root:
        _turn(child, prefix, fixed=False)
    return ElementTree.tostring(root, encoding="unicode")


def _turn(element: ElementTree.Element, prefix: str, *, fixed: bool) -> None:
    fixed = fixed or element.get("id") == _FIXED
    element.text = (element.text or "").strip() or None
    element.tail = None
    for name, value in element.attrib.items():
        if name == "id":
            value = f"{prefix}-{value}"
        elif name == f"{_XLINK}href" and value.startswith("#"):
            value = f"#{prefix}-{value[1:]}"
        elif name == "style":
            value = value.replace("font-family: 'DejaVu Sans'", "").replace("; ;", ";").strip("; ")
            value = value if fixed else _GREY.sub(_mixed, value)
        elif name in ("d", "x", "y", "transform"):
            value = _LONG.sub(lambda number: f"{float(number[0]):.2f}", " ".join(value.split()))
        element.set(name, _REFERENCE.sub(rf"url(#{prefix}-\1)", value))
    if fixed and element.tag in (f"{_SVG}text", f"{_SVG}tspan") and "fill" not in element.get("style", ""):
        element.set("fill", "#000000")
    for child in element:
        _turn(child, prefix, fixed=fixed)


def _mixed(match: re.Match[str]) -> str:
    """Write a grey for the theme, after the plain one for programs that cannot mix."""
    what, plain, level = match[1], match[2], int(match[3], 16)
    ink = f"{100 * (1 - level / 255):.0f}%"
    ground = "var(--hs-ground, white)"
    mixed = {0: "currentColor", 255: ground}.get(level, f"color-mix(in srgb, currentColor {ink}, {ground})")
    return f"{what}: #{plain}; {what}: {mixed}"
