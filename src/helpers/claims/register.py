"""The claim register: what the papers claim and the rules that judge it.

One YAML file a chapter, ``data/<name>/claims*.yml``. Rules are data: they are committed before the
run that they judge, and the verdict is computed from them (:mod:`helpers.claims.verdict`).

Where the input of a run is not the paper's own (tier ``panel``), absolute values are shown next
to the published ones but must not be judged: a rule then uses direction and rank only, that is,
differences between models in the same folds and their intervals.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from helpers.claims.each import expand
from helpers.claims.published import load_published
from helpers.errors import ClaimError
from helpers.project import project_root
from helpers.strict_yaml import problems, read_yaml

PARTS = ("repeated", "sound", "survives")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Condition(_Strict):
    """One inequality that a result must satisfy.

    The threshold is ``above`` (or ``below``) plus ``tolerance``. So ``above: 0, tolerance: 0.01``
    asks for more than 0.01; ``below: 0, tolerance: -0.01`` for less than -0.01; and a bound that
    is met with slack has a tolerance of the other sign (``above: 0, tolerance: -0.01`` is "not
    worse by 0.01 or more"). The inequality is strict.

    Attributes
    ----------
    result : str
        Id of the result.
    field : {"value", "low", "high", "p"}
        Which number of the result.
    above, below : float
        Exactly one of them.
    tolerance : float
        Added to the bound; halved and doubled to see how firm the verdict is.
    sign : {"positive", "negative"}, optional
        Sign that the result's value must have as well: a two-sided p-value alone does not say which
        side won.
    label : str, optional
        What to call the result in a sentence; default made from its id.
    """

    result: str
    field: Literal["value", "low", "high", "p"] = "value"
    above: float | None = None
    below: float | None = None
    tolerance: float = 0.0
    sign: Literal["positive", "negative"] | None = None
    label: str | None = None

    @model_validator(mode="after")
    def _one_bound(self) -> Condition:
        if (self.above is None) == (self.below is None):
            given = "both" if self.above is not None else "neither"
            msg = f"a condition needs either above or below; {self.result!r} has {given}"
            raise ValueError(msg)
        return self

    def threshold(self, factor: float = 1.0) -> float:
        """Return the bound plus ``factor`` times the tolerance."""
        bound = self.above if self.above is not None else self.below
        assert bound is not None  # the validator has seen to it
        return bound + factor * self.tolerance

    def right_sign(self, value: float | None) -> bool:
        """Whether ``value`` has the sign that the condition asks for, if it asks for one."""
        if self.sign is None:
            return True
        return value is not None and (value > 0 if self.sign == "positive" else value < 0)

    def met(self, number: float, factor: float = 1.0) -> bool:
        """Whether ``number`` satisfies the condition."""
        limit = self.threshold(factor)
        return number > limit if self.above is not None else number < limit


class PartRule(_Strict):
    """The rule of one part of a verdict: conditions, or the reason why there are none.

    Attributes
    ----------
    rule : str
        The rule as a plain sentence.
    conditions : list of Condition
        In a file, a condition with ``each`` stands for several (:func:`helpers.claims.each.expand`).
    require : {"all", "any", "majority"}
        How many conditions must be met for *holds*; *fails* is always none.
    not_applicable : str, optional
        Why this part cannot be asked of this claim; then there are no conditions.
    """

    rule: str | None = None
    conditions: list[Condition] = Field(default_factory=list)
    require: Literal["all", "any", "majority"] = "all"
    not_applicable: str | None = None

    @field_validator("conditions", mode="before")
    @classmethod
    def _write_out(cls, conditions: object) -> object:
        return expand(conditions)

    @model_validator(mode="after")
    def _rule_or_reason(self) -> PartRule:
        if self.not_applicable is not None:
            if self.conditions:
                msg = "not_applicable excludes conditions: give the one or the other"
                raise ValueError(msg)
        elif not self.conditions or not self.rule:
            msg = "needs a rule (a sentence) and at least one condition, or not_applicable with the reason"
            raise ValueError(msg)
        return self


class VerdictRules(_Strict):
    """The three parts of a verdict; each must be given."""

    repeated: PartRule
    sound: PartRule
    survives: PartRule


class Claim(_Strict):
    """One claim of a paper and how it is judged.

    Attributes
    ----------
    id : str
        Unique over all chapters; letters, digits, hyphens (it is an anchor in the book).
    claim : str
        The claim in one sentence.
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
    verdicts : VerdictRules
    chapter : str
        Set from the file.
    """

    id: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9-]*$")
    claim: str = Field(min_length=1)
    quote: str | None = None
    source: str
    published: list[str] = Field(default_factory=list)
    compared: str
    datasets: list[str] = Field(min_length=1)
    needs: list[Literal["panel", "paper"]] = Field(default=["panel", "paper"], min_length=1)
    verdicts: VerdictRules
    chapter: str


class Paper(_Strict):
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


class Deviation(_Strict):
    """One point where the re-execution departs from the paper, or has to guess.

    Attributes
    ----------
    point : str
        Number of the point in the protocol's list.
    what, why, choice : str
        What is under-specified or questionable, why it matters, what was done.
    tested : str or None
        Id of the result that tests the choice, or a few words; None where it was not tested.
    """

    point: str
    what: str
    why: str
    choice: str
    tested: str | None = None


class ChapterClaims(_Strict):
    """The claims file of one chapter.

    ``simulated`` names data sets that the chapter simulates by design, because their targets are in no
    public file of the panel. Other simulated data are a stand-in, and no run of record may hold them.
    """

    chapter: str
    paper: Paper
    claims: list[Claim] = Field(min_length=1)
    deviations: list[Deviation] = Field(default_factory=list)
    simulated: list[str] = Field(default_factory=list)

    @model_validator(mode="before")
    @classmethod
    def _hand_down_chapter(cls, content: Any) -> Any:
        if isinstance(content, dict) and isinstance(content.get("claims"), list):
            chapter = content.get("chapter")
            claims = [
                {**claim, "chapter": chapter} if isinstance(claim, dict) and "chapter" not in claim else claim
                for claim in content["claims"]
            ]
            return {**content, "claims": claims}
        return content

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
        missing = [name for name in claim.published if name not in published]
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
