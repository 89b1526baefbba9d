"""Who takes part in chapter 04: the six networks, their variants, and the predictors left out."""

from __future__ import annotations

from typing import Any

from helpers.bounds import check_number
from helpers.evaluation.protocol import Model
from helpers.studies.perturbation.baselines.neighbours import CompoundNeighbours, NearestCellCopy
from helpers.studies.perturbation.baselines.simple import Additive, Constant, GroupMean, OneHotRidge
from helpers.studies.perturbation.baselines.trees import TreePredictor
from helpers.studies.perturbation.model import PUBLISHED, PerturbationNetwork
from helpers.studies.perturbation.protocol import predictor

#: The paper's best network, and the same stack with plain averages in place of attention.
BEST, NO_ATTENTION, SHUFFLED = "GRU3-ATTN", "no attention", "shuffled compounds"

# Of the low-rank additive model; participants of the competition used 35 to 70.
_COMPONENTS = 35

#: Standardised targets with an absolute loss: what public code for the competition trains on.
STANDARDISED = {"scale": "z", "loss": "mae"}

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


def networks(epoch_share: float = 1.0, **options: Any) -> list[Model]:
    """Return the six networks of the paper, in the order of its table IV.

    Parameters
    ----------
    epoch_share : float
        Share of the published epochs.
    **options
        Of :class:`PerturbationNetwork`, for all six: ``device``, or another reading such as
        :data:`STANDARDISED`.
    """
    return [_network(name, name, epoch_share, **options) for name in PUBLISHED]


def published_id(network: str) -> str:
    """Id of the sign accuracy in the paper's table IV, in percent."""
    return f"perturbation.t4.{network.lower().replace('-', '')}.sign_accuracy"


def attention_controls(epoch_share: float = 1.0, **options: Any) -> list[Model]:
    """Return the best network without its attention, and with compounds dealt out anew."""
    return [
        _network(NO_ATTENTION, BEST, epoch_share, attention="none", **options),
        _network(SHUFFLED, BEST, epoch_share, shuffled=True, **options),
    ]


def reading_variants(epoch_share: float = 1.0, **common: Any) -> list[Model]:
    """Return one network for each of :data:`READINGS`."""
    return [
        _network(name, architecture, epoch_share, **options, **common)
        for name, (architecture, options) in READINGS.items()
    ]


def simple_predictors(*, structures: bool = True) -> list[Model]:
    """Return the predictors that the paper left out; one of them needs chemical structures."""
    models = [
        predictor("zero", Constant("zero")),
        predictor("always up", Constant("always up")),
        predictor("gene mean", Constant("gene mean")),
        predictor("gene median", Constant("gene median")),
        predictor("gene sign", Constant("gene sign")),
        predictor("cell mean", GroupMean("cell")),
        predictor("compound mean", GroupMean("compound")),
        predictor("additive", Additive()),
        predictor("low-rank additive", Additive(n_components=_COMPONENTS)),
        predictor("one-hot ridge", OneHotRidge()),
        predictor("similar response", CompoundNeighbours(by="response")),
        predictor("similar structure", CompoundNeighbours(by="structure")),
        predictor("nearest cell copy", NearestCellCopy()),
        predictor("extra trees", TreePredictor("extra trees")),
        predictor("boosting", TreePredictor("boosting", n_components=8)),
    ]
    return [model for model in models if structures or model.name != "similar structure"]


def _network(
    name: str, architecture: str, epoch_share: float, *, shuffled: bool = False, **options: Any
) -> Model:
    check_number("epoch_share", epoch_share, 1e-9, 1e9)
    epochs = max(1, round(epoch_share * PUBLISHED[architecture].epochs))
    return predictor(name, PerturbationNetwork(architecture, epochs, **options), shuffled=shuffled)
