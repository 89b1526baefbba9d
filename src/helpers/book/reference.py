"""The API reference: a page for each package, a section for each of its modules."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections import defaultdict

import helpers

#: Told apart from the packages; holds the modules that stand alone.
_CORE = "core"
_OUTSIDE = ("cli",)  # `helpers COMMAND --help` explains the commands


def reference_pages() -> dict[str, str]:
    """Return the text of every page by its name, for example ``claims`` or ``data.readers``.

    A page for each of the 280 modules would double the time of a build; one page for all was 2.4 MB.
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
        first = (inspect.getdoc(importlib.import_module(package)) or "").partition("\n")[0]
        lines.append(f"[`{package}`](api/{name}.md)\n: {first}\n")
    return "\n".join(lines)


def _packages() -> dict[str, list[str]]:
    """Return the modules of each package, the package itself first."""
    found = defaultdict(list, {_CORE: [helpers.__name__]})
    prefix = f"{helpers.__name__}."
    for module in sorted(pkgutil.walk_packages(helpers.__path__, prefix), key=lambda found: found.name):
        parts = module.name.split(".")[1:]
        if parts[0] in _OUTSIDE or any(part.startswith("_") for part in parts):
            continue
        package = parts if module.ispkg else parts[:-1]
        found[".".join(package) or _CORE].append(module.name)
    return dict(found)
