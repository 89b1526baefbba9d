"""Figure style and the plots that more than one chapter uses."""

from helpers.plots.boxes import expression_boxes, paired_boxes
from helpers.plots.categories import SvgChart, category_boxes
from helpers.plots.scores import agreement, forest, metric_bars
from helpers.plots.style import OKABE_ITO, model_styles, use_style

__all__ = [
    "OKABE_ITO",
    "SvgChart",
    "agreement",
    "category_boxes",
    "expression_boxes",
    "forest",
    "metric_bars",
    "model_styles",
    "paired_boxes",
    "use_style",
]
