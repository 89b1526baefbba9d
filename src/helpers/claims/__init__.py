"""Claims of the papers, the rules that judge them, and the results that they are judged by."""

from helpers.claims.conditions import Condition
from helpers.claims.published import Published, load_published
from helpers.claims.register import ChapterClaims, Claim, Deviation, load_claims, load_register
from helpers.claims.results import ChapterResults, Result, load_results, read_results
from helpers.claims.verdict import OUTCOMES, ClaimVerdict, Verdict, judge, judge_run

__all__ = [
    "OUTCOMES",
    "ChapterClaims",
    "ChapterResults",
    "Claim",
    "ClaimVerdict",
    "Condition",
    "Deviation",
    "Published",
    "Result",
    "Verdict",
    "judge",
    "judge_run",
    "load_claims",
    "load_published",
    "load_register",
    "load_results",
    "read_results",
]
