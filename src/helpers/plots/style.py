"""One style for all figures: colours fixed per model, text that survives a phone screen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import matplotlib as mpl
from matplotlib.rcsetup import cycler

#: Okabe and Ito's hues, distinguishable with any common colour vision. Orange, purple, sky and yellow are
#: darker than theirs: a figure follows the theme of its page, so each colour has a contrast of at least 3:1
#: to a white and to a dark ground. Black and greys turn with the theme (:mod:`helpers.plots.themed`).
OKABE_ITO = {
    "blue": "#0072B2",
    "orange": "#C27C00",
    "green": "#009E73",
    "vermillion": "#D55E00",
    "purple": "#BF6A95",
    "sky": "#3398D6",
    "yellow": "#8F8400",
    "black": "#000000",
}

RESISTANT, SENSITIVE = OKABE_ITO["vermillion"], OKABE_ITO["blue"]

# A model looks the same in every figure of the book; the same model has one entry under each of its names.
_MODELS = {
    # Networks under study and their variants.
    "RefDNN": ("blue", "o"),
    "RefDNN-test": ("sky", "D"),
    "PertVAE": ("blue", "o"),
    "VAE": ("blue", "o"),
    "network": ("blue", "o"),
    "network, tuned": ("sky", "D"),
    "network, learning rate 0.0001": ("purple", "p"),
    "LSTM": ("black", "X"),
    "GRU": ("blue", "o"),
    "GRU3": ("sky", "s"),
    "GRU3-ATTN": ("vermillion", "D"),
    "Transformer": ("green", "^"),
    "Autoencoder": ("purple", "v"),
    # Simple models.
    "Random Forest": ("green", "s"),
    "Elastic Net": ("orange", "^"),
    "Additive": ("vermillion", "v"),
    "Prevalence": ("purple", "P"),
    "Kernel ridge": ("black", "X"),
    "PCA": ("orange", "s"),
    "PCA + shift": ("orange", "s"),
    "Factor analysis": ("green", "^"),
    "Ridge": ("orange", "s"),
    "Ridge, mean >= 1": ("green", "^"),
    "training mean": ("#666666", "v"),
    "additive": ("#666666", "P"),
    "gene sign": ("orange", "*"),
    "cell mean": ("#B0486F", "h"),
    "zero": ("yellow", "d"),
}
_SPARE_COLOURS = ("#8F8400", "#B0486F", "#2F9E90", "#666666", "#6A5ACD", "#AA4499", "#117733")
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
            "axes.prop_cycle": cycler(color=list(OKABE_ITO.values())),
            "legend.frameon": False,
            "svg.fonttype": "none",
            "svg.hashsalt": "helpers",  # ids in an SVG are then the same in two runs
        }
    )


def model_styles(models: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Return the colour and marker of each model; no two of them look alike.

    Models that several figures show have fixed ones; others take spare ones in the order given, and so does
    one that looks like a model before it, such as the same network under a second name.
    """
    names = list(dict.fromkeys(models))
    known = {name: (OKABE_ITO.get(look[0], look[0]), look[1]) for name, look in _MODELS.items()}
    found: dict[str, tuple[str, str]] = {}
    for name in names:
        if name in known and known[name] not in found.values():
            found[name] = known[name]
    spare = (look for look in _spare_looks() if look not in found.values())
    return {name: found.get(name) or next(spare) for name in names}


def _spare_looks() -> Iterator[tuple[str, str]]:
    """Yield looks that differ in both colour and marker as long as there are such."""
    for shift in range(len(_SPARE_MARKERS)):
        for i, colour in enumerate(_SPARE_COLOURS):
            yield colour, _SPARE_MARKERS[(i + shift) % len(_SPARE_MARKERS)]
