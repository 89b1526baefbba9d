"""Who takes part in chapter 04: the six networks, their variants, and the predictors left out."""

from __future__ import annotations

from typing import Any

from helpers.evaluation.protocol import Model
from helpers.studies.perturbation.baselines.neighbours import CompoundNeighbours, NearestCellCopy
from helpers.studies.perturbation.baselines.simple import Additive, Constant, GroupMean, OneHotRidge
from helpers.studies.perturbation.baselines.trees import ChangeTrees
from helpers.studies.perturbation.model.published import PUBLISHED
from helpers.studies.perturbation.protocol import network_model, simple_model

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


def networks(epoch_share: float = 1.0) -> list[Model]:
    """Return the six networks of the paper, in the order of its table IV.

    Parameters
    ----------
    epoch_share : float
        Share of the published epochs.
    """
    return [network_model(name, name, **_epochs(name, epoch_share)) for name in PUBLISHED]


def attention_controls(epoch_share: float = 1.0) -> list[Model]:
    """Return the best network without its attention, and with compounds dealt out anew."""
    epochs = _epochs(BEST, epoch_share)
    return [
        network_model(NO_ATTENTION, BEST, **epochs, attention="none"),
        network_model(SHUFFLED, BEST, shuffled=True, **epochs),
    ]


def reading_variants(epoch_share: float = 1.0) -> list[Model]:
    """Return one network for each of :data:`READINGS`."""
    return [
        network_model(name, architecture, **_epochs(architecture, epoch_share), **options)
        for name, (architecture, options) in READINGS.items()
    ]


def simple_predictors(n_components: int = 35) -> list[Model]:
    """Return the predictors that the paper left out.

    Parameters
    ----------
    n_components : int
        Of the low-rank additive model; participants of the competition used 35 to 70.
    """
    return [
        simple_model("zero", Constant("zero")),
        simple_model("always up", Constant("always up")),
        simple_model("gene mean", Constant("gene mean")),
        simple_model("gene median", Constant("gene median")),
        simple_model("gene sign", Constant("gene sign")),
        simple_model("cell mean", GroupMean("cell")),
        simple_model("compound mean", GroupMean("compound")),
        simple_model("additive", Additive()),
        simple_model("low-rank additive", Additive(n_components=n_components)),
        simple_model("one-hot ridge", OneHotRidge()),
        simple_model("similar response", CompoundNeighbours(by="response")),
        simple_model("similar structure", CompoundNeighbours(by="structure")),
        simple_model("nearest cell copy", NearestCellCopy()),
        simple_model("extra trees", ChangeTrees("extra trees")),
        simple_model("boosting", ChangeTrees("boosting", n_components=8)),
    ]


def _epochs(architecture: str, share: float) -> dict[str, int]:
    return {"epochs": max(1, round(share * PUBLISHED[architecture].epochs))}
