"""Input data: registry, download, loaders, simulated twins.

The one entry for chapters is :func:`load_response`.
"""

from helpers.datasets.load import load_response
from helpers.datasets.registry import DataFile, Registry
from helpers.datasets.simulate import SimulatedTruth, simulate_response
from helpers.datasets.types import Provenance, ResponseData, SourceFile

__all__ = [
    "DataFile",
    "Provenance",
    "Registry",
    "ResponseData",
    "SimulatedTruth",
    "SourceFile",
    "load_response",
    "simulate_response",
]
