"""Readers by kind: any file of a kind, or any registered file that has one, is read by the same call."""

from helpers.data.readers.kinds import KINDS, Read, read

__all__ = ["KINDS", "Read", "read"]
