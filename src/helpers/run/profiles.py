"""The profiles of ``notebooks/profiles.yml``: which parameters each notebook gets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError, field_validator

from helpers.errors import ParameterError
from helpers.strict_yaml import problems, read_yaml


class Profile(BaseModel):
    """Parameters of one profile.

    Attributes
    ----------
    common : mapping
        Parameters of every notebook.
    chapters : mapping of str to mapping
        Parameters of single notebooks; they win over ``common``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    common: dict[str, Any] = {}
    chapters: dict[str, dict[str, Any]] = {}

    @field_validator("common", mode="before")
    @classmethod
    def _nothing(cls, values: Any) -> Any:
        return values or {}  # YAML reads what is left empty as None

    @field_validator("chapters", mode="before")
    @classmethod
    def _nothing_each(cls, chapters: Any) -> Any:
        return {name: values or {} for name, values in chapters.items()} if chapters else {}

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
        return TypeAdapter(dict[str, Profile]).validate_python(
            {name: entry or {} for name, entry in content.items()} if isinstance(content, dict) else content
        )
    except ValidationError as error:
        msg = f"{path} must map names of profiles to 'common' and 'chapters': {problems(error)}"
        raise ParameterError(msg) from error
    except (OSError, ValueError) as error:
        msg = f"cannot read the profiles in {path}: {error}"
        raise ParameterError(msg) from error


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
