"""Who takes part in chapter 04: the six networks, their variants, and the predictors left out."""

from __future__ import annotations

from typing import Any

from helpers.studies.perturbation.baselines.neighbours import CompoundNeighbours, NearestCellCopy
from helpers.studies.perturbation.baselines.simple import Additive, Constant, GroupMean, OneHotRidge
from helpers.studies.perturbation.baselines.trees import ChangeTrees
from helpers.studies.perturbation.model.published import PUBLISHED
from helpers.studies.perturbation.protocol import Baseline, Network

#: The paper's best network, and the same stack with plain averages in place of attention.
BEST, NO_ATTENTION, SHUFFLED = "GRU3-ATTN", "no attention", "shuffled compounds"

#: Other readings of what the paper leaves open: name -> (architecture, options).
READINGS: dict[str, tuple[str, dict[str, Any]]] = {
    "MAE loss": (BEST, {"loss": "mae"}),
    "targets clipped at 4": (BEST, {"scale": "clip"}),
    "targets scaled per gene": (BEST, {"scale": "z"}),
    "numeric SMILES length": (BEST, {"length": "number"}),
    "one embedding table": (BEST, {"tables": "shared"}),
    "features reversed": (BEST, {"features": ("length", "smiles", "lincs_id", "compound", "cell")}),
    "two features": (BEST, {"features": ("cell", "compound")}),
    "two layers as printed": ("GRU3", {"stack": "printed"}),
    "one layer with attention as printed": (BEST, {"stack": "printed"}),
    "additive attention": (BEST, {"attention": "additive"}),
    "attention flattened": (BEST, {"pooling": "flatten"}),
    "bare attention Transformer": ("Transformer", {"transformer": "bare"}),
    "reconstructing autoencoder": ("Autoencoder", {"autoencoder": "reconstruct"}),
    "early stopping": (BEST, {"early_stopping": True}),
    "LSTM with 128 units": ("LSTM", {"units": 128}),
    "GRU with 16 units": ("GRU", {"units": 16}),
}


def networks(epoch_share: float = 1.0) -> list[Network]:
    """Return the six networks of the paper, in the order of its table IV.

    Parameters
    ----------
    epoch_share : float
        Share of the published epochs.
    """
    return [Network(name, name, _epochs(name, epoch_share)) for name in PUBLISHED]


def attention_controls(epoch_share: float = 1.0) -> list[Network]:
    """Return the best network without its attention, and with compounds dealt out anew."""
    epochs = _epochs(BEST, epoch_share)
    return [
        Network(NO_ATTENTION, BEST, {**epochs, "attention": "none"}),
        Network(SHUFFLED, BEST, epochs, shuffled=True),
    ]


def reading_variants(epoch_share: float = 1.0) -> list[Network]:
    """Return one network for each of :data:`READINGS`."""
    return [
        Network(name, architecture, {**_epochs(architecture, epoch_share), **options})
        for name, (architecture, options) in READINGS.items()
    ]


def simple_predictors(n_components: int = 35) -> list[Baseline]:
    """Return the predictors that the paper left out.

    Parameters
    ----------
    n_components : int
        Of the low-rank additive model; participants of the competition used 35 to 70.
    """
    return [
        Baseline("zero", Constant("zero")),
        Baseline("always up", Constant("always up")),
        Baseline("gene mean", Constant("gene mean")),
        Baseline("gene median", Constant("gene median")),
        Baseline("gene sign", Constant("gene sign")),
        Baseline("cell mean", GroupMean("cell")),
        Baseline("compound mean", GroupMean("compound")),
        Baseline("additive", Additive()),
        Baseline("low-rank additive", Additive(n_components=n_components)),
        Baseline("one-hot ridge", OneHotRidge()),
        Baseline("similar response", CompoundNeighbours(by="response")),
        Baseline("similar structure", CompoundNeighbours(by="structure")),
        Baseline("nearest cell copy", NearestCellCopy()),
        Baseline("extra trees", ChangeTrees("extra trees")),
        Baseline("boosting", ChangeTrees("boosting", n_components=8)),
    ]


def _epochs(architecture: str, share: float) -> dict[str, int]:
    return {"epochs": max(1, round(share * PUBLISHED[architecture].epochs))}
