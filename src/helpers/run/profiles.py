"""The profiles of ``notebooks/profiles.yml``: which parameters each notebook gets."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from helpers.errors import ParameterError
from helpers.strict_yaml import read_yaml


@dataclasses.dataclass(frozen=True)
class Profile:
    """Parameters of one profile.

    Attributes
    ----------
    name : str
        For example ``"quick"``.
    common : mapping
        Parameters of every notebook.
    chapters : mapping of str to mapping
        Parameters of single notebooks; they win over ``common``.
    """

    name: str
    common: Mapping[str, Any]
    chapters: Mapping[str, Mapping[str, Any]]

    def parameters(self, chapter: str) -> dict[str, Any]:
        """Return the parameters of one chapter."""
        return {**self.common, **self.chapters.get(chapter, {})}


def load_profiles(root: Path) -> dict[str, Profile]:
    """Read ``notebooks/profiles.yml`` below ``root``.

    Raises
    ------
    ParameterError
        If the file is not a mapping of profiles with the keys ``common`` and ``chapters`` only.
    """
    path = root / "notebooks" / "profiles.yml"
    try:
        content = read_yaml(path) or {}
    except (OSError, ValueError) as error:
        msg = f"cannot read the profiles in {path}: {error}"
        raise ParameterError(msg) from error
    if not isinstance(content, dict):
        msg = f"{path} must map the name of a profile to its parameters"
        raise ParameterError(msg)
    profiles = {}
    for name, entry in content.items():
        entry = entry or {}
        unknown = sorted(set(entry) - {"common", "chapters"}) if isinstance(entry, dict) else [entry]
        if unknown:
            msg = f"{path}: profile {name!r} holds {unknown}; only 'common' and 'chapters' are known"
            raise ParameterError(msg)
        chapters = {chapter: values or {} for chapter, values in (entry.get("chapters") or {}).items()}
        profiles[str(name)] = Profile(str(name), entry.get("common") or {}, chapters)
    return profiles


def select_profile(root: Path, name: str) -> Profile:
    """Return one profile by name.

    Raises
    ------
    ParameterError
        If there is no such profile; the message lists those there are.
    """
    profiles = load_profiles(root)
    if name not in profiles:
        msg = f"unknown profile {name!r}; notebooks/profiles.yml has: {', '.join(profiles) or 'none'}"
        raise ParameterError(msg)
    return profiles[name]
