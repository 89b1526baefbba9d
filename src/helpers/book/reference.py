"""The API reference: a page for each package, a section for each of its modules."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

import helpers

#: Told apart from the packages; holds the modules that stand alone.
_CORE = "core"
_FOLDER = Path(helpers.__file__).parent
_OUTSIDE = ("cli",)  # `helpers COMMAND --help` explains the commands


def reference_pages() -> dict[str, str]:
    """Return the text of every page by its name, for example ``claims`` or ``data.readers``.

    A page for each module would double the time of a build; one page for all was 2.4 MB.
    """
    pages = {}
    for name, modules in sorted(_packages().items()):
        package = helpers.__name__ if name == _CORE else f"{helpers.__name__}.{name}"
        parts = [f"# `{package}`\n"]
        for module in modules:
            # A package repeats names of its modules, which would be documented twice.
            members = "" if module == package else "\n   :members:"
            heading = "" if module == package else f"## `{module}`\n\n"
            parts.append(f"{heading}```{{eval-rst}}\n.. automodule:: {module}{members}\n```\n")
        pages[name] = "\n".join(parts)
    return pages


def reference_list() -> str:
    """Return the list of the packages, each with the first line of its docstring and a link to its page."""
    lines = []
    for name in sorted(_packages()):
        package = helpers.__name__ if name == _CORE else f"{helpers.__name__}.{name}"
        source = _FOLDER.joinpath(*package.split(".")[1:], "__init__.py").read_text(encoding="utf-8")
        first = (ast.get_docstring(ast.parse(source)) or "").partition("\n")[0]
        lines.append(f"[`{package}`](api/{name}.md)\n: {first}\n")
    return "\n".join(lines)


def _packages() -> dict[str, list[str]]:
    """Return the modules of each package, the package itself first; nothing is imported: that takes long."""
    found = defaultdict(list, {_CORE: [helpers.__name__]})
    files = [path.relative_to(_FOLDER).with_suffix("") for path in _FOLDER.rglob("*.py")]
    modules = [path.parts[:-1] if path.name == "__init__" else path.parts for path in files]
    packages = {path.parts[:-1] for path in files if path.name == "__init__"}
    for module in sorted(modules):
        if not module or module[0] in _OUTSIDE or any(part.startswith("_") for part in module):
            continue
        package = module if module in packages else module[:-1]
        found[".".join(package) or _CORE].append(".".join([helpers.__name__, *module]))
    return dict(found)
