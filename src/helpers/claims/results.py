"""Result files: what a chapter computed, as written to ``results/<chapter>.json``."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from helpers.errors import RunError
from helpers.strict_yaml import problems

SCHEMA = 1

Tier = Literal["paper", "panel", "own", "simulated"]


class Result(BaseModel):
    """One computed value.

    Attributes
    ----------
    value : float, int or None
        None where the value is undefined (written as null).
    low, high : float or None
        Limits of the interval; the note or the chapter says which interval.
    p : float or None
        P-value of the test behind the value.
    n : int or None
        Number of folds, groups, drugs or lines behind the value.
    seeds : int or None
        Number of seeds.
    tier : {"paper", "panel", "own", "simulated"}
        Tier of the data that the value was computed on.
    published : float or None
        The paper's number.
    tolerance : float or None
        How far the value may move between two runs of the same profile.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    value: int | float | None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    n: int | None = None
    seeds: int | None = None
    unit: str | None = None
    dataset: str | None = None
    tier: Tier
    published: float | None = None
    tolerance: float | None = None
    note: str | None = None

    @field_validator("value", "low", "high", "p", "published", "tolerance")
    @classmethod
    def _finite_or_none(cls, number: float | None) -> float | None:
        # JSON has no NaN and no infinity; an undefined number is null.
        return None if number is None or not math.isfinite(number) else number


class InputFile(BaseModel):
    """One input file with its hash."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    sha256: str


class FigureFile(BaseModel):
    """One figure, its file relative to the run folder."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    file: str
    caption: str


class ChapterResults(BaseModel):
    """All results of one chapter with what they were computed from.

    Everything but ``times`` is the same in two runs of the same code, data, parameters and
    machine. ``method_checks`` names the data sets that were simulated on purpose, with planted truth;
    ``cells`` is the execution count of the cell that recorded each result.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_: Literal[1]
    chapter: str
    title: str
    profile: str
    parameters: dict[str, Any]
    tiers: dict[str, Tier]
    method_checks: list[str] = []
    inputs: list[InputFile]
    commit: str
    source: str
    versions: dict[str, str]
    device: str
    threads: int
    results: dict[str, Result]
    cells: dict[str, int] = {}
    figures: list[FigureFile]
    times: dict[str, Any]

    @property
    def input_tiers(self) -> dict[str, Tier]:
        """Tier of each data set that the chapter is about; method checks left out."""
        return {name: tier for name, tier in self.tiers.items() if name not in self.method_checks}

    def to_json(self) -> str:
        """Return the text of the file: keys sorted, floats with repr precision, no NaN."""
        content = self.model_dump(mode="json")
        content["schema"] = content.pop("schema_")
        for name in ("method_checks", "cells"):
            if not content[name]:
                del content[name]
        return json.dumps(content, sort_keys=True, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def read_results(path: str | Path) -> ChapterResults:
    """Read one result file.

    Raises
    ------
    RunError
        If the file cannot be read, is not JSON, is of another schema, or lacks a field.
    """
    path = Path(path)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        msg = f"cannot read the results {path}: {error.strerror}"
        raise RunError(msg) from error
    except ValueError as error:
        msg = f"{path} is not valid JSON ({error}); run the chapter again"
        raise RunError(msg) from error
    if not isinstance(content, dict) or content.get("schema") != SCHEMA:
        found = content.get("schema") if isinstance(content, dict) else type(content).__name__
        msg = f"{path} has schema {found!r}; this version reads schema {SCHEMA}: run the chapter again"
        raise RunError(msg)
    content["schema_"] = content.pop("schema")
    try:
        return ChapterResults.model_validate(content)
    except ValidationError as error:
        msg = f"{path}: {problems(error, most=1)}; run the chapter again"
        raise RunError(msg) from error


def load_results(folder: str | Path) -> dict[str, ChapterResults]:
    """Read all results of a run.

    Parameters
    ----------
    folder : str or Path
        A run folder, or its ``results`` folder.

    Returns
    -------
    dict of str to ChapterResults
        Keyed and sorted by chapter; empty where no chapter has finished.

    Raises
    ------
    RunError
        If the folder does not exist or a file is malformed, or names another chapter than its file.
    """
    folder = Path(folder)
    if (folder / "results").is_dir():
        folder = folder / "results"
    elif (folder / "run.json").is_file():
        return {}
    if not folder.is_dir():
        msg = f"no results at {folder}: not a folder; give a run folder such as runs/quick"
        raise RunError(msg)
    results = {}
    for path in sorted(folder.glob("*.json")):
        chapter = read_results(path)
        if chapter.chapter != path.stem:
            msg = f"{path} holds the results of {chapter.chapter!r}; file and chapter must have one name"
            raise RunError(msg)
        results[chapter.chapter] = chapter
    return results
