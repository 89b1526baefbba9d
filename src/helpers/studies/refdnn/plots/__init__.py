"""Figures of the RefDNN chapters."""

from helpers.studies.refdnn.plots.boxes import expression_boxes, paired_boxes
from helpers.studies.refdnn.plots.categories import category_boxes

__all__ = ["category_boxes", "expression_boxes", "paired_boxes"]
