"""One style for all figures: colours fixed per model, text that survives a phone screen."""

from __future__ import annotations

from collections.abc import Iterable

import matplotlib as mpl
from matplotlib.rcsetup import cycler

#: Okabe and Ito's palette, distinguishable with any common colour vision.
OKABE_ITO = {
    "blue": "#0072B2",
    "orange": "#E69F00",
    "green": "#009E73",
    "vermillion": "#D55E00",
    "purple": "#CC79A7",
    "sky": "#56B4E9",
    "yellow": "#F0E442",
    "black": "#000000",
}

RESISTANT, SENSITIVE = OKABE_ITO["vermillion"], OKABE_ITO["blue"]

# A model looks the same in every figure of the book.
_MODELS = {
    "RefDNN": ("blue", "o"),
    "RefDNN-test": ("sky", "D"),
    "Random Forest": ("green", "s"),
    "Elastic Net": ("orange", "^"),
    "Additive": ("vermillion", "v"),
    "Prevalence": ("purple", "P"),
    "Kernel ridge": ("black", "X"),
}
_SPARE_COLOURS = ("#999933", "#882255", "#44AA99", "#666666", "#332288", "#AA4499", "#117733")
_SPARE_MARKERS = ("<", ">", "p", "h", "d", "*", "8")

#: Width of a figure in inches; with 11-point text a screen of 360 pixels still shows letters of 10.
WIDTH = 5.6


def use_style() -> None:
    """Set matplotlib's defaults for all figures of the book."""
    mpl.rcParams.update(
        {
            "figure.figsize": (WIDTH, 4.0),
            "figure.dpi": 100,
            "figure.facecolor": "white",
            "figure.constrained_layout.use": True,
            "savefig.dpi": 150,
            "font.size": 11,
            "font.family": "DejaVu Sans",  # comes with matplotlib, so a figure is the same anywhere
            "axes.titlesize": 12,
            "axes.titlelocation": "left",
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.axisbelow": True,
            "axes.prop_cycle": cycler(color=[model[0] for model in _resolved(_MODELS)]),
            "legend.frameon": False,
            "svg.fonttype": "none",
            "svg.hashsalt": "helpers",  # ids in an SVG are then the same in two runs
        }
    )


def model_styles(models: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Return the colour and marker of each model.

    Models that several chapters show have fixed ones; others take spare ones in the order given.
    """
    names = list(dict.fromkeys(models))
    known = dict(zip(_MODELS, _resolved(_MODELS), strict=True))
    unknown = [name for name in names if name not in known]
    spare = {
        name: (_SPARE_COLOURS[i % len(_SPARE_COLOURS)], _SPARE_MARKERS[i % len(_SPARE_MARKERS)])
        for i, name in enumerate(unknown)
    }
    return {name: known.get(name) or spare[name] for name in names}


def _resolved(models: dict[str, tuple[str, str]]) -> list[tuple[str, str]]:
    return [(OKABE_ITO[colour], marker) for colour, marker in models.values()]
