from __future__ import annotations

from pathlib import Path

import pytest

import helpers
from helpers.chapter.closure import used_modules
from helpers.chapter.provenance import computation_hash

FILES = {
    "__init__.py": "",
    "base.py": "X = 1\n",
    "models/__init__.py": "from toy.models.small import Small\nfrom toy.models.large import Large as Big\n",
    "models/small.py": "from toy.base import X\n",
    "models/large.py": "import numpy\nimport toy.other\n",
    "other.py": "def f():\n    from toy.late import y\n",
    "late.py": "",
    "own/__init__.py": "from toy.base import X\nvalue = 3\n",
    "never.py": "import toy.base\n",
}


@pytest.fixture
def toy(tmp_path):
    for name, text in FILES.items():
        path = tmp_path / "toy" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path / "toy"


def names(toy, script, text):
    path = script / "01_a.py"
    path.write_text(text, encoding="utf-8")
    return {found.relative_to(toy).as_posix() for found in used_modules(path, toy)}


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("import numpy as np\n", set()),
        ("from toy.models import Small\n", {"models/small.py", "base.py"}),
        ("from toy.models.small import Small\n", {"models/small.py", "base.py"}),
        ("from toy.models import small\n", {"models/small.py", "base.py"}),
        ("from toy.models import Big\n", {"models/large.py", "other.py", "late.py"}),
        ("if True:\n    import toy.other\n", {"other.py", "late.py"}),
        ("from toy.own import value\n", {"own/__init__.py", "base.py"}),
        (
            "import toy.models\n",
            {"models/__init__.py", "models/small.py", "models/large.py", "base.py", "other.py", "late.py"},
        ),
        ("this is no Python\n", set(FILES)),
    ],
)
def test_modules_that_a_script_uses(toy, tmp_path, script, expected):
    assert names(toy, tmp_path, script) == expected


def test_the_package_itself_is_found_as_python_finds_it(tmp_path):
    """Against the import system: what is loaded after the import is used, ``__init__`` files aside."""
    package = Path(helpers.__file__).parent
    script = tmp_path / "01_a.py"
    script.write_text("from helpers.claims.register import load_claims\n", encoding="utf-8")
    used = {path.relative_to(package).as_posix() for path in used_modules(script, package)}
    assert {"claims/register.py", "claims/published.py", "errors.py", "project.py"} <= used
    assert not any(name.startswith(("models", "chapter", "run")) for name in used)


def test_code_that_a_notebook_does_not_use_keeps_its_checkpoints(tmp_path):
    small, large = tmp_path / "01_a.py", tmp_path / "02_b.py"
    small.write_text("from helpers.evaluation.splits import leave_one_group_out\n", encoding="utf-8")
    large.write_text("from helpers.studies.refdnn.protocol import cross_validate\n", encoding="utf-8")
    again = tmp_path / "03_c.py"
    again.write_text("import numpy\nfrom helpers.evaluation import splits\n", encoding="utf-8")
    assert computation_hash(small) == computation_hash(again) != computation_hash(large)
