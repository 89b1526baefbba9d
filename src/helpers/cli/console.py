"""Where the commands write, and how they name files."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

output = Console()
errors = Console(stderr=True)


def short(path: Path) -> str:
    """Return a path relative to the working directory when it lies below it."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
