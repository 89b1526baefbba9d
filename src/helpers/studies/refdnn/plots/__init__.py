"""Figures of the RefDNN chapters."""

from helpers.studies.refdnn.plots.boxes import expression_boxes, paired_boxes
from helpers.studies.refdnn.plots.categories import category_boxes
from helpers.studies.refdnn.plots.protocols import group_boxes, published_agreement, published_bars

__all__ = [
    "category_boxes",
    "expression_boxes",
    "group_boxes",
    "paired_boxes",
    "published_agreement",
    "published_bars",
]
