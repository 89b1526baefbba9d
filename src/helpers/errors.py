"""The errors that users see: each says what was wrong, where, and what to do."""

from __future__ import annotations


class HelpersError(Exception):
    """Base of every error that this package raises on purpose.

    The command line prints the message without a traceback and exits with 1.
    """


class DataError(HelpersError, ValueError):
    """Input data cannot be used: missing, damaged, or inconsistent."""


class DownloadError(DataError):
    """A registered file could not be fetched or did not match its hash."""


class RegistryError(DataError):
    """The data registry is malformed."""


class ClaimError(HelpersError, ValueError):
    """A claims file is malformed or refers to something that does not exist."""


class ParameterError(HelpersError, ValueError):
    """An unknown chapter, profile, parameter or device was asked for."""


class RunError(HelpersError, RuntimeError):
    """A notebook, a run folder or a build failed."""
