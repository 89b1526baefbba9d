"""The input files of one loader: fetched, named in the provenance, decoded once."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from helpers.data.download import cache_folder, fetch_all, locate
from helpers.data.hashes import sha256
from helpers.data.registry import Registry
from helpers.data.types import SourceFile
from helpers.errors import DownloadError
from helpers.sealed import read_sealed, write_sealed

#: What a chapter may ask for: a tier, or the best that is at hand.
CHOICES = ("auto", "panel", "paper", "simulated")

# Part of the name of decoded copies: raise it when a decoder changes what it writes.
_DECODER = 3


@dataclass(frozen=True)
class Sources:
    """Files of one loader, all at hand.

    Attributes
    ----------
    paths : dict
        Path in the cache by registry key.
    """

    paths: dict[str, Path]

    @classmethod
    def fetch(cls, registry: Registry, keys: Iterable[str]) -> Sources:
        """Get the files; :class:`~helpers.errors.DownloadError` names all that are missing."""
        return cls(fetch_all(registry[key] for key in keys))

    @classmethod
    def fetch_for(cls, registry: Registry, keys: tuple[str, ...], name: str, data: str) -> Sources:
        """Get the files of the data set ``name``; the error also names the command that fetches them."""
        try:
            return cls.fetch(registry, keys)
        except DownloadError as error:
            tiers = sorted({registry[key].tier for key in keys if locate(registry[key]) is None})
            commands = " and ".join(f"helpers data fetch --tier {tier}" for tier in tiers)
            msg = f"{name} ({data}): {error}\nTo fetch them: {commands}"
            raise DownloadError(msg) from error

    def __getitem__(self, key: str) -> Path:
        return self.paths[key]

    def files(self) -> tuple[SourceFile, ...]:
        """Name and sha256 of every file, for the provenance."""
        return tuple(SourceFile(key, sha256(path)) for key, path in self.paths.items())

    def decoded(self, key: str, decode: Callable[[Path], pd.DataFrame]) -> pd.DataFrame:
        """Return ``decode(path)``, kept as a sealed Parquet table named by the sha256 of its source.

        R files take a second to decode and are read by every chapter. A copy that is not as it was written
        is made again. The first reader gets the table as all later ones do, to the last bit: R's NA, for
        one, is a signalling NaN, at which the first sum would warn.
        """
        path = self.paths[key]
        copy = cache_folder() / "decoded" / f"{sha256(path)}-{_DECODER}"
        content = read_sealed(copy)
        if content is None:
            buffer = io.BytesIO()
            decode(path).to_parquet(buffer)
            content = buffer.getvalue()
            write_sealed(copy, content)
        return pd.read_parquet(io.BytesIO(content))
