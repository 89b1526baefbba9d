"""Input data that two studies or more read: registry, download, readers, types, simulated twins."""

from helpers.data.registry import DataFile, Registry
from helpers.data.types import BulkPanel, Provenance, ResponseData, SourceFile

__all__ = ["BulkPanel", "DataFile", "Provenance", "Registry", "ResponseData", "SourceFile"]
