"""Figure style and the plots that more than one study uses."""

from helpers.plots.scores import agreement, forest, metric_bars
from helpers.plots.style import OKABE_ITO, model_styles, use_style
from helpers.plots.svg import SvgChart, named_points

__all__ = [
    "OKABE_ITO",
    "SvgChart",
    "agreement",
    "forest",
    "metric_bars",
    "model_styles",
    "named_points",
    "use_style",
]
