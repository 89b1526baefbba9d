"""Input data: registry, download, loaders, simulated twins.

The entries for chapters: :func:`load_response` (labelled pairs of line and drug), and in their own
modules, which need a second or two to import, :func:`helpers.datasets.bulk.load_bulk` (expression
and response as matrices) and :func:`helpers.datasets.cells.load_cells` (single cells).
"""

from helpers.datasets.load import load_response
from helpers.datasets.registry import DataFile, Registry
from helpers.datasets.simulate import SimulatedTruth, simulate_response
from helpers.datasets.types import BulkPanel, Provenance, ResponseData, SourceFile

__all__ = [
    "BulkPanel",
    "DataFile",
    "Provenance",
    "Registry",
    "ResponseData",
    "SimulatedTruth",
    "SourceFile",
    "load_response",
    "simulate_response",
]
