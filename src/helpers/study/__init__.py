"""What a notebook holds: parameters, seeds, device, recording of results, provenance."""

from helpers.study.recorder import Study

__all__ = ["Study"]
