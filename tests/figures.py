"""What tests of figures look at."""

from __future__ import annotations

from matplotlib import pyplot as plt


def texts(figure):
    """Return all text drawn in a figure."""
    figure.draw_without_rendering()
    return [text.get_text() for text in figure.findobj(plt.Text) if text.get_text()]


def drawn_texts(figure):
    """Return text that is seen: labels of ticks beyond the limits exist, but are not drawn."""
    unseen = set()
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            unseen |= {tick.label1 for tick in axis.get_major_ticks() if not low <= tick.get_loc() <= high}
    found = figure.findobj(plt.Text)
    return [text for text in found if text.get_text() and text.get_visible() and text not in unseen]


def assert_readable(figure):
    """Nothing runs off the figure and no text lies over another."""
    figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in drawn_texts(figure)]
    inside = figure.bbox.padded(2)
    assert all(inside.x0 <= box.x0 and box.x1 <= inside.x1 for box in boxes)
    for i, first in enumerate(boxes):
        for second in boxes[i + 1 :]:
            assert not first.padded(-1).overlaps(second.padded(-1))
