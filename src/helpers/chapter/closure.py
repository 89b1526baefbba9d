"""Which modules of the package a notebook uses, found without importing anything."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path


def used_modules(source: Path, package: Path) -> set[Path]:
    """Return the files of the package that a script imports, directly or through others.

    A package's ``__init__`` that only hands on names is looked through: ``from helpers.data import
    load_response`` means the module that defines ``load_response``, not all modules beside it. So a
    new module changes nothing for the notebooks that do not use it.

    Parameters
    ----------
    source : Path
        Python script, e.g. a notebook's percent script.
    package : Path
        Folder of the package; its name is the package's name.

    Returns
    -------
    set of Path
        Every file of the package if the script is no valid Python.
    """
    try:
        open_ = list(_imports(source, package))
    except SyntaxError:
        return set(package.rglob("*.py"))
    found: set[Path] = set()
    seen = set(open_)
    while open_:
        for path in _resolve(*open_.pop(), package):
            found.add(path)
            new = set(_imports(path, package)) - seen
            seen |= new
            open_ += new
    return found


def _imports(path: Path, package: Path, wanted: str | None = None) -> Iterator[tuple[str, str | None]]:
    """Yield (module, name) of each import from the package; of ``wanted`` only, if given."""
    for module, name, known_as in _statements(path, path.stat().st_mtime_ns, package.name):
        if wanted is None or (name is not None and known_as == wanted):
            yield module, name


@cache
def _statements(path: Path, changed: int, root: str) -> tuple[tuple[str, str | None, str | None], ...]:
    """Return (module, name, name here) of a file's imports from ``root``; ``changed`` keys the cache."""
    found: list[tuple[str, str | None, str | None]] = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if (
            isinstance(node, ast.ImportFrom)
            and node.level == 0
            and node.module
            and _inside(node.module, root)
        ):
            found += [(node.module, alias.name, alias.asname or alias.name) for alias in node.names]
        elif isinstance(node, ast.Import):
            found += [(alias.name, None, None) for alias in node.names if _inside(alias.name, root)]
    return tuple(found)


def _resolve(module: str, name: str | None, package: Path) -> Iterator[Path]:
    """Yield the files that define what ``from module import name`` (or ``import module``) gives."""
    place = package.parent.joinpath(*module.split("."))
    if place.with_suffix(".py").is_file():
        yield place.with_suffix(".py")
    elif name is not None and (place / f"{name}.py").is_file():
        yield place / f"{name}.py"
    elif name is not None and (place / name).is_dir():
        yield from _resolve(f"{module}.{name}", None, package)
    elif (place / "__init__.py").is_file():
        init = place / "__init__.py"
        handed_on = list(_imports(init, package, name)) if name is not None else []
        if not handed_on:
            yield init
        for step in handed_on:
            yield from _resolve(*step, package)


def _inside(module: str | None, root: str) -> bool:
    return module is not None and (module == root or module.startswith(f"{root}."))
