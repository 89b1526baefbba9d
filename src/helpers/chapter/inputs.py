"""The data sets that a chapter uses: tiers, sizes, and hashes of their files."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from helpers.claims.results import InputFile, Tier
from helpers.data.types import ResponseData
from helpers.display.cards import data_card
from helpers.display.html import Html
from helpers.errors import ParameterError


class Inputs:
    """Data sets in use.

    Attributes
    ----------
    tiers : dict of str to str
        Tier of each.
    method_checks : set of str
        Those simulated on purpose, with planted truth.
    """

    def __init__(self) -> None:
        self.tiers: dict[str, Tier] = {}
        self.method_checks: set[str] = set()
        self._files: set[tuple[str, str]] = set()
        self._sizes: dict[str, str] = {}

    def add(self, data: Any, *, method_check: bool) -> Html:
        """Register data and show what they are; see :meth:`helpers.chapter.Chapter.use`."""
        if hasattr(data, "uns"):
            name, source = data.uns["name"], data.uns["provenance"]
        else:
            name, source = data.name, data.provenance
        if self.tiers.get(name, source.tier) != source.tier:
            msg = f"{name} is in use on the {self.tiers[name]} tier; one run cannot use {source.tier} too"
            raise ParameterError(msg)
        self.tiers[name] = source.tier
        if method_check:
            self.method_checks.add(name)
        self._files.update((file.name, file.sha256) for file in source.files)
        counts = _counts(data)
        size = self._sizes[name] = f": {counts}" if counts else ""
        return data_card(name, source.tier, size, source.notes, method_check=method_check)

    @property
    def real(self) -> dict[str, Tier]:
        """Tiers without the method checks."""
        return {name: tier for name, tier in self.tiers.items() if name not in self.method_checks}

    @property
    def files(self) -> list[InputFile]:
        """All files by name."""
        return [InputFile(name=name, sha256=sha256) for name, sha256 in sorted(self._files)]

    def text(self, names: Sequence[str] | None, words: str) -> str:
        """Write the tier of data sets for a reader, and the size of a single one.

        Parameters
        ----------
        names : sequence of str or None
            Which. None: those that the words name; where they name none, all but the method checks.
        words : str

        Raises
        ------
        ParameterError
            If one is not in use.
        """
        if names is None:
            named = [name for name in self.tiers if re.search(rf"(?<!\w){re.escape(name)}(?!\w)", words)]
            names = named or list(self.real or self.tiers)
        if missing := [name for name in names if name not in self.tiers]:
            msg = f"data set(s) {missing} are not in use; call chapter.use(...) with them first"
            raise ParameterError(msg)
        size = self._sizes[names[0]] if len(names) == 1 else ""
        return "; ".join(f"{name} ({self.tiers[name]})" for name in names) + size or "none"


def _counts(data: Any) -> str:
    if hasattr(data, "n_obs"):
        return f"{data.n_obs:,} cells, {data.n_vars:,} genes"
    if isinstance(data, ResponseData):
        return (
            f"{len(data.expression):,} lines, {len(data.fingerprints):,} drugs, "
            f"{len(data.response):,} pairs, {data.expression.shape[1]:,} genes"
        )
    return getattr(data, "counts", "")
