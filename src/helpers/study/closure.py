"""Which modules of the package a notebook uses, found without importing anything."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path


def used_modules(source: Path, package: Path) -> set[Path]:
    """Return the files of the package that a script imports, directly or through others.

    A package's ``__init__`` that only hands on names is looked through: ``from helpers.datasets import
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
        tree = ast.parse(source.read_text(encoding="utf-8"))
    except SyntaxError:
        return set(package.rglob("*.py"))
    found: set[Path] = set()
    open_ = list(_imports(tree, package))
    seen = set(open_)
    while open_:
        for path in _resolve(*open_.pop(), package):
            found.add(path)
            new = set(_imports(_parse(path), package)) - seen
            seen |= new
            open_ += new
    return found


def _imports(tree: ast.Module, package: Path, wanted: str | None = None) -> Iterator[tuple[str, str | None]]:
    """Yield (module, name) of each import from the package; of ``wanted`` only, if given."""
    root = package.name
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level == 0 and _inside(node.module, root):
            for alias in node.names:
                if wanted is None or (alias.asname or alias.name) == wanted:
                    yield node.module, alias.name
        elif isinstance(node, ast.Import) and wanted is None:
            for alias in node.names:
                if _inside(alias.name, root):
                    yield alias.name, None


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
        handed_on = list(_imports(_parse(init), package, name)) if name is not None else []
        if not handed_on:
            yield init
        for step in handed_on:
            yield from _resolve(*step, package)


def _parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _inside(module: str | None, root: str) -> bool:
    return module is not None and (module == root or module.startswith(f"{root}."))
