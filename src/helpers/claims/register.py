"""The claim register: what the papers claim and the rules that judge it.

One YAML file a chapter, ``data/<name>/claims*.yml``. Rules are data: they are committed before the
run that they judge, and the verdict is computed from them (:mod:`helpers.claims.verdict`).

Where the input of a run is not the paper's own (tier ``panel``), absolute values are shown next
to the published ones but must not be judged: a rule then uses direction and rank only, that is,
differences between models in the same folds and their intervals.
"""

from __future__ import annotations

import datetime
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, field_validator, model_validator

from helpers.claims.conditions import Condition, Strict, VerdictRules
from helpers.claims.each import expand
from helpers.claims.published import load_published
from helpers.claims.readings import fill
from helpers.errors import ClaimError
from helpers.project import project_root
from helpers.strict_yaml import problems, read_yaml

PARTS = ("repeated", "sound", "survives")


class Matter(Strict):
    """The smallest difference that would matter to somebody who chooses a model, and why.

    Attributes
    ----------
    difference : float
        In the unit of the results that name it.
    reason : str
    """

    difference: float = Field(ge=0)
    reason: str = Field(min_length=1)


class Reading(Strict):
    """One way to read what a paper leaves open.

    Attributes
    ----------
    name : str
        A few words.
    words : dict of str to str
        What stands for the placeholders in the ids of results.
    """

    name: str = Field(min_length=1)
    words: dict[str, str] = Field(min_length=1)


class Claim(Strict):
    """One claim of a paper and how it is judged.

    Attributes
    ----------
    id : str
        Unique over all chapters; letters, digits, hyphens (it is an anchor in the book).
    claim : str
        The claim in one sentence.
    whose : {"paper", "announced", "ours"}
        The paper's own finding; what the paper announces or supposes without testing it; a test of ours.
    polarity : {"success", "failure"}
        Whether it says that something works, or that it does not.
    quote : str, optional
        The paper's own words.
    source : str
        Paper, table or figure.
    published : list of str
        Ids of the published numbers that the claim rests on.
    compared : str
        What is compared with what.
    datasets : list of str
        Data sets whose tier decides whether the verdict binds.
    needs : list of {"panel", "paper"}
        Tiers on which the verdict binds; simulated data never bind.
    readings : list of Reading
        Where the paper leaves a point open: the verdict is computed under each; the first is the headline.
    verdicts : VerdictRules
        Under the first reading.
    alternatives : dict of str to VerdictRules
        Under the other readings, by name; made from ``verdicts`` and ``readings``.
    matters : dict of str to Matter
        Set from the file.
    chapter : str
        Set from the file.
    """

    id: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9-]*$")
    claim: str = Field(min_length=1)
    whose: Literal["paper", "announced", "ours"]
    polarity: Literal["success", "failure"]
    quote: str | None = None
    source: str
    published: list[str] = Field(default_factory=list)
    compared: str
    datasets: list[str] = Field(min_length=1)
    needs: list[Literal["panel", "paper"]] = Field(default=["panel", "paper"], min_length=1)
    readings: list[Reading] = Field(default_factory=list)
    verdicts: VerdictRules
    alternatives: dict[str, VerdictRules] = Field(default_factory=dict)
    matters: dict[str, Matter] = Field(default_factory=dict)
    chapter: str

    @model_validator(mode="before")
    @classmethod
    def _write_out_readings(cls, content: Any) -> Any:
        if not isinstance(content, dict) or not content.get("readings"):
            return content
        readings = [Reading.model_validate(reading) for reading in content["readings"]]
        if len({reading.name for reading in readings}) < len(readings):
            msg = "readings: two have one name"
            raise ValueError(msg)
        written = {reading.name: fill(content.get("verdicts"), reading.words) for reading in readings}
        if any(rules == content.get("verdicts") for rules in written.values()):
            msg = f"readings: no result of the rules names {{{'}, {'.join(readings[0].words)}}}"
            raise ValueError(msg)
        headline = written.pop(readings[0].name)
        return {**content, "verdicts": headline, "alternatives": written}

    @model_validator(mode="after")
    def _known_matters(self) -> Claim:
        for rules in (self.verdicts, *self.alternatives.values()):
            for part in PARTS:
                for condition in getattr(rules, part).conditions:
                    if condition.matters is not None and condition.matters not in self.matters:
                        msg = (
                            f"{part}: matters {condition.matters!r} is not among those at the head of the "
                            f"file, {sorted(self.matters)}"
                        )
                        raise ValueError(msg)
        return self

    @property
    def published_ids(self) -> list[str]:
        """Ids of all published numbers that the claim and its conditions name."""
        rules = (self.verdicts, *self.alternatives.values())
        conditions = [c for one in rules for part in PARTS for c in getattr(one, part).conditions]
        return list(dict.fromkeys([*self.published, *(id for c in conditions for id in c.published or ())]))


class Paper(Strict):
    """The paper that a chapter re-executes."""

    key: str
    title: str
    authors: str
    year: int
    doi: str | None = None
    url: str | None = None

    @property
    def link(self) -> str | None:
        """Address of the paper: its DOI where it has one."""
        return f"https://doi.org/{self.doi}" if self.doi else self.url


class Deviation(Strict):
    """One point where the re-execution departs from the paper, or has to guess.

    Attributes
    ----------
    point : str
        Number of the point in the protocol's list.
    what, why, choice : str
        What is under-specified or questionable, why it matters, what was done.
    date : date, optional
        When a rule was changed after it had been committed.
    tested : str or None
        Id of the result that tests the choice, or a few words; None where it was not tested.
    """

    point: str
    what: str
    why: str
    choice: str
    tested: str | None = None
    date: datetime.date | None = None


class ChapterClaims(Strict):
    """The claims file of one chapter.

    ``matters`` names the smallest differences that would matter, for the conditions that judge by an
    interval. ``gains`` are the chapter's lines in the book's common figure: the paper's network against the
    strongest simple model, each an estimate with a label. ``simulated`` names data sets that the chapter
    simulates by design, because their targets are in no public file of the panel. Other simulated data are
    a stand-in, and no run of record may hold them.
    """

    chapter: str
    paper: Paper
    matters: dict[str, Matter] = Field(default_factory=dict)
    claims: list[Claim] = Field(min_length=1)
    gains: list[Condition] = Field(default_factory=list)
    deviations: list[Deviation] = Field(default_factory=list)
    simulated: list[str] = Field(default_factory=list)

    @model_validator(mode="before")
    @classmethod
    def _hand_down(cls, content: Any) -> Any:
        if isinstance(content, dict) and isinstance(content.get("claims"), list):
            common = {"chapter": content.get("chapter"), "matters": content.get("matters", {})}
            claims = [
                {**common, **claim} if isinstance(claim, dict) else claim for claim in content["claims"]
            ]
            return {**content, "claims": claims}
        return content

    @field_validator("gains", mode="before")
    @classmethod
    def _write_out_gains(cls, gains: object) -> object:
        return expand(gains)

    @model_validator(mode="after")
    def _gains_are_estimates(self) -> ChapterClaims:
        for gain in self.gains:
            if gain.kind != "estimate" or gain.label is None or not self._size(gain):
                msg = (
                    f"gains: {gain.result!r} needs above or below, a label, and matters from the head of the "
                    "file with a difference above 0: gains of all chapters are drawn in that unit"
                )
                raise ValueError(msg)
        return self

    def _size(self, gain: Condition) -> float:
        matter = self.matters.get(gain.matters or "")
        return 0.0 if matter is None else matter.difference

    @model_validator(mode="after")
    def _unique_ids(self) -> ChapterClaims:
        _no_duplicates(claim.id for claim in self.claims)
        return self


def load_claims(
    chapter: str, folder: str | Path | None = None, *, published: Collection[str] | None = None
) -> ChapterClaims:
    """Read the claims of one chapter.

    Parameters
    ----------
    chapter : str
        E.g. ``"01_refdnn_reproduction"``.
    folder : str or Path, optional
        Default: ``data`` of the project.
    published : collection of str, optional
        Known published ids; default: those of ``data/*/published.json``.

    Raises
    ------
    ClaimError
        If no file holds its claims, a file is malformed, has unknown or repeated keys or ids, or names
        a published number that does not exist.
    """
    register = load_register(folder, published=published)
    if chapter not in register:
        msg = f"no claims of chapter {chapter!r} in {_place(folder)}; there are {sorted(register)}"
        raise ClaimError(msg)
    return register[chapter]


def load_register(
    folder: str | Path | None = None, *, published: Collection[str] | None = None
) -> dict[str, ChapterClaims]:
    """Read the claims of all chapters, sorted by chapter.

    Parameters and errors as for :func:`load_claims`; ids are unique over all files.
    """
    folder = _place(folder)
    if not folder.is_dir():
        msg = f"no claim register: {folder} is not a folder"
        raise ClaimError(msg)
    known = load_published(folder) if published is None else published
    register: dict[str, ChapterClaims] = {}
    for path in sorted(folder.glob("*/claims*.yml")):
        found = _read(path, known)
        if found.chapter in register:
            msg = f"{path}: the claims of {found.chapter} stand in another file too"
            raise ClaimError(msg)
        register[found.chapter] = found
    try:
        _no_duplicates(claim.id for chapter in register.values() for claim in chapter.claims)
    except ValueError as error:
        msg = f"{folder}: {error}"
        raise ClaimError(msg) from error
    return dict(sorted(register.items()))


def _place(folder: str | Path | None) -> Path:
    return Path(folder) if folder is not None else project_root() / "data"


def _read(path: Path, published: Collection[str]) -> ChapterClaims:
    try:
        content = read_yaml(path)
    except ValueError as error:
        msg = f"{path} is not valid YAML: {error}"
        raise ClaimError(msg) from error
    try:
        chapter = ChapterClaims.model_validate(content)
    except ValidationError as error:
        listed = problems(error, separator="\n  ")
        msg = f"{path} is not a valid claims file:\n  {listed}"
        raise ClaimError(msg) from error
    if any(claim.chapter != chapter.chapter for claim in chapter.claims):
        msg = f"{path} says chapter: {chapter.chapter!r}; a claim names another one"
        raise ClaimError(msg)
    for claim in chapter.claims:
        missing = [name for name in claim.published_ids if name not in published]
        if missing:
            msg = f"{path}: claim {claim.id!r} rests on published id(s) that no published.json has: {missing}"
            raise ClaimError(msg)
    return chapter


def _no_duplicates(ids: Any) -> None:
    seen: set[str] = set()
    for name in ids:
        if name in seen:
            msg = f"claim id {name!r} occurs twice; ids are unique over all chapters"
            raise ValueError(msg)
        seen.add(name)


def stand_ins(register: Mapping[str, ChapterClaims], tiers: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Name the chapters in which simulated data stand in for real ones.

    Parameters
    ----------
    register : mapping of chapter to ChapterClaims
        Says what a chapter simulates by design, which is no stand-in.
    tiers : mapping of chapter to (mapping of data set to tier)
    """
    found = []
    for chapter, own in tiers.items():
        by_design = register[chapter].simulated if chapter in register else ()
        if any(tier == "simulated" and name not in by_design for name, tier in own.items()):
            found.append(chapter)
    return sorted(found)
