"""The floor plan: who may import whom, how long a module may be, what is declared."""

from __future__ import annotations

import ast
import itertools
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import jupytext
import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "helpers"
MODULES = sorted(PACKAGE.rglob("*.py"))
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.py"))

ANYWHERE = {
    *("atomic", "bounds", "checks", "compiled", "errors", "memory", "packed", "project", "sealed"),
    "strict_yaml",
}
#: What a part of the package may import beside itself and ``ANYWHERE``. Studies take from claims the types of
#: results and of published numbers.
ARROWS = {
    "claims": set(),
    "evaluation": set(),
    "training": set(),
    "data": set(),
    "plots": set(),
    "display": {"claims"},
    "chapter": {"claims", "display", "data", "plots"},
    "run": {"chapter", "claims", "data"},
    "book": {"run", "display", "claims", "data"},
    "bench": {"data", "display", "evaluation", "plots"},
    "new": {"book", "run"},
    "cli": {"bench", "book", "run", "new", "display", "claims", "data"},
    "studies": {"chapter", "claims", "evaluation", "training", "data", "plots"},
}

#: Declared for another reason than an import.
NOT_IMPORTED = {
    "dask": "joblib's backend of that name, for --scheduler",
    "goatools": "its list of human genes is read as a file",
    "ipykernel": "the kernel that executes the notebooks",
    "ipywidgets": "draws progress bars in a notebook",
    "jupyter-book": "run as a command",
    "jupyterlab": "run as a command",
    "mypy": "a command",
    "openpyxl": "pandas reads xlsx with it",
    "pre-commit": "a command",
    "playwright": "drives a browser in tests, where there is one",
    "pytest-timeout": "a plugin",
    "pytest-xdist": "a plugin",
    "ruff": "a command",
    "sphinx-notfound-page": "an extension that _config.yml names",
    "sphinxext-opengraph": "an extension that _config.yml names",
    "tensorflow": "the backend of Keras",
    "tensorflow-cpu": "the backend of Keras",
    "uv": "a command",
    "zizmor": "a command",
}


def imports(path: Path) -> set[str]:
    """Full names of all that a file imports, those inside functions included."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def parts(name: str) -> list[str]:
    return name.split(".")[1:]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_arrows(path):
    own = path.relative_to(PACKAGE).with_suffix("").parts
    used = [parts(name) for name in imports(path) if name.startswith("helpers.")]
    if len(own) == 1:  # a module that stands alone
        assert {name[0] for name in used} <= ANYWHERE
        return
    strangers = {name[0] for name in used} - ANYWHERE - ARROWS[own[0]] - {own[0], "__version__"}
    assert not strangers, f"helpers.{own[0]} may not import {sorted(strangers)}"
    if own[0] == "studies":
        others = {name[1] for name in used if name[0] == "studies"} - {own[1]}
        assert not others, f"the study {own[1]} imports {sorted(others)}"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_execute_nothing_of_the_command(path):
    used = {parts(name)[0] for name in imports(path) if name.startswith("helpers.")}
    assert not used & {"run", "book", "cli"}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_cells_of_a_notebook_are_short(path):
    """At most 15 lines of code; blank lines, comments and the list of parameters do not count.

    The names of one import, which the formatter puts on a line each, count as one line.
    """
    long = []
    for cell in jupytext.read(path, fmt="py:percent").cells:
        source = re.sub(r"^from (\S+) import \([^)]*\)", r"from \1 import names", cell.source, flags=re.M)
        lines = [line for line in source.splitlines() if line.strip() and line.strip()[0] != "#"]
        is_code = cell.cell_type == "code" and "parameters" not in cell.metadata.get("tags", [])
        if is_code and len(lines) > 15:
            long.append((len(lines), lines[0]))
    assert not long


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_module_is_long(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400


def declared() -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = itertools.chain(project["dependencies"], *project["optional-dependencies"].values())
    return {_normal(re.match(r"[\w.-]+", line)[0]) for line in lines}


def _normal(name: str) -> str:
    return name.lower().replace("_", "-")


def imported() -> dict[str, set[str]]:
    """Every third-party distribution that a file of ours imports, with the files."""
    by_module = packages_distributions()
    ours = {"helpers", "benchmarks", "core", "studies", "conftest"}
    ours |= {path.stem for folder in ("tests", "benchmarks") for path in (ROOT / folder).glob("*.py")}
    found: dict[str, set[str]] = {}
    for folder in ("src", "benchmarks", "notebooks", "tests"):
        for path in (ROOT / folder).rglob("*.py"):
            for module in {name.partition(".")[0] for name in imports(path)}:
                if module not in ours and module not in sys.stdlib_module_names:
                    names = {_normal(name) for name in by_module.get(module, [module])}
                    found.setdefault("|".join(sorted(names)), set()).add(str(path.relative_to(ROOT)))
    return found


def test_what_is_imported_is_declared():
    undeclared = {names: sorted(files)[:3] for names, files in imported().items()
                  if not set(names.split("|")) & declared()}  # fmt: skip
    assert not undeclared


def test_what_is_declared_is_imported():
    used = {name for names in imported() for name in names.split("|")}
    assert declared() - used - NOT_IMPORTED.keys() == set()
    assert NOT_IMPORTED.keys() - declared() == set()
    assert NOT_IMPORTED.keys() & used <= {"tensorflow", "tensorflow-cpu"}
