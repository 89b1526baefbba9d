"""What every study promises, asked of each folder of helpers/studies; a new one is found by itself."""

from __future__ import annotations

import ast
import importlib
import re
from pathlib import Path

import numpy as np
import pytest

from helpers.claims.register import PARTS, load_register
from helpers.claims.results import load_results
from helpers.errors import DataError
from helpers.evaluation.protocol import Fold, Model, each_fold, run
from helpers.run.notebooks import find_chapters

# The file comes last: by then another one has made the smoke run that it looks at.
pytestmark = [pytest.mark.waits, pytest.mark.timeout(1800)]

REPOSITORY = Path(__file__).parents[2]
PACKAGE = REPOSITORY / "src" / "helpers" / "studies"
STUDIES = sorted(path.parent.name for path in PACKAGE.glob("*/__init__.py"))
REGISTER = load_register(REPOSITORY / "data")
# Claims name them as the paper does; no twin has drugs of these names.
NOT_SIMULATED = {"Nilotinib", "KIN001-270"}


def imported_modules(path: Path) -> set[str]:
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    named = {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module}
    return named | {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}


def chapters_of(study: str) -> list[str]:
    """Return the chapters whose notebook imports the study's package."""
    inside = re.compile(rf"helpers\.studies\.{study}(\..*)?")
    scripts = [REPOSITORY / "notebooks" / f"{chapter}.py" for chapter in find_chapters(REPOSITORY)]
    return [path.stem for path in scripts if any(map(inside.fullmatch, imported_modules(path)))]


def naive_baselines(study: str) -> tuple[str, ...]:
    return importlib.import_module(f"helpers.studies.{study}").NAIVE_BASELINES


def claimed_results(chapter: str) -> set[str]:
    """Return the ids of the results that the chapter's claims are judged by."""
    rules = [getattr(claim.verdicts, part) for claim in REGISTER[chapter].claims for part in PARTS]
    return {condition.result for rule in rules for condition in rule.conditions}


@pytest.mark.parametrize("study", STUDIES)
def test_it_has_one_name_in_four_places(study):
    assert chapters_of(study)
    assert list((REPOSITORY / "tests" / "studies" / study).glob("test_*.py"))
    claims = [path.read_text(encoding="utf-8") for path in (REPOSITORY / "data" / study).glob("claims*.yml")]
    claimed = re.findall(r"^chapter: (\w+)$", "\n".join(claims), flags=re.MULTILINE)
    assert sorted(claimed) == chapters_of(study)
    assert list((REPOSITORY / "data" / study / "cards").glob("*.md"))


@pytest.mark.parametrize("study", STUDIES)
def test_every_claim_names_what_it_is_judged_by(study):
    # Loading has checked that the published numbers exist.
    for chapter in chapters_of(study):
        assert REGISTER[chapter].claims
        for claim in REGISTER[chapter].claims:
            assert any(getattr(claim.verdicts, part).conditions for part in PARTS), claim.id


# scDEAL adapts to the unlabelled cells that it is scored on, which no fold allows.
WITHOUT_FOLDS = {"scdeal"}


@pytest.mark.parametrize("study", sorted(set(STUDIES) - WITHOUT_FOLDS))
def test_its_folds_go_through_the_engine(study):
    used = set().union(*map(imported_modules, (PACKAGE / study).rglob("*.py")))
    assert {"helpers.evaluation.protocol", "helpers.evaluation.nested"} & used


@pytest.mark.parametrize("shared", ["test", "validation"])
def test_the_engine_refuses_rows_on_two_sides(shared):
    rows = {"train": np.arange(6), "test": np.arange(6, 8), "validation": np.arange(8, 10)}
    model = Model("mean", each_fold(lambda data, fold: np.zeros(len(fold.test))))
    rows[shared] = np.append(rows[shared], 5)
    with pytest.raises(DataError, match="on rows that it trains on"):
        run(None, [Fold("0", **rows)], [model], lambda data, fold, predicted: None)


@pytest.mark.parametrize("study", STUDIES)
def test_it_runs_on_its_twin(smoke, study):
    for chapter in chapters_of(study):
        entry = smoke.record.notebooks[chapter]
        assert (entry.status, entry.error) == ("done", None)
        results = load_results(smoke.folder)[chapter]
        assert set(results.tiers.values()) == {"simulated"}
        assert any(result.value is not None for result in results.results.values())


@pytest.mark.parametrize("study", STUDIES)
def test_its_claims_are_judged_by_results_that_it_records(smoke, study):
    for chapter in chapters_of(study):
        results = load_results(smoke.folder)[chapter]
        wanted = {name for name in claimed_results(chapter) if not NOT_SIMULATED & set(name.split("."))}
        assert wanted - set(results.results) == set()
        assert {name for claim in REGISTER[chapter].claims for name in claim.datasets} <= set(results.tiers)


@pytest.mark.parametrize("study", STUDIES)
def test_its_naive_baselines_are_among_the_models(smoke, study):
    assert len(naive_baselines(study)) >= 2
    for chapter in chapters_of(study):
        recorded = load_results(smoke.folder)[chapter].results
        models = {model for name in recorded for part in name.split(".") for model in part.split("-")}
        assert set(naive_baselines(study)) <= models
