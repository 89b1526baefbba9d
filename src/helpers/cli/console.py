"""Where the commands write, and how they name files."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

output = Console()
errors = Console(stderr=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]


def print_json(content: Any) -> None:
    """Print a value as JSON, without colours or line breaks of the terminal."""
    output.out(json.dumps(content, indent=1, ensure_ascii=False, default=str), highlight=False)


def show_what_can_be_shown() -> None:
    """Print a question mark for a sign that the terminal's encoding lacks, where Python would fail."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def short(path: Path) -> str:
    """Return a path relative to the working directory when it lies below it."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
