"""The conditions of a rule: what a result is held against."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from helpers.claims.each import expand

Kind = Literal["estimate", "equivalence", "test", "point"]


class Strict(BaseModel):
    """A record of a file: unknown keys are refused, nothing changes afterwards."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Condition(Strict):
    """What one result must show.

    There are four kinds (:attr:`kind`), told apart by their keys:

    estimate
        ``above`` (or ``below``) a bound, with ``matters``: judged by the 95 % interval of the result.
    equivalence
        ``near`` a bound, with ``matters``: for claims that two things do not differ.
    test
        ``p_below`` a level with a ``sign``: the test that a paper used.
    point
        ``above`` (or ``below``) a bound without ``matters``: judged by the value alone, where there is no
        interval to judge by.

    Attributes
    ----------
    result : str
        Id of the result.
    above, below, near, p_below : float
        Exactly one of them.
    matters : str, optional
        Name of the smallest difference that would matter, from the head of the claims file.
    sign : {"positive", "negative"}
        Of a test: the sign of the value in the claim's favour; a two-sided p does not say who won.
    tolerance : float
        Of a point: added to the bound. ``above: 0, tolerance: 0.01`` asks for more than 0.01.
    point : str, optional
        Of a point: why there is no interval.
    published : list of two str, optional
        Ids of the published numbers whose difference the result repeats: the claim's own, then its rival's.
    where : str, optional
        The named part of the claim that the condition is about, e.g. a data set.
    label : str, optional
        What to call the result in a sentence; default made from its id.
    """

    result: str
    above: float | None = None
    below: float | None = None
    near: float | None = None
    p_below: float | None = Field(default=None, gt=0, lt=1)
    matters: str | None = None
    sign: Literal["positive", "negative"] | None = None
    tolerance: float = 0.0
    point: str | None = None
    published: tuple[str, str] | None = None
    where: str | None = None
    label: str | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> Condition:
        given = [name for name in ("above", "below", "near", "p_below") if getattr(self, name) is not None]
        problem = None
        if len(given) != 1:
            problem = f"needs exactly one of above, below, near, p_below; it has {given or 'none'}"
        elif (self.p_below is None) != (self.sign is None):
            problem = "needs p_below and sign together: a p-value alone does not say which side won"
        elif self.near is not None and self.matters is None:
            problem = "says near, so it needs matters: how near is near enough"
        elif self.kind != "point" and (self.tolerance or self.point):
            problem = "is judged by an interval or a test; tolerance and point are for bare values"
        if problem:
            msg = f"the condition on {self.result!r} {problem}"
            raise ValueError(msg)
        return self

    @property
    def kind(self) -> Kind:
        """How the condition is judged."""
        if self.p_below is not None:
            return "test"
        if self.near is not None:
            return "equivalence"
        return "point" if self.matters is None else "estimate"

    @property
    def bound(self) -> float:
        """The number that the result is held against; zero for a test."""
        return next((x for x in (self.above, self.below, self.near) if x is not None), 0.0)

    @property
    def direction(self) -> int:
        """The side of the bound in the claim's favour: +1 above, -1 below, 0 neither."""
        if self.kind == "equivalence":
            return 0
        return 1 if self.above is not None or self.sign == "positive" else -1


class PartRule(Strict):
    """The rule of one part of a verdict: conditions, or the reason why there are none.

    Attributes
    ----------
    rule : str
        The rule as a plain sentence.
    conditions : list of Condition
        In a file, a condition with ``each`` stands for several (:func:`helpers.claims.each.expand`).
    require : {"all", "any", "majority"}
        How many conditions must hold.
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


class VerdictRules(Strict):
    """The three parts of a verdict; each must be given."""

    repeated: PartRule
    sound: PartRule
    survives: PartRule

    @model_validator(mode="after")
    def _points_give_a_reason(self) -> VerdictRules:
        for part in ("sound", "survives"):
            for condition in getattr(self, part).conditions:
                if condition.kind == "point" and not condition.point:
                    msg = (
                        f"{part}: the condition on {condition.result!r} is judged without an interval; give "
                        "matters (the smallest difference that would matter), or point with the reason"
                    )
                    raise ValueError(msg)
        return self
