"""Gains of the papers' networks over the strongest simple model, in one unit for all chapters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from helpers.claims.check import Check, check
from helpers.claims.published import Published
from helpers.claims.register import ChapterClaims
from helpers.claims.results import ChapterResults


@dataclass(frozen=True)
class Gain:
    """One comparison of a paper's network with the strongest simple model.

    Attributes
    ----------
    chapter : str
    check : Check
        With a result that has an interval.
    """

    chapter: str
    check: Check

    @property
    def scaled(self) -> tuple[float, float, float]:
        """Value and limits in units of what would matter; positive where the network is better."""
        result, condition = self.check.result, self.check.condition
        assert result is not None and None not in (result.value, result.low, result.high)
        numbers = [
            condition.direction * (float(x) - condition.bound) / self.check.margin
            for x in (result.value, result.low, result.high)
            if x is not None
        ]
        return numbers[0], min(numbers[1:]), max(numbers[1:])

    @property
    def visible(self) -> float:
        """Smallest visible difference in units of what would matter."""
        assert self.check.visible is not None
        return self.check.visible / self.check.margin


def judge_gains(
    register: Mapping[str, ChapterClaims],
    results: Mapping[str, ChapterResults],
    published: Mapping[str, Published],
) -> list[Gain]:
    """Hold every chapter's gains against its results.

    Gains without a result, without an interval, or on simulated data are left out.
    """
    gains = []
    for name, chapter in register.items():
        run = results.get(name)
        for condition in chapter.gains if run else ():
            assert run is not None and condition.matters is not None
            margin = chapter.matters[condition.matters].difference
            one = check(condition, run.results.get(condition.result), margin, published)
            if one.outcome is not None and one.result is not None and one.result.tier != "simulated":
                gains.append(Gain(name, one))
    return gains
