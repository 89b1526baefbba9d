"""A rule that the linter enforces only where it can tell that something is a path."""

from __future__ import annotations

import ast
import re

TEXT_MODE = re.compile(r"[rwax][t+]*")


def names_no_encoding(call: ast.Call) -> bool:
    """Say whether a call reads or writes text in whatever encoding the machine prefers."""
    if not isinstance(call.func, ast.Attribute) or any(word.arg == "encoding" for word in call.keywords):
        return False
    owner, method = ast.unparse(call.func.value), call.func.attr
    if owner == "subprocess":
        return any(word.arg in ("text", "universal_newlines") for word in call.keywords)
    if method == "open":
        constants = [str(word.value) for word in call.args if isinstance(word, ast.Constant)]
        return not call.args or any(map(TEXT_MODE.fullmatch, constants))
    return method == "read_text" or (method == "write_text" and owner != "atomic")  # always UTF-8


def test_text_is_read_and_written_in_a_named_encoding(repository):
    found = []
    for folder in ("src", "tests", "benchmarks", "notebooks"):
        for path in sorted((repository / folder).rglob("*.py")):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
            found += [f"{path}:{call.lineno}" for call in calls if names_no_encoding(call)]
    assert found == []
