"""What a notebook holds: parameters, seeds, device, recording of results, provenance."""

from helpers.chapter.chapter import Chapter

__all__ = ["Chapter"]
